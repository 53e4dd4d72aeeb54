/* kinds.js: the kinds of finding: how bad each is, in words, and its sign. A sign is known by its shape; its colour (Okabe and
 * Ito's, which people who do not see all colours tell apart) says how bad it is, once more. */

const KINDS = {
  'foreign-io': { badness: 0, path: 'M8 .8 15.2 8 8 15.2.8 8z', means: 'a context does I/O on what another context owns' },
  'foreign-close': { badness: 0, path: 'M3 .8 8 5.8l5-5L15.2 3l-5 5 5 5-2.2 2.2-5-5-5 5L.8 13l5-5-5-5z', means: 'a context closes what another context owns' },
  'dirty-handover': { badness: 0, path: 'M8 1 15.4 14.6H.6z', means: 'a connection goes to another context in the middle of an exchange' },
  'shared-after-fork': { badness: 0, path: 'M.8 1h4.6L8 5.8 10.6 1h4.6L10 9.6V15H6V9.6z', means: 'two processes use one connected socket that was opened before a fork' },
  'late-io': { badness: 1, path: 'M2 .8h12L9.6 8l4.4 7.2H2L6.4 8z', means: 'I/O by, or on what belongs to, a context that has ended' },
  'bad-close': { badness: 1, path: 'M1.5 1.5h13v13h-13zM4.5 6.8v2.4h7V6.8z', means: 'a close of a number that is not open' },
  'foreign-wakeup': { badness: 1, path: 'M8 1a7 7 0 1 1-.01 0zM8 5a3 3 0 1 0 .01 0z', means: 'a blocked context is completed by another one' },
  hang: { badness: 1, path: 'M2.2 1h4.2v14H2.2zM9.6 1h4.2v14H9.6z', means: 'a context that can no longer finish' },
  leak: { badness: 2, path: 'M8 .6c2.4 3.6 5 6.4 5 9.4a5 5 0 0 1-10 0c0-3 2.6-5.8 5-9.4z', means: 'a context ends and leaves open what it opened' },
};
const UNKNOWN_KIND = { badness: 1, path: 'M8 1a7 7 0 1 1-.01 0z', means: 'the finding\'s first report is lost' };

const BADNESS = ['one request meets what is another’s', 'something is used or closed at the wrong time', 'something is left open'];

const kindOf = (name) => KINDS[name] || UNKNOWN_KIND;
const kindPath = (name) => new Path2D(kindOf(name).path);
const findingKind = (finding) => text(finding.kind);

/* How often each kind was found: findings and times, in the order in which they are shown. */
function countKinds() {
  const counts = new Map();
  for (const finding of findings) {
    const kind = findingKind(finding);
    const count = counts.get(kind) || { kind, findings: 0, times: 0 };
    count.findings++;
    count.times += finding.times;
    counts.set(kind, count);
  }
  return [...counts.values()];
}
