// Controls of any tab: the value of a field, and sliders beside their numbers.
const find = (selector) => element.querySelector(selector);
const every = (selector, within = element) => [...within.querySelectorAll(selector)];

function valueOf(field) {
  const radio = field.querySelector("input[type=radio]:checked");
  if (radio) return radio.value;
  const input = field.querySelector("input, select");
  if (input.type === "checkbox") return input.checked;
  if (input.type === "hidden") return JSON.parse(input.value);
  return input.type === "number" ? (input.value.trim() === "" ? "nothing" : Number(input.value)) : input.value;
}

function setValue(field, value) {
  const radios = every("input[type=radio]", field);
  if (radios.length) return radios.forEach((radio) => (radio.checked = radio.value === String(value)));
  const input = field.querySelector("input, select");
  if (input.type === "checkbox") input.checked = value === true || value === "true";
  else if (input.type === "hidden") input.value = JSON.stringify(value);
  else input.value = value;
  follow(field);
}

// The slider goes where the number is; a logarithmic one holds exponents of ten.
function follow(field) {
  const slider = field.querySelector("input[type=range]");
  const number = field.querySelector("input[type=number]");
  if (!slider || !number || number.value === "") return;
  slider.value = "log" in slider.dataset ? Math.log10(Math.max(Number(number.value), 1e-9)) : number.value;
  slider.setAttribute("aria-valuetext", number.value);
}

function lead(field) {
  const slider = field.querySelector("input[type=range]");
  const number = field.querySelector("input[type=number]");
  let value = Number(slider.value);
  if ("log" in slider.dataset) value = 10 ** value;
  value = Number(value.toPrecision(2));
  if ("whole" in slider.dataset) value = Math.round("log" in slider.dataset ? value : Number(slider.value));
  // Rounding must not leave the range.
  number.value = Math.min(Math.max(value, Number(number.min)), Number(number.max));
  slider.setAttribute("aria-valuetext", number.value);
}
