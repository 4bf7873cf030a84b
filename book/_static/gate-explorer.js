// The gate explorer of the chapter "gates". companion/chapters/gates.py writes the page and its data; this moves it.
// Pure functions first: `gateExplorer.step` and `gateExplorer.read` are what tests/test_chapter_gates.py holds against
// companion.cells. Then the part that shows numbers: it writes each into every element with its name in data-show.
const gateExplorer = (() => {
  "use strict";
  const GATES = ["i", "f", "g", "o"]; // their order in the fused arrays, as in companion.cells
  const sigmoid = (a) => 0.5 * (1 + Math.tanh(0.5 * a));
  const product = (vector, matrix, column) => vector.reduce((sum, v, row) => sum + v * matrix[row][column], 0);

  // One step of an LSTM. x, h, c: the input and the two states before, as arrays. W_x, W_h: arrays of rows. Each
  // number of the answer is an array with one value a unit: the gates i, f, g, o, what goes into each of them from x
  // and from h (from_x_i, ...), and on the way to the new states keep = f c, write = i g, c, tanh_c, h.
  function step({ x, h, c, W_x, W_h, b }) {
    const answer = {};
    GATES.forEach((gate, place) => {
      const column = (unit) => place * h.length + unit;
      const squash = gate === "g" ? Math.tanh : sigmoid;
      answer[`from_x_${gate}`] = h.map((_, unit) => product(x, W_x, column(unit)));
      answer[`from_h_${gate}`] = h.map((_, unit) => product(h, W_h, column(unit)));
      answer[`b_${gate}`] = h.map((_, unit) => b[column(unit)]);
      answer[gate] = h.map((_, unit) =>
        squash(answer[`from_x_${gate}`][unit] + answer[`from_h_${gate}`][unit] + b[column(unit)]));
    });
    answer.keep = c.map((before, unit) => answer.f[unit] * before);
    answer.write = c.map((_, unit) => answer.i[unit] * answer.g[unit]);
    answer.c = c.map((_, unit) => answer.keep[unit] + answer.write[unit]);
    answer.tanh_c = answer.c.map(Math.tanh);
    answer.h = c.map((_, unit) => answer.o[unit] * answer.tanh_c[unit]);
    return { ...answer, h_before: h, c_before: c };
  }

  // What a network makes of words: a step for each, with p, the probabilities of the next word. It begins as training
  // did with every sentence but the first: with a full stop behind it.
  function read(network, words) {
    const { embedding, W_x, W_h, b, W_y, b_y } = network;
    const steps = [];
    let h = W_h.map(() => 0), c = h;
    for (const word of [".", ...words]) {
      const now = step({ x: embedding[network.words.indexOf(word)], h, c, W_x, W_h, b });
      ({ h, c } = now);
      const logits = b_y.map((bias, k) => bias + product(h, W_y, k));
      const odds = logits.map((z) => Math.exp(z - Math.max(...logits)));
      const sum = odds.reduce((a, z) => a + z, 0);
      steps.push({ ...now, word, p: odds.map((z) => z / sum) });
    }
    return steps.slice(1);
  }

  const PRESETS = {
    keep: { b_f: 6, b_i: -6 }, // all of the old, nothing new
    write: { b_f: -6, b_i: 6 }, // nothing of the old, all of the new
    erase: { b_f: -6, b_i: -6 },
  };
  const written = (value, digits = 2) => {
    const text = value.toFixed(digits).replace("-", "−");
    return /[1-9]/.test(text) ? text : text.replace("−", "");
  };
  const percent = (p) => `${Math.round(100 * p)}%`;
  const make = (tag, attributes = {}, text = "") => {
    const element = Object.assign(document.createElement(tag), { textContent: text });
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };

  function start(root) {
    const find = (selector) => root.querySelector(selector);
    const { cell, first, network, sentences, unit: firstUnit } = JSON.parse(find('[type="application/json"]').textContent);
    const sliders = [...root.querySelectorAll("[data-set]")];
    const known = [...new Set(network.words.filter((word) => /^[a-z]+$/.test(word)))].sort();
    const set = { ...first }; // what the sliders say; h and c keep all their digits after "Next step"
    let unit = firstUnit, steps = [], words = [], at = -1, timer = null;

    // -- Numbers into the drawing and the formulas ------------------------------------------------------------------

    function show(numbers, told) {
      for (const element of root.querySelectorAll("[data-show]")) {
        const value = numbers[element.dataset.show];
        if (value === undefined) continue;
        const text = typeof value === "number" ? written(value, Number(element.dataset.digits ?? 2)) : value.text;
        element.textContent = "inside" in element.dataset && text.startsWith("−") ? `(${text})` : text;
        element.dataset.value = typeof value === "number" ? value : value.number;
      }
      for (const level of root.querySelectorAll("[data-level]")) {
        const { y, height } = level.previousElementSibling.attributes, value = numbers[level.dataset.level];
        const [top, full] = [Number(y.value), Number(height.value)];
        const signed = level.dataset.level === "g"; // the candidate grows up or down from the middle of its box
        const tall = signed ? (full / 2) * Math.abs(value) : full * value;
        level.setAttribute("height", tall);
        level.setAttribute("y", signed ? top + full / 2 - (value > 0 ? tall : 0) : top + full - tall);
      }
      for (const flow of root.querySelectorAll("[data-flow]")) // the more flows, the wider the line
        flow.style.strokeWidth = `${1 + 5 * Math.tanh(Math.abs(numbers[flow.dataset.flow]))}px`;
      find(".showing").textContent = told;
    }

    // Either the cell of the sliders is shown or the network, with its controls alone, so that nothing else looks live.
    function enter(mode) {
      root.className = `gate-explorer mode-${mode}`;
      for (const button of root.querySelectorAll("[data-mode]"))
        button.setAttribute("aria-pressed", button.dataset.mode === mode);
      find(".sliders").hidden = mode !== "cell";
      find(".reading").hidden = mode !== "network";
      if (mode === "cell") { pause(); showCell(); } else showReading();
    }

    function showCell() {
      const b = GATES.map((gate) => set[`b_${gate}`]);
      const now = step({ x: [set.x], h: [set.h], c: [set.c], ...cell, b });
      const numbers = { x: set.x };
      for (const [name, [value]] of Object.entries(now)) numbers[name] = value;
      GATES.forEach((gate, place) => {
        for (const [name, weights, value] of [["x", cell.W_x, set.x], ["h", cell.W_h, set.h]]) {
          const text = `${written(weights[0][place], 0)}·${value < 0 ? `(${written(value)})` : written(value)}`;
          numbers[`from_${name}_${gate}`] = { text, number: numbers[`from_${name}_${gate}`] };
        }
      });
      for (const name of Object.keys(set)) numbers[`set_${name}`] = set[name];
      show(numbers, "The numbers of a single cell.");
      return numbers;
    }

    function slide(changes) {
      pause();
      Object.assign(set, changes);
      for (const slider of sliders) slider.value = set[slider.dataset.set];
      showCell();
    }

    for (const slider of sliders)
      slider.addEventListener("input", () => {
        pause();
        set[slider.dataset.set] = Number(slider.value);
        showCell();
      });
    for (const button of root.querySelectorAll("[data-preset]"))
      button.addEventListener("click", () => slide(PRESETS[button.dataset.preset]));

    // -- The network reads ------------------------------------------------------------------------------------------

    const expected = Object.keys(network.groups).map((name) => bar(find(".bars"), name, `next: ${name}`));

    function bar(parent, name, label) {
      const row = make("div", { class: `bar bar-${name.split(" ")[0]}` });
      const meter = make("span", { role: "meter", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 1 });
      const fill = meter.appendChild(make("span")), number = make("span", { class: "value" });
      row.append(make("span", { class: "label" }, label), meter, number);
      parent.append(row);
      return (value) => {
        fill.style.width = `${100 * value}%`;
        meter.setAttribute("aria-valuenow", value);
        number.textContent = percent(value);
      };
    }

    // The strip: a row for each unit, a column for each word; what was not read yet is blank.
    function buildStrip() {
      const head = make("tr");
      head.append(make("th", { scope: "col" }, "unit"), ...words.map((word) => {
        const header = make("th", { scope: "col" });
        header.append(make("span", {}, word));
        return header;
      }));
      find(".strip thead").replaceChildren(head);
      find(".strip tbody").replaceChildren(...network.W_h.map((_, row) => {
        const line = make("tr"), header = make("th", { scope: "row" });
        const button = make("button", { type: "button", "aria-label": `Show unit ${row + 1}` }, String(row + 1));
        button.addEventListener("click", () => { unit = row; showReading(); });
        header.append(button);
        line.append(header, ...words.map(() => make("td")));
        return line;
      }));
    }

    function showReading() {
      const rows = [...find(".strip tbody").rows];
      rows.forEach((row, number) => {
        row.classList.toggle("chosen", number === unit);
        row.cells[0].firstChild.setAttribute("aria-pressed", number === unit);
        words.forEach((_, column) => {
          const box = row.cells[column + 1], value = column <= at ? steps[column].c[number] : null;
          box.replaceChildren(make("span", {}, value === null ? "" : written(value)));
          box.title = value === null ? "" : `${words[column]}: ${written(value)}`;
          box.className = value === null ? "" : value > 0 ? "plus" : "minus";
          box.style.setProperty("--much", value === null ? "0%" : `${Math.round(100 * Math.tanh(Math.abs(value)))}%`);
        });
      });
      [...find(".strip thead tr").cells].forEach((header, column) => {
        if (column === at + 1 && at >= 0) header.setAttribute("aria-current", "step");
        else header.removeAttribute("aria-current");
      });
      find(".bars").hidden = at < 0;
      for (const [name, off] of [["back", at < 0], ["start", at < 0], ["step", at >= words.length - 1]])
        find(`[data-do="${name}"]`).disabled = off;
      if (at < 0) {
        find(".said").textContent = "Nothing read yet. Step reads one word, Play all of them.";
        return;
      }
      const now = steps[at], numbers = { x: { text: now.word, number: now.word } };
      for (const [name, values] of Object.entries(now)) if (Array.isArray(values) && name !== "p") numbers[name] = values[unit];
      show(numbers, `The numbers of unit ${unit + 1} as the network reads “${now.word}”.`);
      Object.values(network.groups).forEach((group, place) => expected[place](group.reduce((sum, k) => sum + now.p[k], 0)));
      const best = now.p.map((p, k) => [p, network.words[k]]).sort((a, b) => b[0] - a[0]).slice(0, 3);
      find(".said").textContent = `Word ${at + 1} of ${words.length}, “${now.word}”: unit ${unit + 1} holds ` +
        `${written(numbers.c)}. Next the network expects ${best.map(([p, word]) => `${word === "." ? "a full stop" : word} (${percent(p)})`).join(", ")}.`;
    }

    function pause() {
      clearInterval(timer);
      timer = null;
      find('[data-do="play"]').textContent = "Play";
    }
    function go(place) {
      at = Math.max(-1, Math.min(words.length - 1, place));
      showReading();
      if (at >= words.length - 1) pause();
    }
    function choose(text) {
      const wanted = text.toLowerCase().replaceAll(".", " .").split(/\s+/).filter(Boolean);
      const unknown = wanted.filter((word) => !network.words.includes(word));
      find(".wrong").textContent = unknown.length
        ? `The network doesn't know “${unknown[0]}”. It knows ${known.join(", ")}.`
        : wanted.length > 24 ? "That is too long: 24 words at most." : "";
      if (unknown.length || wanted.length > 24 || !wanted.length) return;
      pause();
      [words, steps, at] = [wanted, read(network, wanted), 0];
      const own = !sentences.includes(text);
      find("option.own").hidden = !own;
      find("select").value = own ? "" : text;
      if (!own) find('input[type="text"]').value = "";
      buildStrip();
      showReading();
    }

    const actions = {
      again: () => { const { h, c } = showCell(); slide({ h, c }); },
      reset: () => slide(first),
      start: () => { pause(); go(-1); },
      back: () => { pause(); go(at - 1); },
      step: () => { pause(); go(at + 1); },
      play: () => {
        if (timer) return pause();
        go(at >= words.length - 1 ? 0 : at + 1);
        timer = setInterval(() => go(at + 1), 1000);
        find('[data-do="play"]').textContent = "Pause";
      },
    };
    for (const [name, action] of Object.entries(actions)) find(`[data-do="${name}"]`).addEventListener("click", action);
    for (const button of root.querySelectorAll("[data-mode]"))
      button.addEventListener("click", () => enter(button.dataset.mode));
    find("select").append(...sentences.map((sentence) => make("option", {}, sentence)));
    find("select").append(make("option", { value: "", class: "own", hidden: "" }, "your own"));
    find(".words p").textContent = known.join(", ");
    find("select").addEventListener("change", (event) => choose(event.target.value));
    find('input[type="text"]').addEventListener("change", (event) => choose(event.target.value));
    find("form").addEventListener("submit", (event) => event.preventDefault());

    choose(sentences[0]);
    enter("cell");
    find(".modes").hidden = false;
    find(".formulas").open = false;
    find(".still").hidden = true;
  }

  addEventListener("DOMContentLoaded", () => document.querySelectorAll(".gate-explorer").forEach(start));
  return { step, read };
})();
