// The tabs of the page: the address names the one that is open, and plain links within the page need no reload.
const page = (() => {
  const names = () => Object.keys(JSON.parse(document.querySelector(".masthead")?.dataset.tabs ?? "{}"));
  const ofName = (name) => document.getElementById(`tab-${name}-button`);

  // Tabs that find no room stand in a menu, in their order and without their names.
  const entries = () => [...document.querySelectorAll(".overflow-dropdown button")];
  const inMenu = () => names().filter((name) => !ofName(name));
  const button = (name) => ofName(name) ?? entries()[inMenu().indexOf(name)];
  const nameOf = (part) => names().find((name) => ofName(name) === part) ?? inMenu()[entries().indexOf(part)];

  let wanted = null;
  let looking = 0;

  function settled() {
    const chosen = button(wanted);
    if (chosen?.ariaSelected === "true") return true;
    chosen?.click(); // tells nobody before the page has come to life: looked at again
    return false;
  }

  function open(name) {
    wanted = name;
    clearInterval(looking);
    if (!settled()) looking = setInterval(() => settled() && clearInterval(looking), 50);
  }

  const started = setInterval(() => links.begin() && clearInterval(started), 50);

  document.addEventListener("click", (event) => {
    const chosen = event.target.closest?.("button[role=tab], .overflow-dropdown button");
    const name = chosen && nameOf(chosen);
    if (!name || name === links.current) return;
    wanted = name;
    links.opened(name);
  });

  // Past the row of tabs, for who goes by keys. The address stays what it is.
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("a.skip")) return;
    event.preventDefault();
    const panel = document.getElementById(`tab-${links.current}`);
    panel.tabIndex = -1;
    panel.focus();
  });

  // A link asked for in another window, or by a key, stays what the browser makes of it.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="?"]');
    if (!link || event.defaultPrevented || event.button !== 0) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (!["", "_self"].includes(link.target) || link.hasAttribute("download")) return;
    event.preventDefault();
    links.go(link.search);
  });

  return { button, names, open };
})();
