/* findings.js: the list of findings: a card each, whose inside is made when it is first opened. */

const FINDINGS_AT_ONCE = 100;
let findingsShown = FINDINGS_AT_ONCE;
const cards = new Map(); /* by the finding's place */

/* The sentence with its two contexts marked, where it names them. */
function markedSentence(finding) {
  const sentence = text(finding.sentence);
  const leaks = findingKind(finding) === 'leak';
  const marks = [[leaks ? '' : text(finding.user_name), 'user'], [text(finding.owner_name), 'owner']]
    .map(([name, role]) => ({ role, name, at: finding.user === NONE && role === 'user' ? -1 : sentence.indexOf(name) }))
    .filter((mark, place, all) => mark.at >= 0 && mark.name && !(place && all[0].name === mark.name))
    .sort((a, b) => a.at - b.at);
  const parts = [];
  let at = 0;
  for (const mark of marks) {
    if (mark.at < at) continue;
    parts.push(sentence.slice(at, mark.at), element('b', { className: mark.role }, mark.name));
    at = mark.at + mark.name.length;
  }
  parts.push(sentence.slice(at));
  return parts;
}

function excerptOf(frame) {
  const { first, lines } = frame.excerpt;
  return element('pre', { className: 'source', tabIndex: 0, 'aria-label': `${frame.file}, lines ${first} to ${first + lines.length - 1}` },
    lines.map((line, place) => element('span', { className: first + place === frame.line ? 'line here' : 'line' },
      element('i', null, `${first + place === frame.line ? '▸' : ' '}${String(first + place).padStart(5)} `), line, '\n')));
}

/* One line; where the source is here, its file opens and closes it. */
function frameItem(frame, place) {
  const file = element(frame.excerpt ? 'button' : 'span', { className: 'file', title: `${frame.path}:${frame.line}`, 'aria-expanded': frame.excerpt ? 'false' : null }, framePlace(frame));
  const item = element('li', null, element('span', { className: 'depth' }, `#${place}`), element('code', null, frameName(frame)),
    frame.file ? file : null, element('span', { className: 'module' }, frame.inlined ? 'inlined' : frame.name ? frame.place : ''));
  if (frame.excerpt) file.onclick = () => {
    const shown = item.querySelector('.source');
    if (shown) shown.remove();
    else item.append(excerptOf(frame));
    file.setAttribute('aria-expanded', !shown);
  };
  return item;
}

/* The frame that matters with its source; the whole stack below, folded. */
function stackSection(finding, stack) {
  const all = stack.frames.map((place) => frames[place]);
  const own = ownFrame(stack);
  const offender = stack.context >= 0 && stack.context === finding.user && finding.user !== finding.owner;
  const before = stack.before ? `, ${duration(stack.before)} before` : '';
  const role = stack.context < 0 ? '' : offender ? ' user' : stack.context === finding.owner ? ' owner' : '';
  return element('section', { className: `stack${role}` },
    element('h4', null, element('span', { className: 'did' }, `${text(stack.what)} here`), ' by ',
      contextLink(stack.context, text(stack.who)),
      element('span', { className: 'faint' }, `${stack.thread ? `, thread ${stack.thread}` : ''}${before}`)),
    own ? element('p', { className: 'own' }, element('code', null, frameName(own)), ' ',
      element('span', { className: 'file' }, framePlace(own))) : null,
    own?.excerpt ? excerptOf(own) : null,
    text(stack.note) ? element('p', { className: 'faint' }, text(stack.note)) : null,
    all.length ? element('details', { className: 'frames' }, element('summary', null, `The whole stack: ${plural(all.length, 'frame')}`),
      element('ol', null, all.map(frameItem))) : null);
}

function seenWords(finding) {
  const parts = [finding.times === 1 ? 'once' : plural(finding.times, 'time')];
  if (finding.users > 1) parts.push(`by ${plural(finding.users, 'context')}`);
  if (finding.owners > 1) parts.push(`on what ${plural(finding.owners, 'context')} owned`);
  if (finding.processes.length > 1) parts.push(`in ${finding.processes.length} processes`);
  return parts.join(', ');
}

function findingBody(finding, place) {
  return [
    element('p', { className: 'hint' }, element('b', null, 'What to do: '), capital(text(finding.hint))),
    element('p', { className: 'actions controls' },
      button('Show in timeline', () => showInTimeline(place), { className: 'main show-in-timeline' }),
      finding.description >= 0 ? descriptionLink(finding.description, `Description ${text(finding.name)}`) : null),
    finding.stacks.length ? finding.stacks.map((stack) => stackSection(finding, stack))
      : element('p', { className: 'faint' }, 'The first report of this finding was lost, and its stacks with it.'),
    factList([
      ['Seen', seenWords(finding)],
      ['First at', duration(finding.time ?? NaN)],
      ['Closed after all', finding.mended ? `${number(finding.mended)} of ${number(finding.times)}` : ''],
      ['What was done', text(finding.verdict)],
      ['Outstanding', text(finding.outstanding)],
      ['The owner’s last operation on it', text(finding.owner_operation)],
      ['Contexts inferred', text(finding.inferred)],
      ['To suppress it', text(finding.suppression) ? element('code', null, text(finding.suppression)) : '']]),
  ];
}

function setOpen(place, open) {
  const card = cards.get(place);
  if (!card) return;
  if (open && !card.body.hasChildNodes()) card.body.append(...findingBody(findings[place], place).flat().filter(Boolean));
  card.body.hidden = !open;
  card.head.setAttribute('aria-expanded', open);
  card.whole.classList.toggle('open', open);
}

const isOpen = (place) => cards.get(place)?.head.getAttribute('aria-expanded') === 'true';

function toggle(place) {
  const open = !isOpen(place);
  setOpen(place, open);
  if (open) go('finding', place);
}

function makeCard(place) {
  const finding = findings[place];
  const kind = findingKind(finding);
  const own = finding.stacks.length ? ownFrame(finding.stacks[kind === 'leak' && finding.stacks[1] ? 1 : 0]) : null;
  const body = element('div', { className: 'body', id: `body-${finding.key}`, hidden: true });
  const head = button([
    element('span', { className: 'meta' }, icon(kind), element('span', { className: 'kind' }, kind),
      element('span', { className: 'faint' }, seenWords(finding))),
    element('span', { className: 'sentence' }, markedSentence(finding)),
    own ? element('span', { className: 'where' }, element('code', null, frameName(own)), element('span', { className: 'file' }, framePlace(own))) : null,
  ], () => toggle(place), { className: 'head', 'aria-expanded': 'false', 'aria-controls': body.id });
  const whole = element('article', { className: `finding card bad${kindOf(kind).badness}` }, element('h3', null, head), body);
  return { whole, head, body };
}

function showFindings() {
  const panel = byId('findings-panel');
  const rows = takenRows('finding');
  const shown = rows.slice(0, findingsShown);
  if (selection.type === 'finding' && taken.finding[selection.row] && !shown.includes(selection.row)) shown.push(selection.row);
  for (const place of shown) if (!cards.has(place)) cards.set(place, makeCard(place));
  panel.replaceChildren(...shown.map((place) => cards.get(place).whole));
  if (!findings.length) panel.append(element('p', { className: 'empty' }, 'There are no findings in this trace.'));
  else if (!rows.length)
    panel.append(element('p', { className: 'empty' }, 'No finding is like that. ', button('Clear the filters', clearFilters)));
  if (rows.length > shown.length)
    panel.append(button(`Show more: ${number(shown.length)} of ${number(rows.length)} are here`, () => {
      findingsShown += FINDINGS_AT_ONCE;
      showFindings();
    }, { className: 'more' }));
  setTabCount('findings', rows.length, findings.length);
}

/* The selected one is open, marked and in sight. */
function followSelectedFinding() {
  for (const [place, card] of cards) card.whole.classList.toggle('selected', selection.type === 'finding' && selection.row === place);
  if (selection.type !== 'finding') return;
  if (!cards.get(selection.row)?.whole.isConnected) {
    if (!taken.finding[selection.row]) clearFilters();
    showFindings();
    cards.get(selection.row).whole.classList.add('selected');
  }
  showTab('findings');
  setOpen(selection.row, true);
  bringIntoSight(cards.get(selection.row).head);
}

/* Moves as little as it can. */
function bringIntoSight(shown) {
  const { top, bottom } = shown.getBoundingClientRect();
  if (top < 0 || bottom > innerHeight) shown.scrollIntoView({ block: 'nearest' });
}

/* The next finding (or the one before) of those that are shown. */
function stepFinding(step) {
  const rows = takenRows('finding');
  if (!rows.length) return;
  const at = selection.type === 'finding' ? rows.indexOf(selection.row) : -1;
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1)];
  go('finding', next);
  cards.get(next)?.head.focus({ preventScroll: true });
}

/* On paper all that the filter takes is there, and open. */
function openAllForPrint() {
  findingsShown = Infinity;
  showTab('findings');
  showFindings();
  for (const place of cards.keys()) setOpen(place, true);
  for (const folded of byId('findings-panel').querySelectorAll('details')) folded.open = true;
}
