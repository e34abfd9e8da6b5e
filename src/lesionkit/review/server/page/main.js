// The page: which image is open, which finding is selected, and what keys and buttons do.
import { NotKept, ask, keep } from './ask.js';
import { tellAgreement } from './agreement.js';
import { setUpCompare } from './compare.js';
import { Drawing } from './draw.js';
import { bindKeys } from './keys.js';
import { isShown, listCases, listFindings, listPoints, make, standing, tellPoint } from './lists.js';
import { drawMarks } from './marks.js';
import { SlicePlanes } from './planes.js';
import { TileView } from './tiles.js';
import { VolumePlanes, fetchVolume, whyNoVolume } from './volume.js';

const by = (id) => document.getElementById(id);
const page = { session: null, sheet: null, view: null, selected: null, from: 0, overlay: true, seen: 0, draft: null };
let opening = null;

const findings = () => (page.sheet ? standing(page.sheet) : []);
const shown = () => findings().filter((one) => isShown(one, page.from));
const selected = () => findings().find((one) => one.id === page.selected);
const say = (words) => { by('said').textContent = words; };
const mark = () => drawMarks(by('marks'), page.view, shown(), page.selected, page.draft, page.overlay);

function alarm(words) {
  by('alarm').textContent = words;
  by('alarm').hidden = !words;
}

const drawing = new Drawing(by('stage'), () => page.view, (draft) => { page.draft = draft; mark(); }, drawn);

async function start() {
  page.session = await ask('api/session');
  const { session } = page;
  page.seen = session.seen;
  page.from = session.shown_from ?? 0;
  by('title').textContent = session.title;
  document.title = `${session.title} – lesionkit view`;
  by('reader').textContent = session.reader;
  by('cases-heading').textContent = `${session.noun[0].toUpperCase()}${session.noun.slice(1)}s`;
  by('open-compare').hidden = !(session.compares && session.cases.length > 1);
  by('threshold').value = page.from;
  listPoints(by('point'), by('ticks'), by('point-told'), session);
  setUpCompare(session, () => page.sheet?.number ?? 0);
  const first = session.cases.find((one) => !one.missing && !one.done) ?? session.cases.find((one) => !one.missing);
  await open((first ?? session.cases[0]).number);
}

async function open(number, finding) {
  opening?.abort();
  opening = new AbortController();
  const { signal } = opening;
  page.view?.destroy();
  page.view = page.selected = null;
  by('loading').textContent = 'Reading the image …';
  by('renderer').textContent = by('where').textContent = '';
  try {
    const sheet = await ask(`api/case/${number}`);
    if (signal.aborted) return;
    page.sheet = sheet;
    page.seen = page.sheet.seen;
    refresh();
    const how = await ask(`image/${number}/shown`);
    if (signal.aborted) return;
    if (how.windows) showVolume(how.windows, signal);
    else showPicture(how);
    alarm('');
    say(page.sheet.warnings.join(' · '));
    select(finding ?? nextOpen()?.id ?? shown()[0]?.id);
  } catch (error) {
    if (signal.aborted) return;
    by('loading').textContent = '';
    alarm(error.message);
  }
}

function offer(windows) {
  by('window').replaceChildren(...Object.keys(windows).map((name) => make('option', { value: name }, name)));
}

function showVolume(windows, signal) {
  offer(windows);
  const view = new SlicePlanes(by('pixels'), page.sheet, moved, windows);
  view.drawn = () => { by('loading').textContent = ''; document.body.dataset.first ||= String(performance.now()); };
  page.view = view;
  view.draw();
  moved();
  const why = whyNoVolume();
  if (why) {
    by('renderer').textContent = `${view.name} (${why})`;
    return;
  }
  by('renderer').textContent = view.name;
  exchange(view, windows, signal).catch((error) => {
    if (signal.aborted) return;
    by('renderer').textContent = `${view.name} (${error.message})`;
  });
}

// The planes of the server are shown until the whole volume is here and NiiVue has drawn it.
async function exchange(before, windows, signal) {
  const bytes = await fetchVolume(page.sheet.number, (share) => {
    if (!signal.aborted) by('renderer').textContent = `${before.name}, volume ${Math.round(100 * share)} % here`;
  }, signal);
  const view = new VolumePlanes(by('pixels'), page.sheet, moved, windows);
  view.canvas.style.visibility = 'hidden';
  try {
    await view.load(bytes, [...before.place], before.window);
    if (signal.aborted) throw new Error('another image was opened');
  } catch (error) {
    view.destroy();
    throw error;
  }
  Object.assign(view, { place: before.place, focus: before.focus, zoom: before.zoom });
  if (before.window !== view.window) view.setWindow(before.window);
  view.draw();
  view.canvas.style.visibility = '';
  before.destroy();
  page.view = view;
  by('renderer').textContent = view.name;
  by('renderer').title = view.card;
  document.body.dataset.volume = String(performance.now());
  moved();
}

function showPicture(how) {
  const view = new TileView(by('pixels'), page.sheet, moved, how);
  offer(view.windows);
  page.view = view;
  view.drawn = () => {
    by('loading').textContent = '';
    document.body.dataset.first ||= String(performance.now());
    view.drawn = null;
  };
  view.failed = () => alarm('a part of the picture cannot be read; the others are shown');
  by('renderer').textContent = view.name;
}

function moved() {
  if (!page.view) return;
  by('where').textContent = page.view.told();
  by('zoom').textContent = `${Math.round(100 * page.view.zoom)} %`;
  mark();
}

function refresh() {
  const { session, sheet } = page;
  const row = session.cases[sheet.number];
  row.done = sheet.done;
  row.decided = findings().filter((one) => one.answer).length;
  listCases(by('cases'), session, sheet.number, (number) => open(number));
  const list = shown();
  listFindings(by('findings'), list, page.selected, sheet.unit, select);
  const weaker = findings().length - list.length;
  const line = session.line.of === 'finding' ? 'at this threshold' : 'here';
  by('none').textContent = list.length
    ? (weaker ? `${weaker} weaker below the line` : '')
    : `Nothing was found ${line}${weaker ? `; ${weaker} weaker below` : ''}. Look through the image, mark what was missed.`;
  by('none').hidden = !by('none').textContent;
  by('threshold-told').textContent = page.from.toFixed(3);
  tellPoint(by('point'), by('point-told'), session, page.from);
  const one = selected();
  for (const id of ['accept', 'reject', 'resize']) by(id).disabled = !one;
  by('size-form').hidden = !(one && sheet.shape.length === 3);
  by('size').value = one?.diameter ? one.diameter.toFixed(1) : '';
  by('note-label').textContent = one ? 'Note on this finding' : 'Note on this image';
  if (document.activeElement !== by('note')) by('note').value = (one ? one.note : sheet.note) ?? '';
  by('done').setAttribute('aria-pressed', String(sheet.done));
  mark();
}

function select(id) {
  page.selected = id ?? null;
  const one = selected();
  if (one && page.view) page.view.goTo(one.place, one.size);
  refresh();
}

function step(way) {
  const list = shown();
  if (!list.length) return;
  const found = list.findIndex((one) => one.id === page.selected);
  const at = found < 0 && way < 0 ? 0 : found;
  select(list[(at + way + list.length) % list.length].id);
}

// The next finding below the selected one that nobody decided on, from the top again at the end.
function nextOpen() {
  const list = shown();
  const at = list.findIndex((one) => one.id === page.selected);
  return [...list.slice(at + 1), ...list.slice(0, at + 1)].find((one) => !one.answer);
}

function setThreshold(value) {
  page.from = Number(value);
  by('threshold').value = value;
  refresh();
}

function took(told) {
  page.seen = told.seen;
  Object.assign(page.sheet, { verdicts: told.verdicts, done: told.done, note: told.note });
}

async function decide(action, more = {}) {
  const { number } = page.sheet;
  try {
    const told = await keep(() => ({ seen: page.seen, case: number, action, ...more }));
    page.seen = told.seen;
    alarm('');
    if (action === 'undo') return await undone(told, number);
    if (page.sheet.number === number) took(told);
    return told;
  } catch (error) {
    if (error instanceof NotKept && page.sheet.number === number) took(error.told);
    alarm(error instanceof NotKept ? error.message : `Not kept: ${error.message}`);
    refresh();
    return null;
  }
}

async function undone(told, number) {
  if (told.undone === undefined || told.undone === null) {
    say('There is nothing to undo.');
    return told;
  }
  if (told.undone !== number) await open(told.undone, told.finding_id || undefined);
  else {
    took(told);
    select(findings().some((one) => one.id === told.finding_id) ? told.finding_id : page.selected);
  }
  say('Undone.');
  return told;
}

// Of two keys in a row the second is about the finding that the first led to.
let answering = Promise.resolve();
function answer(action) {
  answering = answering.then(() => answerNow(action));
  return answering;
}

async function answerNow(action) {
  const one = selected();
  if (!one) return;
  const told = await decide(action, { finding_id: one.id });
  if (!told) return;
  const further = nextOpen();
  say(further ? `${action === 'accept' ? 'Accepted' : 'Rejected'}.`
    : 'All that is shown is decided. If you looked at all of the image, press F.');
  if (further) select(further.id);
  else refresh();
}

async function drawn(mode, what) {
  const one = selected();
  const name = mode === 'add' ? `added-${crypto.randomUUID()}` : one?.id;
  if (!name) return;
  const told = await decide(mode, { finding_id: name, ...what });
  if (!told) return;
  say(mode === 'add' ? 'Marked.' : 'Redrawn.');
  page.selected = name;
  refresh();
}

async function finish() {
  const told = await decide(page.sheet.done ? 'reopen' : 'done');
  if (!told) return;
  refresh();
  say(told.done ? 'Finished; press ] for the next image.' : 'Opened again.');
}

const does = {
  accept: () => answer('accept'), reject: () => answer('reject'), undo: () => decide('undo'),
  next: () => step(1), previous: () => step(-1),
  add: () => page.view && drawing.start('add'), resize: () => page.view && selected() && drawing.start('resize'),
  done: finish, note: () => by('note').focus(), help: () => by('help').showModal(),
  overlay: () => {
    page.overlay = !page.overlay;
    by('overlay').setAttribute('aria-pressed', String(page.overlay));
    mark();
  },
  window: (way = 1) => {
    const { options, selectedIndex } = by('window');
    by('window').selectedIndex = (selectedIndex + way + options.length) % options.length;
    page.view?.setWindow(by('window').value);
  },
  up: () => page.view?.scroll(1), down: () => page.view?.scroll(-1),
  far: () => page.view?.scroll(10), back: () => page.view?.scroll(-10),
  'zoom-in': () => page.view?.setZoom(page.view.zoom * 1.25), 'zoom-out': () => page.view?.setZoom(page.view.zoom / 1.25),
  forward: () => page.sheet && open((page.sheet.number + 1) % page.session.cases.length),
  backward: () => page.sheet && open((page.sheet.number + page.session.cases.length - 1) % page.session.cases.length),
  place: () => drawing.mode && drawing.place(), stop: () => drawing.stop(),
};

function bind() {
  for (const id of ['accept', 'reject', 'undo', 'next', 'previous', 'add', 'resize', 'done', 'overlay', 'zoom-in', 'zoom-out']) {
    by(id).addEventListener('click', () => does[id]());
  }
  by('open-help').addEventListener('click', does.help);
  by('open-agreement').addEventListener('click', () => {
    by('agreement').showModal();
    tellAgreement(by('agreement-told'), (number, id) => { by('agreement').close(); open(number, id); });
  });
  by('point').addEventListener('change', () => {
    const point = page.session.points[by('point').value];
    if (point) setThreshold(point.threshold);
  });
  by('threshold').addEventListener('input', () => setThreshold(by('threshold').value));
  by('window').addEventListener('change', () => page.view?.setWindow(by('window').value));
  by('note-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const told = await decide('note', { finding_id: selected()?.id ?? '', note: by('note').value });
    by('stage').focus();
    if (told) { say('Note kept.'); refresh(); }
  });
  by('size-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const one = selected();
    if (!one || !by('size').value) return;
    const told = await decide('resize', { finding_id: one.id, place: one.place, diameter: Number(by('size').value) });
    if (told) { say('Diameter set.'); refresh(); }
  });
  bindStage();
  bindKeys(does, by('keys'), () => Boolean(drawing.mode));
}

function bindStage() {
  const stage = by('stage');
  const at = (event) => {
    const box = stage.getBoundingClientRect();
    return page.view?.fromScreen(event.clientX - box.left, event.clientY - box.top);
  };
  const isVolume = () => page.sheet?.shape.length === 3;
  stage.addEventListener('wheel', (event) => {
    if (!isVolume() || !page.view) return;
    event.preventDefault();
    if (event.ctrlKey) page.view.setZoom(page.view.zoom * (event.deltaY < 0 ? 1.15 : 1 / 1.15));
    else page.view.scroll(-Math.sign(event.deltaY), at(event)?.pane.across ?? 0);
  }, { passive: false });
  const jump = (event) => {
    if (!isVolume() || !event.buttons || drawing.mode) return;
    const found = at(event);
    if (!found) return;
    if (event.buttons === 4 || event.shiftKey) page.view.pan(found.pane, event.movementX, event.movementY);
    else if (event.buttons === 1 && page.view.holds(found.place)) page.view.goTo(found.place, 0, false);
  };
  stage.addEventListener('pointerdown', jump);
  stage.addEventListener('pointermove', jump);
  new ResizeObserver(() => { page.view?.draw(); moved(); }).observe(stage);
}

bind();
start().catch((error) => { by('loading').textContent = ''; alarm(error.message); });
