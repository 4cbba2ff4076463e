// The words of the page are written in English, here and on the server. Where Chinese is chosen, this file shows them in
// Chinese: whatever comes onto the page is looked up before it is painted, what stood there is kept, and English comes
// back without loading anything.
//
// The catalogue maps English to Chinese. A number in it stands for any number, {} for any words, which are looked up in
// turn; {2} in the Chinese is the second of them, {!2} the same left as it is. What is not found whole is looked up
// sentence by sentence, then in the pieces between semicolons, then commas. Chosen is what the address says (lang=zh),
// else what was chosen here before, else what the browser asks for.
const language = (() => {
  const TAGS = { en: "en", zh: "zh-Hans" }; // in an address, and in HTML
  const STORE = "genmodels-language";
  const SILENT = "script, style, code, pre, textarea, math, .katex, .formula, .equation, [translate=no]";
  const ATTRIBUTES = ["aria-label", "aria-valuetext", "aria-roledescription", "alt", "title", "placeholder"];
  const CHANGES = { subtree: true, childList: true, characterData: true, attributeFilter: ATTRIBUTES };
  const MOST = 5000; // texts remembered
  const SURE = 24; // letters that make sure which template is meant
  const WILD = "(.+?)"; // what stands for {} in a pattern; at first, no comma or the like may be in it
  const WORD = /\p{Script=Latin}/u;
  const LOWER = /\p{Ll}{2}/u; // what has none is a name
  const NUMBER =
    /[\uE000-\uF8FF]|(?<![\p{Script=Latin}\d_{!]|\p{Script=Latin}-)(?:(?<![\d)\]}])[-\u2212])?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+\u2212]?\d+)?/gu;
  const SENTENCES = /(?<=[.!?]\)?) (?=\P{Ll})/u;
  const ANY_SENTENCES = /(?<=[.!?]\)?) /; // those that begin with a name, too
  const PARTS = [[/; /, "\uff1b"], [/, /, "\uff0c"]];

  // Looking up. In a key the numbers of a text are letters for private use, in their order.

  const exact = new Map();
  const templates = []; // the most definite first
  const long = []; // those of several sentences
  const recent = new Map(); // key -> what was found for it, or null
  const letter = (place) => String.fromCharCode(0xe000 + place);
  const place = (letter) => letter.charCodeAt(0) - 0xe000;
  const numbered = (text, numbers) => text.replace(NUMBER, (number) => letter(numbers.push(number) - 1));

  // The Chinese with the numbers that its English has as letters, too.
  function alike(chinese, numbers) {
    const left = [...numbers];
    return chinese.replace(NUMBER, (number) => {
      const at = left.includes(number) ? left.indexOf(number) : numbers.indexOf(number);
      if (at < 0) return number;
      left[at] = null;
      return letter(at);
    });
  }

  function learn(english, chinese) {
    const numbers = [];
    const key = numbered(english, numbers);
    const meaning = alike(chinese, numbers);
    if (!key.includes("{}")) return exact.set(key, meaning);
    const [words, digits] = [[], []]; // the groups of the pattern that hold them
    let groups = 0;
    const source = key.replace(/\{\}|[\uE000-\uF8FF]|[\\^$.*+?()[\]{}|]/g, (part) => {
      if (part === "{}") return words.push(++groups) && WILD;
      return part >= "\uE000" ? digits.push(++groups) && "([\uE000-\uF8FF])" : `\\${part}`;
    });
    const fixed = key.split(/\{\}|[\uE000-\uF8FF]/).sort((a, b) => b.length - a.length);
    const loose = new RegExp(`^${source}$`);
    const tight = new RegExp(`^${source.replaceAll(WILD, "((?:(?![,;:.] ).)+?)")}$`);
    const one = { loose, tight, anchor: fixed[0], sure: fixed.join("").length, words, digits, meaning };
    templates.push(one);
    if (ANY_SENTENCES.test(key)) long.push(one);
  }

  function filled({ words, digits, meaning }, found) {
    let next = 0;
    return meaning.replace(/\{(!?)(\d?)\}|[\uE000-\uF8FF]/g, (part, asItIs, which) => {
      if (part >= "\uE000") return found[digits[place(part)]];
      const text = found[words[which ? which - 1 : next++]];
      return (asItIs ? null : translated(text)) ?? text;
    });
  }

  function bySentence(sentences) {
    const meanings = sentences.map(translated);
    if (meanings.every((words) => words === null)) return null;
    return meanings.map((words, i) => words ?? ` ${sentences[i]} `).join("").trim();
  }

  // All pieces or none, but for names.
  function inPieces(key) {
    const open = /[^.]\.$/.test(key) && translated(key.slice(0, -1));
    if (open) return `${open}\u3002`;
    for (const [gap, joint] of PARTS) {
      const parts = key.split(gap);
      if (parts.length < 2) continue;
      const meanings = parts.map((part) => translated(part) ?? (LOWER.test(part) ? null : part));
      if (!meanings.includes(null)) return meanings.join(joint);
    }
    return null;
  }

  function search(key) {
    if (exact.has(key)) return exact.get(key);
    let sentences = key.split(SENTENCES);
    if (sentences.length === 1) sentences = key.split(ANY_SENTENCES);
    const several = sentences.length > 1;
    const by = (pattern, least = 0) => {
      for (const one of several ? long : templates) {
        const found = one.sure >= least && key.includes(one.anchor) && one[pattern].exec(key);
        if (found) return filled(one, found);
      }
      return null;
    };
    return by("tight") ?? by("loose", SURE) ?? (several ? bySentence(sentences) : inPieces(key)) ?? by("loose");
  }

  // The Chinese of an English text, or null.
  function translated(text) {
    if (!WORD.test(text)) return null;
    const numbers = [];
    const key = numbered(text, numbers);
    if (!recent.has(key)) {
      if (recent.size > MOST) recent.clear();
      recent.set(key, search(key));
    }
    return recent.get(key)?.replace(/[\uE000-\uF8FF]/g, (part) => numbers[place(part)]) ?? null;
  }

  // Showing. A place is a text, or an attribute of an element.

  const notes = new WeakMap(); // node -> Map of attribute (or "") -> { english, chinese }
  const originals = new Map(); // Chinese -> English: where a script has copied what was shown
  const read = (node, name) => (name ? node.getAttribute(name) : node.data);
  const write = (node, name, text) => (name ? node.setAttribute(name, text) : (node.data = text));

  function inChinese(node, name) {
    const english = read(node, name);
    if (notes.get(node)?.get(name)?.chinese === english) return; // is Chinese already
    const [, before, words, after] = /^(\s*)(.*?)(\s*)$/s.exec(english);
    const meaning = translated(words.replace(/\s+/g, " "));
    if (meaning === null) return;
    const wide = /[\uff0c\uff1a\uff1b\u3002]$/.test(meaning); // these marks bring their space along
    const chinese = before + meaning + (wide ? "" : after);
    if (!notes.has(node)) notes.set(node, new Map());
    notes.get(node).set(name, { english, chinese });
    if (originals.size > MOST) originals.clear();
    originals.set(chinese.trim(), english);
    write(node, name, chinese);
  }

  function inEnglish(node, name) {
    const now = read(node, name);
    const note = notes.get(node)?.get(name);
    const english = note?.chinese === now ? note.english : originals.get(now.trim());
    if (english !== undefined) write(node, name, english);
  }

  // Every place within a node, itself among them.
  function each(root, change) {
    const element = root.nodeType === Node.ELEMENT_NODE ? root : root.parentElement;
    if (!element || element.closest(SILENT)) return;
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) =>
      node.nodeType === Node.ELEMENT_NODE && node.matches(SILENT) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
    );
    for (let node = root; node; node = walker.nextNode())
      if (node.nodeType === Node.TEXT_NODE) change(node, "");
      else if (node.nodeType === Node.ELEMENT_NODE)
        for (const name of ATTRIBUTES) if (node.hasAttribute(name)) change(node, name);
  }

  // Called before anything is painted.
  const watching = new MutationObserver((records) => {
    for (const { type, target, attributeName, addedNodes } of records)
      if (type === "childList") addedNodes.forEach((node) => each(node, inChinese));
      else if (type === "characterData") each(target, inChinese);
      else if (!target.closest(SILENT)) inChinese(target, attributeName);
    watching.takeRecords(); // what was just written
  });

  // Choosing.

  const whole = document.documentElement;
  let current = first();
  let loading = null;

  async function load() {
    const pairs = await (await fetch(CATALOGUE)).json();
    for (const [english, chinese] of Object.entries(pairs)) learn(english, chinese);
    templates.sort((a, b) => b.sure - a.sure);
    long.sort((a, b) => b.sure - a.sure);
    recent.clear(); // what was looked up too early
  }

  async function show(name) {
    current = name;
    whole.lang = TAGS[name];
    if (name === "zh") {
      loading ??= load();
      try {
        await loading;
      } catch {
        loading = null; // the words stay English until it is asked for again
      }
      if (current !== name || !loading) return;
      watching.observe(document, CHANGES);
      each(whole, inChinese);
    } else {
      watching.disconnect();
      each(whole, inEnglish);
    }
    dispatchEvent(new Event("resize")); // the row of tabs measures its words
  }

  function stored() {
    try {
      return localStorage.getItem(STORE);
    } catch {
      return null;
    }
  }

  // A name of a language that is there, or nothing.
  function known(name) {
    return name in TAGS ? name : undefined;
  }

  function first() {
    const wished = navigator.languages.map((tag) => known(tag.slice(0, 2).toLowerCase()));
    return known(new URLSearchParams(location.search).get("lang")) ?? known(stored()) ?? wished.find(Boolean) ?? "en";
  }

  function choose(name) {
    try {
      localStorage.setItem(STORE, name);
    } catch {} // then the address alone remembers
    const address = new URL(location);
    address.searchParams.set("lang", name);
    try {
      history.replaceState(history.state, "", address);
    } catch {} // too often for this browser
    links.write();
    show(name);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-language]");
    if (button) choose(button.dataset.language);
  });

  // Gradio names the language of the browser.
  const named = () => whole.lang !== TAGS[current] && (whole.lang = TAGS[current]);
  new MutationObserver(named).observe(whole, { attributeFilter: ["lang"] });
  show(current);

  // Words for where no node holds them, as on a canvas.
  return { words: (english) => (current === "zh" && translated(english)) || english };
})();
