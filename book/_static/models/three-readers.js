// "Your sentence, three readers": what each letter of the reader's text costs counts, an LSTM and a Transformer.
(() => {
  "use strict";
  const { make, slider, whenTyped, pause, characters, typed, visible } = pageModels;
  const { lstm, transformer, counts, probabilities } = pageModels;
  const LONGEST = 400; // characters
  const HEADING = "**MACBETH**  \n";
  const READERS = [
    ["Counts", "shakespeare-6gram", counts],
    ["LSTM", "shakespeare-chars", lstm],
    ["Transformer", "shakespeare-transformer", transformer],
  ];
  const HEADS = ["reader", "bits", "bits per character"];
  const STEPS = ["0", "1", "2", "3", "4", "5", "6+"];
  const bitsText = (bits) => `${bits.toFixed(1)} bits`;

  pageModels.widgets["three-readers"] = async (place, options) => {
    const tokenizer = characters("shakespeare-chars");
    let letters = [], asked = 0;
    const sentence = make("textarea", { rows: 3, maxlength: LONGEST, spellcheck: "false", autocapitalize: "off" });
    const said = make("p", { role: "status", class: "said" });
    const readers = READERS.map(([name, model, build]) => {
      const text = make("p", { class: "priced" }), total = make("td"), each = make("td");
      const row = make("tr", {}, make("th", { scope: "row" }, name), total, each);
      return { name, stepper: build(model), text, total, each, row, bits: [] };
    });
    const table = make("table", { class: "totals" },
      make("caption", {}, "What the whole text costs each reader"),
      make("thead", {}, make("tr", {}, ...HEADS.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, ...readers.map(({ row }) => row)));
    const pointer = slider("Letter", { min: 1, max: 1, step: 1, value: 1 }, told, point);
    const scale = make("p", { class: "scale", "aria-hidden": "true" },
      ...STEPS.map((name, step) => make("span", { class: `bits-${step}` }, name)), " bits");
    place.append(
      make("label", { class: "wide" }, "Your text", sentence), said,
      ...readers.map(({ name, text }) => make("div", { class: "reader" }, make("p", { class: "head" }, name), text)),
      scale, pointer.element, table);
    // What the chosen letter costs each reader, in words.
    function told(number) {
      const letter = letters[number - 1];
      if (letter === undefined || !readers.every(({ bits }) => number <= bits.length)) return "";
      const costs = readers.map(({ name, bits }) => `${name} ${bits[number - 1].toFixed(1)}`);
      return `${number}, “${visible(letter)}”: ${costs.join(", ")} bits`;
    }
    function point(number) {
      for (const { text } of readers)
        [...text.children].forEach((span, n) => span.classList.toggle("chosen", n === number - 1));
    }
    function tint({ text, bits }) {
      text.replaceChildren(...letters.map((letter, n) => make(
        "span",
        { class: `bits-${Math.min(Math.floor(bits[n]), 6)}`, onclick: () => choose(n + 1) },
        letter === "\n" ? "↵\n" : letter)));
    }
    function choose(number) {
      pointer.input.value = number;
      pointer.show();
      point(number);
    }

    // Each reader reads the heading of a speech first, so that it begins with something in mind.
    async function read() {
      const mine = ++asked, { letters: text, ids, problem } = typed(tokenizer, sentence.value, LONGEST);
      if (problem) {
        said.textContent = problem;
        return;
      }
      const before = tokenizer.encode(HEADING), found = [];
      for (const { stepper } of readers) {
        const state = stepper.start(), bits = [];
        let logits;
        for (const id of before) logits = stepper.step(id, state);
        for (const id of ids) {
          bits.push(-Math.log2(probabilities(logits)[id]));
          logits = stepper.step(id, state);
          if (bits.length % 4 === 0) await pause();
          if (mine !== asked) return;
        }
        found.push(bits);
      }
      letters = text;
      readers.forEach((reader, n) => {
        reader.bits = found[n];
        const sum = reader.bits.reduce((a, b) => a + b, 0);
        reader.total.textContent = sum.toFixed(1);
        reader.each.textContent = (sum / ids.length).toFixed(2);
        reader.sum = sum;
        tint(reader);
      });
      const best = readers.reduce((a, b) => (b.sum < a.sum ? b : a));
      for (const reader of readers) reader.row.classList.toggle("best", reader === best);
      const name = best.name === "Counts" ? "counts" : best.name;
      said.textContent = `The text is cheapest for the ${name}: ${bitsText(best.sum)}.`;
      pointer.input.max = ids.length;
      choose(Math.min(Number(pointer.input.value), ids.length));
    }

    sentence.value = options.sentence ?? "To be, or not to be.";
    whenTyped(sentence, read);
    await read();
  };
})();
