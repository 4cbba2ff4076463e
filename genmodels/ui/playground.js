// The game: begun, played on at every request, commanded. One request at a time; none while nobody can see it.
const fields = () => every(".settings .field[data-name]");
const lawNow = () => find("input[name=law]:checked").value;
const SLICE = 22; // milliseconds of playing in one request
const LOOK = 500; // milliseconds between measures
const UNREACHABLE = "The server does not answer. Trying again.";
const FIXED = "Started again from the same seed: this cannot change under way.";
const FORGOTTEN = "The server had forgotten this game. It starts again from the same seed.";
const ACTS = [
  ["sample", "1 of 5: sample z, 400 draws of noise from N(0, I), shown at half their size"],
  ["generate", "2 of 5: generate, G carries every z to G(z), and the grid with it"],
  ["score", "3 of 5: score, D gives its verdict on every place"],
  ["discriminator", "4 of 5: D's step, its verdict on data up, on fakes down"],
  ["generator", "5 of 5: G's step, fakes follow the arrows, where G's loss falls"],
];

let id = null;
let real, z;
let frame = null; // the latest
let playing = false;
let slow = false;
let act = 0; // the next of the ACTS
let restart = true; // whether a game is to begin
let steps = 0; // asked for by hand
let changes = {}; // live settings that the server has not heard of
let measured = -1; // the round of the latest measures
let lastLook = 0;
let strokes = [];
let cursor = null;
let wake = () => {};

const visible = () => !document.hidden && canvas.offsetParent !== null;
let said = ""; // in English, whatever language stands there
const say = (words) => (find(".message").textContent = said = words ?? "");
const fault = (words) => (find(".fault").textContent = words ?? "");
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const layers = () => Object.fromEntries(every(".layers input").map((box) => [box.value, box.checked ? 1 : 0]));

function settings() {
  const values = fields().filter((field) => field.dataset.name !== "seed");
  return Object.fromEntries(values.map((field) => [field.dataset.name, valueOf(field)]));
}

// Asking.

async function ask(name, request) {
  const answer = await server[name](request);
  return answer ?? { error: UNREACHABLE, silent: true };
}

async function begin() {
  restart = false;
  act = 0;
  changes = {};
  const seed = find("#playground-seed").value;
  const answer = await ask("begin", {
    law: lawNow(),
    strokes,
    seed: seed === "" ? "nothing" : Number(seed),
    settings: settings(),
    replaces: id,
  });
  if (answer.silent) {
    say(answer.error);
    restart = true;
    return pause(1000);
  }
  fault(answer.error);
  if (answer.error) return halt();
  if (said === UNREACHABLE) say("");
  id = answer.id;
  [real, z] = [numbers(answer.real), numbers(answer.z)];
  measured = -1;
  take(answer);
  show();
}

// One request for what is to be played, with everything that waits to be said.
async function advance(request) {
  const set = changes;
  changes = {};
  const due = playing ? performance.now() - lastLook > LOOK : steps > 0 || frame.settled || measured < 0;
  const only = find("input[name=player]:checked").value;
  const width = find(".readings").clientWidth;
  const answer = await ask("advance", { id, only, set, measure: due, width, ...request });
  if (answer.silent) {
    say(answer.error);
    changes = { ...set, ...changes };
    await pause(1000);
  } else if (answer.gone) {
    say(FORGOTTEN);
    id = null;
    restart = true;
  } else if (answer.fakes === undefined) {
    fault(answer.error);
    halt();
  } else {
    if (said === UNREACHABLE) say("");
    if (Object.keys(set).length) fault(answer.error);
    take(answer);
  }
}

function take(answer) {
  const before = frame;
  frame = {
    ...answer,
    real,
    fakes: numbers(answer.fakes),
    lattice: numbers(answer.lattice),
    pull: numbers(answer.pull, UNIT / 10),
    surface: numbers(answer.surface),
  };
  if (!before?.settled && frame.settled) measured = -1; // now with the whole floor
  canvas.dataset.rounds = frame.rounds;
  canvas.dataset.frames = Number(canvas.dataset.frames ?? 0) + 1;
  find(".rounds").textContent = `round ${frame.rounds.toLocaleString("en")}`;
  if (answer.plots !== undefined) {
    measured = frame.rounds;
    caption();
    lastLook = performance.now();
    find(".readings dl").innerHTML = answer.readings;
    find(".plots").innerHTML = answer.plots;
    find(".reading").innerHTML = answer.formulas;
    document.dispatchEvent(new Event("figure-redrawn"));
    canvas.setAttribute("aria-label", answer.says);
    if (!playing) say(answer.says);
  }
}

function caption() {
  const score = `The critic's score goes from ${frame.ends[0]} to ${frame.ends[1]} in the window. `;
  find(".caption").textContent =
    "Shade: blue where D says data, orange where it says fake. Grid: lines of equal probability of z, so that each cell " +
    `holds the same share of all fakes. Arrows: where G's loss falls, by ${frame.slope} a unit (median). ` +
    `${frame.verdict ? "" : score}400 points of each, the same z throughout; the window is 3 units wide.`;
}

// Drawing.

function show() {
  if (lawNow() === "drawn" && (!frame || drawing || cursor || !strokes.length)) {
    paint(frame && strokes.length ? frame : {}, { ...layers(), real: 0 });
    return paintStrokes(strokes, cursor, language.words("Draw here"));
  }
  if (frame) paint(frame, layers());
}

async function tween(ms, draw) {
  const began = performance.now();
  if (still()) ms = 0;
  for (let t = 0; t < 1 && slow && !restart; ) {
    await new Promise(requestAnimationFrame);
    t = ms ? Math.min(1, (performance.now() - began) / ms) : 1;
    draw(t * t * (3 - 2 * t));
  }
}

const mix = (a, b, t) => a.map((value, i) => value + t * (b[i] - value));

// The lattice of z itself, from the order of the server: first by z_1, then by z_2.
function flat() {
  const lines = Math.round(Math.sqrt(frame.lattice.length / 2));
  const at = (k) => 0.5 * quantile((k + 1) / (lines + 1));
  return Float32Array.from(frame.lattice, (_, i) => at(i % 2 ? (i >> 1) % lines : Math.floor((i >> 1) / lines)));
}

// The quantile of N(0, 1), near enough for a picture (a logistic curve with its variance).
const quantile = (u) => (Math.log(u / (1 - u)) * Math.sqrt(3)) / Math.PI;

async function playAct() {
  const [name, words] = ACTS[act];
  act = (act + 1) % ACTS.length;
  find(".act").textContent = words;
  const on = layers();
  const quiet = { ...on, surface: 0, pull: 0 };
  const noise = z.map((value) => value / 2);
  const before = frame;
  if (name === "sample") await tween(900, (t) => paint({ ...before, fakes: noise, lattice: flat() }, { ...quiet, fakes: t * on.fakes }));
  if (name === "generate") {
    const grid = flat();
    const moved = (t) => ({ ...before, fakes: mix(noise, before.fakes, t), lattice: mix(grid, before.lattice, t) });
    await tween(1400, (t) => paint(moved(t), quiet));
  }
  if (name === "score") await tween(900, (t) => paint(before, { ...quiet, surface: t * on.surface }));
  if (name === "discriminator") {
    await advance({ rounds: 1, only: "discriminator", part: true });
    await tween(900, (t) => paint({ ...before, surface: mix(before.surface, frame.surface, t) }, { ...on, pull: 0 }));
  }
  if (name === "generator") {
    await tween(700, (t) => paint(before, { ...on, pull: t * on.pull }));
    await advance({ rounds: 1, only: "generator" });
    const moved = (t) => ({ ...before, fakes: mix(before.fakes, frame.fakes, t), lattice: mix(before.lattice, frame.lattice, t) });
    await tween(900, (t) => paint(moved(t), on));
  }
  if (playing) await pause(500);
}

// The loop.

async function loop() {
  while (element.isConnected) {
    const blank = lawNow() === "drawn" && !strokes.length;
    const idle = !playing && !steps && !Object.keys(changes).length && (!frame || (frame.settled && measured === frame.rounds));
    if (!visible() || blank || (!restart && (!id || idle))) {
      await new Promise((resolve) => (wake = resolve));
      continue;
    }
    if (restart) await begin();
    else if (slow && (playing || steps)) {
      steps = Math.max(0, steps - 1);
      await playAct();
    } else {
      const asked = steps;
      await advance(asked ? { rounds: asked } : playing ? { milliseconds: SLICE } : { rounds: 0 });
      steps = Math.max(0, steps - asked);
      requestAnimationFrame(show); // while the next request is under way
    }
  }
}

// Commanding.

function halt() {
  playing = false;
  buttons();
}

function buttons() {
  const play = find("[data-do=play]");
  play.textContent = playing ? "Pause" : "Play";
  find("[data-do=slow]").setAttribute("aria-pressed", slow);
  find(".drawing").hidden = lawNow() !== "drawn";
  canvas.classList.toggle("writable", lawNow() === "drawn");
  canvas.tabIndex = lawNow() === "drawn" ? 0 : -1;
  const loss = valueOf(find(".field[data-name=loss]"));
  every(".only").forEach((part) => (part.hidden = part.dataset.loss !== loss));
  if (!slow) find(".act").textContent = "";
}

function again(words) {
  restart = true;
  say(words);
  buttons();
  wake();
}

const deeds = {
  play() {
    playing = !playing;
    if (playing) say("");
    buttons();
    wake();
  },
  step() {
    playing = false;
    steps++;
    buttons();
    wake();
  },
  slow() {
    slow = !slow;
    act = 0;
    if (slow) playing = true;
    buttons();
    wake();
  },
  again: () => again(""),
  wipe() {
    strokes = [];
    id = null;
    restart = true;
    halt();
    links.changed();
    forget();
  },
};

// What stood there was another game's.
function forget() {
  frame = null;
  for (const part of [".readings dl", ".plots", ".reading", ".caption", ".rounds"]) find(part).textContent = "";
  canvas.setAttribute("aria-label", "Nothing is drawn yet.");
  show();
}

function applyValues(values) {
  for (const field of fields()) if (field.dataset.name !== "seed") setValue(field, values[field.dataset.name] ?? usual(field));
  if (values.law) find(`input[name=law][value="${CSS.escape(values.law)}"]`).checked = true;
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.preset) {
    applyValues(JSON.parse(button.dataset.preset));
    playing = true;
    slow = false;
    links.changed();
    again("");
    toPicture();
  } else deeds[button.dataset.do]?.();
});

element.addEventListener("submit", (event) => event.preventDefault());

element.addEventListener("input", (event) => {
  const field = event.target.closest(".settings .field");
  if (!field) return;
  if (event.target.type === "range") lead(field);
  else if (event.target.type === "number") follow(field);
  if (!("live" in field.dataset)) return;
  changes[field.dataset.name] = valueOf(field);
  buttons();
  wake();
});

element.addEventListener("change", (event) => {
  if (event.target.closest(".layers")) return show();
  if (event.target.name === "law") {
    forget();
    again("");
  }
  const field = event.target.closest(".settings .field");
  if (field && !("live" in field.dataset)) again(field.dataset.name === "seed" ? "" : FIXED);
  if (event.target.closest(".settings") || event.target.name === "player") links.changed();
});

// Drawing by hand, with a pointer or with keys.

let drawing = false;
const clip = (value) => Math.max(-REACH, Math.min(REACH, Math.round(100 * value) / 100));

function under(event) {
  const box = canvas.getBoundingClientRect();
  const place = (at, from, size) => (2 * (at - from)) / size - 1;
  return [clip(REACH * place(event.clientX, box.left, box.width)), clip(-REACH * place(event.clientY, box.top, box.height))];
}

canvas.addEventListener("pointerdown", (event) => {
  if (lawNow() !== "drawn" || event.button !== 0) return;
  canvas.setPointerCapture(event.pointerId);
  drawing = true;
  cursor = null;
  strokes.push([under(event)]);
  show();
});

canvas.addEventListener("pointermove", (event) => {
  if (!drawing) return;
  const stroke = strokes[strokes.length - 1];
  const [x, y] = stroke[stroke.length - 1];
  const at = under(event);
  if (Math.hypot(at[0] - x, at[1] - y) < 0.05) return;
  stroke.push(at);
  show();
});

for (const end of ["pointerup", "pointercancel"])
  canvas.addEventListener(end, () => {
    if (!drawing) return;
    drawing = false;
    links.changed();
    again("");
  });

const MOVES = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] };
canvas.addEventListener("keydown", (event) => {
  if (lawNow() !== "drawn" || !(event.key in MOVES || event.key === " ")) return;
  event.preventDefault();
  cursor ??= [0, 0];
  if (event.key in MOVES) cursor = cursor.map((value, axis) => clip(value + MOVES[event.key][axis]));
  else {
    strokes.push([cursor]);
    links.changed();
    again("");
  }
  show();
});
canvas.addEventListener("blur", () => {
  cursor = null;
  show();
});

// A link carries the drawing too: its lines as "x_y.x_y*x_y", in hundredths.

const MOST_STROKES = 60;
const MOST_CORNERS = 800;
const written = () => strokes.map((stroke) => stroke.map((corner) => corner.map((c) => Math.round(100 * c)).join("_")).join(".")).join("*");

// The lines of a text, or nothing where it is no drawing.
function linesOf(text) {
  if (!/^-?\d{1,3}_-?\d{1,3}([.*]-?\d{1,3}_-?\d{1,3})*$/.test(text)) return null;
  const lines = text.split("*").map((stroke) => stroke.split(".").map((corner) => corner.split("_").map((c) => Number(c) / 100)));
  const small = lines.length <= MOST_STROKES && lines.flat().length <= MOST_CORNERS;
  return small && lines.flat(2).every((c) => Math.abs(c) <= REACH) ? lines : null;
}

const laws = () => every("input[name=law]");
const named = () => fields().map((field) => [field, `play.${field.dataset.name}`]);
const stands = () => JSON.stringify([lawNow(), written(), settings(), find("#playground-seed").value]);

function takeLaw(values) {
  const faults = [];
  const [law, text] = ["law", "strokes"].map((name) => values.get(name));
  ["law", "strokes"].forEach((name) => values.delete(name));
  const known = laws().map((radio) => radio.value);
  if (law !== undefined && !known.includes(law)) faults.push(links.refused("law", law, `must be one of ${known.join(", ")}`));
  laws().forEach((radio, place) => (radio.checked = known.includes(law) ? radio.value === law : place === 0));
  strokes = (text !== undefined && linesOf(text)) || [];
  if (text !== undefined && !strokes.length) faults.push("The drawing in this link cannot be read: it is left out.");
  return faults;
}

// A link sets the controls and stops what plays; the game begins anew, from its seed, where something differs.
function fromLink(values) {
  const before = stands();
  const faults = takeLaw(values);
  for (const [field, name] of [...named(), [find(".field[data-name=player]"), "player"]]) faults.push(...accept(field, name, values));
  if (stands() !== before) {
    halt();
    forget();
    again("");
  }
  return faults;
}

function forLink() {
  const law = lawNow() === laws()[0].value ? undefined : lawNow();
  const drawing = lawNow() === "drawn" && strokes.length ? written() : undefined;
  const others = named().map(([field, name]) => [name, carried(field)]);
  const pairs = [["law", law], ["strokes", drawing], ...others, ["player", carried(find(".field[data-name=player]"))]];
  return pairs.filter(([, text]) => text !== undefined);
}

document.addEventListener("visibilitychange", () => wake());
// A tab that is opened gives the canvas a size; so does a window that changes its own.
new ResizeObserver(() => {
  show();
  wake();
}).observe(canvas.parentElement);
// Dark mode repaints what stands still.
new MutationObserver(show).observe(document.body, { attributes: true, attributeFilter: ["class"] });
buttons();
links.tab("playground", { take: fromLink, state: forLink });
loop();
