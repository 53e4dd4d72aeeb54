/* words.js: numbers and names as people read them. */

const grouped = new Intl.NumberFormat('en');
const number = (value) => grouped.format(value);
const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

const UNITS = [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs'], [1, 'ns']];

/* "1.204 s"; `digits` behind the point at most. */
function duration(ns, digits = 3) {
  if (Number.isNaN(ns)) return 'not known';
  const size = Math.abs(ns);
  if (size >= 120e9) return `${Math.floor(ns / 60e9)} min ${Math.round((ns % 60e9) / 1e9)} s`;
  const [unit, name] = UNITS.find(([least]) => size >= least) || UNITS[3];
  return `${parseFloat((ns / unit).toFixed(unit === 1 ? 0 : digits))} ${name}`;
}

/* Three digits, for tables. */
function brief(ns) {
  if (Number.isNaN(ns)) return '?';
  const [unit, name] = UNITS.find(([least]) => Math.abs(ns) >= least) || UNITS[3];
  return Math.abs(ns) >= 1e12 ? duration(ns) : `${Number((ns / unit).toPrecision(3))} ${name}`;
}

function bytes(count) {
  if (count < 1000) return plural(count, 'byte');
  if (count < 1e6) return `${(count / 1e3).toFixed(1)} kB`;
  if (count < 1e9) return `${(count / 1e6).toFixed(1)} MB`;
  return `${(count / 1e9).toFixed(1)} GB`;
}

const shorten = (name, most) => (name.length > most ? `${name.slice(0, most - 1)}…` : name);

/* Contexts and descriptions by their rows. */
function contextName(row) {
  if (row === NONE) return 'no context';
  if (!(row >= 0)) return 'a context that is not on this page';
  return text(contexts.label[row]) || `context ${contexts.id[row]}`;
}

function descriptionName(row) {
  if (!(row >= 0)) return 'a description that is not on this page';
  return text(descriptions.name[row]) || text(descriptions.kind[row]) || `description ${descriptions.id[row]}`;
}

const lasted = (row) => (Number.isNaN(contexts.ended[row]) ? 'lives' : brief(contexts.ended[row] - contexts.began[row]));

const capital = (words) => words.slice(0, 1).toUpperCase() + words.slice(1);

/* The frame that matters: the first whose source is here, else the first that has one, else the first with a name; not of the C
 * library nor of reqscope.h. */
function ownFrame(stack) {
  const all = stack.frames.map((place) => frames[place]);
  const own = all.filter((frame) => !/^(libc[.-]|ld-|libpthread|libreqscope)/.test(frame.place) && !frame.name.startsWith('reqscope_'));
  return own.find((frame) => frame.excerpt) || own.find((frame) => frame.path) || own.find((frame) => frame.name) || own[0] || all[0];
}

const frameName = (frame) => frame.name || frame.place;
const framePlace = (frame) => (frame.file ? `${frame.file}:${frame.line}` : frame.name ? frame.place : '');
