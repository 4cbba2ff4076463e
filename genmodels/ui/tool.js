// Tools: every change of a control is answered by the server, the latest one always, and never two at a time.
const tab = find(".tools").dataset.tab;
const parts = (tool) => every(".field[data-name]", tool);

function valuesOf(tool) {
  return Object.fromEntries(parts(tool).map((field) => [field.dataset.name, valueOf(field)]));
}

function setValues(tool, values) {
  for (const field of parts(tool)) setValue(field, values[field.dataset.name] ?? usual(field));
}

const PACE = 40; // milliseconds from one question to the next: looks like motion, and more would slow what others train
const asked = new WeakMap(); // tool -> "busy", or "again" where something changed meanwhile

async function refresh(tool) {
  if (asked.has(tool)) return asked.set(tool, "again");
  do {
    asked.set(tool, "busy");
    const width = tool.querySelector(".view").clientWidth || tool.clientWidth; // on a phone the view is no box
    if (!width) {
      widths.delete(tool); // its tab was left meanwhile: computed as soon as it is seen again
      break;
    }
    const values = { ...valuesOf(tool), width, run: links.run ?? "" };
    const pace = new Promise((done) => setTimeout(done, PACE));
    const answer = await server.answer({ tool: tool.dataset.tool, values });
    show(tool, answer ?? { error: "The server does not answer. Change something to try again." });
    if (asked.get(tool) === "again") await pace;
  } while (asked.get(tool) === "again" && element.isConnected);
  asked.delete(tool);
}

function show(tool, answer) {
  tool.querySelector(".fault").textContent = answer.error ?? "";
  tool.classList.toggle("stale", Boolean(answer.error)); // the figures are those of before
  for (const [name, html] of Object.entries(answer.slots ?? {}))
    tool.querySelector(`[data-slot="${name}"]`).innerHTML = html;
  // What is too wide can be moved sideways by keys as well.
  for (const line of every(".formulas", tool)) if (line.scrollWidth > line.clientWidth) line.tabIndex = 0;
  tool.dispatchEvent(new CustomEvent("shown", { bubbles: true }));
  document.dispatchEvent(new Event("figure-redrawn"));
}

element.addEventListener("input", (event) => {
  const field = event.target.closest(".tool .field");
  if (!field) return;
  if (event.target.type === "range") lead(field);
  else if (event.target.type === "number") follow(field);
  refresh(field.closest(".tool"));
  links.changing();
});

element.addEventListener("submit", (event) => event.preventDefault());

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-preset]");
  if (!button) return;
  const tool = button.closest(".tool");
  setValues(tool, JSON.parse(button.dataset.preset));
  tool.dispatchEvent(new CustomEvent("preset", { bubbles: true }));
  refresh(tool);
  links.changed();
});

// A tool computes once it is seen, and again where its width changes: one after the other, so that the first is quick.
const widths = new WeakMap();
let turn = Promise.resolve();
const seen = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    if (contentRect.width > 0 && target === sought) bring();
    if (contentRect.width > 0 && Math.abs(contentRect.width - (widths.get(target) ?? 0)) > 1) {
      widths.set(target, contentRect.width);
      turn = turn.then(() => refresh(target));
    }
  }
});

// The tool that a link names, where it is not the first: those above it fill in and push it down, so that it is
// brought into view again and again, until a person moves.
let sought = null;
const bring = () => sought?.clientWidth && sought.scrollIntoView();
element.addEventListener("shown", bring);
for (const kind of ["wheel", "pointerdown", "keydown", "touchstart"])
  addEventListener(kind, () => (sought = null), { capture: true, passive: true });

// In a link, every field stands under the name of its tool and its own.
const named = (tool) => parts(tool).map((field) => [field, `${tool.dataset.tool}.${field.dataset.name}`]);

links.tab(tab, {
  take(values, returned) {
    const faults = [];
    const tools = every(".tool");
    const asked = tools.find((tool) => named(tool).some(([, name]) => values.has(name)));
    for (const tool of tools) {
      const before = JSON.stringify(valuesOf(tool));
      for (const [field, name] of named(tool)) faults.push(...accept(field, name, values));
      if (JSON.stringify(valuesOf(tool)) === before) continue;
      if (widths.has(tool) && tool.clientWidth) refresh(tool);
      else widths.delete(tool); // computed as soon as it is seen
    }
    sought = returned || faults.length || asked === tools[0] ? null : asked; // sentences stand at the top
    bring();
    return faults;
  },
  state() {
    const pairs = every(".tool").flatMap(named).map(([field, name]) => [name, carried(field)]);
    return pairs.filter(([, text]) => text !== undefined);
  },
});
every(".tool").forEach((tool) => seen.observe(tool));
