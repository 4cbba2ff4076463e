// A bar that leads back from an experiment to the tour, until it is put away; this window remembers it.
(() => {
  const STORE = "genmodels-tour-bar";

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

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.(".tour .experiment");
    if (!link) return;
    const { place, question, back } = link.dataset;
    keep({ place, question, back });
  });

  // The page comes to life some time after this script.
  const waiting = setInterval(() => {
    if (!document.querySelector(".masthead")) return;
    clearInterval(waiting);
    show(kept());
  }, 50);
})();
