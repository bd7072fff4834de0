// Light or dark, before anything is painted: a plain script of the page's head, since a module would come too late and
// the page's policy allows no script inside the page. src/state/look.svelte.ts keeps the choice and tells of a change.
(() => {
  const bright = matchMedia("(prefers-color-scheme: light)");
  const WALLS = { light: "#f1f4f8", dark: "#0a0d12" };

  function apply() {
    const kept = localStorage.getItem("bandstand.look");
    const look = kept === "light" || kept === "dark" ? kept : bright.matches ? "light" : "dark";
    document.documentElement.dataset.look = look;
    document.querySelector('meta[name="color-scheme"]').content = look;
    // The frame that a phone draws around the page.
    document.querySelector('meta[name="theme-color"]').content = WALLS[look];
  }

  apply();
  bright.addEventListener("change", apply);
  addEventListener("storage", apply);
  addEventListener("bandstand.look", apply);
})();
