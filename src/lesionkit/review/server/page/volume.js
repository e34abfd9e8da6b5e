// The same planes drawn by NiiVue on the graphics card, once the volume has come. Without WebGL2 there are none.
import { Planes, PLANES } from './planes.js';

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

export function cardOf(gl) {
  const told = gl.getExtension('WEBGL_debug_renderer_info');
  return String(gl.getParameter(told ? told.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
}

// Why NiiVue does not draw here, "" where it does: without a graphics card it is slower than slices of the server.
// `?renderer=server` or `?renderer=niivue` behind the address decides otherwise.
export function whyNoVolume() {
  const asked = new URLSearchParams(location.search).get('renderer');
  if (asked === 'server') return 'as the address asks';
  let gl = null;
  try {
    gl = document.createElement('canvas').getContext('webgl2');
  } catch { /* a browser that forbids it */ }
  if (!gl) return 'no WebGL2';
  const card = cardOf(gl);
  gl.getExtension('WEBGL_lose_context')?.loseContext();
  return asked !== 'niivue' && SOFTWARE.test(card) ? 'WebGL2 by software only' : '';
}

function loadNiiVue() {
  if (window.niivue) return Promise.resolve(window.niivue);
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = 'page/vendor/niivue.umd.js';
    script.onload = () => resolve(window.niivue);
    script.onerror = () => reject(new Error('NiiVue cannot be loaded'));
    document.head.append(script);
  });
}

// The volume of a sheet as bytes; `tell` gets the share that has come.
export async function fetchVolume(number, tell, signal) {
  const response = await fetch(`image/${number}/volume.nii`, { signal });
  if (!response.ok) throw new Error('the volume cannot be read');
  const bytes = new Uint8Array(Number(response.headers.get('content-length')));
  const reader = response.body.getReader();
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return bytes.buffer;
    bytes.set(value, at);
    at += value.length;
    tell(at / bytes.length);
  }
}

const SLICE_TYPES = { axial: 0, coronal: 1, sagittal: 2 };

export class VolumePlanes extends Planes {
  constructor(holder, sheet, changed, windows) {
    super(holder, sheet, changed);
    this.windows = windows;
    this.window = Object.keys(windows)[0];
    // What the mouse does is ours, not NiiVue's.
    this.canvas.style.pointerEvents = 'none';
  }

  async load(bytes, place, windowName) {
    const { Niivue, NVImage } = await loadNiiVue();
    this.window = windowName;
    this.place = place;
    this.nv = new Niivue({
      isResizeCanvas: false, crosshairWidth: 0, isRadiologicalConvention: true, sagittalNoseLeft: true,
      isOrientationTextVisible: false, isColorbar: false, isRuler: false, show3Dcrosshair: false, isAlphaClipDark: false,
      backColor: [0, 0, 0, 1], loadingText: '', logLevel: 'error', isOrientCube: false,
    });
    this.fit();
    await this.nv.attachToCanvas(this.canvas);
    const volume = await NVImage.loadFromUrl({ url: bytes, name: 'volume.nii' });
    this.level(volume);
    this.nv.addVolume(volume);
    this.card = cardOf(this.nv.gl);
    this.name = 'drawn by NiiVue';
    this.draw();
  }

  level(volume) {
    const [centre, width] = this.windows[this.window];
    volume.cal_min = centre - width / 2;
    volume.cal_max = centre + width / 2;
  }

  fit() {
    const [width, height] = this.size;
    const dense = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * dense);
    this.canvas.height = Math.round(height * dense);
  }

  setWindow(name) {
    this.window = name;
    if (!this.nv?.volumes.length) return;
    this.level(this.nv.volumes[0]);
    this.nv.updateGLVolume();
    this.draw();
  }

  draw() {
    if (!this.nv?.volumes.length) return;
    const [width, height] = this.size;
    this.fit();
    const { shape, spacing } = this.sheet;
    // NiiVue's x and y run against ours, and its fractions count from the edge.
    const fraction = (axis, p) => (p + 0.5) / shape[axis];
    const [z, y, x] = this.place.map((p, axis) => fraction(axis, p));
    this.nv.scene.crosshairPos = [1 - x, 1 - y, z];
    const turned = (axis) => (this.middle[axis] - this.focus[axis]) * spacing[axis] * (axis === 0 ? -1 : 1);
    const centre = (axis) => this.middle[axis] * spacing[axis] * (axis === 0 ? 1 : -1);
    // NiiVue shows (middle - shift) / zoom, which is to be our focus.
    const shift = (axis) => centre(axis) - this.zoom * (centre(axis) + turned(axis));
    this.nv.scene.pan2Dxyzmm = [shift(2), shift(1), shift(0), this.zoom];
    const share = ([l, t, w, h]) => [l / width, t / height, w / width, h / height];
    this.nv.setCustomLayout(this.panes().map(({ name, rect }) => ({
      sliceType: SLICE_TYPES[name], position: share(rect),
    })));
    this.nv.drawScene();
    this.painted();
  }

  destroy() {
    super.destroy();
    this.nv?.gl?.getExtension('WEBGL_lose_context')?.loseContext();
  }
}

export { PLANES };
