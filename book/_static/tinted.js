// A tinted text says each character's number: to a pointer, to a tap, and to the arrow keys, which move a caret through
// it. It is a slider, so that a screen reader says the number whenever the caret moves, and nothing else.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".tinted").forEach((tinted) => {
    const strip = tinted.querySelector("pre");
    const places = [...strip.querySelectorAll("[title]")];
    const values = places.map((place) => place.title);
    const numbers = new Map(places.map((place, number) => [place, number]));
    const said = document.createElement("p");
    let at = 0;

    function go(to) {
      places[at].classList.remove("here");
      at = Math.min(Math.max(to, 0), places.length - 1);
      places[at].classList.add("here");
      const character = places[at].textContent;
      const text = `${character === " " ? "space" : `“${character}”`}: ${values[at]}`;
      said.textContent = text;
      strip.setAttribute("aria-valuenow", at + 1);
      strip.setAttribute("aria-valuetext", text);
    }

    // The place in the next or last line that is nearest to the caret's column.
    function line(direction) {
      const { left, top, height } = places[at].getBoundingClientRect();
      const ahead = (box) => direction * (box.top - top) > height / 2;
      const far = (box) => Math.abs(box.top - top) * 1000 + Math.abs(box.left - left);
      const boxes = places.map((place) => place.getBoundingClientRect());
      const found = boxes.reduce((best, box, n) => (ahead(box) && (best < 0 || far(box) < far(boxes[best])) ? n : best), -1);
      return found < 0 ? at : found;
    }

    const moves = {
      ArrowRight: () => at + 1,
      ArrowLeft: () => at - 1,
      ArrowDown: () => line(1),
      ArrowUp: () => line(-1),
      Home: () => 0,
      End: () => places.length - 1,
    };
    strip.addEventListener("keydown", (event) => {
      if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      go(moves[event.key]());
    });
    for (const event of ["pointerover", "pointerdown"])
      strip.addEventListener(event, ({ target }) => numbers.has(target) && go(numbers.get(target)));

    places.forEach((place) => place.removeAttribute("title"));
    strip.setAttribute("aria-label", tinted.getAttribute("aria-label"));
    ["role", "aria-label"].forEach((name) => tinted.removeAttribute(name));
    for (const [name, value] of [["role", "slider"], ["tabindex", 0], ["aria-valuemin", 1], ["aria-valuemax", places.length]])
      strip.setAttribute(name, value);
    said.className = "said";
    said.setAttribute("aria-hidden", "true");
    tinted.append(said);
    go(0);
  });
});
