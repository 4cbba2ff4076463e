// The left column: which model's settings are shown, and all values as one object.
const chosenModel = () => find("#model").value;
const fieldsOf = (model) => every(`.settings[data-model="${CSS.escape(model)}"] .field`);

function setup() {
  const model = chosenModel();
  const settings = Object.fromEntries(fieldsOf(model).map((field) => [field.dataset.name, valueOf(field)]));
  return {
    model,
    dataset: find("input[name=dataset]:checked").value,
    settings,
    seed: find("#seed").value === "" ? "nothing" : Number(find("#seed").value),
    seconds: Number(find("#seconds").value),
  };
}

function defaults(model) {
  for (const field of fieldsOf(model)) setValue(field, field.querySelector("[data-default]").dataset.default);
}

function apply({ model, dataset, settings = {}, seed, seconds }) {
  if ([...find("#model").options].some((option) => option.value === model)) find("#model").value = model;
  every("input[name=dataset]").forEach((radio) => (radio.checked = dataset ? radio.value === dataset : radio.checked));
  defaults(chosenModel());
  for (const field of fieldsOf(chosenModel()))
    if (field.dataset.name in settings) setValue(field, settings[field.dataset.name]);
  if (seed !== undefined) find("#seed").value = seed;
  if ([...find("#seconds").options].some((option) => Number(option.value) === seconds)) find("#seconds").value = seconds;
  showModel();
}

function showModel() {
  const model = chosenModel();
  every(".settings").forEach((form) => (form.hidden = form.dataset.model !== model));
  find("style").textContent = `#card-${CSS.escape(model)} { display: block !important; }`;
}

// Settings that differ from the defaults, as the address carries them.
function query() {
  const { model, dataset, seed, seconds } = setup();
  const parts = new URLSearchParams({ model, data: dataset });
  if (seed !== 0) parts.set("seed", seed);
  if (seconds !== 60) parts.set("seconds", seconds);
  for (const field of fieldsOf(model)) {
    const value = valueOf(field);
    const usual = field.querySelector("[data-default]").dataset.default;
    if (String(value) !== usual) parts.append("set", `${field.dataset.name}=${value}`);
  }
  return parts;
}

function fromAddress() {
  const parts = new URLSearchParams(location.search);
  if (!parts.has("model")) return showModel();
  const pairs = parts.getAll("set").map((pair) => [pair.split("=")[0], pair.split("=").slice(1).join("=")]);
  apply({
    model: parts.get("model"),
    dataset: [...every("input[name=dataset]")].some((r) => r.value === parts.get("data")) ? parts.get("data") : "",
    settings: Object.fromEntries(pairs),
    seed: parts.get("seed") ?? undefined,
    seconds: parts.has("seconds") ? Number(parts.get("seconds")) : undefined,
  });
}
