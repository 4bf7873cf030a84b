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
        const script = Object.assign(document.createElement("script"), { src: new URL(file, folder), onload: done });
        script.onerror = () => {
          loading.delete(file);
          script.remove();
          failed(new Error(`${file.split("?")[0]} can't be loaded`));
        };
        document.head.append(script);
      }));
    return loading.get(file);
  }

  // An element with attributes and children; an attribute whose name begins with "on" is a listener.
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  }

  // A slider with its name and value, in a label. ``shown`` turns its number into text.
  function slider(name, settings, shown, changed) {
    const value = make("span", { class: "value" });
    const input = make("input", { type: "range", "aria-label": name, ...settings });
    const show = () => {
      value.textContent = shown(Number(input.value));
      input.setAttribute("aria-valuetext", value.textContent);
    };
    input.addEventListener("input", () => { show(); changed(Number(input.value)); });
    show();
    const element = make("label", { class: "slider" }, make("span", {}, name), value, input);
    return { element, input, show };
  }

  // Have ``read`` follow what is typed, once the reader's fingers rest.
  function whenTyped(input, read) {
    let waiting = null;
    input.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(read, 300);
    });
  }

  const pause = () => new Promise((done) => setTimeout(done));

  // ``work(n)`` for n = 0 to count - 1, in slices of a few milliseconds, so that the page stays responsive. It stops
  // when ``going()`` is false.
  async function inSlices(count, work, going = () => true) {
    let until = performance.now() + 12;
    for (let n = 0; n < count; n++) {
      if (performance.now() > until) {
        await pause();
        until = performance.now() + 12;
      }
      if (!going()) return false;
      work(n);
    }
    return true;
  }

  function offer(element) {
    const { kind, scripts, options } = element.dataset, line = element.querySelector(".offer");
    const start = line.querySelector("button"), said = line.querySelector("[role=status]");
    start.addEventListener("click", async () => {
      start.disabled = true;
      said.textContent = "Loading …";
      try {
        for (const file of JSON.parse(scripts)) await load(file); // in order: later ones use earlier ones
        await pause();
        const place = make("div", { class: "widget" });
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
  return { models, widgets, register, make, slider, whenTyped, pause, inSlices };
})();
