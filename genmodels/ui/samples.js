// A pixel of a sample is chosen where somebody presses or drags: its row and column go into the fields of that name.
function pick(event) {
  const strip = event.target.closest('[data-tool="attention"] image');
  if (!strip) return;
  const [wide, high] = strip.dataset.natural.split(" ").map(Number);
  const box = strip.getBoundingClientRect();
  const along = Math.floor(((event.clientX - box.left) / box.width) * wide) % (high + 1);
  const down = Math.floor(((event.clientY - box.top) / box.height) * high);
  const tool = strip.closest(".tool");
  for (const [name, place] of Object.entries({ row: down, column: along }))
    setValue(tool.querySelector(`[data-name="${name}"]`), Math.min(Math.max(place, 0), high - 1));
  tool.querySelector('[data-name="row"] input').dispatchEvent(new Event("input", { bubbles: true }));
}

element.addEventListener("pointerdown", (event) => event.button === 0 && pick(event));
element.addEventListener("pointermove", (event) => event.buttons === 1 && pick(event));
