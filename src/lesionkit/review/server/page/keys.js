// What each key does, once: here it is bound, and from here the help is written.

const KEYS = [
  ['N', 'next', 'next finding'], ['P', 'previous', 'previous finding'],
  ['A', 'accept', 'accept, and on to the next open one'], ['R', 'reject', 'reject, and on to the next open one'],
  ['U', 'undo', 'undo your last decision'], ['M', 'add', 'mark a lesion that was missed'],
  ['S', 'resize', 'draw the selected one again'], ['T', 'note', 'write a note'],
  ['F', 'done', 'finished with this image, or not'], ['ArrowUp', 'up', 'one slice to the head', '↑'],
  ['ArrowDown', 'down', 'one slice to the feet', '↓'], ['PageUp', 'far', 'ten slices to the head', 'Page ↑'],
  ['PageDown', 'back', 'ten slices to the feet', 'Page ↓'], ['+', 'zoom-in', 'larger'], ['-', 'zoom-out', 'smaller'],
  ['W', 'window', 'next window'], ['O', 'overlay', 'marks on or off'], [']', 'forward', 'next image'],
  ['[', 'backward', 'previous image'], ['?', 'help', 'this list'],
  ['Shift', '', 'with the mouse: move what is enlarged', 'Shift-drag'], ['Ctrl', '', 'zoom', 'Ctrl-wheel'],
  ['Enter', 'place', 'while drawing: put it at the cross, or in the middle'], ['Escape', 'stop', 'stop drawing', 'Esc'],
];

const isText = (target) => target.matches('textarea, select, input:not([type="range"])');
const takesArrows = (target) => target.matches('input, select, textarea');

export function bindKeys(does, list, draws) {
  const actions = new Map(KEYS.filter(([, action]) => action).map(([key, action]) => [key.length === 1 ? key.toLowerCase() : key, action]));
  document.addEventListener('keydown', (event) => {
    if (document.querySelector('dialog[open]')) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z' && !isText(event.target)) {
      event.preventDefault();
      does.undo();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (isText(event.target)) {
      if (event.key === 'Escape') event.target.blur();
      return;
    }
    if (event.key.startsWith('Arrow') && takesArrows(event.target)) return;
    const action = actions.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    // Enter presses the button that has the focus, unless something is drawn.
    if (!action || (event.key === 'Enter' && !draws())) return;
    event.preventDefault();
    does[action]();
  });
  for (const [key, , words, shown] of KEYS) {
    const term = document.createElement('dt');
    const name = document.createElement('kbd');
    name.textContent = shown ?? key;
    term.append(name);
    const told = document.createElement('dd');
    told.textContent = words;
    list.append(term, told);
  }
}
