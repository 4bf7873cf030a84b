// "A date": the encoder-decoder of the chapter on translation translates what is typed, and shows where it looks.
(() => {
  "use strict";
  const { make, encoderDecoder, englishTokens } = pageModels;
  const LONGEST = 24; // tokens of the source
  const CAPTION = "Where it looks: a row for each character it writes, a column for each word or digit it has read.";

  pageModels.widgets.date = async (place, options) => {
    const network = encoderDecoder("dates"), calm = matchMedia("(prefers-reduced-motion: reduce)");
    const input = make("input", { type: "text", autocomplete: "off", spellcheck: "false" });
    const languages = [["zh", "Chinese"], ["iso", "ISO"]].map(([value, name]) => make("option", { value }, name));
    const into = make("select", {}, ...languages);
    const said = make("p", { role: "status", class: "said" }), answer = make("p", { class: "answer", lang: "zh" });
    const head = make("thead"), body = make("tbody");
    const table = make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Where it looked" },
      make("table", { class: "looks" }, make("caption", {}, CAPTION), head, body));
    place.append(
      make("form", { class: "ask", onsubmit: (event) => { event.preventDefault(); translate(); } },
        make("label", { class: "wide" }, "A date, or a number in words", input),
        make("p", { class: "buttons" },
          make("label", {}, "into ", into), make("button", { type: "submit", class: "main" }, "Translate"))),
      answer, said, table);
    let asked = 0;

    async function translate() {
      const mine = ++asked, tokens = [`<${into.value}>`, ...englishTokens(input.value)];
      const unknown = tokens.filter((token) => !network.known(token));
      body.replaceChildren();
      head.replaceChildren();
      answer.textContent = "";
      if (tokens.length === 1 || unknown.length || tokens.length > LONGEST) {
        said.textContent = unknown.length ? `It has never read ${[...new Set(unknown)].join(", ")}.`
          : tokens.length === 1 ? "Type a date, or a number in words." : "That is too long for it.";
        return;
      }
      said.textContent = "";
      answer.lang = into.value === "zh" ? "zh" : "en";
      const columns = tokens.map((token) => make("th", { scope: "col" }, make("span", {}, token)));
      head.append(make("tr", {}, make("td"), ...columns));
      for (const { token, looks } of network.written(network.encode(tokens))) {
        if (!calm.matches) await new Promise((done) => setTimeout(done, 160));
        if (mine !== asked) return;
        const row = make("tr", {}, make("th", { scope: "row", lang: answer.lang }, token));
        for (const share of looks) {
          const box = make("td", {}, make("span", {}, `${Math.round(100 * share)}%`));
          box.style.setProperty("--share", share);
          row.append(box);
        }
        body.append(row);
        if (token !== "end") answer.append(token);
      }
      said.textContent = `It wrote ${answer.textContent}.`;
    }
    input.value = options.date ?? "Wednesday, March 3, 2021";
    into.addEventListener("change", translate);
    await translate();
  };
})();
