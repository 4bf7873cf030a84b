// "Cut your text": the three tokenizers of the chapter on the reader's own text, with as many merges as wanted.
(() => {
  "use strict";
  const { models, make, slider, splitPieces, bytePairs, visible } = pageModels;
  const LONGEST = 600; // characters
  const UNKNOWN = "<unk>";
  const dotted = (token) => Array.from(token, (sign) => (sign === " " ? "·" : visible(sign))).join("");

  pageModels.widgets.cut = async (place, options) => {
    const learnt = models.vocabularies; // characters, words, and the merges learnt from each text
    const known = { characters: new Set(learnt.characters), words: new Set(learnt.words) };
    const texts = Object.keys(learnt.merges), encoders = Object.values(learnt.merges).map(bytePairs);
    const input = make("textarea", { rows: 3, maxlength: LONGEST, spellcheck: "false" });
    const from = make("select", {}, ...texts.map((text, n) => make("option", { value: n }, text)));
    const most = () => encoders[from.value].size;
    // The slider is finer where a merge more makes a difference.
    const number = (value) => Math.round(most() * (value / 100) ** 2);
    const shown = (value) => number(value).toLocaleString("en");
    const merges = slider("merges", { min: 0, max: 100, step: 1, value: 100 }, shown, draw);
    const rows = ["characters", "words", "pieces"].map((name) => {
      const head = make("p", { class: "head" }), boxes = make("p", { class: "tokens" });
      return { name, head, boxes };
    });
    place.append(
      make("label", { class: "wide" }, "Your text, English or Chinese", input),
      make("p", { class: "buttons" }, make("label", {}, "pieces learnt from ", from)), merges.element,
      ...rows.flatMap(({ head, boxes }) => [head, boxes]));

    function tokens(name, text) {
      if (name === "pieces") return encoders[from.value].tokenize(text, number(Number(merges.input.value)));
      const parts = name === "words" ? splitPieces(text) : Array.from(text);
      return parts.map((part) => (known[name].has(part) ? part : UNKNOWN));
    }
    function draw() {
      const text = Array.from(input.value).slice(0, LONGEST).join("");
      for (const { name, head, boxes } of rows) {
        const found = tokens(name, text), unknown = found.filter((token) => token === UNKNOWN).length;
        head.textContent = `${found.length} ${name}${unknown ? `, ${unknown} of them unknown` : ""}`;
        boxes.replaceChildren(...found.flatMap((token, n) => [
          make("span", { class: token === UNKNOWN ? "unknown" : `token-${n % 4}` }, dotted(token)),
          make("wbr"),
        ]));
      }
    }
    input.value = options.text ?? "";
    input.addEventListener("input", draw);
    from.addEventListener("change", () => { merges.show(); draw(); });
    draw();
  };
})();
