/* main.js: puts the page together. It opens on what the address names, else on the worst finding. */

showSummary();
showFilters();
showLists();
showFindings();
startTimeline();
startKeys();

on('filter', () => {
  findingsShown = FINDINGS_AT_ONCE;
  showFindings();
});
on('select', followSelectedFinding);
on('select', showDetails);

addEventListener('hashchange', selectByHash);
addEventListener('beforeprint', openAllForPrint);

if (!selectByHash()) {
  if (findings.length) select('finding', 0);
  else showTab('contexts');
}
