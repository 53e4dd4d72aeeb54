/* lists.js: the tabs, and the tables of contexts and descriptions. */

const TABS = ['findings', 'contexts', 'descriptions'];
const tabs = new Map();
let shownTab = 'findings';

function makeTab(name) {
  const count = element('span', { className: 'count' });
  const tab = button([name[0].toUpperCase() + name.slice(1), count], () => showTab(name), { id: `${name}-tab`, role: 'tab', 'aria-controls': `${name}-panel`,
    onkeydown: (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      showTab(TABS[(TABS.indexOf(name) + step + TABS.length) % TABS.length]);
      tabs.get(shownTab).tab.focus();
      event.stopPropagation();
    } });
  return { tab, count };
}

function showTab(name) {
  shownTab = name;
  for (const [each, { tab }] of tabs) {
    tab.setAttribute('aria-selected', each === name);
    tab.tabIndex = each === name ? 0 : -1;
    byId(`${each}-panel`).hidden = each !== name;
  }
}

function setTabCount(name, shown, all) {
  tabs.get(name).count.textContent = shown === all ? number(all) : `${number(shown)} of ${number(all)}`;
}

const countOrDash = (count) => (count ? number(count) : '–');

const signs = (places) => (places.length
  ? element('span', { className: 'signs', title: places.map((place) => findingKind(findings[place])).join(', ') },
    [...new Set(places.map((place) => findingKind(findings[place])))].map(icon), element('span', { className: 'unseen' }, plural(places.length, 'finding')))
  : '–');

/* Where the timeline stands below the lists, it and the details are brought into sight. */
function pickRow(type, row) {
  go(type, row);
  if (matchMedia('(max-width: 1039px)').matches) byId('stage').scrollIntoView();
}

const contextTable = new Table('Contexts', [
  { title: 'Id', className: 'id', value: (row) => String(contexts.id[row]), order: (row) => contexts.id[row] },
  { title: 'Label', className: 'wide', value: contextName, order: (row) => contextName(row) },
  { title: 'Began', className: 'figure', value: (row) => brief(contexts.began[row]), order: (row) => contexts.began[row] },
  { title: 'Took', className: 'figure', value: lasted, order: (row) => contextSpan.to[row] - contextSpan.from[row], descending: true },
  { title: 'Calls', className: 'figure small', value: (row) => countOrDash(contexts.uses[row]), order: (row) => contexts.uses[row], descending: true },
  { title: 'Findings', className: 'marks', value: (row) => signs(findingsOfContext(row)), order: (row) => findingsOfContext(row).length, descending: true },
], (row) => pickRow('context', row));

const userCount = (row) => new Set(Array.from(usesOfDescription(row), (use) => uses.context[use])).size;

const descriptionTable = new Table('Descriptions', [
  { title: 'Id', className: 'id', value: (row) => String(descriptions.id[row]), order: (row) => descriptions.id[row] },
  { title: 'Description', className: 'wide', value: descriptionName, order: (row) => descriptionName(row) },
  { title: 'Opened', className: 'figure', value: (row) => brief(descriptions.opened[row]), order: (row) => descriptions.opened[row] },
  { title: 'Users', className: 'figure small', value: (row) => countOrDash(userCount(row)), order: userCount, descending: true },
  { title: 'Handed', className: 'figure small', value: (row) => countOrDash(descriptions.handovers[row]), order: (row) => descriptions.handovers[row], descending: true },
  { title: 'Findings', className: 'marks', value: (row) => signs(findingsOfDescription(row)), order: (row) => findingsOfDescription(row).length, descending: true },
], (row) => pickRow('description', row));

function rowsThat(count, takes) {
  const rows = [];
  for (let row = 0; row < count; row++) if (takes(row)) rows.push(row);
  return rows;
}

function showTables() {
  contextTable.setRows(takenRows('context'));
  descriptionTable.setRows(takenRows('description'));
  setTabCount('contexts', contextTable.rows.length, contexts.count);
  setTabCount('descriptions', descriptionTable.rows.length, descriptions.count);
}

function showLists() {
  for (const name of TABS) tabs.set(name, makeTab(name));
  document.querySelector('.tabs').append(...TABS.map((name) => tabs.get(name).tab));
  byId('contexts-panel').append(contextTable.node);
  byId('descriptions-panel').append(descriptionTable.node);
  showTab('findings');
  showTables();
  on('filter', showTables);
  on('select', () => {
    if (selection.type === 'context') contextTable.show(selection.row);
    if (selection.type === 'description') descriptionTable.show(selection.row);
  });
}
