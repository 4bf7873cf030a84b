// "Where it looks": the heads of the book's Transformer over the reader's own text. Each head shows the text once more,
// tinted by how much of its attention each letter gets when the chosen letter is read.
(() => {
  "use strict";
  const { models, make, slider, whenTyped, pause, characters, typed, transformer, visible } = pageModels;
  const NAME = "shakespeare-transformer";
  const percent = (share) => `${Math.round(100 * share)}%`;

  pageModels.widgets.heads = async (place, options) => {
    const tokenizer = characters(NAME), network = transformer(NAME);
    const { num_layers, num_heads, context } = models[NAME].sizes;
    let letters = [], looks = [], asked = 0; // looks[position][block][head][position]
    const plain = { autocomplete: "off", autocapitalize: "off", spellcheck: "false" };
    const input = make("input", { type: "text", maxlength: context, ...plain });
    const said = make("p", { role: "status", class: "said" });
    const heads = [];
    for (let block = 0; block < num_layers; block++)
      for (let head = 0; head < num_heads; head++) {
        const text = make("span", { class: "letters" }), most = make("span", { class: "most" });
        const which = make("span", { class: "which" }, `block ${block + 1}, head ${head + 1}`);
        const line = make("li", {}, which, text, most);
        heads.push({ block, head, text, most, line });
      }
    const pointer = slider("It reads letter", { min: 1, max: 1, step: 1, value: 1 }, told, point);
    place.append(
      make("label", { class: "wide" }, `Your text, up to ${context} characters`, input), said, pointer.element,
      make("ul", { class: "heads" }, ...heads.map(({ line }) => line)));

    function told(number) {
      return letters.length ? `${number}, “${visible(letters[number - 1])}”` : "";
    }
    function point(number) {
      const now = looks[number - 1];
      for (const { block, head, text, most } of heads) {
        const shares = now[block][head];
        [...text.children].forEach((span, n) => {
          span.style.setProperty("--share", n < shares.length ? shares[n] : 0);
          span.classList.toggle("later", n >= shares.length);
          span.classList.toggle("chosen", n === number - 1);
        });
        const top = shares.indexOf(shares.reduce((a, b) => Math.max(a, b))), back = number - 1 - top;
        most.textContent = `${percent(shares[top])} on “${visible(letters[top])}”, ` +
          (back ? `${back} back` : "itself");
      }
    }
    function choose(number) {
      pointer.input.value = number;
      pointer.show();
      point(number);
    }
    async function read() {
      const mine = ++asked, { letters: text, ids, problem } = typed(tokenizer, input.value, context);
      if (problem) {
        said.textContent = problem;
        return;
      }
      const state = network.start(), found = [];
      for (const id of ids) {
        network.step(id, state);
        found.push(state.looks);
        if (found.length % 8 === 0) await pause();
        if (mine !== asked) return;
      }
      [letters, looks] = [text, found];
      said.textContent = "";
      const signs = () => letters.map((letter, n) => make("span", { onclick: () => choose(n + 1) }, visible(letter)));
      for (const { text: line } of heads) line.replaceChildren(...signs());
      pointer.input.max = letters.length;
      choose(letters.length);
    }
    input.value = options.text ?? "To be, or not to be, that is the question.";
    whenTyped(input, read);
    await read();
  };
})();
