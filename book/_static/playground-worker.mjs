// Python in the page, in a thread of its own, so that the page stays quick while it works. playground.js sends
// { code, prelude } and gets { state } while Python is being loaded, { running: true } when the code begins to run, and
// { result } when it ends: what playground_cell.run (book/_ext) tells. Or { failed }, with the reason. It may also send
// { pieces, text, seconds }: then it gets { heard } again and again, and as the result what playground_train.train
// says went wrong, { error }.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const folder = new URL("pyodide/", import.meta.url).href;
const tell = (state) => postMessage({ state });

async function load() {
  tell("Loading Python: 17 MB, once a page …");
  const python = await loadPyodide({ indexURL: folder });
  tell("Loading NumPy …");
  await python.loadPackage("numpy", { messageCallback() {} });
  tell("Loading the book's package …");
  // It changes with the book, unlike the rest: ask whether the copy that the browser keeps is still the same.
  const answer = await fetch(`${folder}companion.zip`, { cache: "no-cache" });
  if (!answer.ok) throw new Error(`companion.zip: ${answer.status}`);
  const site = python.runPython("import site; site.getsitepackages()[0]");
  python.unpackArchive(await answer.arrayBuffer(), "zip", { extractDir: site });
  return python;
}

const loading = load();
loading.catch(() => {}); // whoever asks is told

function run(python, { code, prelude }) {
  const told = python.pyimport("playground_cell").run(code, prelude);
  const result = told.toJs({ dict_converter: Object.fromEntries });
  told.destroy();
  return result;
}

function train(python, { pieces, text, seconds }) {
  const hear = (told) => postMessage({ heard: JSON.parse(told) });
  return { error: python.pyimport("playground_train").train(python.toPy(pieces), text, seconds, hear) };
}

onmessage = async ({ data }) => {
  try {
    const python = await loading;
    postMessage({ running: true });
    postMessage({ result: (data.pieces ? train : run)(python, data) });
  } catch (error) {
    postMessage({ failed: String(error.message ?? error) });
  }
};
