// What a reader has done, kept in this browser alone, by kind and name: `progress.read("passed")` is {name: value}.
// Kinds: "answers" and "passed" of exercises (playground.js), "questions" (questions.js). Where the browser keeps nothing
// (a private window, some pages opened as files), it is forgotten with the page.
//
// The first page shows it: behind each chapter of the map, as a sum in [data-progress], and [data-start-over] forgets it.
// book/_ext/progress.py says there what there is to do.
"use strict";

const progress = (() => {
  const KEY = "gate-by-gate";
  let kept = {};
  const forgotten = [];

  function all() {
    try {
      return JSON.parse(localStorage.getItem(KEY)) ?? kept;
    } catch {
      return kept;
    }
  }

  function keep(state) {
    kept = state;
    try {
      if (Object.keys(state).length) localStorage.setItem(KEY, JSON.stringify(state));
      else localStorage.removeItem(KEY);
    } catch {
      // It stays in `kept`.
    }
    show();
  }

  const read = (kind) => all()[kind] ?? {};

  // Without a value, the name is forgotten.
  function write(kind, name, value) {
    const { [kind]: old = {}, ...rest } = all();
    const { [name]: _, ...others } = old;
    const part = value === undefined ? others : { ...others, [name]: value };
    keep(Object.keys(part).length ? { ...rest, [kind]: part } : rest);
  }

  function forget() {
    keep({});
    forgotten.forEach((listener) => listener());
  }

  // -- The first page

  const of = (done, total, what) => (total ? `${done} of ${total} ${what}` : "");

  function count({ exercises = [], questions = 0 }, page) {
    const solved = exercises.filter((name) => name in read("passed")).length;
    const answered = Object.keys(read("questions")[page] ?? {}).length;
    return { solved, answered, exercises: exercises.length, questions };
  }

  function show() {
    const listed = document.getElementById("all-tasks");
    if (!listed) return;
    const tasks = JSON.parse(listed.textContent);
    const counts = Object.fromEntries(Object.entries(tasks).map(([page, task]) => [page, count(task, page)]));
    for (const link of document.querySelectorAll(".map li a")) {
      const found = counts[link.getAttribute("href").replace(/\.html$/, "")];
      if (!found) continue; // a link of the same line that leads elsewhere: to a term, say
      const item = link.closest("li");
      item.querySelector(".done")?.remove();
      if (!(found.solved + found.answered)) continue;
      const parts = [of(found.answered, found.questions, "questions"), of(found.solved, found.exercises, "exercises")];
      const note = Object.assign(document.createElement("span"), { className: "done" });
      note.textContent = parts.filter(Boolean).join(", ");
      note.classList.toggle("all", found.answered === found.questions && found.solved === found.exercises);
      (item.querySelector("p") ?? item).append(" ", note);
    }
    const sum = (key) => Object.values(counts).reduce((total, found) => total + found[key], 0);
    const [answered, solved] = [sum("answered"), sum("solved")];
    const parts = [of(answered, sum("questions"), "questions answered"), of(solved, sum("exercises"), "exercises solved")];
    for (const place of document.querySelectorAll("[data-progress]")) {
      place.textContent = `${parts.filter(Boolean).join(", ")}.`;
      place.parentElement.hidden = !Object.keys(all()).length;
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-start-over]"))
      button.addEventListener("click", () => {
        if (confirm("Forget all your answers, and what is done?")) forget();
      });
    show();
  });
  window.addEventListener("pageshow", show); // also after a step back
  window.addEventListener("storage", show); // also after work in another tab

  return { read, write, forget, onForget: (listener) => forgotten.push(listener) };
})();
