// What a reader has done, kept in this browser alone: `progress.read("questions")` is {page: {...}}. Where the browser
// keeps nothing (a private window, some pages opened as files), it is forgotten with the page.
"use strict";

const progress = (() => {
  const KEY = "gate-by-gate:";
  const kept = {};
  const listeners = [];

  function read(kind) {
    try {
      return JSON.parse(localStorage.getItem(KEY + kind)) || kept[kind] || {};
    } catch {
      return kept[kind] || {};
    }
  }

  function write(kind, name, value) {
    kept[kind] = { ...read(kind), [name]: value };
    try {
      localStorage.setItem(KEY + kind, JSON.stringify(kept[kind]));
    } catch {
      // It stays in `kept`.
    }
    listeners.forEach((listener) => listener());
  }

  function forget() {
    Object.keys(kept).forEach((kind) => delete kept[kind]);
    try {
      Object.keys(localStorage).filter((key) => key.startsWith(KEY)).forEach((key) => localStorage.removeItem(key));
    } catch {
      // Nothing was kept.
    }
    listeners.forEach((listener) => listener());
  }

  return { read, write, forget, changed: (listener) => listeners.push(listener) };
})();
