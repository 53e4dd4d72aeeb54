/* story.js: what is selected, with whom it has to do: a few rows at the top of the timeline, whole, in the order of what happened.
 *
 *   owner        ▬▬▬▬▬▬▬▬▬▬▬●
 *                           ╎ opened
 *   description             ▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬▬
 *                                    ╎ used
 *   user                         ▬▬▬▬◆▬▬▬
 *
 * Rows: { type, row, role }; links: { time, from, to: places of rows, kind, words }. */

const STORY_MOST = 7;
const FAR_AWAY = 8; /* times the length of what it is about */

class Story {
  constructor() {
    this.rows = [];
    this.links = [];
  }

  /* The place of a row, which is added when there is room; -1: there is none. */
  add(type, row, role) {
    if (!(row >= 0)) return -1;
    const there = this.rows.findIndex((each) => each.type === type && each.row === row);
    if (there >= 0 || this.rows.length >= STORY_MOST) return there;
    return this.rows.push({ type, row, role }) - 1;
  }

  find(type, row) {
    return this.rows.findIndex((each) => each.type === type && each.row === row);
  }

  link(time, from, to, kind, words) {
    if (from >= 0 && to >= 0 && from !== to && !Number.isNaN(time)) this.links.push({ time, from, to, kind, words });
  }

  /* All that passed between its contexts and its descriptions. */
  linkAll() {
    this.rows.forEach(({ type, row }, place) => {
      if (type === 'description') this.linkDescription(row, place);
    });
    this.links.sort((a, b) => a.time - b.time);
  }

  linkDescription(row, place) {
    this.link(descriptions.opened[row], this.find('context', descriptions.opener[row]), place, 'open', 'opened');
    for (const use of usesOfDescription(row)) {
      const user = this.find('context', uses.context[use]);
      const foreign = uses.owner[use] !== NONE;
      this.link(uses.first[use], user, place, foreign ? 'foreign' : 'use', foreign ? 'foreign use' : 'used');
    }
    for (const handover of handoversOfDescription(row)) {
      const words = `hand-over: ${text(handovers.reason[handover])}`;
      this.link(handovers.time[handover], this.find('context', handovers.from[handover]), place, 'from', words);
      this.link(handovers.time[handover], place, this.find('context', handovers.to[handover]), 'to', words);
    }
  }

  /* From the first to the last of those it is about, and of all else that is not far away; with some room. */
  range() {
    const about = this.rows.filter(({ role }) => role === 'owner' || role === 'user' || role === 'self');
    const times = [];
    for (const { type, row } of about.length ? about : this.rows) times.push(...this.ends(type, row));
    for (const { time, kind } of this.links) if (kind === 'finding') times.push(time);
    if (!times.length) return whole;
    const near = FAR_AWAY * Math.max(Math.max(...times) - Math.min(...times), 1000);
    const [least, most] = [Math.min(...times) - near, Math.max(...times) + near];
    for (const { type, row } of this.rows) if (type === 'context') times.push(...this.ends(type, row).filter((time) => time > least && time < most));
    for (const { time } of this.links) if (time > least && time < most) times.push(time);
    const [from, to] = [Math.min(...times), Math.max(...times)];
    const room = Math.max(to - from, 1000) * 0.06;
    return { from: from - room, to: to + room };
  }

  ends(type, row) {
    const span = type === 'context' ? contextSpan : descriptionSpan;
    return [span.from[row], span.to[row]];
  }
}

function storyOfFinding(place) {
  const story = new Story();
  const finding = findings[place];
  const same = finding.owner === finding.user;
  const opener = finding.stacks.find((stack) => /^(opened|first seen)$/.test(text(stack.what)))?.context ?? NONE;
  story.add('context', opener, opener === finding.owner ? 'owner' : 'opener');
  story.add('context', finding.owner, same && findingKind(finding) !== 'leak' ? 'user' : 'owner');
  story.add('description', finding.description, 'description');
  story.add('context', finding.user, 'user');
  story.linkAll();
  for (const row of sightingsOfFinding(place))
    if (sightings.user[row] === finding.user && sightings.description[row] === finding.description)
      story.links.push({ time: sightings.time[row], from: story.find('context', finding.user), to: story.find('description', finding.description),
        kind: 'finding', words: findingKind(finding), place });
  story.links = story.links.filter((link) => link.from >= 0 || link.to >= 0);
  return story;
}

/* Those whom a context shares a description with: whom it had it from, whom it went to, whose it used, who used its. */
function neighbours(row, description) {
  const others = [];
  for (const handover of handoversOfDescription(description)) {
    if (handovers.to[handover] === row) others.push(handovers.from[handover]);
    if (handovers.from[handover] === row) others.push(handovers.to[handover]);
  }
  for (const use of usesOfDescription(description)) {
    if (uses.context[use] === row) others.push(uses.owner[use]);
    if (uses.owner[use] === row) others.push(uses.context[use]);
  }
  return others;
}

function storyOfContext(row) {
  const story = new Story();
  story.add('context', row, 'self');
  const touched = [...Array.from(usesOfContext(row), (use) => uses.description[use]), ...openedBy(row),
    ...Array.from(handoversTo(row), (handover) => handovers.description[handover])];
  const crossing = touched.filter(isCrossing);
  for (const description of new Set(crossing.length ? crossing : touched)) {
    story.add('description', description, 'description');
    for (const other of neighbours(row, description)) story.add('context', other, 'other');
  }
  story.linkAll();
  return story;
}

function storyOfDescription(row) {
  const story = new Story();
  story.add('context', descriptions.opener[row], 'owner');
  story.add('description', row, 'description');
  for (const use of usesOfDescription(row)) story.add('context', uses.context[use], uses.owner[use] === NONE ? 'other' : 'user');
  story.linkAll();
  return story;
}

function storyOfSelection() {
  if (selection.type === 'finding') return storyOfFinding(selection.row);
  if (selection.type === 'context') return storyOfContext(selection.row);
  if (selection.type === 'description') return storyOfDescription(selection.row);
  return new Story();
}
