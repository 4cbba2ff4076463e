// Reads out every curve of a plot where somebody points; on leaving, what stood there comes back.
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
    svg.querySelectorAll("polyline[data-values]").forEach((line, i) => {
      const points = [...line.points];
      if (!points.length) return;
      let nearest = 0;
      points.forEach((point, k) => {
        if (Math.abs(point.x - x) < Math.abs(points[nearest].x - x)) nearest = k;
      });
      const [seen, y] = line.dataset.values.split(" ")[nearest].split(",").map(Number);
      outputs[i].dataset.rest ??= outputs[i].textContent;
      outputs[i].textContent = format(y).replace("-", "\u2212");
      if (at === null || Math.abs(points[nearest].x - x) < Math.abs(at.x - x)) at = { x: points[nearest].x, seen };
    });
    if (at === null) return;
    svg.querySelector(".cursor").setAttribute("d", `M${at.x} ${svg.dataset.top}V${svg.dataset.bottom}`);
    const caption = figure.querySelector(".axis-name");
    if (!caption) return;
    const near = [...svg.querySelectorAll(".mark")].find((mark) => Math.abs(mark.getPointAtLength(0).x - x) < 5);
    caption.textContent = `${near ? `${near.textContent}, ` : ""}at ${format(at.seen)} ${caption.dataset.x}`;
  }

  let pointed = null; // where the pointer rests, for figures that are redrawn under it
  const leave = () => {
    if (!pointed) return;
    const { figure } = pointed;
    pointed = null;
    figure.querySelector(".cursor")?.setAttribute("d", "");
    const caption = figure.querySelector(".axis-name");
    if (caption) caption.textContent = caption.dataset.x;
    figure.querySelectorAll("output[data-rest]").forEach((output) => (output.textContent = output.dataset.rest));
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

  // A figure as a PNG file: its colours are variables of the page, so they are written out first.
  const INK = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "opacity", "font-size", "font-family"];
  function save(figure) {
    const svg = figure.querySelector("svg");
    const copy = svg.cloneNode(true);
    const [from, to] = [svg, copy].map((root) => [root, ...root.querySelectorAll("*")]);
    from.forEach((part, i) => {
      const style = getComputedStyle(part);
      to[i].setAttribute("style", INK.map((name) => `${name}:${style.getPropertyValue(name)}`).join(";"));
    });
    const { width, height } = svg.viewBox.baseVal;
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    const image = new Image();
    image.onload = () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 3 * width, height: 3 * height });
      const paint = canvas.getContext("2d");
      paint.fillStyle = getComputedStyle(figure).getPropertyValue("--paper");
      paint.fillRect(0, 0, canvas.width, canvas.height);
      paint.drawImage(image, 0, 0, canvas.width, canvas.height);
      const name = (figure.querySelector("h3")?.firstChild.textContent ?? "figure").trim().replace(/[^\p{L}\p{N}]+/gu, "-");
      Object.assign(document.createElement("a"), { href: canvas.toDataURL(), download: `${name}.png` }).click();
    };
    image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-do=png]");
    if (button) save(button.closest("figure"));
  });
})();
