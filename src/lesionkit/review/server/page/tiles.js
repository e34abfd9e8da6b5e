// A picture of any size, shown by OpenSeadragon tile by tile. Places are [row, column] samples of the finest level.

const LOOKS = {
  'as it is': '', brighter: 'brightness(1.5)', 'more contrast': 'contrast(1.8)',
  'brighter, more contrast': 'brightness(1.3) contrast(1.8)', inverted: 'invert(1)',
};

export class TileView {
  constructor(holder, sheet, changed, shown) {
    Object.assign(this, { holder, sheet, changed });
    this.windows = LOOKS;
    this.window = 'as it is';
    this.name = 'drawn by OpenSeadragon';
    this.box = document.createElement('div');
    holder.append(this.box);
    const [height, width] = sheet.shape;
    this.viewer = window.OpenSeadragon({
      element: this.box, showNavigationControl: false, drawer: 'canvas', animationTime: 0.25, maxZoomPixelRatio: 8,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: false }, visibilityRatio: 0.3,
      tileSources: {
        width, height, tileSize: shown.tile, tileOverlap: 0, minLevel: Math.min(8, shown.levels), maxLevel: shown.levels,
        getTileUrl: (level, column, row) => `image/${sheet.number}/tile/${level}/${column}/${row}`,
      },
    });
    this.box.querySelectorAll('[tabindex]').forEach((one) => one.setAttribute('tabindex', '-1'));
    this.viewer.innerTracker.keyHandler = null;
    this.viewer.innerTracker.keyDownHandler = null;
    this.viewer.addHandler('update-viewport', () => this.changed());
    this.viewer.addHandler('tile-drawn', () => this.drawn?.());
    this.viewer.addHandler('tile-load-failed', () => this.failed?.());
  }

  ready() {
    return this.viewer.world.getItemCount() > 0;
  }

  panes() {
    return [{ name: '', rect: [0, 0, this.holder.clientWidth, this.holder.clientHeight], scale: this.scale() }];
  }

  // Screen pixels per unit of the sheet.
  scale() {
    if (!this.ready()) return 1;
    const image = this.viewer.world.getItemAt(0);
    return image.viewportToImageZoom(this.viewer.viewport.getZoom(true)) / this.sheet.spacing[1];
  }

  toScreen(pane, [row, column]) {
    if (!this.ready()) return { x: -100, y: -100, off: 0 };
    const place = new window.OpenSeadragon.Point(column + 0.5, row + 0.5);
    const { x, y } = this.viewer.viewport.imageToViewerElementCoordinates(place);
    return { x, y, off: 0 };
  }

  fromScreen(x, y) {
    if (!this.ready()) return null;
    const place = this.viewer.viewport.viewerElementToImageCoordinates(new window.OpenSeadragon.Point(x, y));
    return { pane: this.panes()[0], place: [place.y - 0.5, place.x - 0.5] };
  }

  holds(place) {
    return place.every((p, axis) => p >= -0.5 && p <= this.sheet.shape[axis] - 0.5);
  }

  goTo([row, column], size = 0) {
    const [height, width] = this.sheet.shape;
    const across = Math.min(Math.max((size / this.sheet.spacing[1]) * 5, width / 12, 400), Math.max(width, height));
    const box = new window.OpenSeadragon.Rect(
      (column - across / 2) / width, (row - across / 2) / width, across / width, across / width);
    this.viewer.viewport.fitBounds(box);
  }

  scroll() {}

  get zoom() {
    return this.ready() ? this.viewer.viewport.getZoom(true) / this.viewer.viewport.getHomeZoom() : 1;
  }

  setZoom(zoom) {
    this.viewer.viewport.zoomTo(zoom * this.viewer.viewport.getHomeZoom());
    this.viewer.viewport.applyConstraints();
  }

  setWindow(name) {
    this.window = name;
    this.box.querySelectorAll('canvas').forEach((canvas) => { canvas.style.filter = LOOKS[name]; });
  }

  // While something is drawn, a drag draws and moves nothing.
  setDrawing(draws) {
    this.viewer.setMouseNavEnabled(!draws);
  }

  draw() {
    this.viewer.forceRedraw();
  }

  told() {
    const [height, width] = this.sheet.shape;
    return `${width} × ${height} pixels`;
  }

  destroy() {
    this.viewer.destroy();
    this.box.remove();
  }
}
