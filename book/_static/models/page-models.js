// Models that run in the page. Every page with a widget loads this file and nothing else; at a reader's first click it
// loads the widget's code and the weights of its models, as scripts, so that it also works from a folder of files.
// book/_ext/page_models.py writes the elements with the class "page-model", and the scripts of the models.
const pageModels = (() => {
  "use strict";
  const folder = new URL(".", document.currentScript.src);
  const models = {}; // by name, as their scripts register them
  const widgets = {}; // by kind: functions of (the element to fill, options) to what has the focus first
  const loading = new Map();

  function load(file) {
    if (!loading.has(file))
      loading.set(file, new Promise((done, failed) => {
        const address = new URL(file, folder), isStyle = address.pathname.endsWith(".css");
        const element = isStyle
          ? Object.assign(document.createElement("link"), { rel: "stylesheet", href: address })
          : Object.assign(document.createElement("script"), { src: address });
        element.onload = done;
        element.onerror = () => {
          loading.delete(file);
          element.remove();
          failed(new Error(`${file.split("?")[0]} can't be loaded`));
        };
        document.head.append(element);
      }));
    return loading.get(file);
  }

  function offer(element) {
    const { kind, files, options } = element.dataset, line = element.querySelector(".offer");
    const start = line.querySelector("button"), said = line.querySelector("[role=status]");
    start.addEventListener("click", async () => {
      start.disabled = true;
      said.textContent = "Loading …";
      try {
        for (const file of JSON.parse(files)) await load(file); // in order: later ones use earlier ones
        const place = pageModels.make("div", { class: "widget" });
        const begin = await widgets[kind](place, JSON.parse(options));
        element.querySelector(".still").hidden = true;
        line.replaceWith(place);
        (begin ?? place.querySelector("textarea, input")).focus({ preventScroll: true });
      } catch (error) {
        start.disabled = false;
        said.textContent = `${error.message}. Try again.`;
      }
    });
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".page-model").forEach(offer));
  const register = (name, model) => { models[name] = model; };
  return { models, widgets, register };
})();
