// Handles in figures edit a list of numbers: drag one up or down, use the keys, or type a number. A knob edits two,
// its place: it goes where it is dragged.
const OWN = "my own"; // the choice of a law that an edited table takes

const lawOf = (tool) => tool.querySelector('[data-name="law"] select');
const inputOf = (tool, name) => tool.querySelector(`.field[data-name="${name}"] input`);
const handleOf = ({ tool, name, index }) => tool.querySelector(`[data-edits="${name}"][data-index="${index}"]`);

// What is drawn, or what was set since: the next key may come before the answer to the last.
function listOf(tool, name, shares) {
  const drawn = every(`[data-edits="${name}"]`, tool).map((handle) => Number(handle.dataset.value));
  if ((lawOf(tool)?.value ?? OWN) !== OWN) return drawn;
  const set = JSON.parse(inputOf(tool, name).value);
  const sum = set.reduce((before, number) => before + number, 0);
  return set.length === drawn.length && (!shares || Math.abs(sum - 1) < 1e-3) ? set : drawn;
}

function grip(handle) {
  const { edits: name, index, span, shares } = handle.dataset;
  const [low, high] = ["min", "max"].map((end) => Number(handle.getAttribute(`aria-value${end}`)));
  const tool = handle.closest(".tool");
  const kept = shares === "true"; // they keep their sum
  const knob = handle.classList.contains("knob");
  const numbers = knob ? JSON.parse(inputOf(tool, name).value) : listOf(tool, name, kept);
  return { tool, name, index: Number(index), low, high, numbers, span: Number(span), shares: kept, knob };
}

// Shares keep their sum: the others shrink or grow with one another.
function changed({ numbers, index, low, high, shares }, value) {
  const kept = Math.min(Math.max(Number(value.toFixed(3)), low), high);
  const others = numbers.reduce((sum, number, i) => (i === index ? sum : sum + number), 0);
  const scaled = (number) => (others > 1e-9 ? (number * (1 - kept)) / others : (1 - kept) / (numbers.length - 1));
  return numbers.map((number, i) => (i === index ? kept : shares ? Number(scaled(number).toFixed(6)) : number));
}

function edit(gripped, value) {
  if (!Number.isFinite(value)) return;
  const law = lawOf(gripped.tool);
  if (law) law.value = OWN;
  keep(gripped, changed(gripped, value));
}

function keep({ tool, name }, numbers) {
  const input = inputOf(tool, name);
  input.value = JSON.stringify(numbers);
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

// A knob, so far right and up from where it was gripped.
function carry(gripped, right, up) {
  const { index, low, high } = gripped;
  const numbers = [...gripped.numbers];
  [right, up].forEach((way, axis) => {
    const there = Math.min(Math.max(numbers[index + axis] + way, low), high);
    numbers[index + axis] = Number(there.toFixed(3));
  });
  keep(gripped, numbers);
}

let dragged = null;

element.addEventListener("pointerdown", (event) => {
  const handle = event.target.closest(".handle");
  if (!handle || event.button !== 0) return;
  event.preventDefault();
  document.activeElement?.blur?.(); // ends what was being typed
  handle.focus({ preventScroll: true });
  dragged = { ...grip(handle), left: event.clientX, start: event.clientY, moved: false };
});

// On the document: the handle under the pointer is a new one after every answer.
document.addEventListener("pointermove", (event) => {
  if (!dragged || !element.isConnected) return;
  const up = dragged.start - event.clientY;
  const right = dragged.knob ? event.clientX - dragged.left : 0;
  if (!dragged.moved && Math.hypot(right, up) < 4) return;
  dragged.moved = true;
  const unit = (dragged.high - dragged.low) / dragged.span;
  if (dragged.knob) carry(dragged, right * unit, up * unit);
  else edit(dragged, dragged.numbers[dragged.index] + up * unit);
});

for (const end of ["pointerup", "pointercancel"])
  document.addEventListener(end, () => {
    const handle = dragged && handleOf(dragged);
    if (handle && !dragged.moved && !dragged.knob && end === "pointerup") type(handle, "");
    dragged = null;
  });

const KEYS = { ArrowUp: 1, ArrowRight: 1, "+": 1, "=": 1, ArrowDown: -1, ArrowLeft: -1, "-": -1, PageUp: 10, PageDown: -10 };

const WAYS = { ArrowUp: [0, 1], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowLeft: [-1, 0] };

let kept = null; // the handle that the keyboard moves, to be found again when the figure is redrawn

element.addEventListener("keydown", (event) => {
  const handle = event.target.closest(".handle");
  if (!handle || event.ctrlKey || event.metaKey || event.altKey) return;
  const held = grip(handle);
  const now = held.numbers[held.index];
  const step = (held.high - held.low) / 100;
  if (held.knob) {
    if (!(event.key in WAYS)) return;
    carry(held, ...WAYS[event.key].map((way) => way * step * (event.shiftKey ? 10 : 1)));
  } else if (event.key in KEYS) edit(held, now + KEYS[event.key] * step);
  else if (event.key === "Home") edit(held, held.low);
  else if (event.key === "End") edit(held, held.high);
  else if (event.key === "Enter" || /^[\d.,]$/.test(event.key)) type(handle, event.key.length === 1 ? event.key : "");
  else return;
  kept = held;
  event.preventDefault();
});

element.addEventListener("focusin", (event) => {
  const handle = event.target.closest(".handle");
  kept = handle ? grip(handle) : null;
});

// A field over the handle that takes a number; Enter keeps it, Escape takes it back.
function type(handle, first) {
  const held = grip(handle);
  const box = handle.getBoundingClientRect();
  const whole = held.tool.getBoundingClientRect();
  const field = document.createElement("input");
  Object.assign(field, { type: "number", className: "typed", min: held.low, max: held.high });
  Object.assign(field, { step: (held.high - held.low) / 100, value: first.replace(",", ".") });
  field.placeholder = Number(held.numbers[held.index].toFixed(4));
  field.setAttribute("aria-label", handle.getAttribute("aria-label"));
  field.style.left = `${Math.min(Math.max(box.left + box.width / 2 - whole.left, 40), whole.width - 40)}px`;
  field.style.top = `${box.top + box.height / 2 - whole.top}px`;
  const close = () => {
    field.blur(); // which removes it
    handleOf(held)?.focus({ preventScroll: true });
  };
  field.addEventListener("input", () => field.value !== "" && edit(held, Number(field.value)));
  field.addEventListener("blur", () => field.remove());
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") edit(held, held.numbers[held.index]);
    if (event.key === "Escape" || event.key === "Enter") close();
  });
  held.tool.append(field);
  field.focus({ preventScroll: true });
  if (/\d/.test(first)) edit(held, Number(first));
}

element.addEventListener("shown", (event) => {
  const tool = event.target;
  if (kept?.tool === tool && document.activeElement === document.body) handleOf(kept)?.focus({ preventScroll: true });
});
