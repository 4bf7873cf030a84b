// What was folded may be too wide. The theme looks for what scrolls, to make it a stop of the tabulator key, when the
// window's size changes; so it is told when something unfolds.
"use strict";

for (const event of ["toggle", "click"])
  document.addEventListener(event, () => setTimeout(() => window.dispatchEvent(new Event("resize"))), true);
