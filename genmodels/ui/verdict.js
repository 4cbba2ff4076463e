// The verdict under the curves. Its name alone is read out, and only when it changes.
function judge({ name, sentence, evidence, alarm }) {
  const box = find(".verdict");
  box.hidden = false;
  box.classList.toggle("alarm", alarm);
  const said = find(".verdict .name");
  if (said.dataset.name !== name) said.textContent = said.dataset.name = name;
  find(".verdict .sentence").textContent = sentence;
  const lines = evidence.map((words) => Object.assign(document.createElement("li"), { textContent: words }));
  find(".verdict .evidence").replaceChildren(...lines);
}
