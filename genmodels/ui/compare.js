// Two runs: what is changed between them, their pictures under one slider, and the news of both.
const MODEL = "model";
const UNREACHABLE = "The server does not answer. Trying again.";
const kinds = JSON.parse(find(".lab").dataset.kinds);
const field = (name) => find(`.field[data-name=${name}]`);
const fault = (sentence) => (find(".fault").textContent = sentence ?? "");
const sides = every(".side").map((part) => ({ part, pictures: new Map() }));
const FOREIGN = "This link names runs that were not started in this browser: they are left out. Start two of your own.";

let runs = null; // both ids, "a,b"
let news = { state: "idle", revision: "" };
let both = {}; // settings of a preset that hold for both
let busy = false;
let again = false;
let following = true; // the latest pictures
let timer = null; // of a replay
let wake = () => {};

const active = () => ["waiting", "running", "paused"].includes(news.state);

// Controls.

// A field for a value: a list where there are options, else a number.
function fill(name, words, code, kind, value) {
  const label = Object.assign(document.createElement("label"), { htmlFor: `compare-${name}`, textContent: `${words} ` });
  label.append(Object.assign(document.createElement("em"), { textContent: code, translate: false }));
  const input = document.createElement(kind.options ? "select" : "input");
  input.id = `compare-${name}`;
  if (kind.options) input.append(...kind.options.map((option) => new Option(option, option)));
  else Object.assign(input, { type: "number", min: kind.low, max: kind.high, step: kind.whole ? "1" : "any" });
  input.dataset.default = input.value = value;
  field(name).replaceChildren(label, input);
}

function showVary() {
  const model = valueOf(field("model"));
  const select = find("#compare-vary");
  const before = select.value || MODEL;
  const settings = kinds[model].map((kind) => new Option(`${kind.label} (${kind.name})`, kind.name));
  select.replaceChildren(new Option("The model", MODEL), ...settings);
  select.dataset.default = MODEL;
  select.value = kinds[model].some((kind) => kind.name === before) ? before : MODEL;
  showValues();
}

function showValues() {
  const [model, vary] = [valueOf(field("model")), valueOf(field("vary"))];
  const kind = kinds[model].find((one) => one.name === vary);
  field("first").hidden = !kind;
  if (kind) {
    fill("first", "First", kind.name, kind, kind.value);
    fill("second", "Second", kind.name, kind, kind.other);
  } else {
    field("first").replaceChildren();
    const others = Object.keys(kinds).filter((name) => name !== model);
    fill("second", "Compared with", MODEL, { options: others }, model === "wgan" ? "wgan_gp" : others[0]);
  }
  showBoth({});
}

function showBoth(settings) {
  both = settings;
  const words = Object.entries(both).map(([name, value]) => `${name} = ${value}`);
  find(".both").textContent = words.length ? `Both have ${words.join(", ")}.` : "";
  find(".both").hidden = !words.length;
}

function setup() {
  const vary = valueOf(field("vary"));
  return {
    model: valueOf(field("model")),
    dataset: valueOf(field("data")),
    vary,
    first: vary === MODEL ? null : valueOf(field("first")),
    second: valueOf(field("second")),
    settings: both,
    seed: valueOf(field("seed")),
    seconds: Number(valueOf(field("seconds"))),
  };
}

function apply({ model, dataset, vary, first, second, settings, seed, seconds }) {
  setValue(field("model"), model);
  if (dataset) setValue(field("data"), dataset);
  showVary();
  setValue(field("vary"), vary);
  showValues();
  if (vary !== MODEL) setValue(field("first"), first);
  setValue(field("second"), second);
  showBoth(settings ?? {});
  if (seed !== undefined) setValue(field("seed"), seed);
  setValue(field("seconds"), seconds);
}

// Runs.

async function ask(name, request) {
  return (await server[name](request)) ?? (name === "look" ? null : { error: UNREACHABLE });
}

async function start() {
  again = busy; // another of the pairs was asked for meanwhile: the last one counts
  if (busy) return;
  busy = true;
  buttons();
  fault("");
  const answer = await ask("start", { ...setup(), ...ownData.request(), replaces: runs });
  busy = false;
  if (answer.error) fault(answer.error);
  else {
    answer.runs.split(",").forEach(links.started);
    adopt(answer.runs);
    links.write();
  }
  buttons();
  if (again) start();
}

function adopt(ids) {
  runs = ids;
  news = { state: "waiting", revision: "" };
  following = true;
  halt();
  for (const side of sides) side.pictures.clear();
  announce(find(".message"), "");
  announce(find(".heard"), "");
  find(".plots").innerHTML = "";
  find(".difference ul").replaceChildren();
  wake();
}

async function command(action) {
  if (!runs) return;
  fault("");
  const answer = await ask("command", { runs, action });
  fault(answer.error);
  wake();
}

function buttons() {
  find("[data-do=start]").disabled = busy;
  find("[data-do=start]").textContent = busy ? "Starting" : runs ? "Start again" : "Start both";
  find("[data-do=pause]").disabled = find("[data-do=stop]").disabled = !active();
  find("[data-do=pause]").textContent = news.state === "paused" ? "Resume" : "Pause";
  find(".readings").hidden = !find(".plots").innerHTML;
  find(".nearness").hidden = !news.judged;
  find(".difference").hidden = !find(".difference li");
  find(".lab").dataset.state = news.state;
}

function hear(answer) {
  if (answer.error) {
    if (answer.gone) {
      runs = null;
      news = { state: "idle", revision: "" };
      links.write();
      buttons();
    }
    return announce(find(".message"), answer.error);
  }
  if (news.revision === "") {
    apply(answer.setup);
    links.write();
  }
  news = answer;
  answer.sides.forEach(({ name, says, kept, fresh }, place) => {
    const { part, pictures } = sides[place];
    part.querySelector("h3").textContent = name;
    part.querySelector("h3").removeAttribute("aria-hidden");
    part.querySelector(".says").textContent = says;
    for (const picture of fresh) pictures.set(picture.images, picture);
    for (const key of pictures.keys()) if (!kept.includes(key)) pictures.delete(key);
  });
  receive();
  find(".plots").innerHTML = answer.plots;
  document.dispatchEvent(new Event("figure-redrawn"));
  find(".status").innerHTML = answer.status;
  announce(find(".message"), answer.message);
  announce(find(".heard"), answer.state);
  const lines = answer.words.map((words) => Object.assign(document.createElement("li"), { textContent: words }));
  find(".difference ul").replaceChildren(...lines);
  buttons();
}

// Pixels of one plot: of a column, once there are any.
function column() {
  const pixels = parseInt(getComputedStyle(find(".plots")).gridTemplateColumns);
  return pixels || Math.min(520, find(".stage").clientWidth);
}

async function listen() {
  while (element.isConnected) {
    const began = performance.now();
    let pause = active() ? 250 : 1000;
    if (runs && !document.hidden && element.offsetParent) {
      const asked = runs;
      const have = sides.map(({ pictures }) => [...pictures.keys()]);
      const answer = await ask("look", { runs, revision: news.revision, have, width: column() });
      if (asked !== runs) pause = 0;
      else if (answer) hear(answer);
      if (answer?.more) pause = 0;
    }
    const rest = Math.max(0, pause - (performance.now() - began));
    await new Promise((resolve) => {
      wake = resolve;
      setTimeout(resolve, rest);
    });
  }
}

// Pictures: the slider goes over all numbers of images at which either was drawn.

const slider = find(".replay input");
const places = () => [...new Set(sides.flatMap(({ pictures }) => [...pictures.keys()]))].sort((a, b) => a - b);

function receive() {
  const before = slider.dataset.images;
  const all = places();
  slider.max = Math.max(0, all.length - 1);
  find(".replay").hidden = all.length < 2;
  if (following) slider.value = slider.max;
  else slider.value = Math.max(0, all.findIndex((images) => images >= Number(before)));
  show();
}

// Each shows the latest of its pictures up to that number of images.
function show() {
  const images = places()[Number(slider.value)];
  if (images === undefined) return;
  slider.dataset.images = images;
  for (const { part, pictures } of sides) {
    const at = Math.max(...[...pictures.keys()].filter((key) => key <= images));
    const picture = pictures.get(at);
    const image = part.querySelector(".picture");
    if (!picture || (image.dataset.images === String(at) && image.alt === picture.alt)) continue;
    image.dataset.images = at;
    image.src = `data:image/png;base64,${picture.png}`;
    image.alt = picture.alt;
    image.hidden = false;
    part.querySelector(".caption").textContent = picture.caption;
  }
  const words = `${images.toLocaleString("en")} images`;
  find(".replay output").textContent = following && slider.value === slider.max ? `${words}, latest` : words;
  slider.setAttribute("aria-valuetext", words);
}

function halt() {
  clearInterval(timer);
  timer = null;
  find("[data-do=replay]").textContent = "Replay";
}

function replay() {
  if (timer) return halt();
  following = false;
  slider.value = 0;
  show();
  find("[data-do=replay]").textContent = "Halt";
  timer = setInterval(() => {
    if (!element.isConnected) return clearInterval(timer);
    if (Number(slider.value) >= Number(slider.max)) {
      following = true;
      return halt();
    }
    slider.value = Number(slider.value) + 1;
    show();
  }, 120);
}

slider.addEventListener("input", () => {
  halt();
  following = slider.value === slider.max;
  show();
});

const deeds = {
  start,
  pause: () => command(news.state === "paused" ? "resume" : "pause"),
  stop: () => command("stop"),
  replay,
};

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.preset) {
    apply(JSON.parse(button.dataset.preset));
    links.changed();
    start();
    toPicture();
  } else deeds[button.dataset.do]?.();
});

element.addEventListener("own-shown", () => fault(""));
find("form").addEventListener("submit", (event) => event.preventDefault());

element.addEventListener("change", (event) => {
  if (event.target.id === "compare-model") showVary();
  if (event.target.id === "compare-vary") showValues();
  if (event.target.closest("form")) links.changed();
});

// A link sets the controls and starts nothing; it leads back to two runs of this browser.
function fromLink(values) {
  const faults = accept(field("model"), "model", values);
  faults.push(...accept(field("data"), "data", values));
  showVary();
  faults.push(...accept(field("vary"), "vary", values));
  showValues();
  if (valueOf(field("vary")) !== MODEL) faults.push(...accept(field("first"), "first", values));
  faults.push(...accept(field("second"), "second", values));
  const kind = (name) => kinds[valueOf(field("model"))].find((one) => one.name === name);
  const shared = {};
  for (const [name, value] of [...values]) {
    if (!name.startsWith("set ") || !kind(name.slice(4))) continue;
    shared[name.slice(4)] = value;
    values.delete(name);
  }
  showBoth(shared);
  for (const name of ["seed", "seconds"]) faults.push(...accept(field(name), name, values));
  const named = values.get("runs");
  values.delete("runs");
  const ids = named?.split(",").map(links.idOf);
  if (named === undefined || ids.join() === runs) return faults;
  if (ids.length === 2 && ids[0] && ids[1]) adopt(ids.join());
  else {
    faults.push(FOREIGN);
    setTimeout(() => links.write()); // without them
  }
  return faults;
}

function forLink(shared) {
  const names = ["model", "data", "vary", "second", "seed", "seconds"];
  if (valueOf(field("vary")) !== MODEL) names.push("first");
  const pairs = names.map((name) => [name, carried(field(name))]).filter(([, value]) => value !== undefined);
  pairs.push(...Object.entries(both).map(([name, value]) => ["set", `${name}=${value}`]));
  if (runs && !shared) pairs.push(["runs", runs.split(",").map(links.name).join()]);
  return pairs;
}

document.addEventListener("visibilitychange", () => wake());
new ResizeObserver(() => wake()).observe(element); // the tab is opened
showVary();
buttons();
links.tab("compare", { take: fromLink, state: forLink });
listen();
