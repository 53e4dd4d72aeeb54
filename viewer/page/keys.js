/* keys.js: the keyboard, what it does in words, and light and dark. */

const KEYS = [
  ['j  k', 'next finding, the one before'],
  ['/', 'search'],
  ['1  2  3', 'findings, contexts, descriptions'],
  ['l', 'to the timeline'],
  ['[  ]', 'crossing before, next crossing'],
  ['← →  + −  0', 'in the timeline: move, zoom, show all'],
  ['↑ ↓', 'in the timeline: its lanes; in a table: its rows'],
  ['Enter', 'in a table: details; at a finding: open or close it'],
  ['Esc', 'close what is open; then clear the filters'],
  ['t', 'light or dark'],
  ['?', 'this help'],
];

const helpIsOpen = () => byId('help').open;

function showHelp() {
  const dialog = byId('help');
  if (!dialog.hasChildNodes())
    dialog.append(element('div', { className: 'bar' }, element('h2', { id: 'help-title' }, 'Keys and signs'), button('✕', () => dialog.close(), { 'aria-label': 'Close' })),
      element('dl', { className: 'keys' }, KEYS.map(([keys, words]) => element('div', null,
        element('dt', null, keys.split(/ +/).map((key) => element('kbd', null, key))), element('dd', null, words)))),
      element('p', null, 'With the mouse: the wheel zooms the timeline, with Shift it moves it, with Alt it scrolls the lanes; drag to move; click on a bar for its details. A link to a finding, context or description can be kept: it is in the address.'),
      element('ul', { className: 'signs-list' }, Object.entries(KINDS).map(([kind, { means }]) => element('li', null, icon(kind), element('b', null, kind), ` ${means}`))));
  dialog.showModal();
}

function toggleTheme() {
  const dark = getComputedStyle(document.documentElement).getPropertyValue('--is-dark-now').trim() === '1';
  document.documentElement.dataset.theme = dark ? 'light' : 'dark';
  recolour();
}

function focusTab(name) {
  showTab(name);
  const panel = byId(`${name}-panel`);
  (panel.querySelector('.scroller') || panel.querySelector('.head'))?.focus();
}

function escape() {
  if (selection.type) clearSelection();
  else clearFilters();
}

const pageKeys = {
  j: () => stepFinding(1), k: () => stepFinding(-1), '/': () => byId('filter-text').focus(),
  1: () => focusTab('findings'), 2: () => focusTab('contexts'), 3: () => focusTab('descriptions'),
  l: () => byId('timeline').focus(), '[': () => stepCrossing(-1), ']': () => stepCrossing(1),
  t: toggleTheme, '?': showHelp, Escape: escape,
};

function onPageKey(event) {
  const typing = event.target.closest?.('input, select, textarea');
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || helpIsOpen()) return;
  if (typing) {
    if (event.key === 'Escape') typing.blur();
    return;
  }
  const act = pageKeys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function startKeys() {
  document.addEventListener('keydown', onPageKey);
  byId('theme').onclick = toggleTheme;
  byId('help-button').onclick = showHelp;
  byId('help').onclick = (event) => { if (event.target === byId('help')) byId('help').close(); };
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', recolour);
}
