// The plane on a canvas: D's verdict as a shade with level lines, G as a warped grid, data, fakes, and the pull on them.
const REACH = 1.5; // of the window, as on the server
const UNIT = 10000; // of a coordinate
const canvas = find("canvas");
const pen = canvas.getContext("2d", { alpha: false });
const shade = document.createElement("canvas"); // the surface, one pixel a cell

function numbers(base64, unit = UNIT) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return Float32Array.from(new Int16Array(bytes.buffer), (whole) => whole / unit);
}

const across = (x) => ((x / REACH + 1) / 2) * canvas.width;
const down = (y) => ((1 - y / REACH) / 2) * canvas.height;

// Colours are the page's variables, so that dark mode follows.
function palette() {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  return { data: read("series-1"), fakes: read("series-2"), grid: read("series-4"), ink: read("ink"), quiet: read("quiet"), paper: read("sheet") };
}
const channels = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));

// As many pixels as the screen has there; false where the canvas cannot be seen.
function fit() {
  const side = canvas.parentElement.clientWidth;
  if (!side) return false;
  const pixels = Math.round(side * (window.devicePixelRatio || 1));
  if (canvas.width !== pixels) canvas.width = canvas.height = pixels;
  return true;
}

// What is drawn: real, fakes, lattice, pull, surface as arrays; how strongly each layer shows, from 0 to 1.
function paint(scene, strength) {
  if (!fit()) return;
  const colors = palette();
  const scale = canvas.width / canvas.parentElement.clientWidth;
  pen.globalAlpha = 1;
  pen.fillStyle = colors.paper;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  if (scene.surface && strength.surface > 0) paintSurface(scene, strength.surface, colors, scale);
  if (scene.real && strength.real > 0) dots(scene.real, colors.data, 1.9 * scale, 0.75 * strength.real);
  if (scene.lattice && strength.lattice > 0) paintLattice(scene.lattice, strength.lattice, colors, scale);
  if (scene.fakes && strength.pull > 0 && scene.pull) arrows(scene, strength.pull, colors, scale);
  if (scene.fakes && strength.fakes > 0) dots(scene.fakes, colors.fakes, 2.1 * scale, 0.9 * strength.fakes, colors.paper);
  pen.globalAlpha = 1;
}

function dots(points, color, radius, alpha, rim) {
  const path = new Path2D();
  for (let i = 0; i < points.length; i += 2) {
    const [x, y] = [across(points[i]), down(points[i + 1])];
    path.moveTo(x + radius, y);
    path.arc(x, y, radius, 0, 7);
  }
  pen.globalAlpha = alpha;
  if (rim) {
    pen.strokeStyle = rim;
    pen.lineWidth = radius * 0.7;
    pen.stroke(path);
  }
  pen.fillStyle = color;
  pen.fill(path);
}

function paintSurface({ surface, verdict }, strength, colors, scale) {
  const cells = Math.round(Math.sqrt(surface.length));
  shade.width = shade.height = cells;
  const picture = shade.getContext("2d").createImageData(cells, cells);
  const [real, fake] = [channels(colors.data), channels(colors.fakes)];
  for (let i = 0; i < surface.length; i++) {
    const side = 2 * surface[i] - 1; // from -1, fake, to 1, real
    const color = side > 0 ? real : fake;
    picture.data.set([...color, 255 * 0.5 * Math.abs(side)], 4 * i);
  }
  shade.getContext("2d").putImageData(picture, 0, 0);
  pen.globalAlpha = strength;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(shade, 0, 0, canvas.width, canvas.height);
  const faint = verdict ? [0.1, 0.25, 0.75, 0.9] : [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
  contours(surface, cells, faint, colors.quiet, 0.7 * scale, 0.35 * strength);
  if (verdict) contours(surface, cells, [0.5], colors.ink, 1.2 * scale, 0.6 * strength);
}

const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]]; // of a cell, around it

// Level lines by marching squares between the centres of cells.
function contours(surface, cells, levels, color, width, alpha) {
  const path = new Path2D();
  const size = canvas.width / cells;
  for (const level of levels)
    for (let row = 0; row + 1 < cells; row++)
      for (let column = 0; column + 1 < cells; column++) {
        const at = row * cells + column;
        const above = surface[at] >= level;
        // Most cells lie on one side: seen before anything is made for them.
        if (surface[at + 1] >= level === above && surface[at + cells + 1] >= level === above && surface[at + cells] >= level === above) continue;
        const corners = [surface[at], surface[at + 1], surface[at + cells + 1], surface[at + cells]];
        const cuts = [];
        for (let k = 0; k < 4; k++) {
          const next = (k + 1) % 4;
          if (corners[k] >= level === corners[next] >= level) continue;
          const t = (level - corners[k]) / (corners[next] - corners[k]);
          cuts.push([0, 1].map((axis) => CORNERS[k][axis] + t * (CORNERS[next][axis] - CORNERS[k][axis])));
        }
        for (let k = 0; k + 1 < cuts.length; k += 2) {
          path.moveTo((column + 0.5 + cuts[k][0]) * size, (row + 0.5 + cuts[k][1]) * size);
          path.lineTo((column + 0.5 + cuts[k + 1][0]) * size, (row + 0.5 + cuts[k + 1][1]) * size);
        }
      }
  pen.globalAlpha = alpha;
  pen.strokeStyle = color;
  pen.lineWidth = width;
  pen.stroke(path);
}

// Every second line of the lattice, through all its points.
function paintLattice(lattice, strength, colors, scale) {
  const lines = Math.round(Math.sqrt(lattice.length / 2));
  const path = new Path2D();
  for (let line = 0; line < lines; line += 2)
    for (const [step, start] of [[1, line * lines], [lines, line]])
      for (let k = 0; k < lines; k++) {
        const at = 2 * (start + k * step);
        path[k ? "lineTo" : "moveTo"](across(lattice[at]), down(lattice[at + 1]));
      }
  pen.globalAlpha = 0.55 * strength;
  pen.strokeStyle = colors.grid;
  pen.lineWidth = 0.8 * scale;
  pen.lineJoin = "round";
  pen.stroke(path);
}

// Arrows on every fourth fake; long ones are shortened, so that all stay readable.
function arrows({ fakes, pull }, strength, colors, scale) {
  const path = new Path2D();
  for (let i = 0; i < fakes.length; i += 8) {
    const steep = Math.hypot(pull[i], pull[i + 1]);
    const length = 34 * scale * Math.tanh(steep / 2);
    if (length < 1.2 * scale) continue;
    const [dx, dy] = [pull[i] / steep, -pull[i + 1] / steep];
    const [x, y] = [across(fakes[i]), down(fakes[i + 1])];
    const [endX, endY] = [x + length * dx, y + length * dy];
    const head = Math.min(5 * scale, length / 2);
    path.moveTo(x, y);
    path.lineTo(endX, endY);
    path.moveTo(endX - head * (dx + 0.6 * dy), endY - head * (dy - 0.6 * dx));
    path.lineTo(endX, endY);
    path.lineTo(endX - head * (dx - 0.6 * dy), endY - head * (dy + 0.6 * dx));
  }
  pen.globalAlpha = 0.8 * strength;
  pen.strokeStyle = colors.ink;
  pen.lineWidth = 1.1 * scale;
  pen.stroke(path);
}

// What is being drawn by hand, and the pen of the keyboard.
function paintStrokes(strokes, cursor, words) {
  const colors = palette();
  const scale = canvas.width / canvas.parentElement.clientWidth;
  pen.globalAlpha = 0.8;
  pen.strokeStyle = pen.fillStyle = colors.data;
  pen.lineWidth = 5 * scale;
  pen.lineCap = pen.lineJoin = "round";
  for (const stroke of strokes) {
    pen.beginPath();
    for (const [x, y] of stroke) pen.lineTo(across(x), down(y));
    if (stroke.length === 1) pen.lineTo(across(stroke[0][0]) + 0.1, down(stroke[0][1]));
    pen.stroke();
  }
  if (cursor) {
    pen.lineWidth = 1.5 * scale;
    pen.strokeStyle = colors.ink;
    pen.beginPath();
    for (const [dx, dy] of [[1, 0], [0, 1]]) {
      pen.moveTo(across(cursor[0]) - 9 * scale * dx, down(cursor[1]) - 9 * scale * dy);
      pen.lineTo(across(cursor[0]) + 9 * scale * dx, down(cursor[1]) + 9 * scale * dy);
    }
    pen.stroke();
  }
  if (!strokes.length) {
    pen.fillStyle = colors.quiet;
    pen.font = `${16 * scale}px system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.fillText(words, canvas.width / 2, canvas.height / 2);
  }
  pen.globalAlpha = 1;
}
