// Tools: every change of a control is answered by the server, the latest one always, and never two at a time.
const tab = find(".tools").dataset.tab;
const parts = (tool) => every(".field[data-name]", tool);

function valuesOf(tool) {
  return Object.fromEntries(parts(tool).map((field) => [field.dataset.name, valueOf(field)]));
}

function setValues(tool, values) {
  for (const field of parts(tool))
    setValue(field, values[field.dataset.name] ?? JSON.parse(usual(field)));
}

// The default of a field as JSON: hidden ones hold JSON, the others words.
function usual(field) {
  const input = field.querySelector("[data-default]");
  return input.type === "hidden" ? input.dataset.default : JSON.stringify(input.dataset.default);
}

const asked = new WeakMap(); // tool -> "busy", or "again" where something changed meanwhile

async function refresh(tool) {
  if (asked.has(tool)) return asked.set(tool, "again");
  do {
    asked.set(tool, "busy");
    const width = tool.querySelector(".view").clientWidth || tool.clientWidth; // on a phone the view is no box
    const run = new URLSearchParams(location.search).get("run") ?? "";
    const answer = await server.answer({ tool: tool.dataset.tool, values: { ...valuesOf(tool), width, run } });
    show(tool, answer ?? { error: "The server does not answer. Change something to try again." });
  } while (asked.get(tool) === "again" && element.isConnected);
  asked.delete(tool);
}

function show(tool, answer) {
  tool.querySelector(".fault").textContent = answer.error ?? "";
  tool.classList.toggle("stale", Boolean(answer.error)); // the figures are those of before
  for (const [name, html] of Object.entries(answer.slots ?? {}))
    tool.querySelector(`[data-slot="${name}"]`).innerHTML = html;
  tool.dispatchEvent(new CustomEvent("shown", { bubbles: true }));
  document.dispatchEvent(new Event("figure-redrawn"));
}

// What differs from the defaults, as the address carries it.
function remember() {
  const before = new URLSearchParams(location.search);
  const kept = ["run", "__theme"].filter((name) => before.has(name)).map((name) => [name, before.get(name)]);
  const address = new URLSearchParams([["tab", tab], ...kept]);
  for (const tool of every(".tool"))
    for (const field of parts(tool)) {
      if ("private" in field.dataset) continue; // a drawing is too long for an address
      const value = valueOf(field);
      const text = typeof value === "object" ? JSON.stringify(value) : String(value);
      const plain = JSON.parse(usual(field));
      if (text !== (typeof plain === "object" ? JSON.stringify(plain) : String(plain)))
        address.set(`${tool.dataset.tool}.${field.dataset.name}`, text);
    }
  history.replaceState(null, "", `?${address}${location.hash}`);
}

function recall() {
  for (const [name, text] of new URLSearchParams(location.search)) {
    const [tool, key] = name.split(".");
    const field = key && find(`.tool[data-tool="${CSS.escape(tool)}"] .field[data-name="${CSS.escape(key)}"]`);
    if (!field) continue;
    if (!field.querySelector("input[type=hidden]")) setValue(field, text);
    else
      try {
        setValue(field, JSON.parse(text));
      } catch {} // nonsense in a link leaves the default
  }
}

let later = 0;
element.addEventListener("input", (event) => {
  const field = event.target.closest(".tool .field");
  if (!field) return;
  if (event.target.type === "range") lead(field);
  else if (event.target.type === "number") follow(field);
  refresh(field.closest(".tool"));
  clearTimeout(later); // browsers allow few changes of the address in a second
  later = setTimeout(remember, 300);
});

element.addEventListener("submit", (event) => event.preventDefault());

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-preset]");
  if (!button) return;
  const tool = button.closest(".tool");
  setValues(tool, JSON.parse(button.dataset.preset));
  tool.dispatchEvent(new CustomEvent("preset", { bubbles: true }));
  refresh(tool);
  remember();
});

// A tool computes once it is seen, and again where its width changes: one after the other, so that the first is quick.
const widths = new WeakMap();
let turn = Promise.resolve();
const seen = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries)
    if (contentRect.width > 0 && Math.abs(contentRect.width - (widths.get(target) ?? 0)) > 1) {
      widths.set(target, contentRect.width);
      turn = turn.then(() => refresh(target));
    }
});
recall();
every(".tool").forEach((tool) => seen.observe(tool));
