// On a narrow screen a figure is drawn small: a tap shows it at its own size, to be moved about.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const narrow = window.matchMedia("(max-width: 600px)");
  const view = document.createElement("dialog");
  view.className = "enlarged";
  view.setAttribute("aria-label", "The figure at its own size");
  view.innerHTML = '<div tabindex="0"></div><form method="dialog"><button>Close</button></form>';
  let ready = false;

  function show(picture) {
    if (!ready) document.body.append(view);
    ready = true;
    const large = picture.cloneNode();
    large.removeAttribute("loading");
    view.firstChild.replaceChildren(large);
    view.showModal();
  }

  function offer() {
    document.querySelectorAll("div.cell_output img[width]").forEach((picture) => {
      const offered = picture.parentElement.matches("button.enlarge");
      if (narrow.matches && !offered) {
        const button = document.createElement("button");
        button.className = `enlarge ${picture.classList.contains("only-dark") ? "only-dark" : "only-light"}`;
        button.setAttribute("aria-label", `Enlarge: ${picture.alt}`);
        button.addEventListener("click", () => show(picture));
        picture.replaceWith(button);
        button.append(picture);
      } else if (!narrow.matches && offered) {
        picture.parentElement.replaceWith(picture);
      }
    });
  }

  offer();
  narrow.addEventListener("change", offer);
});
