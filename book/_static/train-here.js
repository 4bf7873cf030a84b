// A reader's model, trained in the page: .train-here of build.md becomes a box with a text of the reader's own and a
// button. Python (playground.js) puts the pieces together: the reader's where their exercises are solved, else the
// book's, both as the page has them. Without Python in the pages, the element stays as it is.
(() => {
  "use strict";
  const PATIENCE = 40000; // ms without a word
  const LONGEST = 600; // seconds of training
  const LATE = "Stopped, because nothing came for 40 seconds. Is there a loop in your code that never ends?";

  function make(tag, attributes = {}, ...children) {
    const element = Object.assign(document.createElement(tag), attributes);
    element.append(...children);
    return element;
  }

  // -- The pieces

  // Each exercise of the page: its section's heading, the reader's answer if it has passed, and the page's solution.
  function pieces() {
    const solutions = [...document.querySelectorAll(".solution .cell_input pre")].map((pre) => pre.textContent);
    const [answers, passed] = [progress.read("answers"), progress.read("passed")];
    return [...document.querySelectorAll("[data-exercise]")].map((place) => {
      const { exercise, prelude } = place.dataset;
      return {
        exercise,
        prelude,
        title: place.closest("section:has(> h2)").querySelector("h2").firstChild.textContent.trim(),
        answer: (exercise in passed && answers[exercise]) || "",
        solution: solutions.find((code) => code.includes(`check("${exercise}"`)),
      };
    });
  }

  const listed = (names) => names.join(", ").replace(/, ([^,]*)$/, " and $1").toLowerCase();

  // From { title, whose } of each: "yours", "ours", or "changed", which is ours too.
  function owned(told) {
    const of = (...kinds) => told.filter(({ whose }) => kinds.includes(whose)).map(({ title }) => title);
    const [yours, ours, changed] = [of("yours"), of("ours", "changed"), of("changed")];
    if (!ours.length) return "All eight pieces are yours.";
    const note = changed.length ? ` These answers of yours passed once and no longer do: ${listed(changed)}.` : "";
    if (yours.length) return `Yours: ${listed(yours)}. The book's: ${listed(ours)}.${note}`;
    return `All eight pieces are the book's. Solve an exercise, and yours takes its place.${note}`;
  }

  // -- The curve

  function drawn(tag, attributes, text = "") {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    return element;
  }

  // Bits against updates, from { updates, bits } and the bits of the counts; its size is in pixels.
  function curve(points, counts, width) {
    const [height, left, right, top, bottom] = [230, 24, 12, 22, 26];
    const most = Math.max(...points.map(({ updates }) => updates), 1);
    const bits = [counts, ...points.map((point) => point.bits)];
    const [low, high] = [Math.max(0, Math.min(...bits) - 0.5), Math.max(...bits) + 0.1];
    const x = (updates) => left + ((width - left - right) * updates) / most;
    const y = (value) => top + ((height - top - bottom) * (high - value)) / (high - low);
    const svg = drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
    for (let tick = Math.ceil(low); tick <= high; tick++) {
      svg.append(drawn("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }));
      svg.append(drawn("text", { class: "tick", x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, tick));
    }
    const last = points.at(-1);
    const ends = { "text-anchor": "end", x: width - right };
    svg.append(
      drawn("text", { class: "tick", x: left, y: top - 8 }, "bits per character"),
      drawn("text", { class: "tick", x: left, y: height - bottom + 18 }, "0"),
      drawn("text", { class: "tick", ...ends, y: height - bottom + 18 }, `${most.toLocaleString("en")} updates`),
      drawn("line", { class: "counts", x1: left, x2: width - right, y1: y(counts), y2: y(counts) }),
      drawn("text", { class: "counts", x: left + 6, y: y(counts) + 17 }, `your counts ${counts.toFixed(2)}`),
      drawn("polyline", { points: points.map((point) => `${x(point.updates)},${y(point.bits)}`).join(" ") }),
      ...points.map((point) => drawn("circle", { cx: x(point.updates), cy: y(point.bits), r: 3 })),
      drawn("text", { class: "lstm", ...ends, y: y(Math.max(last.bits, counts)) - 9 }, `your LSTM ${last.bits.toFixed(2)}`),
    );
    const told = `Your counts pay ${counts.toFixed(2)} bits per character, your LSTM at first ` +
      `${points[0].bits.toFixed(2)}, and ${last.bits.toFixed(2)} after ${last.updates} updates.`;
    svg.setAttribute("aria-label", told);
    return svg;
  }

  // -- The box

  function offer(box) {
    if (!document.querySelector("[data-exercise]")) return; // the pages have no Python
    if (location.protocol === "file:") return box.replaceChildren(make("p", {}, playground.FROM_A_FILE));
    const time = make("input", { id: "training-time", type: "number", min: 1, max: LONGEST, value: box.dataset.seconds });
    const area = make("textarea", { id: "own-text", rows: 4, spellcheck: false, autocomplete: "off" });
    const label = make("label", { htmlFor: area.id }, "Your own text");
    const hint = make("span", { id: "own-text-hint", className: "hint" }, "Leave it empty to train on Romeo and Juliet.");
    const trains = make("button", { type: "button", className: "run" }, "Train and write");
    const stops = make("button", { type: "button", className: "reset", hidden: true }, "Stop");
    const status = make("p", { className: "status" }); // read aloud: what begins, how it ends
    const state = make("p", { className: "state" });
    const whose = make("p");
    const picture = make("div", { className: "curve" });
    const lines = make("pre", { hidden: true });
    const passage = make("pre", { className: "passage" });
    const caption = "Your model has read a page that it didn't learn from, and continues:";
    const written = make("div", { hidden: true }, make("p", {}, caption), passage);
    area.setAttribute("aria-describedby", hint.id);
    status.setAttribute("role", "status");
    box.classList.add("playground");
    box.replaceChildren(
      make("div", { className: "head" }, label, hint),
      make("div", { className: "editor bare" }, area),
      make("div", { className: "bar" }, trains, stops, make("label", { htmlFor: time.id }, "Seconds"), time),
      status, state, whose, picture, lines, written);
    let asked = null;

    function show(running) {
      const held = document.activeElement === (running ? trains : stops);
      trains.disabled = running;
      stops.hidden = !running;
      if (held) (running ? stops : trains).focus();
    }

    function clear() {
      for (const element of [state, whose, picture, lines, passage]) element.replaceChildren();
      lines.hidden = written.hidden = true;
    }

    // What to do with each stage that Python tells; in `ends` the last one leaves how it went.
    function listener(seconds, ends) {
      const [owners, points] = [[], []];
      let counts;
      const say = (text) => (status.textContent = text);
      const stages = {
        piece: (told) => owners.push(told),
        text: () => (whose.textContent = owned(owners)),
        counts({ bits }) {
          counts = bits;
          say(`Training for ${seconds} seconds …`);
        },
        training(told) {
          points.push(told);
          picture.replaceChildren(curve(points, counts, Math.min(picture.clientWidth, 560)));
        },
        "in order": () => say("Trained. Now it reads, looks back and writes …"),
        attention: ({ bits }) => (ends.well = `Done: your model pays ${bits.toFixed(2)} bits a character.`),
        passage({ line }) {
          passage.textContent = line;
          written.hidden = false;
        },
      };
      return (told) => {
        stages[told.stage](told);
        if (!["piece", "passage"].includes(told.stage)) lines.append(`${told.line}\n`);
        lines.hidden = !lines.textContent;
      };
    }

    async function train() {
      const text = area.value || JSON.parse(document.getElementById("build-text").textContent);
      const seconds = Math.min(Math.max(Number(time.value) || 1, 1), LONGEST);
      const ends = {};
      clear();
      show(true);
      status.textContent = "Getting ready …";
      const hear = listener(seconds, ends);
      const tell = (line) => (state.textContent = line === "Running …" ? "" : line);
      const request = { pieces: pieces(), text, seconds };
      asked = playground.ask(request, { tell, hear, patience: PATIENCE, late: LATE });
      const { error } = await asked.ended;
      state.textContent = "";
      status.textContent = error || ends.well;
      show(false);
    }

    trains.addEventListener("click", train);
    stops.addEventListener("click", () => asked.halt("Stopped. What it had learned is gone."));
    area.addEventListener("keydown", (event) => event.stopPropagation()); // to Sphinx, a slash asks for the search
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".train-here").forEach(offer));
})();
