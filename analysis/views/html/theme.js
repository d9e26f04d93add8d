// SPDX-License-Identifier: Apache-2.0

// What is drawn by hand, and has to be again in other colours.
const redraws = [];

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  $("theme").setAttribute("aria-pressed", String(dark));
  try { localStorage.setItem("ragtime-theme", dark ? "dark" : "light"); } catch { /* a page from a file may have none */ }
  redraws.forEach(draw => draw());
}

function wantsDark() {
  try {
    const kept = localStorage.getItem("ragtime-theme");
    if (kept) return kept === "dark";
  } catch { /* as above */ }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

function beginTheme() {
  setTheme(wantsDark());
  $("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme !== "dark"));
}
