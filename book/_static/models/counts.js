// An n-gram model: companion.ngrams.NGramModel from its counts. They are a trie, level by level: the n-grams of one
// order lie in the order of their contexts, so that those that share a context are neighbours, sorted by last token.
(() => {
  "use strict";
  const { models, bytes } = pageModels;
  const LARGE = 255; // in the place of a count that needs more than one byte

  function unpacked(level) {
    const tokens = bytes(level.tokens), counts = Uint32Array.from(bytes(level.counts));
    const large = new Uint32Array(bytes(level.large).buffer);
    for (let n = 0, next = 0; n < counts.length; n++) if (counts[n] === LARGE) counts[n] = large[next++];
    // Where the followers of each n-gram begin in the next level; those of number n end where those of n + 1 begin.
    const followers = bytes(level.followers), first = new Uint32Array(followers.length + 1);
    for (let n = 0; n < followers.length; n++) first[n + 1] = first[n] + followers[n];
    return { tokens, counts, first, discounts: level.discounts };
  }

  // ``step(id, state)`` reads one token and gives the logarithms of the next one's probabilities. A state is the
  // tokens that were read last.
  function counts(name) {
    const { sizes: { order, vocab_size: vocabulary }, levels: packed } = models[name];
    if (!models[name].unpacked) models[name].unpacked = packed.map(unpacked);
    const levels = models[name].unpacked;

    // The place of the follower ``token`` among those from start to stop; -1 if it was never seen.
    function place(tokens, start, stop, token) {
      while (start < stop) {
        const middle = (start + stop) >> 1;
        if (tokens[middle] < token) start = middle + 1;
        else stop = middle;
      }
      return start;
    }

    // Where the n-grams with this context are in their level, or null.
    function range(context) {
      let start = 0, stop = levels[0].tokens.length;
      for (let n = 0; n < context.length; n++) {
        const found = place(levels[n].tokens, start, stop, context[n]);
        if (found === stop || levels[n].tokens[found] !== context[n]) return null;
        [start, stop] = [levels[n].first[found], levels[n].first[found + 1]];
      }
      return [start, stop];
    }

    // Kneser-Ney smoothing, interpolated: from no context to the longest, each takes its discounts and gives what they
    // took away to the estimate before it.
    function distribution(context) {
      const p = new Float64Array(vocabulary).fill(1 / vocabulary);
      for (let length = 0; length <= Math.min(context.length, order - 1); length++) {
        const found = range(context.slice(context.length - length));
        if (!found) continue;
        const { tokens, counts, discounts } = levels[length];
        let total = 0, taken = 0;
        for (let n = found[0]; n < found[1]; n++) {
          total += counts[n];
          taken += discounts[Math.min(counts[n], 3)];
        }
        if (!total) continue;
        for (let id = 0; id < vocabulary; id++) p[id] *= taken / total;
        for (let n = found[0]; n < found[1]; n++)
          p[tokens[n]] += (counts[n] - discounts[Math.min(counts[n], 3)]) / total;
      }
      return p;
    }

    return {
      vocabulary,
      start: () => ({ context: [] }),
      copy: ({ context }) => ({ context: [...context] }),
      step(id, state) {
        const longer = [...state.context, id];
        state.context = longer.slice(Math.max(0, longer.length - order + 1));
        return distribution(state.context).map(Math.log);
      },
    };
  }

  Object.assign(pageModels, { counts });
})();
