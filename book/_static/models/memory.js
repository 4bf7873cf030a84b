// "The memory under the letters": what chosen cells of the book's network hold while it reads the reader's text. Which
// cells, by name, and what is usual for each cell, the chapter has written into the page.
(() => {
  "use strict";
  const { make, slider, whenTyped, pause, characters, typed, lstm, visible } = pageModels;
  const LONGEST = 400; // characters
  const signed = (value) => value.toFixed(2).replace("-", "−");

  pageModels.widgets.memory = async (place) => {
    const data = document.querySelector('[data-page-model="memory"]').textContent;
    const { cells, mean, spread, before, text: first } = JSON.parse(data);
    const tokenizer = characters("shakespeare-chars"), network = lstm("shakespeare-chars");
    let letters = [], held = [], asked = 0; // held: the memory of all cells after each letter
    const input = make("textarea", { rows: 4, maxlength: LONGEST, spellcheck: "false", autocapitalize: "off" });
    const said = make("p", { role: "status", class: "said" }), strip = make("div", { class: "strip" });
    const boxes = Object.entries(cells).map(([name, number]) =>
      ({ name, number, box: make("input", { type: "checkbox", checked: true, onchange: draw }) }));
    const other = make("input", { type: "number", min: 0, max: mean.length - 1, step: 1, oninput: draw });
    const pointer = slider("Letter", { min: 1, max: 1, step: 1, value: 1 }, told, point);
    const [low, high] = ["low", "high"].map((name) => make("span", { class: name }, name));
    const scale = make("p", { class: "scale", "aria-hidden": "true" }, low, " ", high);
    place.append(
      make("label", { class: "wide" }, "Your text", input), said,
      make("fieldset", {}, make("legend", {}, "Cells, from top to bottom"),
        ...boxes.map(({ name, number, box }) => make("label", {}, box, ` ${name} (cell ${number})`)),
        make("label", {}, "any other, by its number ", other)),
      strip, scale, pointer.element);

    function shown() {
      const chosen = boxes.filter(({ box }) => box.checked).map(({ name, number }) => ({ name, number }));
      const number = other.value === "" ? NaN : Number(other.value);
      return number in mean ? [...chosen, { name: `cell ${number}`, number }] : chosen;
    }
    function told(at) {
      if (!letters.length) return "";
      const values = shown().map(({ name, number }) => `${name} ${signed(held[at - 1][number])}`);
      return `${at}, “${visible(letters[at - 1])}”: ${values.join(", ")}`;
    }
    function point(at) {
      strip.querySelectorAll(".column").forEach((column, n) => column.classList.toggle("chosen", n === at - 1));
    }
    function choose(at) {
      pointer.input.value = at;
      pointer.show();
      point(at);
    }

    // A column for each letter: the letter, and below it a box for each cell, tinted by how far its memory is from its
    // mean, in twice its spread.
    function draw() {
      const rows = shown(), lines = [], word = () => lines.at(-1).appendChild(make("span", { class: "word" }));
      const line = () => lines.push(make("div", { class: "line" }));
      line();
      let last = word();
      letters.forEach((letter, n) => {
        const sign = make("b", {}, letter === " " ? "\u00a0" : visible(letter));
        const column = make("span", { class: "column", onclick: () => choose(n + 1) }, sign);
        for (const { number } of rows) {
          const value = Math.max(-1, Math.min(1, (held[n][number] - mean[number]) / (2 * spread[number])));
          const box = make("i", { class: value < 0 ? "low" : "high" });
          box.style.setProperty("--share", Math.abs(value));
          column.append(box);
        }
        last.append(column);
        if (letter === "\n") line();
        if (letter === " " || letter === "\n") last = word();
      });
      strip.replaceChildren(...lines);
      if (letters.length) choose(Math.min(Number(pointer.input.value), letters.length));
    }
    async function read() {
      const mine = ++asked, { letters: text, ids, problem } = typed(tokenizer, input.value, LONGEST);
      if (problem) {
        said.textContent = problem;
        return;
      }
      const state = network.start(), found = [], start = tokenizer.encode(before);
      for (const [n, id] of [...start, ...ids].entries()) {
        network.step(id, state);
        if (n >= start.length) found.push(Float32Array.from(state.c.at(-1)));
        if (n % 8 === 7) await pause();
        if (mine !== asked) return;
      }
      [letters, held] = [text, found];
      said.textContent = "";
      pointer.input.max = letters.length;
      draw();
    }
    input.value = first;
    whenTyped(input, read);
    await read();
  };
})();
