/* page.mjs: what a user does with the page, in a headless browser that is offline. Says `ok NAME` or `not ok NAME: why`, a line each.
 *
 *   node page.mjs NODE_MODULES CHROMIUM PICTURES SHOP.html BUSY.html QUIET.html
 *
 * SHOP is the demo's trace, BUSY busy.c's of 10,000 contexts, QUIET one without findings. Pictures of what was seen are put into the
 * folder PICTURES. */
import { createRequire } from 'node:module';

const [modules, executablePath, pictures, shop, busy, quiet] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)('playwright-core');
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });

const say = (name, problem) => console.log(problem ? `not ok ${name}: ${String(problem).replace(/\s+/g, ' ').slice(0, 400)}` : `ok ${name}`);

/* The check fails when it throws, or returns anything but true. */
async function check(name, test) {
  try {
    const result = await test();
    say(name, result === true ? '' : `got ${JSON.stringify(result)}`);
  } catch (error) {
    say(name, error.message || error);
  }
}

const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 400, height: 860 };

/* A page on a file, with what it said and asked for. */
async function open(file, { viewport = WIDE, hash = '', colorScheme = 'light' } = {}) {
  const context = await browser.newContext({ viewport, colorScheme, offline: true, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.said = [];
  page.asked = [];
  page.setDefaultTimeout(8000);
  page.on('console', (message) => page.said.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => page.said.push(error.stack));
  page.on('request', (request) => page.asked.push(request.url()));
  await page.goto(`file://${file}${hash}`);
  return page;
}

const hash = (page) => page.evaluate(() => location.hash);
const cards = (page) => page.locator('.finding').count();
const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.className);
const status = (page) => page.locator('#timeline-says').textContent();

/* Two frames on. */
const settle = (page) => page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));

/* Waits until the function, which is run in the page, is true. (The driver's own way needs eval, which the page's policy refuses.) */
async function until(page, condition, argument) {
  for (const end = Date.now() + 8000; Date.now() < end;) {
    if (await page.evaluate(condition, argument)) return;
    await settle(page);
  }
  throw new Error(`waited in vain for ${condition}`);
}

/* What the timeline says once it has come to rest at something else than before. */
async function newStatus(page, before) {
  await until(page, (old) => document.getElementById('timeline-says').textContent !== old, before);
  return status(page);
}

/* "From 1 ms to 2.5 ms of 3 ms; ...": [1e6, 2.5e6] */
function rangeOf(words) {
  const units = { ns: 1, 'µs': 1e3, ms: 1e6, s: 1e9 };
  return [...words.matchAll(/(-?[\d.]+) (ns|µs|ms|s)\b/g)].slice(0, 2).map(([, amount, unit]) => amount * units[unit]);
}
const lengthOf = (words) => { const [from, to] = rangeOf(words); return to - from; };


/* ---- the demo's trace ---- */

const page = await open(shop);
await check('what is wrong is on the first screen', async () => {
  const sentence = page.locator('.finding .sentence').first();
  const words = await sentence.textContent();
  const { y } = await sentence.boundingBox();
  return (/user=bob .*writes to .*user=alice .*owns/.test(words) && y < 600) || [words, y];
});
await check('and whose fault it is: the function and the line', async () => {
  const where = page.locator('.finding .where').first();
  const words = await where.textContent();
  return (/ask_over.*basket\.c:\d+/.test(words) && (await where.boundingBox()).y < 700) || words;
});
await check('the worst finding is open, with the line of source marked', async () =>
  (await page.locator('.finding .source .here').first().textContent()).includes('DEMO: used here'));
await check('the summary counts', async () => {
  const words = await page.locator('#summary').innerText();
  return (/3 findings/.test(words) && /Contexts\s+2\b/.test(words) && /Processes\s+1\b/.test(words)) || words;
});
await check('a stack unfolds, and a frame shows its source', async () => {
  await page.locator('.frames summary').first().click();
  await page.locator('.frames button.file').nth(1).click();
  return (await page.locator('.frames .source').count()) === 1;
});

await check('filter by kind', async () => {
  await page.locator('.chip', { hasText: 'leak' }).click();
  const kinds = await page.locator('.finding .kind').allTextContents();
  await page.locator('.chip', { hasText: 'leak' }).click();
  return (kinds.join() === 'leak' && (await cards(page)) === 3) || kinds;
});
await check('filter by text, which is looked for in stacks, too', async () => {
  await page.fill('#filter-text', 'CONNECT_backend');
  await until(page, () => document.querySelector('.fields .quiet').hidden === false);
  const found = await cards(page);
  await page.fill('#filter-text', 'no such text');
  await until(page, () => !document.querySelector('.finding'));
  await page.locator('.empty button').click();
  return (found === 3 && (await cards(page)) === 3) || found;
});
await check('filter by a context’s label', async () => {
  await page.fill('#filter-label', 'user=bob');
  await until(page, () => document.querySelectorAll('.finding').length === 2);
  const tab = await page.locator('#contexts-tab .count').textContent();
  await page.locator('.fields .quiet').click();
  return tab === '1 of 2' || tab;
});

await check('keys: j and k go through the findings', async () => {
  const places = [];
  for (const key of ['j', 'j', 'k']) {
    await page.keyboard.press(key);
    places.push(await hash(page));
  }
  return (new Set(places).size === 2 && places[0] === places[2] && (await focused(page)) === 'head') || places;
});
await check('keys: / searches, Escape leaves the field', async () => {
  await page.keyboard.press('/');
  const there = await focused(page);
  await page.keyboard.press('Escape');
  return (there === 'filter-text' && (await focused(page)) !== 'filter-text') || there;
});
await check('keys: ? tells of the keys, Escape closes it', async () => {
  await page.keyboard.press('?');
  const words = await page.locator('#help').innerText();
  await page.screenshot({ path: `${pictures}/help.png` });
  await page.keyboard.press('Escape');
  return (/next crossing/.test(words) && /foreign-io/.test(words) && !(await page.locator('#help').isVisible())) || words;
});
await check('keys: the table of contexts, to one’s details', async () => {
  await page.keyboard.press('2');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#details:not([hidden])');
  const words = await page.locator('#details').innerText();
  await page.keyboard.press('Escape');
  return (/user=bob/.test(words) && /foreign use/.test(words) && !(await page.locator('#details').isVisible())) || words;
});
await check('Tab goes from the top down: skip link, light or dark, help, filters', async () => {
  const fresh = await open(shop);
  const order = [];
  for (let at = 0; at < 6; at++) {
    await fresh.keyboard.press('Tab');
    order.push(await focused(fresh));
  }
  await fresh.context().close();
  return order.join() === 'skip,theme,help-button,chip,chip,filter-text' || order;
});
await check('every control has a name, every label is one', () => page.evaluate(() => {
  const nameless = [...document.querySelectorAll('button, input, select, a, canvas[tabindex], [role=grid]')]
    .filter((control) => !(control.getAttribute('aria-label') || control.closest('label')?.textContent || control.textContent).trim());
  return nameless.length === 0 || nameless.map((control) => control.outerHTML);
}));

await check('the timeline zooms by the wheel and by keys, moves, and shows all again', async () => {
  const canvas = page.locator('#timeline');
  await canvas.focus();
  await canvas.press('0');
  await until(page, () => /From 0 ns/.test(document.getElementById('timeline-says').textContent));
  const all = await status(page);
  await canvas.press('+');
  const nearer = await newStatus(page, all);
  await canvas.hover({ position: { x: 300, y: 100 } });
  await page.mouse.wheel(0, -300);
  const nearest = await newStatus(page, nearer);
  await canvas.press('ArrowRight');
  const moved = await newStatus(page, nearest);
  await canvas.press('0');
  const again = await newStatus(page, moved);
  return (lengthOf(nearer) < lengthOf(all) * 0.8 && lengthOf(nearest) < lengthOf(nearer) * 0.8 && rangeOf(moved)[0] > rangeOf(nearest)[0]
    && again === all) || [all, nearer, nearest, moved, again];
});
await check('keys: ] goes to the next crossing, and stays there', async () => {
  const crossing = await open(shop);
  await crossing.keyboard.press(']');
  await settle(crossing);
  const there = await hash(crossing);
  const shown = await crossing.locator('#details h2').textContent();
  await crossing.context().close();
  return (/^#d\d/.test(there) && /^tcp/.test(shown)) || [there, shown];
});
await check('a finding shows itself in the timeline: both contexts and the description', async () => {
  await page.keyboard.press('1');
  const before = await status(page);
  await page.locator('.finding .head').first().click();
  if (!(await page.locator('.finding .body').first().isVisible())) await page.locator('.finding .head').first().click();
  await page.locator('.show-in-timeline').first().click();
  await settle(page);
  const words = (await status(page)) === before ? await newStatus(page, before) : await status(page);
  return (/owner GET \/basket\?user=alice/.test(words) && /user GET \/basket\?user=bob/.test(words) && /tcp 127/.test(words)
    && (await focused(page)) === 'timeline') || [words, await focused(page)];
});
await check('a bar in the timeline opens its details, with links', async () => {
  await page.locator('#timeline').click({ position: { x: 560, y: 22 + 46 + 35 } });
  await page.waitForSelector('#details:not([hidden])');
  const words = await page.locator('#details').innerText();
  const there = await hash(page);
  await page.locator('#details a.to-context', { hasText: 'alice' }).first().click();
  await page.locator('#details h2', { hasText: /^GET \/basket\?user=alice$/ }).waitFor();
  await page.goBack();
  await page.locator('#details h2', { hasText: /^tcp/ }).waitFor();
  return (/^#d\d/.test(there) && /Used by/.test(words)) || [there, words];
});
await check('nothing was asked for but the file, and nothing went wrong', () =>
  (page.asked.length === 1 && page.said.length === 0) || [page.asked, page.said]);
await check('the page’s policy lets it reach nothing and run nothing else', () => page.evaluate(async () => {
  const refused = [];
  document.addEventListener('securitypolicyviolation', (event) => refused.push(event.effectiveDirective));
  const added = document.createElement('script');
  added.textContent = 'document.title = "stolen"';
  document.body.append(added);
  document.body.append(Object.assign(new Image(), { src: 'data:image/gif;base64,R0lGODlhAQABAAAAACw=' }));
  const reached = await fetch('http://127.0.0.1:9/').then(() => true, () => false);
  await new Promise((done) => { setTimeout(done, 50); });
  return (!reached && document.title !== 'stolen' && refused.some((name) => name.startsWith('script-src')) && refused.includes('connect-src')) || refused;
}));
await page.context().close();

await check('links to a finding, a context, a description', async () => {
  const seen = [];
  for (const link of ['#f1', '#c3', '#d4']) {
    const linked = await open(shop, { hash: link });
    seen.push(link[1] === 'f' ? await linked.locator('.finding.selected .kind').textContent() : await linked.locator('#details h2').textContent());
    await linked.context().close();
  }
  return (seen[0] === 'leak' && seen[1] === 'GET /basket?user=bob' && /^tcp/.test(seen[2])) || seen;
});

/* ---- light, dark, paper, narrow, wide ---- */

/* How light the page's ground is, from 0 to 255. */
const lightness = (shown) => shown.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part) / 3, 0));

await check('light and dark as the system has it, and the other by the button', async () => {
  const dark = await open(shop, { colorScheme: 'dark' });
  const first = await lightness(dark);
  await dark.screenshot({ path: `${pictures}/dark.png` });
  await dark.click('#theme');
  const second = await lightness(dark);
  await dark.click('#theme');
  const third = await lightness(dark);
  await dark.context().close();
  return (first < 60 && second > 200 && third < 60) || [first, second, third];
});

/* What stands on the ground of the page is read with ease: WCAG's contrast, of what is written and of what stands beside it. */
for (const colorScheme of ['light', 'dark'])
  await check(`text is readable: ${colorScheme}`, async () => {
    const shown = await open(shop, { colorScheme });
    const result = await shown.evaluate(() => {
      const light = (colour) => colour.match(/[\d.]+/g).slice(0, 3).map((part) => part / 255)
        .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)).reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
      const ground = (node) => { for (; node; node = node.parentElement) { const colour = getComputedStyle(node).backgroundColor; if (!/, 0\)|transparent/.test(colour)) return colour; } return 'rgb(255, 255, 255)'; };
      const bad = [];
      for (const node of document.querySelectorAll('main *, header *')) {
        if (!node.checkVisibility() || ![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())) continue;
        const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
        if ((a + 0.05) / (b + 0.05) < 4.5) bad.push(`${node.className || node.tagName}: ${((a + 0.05) / (b + 0.05)).toFixed(1)}`);
      }
      return bad.length === 0 || [...new Set(bad)];
    });
    await shown.context().close();
    return result;
  });

await check('on paper: the findings are open, controls are not there', async () => {
  const paper = await open(shop, { colorScheme: 'dark' });
  await paper.emulateMedia({ media: 'print' });
  const file = await paper.pdf({ format: 'A4', path: `${pictures}/paper.pdf` });
  const bodies = await paper.locator('.finding .body:visible').count();
  const controls = await paper.locator('#filters:visible, #stage:visible, .tools:visible').count();
  const ground = await paper.evaluate(() => getComputedStyle(document.querySelector('.card')).backgroundColor);
  await paper.context().close();
  return (file.length > 20000 && bodies === 3 && controls === 0 && ground === 'rgb(255, 255, 255)') || [file.length, bodies, controls, ground];
});

for (const [name, viewport] of [['wide', WIDE], ['narrow', NARROW]])
  await check(`${name} (${viewport.width}): nothing stands out at the side`, async () => {
    const too = [];
    for (const [file, link] of [[shop, ''], [shop, '#d4'], [busy, ''], [busy, '#c5000']]) {
      const shown = await open(file, { viewport, hash: link });
      for (const tab of ['findings', 'contexts', 'descriptions']) {
        await shown.click(`#${tab}-tab`);
        const width = await shown.evaluate(() => document.documentElement.scrollWidth);
        if (width > viewport.width) too.push([file, link, tab, width]);
        if (file === busy && !link) await shown.screenshot({ path: `${pictures}/${name}-${tab}.png` });
      }
      await shown.click('#findings-tab');
      await shown.screenshot({ path: `${pictures}/${name}-${file === shop ? 'shop' : 'busy'}${link.slice(1)}.png`, fullPage: name === 'narrow' });
      await shown.context().close();
    }
    return too.length === 0 || too;
  });

/* ---- ten thousand contexts ---- */

const full = await open(busy);
await check('10,000 contexts: few elements', async () => {
  await full.click('#contexts-tab');
  const count = await full.evaluate(() => document.querySelectorAll('*').length);
  return count < 1500 || count;
});
await check('10,000 contexts: the table’s last row', async () => {
  await full.focus('#contexts-panel .scroller');
  await full.keyboard.press('End');
  await full.keyboard.press('Enter');
  await full.waitForSelector('#details:not([hidden])');
  const last = full.locator('#contexts-panel .row[aria-rowindex="10001"]');
  return (await hash(full)) === `#c${await last.locator('.id').textContent()}` || hash(full);
});
await check('10,000 contexts: a frame of moving and zooming takes less than 50 ms, as a rule', async () => {
  await full.locator('#timeline').focus();
  const times = await full.evaluate(async () => {
    const canvas = document.getElementById('timeline');
    const frame = () => new Promise((done) => { requestAnimationFrame(done); });
    const spent = [];
    const act = async (event) => {
      await frame();
      const begun = performance.now();
      canvas.dispatchEvent(event);
      await frame(); /* drawn in this frame, before us: the timeline asked first */
      spent.push(performance.now() - begun);
    };
    const key = (name) => act(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }));
    const wheel = (deltaY) => act(new WheelEvent('wheel', { deltaY, bubbles: true, cancelable: true, clientX: 900, clientY: 600 }));
    await key('0');
    for (let at = 0; at < 25; at++) await wheel(-120);
    for (let at = 0; at < 25; at++) await key('ArrowRight');
    for (let at = 0; at < 25; at++) await wheel(120);
    for (let at = 0; at < 10; at++) await key('ArrowLeft');
    return spent.sort((a, b) => a - b);
  });
  const median = times[Math.floor(times.length / 2)];
  console.log(`# median ${median.toFixed(1)} ms, slowest ${times[times.length - 1].toFixed(1)} ms`);
  return median < 50 || median;
});
await check('10,000 contexts: one process alone', async () => {
  await full.selectOption('#filter-pid', '4001');
  const count = await full.locator('#contexts-tab .count').textContent();
  await full.selectOption('#filter-pid', '');
  return count === '5,000 of 10,000' || count;
});
await check('sorted by a column', async () => {
  await full.click('#contexts-panel .heads button:has-text("Took")');
  const first = await full.locator('#contexts-panel .spacer .row').first().innerText();
  const second = await full.locator('#contexts-panel .spacer .row').nth(20).innerText();
  const took = (row) => rangeOf(row)[1];
  return took(first) >= took(second) || [first, second];
});
await check('labels that want to be markup are text', async () => {
  await full.fill('#filter-text', "<script>document.title='stolen'");
  await until(full, () => /^34 of|^33 of/.test(document.querySelector('#contexts-tab .count').textContent));
  await full.locator('#contexts-panel .spacer .row').first().click();
  await until(full, () => /script/.test(document.querySelector('#details h2').textContent));
  const heading = await full.locator('#details h2').textContent();
  const images = await full.locator('img').count();
  const title = await full.title();
  return (heading === "</script><script>document.title='stolen'</script>" && images === 0 && !/stolen/.test(title)) || [heading, images, title];
});
await check('control characters, and bytes that are no text, are told of', async () => {
  const seen = [];
  for (const wanted of ['/control', '/not-utf8', '/right-to-left']) {
    await full.fill('#filter-text', wanted);
    await until(full, (words) => document.querySelector('#contexts-panel .spacer .row:not([hidden]) .wide')?.textContent.includes(words), wanted);
    seen.push(await full.locator('#contexts-panel .spacer .row .wide').first().textContent());
  }
  return seen.join() === 'GET /control\\x01\\x1b[31m\\x7f,GET /not-utf8-\\xff\\xfe\\xc3,GET /right-to-left-\\xe2\\x80\\xae.gpj' || seen;
});
await check('10,000 contexts: nothing was asked for, nothing went wrong', () =>
  (full.asked.length === 1 && full.said.length === 0) || [full.asked, full.said]);
await full.context().close();

/* ---- no findings ---- */

await check('a trace without findings says so, and shows its contexts', async () => {
  const shown = await open(quiet);
  const words = await shown.locator('h1').textContent();
  const selected = await shown.locator('#contexts-tab').getAttribute('aria-selected');
  const said = shown.said;
  await shown.screenshot({ path: `${pictures}/quiet.png` });
  await shown.context().close();
  return (words === 'Nothing was found.' && selected === 'true' && said.length === 0) || [words, selected, said];
});

await browser.close();
