// Two scans of a patient side by side: axial slices of the server, matched findings, and how fast they grow.
import { ask } from './ask.js';
import { length, make } from './lists.js';

const by = (id) => document.getElementById(id);
const sides = { left: { index: 0 }, right: { index: 0 } };

export function setUpCompare(session, current) {
  for (const id of ['earlier', 'later']) {
    by(id).replaceChildren(...session.cases.map((one) =>
      make('option', { value: one.number }, [one.case_id, one.day].filter(Boolean).join(', '))));
    by(id).onchange = choose;
  }
  by('match').onclick = match;
  for (const [name, side] of Object.entries(sides)) {
    const canvas = by(name);
    canvas.onwheel = (event) => { event.preventDefault(); move(name, Math.sign(event.deltaY)); };
    canvas.onkeydown = (event) => {
      const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (step) { event.preventDefault(); move(name, step); }
    };
    side.canvas = canvas;
  }
  by('open-compare').onclick = () => {
    const here = current();
    const partner = session.cases.find((one) => one.patient_id === session.cases[here].patient_id && one.number !== here)
      ?? session.cases.find((one) => one.number !== here);
    const pair = [session.cases[here], partner].sort((a, b) => (a.day ?? '').localeCompare(b.day ?? ''));
    by('earlier').value = pair[0].number;
    by('later').value = pair[1].number;
    by('compare').showModal();
    choose();
  };
}

async function choose() {
  by('match').disabled = true;
  by('pairs').replaceChildren();
  by('compare-said').textContent = 'Reading the scans …';
  try {
    for (const [name, id] of [['left', 'earlier'], ['right', 'later']]) {
      const side = sides[name];
      side.sheet = await ask(`api/case/${by(id).value}`);
      await ask(`image/${side.sheet.number}/shown`);
      side.index = Math.floor(side.sheet.shape[0] / 2);
      side.mark = null;
      draw(name);
    }
    const same = sides.left.sheet.patient_id === sides.right.sheet.patient_id;
    const whose = same ? '' : 'These are scans of two patients. ';
    by('compare-said').textContent = `${whose}Press Match to lay them upon each other.`;
    by('match').disabled = false;
  } catch (error) {
    by('compare-said').textContent = error.message;
  }
}

function move(name, steps) {
  const side = sides[name];
  if (!side.sheet) return;
  side.index = Math.min(Math.max(side.index + steps, 0), side.sheet.shape[0] - 1);
  draw(name);
}

function draw(name) {
  const side = sides[name];
  const { sheet, canvas, index } = side;
  const image = new Image();
  image.onload = () => {
    if (side.index !== index) return;
    const { clientWidth: width, clientHeight: height } = canvas;
    Object.assign(canvas, { width, height });
    const [, down, across] = sheet.spacing;
    const scale = Math.min(width / (sheet.shape[2] * across), height / (sheet.shape[1] * down));
    const size = [sheet.shape[2] * across * scale, sheet.shape[1] * down * scale];
    const corner = [(width - size[0]) / 2, (height - size[1]) / 2];
    const pen = canvas.getContext('2d');
    pen.drawImage(image, ...corner, ...size);
    if (side.mark && Math.abs(side.mark.place[0] - index) * sheet.spacing[0] <= (side.mark.diameter || 5)) {
      pen.strokeStyle = '#ffd166';
      pen.lineWidth = 2;
      pen.beginPath();
      const [, y, x] = side.mark.place;
      const radius = Math.max((side.mark.diameter || 5) / 2, 3) * scale + 3;
      pen.arc(corner[0] + (x + 0.5) * across * scale, corner[1] + (y + 0.5) * down * scale, radius, 0, 7);
      pen.stroke();
    }
    by(`${name}-told`).textContent = `${sheet.case_id}, slice ${index + 1} of ${sheet.shape[0]}`;
  };
  image.src = `image/${sheet.number}/slice/axial/${index}`;
}

function doubling(days) {
  if (days === null) return 'not known';
  if (days === 'unchanged') return 'unchanged';
  return days < 0 ? `shrinks, halves in ${Math.round(-days)} days` : `${Math.round(days)} days`;
}

async function match() {
  const query = by('days').value ? `?${new URLSearchParams({ days: by('days').value })}` : '';
  by('compare-said').textContent = 'Laying the scans upon each other …';
  try {
    const told = await ask(`api/compare/${by('earlier').value}/${by('later').value}${query}`);
    if (told.days && !by('days').value) by('days').value = told.days;
    const rows = [
      ...told.pairs.map((one) => row(one.first, one.second, one)),
      ...told.only_first.map((one) => row(one, null, null)),
      ...told.only_second.map((one) => row(null, one, null)),
    ];
    by('pairs').replaceChildren(...rows);
    const days = told.days ? '' : ' The files tell no dates: give the days between.';
    by('compare-said').textContent = `${told.method}.${days}`;
  } catch (error) {
    by('compare-said').textContent = error.message;
  }
}

function row(first, second, pair) {
  const made = make('tr');
  const cells = [
    first ? length(first.diameter, 'mm') : '–', second ? length(second.diameter, 'mm') : '–',
    pair ? `${pair.distance_mm.toFixed(1)} mm` : '–', pair ? doubling(pair.doubling_days) : '–',
  ];
  made.append(...cells.map((words) => make('td', {}, words)));
  const go = make('button', { type: 'button' }, 'Show');
  go.onclick = () => {
    for (const [name, one] of [['left', first], ['right', second]]) {
      if (!one) continue;
      sides[name].mark = one;
      sides[name].index = Math.round(one.place[0]);
      draw(name);
    }
  };
  const last = make('td');
  last.append(go);
  made.append(last);
  return made;
}
