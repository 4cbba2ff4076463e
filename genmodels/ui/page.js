// The address names the tab: a link opens it, and choosing another rewrites the address.
(() => {
  const button = (name) => document.getElementById(`tab-${name}-button`);

  function open() {
    const name = new URLSearchParams(location.search).get("tab");
    if (!name || !/^\w+$/.test(name)) return true;
    if (!document.querySelector("button[role=tab]")) return false;
    const chosen = button(name);
    if (!chosen || chosen.ariaSelected === "true") return true;
    chosen.click(); // tells nobody before the page has come to life: looked at again
    return false;
  }

  const started = setInterval(() => open() && clearInterval(started), 50);

  document.addEventListener("click", (event) => {
    const chosen = event.target.closest?.("button[role=tab]");
    const name = /^tab-(\w+)-button$/.exec(chosen?.id)?.[1];
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
