/* timeline.js: the timeline as one works with it: where it stands, what moves it, the overview above it. */

const MOST_ZOOM = 50; /* ns from edge to edge */
const MOVE_MS = 220;

const picture = new Picture(byId('timeline'));
const overview = byId('overview');
let colours = null;
let asked = false;   /* for a new picture */
let moving = null;   /* { from, to, begun }: views, while it goes from one to the other */
let allDescriptions = false;
let lanePlaces = { context: [], description: [] };

/* ---- drawing ---- */

function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame((now) => {
    asked = false;
    if (moving) goOn(now);
    colours ??= readColours();
    picture.draw(colours);
    byId('crowded').hidden = !picture.crowded;
    drawOverview();
  });
}

function goOn(now) {
  const share = Math.min((now - moving.begun) / MOVE_MS, 1);
  const eased = 1 - (1 - share) ** 3;
  for (const key of ['from', 'to', 'scroll']) picture.view[key] = moving.from[key] + (moving.to[key] - moving.from[key]) * eased;
  if (share < 1) redraw();
  else moving = null;
}

/* As high as it needs to be, and not higher than leaves room for the rest. */
function fitHeight() {
  const details = selection.type === 'context' || selection.type === 'description';
  const most = Math.max(Math.min(innerHeight * (details ? 0.4 : 0.5), 560), 300);
  picture.canvas.style.height = `${Math.round(Math.max(Math.min(picture.wantedHeight(), most), 220))}px`;
}

function resizeTimeline() {
  fitHeight();
  picture.resize();
  const scale = devicePixelRatio || 1;
  overview.width = Math.round(overview.clientWidth * scale);
  overview.height = Math.round(overview.clientHeight * scale);
  overviewBars = null;
  redraw();
}

function recolour() {
  colours = null;
  redraw();
}

function rebuildBands() {
  picture.bands = makeBands(allDescriptions);
  lanePlaces = { context: new Array(contexts.count), description: new Array(descriptions.count) };
  for (const band of picture.bands)
    band.lanes.forEach((lane, place) => lane.forEach((row) => { lanePlaces[band.type][row] = { band, lane: place }; }));
}

picture.laneOf = (type, row) => lanePlaces[type][row];

/* ---- overview: the whole, and where the view is in it ---- */

let overviewBars = null;

/* How many contexts there are at each pixel. */
function countOverview(width) {
  const change = new Float64Array(width + 2);
  for (let row = 0; row < contexts.count; row++) {
    change[Math.floor((contextSpan.from[row] / whole.to) * width)]++;
    change[Math.min(Math.floor((contextSpan.to[row] / whole.to) * width), width) + 1]--;
  }
  for (let at = 1; at < change.length; at++) change[at] += change[at - 1];
  return change.subarray(0, width);
}

function drawOverview() {
  const scale = devicePixelRatio || 1;
  const context = overview.getContext('2d');
  const width = overview.clientWidth, height = overview.clientHeight;
  overviewBars ??= countOverview(width);
  const most = overviewBars.reduce((a, b) => Math.max(a, b), 1);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.fillStyle = colours.bar;
  overviewBars.forEach((count, x) => {
    if (count > 0) context.fillRect(x, height - 2 - Math.max((count / most) * (height - 10), 1), 1, Math.max((count / most) * (height - 10), 1));
  });
  const marked = new Set();
  for (let row = 0; row < sightings.count; row++) {
    const x = Math.round((sightings.time[row] / whole.to) * width / 3) * 3;
    if (marked.has(x)) continue;
    marked.add(x);
    context.fillStyle = colours[`bad${kindOf(findingKind(findings[sightings.finding[row]])).badness}`];
    context.fillRect(x - 1, 0, 2.5, 6);
  }
  const left = (picture.view.from / whole.to) * width, right = (picture.view.to / whole.to) * width;
  context.fillStyle = colours.panel;
  context.globalAlpha = 0.65;
  context.fillRect(0, 0, left, height);
  context.fillRect(right, 0, width - right, height);
  context.globalAlpha = 1;
  context.strokeStyle = colours.accent;
  context.lineWidth = 1.5;
  context.strokeRect(Math.max(left, 1), 1, Math.min(Math.max(right - Math.max(left, 1), 3), width - 2), height - 2);
}

/* ---- moving ---- */

const size = () => picture.view.to - picture.view.from;

/* Within the trace, and not nearer than makes sense. */
function bounded(from, to) {
  const room = (whole.to - whole.from) * 0.03;
  const length = Math.min(Math.max(to - from, MOST_ZOOM), whole.to - whole.from + 2 * room);
  const begin = Math.min(Math.max((from + to - length) / 2, whole.from - room), whole.to + room - length);
  return { from: begin, to: begin + length };
}

function setView(from, to, scroll = picture.view.scroll) {
  moving = null;
  Object.assign(picture.view, bounded(from, to), { scroll });
  sayView();
  redraw();
}

/* As setView, but so that the eye can follow. */
function moveView(from, to, scroll = picture.view.scroll) {
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
    setView(from, to, scroll);
    return;
  }
  moving = { from: { ...picture.view }, to: { ...bounded(from, to), scroll }, begun: performance.now() };
  sayView();
  redraw();
}

const showAll = () => moveView(whole.from - whole.to * 0.02, whole.to * 1.02);
const pan = (share) => setView(picture.view.from + share * size(), picture.view.to + share * size());

/* `factor` below 1: nearer. `at`: where the time stays, from 0 (left) to 1. */
function zoom(factor, at = 0.5) {
  const fixed = picture.view.from + at * size();
  setView(fixed - (fixed - picture.view.from) * factor, fixed + (picture.view.to - fixed) * factor);
}

/* So that the lane of a context or description is in sight. */
function scrollFor(type, row) {
  const y = picture.laneMiddle(type, row);
  const room = picture.height - picture.bandsTop;
  if (Number.isNaN(y) || (y > picture.view.scroll && y < picture.view.scroll + room)) return picture.view.scroll;
  return Math.min(Math.max(y - room / 2, 0), picture.scrollMost);
}

/* For those who do not see the picture, and told when it has come to rest. */
let saying = 0;
function sayView() {
  clearTimeout(saying);
  saying = setTimeout(() => {
    const { from, to } = picture.view;
    const inSight = rowsThat(contexts.count, (row) => contextSpan.from[row] <= to && contextSpan.to[row] >= from).length;
    const marked = picture.story.rows.map(({ type, row, role }) => `${role === 'description' ? '' : `${role} `}${type === 'context' ? contextName(row) : descriptionName(row)}`);
    byId('timeline-says').textContent = `From ${duration(Math.max(from, 0))} to ${duration(to)} of ${duration(whole.to)}; ${plural(inSight, 'context')}.${marked.length ? ` Marked: ${marked.join(', ')}.` : ''}`;
  }, 250);
}

function followSelection() {
  picture.story = storyOfSelection();
  fitHeight();
  picture.resize();
  picture.layOut();
  if (picture.story.rows.length) {
    const { from, to } = picture.story.range();
    const last = picture.story.rows[picture.story.rows.length - 1];
    moveView(from, to, selection.type === 'finding' ? scrollFor(last.type, last.row) : scrollFor(selection.type, selection.row));
  }
  showLegend();
  redraw();
}

/* What the button at a finding does. */
function showInTimeline(place) {
  go('finding', place);
  followSelection();
  byId('timeline').focus({ preventScroll: true });
  const { top, bottom } = byId('timeline').getBoundingClientRect();
  if (top < 0 || bottom > innerHeight) byId('stage').scrollIntoView({ block: 'start' });
}

/* The next crossing (or the one before) from the middle of the view. */
function stepCrossing(step) {
  if (!crossings.length) return;
  const middle = (picture.view.from + picture.view.to) / 2;
  const half = size() / 2;
  const near = half * 1e-6;
  const at = step > 0 ? firstAfter(crossings, middle + near) : firstAfter(crossings, middle - near) - 1;
  const crossing = crossings[Math.min(Math.max(at, 0), crossings.length - 1)];
  go('description', crossing.description);
  moveView(crossing.time - half, crossing.time + half);
}

/* ---- pointers, wheel ---- */

const pointers = new Map();
let dragged = false;
let pinch = 0;

function onPointerDown(event) {
  pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
  event.target.setPointerCapture(event.pointerId);
  dragged = pointers.size > 1;
  pinch = pinchWidth();
}

const pinchWidth = () => {
  const [a, b] = [...pointers.values()];
  return b ? Math.max(Math.abs(a.x - b.x), 10) : 0;
};

function onPointerMove(event) {
  const before = pointers.get(event.pointerId);
  if (!before) {
    showTip(event);
    return;
  }
  const dx = event.offsetX - before.x, dy = event.offsetY - before.y;
  if (!dragged && Math.abs(dx) + Math.abs(dy) < 4) return;
  dragged = true;
  hideTip();
  pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
  if (pointers.size > 1) {
    const width = pinchWidth();
    zoom(pinch / width, event.offsetX / picture.width);
    pinch = width;
  } else {
    picture.view.scroll -= dy;
    pan(-dx / picture.width);
  }
}

function onPointerUp(event) {
  const was = pointers.delete(event.pointerId);
  if (!was || dragged || event.type === 'pointercancel') return;
  const hit = picture.hit(event.offsetX, event.offsetY);
  if (hit) go(hit.type, hit.row);
}

function onWheel(event) {
  event.preventDefault();
  hideTip();
  const unit = event.deltaMode === 1 ? 30 : 1;
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(((event.deltaX || event.deltaY) * unit) / picture.width);
  else if (event.altKey) { picture.view.scroll += event.deltaY * unit; redraw(); }
  else zoom(Math.exp(Math.min(Math.max(event.deltaY * unit, -300), 300) / 400), event.offsetX / picture.width);
}

/* ---- the tip under the pointer ---- */

function tipWords({ type, row }) {
  if (type === 'description')
    return [descriptionName(row), `${plural(userCount(row), 'context')} used it, ${plural(descriptions.handovers[row], 'hand-over')}`];
  return [contextName(row), `context ${contexts.id[row]}, began at ${duration(contexts.began[row])}, ${lasted(row) === 'lives' ? 'lives' : `took ${lasted(row)}`}`];
}

function showTip(event) {
  const tip = byId('tip');
  const hit = picture.hit(event.offsetX, event.offsetY);
  picture.canvas.style.cursor = hit ? 'pointer' : '';
  tip.hidden = !hit;
  if (!hit) return;
  const [title, words] = tipWords(hit);
  tip.replaceChildren(element('b', null, shorten(title, 120)), element('span', null, words));
  const left = Math.min(event.offsetX + 14, picture.width - tip.offsetWidth - 4);
  tip.style.transform = `translate(${Math.max(left, 0)}px, ${picture.canvas.offsetTop + event.offsetY + 18}px)`;
}

const hideTip = () => { byId('tip').hidden = true; };

/* ---- keys and buttons ---- */

const timelineKeys = {
  ArrowLeft: () => pan(-0.15), ArrowRight: () => pan(0.15),
  ArrowUp: () => { picture.view.scroll -= 3 * picture.lane; redraw(); },
  ArrowDown: () => { picture.view.scroll += 3 * picture.lane; redraw(); },
  PageUp: () => pan(-0.9), PageDown: () => pan(0.9),
  '+': () => zoom(0.7), '=': () => zoom(0.7), '-': () => zoom(1 / 0.7), 0: showAll, Home: showAll,
};

function onTimelineKey(event) {
  const act = timelineKeys[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act();
}

function showToolbar() {
  const all = element('input', { type: 'checkbox', onchange: () => { allDescriptions = all.checked; rebuildBands(); redraw(); } });
  const few = rowsThat(descriptions.count, isCrossing).length === descriptions.count;
  document.querySelector('.timeline .buttons').append(...[
    few ? null : element('label', { className: 'check' }, all, 'all descriptions'),
    crossings.length ? button('‹', () => stepCrossing(-1), { 'aria-label': 'Crossing before', title: 'Crossing before ([)' }) : null,
    crossings.length ? button('›', () => stepCrossing(1), { 'aria-label': 'Next crossing', title: 'Next crossing (])' }) : null,
    button('−', () => zoom(1 / 0.6), { 'aria-label': 'Zoom out', title: 'Zoom out (-)' }),
    button('+', () => zoom(0.6), { 'aria-label': 'Zoom in', title: 'Zoom in (+)' }),
    button('All', showAll, { title: 'The whole trace (0)' })].filter(Boolean));
}

const LEGEND = [['user', 'user: who did it'], ['owner', 'owner'], ['self', 'selected'], ['description', 'description']];
const CROSSING_LEGEND = [[true, 'handed', 'hand-over'], [false, 'foreign', 'foreign use']];

function showLegend() {
  const roles = new Set(picture.story.rows.map(({ role }) => role));
  byId('legend').replaceChildren(...LEGEND.filter(([role]) => roles.has(role))
    .map(([role, words]) => element('span', { className: `role ${role}` }, words)),
  ...CROSSING_LEGEND.filter(([handover]) => crossings.some((crossing) => crossing.handover === handover))
    .map(([, name, words]) => element('span', { className: `line ${name}` }, words)),
  element('span', { id: 'crowded', hidden: !picture.crowded }, 'Zoom in to see the crossings.'));
}

function moveByOverview(event) {
  if (!event.buttons) return;
  const middle = (event.offsetX / overview.clientWidth) * whole.to;
  setView(middle - size() / 2, middle + size() / 2);
}

function startTimeline() {
  const canvas = picture.canvas;
  rebuildBands();
  canvas.addEventListener('pointerdown', onPointerDown);
  canvas.addEventListener('pointermove', onPointerMove);
  canvas.addEventListener('pointerup', onPointerUp);
  canvas.addEventListener('pointercancel', onPointerUp);
  canvas.addEventListener('pointerleave', hideTip);
  canvas.addEventListener('wheel', onWheel, { passive: false });
  canvas.addEventListener('dblclick', (event) => zoom(0.4, event.offsetX / picture.width));
  canvas.addEventListener('keydown', onTimelineKey);
  overview.addEventListener('pointerdown', (event) => { overview.setPointerCapture(event.pointerId); moveByOverview(event); });
  overview.addEventListener('pointermove', moveByOverview);
  showToolbar();
  showLegend();
  new ResizeObserver(resizeTimeline).observe(canvas);
  resizeTimeline();
  Object.assign(picture.view, bounded(whole.from - whole.to * 0.02, whole.to * 1.02));
  sayView();
  on('select', followSelection);
  on('filter', redraw);
}
