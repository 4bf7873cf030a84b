// Search results begin with the page's text: no furniture, no TeX, no code. A hit in the glossary is called by its term.
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

  const results = document.getElementById("search-results");
  if (!results) return;
  const name = () => {
    const terms = new Map();
    for (const [term, places] of Object.entries(Search._index?.indexentries ?? {}))
      for (const [, anchor] of places) terms.set(anchor, term);
    for (const link of results.querySelectorAll("li > a:not([data-named])")) {
      const term = terms.get(decodeURIComponent(new URL(link.href).hash.slice(1)));
      link.dataset.named = "";
      if (term) link.textContent = `${term} (glossary)`;
    }
  };
  new MutationObserver(name).observe(results, { childList: true, subtree: true });
});
