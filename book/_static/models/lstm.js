// An LSTM language model, one token at a time: companion.models.language_model with its weights.
(() => {
  "use strict";
  const { models, weights, addProduct, affine, sigmoid } = pageModels;

  // One step of a cell: its gates from their sums ``a``, in Keras's order i, f, g, o; h and c change in place.
  function cell(a, h, c) {
    const units = h.length;
    for (let n = 0; n < units; n++) {
      const i = sigmoid(a[n]), f = sigmoid(a[units + n]);
      const g = Math.tanh(a[2 * units + n]), o = sigmoid(a[3 * units + n]);
      c[n] = f * c[n] + i * g;
      h[n] = o * Math.tanh(c[n]);
    }
  }

  // ``step(id, state)`` reads one token, changes the state and gives the logits of the next. A state is the arrays h
  // and c of each layer.
  function lstm(name) {
    const w = weights(name), { units, num_layers: layers, vocab_size: vocabulary } = models[name].sizes;
    const width = w["embedding/embeddings"].length / vocabulary;
    // What the first layer adds for each token, x W_x + b, is computed once for the whole vocabulary.
    const table = Array.from({ length: vocabulary }, (_, id) =>
      affine(w["embedding/embeddings"].subarray(id * width, (id + 1) * width), w["lstm_1/kernel"], w["lstm_1/bias"]));
    const zeros = () => Array.from({ length: layers }, () => new Float64Array(units));

    return {
      vocabulary,
      start: () => ({ h: zeros(), c: zeros() }),
      copy: ({ h, c }) => ({ h: h.map((values) => values.slice()), c: c.map((values) => values.slice()) }),
      step(id, { h, c }) {
        for (let layer = 0; layer < layers; layer++) {
          const part = `lstm_${layer + 1}`;
          const a = layer ? affine(h[layer - 1], w[`${part}/kernel`], w[`${part}/bias`]) : table[id].slice();
          cell(addProduct(a, h[layer], w[`${part}/recurrent_kernel`]), h[layer], c[layer]);
        }
        return affine(h[layers - 1], w["logits/kernel"], w["logits/bias"]);
      },
    };
  }

  Object.assign(pageModels, { cell, lstm });
})();
