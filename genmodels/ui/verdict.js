// The verdict under the curves. Its name alone is read out, and only when it changes, which it does not do all the time.
const HOLDS = 3000; // milliseconds that a verdict stays at least, while the run goes on
let judged = -Infinity;

function judge({ name, sentence, evidence, alarm }) {
  const box = find(".verdict");
  const said = find(".verdict .name");
  if (said.dataset.name !== name) {
    if (active() && performance.now() - judged < HOLDS) return;
    judged = performance.now();
    said.textContent = said.dataset.name = name;
  }
  box.hidden = false;
  box.classList.toggle("alarm", alarm);
  find(".verdict .sentence").textContent = sentence;
  const lines = evidence.map((words) => Object.assign(document.createElement("li"), { textContent: words }));
  find(".verdict .evidence").replaceChildren(...lines);
}

// Another run: nothing is known of it.
function unjudge() {
  judged = -Infinity;
  find(".verdict").hidden = true;
}
