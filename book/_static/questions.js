// The questions at the end of a chapter. Without this script each option unfolds its reason, and the other answers
// unfold too. With it numbers can be typed and items moved, and the page counts what was right at the first attempt.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll(".questions")) {
    const page = box.dataset.page;
    const fields = [...box.querySelectorAll(".question")];
    const results = progress.read("questions")[page] || {}; // by number of the question: was the first answer right?
    const sum = Object.assign(document.createElement("p"), { className: "questions-sum" });
    sum.setAttribute("role", "status");
    box.append(sum);

    const report = () => {
      const answered = Object.keys(results).length;
      const right = Object.values(results).filter(Boolean).length;
      sum.textContent = answered
        ? `${answered} of ${fields.length} answered, ${right} of them right at once.`
        : `${fields.length} questions; the page counts what you get right at once.`;
    };
    const note = (field, right) => {
      const number = field.dataset.number;
      if (!(number in results)) results[number] = right;
      field.classList.toggle("answered", true);
      progress.write("questions", page, results);
      report();
    };
    for (const field of fields) {
      if (field.dataset.number in results) field.classList.add("answered");
      ({ choose, number, order })[field.dataset.kind](field, (right) => note(field, right));
    }
    progress.onForget(() => {
      for (const number of Object.keys(results)) delete results[number];
      fields.forEach((field) => field.classList.remove("answered"));
      report();
    });
    report();
  }

  function choose(field, note) {
    for (const option of field.querySelectorAll(".option"))
      option.addEventListener("toggle", () => option.open && note(option.matches(".right")));
  }

  function button(text, click, label = "") {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    if (label) made.setAttribute("aria-label", label);
    made.addEventListener("click", click);
    return made;
  }

  function says() {
    const line = Object.assign(document.createElement("div"), { className: "verdict" });
    line.setAttribute("role", "status");
    return line;
  }

  function number(field, note) {
    const box = field.querySelector("[data-answer]");
    const right = Number(box.dataset.answer), within = Number(box.dataset.within);
    const near = (value, wanted) => Math.abs(value - wanted) <= within * (1 + 1e-9) + 1e-12;
    const input = Object.assign(document.createElement("input"), { type: "text", inputMode: "text", size: 10, autocomplete: "off" });
    input.setAttribute("aria-label", "Your number");
    const verdict = says();
    const form = document.createElement("form");
    form.append(input, ` ${box.dataset.unit || ""} `, button("Check", () => form.requestSubmit()));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = input.value.trim().replace(/[−–]/g, "-").replace(/,(?=\d{3}(\D|$))/g, "").replace(",", ".");
      const value = text.endsWith("%") ? NaN : Number(text);
      if (!text || Number.isNaN(value)) {
        verdict.textContent = "Write a number, such as 2.5.";
        return;
      }
      const trap = [...box.querySelectorAll(".why[data-value]")].find((why) => near(value, Number(why.dataset.value)));
      const good = near(value, right);
      verdict.replaceChildren(
        ...(good ? box.querySelector(".answer .why").cloneNode(true).childNodes
          : trap ? trap.cloneNode(true).childNodes
            : [`Not yet: the number is ${value < right ? "larger" : "smaller"}.`]));
      verdict.classList.toggle("right", good);
      note(good);
    });
    box.prepend(form, verdict);
  }

  function order(field, note) {
    const list = field.querySelector(".items");
    const verdict = says();
    const move = (item, step) => {
      const other = step < 0 ? item.previousElementSibling : item.nextElementSibling;
      if (!other) return;
      step < 0 ? other.before(item) : other.after(item);
      verdict.textContent = "";
      label();
      const [up, down] = item.querySelectorAll("button");
      (step < 0 ? (up.disabled ? down : up) : down.disabled ? up : down).focus();
    };
    const label = () => [...list.children].forEach((item, place) => {
      const [up, down] = item.querySelectorAll("button");
      up.disabled = place === 0;
      down.disabled = place === list.children.length - 1;
    });
    for (const item of list.children) {
      const text = item.textContent.trim();
      item.prepend(button("↑", () => move(item, -1), `Earlier: ${text}`), button("↓", () => move(item, 1), `Later: ${text}`));
    }
    label();
    const check = button("Check", () => {
      const wrong = [...list.children].filter((item, place) => Number(item.dataset.place) !== place).length;
      verdict.textContent = wrong ? `Not yet: ${list.children.length - wrong} of ${list.children.length} are in place.` : "Right.";
      verdict.classList.toggle("right", !wrong);
      if (!wrong) field.querySelector(".answer").open = true;
      note(!wrong);
    });
    list.after(check, verdict);
  }
});
