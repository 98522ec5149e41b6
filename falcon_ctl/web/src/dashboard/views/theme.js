// Light or dark: as the system has it, until the button is pressed.

import { $ } from "../../shared/dom.js";

const KEY = "falcon-theme";

export function makeTheme(onChange) {
  const button = $("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");

  function show() {
    const chosen = stored();
    const dark = chosen ? chosen === "dark" : system.matches;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    button.setAttribute("aria-pressed", String(dark));
    onChange();
  }
  button.addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme === "dark";
    store(dark ? "light" : "dark");
    show();
  });
  system.addEventListener("change", show);
  show();
}

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // the browser keeps nothing
  }
}

function store(value) {
  try {
    localStorage.setItem(KEY, value);
  } catch {
    // the choice then lasts until the next reload
  }
}
