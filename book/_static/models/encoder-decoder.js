// An encoder-decoder with multiplicative attention: companion.models.encoder_decoder with its weights, writing greedily
// from one source.
(() => {
  "use strict";
  const { models, weights, addProduct, affine, cell, softmax } = pageModels;
  const [PAD, UNKNOWN, BEGIN, END] = [0, 1, 2, 3];

  // A sequence through an LSTM: h after each place, and the last states.
  function read(inputs, w, part, units) {
    const h = new Float64Array(units), c = new Float64Array(units);
    const outputs = inputs.map((x) => {
      cell(addProduct(affine(x, w[`${part}/kernel`], w[`${part}/bias`]), h, w[`${part}/recurrent_kernel`]), h, c);
      return h.slice();
    });
    return { outputs, h, c };
  }
  const joined = (a, b) => Float64Array.from([...a, ...b]);

  function encoderDecoder(name) {
    const w = weights(name), { sizes, source, target } = models[name], { units, embedding_dim: width } = sizes;
    if (sizes.attention !== "multiplicative" || sizes.copy) throw new Error(`${name} is of another kind`);
    const row = (table, id) => Float64Array.from(w[`${table}/embeddings`].subarray(id * width, (id + 1) * width));
    const ids = new Map(source.map((token, id) => [token, id]));

    // ``step(id, state)`` gives the logits of the next token, and where the network looked: a weight for each place.
    function reader(sourceIds) {
      const inputs = sourceIds.map((id) => row("source_embedding", id));
      const there = read(inputs, w, "encoder/forward_lstm", units / 2);
      const back = read(inputs.toReversed(), w, "encoder/backward_lstm", units / 2);
      back.outputs.reverse();
      const memory = there.outputs.map((output, n) => joined(output, back.outputs[n]));
      return {
        start: () => ({ h: joined(there.h, back.h), c: joined(there.c, back.c) }),
        step(id, { h, c }) {
          const a = affine(row("target_embedding", id), w["decoder/kernel"], w["decoder/bias"]);
          cell(addProduct(a, h, w["decoder/recurrent_kernel"]), h, c);
          const query = addProduct(new Float64Array(units), h, w["attention/W"]);
          const looks = softmax(Float64Array.from(memory, (key) => key.reduce((sum, k, n) => sum + k * query[n], 0)));
          const context = new Float64Array(units);
          memory.forEach((key, place) => key.forEach((k, n) => { context[n] += looks[place] * k; }));
          const combined = affine(joined(h, context), w["combined/kernel"], w["combined/bias"]).map(Math.tanh);
          return { logits: affine(combined, w["logits/kernel"], w["logits/bias"]), looks };
        },
      };
    }

    // The tokens that the network writes, one at a time, each with where it looked; the last one is the end.
    function* written(sourceIds, most = 100) {
      const { start, step } = reader(sourceIds), state = start();
      for (let id = BEGIN, n = 0; id !== END && n < most; n++) {
        const { logits, looks } = step(id, state);
        for (const never of [PAD, UNKNOWN, BEGIN]) logits[never] = -Infinity;
        id = logits.indexOf(logits.reduce((a, b) => Math.max(a, b)));
        yield { id, token: id === END ? "end" : target[id], looks };
      }
    }

    const encode = (tokens) => tokens.map((token) => ids.get(token) ?? UNKNOWN);
    return { reader, written, encode, known: (token) => ids.has(token) };
  }

  // Words in lower case, digits one by one, other signs: companion.corpora.dates.english_tokens.
  const englishTokens = (text) => text.toLowerCase().match(/\p{Nd}|[\p{L}\p{Nl}\p{No}]+|[^\p{L}\p{N}_\s]|_/gu) ?? [];

  Object.assign(pageModels, { encoderDecoder, englishTokens });
})();
