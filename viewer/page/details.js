/* details.js: all that is known of the context or description that is selected. */

const LISTED_AT_ONCE = 30;

/* A list whose rest comes when it is asked for. */
function longList(title, items, make) {
  if (!items.length) return null;
  const list = element('ul', null);
  const more = button('', () => add(), { className: 'quiet' });
  let shown = 0;
  const add = () => {
    list.append(...Array.from(items.slice(shown, shown + LISTED_AT_ONCE), (item) => element('li', null, make(item))));
    shown = Math.min(shown + LISTED_AT_ONCE, items.length);
    more.hidden = shown === items.length;
    more.textContent = `${number(items.length - shown)} more`;
  };
  add();
  return element('section', null, element('h3', null, title, element('span', { className: 'faint' }, ` ${number(items.length)}`)), list, more);
}

const when = (time) => element('span', { className: 'when' }, duration(time));

function useWords(use) {
  const sum = `${plural(uses.calls[use], 'call')}${uses.bytes[use] ? `, ${bytes(uses.bytes[use])}` : ''}`;
  return [element('span', { className: 'faint' }, ` ${sum}`),
    uses.owner[use] === NONE ? null : element('span', { className: 'foreign' }, ' foreign use: ', contextLink(uses.owner[use]), ' owns it')];
}

function handoverWords(row) {
  return [when(handovers.time[row]), ' ', descriptionLink(handovers.description[row]), `: ${text(handovers.reason[row])}, from `, contextLink(handovers.from[row]), ' to ', contextLink(handovers.to[row])];
}

const SURE = { certain: 'the program says so', strong: 'each thread in it had read the request', weak: 'some threads only touched what belongs to it, or were woken or begun in it' };

/* "name=value name=value", as pairs; a value may have blanks in it. */
const attributePairs = (words) => words.split(/ (?=[a-z0-9-]+=)/).filter(Boolean).map((pair) => {
  const at = pair.indexOf('=');
  return [pair.slice(0, at), pair.slice(at + 1)];
});

function contextDetails(row) {
  const process = processes[contexts.process[row]];
  const sure = text(contexts.sure[row]);
  const handed = [...new Set([...handoversFrom(row), ...handoversTo(row)])].sort((a, b) => handovers.time[a] - handovers.time[b]);
  return [
    factList([['Context', String(contexts.id[row])], ['Process', process ? `pid ${process.pid}` : ''],
      ['Thread that began it', contexts.thread[row] ? String(contexts.thread[row]) : ''],
      ['Began', duration(contexts.began[row])], ['Took', lasted(row)],
      ['Parent', contexts.parent[row] === NONE ? '' : contextLink(contexts.parent[row])],
      ['Found by', text(contexts.found[row])], ['Sure', sure && element('span', { title: SURE[sure] }, sure)],
      ['Descriptions opened', number(contexts.opens[row])], ['Calls', number(contexts.uses[row])],
      ['Moved', bytes(contexts.bytes[row])], ...attributePairs(text(contexts.attributes[row]))]),
    longList('Findings', findingsOfContext(row), findingLink),
    longList('Opened', openedBy(row), (description) => [when(descriptions.opened[description]), ' ', descriptionLink(description)]),
    longList('Used', usesOfContext(row), (use) => [when(uses.first[use]), ' ', descriptionLink(uses.description[use]), ...useWords(use)]),
    longList('What others did on what it owned', usesOfOwner(row), (use) => [when(uses.first[use]), ' ', contextLink(uses.context[use]), ': ', descriptionLink(uses.description[use])]),
    longList('Hand-overs', handed, handoverWords),
  ];
}

function descriptionDetails(row) {
  const process = processes[descriptions.process[row]];
  const operation = text(descriptions.operation[row]);
  return [
    factList([['Description', String(descriptions.id[row])], ['Process', process ? `pid ${process.pid}` : ''],
      ['Number', descriptions.fd[row] >= 0 ? `fd ${descriptions.fd[row]}` : ''], ['What it is', text(descriptions.kind[row])],
      [operation === 'found' ? 'First seen' : 'Opened', `${duration(descriptions.opened[row])}${operation && operation !== 'found' ? ` by ${operation}` : ''}`],
      ['By', contextLink(descriptions.opener[row])],
      ['Closed', Number.isNaN(descriptions.closed[row]) ? 'still open' : duration(descriptions.closed[row])],
      ['Owner at last', contextLink(descriptions.owner[row])], ['Hand-overs', number(descriptions.handovers[row])],
      ['Calls', number(descriptions.uses[row])], ['Moved', bytes(descriptions.bytes[row])]]),
    longList('Findings', findingsOfDescription(row), findingLink),
    longList('Used by', usesOfDescription(row), (use) => [when(uses.first[use]), ' ', contextLink(uses.context[use]), ...useWords(use)]),
    longList('Hand-overs', handoversOfDescription(row), handoverWords),
  ];
}

function showDetails() {
  const panel = byId('details');
  const { type, row } = selection;
  panel.hidden = type !== 'context' && type !== 'description';
  if (panel.hidden) return;
  panel.replaceChildren(
    element('div', { className: 'bar' }, element('h2', { className: type }, type === 'context' ? contextName(row) : descriptionName(row)),
      button('✕', clearSelection, { 'aria-label': 'Close the details', title: 'Close (Esc)' })),
    ...(type === 'context' ? contextDetails(row) : descriptionDetails(row)).filter(Boolean));
  panel.scrollTop = 0;
}
