// The tour: one stop at a time, and the answers given so far, which this browser remembers.
const STORE = "genmodels-tour";
const stops = every(".stop");
const nameOf = (stop) => stop.dataset.stop;
const named = (name) => stops.find((stop) => nameOf(stop) === name);
const lengthField = find(".field[data-name=length]");
const within = (length) => stops.filter((stop) => Number(stop.dataset.minutes) <= Number(length));
const address = (length, name) => `?tab=tour&tour.length=${length}&tour.stop=${name}`;

let length = usual(find(".field[data-name=length] [data-default]").closest(".field"));
let here = nameOf(within(length)[0]);
let answers = {}; // stop -> whether it was answered rightly

function remember() {
  try {
    localStorage.setItem(STORE, JSON.stringify({ length, here, answers }));
  } catch {} // then it is remembered until this window goes
}

function recall() {
  try {
    const stored = JSON.parse(localStorage.getItem(STORE));
    if (!refusal(lengthField, stored.length)) length = stored.length;
    here = within(length).some((stop) => nameOf(stop) === stored.here) ? stored.here : nameOf(within(length)[0]);
    for (const stop of stops) if (typeof stored.answers[nameOf(stop)] === "boolean") answers[nameOf(stop)] = stored.answers[nameOf(stop)];
  } catch {} // nothing stored, or not by this page
}

// What a link says; what it leaves open is as it was here before.
function take(values) {
  const faults = [];
  const taken = (name, why) => {
    const text = values.get(name);
    values.delete(name);
    const fault = text === undefined ? "" : why(text);
    if (fault) faults.push(links.refused(name, text, fault));
    return fault ? undefined : text;
  };
  const asked = taken("tour.length", (text) => refusal(lengthField, text));
  const stop = taken("tour.stop", (text) => (named(text) ? "" : "is no stop of the tour"));
  if (asked) length = asked;
  const wanted = stop ?? here;
  const long = (name) => within(length).includes(named(name));
  if (stop && !long(stop)) length = named(stop).dataset.minutes; // the shortest that has it
  here = long(wanted) ? wanted : nameOf(within(length)[0]);
  show();
  return faults;
}

function show() {
  setValue(lengthField, length);
  const tour = within(length);
  const place = tour.indexOf(named(here));
  const before = stops.find((stop) => !stop.hidden);
  for (const stop of stops) stop.hidden = nameOf(stop) !== here;
  const stop = named(here);
  const words = `Stop ${place + 1} of ${tour.length}`;
  stop.querySelector(".place").textContent = words;
  const link = stop.querySelector(".experiment");
  link.dataset.place = `Tour, stop ${place + 1} of ${tour.length}`;
  link.dataset.back = address(length, here);
  stop.querySelector("[data-do=back]").disabled = place === 0;
  stop.querySelector("[data-do=next]").disabled = place === tour.length - 1;
  contents(tour);
  if (before && before !== stop) stop.querySelector("h3").focus();
  fill(stop).then(() => place + 1 < tour.length && fill(tour[place + 1]));
  remember();
}

function contents(tour) {
  for (const item of every("nav [data-of]")) {
    const name = item.dataset.of;
    const link = item.querySelector("a");
    item.hidden = !tour.includes(named(name));
    link.href = address(length, name);
    if (name === here) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
    item.dataset.answer = answers[name] ?? "";
    link.title = { true: "answered correctly", false: "answered wrongly" }[answers[name]] ?? "";
  }
  for (const part of every("nav .part")) {
    let next = part.nextElementSibling;
    while (next?.hidden && next.dataset.of) next = next.nextElementSibling;
    part.hidden = !next?.dataset.of;
  }
  const given = tour.filter((stop) => nameOf(stop) in answers);
  const right = given.filter((stop) => answers[nameOf(stop)]);
  find(".count").textContent = `${right.length} of ${tour.length} answered correctly`;
}

// A formula is asked for when its stop is shown, for the first one of a server takes most of a second.
async function fill(stop) {
  const line = stop.querySelector(".formulas");
  if (line.childElementCount || !element.offsetParent) return;
  const answer = await server.formulas({ stop: nameOf(stop) }).catch(() => null);
  if (answer?.pieces) line.innerHTML = answer.pieces;
}

async function check(stop) {
  const form = stop.querySelector("form");
  const button = form.querySelector("[type=submit]");
  if (button.disabled) return;
  button.disabled = true;
  tell(stop, [["measuring", "Measuring ..."]]);
  const request = { stop: nameOf(stop), answer: form.elements.answer.value, run: links.run ?? "" };
  const none = { error: "The server does not answer: press Check again." };
  const reply = (await server.check(request).catch(() => null)) ?? none;
  button.disabled = false;
  if (reply.error) return tell(stop, [["fault", reply.error]]);
  if (reply.right === null) return tell(stop, [["", reply.figure]]);
  answers[nameOf(stop)] = reply.right;
  const verdict = reply.right ? ["verdict right", "Right."] : ["verdict wrong", "Not so."];
  tell(stop, [verdict, ["", reply.figure], ["", reply.why]]);
  contents(within(length));
  remember();
}

function tell(stop, sentences) {
  const paragraphs = sentences.map(([className, textContent]) => Object.assign(document.createElement("p"), { className, textContent }));
  stop.querySelector(".reply").replaceChildren(...paragraphs);
}

element.addEventListener("submit", (event) => {
  event.preventDefault();
  check(event.target.closest(".stop"));
});

element.addEventListener("click", (event) => {
  const step = { back: -1, next: 1 }[event.target.closest("button")?.dataset.do];
  if (!step) return;
  const tour = within(length);
  links.go(address(length, nameOf(tour[tour.indexOf(named(here)) + step])));
});

lengthField.addEventListener("change", () => {
  const asked = valueOf(lengthField);
  // The same stop, or the last one before it that the shorter tour has.
  const place = stops.indexOf(named(here));
  const stop = within(asked).findLast((one) => stops.indexOf(one) <= place) ?? within(asked)[0];
  links.go(address(asked, nameOf(stop)));
});

recall();
show();
links.tab("tour", { take, state: () => [["tour.length", length], ["tour.stop", here]] });
new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && fill(named(here))).observe(element);
