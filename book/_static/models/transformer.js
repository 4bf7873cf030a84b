// A Transformer language model, one token at a time: companion.models.transformer_model with its weights. The keys and
// values of the past are kept in a ring with a place for each position of the context; a key is turned by its position
// once, when it is stored.
(() => {
  "use strict";
  const { models, weights, addProduct, affine, softmax } = pageModels;
  const EPSILON = 1e-5; // as in companion.cells
  const BASE = 10000;

  // Mean 0 and variance 1, then the layer's own scale and shift.
  function norm(x, gamma, beta) {
    let mean = 0, variance = 0;
    for (const value of x) mean += value / x.length;
    for (const value of x) variance += (value - mean) ** 2 / x.length;
    const scale = 1 / Math.sqrt(variance + EPSILON);
    return x.map((value, n) => (value - mean) * scale * gamma[n] + beta[n]);
  }

  // Each head's numbers, turned by their position in pairs: number n of the first half with number n of the second.
  function turn(x, size, position) {
    for (let head = 0; head < x.length; head += size)
      for (let n = 0; n < size / 2; n++) {
        const angle = position * BASE ** ((-2 * n) / size), cos = Math.cos(angle), sin = Math.sin(angle);
        const first = x[head + n], second = x[head + n + size / 2];
        x[head + n] = first * cos - second * sin;
        x[head + n + size / 2] = first * sin + second * cos;
      }
    return x;
  }

  // ``step(id, state)`` reads one token, changes the state and gives the logits of the next. Afterwards state.looks has
  // the attention weights of each head of each block, over the positions that it sees, the oldest first.
  function transformer(name) {
    const { hidden_dim: width, num_layers, num_heads: heads, context, vocab_size } = models[name].sizes;
    const w = weights(name);
    const size = width / heads, blocks = Array.from({ length: num_layers }, (_, n) => `block_${n + 1}`);
    const ring = () => blocks.map(() => new Float64Array(context * width));
    const copied = (arrays) => arrays.map((array) => array.slice());

    function attention(block, x, keys, values, read, looks) {
      const part = `${block}/attention`, filled = Math.min(read + 1, context), place = (read % context) * width;
      const product = (W) => addProduct(new Float64Array(width), x, w[`${part}/${W}`]);
      const query = turn(product("W_q"), size, read), mixed = new Float64Array(width);
      keys.set(turn(product("W_k"), size, read), place);
      values.set(product("W_v"), place);
      for (let head = 0; head < heads; head++) {
        const scores = new Float64Array(filled), at = head * size;
        const row = (n) => ((read + 1 - filled + n) % context) * width + at; // the oldest position first
        for (let n = 0; n < filled; n++) {
          for (let k = 0, from = row(n); k < size; k++) scores[n] += query[at + k] * keys[from + k];
          scores[n] /= Math.sqrt(size);
        }
        softmax(scores);
        for (let n = 0; n < filled; n++)
          for (let k = 0, from = row(n); k < size; k++) mixed[at + k] += scores[n] * values[from + k];
        looks.push(scores);
      }
      return addProduct(new Float64Array(width), mixed, w[`${part}/W_o`]);
    }

    return {
      vocabulary: vocab_size,
      start: () => ({ keys: ring(), values: ring(), read: 0, looks: [] }),
      copy: ({ keys, values, read, looks }) => ({ keys: copied(keys), values: copied(values), read, looks }),
      step(id, state) {
        let x = Float64Array.from(w["embedding/embeddings"].subarray(id * width, (id + 1) * width));
        state.looks = blocks.map((block, n) => {
          const looks = [];
          const normed = norm(x, w[`${block}/norm_1/gamma`], w[`${block}/norm_1/beta`]);
          const mixed = attention(block, normed, state.keys[n], state.values[n], state.read, looks);
          x = x.map((value, k) => value + mixed[k]);
          const again = norm(x, w[`${block}/norm_2/gamma`], w[`${block}/norm_2/beta`]);
          const up = affine(again, w[`${block}/up/kernel`], w[`${block}/up/bias`]).map((value) => Math.max(value, 0));
          const down = affine(up, w[`${block}/down/kernel`], w[`${block}/down/bias`]);
          x = x.map((value, k) => value + down[k]);
          return looks;
        });
        state.read += 1;
        return affine(norm(x, w["norm/gamma"], w["norm/beta"]), w["logits/kernel"], w["logits/bias"]);
      },
    };
  }

  Object.assign(pageModels, { transformer });
})();
