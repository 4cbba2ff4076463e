// Pictures of one's own: a file or drawings are sent, and the server keeps the set under an id that this window alone
// knows. The id is never part of an address. Every tab with this panel shows the window's one set.
const ownData = (() => {
  const STORE = "genmodels-own";
  const CHOICES = ["colour", "side"];
  const PEN = 7; // pixels of the canvas: as thick as those of MNIST where a digit fills its cell
  const part = (name) => find(`.own [data-own=${name}]`);
  const panel = find(".own");
  const cells = find(".own .cells");
  const canvas = find(".own canvas");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const cell = canvas.width / Number(cells.dataset.columns);

  let id = null;
  let latest = null; // makes the latest request again, for another size or other colours
  let busy = false;
  let strokes = []; // so that the last can be taken back
  let pointer = null;

  const chosen = (name) => find(`input[name=own-${name}]:checked`).value;
  const refuse = (sentence) => (find(".own .refused").textContent = sentence ?? "");

  function wait(begun) {
    busy = begun;
    every("button, input", panel).forEach((control) => (control.disabled = begun));
    find(".own .reading").hidden = !begun;
    count();
  }

  async function give(request) {
    if (busy) return;
    latest = request;
    refuse("");
    const { body, ...more } = request();
    const query = { ...more, side: chosen("side"), colour: chosen("colour"), replaces: id ?? "" };
    wait(true);
    let answer;
    try {
      const reply = await fetch(`train/own?${new URLSearchParams(query)}`, { method: "POST", body });
      answer = await reply.json();
    } catch {
      answer = { error: UNREACHABLE };
    }
    wait(false);
    if (answer.error) refuse(answer.error);
    else tell(answer);
  }

  // To this panel and those of other tabs.
  function tell(answer) {
    sessionStorage.setItem(STORE, answer.own);
    const choices = Object.fromEntries(CHOICES.map((name) => [name, chosen(name)]));
    document.dispatchEvent(new CustomEvent("own-data", { detail: { answer, latest, choices } }));
  }

  function show(answer) {
    id = answer.own;
    refuse("");
    const image = find(".own-sheet");
    image.src = `data:image/png;base64,${answer.png}`;
    image.alt = answer.caption;
    const line = (words) => Object.assign(document.createElement("p"), { className: "note", textContent: words });
    find(".own figcaption").replaceChildren(...answer.words.map(line));
    find(".own figure").hidden = false;
    part("mirror").checked = answer.mirror;
    panel.dispatchEvent(new Event("own-shown", { bubbles: true }));
  }

  function giveFile(file) {
    if (!file) return;
    const most = Number(part("file").dataset.most);
    if (file.size > most) refuse(`The file is larger than ${most / 2 ** 20} MiB: scale the pictures down first.`);
    else give(() => ({ body: file, name: file.name.slice(-80) }));
    part("file").value = "";
  }

  // The grid.

  const pixels = () => pen.getImageData(0, 0, canvas.width, canvas.height).data;
  const ink = () => pixels().filter((_, i) => i % 4 === 3);

  function redraw() {
    pen.clearRect(0, 0, canvas.width, canvas.height);
    Object.assign(pen, { lineWidth: PEN, lineCap: "round", lineJoin: "round" });
    for (const [start, ...rest] of strokes) {
      pen.beginPath();
      pen.moveTo(...start);
      for (const place of rest.length ? rest : [[start[0] + 0.01, start[1]]]) pen.lineTo(...place); // a dot is a drawing
      pen.stroke();
    }
  }

  function count() {
    const drawn = new Set();
    ink().forEach((byte, i) => {
      const [x, y] = [i % canvas.width, Math.floor(i / canvas.width)];
      if (byte) drawn.add(`${Math.floor(x / cell)},${Math.floor(y / cell)}`);
    });
    const least = Number(cells.dataset.least);
    find(".own .drawn").textContent = `Cells with a drawing: ${drawn.size}, at least ${least} are needed.`;
    part("take").disabled = busy || drawn.size < least;
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  const deeds = {
    draw(button) {
      const grid = find(".own .grid");
      grid.hidden = !grid.hidden;
      button.ariaExpanded = String(!grid.hidden);
    },
    undo: () => strokes.pop(),
    clear: () => (strokes = []),
    more(button) {
      canvas.height += cell; // which empties it
      const rows = canvas.height / cell;
      cells.style.setProperty("--rows", rows);
      button.hidden = rows >= Number(cells.dataset.most);
    },
    take: () => give(() => ({ body: ink(), what: "drawings", rows: part("rows").checked })),
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || pointer !== null) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    pointer = event.pointerId;
    strokes.push([place(event)]);
    redraw();
  });

  canvas.addEventListener("pointermove", (event) => {
    if (pointer !== event.pointerId) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    strokes.at(-1).push(...(passed.length ? passed : [event]).map(place));
    redraw();
  });

  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, (event) => {
      if (pointer !== event.pointerId) return;
      pointer = null;
      count();
    });

  panel.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-own]");
    if (!button) return;
    deeds[button.dataset.own](button);
    redraw();
    count();
  });

  panel.addEventListener("change", ({ target }) => {
    if (target === part("file")) giveFile(target.files[0]);
    if (!CHOICES.some((name) => target.name === `own-${name}`) || !(id || latest)) return;
    if (latest) give(latest);
    else refuse("The set alone was kept, not what it was made of: give that again for other colours or another size.");
  });

  document.addEventListener("own-data", ({ detail }) => {
    latest = detail.latest;
    for (const name of CHOICES) find(`input[name=own-${name}][value="${detail.choices[name]}"]`).checked = true;
    show(detail.answer);
  });

  // A window that is loaded again still knows its set, if the server does.
  (async () => {
    const known = sessionStorage.getItem(STORE);
    const answer = known ? await ask("preview", { dataset: "own", own: known }) : null;
    if (answer?.error && answer.error !== UNREACHABLE) sessionStorage.removeItem(STORE); // loaded again in the middle
    else if (answer && !id) show(answer);
  })();

  return {
    // What a start, a preview and a file that is loaded say of the set.
    request: () => ({ own: id ?? "", mirror: part("mirror").checked }),
    // Whether there is nothing to be seen yet of the data set chosen.
    lacking: () => setup().dataset === "own" && !id,
  };
})();
