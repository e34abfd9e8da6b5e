// How far the readers of this run agree, and on which findings they do not.
import { ask } from './ask.js';
import { make } from './lists.js';

export async function tellAgreement(holder, open) {
  holder.replaceChildren(make('p', {}, 'Comparing …'));
  let told;
  try {
    told = await ask('api/agreement');
  } catch (error) {
    holder.replaceChildren(make('p', {}, error.message));
    return;
  }
  const figures = Object.entries(told.figures).map(([name, value]) => make('li', {}, `${name}: ${value}`));
  const list = make('ul');
  list.append(make('li', {}, `readers who finished an image: ${told.readers.join(', ') || 'none yet'}`), ...figures);
  const table = make('table');
  const head = make('tr');
  for (const name of ['Image', 'Finding', ...told.readers, '']) head.append(make('th', { scope: 'col' }, name));
  table.append(head, ...told.places.map((one) => placeRow(one, told.readers, open)));
  holder.replaceChildren(list, ...(told.places.length ? [scrolled(table)] : []));
}

function scrolled(table) {
  const box = make('div', { className: 'scroll' });
  box.append(table);
  return box;
}

function placeRow(one, readers, open) {
  const row = make('tr');
  const notes = Object.entries(one.notes).map(([reader, note]) => `${reader}: ${note}`).join('\n');
  row.append(make('td', {}, one.case_id), make('td', { title: notes }, notes ? `${one.how} ✎` : one.how));
  row.append(...readers.map((reader) => make('td', {}, one.answers[reader] === 'accept' ? 'yes' : 'no')));
  const go = make('button', { type: 'button' }, 'Show');
  go.onclick = () => open(one.case, one.finding_id);
  const last = make('td');
  last.append(go);
  row.append(last);
  return row;
}
