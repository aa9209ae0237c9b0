/* What every page has: a switch between light and dark, and figures that can be saved. */
const insilico = (() => {
  "use strict";
  const root = document.documentElement;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("switch-colours");
  const changed = () => document.dispatchEvent(new Event("insilico:colours"));

  function isDark() {
    return root.dataset.colours === undefined ? prefersDark.matches : root.dataset.colours === "dark";
  }

  function label() {
    button.textContent = isDark() ? "Light page" : "Dark page";
  }

  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.colours = isDark() ? "light" : "dark";
    label();
    changed();
  });
  prefersDark.addEventListener("change", () => {
    label();
    changed();
  });

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  for (const each of document.querySelectorAll("[data-picture]")) {
    each.hidden = false;
    each.addEventListener("click", () => {
      const picture = document.getElementById(each.dataset.picture);
      const bytes = Uint8Array.from(atob(picture.src.split(",")[1]), (letter) => letter.charCodeAt(0));
      save(new Blob([bytes], { type: "image/svg+xml" }), each.dataset.file);
    });
  }

  label();
  return { isDark, save };
})();
