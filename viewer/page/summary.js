/* summary.js: the head of the page: what is wrong, in how much. */

function verdict() {
  if (!findings.length) return ['Nothing was found.', 'No context touched what belongs to another one.'];
  const worst = BADNESS.map((words, badness) => [words, findings.filter((finding) => kindOf(findingKind(finding)).badness === badness).length])
    .filter(([, count]) => count);
  const own = findings[0].stacks.map(ownFrame).find(Boolean);
  const times = findings.reduce((sum, finding) => sum + finding.times, 0);
  return [plural(findings.length, 'finding'), worst.map(([words, count]) => (findings.length === 1 ? `${capital(words)}.`
    : `In ${count === findings.length ? 'all of them' : number(count)}, ${words}.`)).join(' ')
    + (times > findings.length ? ` Seen ${number(times)} times in all.` : ''), own];
}

function describeProcesses() {
  const [first] = processes;
  if (!first) return '';
  const others = processes.length > 1 ? ` and ${plural(processes.length - 1, 'more process', 'more processes')}` : '';
  return `${first.command || 'a process'} (pid ${first.pid})${others}`;
}

/* One value when all processes have the same. */
const common = (key) => [...new Set(processes.map((process) => process[key]).filter(Boolean))].join(', ');

function showSummary() {
  const [heading, words, own] = verdict();
  const command = describeProcesses();
  byId('command').textContent = command;
  byId('command').title = command;
  document.title = `${heading.replace(/\.$/, '')} – ${processes[0]?.command || 'reqscope'}`;
  byId('summary').append(
    element('div', { className: 'verdict' }, element('h1', { className: findings.length ? 'found' : 'clean' }, heading), element('p', null, words, own ? [' Look first at ', element('code', null, frameName(own)), own.file ? `, ${framePlace(own)}.` : '.'] : null)),
    factList([
      ['Processes', number(processes.length)], ['Contexts', number(summary.contexts)],
      ['Descriptions', number(summary.descriptions)], ['Events', number(summary.events)],
      ['Duration', duration(summary.duration)], ['Lost events', number(summary.lost_events)],
      ['Mode', common('mode')], ['Policy', common('policy')]]));
  if (notes.length)
    byId('summary').append(element('details', { className: 'notes', open: notes.length < 3 },
      element('summary', null, plural(notes.length, 'note')), element('ul', null, notes.map((note) => element('li', null, note)))));
  byId('footer').textContent = `Made by reqscope ${written.version}. This page is one file; it loads nothing and sends nothing.`;
}
