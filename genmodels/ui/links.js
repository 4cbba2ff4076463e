// Links: this file alone reads and writes the address. It holds the tab, what differs there from the defaults, what is
// hidden (hiding.js), and the run of this window.
//
// A tab's script says once that it is there, links.tab(name, { take, state }):
//   take(values, returned)
//                 sets every control to what the map `values`, name to text, says or else to its default, deletes from
//                 the map the names it knows, and returns a sentence for each value that it could not use; `returned`
//                 says that it was by Back, Forward or a refresh, where the browser itself scrolls;
//   state(shared) what differs from the defaults, as pairs [name, text]; `shared` is true for a link that is sent to
//                 others: ids of runs do not belong there.
// It calls links.changed() wherever a person has changed something, links.changing() while they are at it; the address
// follows by itself.
// A run belongs to the browser that started it: links.started(id) notes one. Its id is the key to it, so an address, which
// people copy, holds but the beginning, links.name(id); links.idOf(name) finds the rest in this browser, and what it does
// not find there is dropped.
const links = (() => {
  const LONGEST = 10_000; // characters of a value
  const MOST = 4; // sentences at once
  const PAUSE = 400; // milliseconds: browsers allow about a hundred changes of the address in half a minute
  const REMEMBERED = 100; // runs
  const NAME = 8; // characters of an id that an address shows
  const STORE = "genmodels-runs";
  const READER = ["lang", "__theme"]; // the reader's own, kept from one address to the next
  const COMMON = ["tab", "run", "hide", ...READER]; // of all tabs
  const FOREIGN = "This link names a run that was not started in this browser: it is left out. Start one of your own.";

  const tabs = new Map(); // name -> { take, state }, of those that are on the page
  let current = null; // the tab that is open
  let values = new Map(); // what the address says and no tab has taken yet
  let faults = []; // sentences
  let later = 0; // the timer of the next change of the address
  let written = -PAUSE; // when it was changed last
  let run = null; // the run of this window
  let seen = ""; // the search part of the address as it was last read or written

  // Runs of this browser.

  const since = new Set(); // of this window, should nothing be stored
  function remembered() {
    try {
      const ids = JSON.parse(localStorage.getItem(STORE));
      return Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : [];
    } catch {
      return [];
    }
  }

  function started(id) {
    since.add(id);
    try {
      const ids = [...remembered().filter((other) => other !== id), id];
      localStorage.setItem(STORE, JSON.stringify(ids.slice(-REMEMBERED)));
    } catch {} // then it is remembered until this window goes
  }

  const name = (id) => id.slice(0, NAME);
  const idOf = (named) =>
    named.length >= NAME ? [...since, ...remembered()].find((id) => id.startsWith(named)) ?? null : null;
  const mine = (named) => idOf(named) !== null;

  const refreshed = performance.getEntriesByType("navigation")[0]?.type !== "navigate";

  // Opening the page is the only way to come back to a run.
  const named = new URLSearchParams(location.search).getAll("run");
  if (named.length === 1) run = idOf(named[0]);

  // Reading.

  // What cannot be seen, or turns the writing direction, is shown as a box; what is long, in part.
  function shown(text) {
    const start = [...text.slice(0, 80)].slice(0, 40).join("");
    return start.replace(/\p{C}/gu, "\u25a1") + (start.length < text.length ? "..." : "");
  }

  const label = (name) => shown(name.replace(/^set /, "") || "nothing");
  const refused = (name, text, why) => `This link asks for ${label(name)} = ${shown(text)}, which ${why}: the default is used.`;
  const unknown = (name) => `This link sets ${label(name)}, which this tab does not have: it is left out.`;

  // Every parameter once; "set=width=8" becomes the name "set width".
  function read(search) {
    [values, faults] = [new Map(), []];
    const twice = new Set();
    for (const [name, whole] of new URLSearchParams(search)) {
      if (name.startsWith("__")) continue; // for gradio
      const cut = whole.indexOf("=");
      const [key, text] = name === "set" && cut > 0 ? [`set ${whole.slice(0, cut)}`, whole.slice(cut + 1)] : [name, whole];
      if (values.has(key)) twice.add(key);
      values.set(key, text);
    }
    for (const [key, text] of values) {
      const long = text.length > LONGEST;
      if (!long && !twice.has(key)) continue;
      values.delete(key);
      faults.push(
        twice.has(key)
          ? `This link gives ${label(key)} more than once: the default is used.`
          : `This link gives ${label(key)} a value of ${text.length.toLocaleString("en")} characters, which is too long: the default is used.`,
      );
    }
  }

  function pull(name) {
    const text = values.get(name);
    values.delete(name);
    return text;
  }

  // The tab that is asked for.
  function tabOf(asked) {
    const names = page.names();
    if (names.includes(asked)) return asked;
    if (asked !== undefined)
      faults.push(`This link asks for the tab ${shown(asked)}, which this page does not have: another one is shown.`);
    return "train"; // where the page opens
  }

  // What an address says, all of it.
  function arrive(search, returned) {
    seen = location.search;
    read(search);
    const named = pull("run");
    if (named !== undefined && !mine(named)) faults.push(FOREIGN);
    pull("lang");
    const hidden = pull("hide");
    current = tabOf(pull("tab"));
    faults.push(...hiding.set(hidden ?? ""));
    page.open(current);
    if (tabs.has(current)) take(returned);
    else tell(); // the tab takes the rest once it is there
    if ((named ?? null) !== (run && name(run))) write();
  }

  function take(returned) {
    faults.push(...tabs.get(current).take(values, returned));
    for (const name of values.keys()) faults.push(unknown(name));
    values = new Map();
    tell();
  }

  function tell() {
    const box = document.querySelector(".link-faults");
    if (!box) return;
    const sentences = faults.slice(0, MOST);
    if (faults.length > MOST) sentences.push(`And ${faults.length - MOST} more parts of this link cannot be used.`);
    const paragraph = (words) => Object.assign(document.createElement("p"), { className: "fault", textContent: words });
    box.replaceChildren(...sentences.map(paragraph));
  }

  function clear() {
    if (!faults.length) return;
    faults = [];
    tell();
  }

  // Writing.

  // A tab that is not on the page yet keeps what the address says of it.
  function write(own = tabs.get(current)?.state(false)) {
    clearTimeout(later);
    later = 0;
    written = performance.now();
    const before = new URLSearchParams(location.search);
    own ??= [...before].filter(([name]) => !COMMON.includes(name));
    const address = new URLSearchParams([["tab", current], ...own]);
    if (run) address.set("run", name(run));
    if (hiding.names().length) address.set("hide", hiding.names().join());
    for (const name of READER) if (before.has(name)) address.set(name, before.get(name));
    try {
      history.replaceState(history.state, "", `?${address}${location.hash}`);
      seen = location.search;
    } catch {
      later = setTimeout(() => write(), 2000); // too often for this browser
    }
  }

  // A person has changed something: what the link said of it no longer matters.
  function changed() {
    clear();
    if (later) return;
    const wait = PAUSE - (performance.now() - written);
    if (wait > 0) later = setTimeout(() => write(), wait);
    else write();
  }

  // The same while a person drags or types: the address waits for the end of it.
  function changing() {
    clear();
    clearTimeout(later);
    later = setTimeout(() => write(), PAUSE);
  }

  // A person has opened another tab.
  function opened(name) {
    if (later) write();
    clear();
    [current, values] = [name, new Map()];
    write(tabs.get(name)?.state(false) ?? []);
  }

  // A link within the page: nothing is loaded, the run stays, Back returns.
  function go(search) {
    if (later) write();
    const asked = new URLSearchParams(search);
    const before = new URLSearchParams(location.search);
    for (const name of READER) if (!asked.has(name) && before.has(name)) asked.set(name, before.get(name));
    if (!asked.has("hide") && hiding.names().length) asked.set("hide", hiding.names().join());
    if (!asked.has("run") && run) asked.set("run", name(run));
    const from = current;
    try {
      history.pushState(null, "", `?${asked}`);
    } catch {} // too often for this browser: the link is followed all the same
    arrive(`?${asked}`, false);
    if (current !== from) scrollTo(0, 0);
  }

  addEventListener("popstate", () => {
    if (current === null || location.search === seen) return; // a link to a place of the page
    clearTimeout(later);
    later = 0;
    arrive(location.search, true);
  });

  return {
    changed,
    changing,
    go,
    idOf,
    mine,
    name,
    opened,
    refused,
    shown,
    started,
    write,
    get current() {
      return current;
    },
    get run() {
      return run;
    },
    // The run that this window shows from now on, or none.
    set run(id) {
      run = id;
      if (id) started(id);
      write();
    },
    // The page is there, its tabs not yet.
    begin() {
      if (current === null && document.querySelector(".masthead")) arrive(location.search, refreshed);
      return current !== null;
    },
    tab(name, own) {
      tabs.set(name, own);
      hiding.apply();
      if (current === null) links.begin();
      else if (name === current) take(refreshed);
    },
    // What is sent to others: no run, and neither language nor theme, which are the reader's own.
    address() {
      const hidden = hiding.names().length ? [["hide", hiding.names().join()]] : [];
      const parts = new URLSearchParams([["tab", current], ...(tabs.get(current)?.state(true) ?? []), ...hidden]);
      return `${location.origin}${location.pathname}?${parts}`;
    },
  };
})();
