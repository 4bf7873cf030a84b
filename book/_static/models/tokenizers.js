// Text to ids and back: the tokenizers of companion.tokenizers.
(() => {
  "use strict";
  const { models } = pageModels;

  // A token for each character. ``unknown(text)`` lists the characters that the model never read, each once.
  function characters(name) {
    const { tokens } = models[name], ids = new Map(tokens.map((token, id) => [token, id]));
    return {
      tokens,
      encode: (text) => Array.from(text, (character) => ids.get(character) ?? 0),
      unknown: (text) => [...new Set(text)].filter((character) => !ids.has(character)),
    };
  }

  // How a token is shown where it has to be seen, and what it is called where it is said.
  const visible = (token) => ({ " ": "␣", "\n": "↵" })[token] ?? token;
  const called = (token) => ({ " ": "a space", "\n": "a line break" })[token] ?? token;

  Object.assign(pageModels, { characters, visible, called });
})();
