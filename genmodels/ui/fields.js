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

// What is read out: set only where it says something new, for set again it would be said again.
function announce(part, words) {
  if (part.announced !== words) part.textContent = part.announced = words;
}

const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// The picture, where who starts something stands below it.
function toPicture() {
  if (find(".stage").getBoundingClientRect().top < 0) find(".stage").scrollIntoView({ behavior: still() ? "auto" : "smooth" });
}

// The default, as a value.
function usual(field) {
  const input = field.querySelector("[data-default]");
  const text = input.dataset.default;
  if (input.type === "hidden") return JSON.parse(text);
  if (input.type === "checkbox") return text === "true";
  return input.type === "number" ? Number(text) : text;
}

// As links carry values.
const textOf = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const BOOLEANS = ["true", "false"];

// Why a field cannot take the text of a link: the rest of a sentence, or nothing.
function refusal(field, text) {
  const input = field.querySelector("input, select");
  const { low, high, least, most } = input.dataset;
  if (input.type === "radio" || input.tagName === "SELECT") {
    const names = (input.type === "radio" ? every("input[type=radio]", field) : [...input.options]).map((one) => one.value);
    if (names.includes(text)) return "";
    return names.length > 6 ? "is not among the choices" : `must be one of ${names.join(", ")}`;
  }
  if (input.type === "checkbox") return BOOLEANS.includes(text) ? "" : "must be true or false";
  if (input.type === "number") {
    const within = Number(text) >= Number(input.min) && Number(text) <= Number(input.max);
    const whole = input.step === "1";
    if (!NUMBER.test(text) || (whole && !Number.isInteger(Number(text))))
      return `must be a ${whole ? "whole number" : "number"} from ${input.min} to ${input.max}`;
    return within ? "" : `must lie between ${input.min} and ${input.max}`;
  }
  try {
    const list = JSON.parse(text);
    const inside = (item) => typeof item === "number" && item >= Number(low) && item <= Number(high);
    if (list.length >= Number(least) && list.length <= Number(most) && list.every(inside)) return "";
  } catch {} // no list at all
  return `must be a list of ${least === most ? least : `${least} to ${most}`} numbers from ${low} to ${high}`;
}

// Puts what a link says into a field, or the default; a list with the sentence about what it could not take, or none.
function accept(field, name, values) {
  const text = values.get(name);
  values.delete(name);
  if ("private" in field.dataset) return text === undefined ? [] : ["Drawings are too long for a link: yours stays as it is."];
  const why = text === undefined ? "" : refusal(field, text);
  const stays = text === undefined || why;
  const kind = field.querySelector("input, select").type;
  const value = stays ? usual(field) : kind === "hidden" ? JSON.parse(text) : kind === "number" ? Number(text) : text;
  setValue(field, value);
  return why ? [links.refused(name, text, why)] : [];
}

// What differs from the default and can be put into a link, else nothing.
function carried(field) {
  if ("private" in field.dataset) return undefined;
  const text = textOf(valueOf(field));
  return text === textOf(usual(field)) || refusal(field, text) ? undefined : text;
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
