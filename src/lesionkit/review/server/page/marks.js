// What lies over the image: findings as circles or outlines, the cross, and what is being drawn.

const SVG = 'http://www.w3.org/2000/svg';

function element(name, values, words) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
  if (words !== undefined) made.textContent = words;
  return made;
}

export function drawMarks(svg, view, findings, selected, draft, overlay) {
  svg.replaceChildren();
  if (!view) return;
  view.panes().forEach((pane, number) => {
    const [left, top, width, height] = pane.rect;
    const clip = element('clipPath', { id: `pane-${number}` });
    clip.append(element('rect', { x: left, y: top, width, height }));
    const group = element('g', { 'clip-path': `url(#pane-${number})` });
    svg.append(clip, group);
    if (pane.name) {
      group.append(element('text', { class: 'pane', x: left + 8, y: top + 18 }, pane.name));
      if (overlay) group.append(...cross(view, pane));
    }
    if (overlay) for (const one of findings) group.append(...shape(view, pane, one, one.id === selected));
    if (draft && (draft.pane === pane.name)) group.append(...draftShape(view, pane, draft));
  });
}

function cross(view, pane) {
  const { x, y } = view.toScreen(pane, view.place);
  const [left, top, width, height] = pane.rect;
  const line = (x1, y1, x2, y2) => element('line', { class: 'cross', x1, y1, x2, y2 });
  return [
    line(left, y, x - 14, y), line(x + 14, y, left + width, y),
    line(x, top, x, y - 14), line(x, y + 14, x, top + height),
  ];
}

function classes(one, selected) {
  return ['mark', one.answer, one.added ? 'added' : '', selected ? 'selected' : ''].filter(Boolean).join(' ');
}

function path(view, pane, rings) {
  const along = (ring) => ring.map((place) => {
    const { x, y } = view.toScreen(pane, place);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  return rings.map((ring) => `M${along(ring).join('L')}Z`).join('');
}

function shape(view, pane, one, selected) {
  if (one.rings.length) return [element('path', { class: classes(one, selected), d: path(view, pane, one.rings) })];
  const { x, y, off } = view.toScreen(pane, one.place);
  const ball = (one.diameter || 5) / 2;
  if (off >= ball) return [];
  const radius = Math.max(Math.sqrt(ball * ball - off * off) * pane.scale, 1) + 3;
  return [element('circle', { class: classes(one, selected), cx: x, cy: y, r: radius })];
}

function draftShape(view, pane, draft) {
  if (draft.outline) return [element('path', { class: 'draft', d: path(view, pane, [draft.outline]) })];
  const { x, y } = view.toScreen(pane, draft.place);
  return [element('circle', { class: 'draft', cx: x, cy: y, r: Math.max((draft.diameter / 2) * pane.scale, 2) })];
}
