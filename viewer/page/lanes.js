/* lanes.js: contexts and descriptions in as few lanes as they fit in, so that no two in a lane overlap.
 *
 *   band "pid 4711"       lane  ▬▬▬ ▬▬ ▬▬▬▬▬        rows in the order of time
 *                         lane   ▬▬▬▬▬▬  ▬▬
 *   band "descriptions"   lane  ▬▬▬▬▬▬▬▬▬▬▬▬▬▬ */

/* A lane that is free again is taken first, the one that has been for longest. */
function packLanes(rows, span) {
  const lanes = [];
  const ends = []; /* a heap of [end, lane] */
  const sift = (at) => {
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < ends.length && ends[child][0] < ends[least][0]) least = child;
      if (least === at) return;
      [ends[at], ends[least]] = [ends[least], ends[at]];
      at = least;
    }
  };
  const push = (entry) => {
    let at = ends.push(entry) - 1;
    while (at && ends[(at - 1) >> 1][0] > ends[at][0]) {
      [ends[at], ends[(at - 1) >> 1]] = [ends[(at - 1) >> 1], ends[at]];
      at = (at - 1) >> 1;
    }
  };
  for (const row of rows) {
    if (ends.length && ends[0][0] < span.from[row]) {
      lanes[ends[0][1]].push(row);
      ends[0][0] = span.to[row];
      sift(0);
    } else {
      push([span.to[row], lanes.length]);
      lanes.push([row]);
    }
  }
  return lanes.map((lane) => Int32Array.from(lane));
}

const byBegin = (span) => (a, b) => span.from[a] - span.from[b] || a - b;

/* { title, type, lanes } for each process that has contexts, then for descriptions. */
function makeBands(allDescriptions) {
  const byProcess = new Map();
  for (let row = 0; row < contexts.count; row++) {
    if (!byProcess.has(contexts.process[row])) byProcess.set(contexts.process[row], []);
    byProcess.get(contexts.process[row]).push(row);
  }
  const bands = [...byProcess.keys()].sort((a, b) => a - b).map((process) => ({
    type: 'context', title: processes.length > 1 ? `contexts of pid ${processes[process]?.pid}` : 'contexts',
    lanes: packLanes(byProcess.get(process).sort(byBegin(contextSpan)), contextSpan),
  }));
  const shown = rowsThat(descriptions.count, (row) => allDescriptions || isCrossing(row)).sort(byBegin(descriptionSpan));
  if (shown.length)
    bands.push({ type: 'description', title: allDescriptions ? 'descriptions' : 'descriptions that crossed, or that a finding is about',
      lanes: packLanes(shown, descriptionSpan) });
  return bands;
}

/* The first place in a lane whose row ends at or after the time. */
function firstEnding(lane, span, time) {
  let low = 0, high = lane.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (span.to[lane[middle]] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
