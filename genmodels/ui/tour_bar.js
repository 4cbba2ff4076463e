// A bar that leads back from an experiment to the tour, until it is put away; this window remembers it.
(() => {
  const STORE = "genmodels-tour-bar";
  const PATIENCE = 4000; // milliseconds in which a page should have come to rest
  let aim = ""; // the tool that is meant
  let until = 0;

  function kept() {
    try {
      return JSON.parse(sessionStorage.getItem(STORE));
    } catch {
      return null;
    }
  }

  function keep(words) {
    try {
      sessionStorage.setItem(STORE, JSON.stringify(words));
    } catch {} // then it goes with the next reload
    show(words);
  }

  function show(words) {
    document.querySelector(".tour-bar")?.remove();
    if (typeof words?.back !== "string" || !words.back.startsWith("?tab=tour")) return;
    const part = (tag, more) => Object.assign(document.createElement(tag), more);
    const bar = part("aside", { className: "tour-bar page", ariaLabel: "Tour" });
    const away = part("button", { type: "button", className: "plain", textContent: "\u2715", title: "Put the bar away" });
    away.ariaLabel = "Put the bar away";
    away.addEventListener("click", () => keep(null));
    bar.append(
      part("strong", { textContent: words.place }),
      part("span", { textContent: words.question }),
      part("a", { href: words.back, textContent: "Back to the tour" }),
      away,
    );
    document.body.prepend(bar);
  }

  // Tools above the one that is meant fill in one after another and push it down: the view stays with it, until a
  // person moves.
  function follow() {
    const tool = aim && performance.now() < until && document.querySelector(`[data-tool="${CSS.escape(aim)}"]`);
    if (tool && tool.offsetParent && tool.previousElementSibling) tool.scrollIntoView();
  }

  for (const kind of ["wheel", "pointerdown", "keydown", "touchstart"])
    addEventListener(kind, () => (aim = ""), { capture: true, passive: true });
  document.addEventListener("shown", follow);

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.(".tour .experiment");
    if (!link) return;
    const { place, question, back, toolMeant } = link.dataset;
    keep({ place, question, back });
    [aim, until] = [toolMeant, performance.now() + PATIENCE];
    const looking = setInterval(() => (aim && performance.now() < until ? follow() : clearInterval(looking)), 100);
  });

  // The page comes to life some time after this script.
  const waiting = setInterval(() => {
    if (!document.querySelector(".masthead")) return;
    clearInterval(waiting);
    show(kept());
  }, 50);
})();
