// "Write on": a reader's beginning, which the book's own network continues letter by letter.
(() => {
  "use strict";
  const { make, slider, inSlices, characters, typed, visible, called } = pageModels;
  const { lstm, generator, ranked, probabilities, draw } = pageModels;
  const SHOWN = 8; // candidates
  const AT_ONCE = 600; // letters, before it stops by itself
  const percent = (p) => (p > 0 && p < 0.01 ? "< 1%" : `${Math.round(100 * p)}%`);

  pageModels.widgets["write-on"] = async (place, options) => {
    const tokenizer = characters("shakespeare-chars"), network = lstm("shakespeare-chars");
    const first = { beginning: "\n", temperature: 0.8, seed: 1, ...options };
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    const settings = { temperature: first.temperature, top_k: network.vocabulary, top_p: 1, min_p: 0 };
    let state, logits, random, letters = 0, timer = null, reading = 0;

    // -- What is seen -------------------------------------------------------------------------------------------------

    const beginning = make("textarea", { rows: 3, spellcheck: "false", autocapitalize: "off" });
    const seed = make("input", { type: "number", min: 0, max: 2 ** 32 - 1, step: 1, value: first.seed });
    const given = make("span", { class: "given" }), written = make("span");
    const region = { class: "paper", tabindex: 0, role: "region", "aria-label": "The text" };
    const paper = make("div", region, given, written);
    const said = make("p", { role: "status", class: "said" });
    const write = make("button", { type: "button", class: "main", onclick: () => (timer ? pause() : play()) }, "Write");
    const one = make("button", { type: "button", onclick: () => { pause(); put(choose()); show(); } }, "One letter");
    const again = make("button", { type: "button", onclick: () => restart() }, "Start again");
    const other = make("button", { type: "button", onclick: another }, "Another seed");
    const candidates = Array.from({ length: SHOWN }, (_, n) => {
      const parts = { name: make("span", { class: "name" }), bar: make("span", { class: "bar" }), share: make("span") };
      const button = make("button", { type: "button", onclick: () => take(n) }, ...Object.values(parts));
      return { ...parts, button };
    });
    const all = (value, number) => (value >= number ? "all" : String(value));
    const sliders = [
      ["temperature", { min: 0.1, max: 2, step: 0.05 }, (value) => value.toFixed(2)],
      ["top_k", { min: 1, max: network.vocabulary, step: 1 }, (value) => all(value, network.vocabulary)],
      ["top_p", { min: 0.05, max: 1, step: 0.05 }, (value) => (value >= 1 ? "all" : value.toFixed(2))],
      ["min_p", { min: 0, max: 0.5, step: 0.01 }, (value) => (value ? value.toFixed(2) : "off")],
    ].map(([name, range, shown]) =>
      slider(name.replace("_", "-"), { ...range, value: settings[name] }, shown, (value) => {
        settings[name] = value;
        show();
      }).element);
    place.append(
      make("label", { class: "wide" }, "Your beginning", beginning),
      make("div", { class: "columns" },
        make("div", {},
          paper,
          make("p", { class: "buttons" }, write, one, again, other, make("label", { class: "seed" }, "Seed ", seed)),
          said),
        make("div", {},
          make("div", { class: "sliders", role: "group", "aria-label": "How a letter is chosen" }, ...sliders),
          make("p", { class: "head" }, "The next letter; click one to take it:"),
          make("div", { class: "candidates", role: "group", "aria-label": "Candidates for the next letter" },
            ...candidates.map(({ button }) => button)))));

    // -- What it does -------------------------------------------------------------------------------------------------

    const choose = () => draw(probabilities(logits, settings), random);

    function put(id, yours = false) {
      const last = written.lastChild, letter = tokenizer.tokens[id];
      if (last && last.dataset.yours === String(yours)) last.firstChild.appendData(letter);
      else written.append(make(yours ? "u" : "span", { "data-yours": String(yours) }, letter));
      logits = network.step(id, state);
      letters += 1;
    }

    // The bars: what a letter's probability is with these settings; hollow if they cut it off.
    function show() {
      if (!logits) return;
      const free = probabilities(logits, { temperature: settings.temperature }), p = probabilities(logits, settings);
      ranked(free).slice(0, SHOWN).forEach((id, n) => {
        const { button, name, bar, share } = candidates[n], letter = tokenizer.tokens[id];
        button.dataset.id = id;
        button.classList.toggle("cut", p[id] === 0);
        button.setAttribute("aria-label", `Take ${called(letter)}: ${p[id] ? percent(p[id]) : "cut off"}`);
        name.textContent = visible(letter);
        bar.style.setProperty("--share", p[id] || free[id]);
        share.textContent = p[id] ? percent(p[id]) : "cut off";
      });
    }

    function take(n) {
      pause();
      put(Number(candidates[n].button.dataset.id), true);
      show();
      const next = called(tokenizer.tokens[candidates[0].button.dataset.id]);
      said.textContent = `You took ${called(written.textContent.at(-1))}. Most probable now: ${next}, ` +
        `${candidates[0].share.textContent}.`;
    }

    function tick() {
      const end = letters + (calm.matches ? 40 : 1);
      while (letters < end) {
        put(choose());
        if (letters % AT_ONCE === 0) return pause(`${letters} letters. Write goes on.`);
      }
      paper.scrollTop = paper.scrollHeight;
      if (calm.matches || letters % 4 === 0) show();
      timer = setTimeout(tick, calm.matches ? 500 : 30);
    }
    function play() {
      if (!logits) return;
      write.textContent = "Pause";
      said.textContent = "";
      timer = setTimeout(tick);
    }
    function pause(told) {
      if (!timer) return;
      clearTimeout(timer);
      timer = null;
      write.textContent = "Write";
      said.textContent = told ?? `Paused after ${letters} letters.`;
      show();
    }

    // Read the beginning; what was written is lost. True unless the reader changed it meanwhile, or it can't be read.
    async function restart() {
      pause();
      const mine = ++reading, { letters: start, ids, problem } = typed(tokenizer, beginning.value || "\n");
      written.replaceChildren();
      given.textContent = problem ? beginning.value : start.join("");
      [logits, letters] = [null, 0];
      for (const control of [write, one, ...candidates.map(({ button }) => button)]) control.disabled = true;
      said.textContent = problem ?? "";
      if (problem) return false;
      const now = network.start();
      let found;
      const step = (n) => { found = network.step(ids[n], now); };
      if (!(await inSlices(ids.length, step, () => mine === reading))) return false;
      [state, logits, random] = [now, found, generator(Math.min(Math.max(Number(seed.value) || 0, 0), 2 ** 32 - 1))];
      for (const control of [write, one, ...candidates.map(({ button }) => button)]) control.disabled = false;
      show();
      return true;
    }
    async function another() {
      seed.value = Number(seed.value) + 1;
      if (await restart()) play();
    }

    beginning.value = first.beginning;
    beginning.addEventListener("input", restart);
    seed.addEventListener("change", restart);
    if (await restart()) play();
    return write;
  };
})();
