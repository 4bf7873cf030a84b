// A formula that is too wide scrolls in its own place, and is a stop of the tabulator key only then.
"use strict";

document.addEventListener("DOMContentLoaded", async () => {
  await window.MathJax?.startup?.promise;
  const formulas = document.querySelectorAll("div.math, div.math mjx-container");
  const mark = () => {
    for (const formula of formulas)
      if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
      else formula.removeAttribute("tabindex");
  };
  window.addEventListener("resize", mark);
  mark();
});
