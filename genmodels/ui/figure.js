// Reads out every curve of a plot where somebody points; on leaving, the latest values come back.
(() => {
  const format = (y) => {
    if (y !== 0 && (Math.abs(y) >= 1e6 || Math.abs(y) < 1e-4)) return y.toExponential(2);
    return Number(y.toPrecision(4)).toLocaleString("en", { maximumFractionDigits: 8 });
  };

  function read(figure, clientX) {
    const svg = figure.querySelector("svg");
    const box = svg.getBoundingClientRect();
    const x = ((clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    const outputs = figure.querySelectorAll("output");
    let at = null;
    svg.querySelectorAll("polyline").forEach((line, i) => {
      const points = [...line.points];
      if (!points.length) return;
      let nearest = 0;
      points.forEach((point, k) => {
        if (Math.abs(point.x - x) < Math.abs(points[nearest].x - x)) nearest = k;
      });
      const [seen, y] = line.dataset.values.split(" ")[nearest].split(",").map(Number);
      outputs[i].textContent = format(y).replace("-", "\u2212");
      if (at === null || Math.abs(points[nearest].x - x) < Math.abs(at.x - x)) at = { x: points[nearest].x, seen };
    });
    if (at === null) return;
    const { height } = svg.viewBox.baseVal;
    svg.querySelector(".cursor").setAttribute("d", `M${at.x} 8V${height - 22}`);
    const caption = figure.querySelector("figcaption");
    const near = [...svg.querySelectorAll(".mark")].find((mark) => Math.abs(mark.getPointAtLength(0).x - x) < 5);
    caption.textContent = `${near ? `${near.textContent}, ` : ""}at ${format(at.seen)} ${caption.dataset.x}`;
  }

  let pointed = null; // where the pointer rests, for figures that are redrawn under it
  const leave = () => {
    if (!pointed) return;
    const { figure } = pointed;
    pointed = null;
    figure.querySelector(".cursor")?.setAttribute("d", "");
    const caption = figure.querySelector("figcaption");
    if (caption) caption.textContent = caption.dataset.x;
    figure.querySelectorAll("output").forEach((output, i) => {
      const values = figure.querySelectorAll("polyline")[i].dataset.values.split(" ");
      if (values.at(-1)) output.textContent = format(Number(values.at(-1).split(",")[1])).replace("-", "\u2212");
    });
  };

  document.addEventListener("pointermove", (event) => {
    const figure = event.target.closest?.(".plot");
    if (!figure || !event.target.closest("svg")) return leave();
    if (pointed && pointed.figure !== figure) leave();
    pointed = { figure, x: event.clientX, y: event.clientY };
    read(figure, event.clientX);
  });
  document.addEventListener("pointerleave", leave);
  document.addEventListener("figure-redrawn", () => {
    if (!pointed) return;
    const figure = document.elementFromPoint(pointed.x, pointed.y)?.closest(".plot");
    if (!figure) return (pointed = null);
    pointed.figure = figure;
    read(figure, pointed.x);
  });
})();
