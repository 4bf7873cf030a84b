// Exercises that run in the page. book/_ext/playground.py puts an element with an exercise's name and prelude before
// the cell of its stub; this makes an editor of the two, with Run and Reset. Nothing more is loaded before the reader
// uses one. `playground` is for the page's other scripts: run, ask and FROM_A_FILE.
const playground = (() => {
  "use strict";
  const STATIC = new URL(".", document.currentScript.src);
  const EDITOR = ["codemirror.js", "python.js", "matchbrackets.js", "closebrackets.js"];
  const PATIENCE = 13000; // ms that code may run; Python itself stops most loops after 10,000 ms
  const STOPPED = "Stopped after 10 seconds. Is there a loop that never ends?";
  const FROM_A_FILE =
    "A browser doesn't run Python in a page that it opened as a file. Run make serve in the book's folder, and open " +
    "the address that it prints.";

  // -- Python: one worker a page. One run at a time; the next one waits.

  let worker = null;
  let listener = () => {};
  let last = Promise.resolve();

  function start() {
    worker = new Worker(new URL("playground-worker.mjs", STATIC), { type: "module" });
    worker.onmessage = ({ data }) => listener(data);
    worker.onerror = (event) => {
      event.preventDefault();
      stop(); // the next run tries again
      listener({ failed: event.message || "the server doesn't have it" });
    };
  }

  function stop() {
    if (worker) worker.onmessage = worker.onerror = null; // what is on its way from it would be taken for the next one's
    worker?.terminate();
    worker = null;
  }

  // Have the worker do something: { ended, halt }. `ended` has its result, or { error }. `tell` is given a line
  // whenever the state changes, `hear` what the worker says meanwhile; `late` is the error after `patience` ms without
  // a word from it.
  function ask(message, { tell = () => {}, hear = () => {}, patience, late }) {
    let halted = null;
    let halt = (error) => (halted = { error }); // before its turn
    const turn = () => new Promise((resolve) => {
      if (halted) return resolve(halted);
      let clock;
      const end = (result) => {
        clearTimeout(clock);
        listener = () => {};
        halt = () => {};
        resolve(result);
      };
      halt = (error) => {
        stop();
        start(); // so that the next run has less to wait for
        end({ error });
      };
      const wait = () => {
        clearTimeout(clock);
        clock = setTimeout(() => halt(late), patience);
      };
      listener = ({ state, running, heard, result, failed }) => {
        if (state) tell(state);
        if (running) tell("Running …");
        if (heard) hear(heard);
        if (running || heard) wait();
        if (result) end(result);
        if (failed) {
          stop();
          end({ error: `Python doesn't run here: ${failed}.` });
        }
      };
      if (!worker) {
        tell("Starting Python …");
        start();
      }
      worker.postMessage(message);
    });
    last = last.then(turn);
    return { ended: last, halt: (error) => halt(error) };
  }

  // What comes of a cell: { output, error, checked, passed }.
  async function run(code, prelude = "", tell = () => {}) {
    const asked = ask({ code, prelude }, { tell, patience: PATIENCE, late: STOPPED });
    return { output: "", checked: false, passed: false, ...(await asked.ended) };
  }

  // -- The editor: a text area until it has the focus, then CodeMirror, which is loaded for it.

  let editor = null;

  function loadEditor() {
    const add = (tag, attributes) => new Promise((resolve, reject) => {
      const element = Object.assign(document.createElement(tag), attributes, { onload: resolve, onerror: reject });
      document.head.append(element);
    });
    const at = (name) => new URL(`pyodide/editor/${name}`, STATIC).href;
    editor ??= EDITOR.reduce(
      (before, name) => before.then(() => add("script", { src: at(name) })),
      add("link", { rel: "stylesheet", href: at("codemirror.css") }));
    return editor;
  }

  // Tab indents, as in any editor of code; after Escape, it leaves.
  const indent = (mirror) => mirror.execCommand(mirror.somethingSelected() ? "indentMore" : "insertSoftTab");
  const INDENTS = { Tab: indent, "Shift-Tab": "indentLess" };
  const LEAVES = { Tab: false, "Shift-Tab": false };

  function upgrade(area, submit) {
    const selection = [area.selectionStart, area.selectionEnd];
    const escape = (mirror) => mirror.setOption("extraKeys", { ...keys, ...LEAVES });
    const keys = { "Ctrl-Enter": submit, "Cmd-Enter": submit, Esc: escape };
    const mirror = CodeMirror.fromTextArea(area, {
      mode: "python",
      theme: "book",
      indentUnit: 4,
      lineNumbers: true,
      lineWrapping: true,
      matchBrackets: true,
      autoCloseBrackets: true,
      viewportMargin: Infinity,
      extraKeys: { ...keys, ...INDENTS },
    });
    const input = mirror.getInputField();
    for (const name of ["aria-label", "aria-describedby"]) input.setAttribute(name, area.getAttribute(name));
    if (input.isContentEditable) {
      input.setAttribute("role", "textbox");
      input.setAttribute("aria-multiline", "true");
    }
    mirror.on("blur", () => mirror.setOption("extraKeys", { ...keys, ...INDENTS }));
    mirror.setSelection(...selection.map((place) => mirror.posFromIndex(place)));
    mirror.focus();
    return mirror;
  }

  // -- An exercise on the page

  function make(tag, attributes = {}, ...children) {
    const element = Object.assign(document.createElement(tag), attributes);
    element.append(...children);
    return element;
  }

  function offer(place) {
    const { exercise: name, prelude } = place.dataset;
    const cell = place.nextElementSibling;
    const shown = cell.querySelector(".cell_input");
    const stub = shown.querySelector("pre").textContent.trimEnd();
    const box = place.closest(".exercise");
    const title = box?.querySelector(".admonition-title")?.textContent.trim().replace(/\s+/g, " ") ?? name;

    const rows = (text) => text.split("\n").length + 1;
    const plain = { spellcheck: false, autocapitalize: "off", autocomplete: "off" };
    const area = make("textarea", { value: stub, rows: rows(stub), ...plain });
    const runs = make("button", { type: "button", className: "run", textContent: "Run" });
    const resets = make("button", { type: "button", className: "reset", textContent: "Reset" });
    const help = "Ctrl + Enter runs it. To leave the editor, press Esc, then Tab.";
    const keys = make("span", { id: `keys-${name}`, className: "keys" }, help);
    const state = make("p", { className: "state" });
    const output = make("pre");
    const result = make("div", { className: "result" }, state, output);
    area.setAttribute("aria-label", `Your answer to ${title}`);
    area.setAttribute("aria-describedby", keys.id);
    resets.setAttribute("aria-label", `Reset ${title}`);
    runs.setAttribute("aria-label", `Run ${title}`);
    result.setAttribute("role", "status");

    const edits = make("div", { className: "editor" }, shown, area);
    place.append(edits, make("div", { className: "bar" }, runs, resets, keys), result);
    place.classList.add("playground");
    place.hidden = false;
    cell.hidden = true;
    const first = cell.querySelector(".cell_output pre")?.textContent.trim() ?? ""; // what comes of the stub
    let mirror = null;

    const code = () => (mirror ? mirror.getValue() : area.value);
    const write = (text) => (mirror ? mirror.setValue(text) : (area.value = text));
    const bare = (on) => edits.classList.toggle("bare", on); // the area is seen, instead of the stub in colours
    const remember = () => progress.write("answers", name, code() === stub ? undefined : code());

    function show(text, kind = "", line = "") {
      output.textContent = text;
      output.hidden = !text;
      output.tabIndex = output.scrollHeight > output.clientHeight + 1 ? 0 : -1;
      state.textContent = line;
      state.hidden = !line;
      result.dataset.kind = kind;
    }

    function mark() {
      box?.classList.toggle("done", name in progress.read("passed"));
      box?.querySelector(".done-mark")?.remove();
      if (name in progress.read("passed"))
        box?.querySelector(".admonition-title")?.append(make("span", { className: "done-mark" }, "✓ done"));
    }

    async function submit() {
      if (runs.disabled) return;
      if (location.protocol === "file:") return show("", "problem", FROM_A_FILE);
      runs.disabled = true;
      const told = await run(code(), prelude, (line) => show("", "busy", line));
      runs.disabled = false;
      const text = [told.output.trimEnd(), told.error].filter(Boolean).join("\n");
      const idle = !told.checked && !told.error;
      const missing = `It ran, but nothing was checked: it should end with check("${name}", …).`;
      show(text, told.passed ? "right" : "wrong", idle ? missing : "");
      if (told.passed) {
        progress.write("passed", name, true);
        mark();
      }
    }

    function reset() {
      write(stub);
      remember();
      bare(false);
      show(first);
    }

    async function edit() {
      if (mirror) return;
      try {
        await loadEditor();
        mirror ??= upgrade(area, submit);
        mirror.on("change", remember);
        bare(true);
        shown.hidden = true;
      } catch {
        bare(true); // the plain area will do
      }
    }

    runs.addEventListener("click", submit);
    resets.addEventListener("click", reset);
    area.addEventListener("focus", edit, { once: true });
    area.addEventListener("input", () => {
      bare(true);
      remember();
    });
    edits.addEventListener("keydown", (event) => event.stopPropagation()); // to Sphinx, a slash asks for the search
    area.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
    });
    progress.onForget(() => {
      reset();
      mark();
    });
    const answers = progress.read("answers");
    if (name in answers) {
      write(answers[name]);
      area.rows = rows(code());
      bare(true);
    }
    show(first);
    mark();
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-exercise]").forEach(offer));

  return { run, ask, FROM_A_FILE };
})();
