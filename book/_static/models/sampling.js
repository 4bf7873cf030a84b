// From logits to one token, as companion.generation.sampling does it: temperature, top-k, top-p, and then min-p.
(() => {
  "use strict";

  // The places of an array's numbers, the highest first; of equal ones, the lower place first.
  const ranked = (p) => Array.from(p.keys()).sort((a, b) => p[b] - p[a] || a - b);

  // Probabilities that add up to 1, with 0 for everything that isn't in ``kept``.
  function only(kept, p) {
    const result = new Float64Array(p.length);
    const sum = kept.reduce((total, id) => total + p[id], 0);
    for (const id of kept) result[id] = p[id] / sum;
    return result;
  }

  function topP(p, share) {
    const order = ranked(p), kept = [];
    for (let n = 0, before = 0; n < order.length && (n === 0 || before < share - 1e-12); before += p[order[n++]])
      kept.push(order[n]);
    return only(kept, p);
  }

  function probabilities(logits, { temperature = 1, top_k, top_p = 1, min_p = 0 } = {}) {
    const highest = logits.reduce((a, b) => Math.max(a, b));
    let p = Float64Array.from(logits, (logit) => Math.exp((logit - highest) / temperature));
    p = only([...p.keys()], p);
    if (top_k < p.length) p = only(ranked(p).slice(0, top_k), p);
    if (top_p < 1) p = topP(p, top_p);
    if (min_p > 0) {
      const most = p.reduce((a, b) => Math.max(a, b));
      p = only([...p.keys()].filter((id) => p[id] >= min_p * most), p);
    }
    return p;
  }

  // The first place whose cumulative sum is above a random number.
  function draw(p, random) {
    const point = random() * p.reduce((a, b) => a + b);
    let sum = 0;
    for (let id = 0; id < p.length; id++) if ((sum += p[id]) > point) return id;
    return p.findLastIndex((value) => value > 0);
  }

  Object.assign(pageModels, { ranked, probabilities, draw });
})();
