// A click into the plane of codes, or on a picture of its grid, chooses the place that is decoded.
element.addEventListener("click", (event) => {
  const svg = event.target.closest("svg[data-places], svg[data-steps]");
  if (!svg || event.target.closest(".handle")) return;
  const box = svg.getBoundingClientRect();
  const across = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
  const down = ((event.clientY - box.top) / box.height) * svg.viewBox.baseVal.height;
  let place;
  if ("places" in svg.dataset) {
    const { places: reach, left, right, top } = Object.fromEntries(
      Object.entries(svg.dataset).map(([name, value]) => [name, Number(value)]),
    );
    const unit = (right - left) / (2 * reach);
    place = [(across - left) / unit - reach, reach - (down - top) / unit];
    place = place.map((number) => Number(Math.min(Math.max(number, -reach), reach).toFixed(3)));
  } else {
    const steps = JSON.parse(svg.dataset.steps);
    const cell = svg.viewBox.baseVal.width / steps.length;
    const at = (pixels) => steps[Math.min(Math.floor(pixels / cell), steps.length - 1)];
    place = [at(across), -at(down)];
  }
  keep({ tool: svg.closest(".tool"), name: "place" }, place);
});

// Dimensions are chosen where they are the axes.
element.addEventListener("shown", ({ target: tool }) => {
  const axes = tool.querySelector('[data-name="axes"] input:checked')?.value;
  if (axes)
    for (const name of ["first", "second"])
      tool.querySelector(`.field[data-name="${name}"]`).toggleAttribute("hidden", axes.startsWith("principal"));
});
