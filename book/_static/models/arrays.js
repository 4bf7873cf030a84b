// What all networks here share: weights out of their file, and a few functions of arrays.
(() => {
  "use strict";
  const { models } = pageModels;

  // The number that 16 bits stand for: a sign, 5 bits of exponent, 10 of fraction (IEEE 754, binary16).
  const POWERS = Float64Array.from({ length: 32 }, (_, exponent) => 2 ** (Math.max(exponent, 1) - 25));
  function half(bits) {
    const exponent = (bits >> 10) & 31, size = ((exponent ? 1024 : 0) + (bits & 1023)) * POWERS[exponent];
    return bits & 0x8000 ? -size : size;
  }

  function bytes(base64) {
    const text = atob(base64), found = new Uint8Array(text.length);
    for (let n = 0; n < text.length; n++) found[n] = text.charCodeAt(n);
    return found;
  }

  // Numbers of a type of safetensors, as a Float32Array. ``buffer`` holds nothing else.
  const numbers = {
    F32: (buffer) => new Float32Array(buffer),
    F16: (buffer) => Float32Array.from(new Uint16Array(buffer), half),
    I8: (buffer) => Float32Array.from(new Int8Array(buffer)),
  };

  // The weights of a model by name, each as a Float32Array with its rows one after the other. They are unpacked once.
  // A matrix in 8 bits comes with a scale for each column, by which it is multiplied.
  function weights(name) {
    const model = models[name];
    if (!model.weights) {
      const packed = bytes(model.data), found = {};
      for (const [array, [type, start, end]] of Object.entries(model.arrays))
        found[array] = numbers[type](packed.slice(start, end).buffer);
      for (const [array, [type]] of Object.entries(model.arrays))
        if (type === "I8") {
          const scale = found[`${array}.scale`];
          found[array].forEach((value, n, all) => { all[n] = value * scale[n % scale.length]; });
          delete found[`${array}.scale`];
        }
      model.weights = found;
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
