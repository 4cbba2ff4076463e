// The run: started, asked for news by revision five times a second or as the server bids, and commanded.
let run = links.run; // the id, the key to it
let news = { state: "idle", revision: -1 };
let busy = false;
let again = false;
let lost = false; // whether the server did not answer lately
let chosen = null; // the player asked for, until the server has heard of it
let wake = () => {};
const viewer = Math.random().toString(36).slice(2); // the server counts who looks, and bids many to look less often
let previewed = ""; // the data set whose images were asked for
let linked = false; // whether a link has set the controls since the run was started

const UNREACHABLE = "The server does not answer. Trying again.";
const fault = (sentence) => (find(".fault").textContent = sentence ?? "");
const active = () => ["waiting", "running", "paused"].includes(news.state);

async function ask(name, request) {
  const answer = await server[name](request);
  if (answer === undefined) return { error: UNREACHABLE, lost: true };
  return answer;
}

async function start() {
  again = busy; // another experiment was asked for meanwhile: the last one counts
  if (busy) return;
  busy = true;
  buttons();
  fault("");
  const answer = await ask("start", { ...setup(), ...ownData.request(), replaces: run });
  busy = false;
  if (answer.error) fault(answer.error);
  else adopt(answer.run);
  buttons();
  if (again) start();
}

function adopt(id) {
  links.run = run = id;
  chosen = null;
  linked = false;
  news = { state: "waiting", revision: -1 };
  forget();
  announce(find(".message"), "");
  announce(find(".heard"), "");
  find(".plots").innerHTML = "";
  unjudge();
  wake();
}

async function command(action, more = {}) {
  if (!run) return;
  fault("");
  const answer = await ask("command", { run, action, ...more });
  if (answer.error) {
    fault(answer.error);
    chosen = null;
  }
  wake();
}

function buttons() {
  const paused = news.state === "paused";
  find("[data-do=start]").disabled = busy;
  find("[data-do=start]").textContent = busy ? "Starting" : run ? "Start again" : "Start";
  find("[data-do=pause]").disabled = !active();
  find("[data-do=pause]").textContent = paused ? "Resume" : "Pause";
  find("[data-do=step]").disabled = !active();
  find("[data-do=stop]").disabled = !active();
  find(".pending").hidden = !pending();
  find(".lab").dataset.state = news.state;
  every("[data-file='model.safetensors'], [data-file^='run.'], .downloads").forEach((part) => (part.hidden = !run));
  const own = news.setup?.dataset === "own"; // what needs no pictures of one's own
  every("[data-file='run.ipynb'], [data-file='run.zip'], .alone").forEach((part) => (part.hidden = !run || own));
  find(".beside").hidden = !own;
  find(".readings").hidden = !find(".plots").innerHTML;
  find(".repeat").hidden = !find(".repeat code").textContent;
  promises.look();
}

// Whether the controls say something that the run under way cannot take up any more.
function pending() {
  if (!active() || !news.setup) return false;
  const [now, then] = [setup(), news.setup];
  const fixed = Object.keys(then.settings).filter((name) => linked || !news.live.includes(name));
  const same = (name) => String(now.settings[name]) === String(then.settings[name]);
  return now.model !== then.model || now.dataset !== then.dataset || now.seed !== then.seed || !fixed.every(same);
}

function players(names, only) {
  const box = find(".players");
  box.hidden = names.length < 2 || !active();
  const shown = names.join();
  if (box.dataset.names !== shown) {
    box.dataset.names = shown;
    const choices = [["", "both"], ...names.map((name) => [name, `only ${name}`])];
    box.querySelector(".choices").replaceChildren(
      ...choices.map(([value, words]) => {
        const label = document.createElement("label");
        const radio = Object.assign(document.createElement("input"), { type: "radio", name: "player", value });
        label.append(radio, words);
        return label;
      }),
    );
  }
  if (chosen === only) chosen = null;
  every("input", box).forEach((radio) => (radio.checked = radio.value === (chosen ?? only)));
}

function hear(answer) {
  if (answer.error) {
    if (answer.gone) {
      // What the page has stays: pictures, curves, settings.
      links.run = run = null;
      news = { state: "idle", revision: -1 };
      find(".players").hidden = true;
      const state = find(".status [data-of=state] dd");
      if (state) state.textContent = "gone";
      else preview();
      buttons();
    }
    return announce(find(".message"), answer.error);
  }
  const first = news.revision === -1;
  news = answer;
  if (first) {
    linked = false;
    if (answer.restore) apply(answer.setup);
    links.write();
    every("[data-file]").forEach((link) => (link.href = `train/${run}/${link.dataset.file}`));
  }
  receive(answer.pictures.kept, answer.pictures.fresh);
  find(".plots").innerHTML = answer.plots;
  document.dispatchEvent(new Event("figure-redrawn"));
  find(".marks").textContent = answer.marks;
  judge(answer.verdict);
  find(".status").innerHTML = answer.status;
  announce(find(".message"), answer.message);
  announce(find(".heard"), find(".status [data-of=state] dd").textContent);
  find(".repeat code").textContent = answer.command;
  players(answer.players, answer.only);
  buttons();
}

async function listen() {
  while (element.isConnected) {
    const began = performance.now();
    let pause = active() ? (news.pause ?? 200) : 1000;
    if (run && !document.hidden) {
      const asked = run;
      const width = find(".plots").clientWidth || find(".controls").clientWidth;
      const answer = await ask("look", { run, viewer, revision: news.revision, have: keys(), width });
      if (asked !== run) pause = 0; // another run was started meanwhile
      else if (answer !== null) hear(answer);
      else if (lost) announce(find(".message"), news.message ?? "");
      lost = Boolean(answer?.lost);
      if (lost) pause = 1000;
      if (answer?.more) pause = 0;
    }
    const rest = Math.max(0, pause - (performance.now() - began));
    await new Promise((resolve) => {
      wake = resolve;
      setTimeout(resolve, rest);
    });
  }
}

async function preview() {
  if (run) return;
  const { dataset } = setup();
  previewed = dataset;
  if (ownData.lacking()) return nothing();
  const answer = await ask("preview", { dataset, ...ownData.request() });
  if (run || dataset !== setup().dataset) return;
  fault(answer.error);
  if (answer.error) return;
  const image = find(".picture");
  image.src = `data:image/png;base64,${answer.png}`;
  image.alt = answer.caption;
  image.hidden = false;
  find(".caption").textContent = answer.caption;
}

function nothing() {
  fault("");
  find(".picture").hidden = true;
  find(".caption").textContent = "Your pictures will stand here.";
}

async function load(file) {
  if (busy || !file) return;
  busy = true;
  buttons();
  fault("");
  let answer;
  try {
    const query = new URLSearchParams({ seconds: setup().seconds, name: file.name, ...ownData.request() });
    const reply = await fetch(`train/load?${query}`, { method: "POST", body: file });
    answer = await reply.json();
  } catch {
    answer = { error: UNREACHABLE };
  }
  busy = false;
  find(".load").value = "";
  if (answer.error) fault(answer.error);
  else adopt(answer.run);
  buttons();
}

const deeds = {
  start,
  pause: () => command(news.state === "paused" ? "resume" : "pause"),
  step: () => command("step"),
  stop: () => command("stop"),
  replay,
  copy: (button) => copy(find(".repeat code").textContent, button),
};

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.preset) {
    apply(JSON.parse(button.dataset.preset));
    links.changed();
    start();
    toPicture();
  } else deeds[button.dataset.do]?.(button);
});

// Enter in a field must not start anything: a run may be under way.
find("form").addEventListener("submit", (event) => event.preventDefault());

element.addEventListener("input", (event) => {
  const field = event.target.closest(".settings .field");
  if (!field) return;
  if (event.target.type === "range") lead(field);
  else if (event.target.type === "number") follow(field);
});

element.addEventListener("change", (event) => {
  if (event.target.matches(".load")) return load(event.target.files[0]);
  if (event.target.name === "player") return command("only", { value: (chosen = event.target.value) });
  if (event.target.id === "model") showModel();
  if (event.target.name === "dataset") preview();
  const field = event.target.closest(".settings .field[data-live]");
  if (field && active() && news.setup.model === chosenModel())
    command("set", { name: field.dataset.name, value: valueOf(field) });
  if (event.target.closest("form")) {
    links.changed();
    buttons();
  }
});

document.addEventListener("visibilitychange", () => wake());
element.addEventListener("own-shown", preview);
showModel();
// A link sets the controls and starts nothing; what it changes holds from the next start.
links.tab("train", {
  take(values) {
    const faults = fromLink(values);
    linked = true;
    if (setup().dataset !== previewed) preview();
    buttons();
    return faults;
  },
  state: forLink,
});
buttons();
if (!previewed) preview();
listen();
