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

// In a link: model, data, seed and seconds by these names, settings as "set=width=8".
const COMMON = ["data", "seed", "seconds"].map((name) => [find(`.field[data-name=${name}]`), name]);
const ofModel = () => fieldsOf(chosenModel()).map((field) => [field, `set ${field.dataset.name}`]);

function fromLink(values) {
  const faults = accept(find(".field[data-name=model]"), "model", values);
  for (const [field, name] of [...COMMON, ...ofModel()]) faults.push(...accept(field, name, values));
  showModel();
  return faults;
}

function forLink() {
  const { model, dataset } = setup();
  const pairs = [["model", model], ["data", dataset]];
  for (const [field, name] of COMMON.slice(1)) pairs.push([name, carried(field)]);
  for (const [field, name] of ofModel()) pairs.push(["set", carried(field) && `${name.slice(4)}=${carried(field)}`]);
  return pairs.filter(([, text]) => text !== undefined);
}
