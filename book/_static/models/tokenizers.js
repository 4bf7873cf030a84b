// Text to ids and back: the tokenizers of companion.tokenizers.
(() => {
  "use strict";
  const { models } = pageModels;

  const PLAIN = { "‘": "'", "’": "'", "“": '"', "”": '"', "–": "—", "…": "...", "\u00a0": " " };

  // A token for each character of a model's alphabet. ``unknown(text)`` lists the characters that the model never read,
  // each once. ``plain(text)`` has the marks of a typewriter where a phone's keyboard has put typographic ones that the
  // model never read.
  function characters(name) {
    const { tokens } = models[name], ids = new Map(tokens.map((token, id) => [token, id]));
    return {
      tokens,
      encode: (text) => Array.from(text, (character) => ids.get(character) ?? 0),
      unknown: (text) => [...new Set(text)].filter((character) => !ids.has(character)),
      plain: (text) => Array.from(text, (sign) => (ids.has(sign) ? sign : PLAIN[sign] ?? sign)).join(""),
    };
  }

  // What a reader has typed, as characters and ids, or ``problem``, a sentence about what is wrong with it.
  function typed(tokenizer, text, longest = Infinity) {
    const letters = Array.from(tokenizer.plain(text)).slice(0, longest), unknown = tokenizer.unknown(letters.join(""));
    if (unknown.length) return { problem: `Never read in training: ${unknown.join(" ")}. Please leave that out.` };
    if (!letters.length) return { problem: "Type something." };
    return { letters, ids: tokenizer.encode(letters.join("")) };
  }

  // How GPT-2 cuts a text into pieces: companion.tokenizers.split_pieces.
  const PIECE = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
  const splitPieces = (text) => text.match(PIECE) ?? [];

  // One printable character for each byte, as in GPT-2's files: visible ones stand for themselves, the others borrow
  // the code points from 256 on.
  const ALPHABET = (() => {
    const shown = (byte) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    let next = 256;
    return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(shown(byte) ? byte : next++));
  })();
  const BYTES = new Map(ALPHABET.map((character, byte) => [character, byte]));

  // A token of bytes for people to look at: its text, or, if that isn't whole characters, its bytes in hexadecimal.
  function readable(token) {
    const bytes = Uint8Array.from(token, (character) => BYTES.get(character));
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return Array.from(bytes, (byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join("");
    }
  }

  // Byte-pair encoding with a list of merges, "a b" each; ``tokenize(text, number)`` uses the first of them.
  function bytePairs(merges) {
    const ranks = new Map(merges.map((merge, rank) => [merge, rank]));
    function piece(text, number) {
      const parts = Array.from(new TextEncoder().encode(text), (byte) => ALPHABET[byte]);
      for (;;) {
        let best = number, at = -1;
        for (let n = 0; n + 1 < parts.length; n++) {
          const rank = ranks.get(`${parts[n]} ${parts[n + 1]}`) ?? Infinity;
          if (rank < best) [best, at] = [rank, n];
        }
        if (at < 0) return parts;
        parts.splice(at, 2, parts[at] + parts[at + 1]);
      }
    }
    return {
      size: merges.length,
      tokenize: (text, number = merges.length) =>
        splitPieces(text).flatMap((part) => piece(part, number).map(readable)),
    };
  }

  // How a token is shown where it has to be seen, and what it is called where it is said.
  const visible = (token) => ({ " ": "␣", "\n": "↵" })[token] ?? token;
  const called = (token) => ({ " ": "a space", "\n": "a line break" })[token] ?? token;

  Object.assign(pageModels, { characters, typed, splitPieces, bytePairs, visible, called });
})();
