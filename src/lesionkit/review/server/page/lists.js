// The lists beside the image: the images of the run, the findings of one, and where the line between them lies.

const SIGNS = { accept: '✓', reject: '✗', '': '?' };
const WORDS = { accept: 'accepted', reject: 'rejected', '': 'open' };

export function make(name, values = {}, words) {
  const made = Object.assign(document.createElement(name), values);
  if (words !== undefined) made.textContent = words;
  return made;
}

export function listCases(list, session, current, pick) {
  list.replaceChildren(...session.cases.map((one) => {
    const row = make('li', { className: one.missing ? 'missing' : one.done ? 'done' : '' });
    const button = make('button', { type: 'button', title: one.case_id });
    const line = session.line;
    const above = line.of === 'image' && one.score !== null && line.threshold !== null
      ? (one.score >= line.threshold ? 'positive, ' : 'negative, ') : '';
    const score = one.score === null ? '' : `${above}score ${one.score.toFixed(3)} · `;
    const whose = one.patient_id && one.patient_id !== one.case_id ? one.patient_id : '';
    const state = one.missing ? 'not there' : one.done ? 'finished' : `${score}${one.decided} of ${one.findings} decided`;
    button.append(make('span', { className: 'name' }, whose || one.case_id));
    if (whose) button.append(make('span', { className: 'state name' }, one.case_id));
    button.append(make('span', { className: 'state' }, state));
    if (one.number === current) button.setAttribute('aria-current', 'true');
    button.addEventListener('click', () => pick(one.number));
    row.append(button);
    return row;
  }));
}

// Findings as the reader left them: what the model found, changed by his verdicts, and what he added.
export function standing(sheet) {
  const verdicts = { ...sheet.verdicts };
  const found = sheet.findings.map((one) => {
    const verdict = verdicts[one.id] ?? {};
    delete verdicts[one.id];
    return merged(one, verdict);
  });
  const added = Object.entries(verdicts).filter(([, verdict]) => verdict.place)
    .map(([id, verdict]) => merged({ id, score: null, diameter: null, size: 0, rings: [] }, verdict));
  return [...found, ...added.filter((one) => one.answer !== '')];
}

function merged(one, verdict) {
  const drawn = verdict.place && (verdict.resized || verdict.added)
    ? { place: verdict.place, diameter: verdict.diameter, size: verdict.size, rings: verdict.rings } : {};
  return {
    ...one, ...drawn, answer: verdict.answer ?? '', note: verdict.note ?? '', added: Boolean(verdict.added),
    resized: Boolean(verdict.resized),
  };
}

export const isShown = (one, from) => one.added || one.answer !== '' || one.score === null || one.score >= from;

export function length(value, unit) {
  if (!value) return '–';
  if (unit === 'px') return `${Math.round(value)} px`;
  return value < 1 ? `${Math.round(value * 1000)} µm` : `${value.toFixed(1)} mm`;
}

export function listFindings(list, findings, selected, unit, pick) {
  list.replaceChildren(...findings.map((one, number) => {
    const row = make('li', { className: [one.answer, one.added ? 'added' : ''].join(' ') });
    const button = make('button', { type: 'button' });
    const name = one.added ? 'added' : `${number + 1}${one.resized ? ', redrawn' : ''}${one.note ? ' ✎' : ''}`;
    const score = one.score === null ? '' : one.score.toFixed(3);
    const sign = make('span', { className: 'sign', ariaHidden: 'true' }, SIGNS[one.answer]);
    const named = make('span', {}, name);
    // What the sign and the columns say to who sees them.
    named.append(make('span', { className: 'unseen' }, `, ${WORDS[one.answer]}${score && ', score'}`));
    button.append(
      sign, named, make('span', {}, score),
      make('span', { className: 'size' }, length(one.size || one.diameter, unit)));
    if (one.id === selected) button.setAttribute('aria-current', 'true');
    button.addEventListener('click', () => pick(one.id));
    row.append(button);
    return row;
  }));
  list.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });
}

// The operating points of the model: ticks on the slider, and a list to choose from, where they are of findings.
export function listPoints(select, ticks, told, session) {
  const { points, line } = session;
  const options = points.map((point, number) =>
    make('option', { value: number }, `${point.name} (from ${point.threshold.toFixed(3)})`));
  select.replaceChildren(make('option', { value: '' }, points.length ? 'a threshold of your own' : 'none'), ...options);
  select.disabled = !points.length || line.of !== 'finding';
  if (line.of === 'finding') ticks.replaceChildren(...points.map((one) => make('option', { value: one.threshold })));
  if (!points.length) told.textContent = line.why;
  else if (line.of === 'image') {
    const each = points.map((one) => `${one.name} from ${one.threshold.toFixed(3)}`);
    told.textContent = `Points of the model tell ${session.noun}s apart, not findings on one: ${each.join('; ')}.`;
  }
}

// Which point is chosen where the line lies there, and what it gave where it was set.
export function tellPoint(select, told, session, from) {
  if (session.line.of !== 'finding' || !session.points.length) return;
  const number = session.points.findIndex((one) => Math.abs(one.threshold - from) < 5e-4);
  select.value = number < 0 ? '' : String(number);
  told.textContent = number < 0 ? '' : `On validation: ${session.points[number].told.join('; ')}`;
}
