"use strict";
// Index order is (z, y, x): z grows to the head, y to the back, x to the patient's left.
const told = JSON.parse(document.getElementById("told").textContent);
const PLANES = [
  { name: "axial", across: 0, down: 1, right: 2, up: false, letters: ["R", "L", "A", "P"] },
  { name: "coronal", across: 1, down: 0, right: 2, up: true, letters: ["R", "L", "H", "F"] },
  { name: "sagittal", across: 2, down: 0, right: 1, up: true, letters: ["A", "P", "H", "F"] },
];
const place = told.start.map((v, a) => clamp(v, 0, told.shape[a] - 1));
let volume = null, current = told.findings.length ? 0 : -1, shown = 0;
const shades = new Uint8ClampedArray(256);
const figures = [...document.querySelectorAll(".plane")];
const buttons = [...document.querySelectorAll("[data-finding]")];
const marks = document.getElementById("marks"), cross = document.getElementById("cross");

function clamp(value, low, high) { return Math.min(Math.max(value, low), high); }

async function unpack() {
  const bytes = Uint8Array.from(atob(document.getElementById("packed").textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const codes = new Uint8Array(await new Response(stream).arrayBuffer());
  const row = told.shape[2];
  for (let start = 0; start < codes.length; start += row) {
    for (let i = start + 1; i < start + row; i++) codes[i] += codes[i - 1];
  }
  return codes;
}

function setWindow(number) {
  shown = number;
  const [, level, width] = told.windows[number];
  told.hu.forEach((hu, code) => { shades[code] = ((hu - level + width / 2) * 255) / width; });
}

function slice(plane) {
  const [, rows, columns] = told.shape, at = Math.round(place[plane.across]);
  const height = told.shape[plane.down], width = told.shape[plane.right];
  const pixels = new ImageData(width, height);
  const step = [rows * columns, columns, 1];
  for (let i = 0; i < height; i++) {
    const down = plane.up ? height - 1 - i : i;
    let from = at * step[plane.across] + down * step[plane.down], to = i * width * 4;
    for (let j = 0; j < width; j++, from += step[plane.right], to += 4) {
      pixels.data[to] = pixels.data[to + 1] = pixels.data[to + 2] = shades[volume[from]];
      pixels.data[to + 3] = 255;
    }
  }
  return pixels;
}

function draw(number) {
  const plane = PLANES[number], canvas = figures[number].querySelector("canvas");
  const mm = [plane.right, plane.down].map((a) => told.shape[a] * told.spacing[a]);
  const ratio = window.devicePixelRatio || 1, wide = Math.max(1, Math.round(canvas.clientWidth * ratio));
  canvas.width = wide;
  canvas.height = Math.round((wide * mm[1]) / mm[0]);
  const small = new OffscreenCanvas(told.shape[plane.right], told.shape[plane.down]);
  small.getContext("2d").putImageData(slice(plane), 0, 0);
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(small, 0, 0, canvas.width, canvas.height);
  const scale = wide / mm[0];
  if (cross.checked) drawCross(pen, plane, canvas);
  if (marks.checked) drawMarks(pen, plane, canvas, scale, ratio);
  drawLetters(pen, plane, canvas, ratio);
  drawBar(pen, canvas, scale, ratio);
  const at = Math.round(place[plane.across]);
  figures[number].querySelector(".slice").textContent = `${plane.name} ${at + 1} of ${told.shape[plane.across]}`;
  figures[number].querySelector("input").value = at;
  canvas.setAttribute("aria-label", `${plane.name} plane, slice ${at + 1} of ${told.shape[plane.across]}`);
}

function spot(plane, index, canvas) {
  const x = ((index[plane.right] + 0.5) / told.shape[plane.right]) * canvas.width;
  const y = ((index[plane.down] + 0.5) / told.shape[plane.down]) * canvas.height;
  return [x, plane.up ? canvas.height - y : y];
}

function drawCross(pen, plane, canvas) {
  const [x, y] = spot(plane, place, canvas), gap = canvas.width * 0.05;
  pen.strokeStyle = "rgba(98,191,227,.75)";
  pen.lineWidth = 1;
  pen.beginPath();
  for (const [a, b, c, d] of [[0, y, x - gap, y], [x + gap, y, canvas.width, y], [x, 0, x, y - gap], [x, y + gap, x, canvas.height]]) {
    pen.moveTo(a, b);
    pen.lineTo(c, d);
  }
  pen.stroke();
}

function drawMarks(pen, plane, canvas, scale, ratio) {
  const ring = (one, colour, dashes, label) => {
    const away = Math.abs(one.index[plane.across] - Math.round(place[plane.across])) * told.spacing[plane.across];
    const radius = Math.max(one.diameter / 2, 3);
    if (away > radius) return;
    const [x, y] = spot(plane, one.index, canvas), reach = (Math.sqrt(radius * radius - away * away) + 2) * scale;
    pen.strokeStyle = colour;
    pen.lineWidth = 2 * ratio;
    pen.setLineDash(dashes.map((d) => d * ratio));
    pen.beginPath();
    pen.arc(x, y, reach, 0, 2 * Math.PI);
    pen.stroke();
    pen.setLineDash([]);
    if (label) write(pen, label, x + reach + 3 * ratio, y - reach, ratio, "left", colour);
  };
  told.known.forEach((one) => ring(one, "#4fd8b4", [5, 4], ""));
  told.findings.forEach((one, i) => {
    if (i < told.above || i === current) ring(one, "#ffcf33", [], String(one.rank));
  });
}

function write(pen, text, x, y, ratio, align, colour) {
  pen.font = `600 ${14 * ratio}px system-ui, sans-serif`;
  pen.textAlign = align;
  pen.textBaseline = "middle";
  pen.lineWidth = 3 * ratio;
  pen.strokeStyle = "#000";
  pen.strokeText(text, x, y);
  pen.fillStyle = colour;
  pen.fillText(text, x, y);
}

function drawLetters(pen, plane, canvas, ratio) {
  const [left, right, top, bottom] = plane.letters, edge = 12 * ratio, w = canvas.width, h = canvas.height;
  for (const [text, x, y] of [[left, edge, h / 2], [right, w - edge, h / 2], [top, w / 2, edge], [bottom, w / 2, h - edge]]) {
    write(pen, text, x, y, ratio, "center", "#dfe6ec");
  }
}

function drawBar(pen, canvas, scale, ratio) {
  const length = 50 * scale, x = canvas.width - length - 10 * ratio, y = canvas.height - 10 * ratio;
  pen.fillStyle = "#fff";
  pen.fillRect(x, y, length, 2 * ratio);
  write(pen, "50 mm", x + length / 2, y - 11 * ratio, ratio, "center", "#fff");
}

function drawAll() {
  if (!volume) return;
  PLANES.forEach((_, number) => draw(number));
  const [, rows, columns] = told.shape, at = place.map(Math.round);
  const world = told.affine.map((line) => line[0] * place[0] + line[1] * place[1] + line[2] * place[2] + line[3]);
  const hu = told.hu[volume[(at[0] * rows + at[1]) * columns + at[2]]];
  const mm = world.map((v) => v.toFixed(0).replace("-", "−")).join(", ");
  document.getElementById("where").textContent = `(${mm}) mm, LPS · about ${hu.toFixed(0).replace("-", "−")} HU`;
  buttons.forEach((button, i) => button.setAttribute("aria-current", String(i === current)));
}

function go(number) {
  if (!told.findings.length) return;
  current = (number + told.findings.length) % told.findings.length;
  told.findings[current].index.forEach((v, a) => { place[a] = clamp(v, 0, told.shape[a] - 1); });
  drawAll();
}

function scroll(number, steps) {
  const axis = PLANES[number].across;
  place[axis] = clamp(Math.round(place[axis]) + steps, 0, told.shape[axis] - 1);
  drawAll();
}

function take(number, event) {
  const plane = PLANES[number], box = event.currentTarget.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
  place[plane.right] = clamp(x * told.shape[plane.right] - 0.5, 0, told.shape[plane.right] - 1);
  place[plane.down] = clamp((plane.up ? 1 - y : y) * told.shape[plane.down] - 0.5, 0, told.shape[plane.down] - 1);
  drawAll();
}

function listen() {
  let active = 0;
  figures.forEach((figure, number) => {
    const canvas = figure.querySelector("canvas"), slider = figure.querySelector("input");
    slider.max = told.shape[PLANES[number].across] - 1;
    slider.addEventListener("input", () => { place[PLANES[number].across] = Number(slider.value); drawAll(); });
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); scroll(number, event.deltaY > 0 ? -1 : 1); }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => { active = number; canvas.focus(); take(number, event); });
    canvas.addEventListener("pointermove", (event) => { if (event.buttons & 1) take(number, event); });
    canvas.addEventListener("focus", () => { active = number; });
  });
  buttons.forEach((button) => button.addEventListener("click", () => go(Number(button.dataset.finding))));
  document.querySelectorAll("[name=window]").forEach((one) => one.addEventListener("change", () => { setWindow(Number(one.value)); drawAll(); }));
  for (const box of [marks, cross]) box.addEventListener("change", drawAll);
  window.addEventListener("resize", drawAll);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.tagName === "INPUT") return;
    const keys = { ArrowUp: () => scroll(active, 1), ArrowDown: () => scroll(active, -1), n: () => go(current + 1), p: () => go(current - 1) };
    keys.m = () => { marks.checked = !marks.checked; drawAll(); };
    ["1", "2", "3"].forEach((key, i) => { keys[key] = () => { document.querySelectorAll("[name=window]")[i].checked = true; setWindow(i); drawAll(); }; });
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
}

setWindow(0);
unpack().then((codes) => {
  volume = codes;
  document.getElementById("wait").hidden = true;
  document.getElementById("planes").hidden = false;
  document.body.dataset.ready = "yes";
  listen();
  drawAll();
}, (error) => { document.getElementById("wait").textContent = `This browser cannot unpack the scan (${error}); report.html shows pictures without it.`; });
