// The address names the tab: a link opens it, and choosing another rewrites the address.
(() => {
  const titles = () => JSON.parse(document.querySelector(".masthead")?.dataset.tabs ?? "{}");
  const nameOf = (title) => Object.entries(titles()).find(([, known]) => known === title)?.[0];

  // A tab's button, or its entry in the menu of those that found no room: entries have a title and no id.
  function button(name) {
    const entries = [...document.querySelectorAll(".overflow-dropdown button")];
    const titled = (entry) => entry.textContent.trim() === titles()[name];
    return document.getElementById(`tab-${name}-button`) ?? entries.find(titled);
  }

  function open() {
    const name = new URLSearchParams(location.search).get("tab");
    if (!name) return true;
    if (!document.querySelector("button[role=tab]") || !document.querySelector(".masthead")) return false;
    if (!Object.hasOwn(titles(), name)) return true;
    const chosen = button(name);
    if (chosen?.ariaSelected === "true") return true;
    chosen?.click(); // tells nobody before the page has come to life: looked at again
    return false;
  }

  const started = setInterval(() => open() && clearInterval(started), 50);

  document.addEventListener("click", (event) => {
    const chosen = event.target.closest?.("button[role=tab], .overflow-dropdown button");
    const name = chosen && nameOf(chosen.textContent.trim());
    const address = new URLSearchParams(location.search);
    if (!name || name === (address.get("tab") ?? "train")) return;
    const run = address.get("run");
    const theme = address.get("__theme");
    const kept = new URLSearchParams(name === "train" ? [] : [["tab", name]]);
    if (run) kept.set("run", run);
    if (theme) kept.set("__theme", theme);
    history.replaceState(null, "", `?${kept}`);
  });
})();
