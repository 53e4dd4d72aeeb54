/* state.js: what is looked at, and what is asked for. Whoever shows it listens:
 *
 *   links, clicks, keys ──► location.hash ──► selection ──┐
 *                                                         ├──► listeners: findings, lists, timeline, details
 *   filter bar ────────────────────────────► filter ──────┘ */

const selection = { type: null, row: NONE }; /* type: finding, context, description, or null */
const filter = { kinds: new Set(), text: '', label: '', pid: '' };
const listeners = { select: [], filter: [] };

const on = (event, listener) => listeners[event].push(listener);
const tell = (event) => listeners[event].forEach((listener) => listener());

function select(type, row) {
  if (selection.type === type && selection.row === row) return;
  selection.type = type;
  selection.row = row;
  tell('select');
}

/* What the address names; false: nothing of this page. */
function selectByHash() {
  const key = decodeURIComponent(location.hash.slice(1));
  if (findingByKey.has(key)) select('finding', findingByKey.get(key));
  else if (rowByKey.has(key)) select(key[0] === 'c' ? 'context' : 'description', rowByKey.get(key));
  else return false;
  return true;
}

const selectionKey = (type, row) => (type === 'finding' ? findings[row].key
  : type === 'context' ? contextKey(row) : descriptionKey(row));

/* Goes there as a link does, so that the browser's way back works; but at once, and not only when the browser tells of it. */
function go(type, row) {
  location.hash = selectionKey(type, row);
  select(type, row);
}

function clearSelection() {
  history.replaceState(null, '', location.pathname + location.search);
  select(null, NONE);
}

/* ---- what the filter takes ---- */

/* By row: 1 when it is taken. */
const taken = { finding: new Uint8Array(findings.length).fill(1), context: new Uint8Array(contexts.count).fill(1), description: new Uint8Array(descriptions.count).fill(1) };

/* To be called when the filter was changed. */
function applyFilter() {
  const takes = { finding: takesFinding, context: takesContext, description: takesDescription };
  for (const [type, rows] of Object.entries(taken)) for (let row = 0; row < rows.length; row++) rows[row] = takes[type](row);
  tell('filter');
}

function takenRows(type) {
  const rows = [];
  taken[type].forEach((is, row) => { if (is) rows.push(row); });
  return rows;
}

const has = (where, wanted) => where.toLowerCase().includes(wanted);
const isFiltered = () => filter.kinds.size > 0 || filter.text !== '' || filter.label !== '' || filter.pid !== '';
const ofProcess = (place) => filter.pid === '' || String(processes[place]?.pid) === filter.pid;
const ofKinds = (places) => !filter.kinds.size || places.some((place) => filter.kinds.has(findingKind(findings[place])));

/* All that is said of a finding, in small letters. */
function findingWords(finding) {
  finding.words ??= [findingKind(finding), text(finding.sentence), text(finding.hint), text(finding.name), text(finding.suppression),
    ...finding.stacks.flatMap((stack) => stack.frames.map((place) => `${frames[place].name} ${frames[place].path}:${frames[place].line} ${frames[place].place}`)),
  ].join('\n').toLowerCase();
  return finding.words;
}

function takesFinding(place) {
  const finding = findings[place];
  if (!ofKinds([place])) return false;
  if (filter.pid !== '' && !finding.processes.some(ofProcess)) return false;
  if (filter.text && !findingWords(finding).includes(filter.text)) return false;
  if (!filter.label) return true;
  if (has(text(finding.owner_name), filter.label) || has(text(finding.user_name), filter.label)) return true;
  return sightingsOfFinding(place).some((row) => has(contextName(sightings.owner[row]), filter.label)
    || has(contextName(sightings.user[row]), filter.label));
}

function takesContext(row) {
  if (!ofProcess(contexts.process[row]) || !ofKinds(findingsOfContext(row))) return false;
  if (filter.label && !has(contextName(row), filter.label)) return false;
  return !filter.text || has(contextName(row), filter.text) || has(text(contexts.attributes[row]), filter.text);
}

function takesDescription(row) {
  if (!ofProcess(descriptions.process[row]) || !ofKinds(findingsOfDescription(row))) return false;
  if (filter.text && !has(descriptionName(row), filter.text) && !has(text(descriptions.kind[row]), filter.text)) return false;
  return !filter.label || has(contextName(descriptions.opener[row]), filter.label)
    || usesOfDescription(row).some((use) => has(contextName(uses.context[use]), filter.label));
}
