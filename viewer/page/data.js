/* data.js: what the exporter wrote (viewer/page_data.h), as columns: contexts.began[row]. Texts are places in one table. */

const written = JSON.parse(document.getElementById('data').textContent);
document.getElementById('data').remove();

const NONE = -1; /* no context was named; below that: one that is not on this page */

/* A flat array of rows as one array for each field; null becomes NaN. */
function readColumns(flat, fields) {
  const count = flat.length / fields.length;
  const columns = { count };
  fields.forEach((field, at) => {
    const column = new Float64Array(count);
    for (let row = 0; row < count; row++) {
      const number = flat[row * fields.length + at];
      column[row] = number === null ? NaN : number;
    }
    columns[field] = column;
  });
  return columns;
}

const contexts = readColumns(written.contexts, ['id', 'family', 'label', 'process', 'thread', 'began', 'ended',
  'firstCall', 'lastCall', 'parent', 'opens', 'uses', 'bytes', 'findings', 'found', 'sure', 'attributes', 'activity']);
const descriptions = readColumns(written.descriptions, ['id', 'family', 'name', 'process', 'fd', 'kind', 'operation',
  'thread', 'opened', 'closed', 'opener', 'owner', 'handovers', 'uses', 'bytes']);
const uses = readColumns(written.uses, ['description', 'context', 'owner', 'first', 'last', 'calls', 'bytes']);
const handovers = readColumns(written.handovers, ['time', 'description', 'from', 'to', 'reason']);
const sightings = readColumns(written.sightings, ['time', 'finding', 'description', 'owner', 'user']);

const text = (place) => (place >= 0 ? written.texts[place] : '');

const findings = written.findings;
const processes = written.processes.map(([pid, parent, command, mode, policy]) => (
  { pid, parent, command: text(command), mode: text(mode), policy: text(policy) }));
const frames = written.frames.map(([name, place, path, line, inlined, excerpt]) => ({
  name: text(name), place: text(place), path: text(path), file: text(path).replace(/.*\//, ''), line,
  inlined: inlined === 1, excerpt: excerpt < 0 ? null : { first: written.excerpts[excerpt][0], lines: written.excerpts[excerpt].slice(1) },
}));
const summary = written.summary;
const notes = written.notes;
const whole = { from: 0, to: Math.max(summary.duration, 1) };

/* ---- where things begin and end on the timeline ---- */

const known = (...times) => times.find((time) => !Number.isNaN(time));

function spans(count, begin, end) {
  const span = { from: new Float64Array(count), to: new Float64Array(count) };
  for (let row = 0; row < count; row++) {
    span.from[row] = Math.max(begin(row), whole.from);
    span.to[row] = Math.max(end(row), span.from[row]);
  }
  return span;
}

const contextSpan = spans(contexts.count,
  (row) => known(contexts.began[row], contexts.firstCall[row], contexts.ended[row], whole.from),
  (row) => known(contexts.ended[row], whole.to));
const descriptionSpan = spans(descriptions.count,
  (row) => known(descriptions.opened[row], whole.from),
  (row) => known(descriptions.closed[row], whole.to));

/* ---- who has to do with what ---- */

/* Rows of a table by the value in a column: of(value) is an array of rows. */
function groupRows(count, rows, column) {
  const start = new Int32Array(count + 1);
  for (let row = 0; row < rows; row++) if (column[row] >= 0) start[column[row] + 1]++;
  for (let value = 0; value < count; value++) start[value + 1] += start[value];
  const items = new Int32Array(start[count]);
  const at = start.slice();
  for (let row = 0; row < rows; row++) if (column[row] >= 0) items[at[column[row]]++] = row;
  return (value) => items.subarray(start[value], start[value + 1]);
}

const usesOfContext = groupRows(contexts.count, uses.count, uses.context);
const usesOfDescription = groupRows(descriptions.count, uses.count, uses.description);
const usesOfOwner = groupRows(contexts.count, uses.count, uses.owner);
const handoversOfDescription = groupRows(descriptions.count, handovers.count, handovers.description);
const handoversFrom = groupRows(contexts.count, handovers.count, handovers.from);
const handoversTo = groupRows(contexts.count, handovers.count, handovers.to);
const openedBy = groupRows(contexts.count, descriptions.count, descriptions.opener);
const sightingsOfFinding = groupRows(findings.length, sightings.count, sightings.finding);

/* Findings by context and by description: their places, each once, in their order. */
function indexFindings() {
  const byContext = new Map();
  const byDescription = new Map();
  const add = (map, row, finding) => {
    if (!(row >= 0)) return;
    if (!map.has(row)) map.set(row, new Set());
    map.get(row).add(finding);
  };
  findings.forEach((finding, place) => {
    add(byContext, finding.owner, place);
    add(byContext, finding.user, place);
    add(byDescription, finding.description, place);
    for (const row of sightingsOfFinding(place)) {
      add(byContext, sightings.owner[row], place);
      add(byContext, sightings.user[row], place);
      add(byDescription, sightings.description[row], place);
    }
  });
  return { byContext, byDescription };
}

const findingIndex = indexFindings();
const findingsOfContext = (row) => [...(findingIndex.byContext.get(row) || [])];
const findingsOfDescription = (row) => [...(findingIndex.byDescription.get(row) || [])];

/* Hand-overs and foreign uses in the order of time. */
function listCrossings() {
  const list = [];
  for (let row = 0; row < handovers.count; row++)
    list.push({ time: handovers.time[row], handover: true, description: handovers.description[row],
      from: handovers.from[row], to: handovers.to[row] });
  for (let row = 0; row < uses.count; row++)
    if (uses.owner[row] !== NONE)
      list.push({ time: uses.first[row], handover: false, description: uses.description[row], from: uses.owner[row],
        to: uses.context[row] });
  return list.sort((a, b) => a.time - b.time);
}

const crossings = listCrossings();

/* Does it go from one context to another? Others are of little interest on the timeline. */
const isCrossing = (row) => descriptions.handovers[row] > 0 || findingIndex.byDescription.has(row)
  || usesOfDescription(row).some((use) => uses.owner[use] !== NONE);

/* ---- keys: what stands behind the # of a link ---- */

const familyKey = (letter, id, family) => letter + id + (family > 0 ? `.${family}` : '');
const contextKey = (row) => familyKey('c', contexts.id[row], contexts.family[row]);
const descriptionKey = (row) => familyKey('d', descriptions.id[row], descriptions.family[row]);

/* Findings of several processes may have the same number: later ones have their pid behind it, then their place. */
function nameFindings() {
  const taken = new Map();
  findings.forEach((finding, place) => {
    const names = [`f${finding.id}`, `f${finding.id}.${finding.pid}`, `f${finding.id}.${finding.pid}.${place}`];
    finding.key = names.find((name) => !taken.has(name));
    taken.set(finding.key, place);
  });
  return taken;
}

const findingByKey = nameFindings();
const rowByKey = new Map();
for (let row = 0; row < contexts.count; row++) rowByKey.set(contextKey(row), row);
for (let row = 0; row < descriptions.count; row++) rowByKey.set(descriptionKey(row), row);
