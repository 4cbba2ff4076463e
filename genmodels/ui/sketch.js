// Drawings: strokes on a canvas, sent as their ink. Only how opaque a pixel is counts: its colour follows the theme.
const PEN = 21; // pixels of the canvas: a pen as thick as those of MNIST where the digit fills the square
let stroke = null; // the canvas being drawn on, where it was, and where the pen was last

// `box` is where the canvas was when the pen came down: answers above it may move it meanwhile.
function placeOn(canvas, box, event) {
  const scale = canvas.width / canvas.clientWidth; // the border belongs to the box, not to the picture
  return [(event.clientX - box.left - canvas.clientLeft) * scale, (event.clientY - box.top - canvas.clientTop) * scale];
}

function line(canvas, from, to) {
  const pen = canvas.getContext("2d");
  pen.lineWidth = PEN;
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  pen.moveTo(...from);
  pen.lineTo(to[0] + 0.01, to[1]); // a line without length would leave no dot
  pen.stroke();
}

function draw(event) {
  for (const passed of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) {
    const next = placeOn(stroke.canvas, stroke.box, passed);
    line(stroke.canvas, stroke.last, next);
    stroke.last = next;
  }
  send(stroke.canvas);
}

// By keys: the arrows move a pen, which is seen as a ring behind the ink; the space bar puts it down and lifts it.
const WAY = { ArrowUp: [0, -1], ArrowRight: [1, 0], ArrowDown: [0, 1], ArrowLeft: [-1, 0] };
const pens = new WeakMap(); // canvas -> where its pen is, and whether it is down

function ring(canvas, { at: [x, y], down }) {
  const scale = canvas.width / canvas.clientWidth;
  const color = down ? "var(--ink)" : "var(--edge)";
  const inks = `transparent 12px, ${color} 13px, ${color} 16px, transparent 17px`;
  canvas.style.background = `radial-gradient(circle at ${x / scale}px ${y / scale}px, ${inks})`;
}

element.addEventListener("keydown", (event) => {
  const canvas = event.target.closest(".sketch canvas");
  if (!canvas || event.ctrlKey || event.metaKey || event.altKey || !(event.key in WAY || event.key === " ")) return;
  event.preventDefault();
  const pen = pens.get(canvas) ?? { at: [canvas.width / 2, canvas.height / 2], down: false };
  const last = pen.at;
  if (event.key === " ") pen.down = !pen.down;
  else pen.at = last.map((place, axis) => Math.min(Math.max(place + (WAY[event.key][axis] * canvas.width) / 28, 0), canvas.width));
  pens.set(canvas, pen);
  ring(canvas, pen);
  if (!pen.down) return;
  line(canvas, last, pen.at);
  send(canvas);
});

element.addEventListener("focusout", (event) => {
  if (!event.target.matches(".sketch canvas")) return;
  pens.delete(event.target);
  event.target.style.background = "";
});

function send(canvas) {
  const side = Number(canvas.dataset.side);
  const small = Object.assign(document.createElement("canvas"), { width: side, height: side }).getContext("2d");
  small.imageSmoothingQuality = "high";
  small.drawImage(canvas, 0, 0, side, side);
  const ink = small.getImageData(0, 0, side, side).data.filter((_, i) => i % 4 === 3);
  const input = canvas.closest(".field").querySelector("input[type=hidden]");
  input.value = JSON.stringify(ink.some((byte) => byte) ? btoa(String.fromCharCode(...ink)) : "");
  // Who draws wants the drawing looked at, where a tool can look at something else.
  const looked = canvas.closest(".tool").querySelector('input[type=radio][value="my drawing"]');
  if (looked && input.value !== '""') looked.checked = true;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

// What the field holds, where it was not drawn: a preset may have emptied it.
function repaint(field) {
  const canvas = field.querySelector("canvas");
  const side = Number(canvas.dataset.side);
  const ink = atob(JSON.parse(field.querySelector("input[type=hidden]").value));
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  if (!ink) return;
  const small = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const picture = new ImageData(side, side);
  for (let i = 0; i < ink.length; i++) picture.data[4 * i + 3] = ink.charCodeAt(i);
  small.getContext("2d").putImageData(picture, 0, 0);
  canvas.getContext("2d").drawImage(small, 0, 0, canvas.width, canvas.height);
}

element.addEventListener("pointerdown", (event) => {
  const canvas = event.target.closest(".sketch canvas");
  if (!canvas || event.button !== 0) return;
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  const box = canvas.getBoundingClientRect();
  stroke = { canvas, box, last: placeOn(canvas, box, event), pointer: event.pointerId };
  draw(event);
});

element.addEventListener("pointermove", (event) => {
  if (stroke?.pointer === event.pointerId) draw(event);
});

for (const end of ["pointerup", "pointercancel"])
  element.addEventListener(end, (event) => {
    if (stroke?.pointer === event.pointerId) stroke = null;
  });

element.addEventListener("click", (event) => {
  const field = event.target.closest("[data-clear]")?.closest(".sketch");
  if (!field) return;
  const canvas = field.querySelector("canvas");
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  send(canvas);
});

element.addEventListener("preset", ({ target: tool }) => every(".sketch", tool).forEach(repaint));

// Who picks a test picture by its number wants to see that one; captured, for the tool asks as soon as it hears.
const choose = (event) => {
  const field = event.target.closest('.field[data-name="number"]');
  const looked = field?.closest(".tool").querySelector('input[type=radio][value="test picture"]');
  if (looked) looked.checked = true;
};
element.addEventListener("input", choose, { capture: true });
