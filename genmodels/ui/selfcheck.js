// One check after another, so that rows fill as they are done; pressed again, all start anew.
const rows = [...element.querySelectorAll("[data-check]")];
const button = element.querySelector("[data-do=check]");
const summary = element.querySelector(".summary");
const cell = (row, name) => row.querySelector(`[data-of="${name}"]`);

function took(seconds) {
  return seconds < 1 ? `${Math.max(1, Math.round(1000 * seconds))} ms` : `${seconds.toFixed(1)} s`;
}

function fill(row, answer) {
  const verdict = row.querySelector(".verdict");
  verdict.textContent = answer.holds ? "\u2713" : "\u2717";
  verdict.setAttribute("aria-label", answer.holds ? "holds" : "does not hold");
  row.classList.toggle("wrong", !answer.holds);
  for (const name of ["expected", "found", "tolerance"]) cell(row, name).textContent = answer[name] ?? "";
  if (answer.failure) cell(row, "found").textContent = answer.failure;
  cell(row, "time").textContent = took(answer.seconds);
}

links.tab("selfcheck", { take: () => [], state: () => [] }); // nothing to be set

new IntersectionObserver(async (entries, observer) => {
  if (!entries.some((entry) => entry.isIntersecting)) return;
  observer.disconnect();
  const formulas = (await server.theorems({}).catch(() => null)) ?? {};
  for (const row of rows) row.querySelector(".theorem").innerHTML = formulas[row.dataset.check] ?? "";
}).observe(element);

button.addEventListener("click", async () => {
  button.disabled = true;
  element.querySelector(".fault").textContent = "";
  for (const row of rows) {
    row.classList.remove("wrong");
    row.querySelectorAll("td:not(.theorem)").forEach((part) => (part.textContent = ""));
  }
  let [held, seconds, done] = [0, 0, 0];
  for (const row of rows) {
    summary.textContent = `${done} of ${rows.length} done`;
    const answer = await server.check({ check: row.dataset.check }).catch(() => null);
    if (!element.isConnected) return;
    if (!answer || answer.error) {
      element.querySelector(".fault").textContent = answer?.error ?? "The server does not answer: press again.";
      break;
    }
    fill(row, answer);
    done += 1;
    held += answer.holds;
    seconds += answer.seconds;
  }
  const all = held === rows.length ? "All " : "";
  summary.textContent = `${all}${held}${all ? "" : ` of ${done}`} hold, in ${took(seconds)}.`;
  button.disabled = false;
});
