// What a link hides, "hide=more,generator_lr,slide.t": regions of the page, tabs, tools, and controls by their names.
// What is hidden keeps its value; the state of a run and what goes wrong have no name and cannot be hidden.
const hiding = (() => {
  const REGIONS = {
    tabs: ["The row of tabs", ".tab-wrapper"],
    more: ["More settings", ".tabitem .more"],
    tries: ["Try this", ".tabitem .tries"],
    card: ["The paper's card", "#cards"],
  };
  const every = (selector, within = document) => [...within.querySelectorAll(selector)];
  const told = (name) => JSON.parse(document.querySelector(".masthead").dataset[name]);
  const owner = (part) => part.closest("[data-tool], [data-owner]")?.dataset;
  const full = (part) => `${owner(part)?.tool ?? owner(part)?.owner}.${part.dataset.name}`;
  const isTab = (name) => page.names().includes(name);

  let hidden = new Set();
  let watched = null; // the row of tabs, whose menu is made anew where the width changes

  // From a link; a sentence for each name that means nothing.
  function set(text) {
    const names = [...new Set(text.split(",").map((name) => name.trim()))].filter(Boolean);
    const known = new Set([...Object.keys(REGIONS), ...page.names(), ...told("controls")]);
    hidden = new Set(names.filter((name) => known.has(name)));
    apply();
    const unknown = names.filter((name) => !known.has(name));
    return unknown.map((name) => `This link hides ${links.shown(name)}, which this page does not have.`);
  }

  function apply() {
    watch();
    if (!hidden.size && !document.querySelector(".away")) return;
    const away = (part, gone) => part?.classList.toggle("away", gone);
    for (const [name, [, selector]] of Object.entries(REGIONS))
      for (const part of every(selector)) away(part, hidden.has(name));
    for (const name of page.names()) away(page.button(name), hidden.has(name));
    for (const tool of every(".tool")) away(tool, hidden.has(tool.dataset.tool) && !isTab(tool.dataset.tool));
    for (const part of every(".tabitem [data-name]")) away(part, hidden.has(part.dataset.name) || hidden.has(full(part)));
  }

  function watch() {
    const row = document.querySelector(".tab-wrapper");
    if (!row || row === watched) return;
    watched = row;
    new MutationObserver(apply).observe(row, { childList: true, subtree: true, characterData: true });
  }

  // The list to choose from: what the open tab has.

  function group(title, pairs) {
    const box = document.createElement("fieldset");
    box.append(Object.assign(document.createElement("legend"), { textContent: title }));
    for (const [name, words] of pairs) {
      const label = document.createElement("label");
      const tick = { type: "checkbox", value: name, checked: hidden.has(name) };
      const named = Object.assign(document.createElement("em"), { textContent: name.split(".")[1] ?? "" });
      label.append(Object.assign(document.createElement("input"), tick), words, named);
      box.append(label);
    }
    return box;
  }

  const words = (part) => part.querySelector("legend, label")?.firstChild.textContent.trim();

  // Settings of models that are not chosen are left out.
  function controls(within) {
    const parts = every("[data-name]", within).filter((part) => words(part) && !part.closest(".settings[hidden]"));
    return parts.map((part) => [full(part), words(part)]);
  }

  function list() {
    const panel = document.getElementById(`tab-${links.current}`);
    const tools = every(".tool", panel);
    const regions = Object.entries(REGIONS).filter(([name, [, selector]]) => name === "tabs" || every(selector, panel).length);
    const groups = [group("The page", regions.map(([name, [title]]) => [name, title]))];
    for (const tool of tools) {
      const whole = isTab(tool.dataset.tool) ? [] : [[tool.dataset.tool, "All of it"]];
      groups.push(group(tool.querySelector("h2").textContent, [...whole, ...controls(tool)]));
    }
    if (!tools.length && controls(panel).length) groups.push(group("Controls", controls(panel)));
    const others = page.names().filter((name) => name !== links.current);
    groups.push(group("Tabs", others.map((name) => [name, told("tabs")[name]])));
    document.querySelector(".hiding .groups").replaceChildren(...groups);
  }

  function tick(box) {
    if (box.checked) hidden.add(box.value);
    else hidden.delete(box.value);
    apply();
    links.changed();
  }

  const folded = () => document.querySelector(".hiding");
  const fold = () => folded()?.removeAttribute("open");
  document.addEventListener("toggle", ({ target }) => target === folded() && target.open && list(), { capture: true });
  document.addEventListener("change", ({ target }) => target.matches?.(".hiding input") && tick(target));
  document.addEventListener("pointerdown", ({ target }) => folded()?.contains(target) || fold());
  document.addEventListener("keydown", (event) => event.key === "Escape" && fold());

  return { apply, names: () => [...hidden], set };
})();
