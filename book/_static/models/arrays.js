// What all networks here share: weights out of their file, and a few functions of arrays.
(() => {
  "use strict";
  const { models } = pageModels;

  // The number that 16 bits stand for: a sign, 5 bits of exponent, 10 of fraction (IEEE 754, binary16).
  function half(bits) {
    const exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : (fraction / 1024) * 2 ** -14;
    return bits & 0x8000 ? -size : size;
  }

  function bytes(base64) {
    const text = atob(base64), found = new Uint8Array(text.length);
    for (let n = 0; n < text.length; n++) found[n] = text.charCodeAt(n);
    return found;
  }

  // The weights of a model by name, each as a Float32Array with its rows one after the other. They are unpacked once.
  function weights(name) {
    const model = models[name];
    if (!model.weights) {
      const packed = new Uint16Array(bytes(model.data).buffer);
      const table = Float32Array.from({ length: 65536 }, (_, bits) => half(bits));
      const all = Float32Array.from(packed, (bits) => table[bits]);
      model.weights = {};
      let start = 0;
      for (const [array, shape] of Object.entries(model.arrays)) {
        const length = shape.reduce((product, size) => product * size, 1);
        model.weights[array] = all.subarray(start, (start += length));
      }
      delete model.data;
    }
    return model.weights;
  }

  // out += x W, for a vector x and a matrix W. Four rows at a time: each number of out is read and written less often.
  function addProduct(out, x, W) {
    const columns = out.length, rows = x.length;
    let row = 0;
    for (; row + 3 < rows; row += 4) {
      const a = x[row], b = x[row + 1], c = x[row + 2], d = x[row + 3];
      const p = row * columns, q = p + columns, r = q + columns, s = r + columns;
      for (let k = 0; k < columns; k++) out[k] += a * W[p + k] + b * W[q + k] + c * W[r + k] + d * W[s + k];
    }
    for (; row < rows; row++) {
      const a = x[row], p = row * columns;
      for (let k = 0; k < columns; k++) out[k] += a * W[p + k];
    }
    return out;
  }

  // x W + b.
  const affine = (x, W, b) => addProduct(Float64Array.from(b), x, W);

  const sigmoid = (a) => 1 / (1 + Math.exp(-a));

  // In place: numbers to probabilities that add up to 1.
  function softmax(scores) {
    let highest = -Infinity, sum = 0;
    for (const score of scores) if (score > highest) highest = score;
    for (let n = 0; n < scores.length; n++) sum += scores[n] = Math.exp(scores[n] - highest);
    for (let n = 0; n < scores.length; n++) scores[n] /= sum;
    return scores;
  }

  Object.assign(pageModels, { bytes, weights, addProduct, affine, sigmoid, softmax });
})();
