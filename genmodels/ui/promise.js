// What to expect of a run, before Start and beside every preset, and what a run reached when it has ended.
const promises = (() => {
  const EXPECT_AGAIN = 2000; // milliseconds, until the server knows how fast its computer is
  const REACHED_AGAIN = 700;
  let wanted = ""; // the setups asked about last
  let ended = null; // the run whose result is shown, or on its way

  const presets = () => every(".tries [data-preset]");

  // Called after everything that may have changed the controls or the run.
  function look() {
    const { model, dataset, settings, seconds } = setup();
    const setups = [{ model, dataset, settings, seconds }, ...presets().map((button) => JSON.parse(button.dataset.preset))];
    const asked = JSON.stringify(setups);
    if (asked !== wanted) expect((wanted = asked), setups);
    find("[data-do=shipped]").disabled = busy;
    const now = run && ["done", "stopped"].includes(news.state) ? run : null;
    if (now === ended) return;
    find(".reached").textContent = "";
    ended = now;
    if (now) reached(now);
  }

  async function expect(asked, setups) {
    const answer = await ask("expect", { setups });
    if (asked !== wanted || !element.isConnected) return;
    if (!answer.error) show(answer.promises);
    if (answer.lost || answer.measured === false) setTimeout(() => asked === wanted && expect(asked, setups), EXPECT_AGAIN);
  }

  function show([first, ...others]) {
    const lines = first.sentences.map((words) => Object.assign(document.createElement("li"), { textContent: words }));
    find(".promise ul").replaceChildren(...lines);
    find(".promise").hidden = !lines.length && !first.shipped;
    find(".shipped").hidden = !first.shipped;
    find(".shipped").classList.toggle("urgent", first.late);
    presets().forEach((button, place) => {
      const words = button.parentElement.querySelector(".foretold");
      if (words) words.textContent = others[place].brief;
    });
  }

  async function reached(of) {
    const answer = await ask("reached", { run: of });
    if (of !== ended || !element.isConnected) return;
    if (!answer.error) find(".reached").textContent = answer.sentence;
    if (answer.lost || answer.ready === false) setTimeout(() => of === ended && reached(of), REACHED_AGAIN);
  }

  async function begin() {
    if (busy) return;
    busy = true;
    buttons();
    fault("");
    const { model, dataset, seconds } = setup();
    const answer = await ask("shipped", { model, dataset, seconds, replaces: run });
    busy = false;
    if (answer.error) fault(answer.error);
    else adopt(answer.run);
    buttons();
  }

  find("[data-do=shipped]").addEventListener("click", begin);
  return { look };
})();
