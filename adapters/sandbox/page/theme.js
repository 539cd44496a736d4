// Light or dark: as the system has it, until the visitor chooses. The widget follows.

import { icon } from "./dom.js";

const system = matchMedia("(prefers-color-scheme: dark)");

function kept() {
  try {
    return localStorage.getItem("demo theme");
  } catch {
    return null;
  }
}

/** Make `button` turn the page dark and light. */
export function followTheme(button, chat) {
  let chosen = kept();

  function paint() {
    const isDark = chosen ? chosen === "dark" : system.matches;
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    chat.dataset.theme = isDark ? "dark" : "light";
    const label = isDark ? "Use light colours" : "Use dark colours";
    button.replaceChildren(icon(isDark ? "sun" : "moon"));
    button.setAttribute("aria-label", label);
    button.title = label;
  }

  button.addEventListener("click", () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("demo theme", chosen);
    } catch {
      // For this page only, then.
    }
    paint();
  });
  system.addEventListener("change", paint);
  paint();
}
