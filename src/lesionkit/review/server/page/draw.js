// Drawing on the image: on a volume a ball, pulled from its middle outwards; on a picture a line around the lesion.

const LEAST_MM = 1;
const STANDARD_MM = 6;

export class Drawing {
  constructor(stage, getView, show, finished) {
    Object.assign(this, { stage, getView, show, finished, mode: null, draft: null });
    stage.addEventListener('pointerdown', (event) => this.begin(event), true);
    stage.addEventListener('pointermove', (event) => this.pull(event), true);
    stage.addEventListener('pointerup', (event) => this.end(event), true);
    stage.addEventListener('pointercancel', () => this.stop(), true);
  }

  get volume() {
    return this.getView().sheet.shape.length === 3;
  }

  start(mode) {
    this.mode = mode;
    this.stage.classList.add('draws');
    this.getView().setDrawing?.(true);
    const how = this.volume ? 'Pull from the middle of the lesion outwards' : 'Draw around the lesion';
    const what = mode === 'add' ? 'Marking a missed one' : 'Redrawing';
    this.say(`${what}. ${how}; Enter puts one at the ${this.volume ? 'cross' : 'middle'}, Esc stops`);
  }

  stop() {
    this.mode = this.draft = null;
    this.stage.classList.remove('draws');
    this.getView()?.setDrawing?.(false);
    this.say('');
    this.show(null);
  }

  say(words) {
    const line = this.stage.querySelector('.drawing');
    line.textContent = words;
    line.hidden = !words;
  }

  at(event) {
    const box = this.stage.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    const found = this.getView().fromScreen(x, y);
    return found && this.getView().holds(found.place) ? { ...found, x, y } : null;
  }

  begin(event) {
    if (!this.mode || event.button !== 0) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const at = this.at(event);
    if (!at) return;
    this.stage.setPointerCapture(event.pointerId);
    this.from = at;
    this.draft = this.volume
      ? { pane: at.pane.name, place: at.place, diameter: LEAST_MM }
      : { pane: at.pane.name, outline: [at.place] };
    this.show(this.draft);
  }

  pull(event) {
    if (!this.draft) return;
    event.stopImmediatePropagation();
    const at = this.at(event);
    if (!at || at.pane.name !== this.draft.pane) return;
    const far = Math.hypot(at.x - this.from.x, at.y - this.from.y);
    if (this.volume) this.draft.diameter = Math.max((2 * far) / this.from.pane.scale, LEAST_MM);
    else if (this.draft.outline.length < 2000) this.draft.outline.push(at.place);
    this.show(this.draft);
  }

  end(event) {
    if (!this.draft) return;
    event.stopImmediatePropagation();
    const draft = this.draft;
    if (draft.outline && draft.outline.length < 5) {
      this.draft = null;
      this.show(null);
      return;
    }
    if (draft.diameter === LEAST_MM) draft.diameter = STANDARD_MM;
    this.give(draft);
  }

  // By the keyboard: a ball at the cross, or a circle of a tenth of what is seen in the middle of it.
  place() {
    const view = this.getView();
    if (this.volume) return this.give({ place: [...view.place], diameter: STANDARD_MM });
    const { clientWidth: width, clientHeight: height } = this.stage;
    const radius = Math.min(width, height) / 20;
    const outline = [...Array(32).keys()].map((i) => {
      const turn = (i / 16) * Math.PI;
      return view.fromScreen(width / 2 + radius * Math.cos(turn), height / 2 + radius * Math.sin(turn)).place;
    });
    if (outline.every((place) => view.holds(place))) this.give({ outline });
  }

  give(draft) {
    const mode = this.mode;
    this.stop();
    this.finished(mode, {
      place: draft.place ?? [], outline: draft.outline ?? [],
      diameter: draft.place ? Math.round(draft.diameter * 10) / 10 : null,
    });
  }
}
