// What the widgets are built of, and how they stay out of the reader's way while they compute.
(() => {
  "use strict";
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

  Object.assign(pageModels, { make, slider, whenTyped, pause, inSlices });
})();
