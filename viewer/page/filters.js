/* filters.js: the bar of filters. The kinds in it are the summary's count of findings by kind, too. */

function showKinds() {
  const chips = countKinds().map(({ kind, findings: count, times }) => {
    const chip = button([icon(kind), element('span', null, kind), element('b', null, number(count))], () => {
      if (!filter.kinds.delete(kind)) filter.kinds.add(kind);
      applyFilter();
    }, { className: 'chip', title: `${kindOf(kind).means}: ${plural(count, 'finding')}, seen ${plural(times, 'time')}` });
    on('filter', () => chip.setAttribute('aria-pressed', filter.kinds.has(kind)));
    chip.setAttribute('aria-pressed', 'false');
    return chip;
  });
  return chips.length ? element('div', { className: 'chips', role: 'group', 'aria-label': 'Kinds of finding' }, chips) : null;
}

/* A field whose text is looked for when its writer pauses. */
function searchField(id, name, label, key) {
  let waiting = 0;
  const field = element('input', { type: 'search', id, placeholder: label, 'aria-label': name, autocomplete: 'off', spellcheck: false,
    oninput: () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        filter[key] = field.value.trim().toLowerCase();
        applyFilter();
      }, 60);
    } });
  return field;
}

function processField() {
  if (processes.length < 2) return null;
  const pids = [...new Set(processes.map((process) => process.pid))];
  return element('select', { id: 'filter-pid', 'aria-label': 'Process',
    onchange: (event) => { filter.pid = event.target.value; applyFilter(); } },
  element('option', { value: '' }, `all ${pids.length} processes`),
  pids.map((pid) => element('option', { value: String(pid) }, `pid ${pid}`)));
}

function clearFilters() {
  filter.kinds.clear();
  filter.text = filter.label = filter.pid = '';
  for (const field of byId('filters').querySelectorAll('input, select')) field.value = '';
  applyFilter();
}

function showFilters() {
  const clear = button('Clear', clearFilters, { className: 'quiet', hidden: true });
  byId('filters').append(...[showKinds(), element('div', { className: 'fields' },
    searchField('filter-text', 'Search', 'Search: function, file, name …', 'text'),
    searchField('filter-label', 'Context label', 'Context label', 'label'), processField(), clear)].filter(Boolean));
  on('filter', () => { clear.hidden = !isFiltered(); });
}
