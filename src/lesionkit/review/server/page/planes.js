// Three planes of a volume on one stage. Places are [z, y, x] samples of the upright volume, whole numbers in the
// middle of a sample. Here is where everything lies on the screen; what is below draws the slices of the server.

export const PLANES = [
  { name: 'axial', across: 0, down: 1, right: 2, flipped: false },
  { name: 'coronal', across: 1, down: 0, right: 2, flipped: true },
  { name: 'sagittal', across: 2, down: 0, right: 1, flipped: true },
];
const GAP = 6;

export class Planes {
  constructor(holder, sheet, changed) {
    Object.assign(this, { holder, sheet, changed, zoom: 1 });
    this.place = sheet.shape.map((n) => Math.floor((n - 1) / 2));
    this.middle = sheet.shape.map((n) => (n - 1) / 2);
    this.focus = this.middle;
    this.canvas = document.createElement('canvas');
    holder.append(this.canvas);
  }

  get size() {
    return [this.holder.clientWidth, this.holder.clientHeight];
  }

  // The axial plane has the height of the stage, the others share what is left beside it.
  panes() {
    const [width, height] = this.size;
    const beside = Math.max(160, Math.round(width * 0.36));
    const half = (height - GAP) / 2;
    const rects = [
      [0, 0, width - beside - GAP, height],
      [width - beside, 0, beside, half],
      [width - beside, half + GAP, beside, half],
    ];
    return PLANES.map((plane, i) => ({ ...plane, rect: rects[i], scale: this.scaleOf(plane, rects[i]) }));
  }

  scaleOf(plane, [, , width, height]) {
    const mm = (axis) => this.sheet.shape[axis] * this.sheet.spacing[axis];
    return Math.min(width / mm(plane.right), height / mm(plane.down)) * this.zoom;
  }

  // Screen pixels of a place in a pane; `off` is how far it lies from the slice that is shown, in mm.
  toScreen(pane, place) {
    const [left, top, width, height] = pane.rect;
    const along = (axis) => (place[axis] - this.focus[axis]) * this.sheet.spacing[axis] * pane.scale;
    const down = along(pane.down) * (pane.flipped ? -1 : 1);
    const off = Math.abs(place[pane.across] - this.place[pane.across]) * this.sheet.spacing[pane.across];
    return { x: left + width / 2 + along(pane.right), y: top + height / 2 + down, off };
  }

  fromScreen(x, y) {
    const pane = this.panes().find(({ rect: [l, t, w, h] }) => x >= l && x <= l + w && y >= t && y <= t + h);
    if (!pane) return null;
    const [left, top, width, height] = pane.rect;
    const place = [...this.place];
    const back = (pixels, axis) => this.focus[axis] + pixels / (this.sheet.spacing[axis] * pane.scale);
    place[pane.right] = back(x - left - width / 2, pane.right);
    place[pane.down] = back((y - top - height / 2) * (pane.flipped ? -1 : 1), pane.down);
    return { pane, place };
  }

  holds(place) {
    return place.every((p, axis) => p >= -0.5 && p <= this.sheet.shape[axis] - 0.5);
  }

  // The cross goes to a place, and what is enlarged follows it unless it is told to stay.
  goTo(place, size = 0, follows = true) {
    this.place = place.map((p, axis) => Math.min(Math.max(Math.round(p), 0), this.sheet.shape[axis] - 1));
    if (this.zoom > 1 && follows) this.focus = [...this.place];
    this.draw();
    this.changed();
  }

  scroll(steps, axis = 0) {
    const place = [...this.place];
    place[axis] += steps;
    this.goTo(place, 0, false);
  }

  pan(pane, right, down) {
    const back = (pixels, axis) => pixels / (this.sheet.spacing[axis] * pane.scale);
    this.focus = [...this.focus];
    this.focus[pane.right] -= back(right, pane.right);
    this.focus[pane.down] -= back(down, pane.down) * (pane.flipped ? -1 : 1);
    this.draw();
    this.changed();
  }

  setZoom(zoom) {
    this.zoom = Math.min(Math.max(zoom, 1), 16);
    this.focus = this.zoom > 1 ? [...this.place] : this.middle;
    this.draw();
    this.changed();
  }

  setWindow(name) {
    this.window = name;
    this.draw();
  }

  // Which slices are on the canvas now.
  painted() {
    this.holder.dataset.painted = this.place.join(' ');
    this.drawn?.();
  }

  told() {
    return `slice ${this.place[0] + 1} of ${this.sheet.shape[0]}`;
  }

  destroy() {
    this.gone = true;
    this.canvas.remove();
  }
}

const KEPT = 160;
const AHEAD = 4;

export class SlicePlanes extends Planes {
  constructor(holder, sheet, changed, windows) {
    super(holder, sheet, changed);
    this.window = Object.keys(windows)[0];
    this.slices = new Map();
    this.drawnAs = {};
    this.before = 0;
    this.name = 'drawn by the server';
  }

  address(axis, index) {
    const query = new URLSearchParams({ window: this.window });
    return `image/${this.sheet.number}/slice/${PLANES[axis].name}/${index}?${query}`;
  }

  // A picture of a slice, asked for once; the last few are kept.
  slice(axis, index) {
    if (index < 0 || index >= this.sheet.shape[axis]) return null;
    const address = this.address(axis, index);
    const held = this.slices.get(address);
    if (held) {
      this.slices.delete(address);
      this.slices.set(address, held);
      return held;
    }
    const image = new Image();
    image.onload = () => this.gone || this.draw();
    image.src = address;
    this.slices.set(address, image);
    if (this.slices.size > KEPT) this.slices.delete(this.slices.keys().next().value);
    return image;
  }

  draw() {
    const [width, height] = this.size;
    const dense = window.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * dense) || this.canvas.height !== Math.round(height * dense)) {
      this.canvas.width = Math.round(width * dense);
      this.canvas.height = Math.round(height * dense);
      this.drawnAs = {};
    }
    const pen = this.canvas.getContext('2d', { alpha: false });
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    this.shown ??= {};
    let complete = true;
    for (const pane of this.panes()) {
      const index = this.place[pane.across];
      const image = this.slice(pane.across, index);
      const ready = image.complete && image.naturalWidth > 0;
      complete &&= ready;
      if (ready) this.shown[pane.name] = image;
      const latest = this.shown[pane.name];
      // What is on the canvas already is not painted again.
      const as = latest && [latest.src, pane.rect, pane.scale, this.focus].join();
      if (latest && this.drawnAs[pane.name] !== as) this.paint(pen, pane, latest);
      this.drawnAs[pane.name] = as;
    }
    if (complete) this.painted();
    const way = Math.sign(this.place[0] - this.before) || 1;
    this.before = this.place[0];
    if (complete) for (let i = 1; i <= AHEAD; i++) this.slice(0, this.place[0] + way * i);
  }

  paint(pen, pane, image) {
    const [left, top, width, height] = pane.rect;
    const { shape, spacing } = this.sheet;
    const first = [...this.place];
    first[pane.right] = -0.5;
    first[pane.down] = pane.flipped ? shape[pane.down] - 0.5 : -0.5;
    const corner = this.toScreen(pane, first);
    pen.save();
    pen.beginPath();
    pen.rect(left, top, width, height);
    pen.clip();
    pen.fillStyle = '#000';
    pen.fillRect(left, top, width, height);
    const across = shape[pane.right] * spacing[pane.right] * pane.scale;
    pen.drawImage(image, corner.x, corner.y, across, shape[pane.down] * spacing[pane.down] * pane.scale);
    pen.restore();
  }
}
