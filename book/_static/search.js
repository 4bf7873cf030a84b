// Search results begin with the page's text: no furniture, no TeX, no code.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return;
  const furniture = ".headerlink, script, style, nav, .math, .cell_input, .highlight, .onlyprint, dialog, button, form";
  Search.htmlToText = (page, anchor) => {
    const content = new DOMParser().parseFromString(page, "text/html");
    const article = content.querySelector("article.bd-article") ?? content.querySelector("[role=main]");
    if (!article) return "";
    article.querySelectorAll(furniture).forEach((element) => element.remove());
    const section = anchor && content.getElementById(anchor.replace(/^#/, ""));
    return (section || article).textContent;
  };
});
