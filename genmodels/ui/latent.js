// A click into the plane of codes, or on a picture of its grid, chooses the place that is decoded.
element.addEventListener("click", (event) => {
  const svg = event.target.closest("svg[data-places], svg[data-steps]");
  if (!svg || event.target.closest(".handle")) return;
  const box = svg.getBoundingClientRect();
  const across = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
  const down = ((event.clientY - box.top) / box.height) * svg.viewBox.baseVal.height;
  let place;
  if ("places" in svg.dataset) {
    const { places: reach, left, right, top } = Object.fromEntries(
      Object.entries(svg.dataset).map(([name, value]) => [name, Number(value)]),
    );
    const unit = (right - left) / (2 * reach);
    place = [(across - left) / unit - reach, reach - (down - top) / unit];
    place = place.map((number) => Number(Math.min(Math.max(number, -reach), reach).toFixed(3)));
  } else {
    const steps = JSON.parse(svg.dataset.steps);
    const cell = svg.viewBox.baseVal.width / steps.length;
    const at = (pixels) => steps[Math.min(Math.floor(pixels / cell), steps.length - 1)];
    place = [at(across), -at(down)];
  }
  keep({ tool: svg.closest(".tool"), name: "place" }, place);
});

// Settings that another makes idle are put away: dimensions where they are not the axes, and of a picture that is
// drawn and one that is chosen by its number the other.
const IDLE = {
  first: ["axes", "principal components"],
  second: ["axes", "principal components"],
  end: ["last", "my drawing"],
  drawing: ["last", "test picture"],
};

element.addEventListener("shown", ({ target: tool }) => {
  for (const [name, [other, value]] of Object.entries(IDLE)) {
    const chosen = tool.querySelector(`[data-name="${other}"] input:checked`)?.value;
    if (chosen) tool.querySelector(`.field[data-name="${name}"]`).toggleAttribute("hidden", chosen === value);
  }
});

// What sets a number of the form: a bar its dimension, the dice any seed.
function set(part) {
  const input = part.closest(".tool").querySelector(`.field[data-name="${part.dataset.sets}"] input[type=number]`);
  input.value = part.dataset.to === "any" ? Math.floor(Math.random() * (Number(input.max) + 1)) : part.dataset.to;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

let pressed = null; // what was last used by keyboard, to be found again when the figure is redrawn

element.addEventListener("click", (event) => {
  const part = event.target.closest("[data-sets]");
  if (part) set(part);
});

element.addEventListener("keydown", (event) => {
  const part = event.target.closest("rect[data-sets]"); // buttons are clicked by themselves
  if (!part || (event.key !== "Enter" && event.key !== " ")) return;
  event.preventDefault();
  set(part);
});

element.addEventListener("focusin", (event) => {
  const part = event.target.closest("[data-sets]");
  pressed = part && `[data-sets="${part.dataset.sets}"][data-to="${part.dataset.to}"]`;
});

element.addEventListener("shown", ({ target: tool }) => {
  if (pressed && document.activeElement === document.body) tool.querySelector(pressed)?.focus({ preventScroll: true });
});
