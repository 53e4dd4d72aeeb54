/* element.js: elements of the page. What comes from a trace goes onto it as text nodes only, so it is never markup. */

const SVG = 'http://www.w3.org/2000/svg';
const byId = (id) => document.getElementById(id);

/* element('p', { className: 'hint', onclick: f, 'aria-label': '...' }, 'text', node, null, ...) */
function element(name, properties, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined) continue;
    if (key.includes('-') || key === 'role' || key === 'for') made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ''));
  return made;
}

function icon(kind) {
  const svg = document.createElementNS(SVG, 'svg');
  const path = document.createElementNS(SVG, 'path');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('class', `icon bad${kindOf(kind).badness}`);
  svg.setAttribute('aria-hidden', 'true');
  path.setAttribute('d', kindOf(kind).path);
  path.setAttribute('fill-rule', 'evenodd');
  svg.append(path);
  return svg;
}

const button = (label, onclick, properties) => element('button', { type: 'button', onclick, ...properties }, label);

const contextLink = (row, name = contextName(row)) => (row >= 0
  ? element('a', { href: `#${contextKey(row)}`, className: 'to-context', title: `context ${contexts.id[row]}` }, name)
  : element('span', null, name));
const descriptionLink = (row, name = descriptionName(row)) => (row >= 0
  ? element('a', { href: `#${descriptionKey(row)}`, className: 'to-description', title: `description ${descriptions.id[row]}` }, name)
  : element('span', null, name));
const findingLink = (place) => element('a', { href: `#${findings[place].key}`, className: 'to-finding' },
  icon(findingKind(findings[place])), ` ${findingKind(findings[place])}`);

/* Pairs of a name and what it is; those that are not known are left out. */
function factList(pairs) {
  return element('dl', { className: 'facts' }, pairs.filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => element('div', null, element('dt', null, name), element('dd', null, value))));
}
