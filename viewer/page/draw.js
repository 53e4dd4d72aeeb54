/* draw.js: the timeline's picture. It draws what is in sight only, and of what is smaller than a pixel one for each pixel: the
 * work depends on the picture's size, not on the trace's.
 *
 *   axis        times
 *   story       story.js: labelled rows, and links between them
 *   bands       lanes.js: all contexts and descriptions, and the crossings between them; scrolls */

const AXIS_HEIGHT = 22;
const STORY_ROW = 46;
const STORY_BAR = 12;
const BAND_TITLE = 20;
const LANE_MOST = 18;
const LANE_LEAST = 6;
const CROSSINGS_DRAWN = 1500;
const COLOURS = ['ink', 'faint', 'rule', 'panel', 'bar', 'bar-faint', 'bar-description', 'thing', 'on', 'owner', 'user', 'self', 'description', 'bad0', 'bad1', 'bad2', 'accent'];

/* The style's colours as a canvas takes them. */
function readColours() {
  const probe = document.body.appendChild(element('span', { hidden: true }));
  const colours = {};
  for (const name of COLOURS) {
    probe.style.color = `var(--${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  colours.other = colours.bar;
  colours.opener = colours.bar;
  return colours;
}

/* A step of 1, 2 or 5 times a power of ten, so that marks are not nearer than that. */
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least);
}

/* Draws on one canvas, at the view { from, to, scroll }. */
class Picture {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d');
    this.view = { from: 0, to: 1, scroll: 0 };
    this.story = new Story();
    this.bands = [];
  }

  resize() {
    const scale = devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas;
    this.width = clientWidth;
    this.height = clientHeight;
    this.canvas.width = Math.round(clientWidth * scale);
    this.canvas.height = Math.round(clientHeight * scale);
    this.context.setTransform(scale, 0, 0, scale, 0, 0);
  }

  x(time) {
    return ((time - this.view.from) / (this.view.to - this.view.from)) * this.width;
  }

  time(x) {
    return this.view.from + (x / this.width) * (this.view.to - this.view.from);
  }

  /* As high as all of it would like to be. */
  wantedHeight() {
    const lanes = this.bands.reduce((sum, band) => sum + band.lanes.length, 0);
    return AXIS_HEIGHT + this.story.rows.length * STORY_ROW + 18 + this.bands.length * BAND_TITLE + lanes * LANE_MOST;
  }

  /* Where each part is. */
  layOut() {
    this.bandsTop = AXIS_HEIGHT + this.story.rows.length * STORY_ROW + (this.story.rows.length ? 10 : 0);
    const lanes = this.bands.reduce((sum, band) => sum + band.lanes.length, 0);
    const room = this.height - this.bandsTop - this.bands.length * BAND_TITLE;
    this.lane = Math.min(Math.max(Math.floor(room / Math.max(lanes, 1)), LANE_LEAST), LANE_MOST);
    let y = 0;
    for (const band of this.bands) {
      band.y = y + BAND_TITLE;
      y = band.y + band.lanes.length * this.lane;
    }
    this.scrollMost = Math.max(y - (this.height - this.bandsTop) + 8, 0);
    this.view.scroll = Math.min(Math.max(this.view.scroll, 0), this.scrollMost);
  }

  draw(colours) {
    const { context } = this;
    this.colours = colours;
    this.layOut();
    context.clearRect(0, 0, this.width, this.height);
    context.font = '12px system-ui, sans-serif';
    context.textBaseline = 'middle';
    this.drawAxis();
    context.save();
    context.beginPath();
    context.rect(0, this.bandsTop, this.width, this.height - this.bandsTop);
    context.clip();
    context.translate(0, this.bandsTop - this.view.scroll);
    for (const band of this.bands) this.drawBand(band);
    this.drawCrossings();
    this.drawSightings();
    for (const band of this.bands) this.label(band.title, 8, band.y - BAND_TITLE / 2, this.width - 16, this.colours.faint, this.colours.panel);
    context.restore();
    this.drawScroll();
    this.drawStory();
  }

  drawAxis() {
    const { context, colours } = this;
    const step = niceStep(((this.view.to - this.view.from) / this.width) * 90);
    context.strokeStyle = colours.rule;
    context.fillStyle = colours.faint;
    context.lineWidth = 1;
    context.beginPath();
    for (let time = Math.ceil(this.view.from / step) * step; time <= this.view.to; time += step) {
      const x = Math.round(this.x(time)) + 0.5;
      context.moveTo(x, AXIS_HEIGHT - 5);
      context.lineTo(x, this.height);
      context.fillText(time === 0 ? '0' : duration(time, Math.min(9, Math.max(3, Math.ceil(Math.log10(Math.abs(time) / step)) + 1))), x + 4, AXIS_HEIGHT / 2);
    }
    context.stroke();
  }

  /* A text as far as it fits; `ground`: what is drawn around it, so that lines do not run through it. */
  label(words, x, y, room, colour, ground) {
    const most = Math.floor(room / 6.2);
    if (most < 4) return;
    if (ground) {
      this.context.strokeStyle = ground;
      this.context.lineWidth = 4;
      this.context.lineJoin = 'round';
      this.context.strokeText(shorten(words, most), x, y, room);
    }
    this.context.fillStyle = colour;
    this.context.fillText(shorten(words, most), x, y, room);
  }

  /* ---- bands ---- */

  laneInSight(y) {
    const top = this.bandsTop - this.view.scroll + y;
    return top + this.lane > this.bandsTop && top < this.height;
  }

  drawBand(band) {
    const span = band.type === 'context' ? contextSpan : descriptionSpan;
    band.lanes.forEach((lane, at) => {
      const y = band.y + at * this.lane;
      if (this.laneInSight(y)) this.drawLane(band, lane, span, y);
    });
  }

  drawLane(band, lane, span, y) {
    const { context, view } = this;
    const pixel = (view.to - view.from) / this.width;
    const height = this.lane - (this.lane > 9 ? 4 : 2);
    for (let at = firstEnding(lane, span, view.from); at < lane.length && span.from[lane[at]] <= view.to;) {
      const row = lane[at];
      const left = Math.max(this.x(span.from[row]), -2);
      const right = Math.min(Math.max(this.x(span.to[row]) - 0.5, left + 1), this.width + 2);
      context.fillStyle = this.barColour(band.type, row);
      context.fillRect(left, y, right - left, height);
      if (height >= 12 && right - left > 30) this.label(band.type === 'context' ? contextName(row) : descriptionName(row),
        Math.max(left, 0) + 5, y + height / 2 + 0.5, right - Math.max(left, 0) - 10, this.isShown(band.type, row) ? this.colours.on : this.colours.thing);
      at = right - left < 2 ? Math.max(firstEnding(lane, span, span.to[row] + pixel), at + 1) : at + 1;
    }
  }

  isShown(type, row) {
    return this.story.rows.find((each) => each.type === type && each.row === row);
  }

  barColour(type, row) {
    const shown = this.isShown(type, row);
    if (shown) return this.colours[shown.role];
    if (!taken[type][row]) return this.colours['bar-faint'];
    return this.colours[type === 'context' ? 'bar' : 'bar-description'];
  }

  /* The middle of a row's lane within the bands; NaN: it is in none. */
  laneMiddle(type, row) {
    const place = this.laneOf?.(type, row);
    return place ? place.band.y + place.lane * this.lane + this.lane / 2 - 1 : NaN;
  }

  /* Of those that would be drawn on the same pixels, one; none where they would only be a hatch. */
  drawCrossings() {
    const { context, colours, view } = this;
    const drawn = new Set();
    this.crowded = firstAfter(crossings, view.to) - firstAfter(crossings, view.from) > this.width / 5;
    if (this.crowded) return;
    for (let at = firstAfter(crossings, view.from); at < crossings.length && crossings[at].time <= view.to && drawn.size < CROSSINGS_DRAWN; at++) {
      const crossing = crossings[at];
      const x = Math.round(this.x(crossing.time)) + 0.5;
      const thing = this.laneMiddle('description', crossing.description);
      for (const [type, row] of [['from', crossing.from], ['to', crossing.to]]) {
        const y = row >= 0 ? this.laneMiddle('context', row) : NaN;
        const key = `${x} ${y} ${thing}`;
        if (Number.isNaN(y) || Number.isNaN(thing) || drawn.has(key)) continue;
        drawn.add(key);
        context.strokeStyle = crossing.handover ? colours.description : colours.user;
        context.lineWidth = 1;
        context.globalAlpha = this.story.rows.length ? 0.3 : 0.6;
        context.setLineDash(crossing.handover ? [] : [3, 3]);
        context.beginPath();
        context.moveTo(x, thing);
        context.lineTo(x, y);
        context.stroke();
        if (type === 'to') this.arrow(x, y, y < thing ? -1 : 1, context.strokeStyle);
      }
    }
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  arrow(x, y, way, colour) {
    const { context } = this;
    context.fillStyle = colour;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x - 3.5, y - way * 6);
    context.lineTo(x + 3.5, y - way * 6);
    context.fill();
  }

  sign(kind, x, y, size) {
    const { context } = this;
    context.save();
    context.translate(x - size / 2, y - size / 2);
    context.scale(size / 16, size / 16);
    context.fillStyle = this.colours.panel;
    context.strokeStyle = this.colours[`bad${kindOf(kind).badness}`];
    context.lineWidth = 1.2;
    context.beginPath();
    context.arc(8, 8, 12.5, 0, 7);
    context.fill();
    context.stroke();
    context.fillStyle = context.strokeStyle;
    context.fill(kindPath(kind), 'evenodd');
    context.restore();
  }

  drawSightings() {
    const drawn = new Set();
    for (let row = firstSighting(this.view.from); row < sightings.count && sightings.time[row] <= this.view.to && drawn.size < CROSSINGS_DRAWN; row++) {
      const x = this.x(sightings.time[row]);
      const user = sightings.user[row] >= 0 ? sightings.user[row] : sightings.owner[row];
      const y = this.laneMiddle('context', user);
      const key = `${Math.round(x / 6)} ${y}`;
      if (Number.isNaN(y) || drawn.has(key) || !taken.finding[sightings.finding[row]]) continue;
      drawn.add(key);
      this.sign(findingKind(findings[sightings.finding[row]]), x, y, Math.min(Math.max(this.lane - 5, 6), 10));
    }
  }

  drawScroll() {
    if (!this.scrollMost) return;
    const room = this.height - this.bandsTop;
    const size = Math.max((room * room) / (room + this.scrollMost), 20);
    this.context.fillStyle = this.colours['bar-faint'];
    this.context.fillRect(this.width - 5, this.bandsTop + (room - size) * (this.view.scroll / this.scrollMost), 4, size);
  }

  /* ---- story ---- */

  storyY(place) {
    return AXIS_HEIGHT + place * STORY_ROW + STORY_ROW - STORY_BAR / 2 - 5;
  }

  drawStory() {
    if (!this.story.rows.length) return;
    this.storyLabels = [];
    this.story.rows.forEach((row, place) => this.drawStoryRow(row, place));
    this.drawLinks();
    for (const [words, x, y] of this.storyLabels) this.label(words, x, y, this.width - x - 8, this.colours.ink, this.colours.panel);
    this.context.fillStyle = this.colours.rule;
    this.context.fillRect(0, this.bandsTop - 3, this.width, 1);
  }

  drawStoryRow({ type, row, role }, place) {
    const { context, colours } = this;
    const span = type === 'context' ? contextSpan : descriptionSpan;
    const y = this.storyY(place);
    const left = Math.max(this.x(span.from[row]), -2);
    const right = Math.min(Math.max(this.x(span.to[row]), left + 3), this.width + 2);
    const away = this.x(span.to[row]) < 0 ? '◂ ' : this.x(span.from[row]) > this.width ? '▸ ' : '';
    const words = away + (role === 'other' || role === 'description' || role === 'self' ? '' : `${role}: `)
      + (type === 'context' ? contextName(row) : descriptionName(row));
    const at = Math.min(Math.max(left, 0), Math.max(this.width - context.measureText(words).width - 20, 0));
    this.storyLabels.push([words, at + 8, y - STORY_BAR - 2]);
    if (away) return;
    context.fillStyle = colours[role];
    context.fillRect(left, y - STORY_BAR / 2, right - left, STORY_BAR);
    if (role === 'user') this.drawHatch(left, y - STORY_BAR / 2, right - left, STORY_BAR);
    if (type === 'context') this.drawActivity(row, y);
    else this.drawOwners(row, y);
  }

  /* So that who did it is known without its colour. */
  drawHatch(x, y, width, height) {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(x, y, width, height);
    context.clip();
    context.strokeStyle = this.colours.panel;
    context.globalAlpha = 0.45;
    context.lineWidth = 1.5;
    context.beginPath();
    for (let at = Math.floor(x / 7) * 7 - height; at < x + width; at += 7) {
      context.moveTo(at, y + height);
      context.lineTo(at + height, y);
    }
    context.stroke();
    context.restore();
  }

  /* When it made its calls, the more the higher. */
  drawActivity(row, y) {
    const calls = text(contexts.activity[row]);
    const { context } = this;
    const part = (contextSpan.to[row] - contextSpan.from[row]) / 24;
    context.fillStyle = this.colours.ink;
    context.globalAlpha = 0.55;
    for (let at = 0; at < calls.length; at++) {
      if (calls[at] === '0') continue;
      const left = this.x(contextSpan.from[row] + at * part);
      context.fillRect(left, y + STORY_BAR / 2 - 1 - Number(calls[at]), Math.max(part / (this.view.to - this.view.from) * this.width - 1, 1), Number(calls[at]) + 1);
    }
    context.globalAlpha = 1;
  }

  /* Hand-overs part a description's bar. */
  drawOwners(row, y) {
    this.context.fillStyle = this.colours.panel;
    for (const handover of handoversOfDescription(row)) this.context.fillRect(this.x(handovers.time[handover]) - 1, y - STORY_BAR / 2, 2, STORY_BAR);
  }

  drawLinks() {
    const taken = new Map(); /* where words end, by row */
    for (const link of this.story.links) {
      const x = this.x(link.time);
      if (x < -20 || x > this.width + 20) continue;
      if (link.kind === 'finding') this.drawFindingLink(link, x);
      else this.drawLink(link, x, taken);
    }
  }

  drawLink({ from, to, kind, words }, x, taken) {
    const { context, colours } = this;
    const top = this.storyY(Math.min(from, to)) + STORY_BAR / 2, bottom = this.storyY(Math.max(from, to)) - STORY_BAR / 2;
    const colour = kind === 'foreign' ? colours.user : kind === 'from' || kind === 'to' ? colours.description : colours.faint;
    context.strokeStyle = colour;
    context.lineWidth = kind === 'use' ? 1 : 1.6;
    context.setLineDash(kind === 'foreign' ? [4, 3] : []);
    context.beginPath();
    context.moveTo(x, top);
    context.lineTo(x, bottom);
    context.stroke();
    context.setLineDash([]);
    this.arrow(x, to > from ? bottom : top, to > from ? 1 : -1, colour);
    const place = Math.min(from, to);
    if (kind === 'to' || Math.abs(from - to) !== 1 || x < (taken.get(place) ?? 0)) return;
    this.label(words, x + 7, top + 9, this.width - x - 8, colours.faint, colours.panel);
    taken.set(place, x + 18 + words.length * 6.2);
  }

  drawFindingLink({ from, to, words }, x) {
    const { context } = this;
    const y = this.storyY(from >= 0 ? from : to);
    if (from >= 0 && to >= 0) {
      context.strokeStyle = this.colours.user;
      context.lineWidth = 1.6;
      context.setLineDash([4, 3]);
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x, this.storyY(to));
      context.stroke();
      context.setLineDash([]);
    }
    this.sign(words, x, y, 12);
  }

  /* ---- what is under a point ---- */

  hit(x, y) {
    if (y < AXIS_HEIGHT) return null;
    if (y < this.bandsTop) {
      const row = this.story.rows[Math.floor((y - AXIS_HEIGHT) / STORY_ROW)];
      return row ? { type: row.type, row: row.row } : null;
    }
    return this.hitBands(x, y - this.bandsTop + this.view.scroll);
  }

  hitBands(x, y) {
    const near = (3 * (this.view.to - this.view.from)) / this.width;
    const time = this.time(x);
    for (const band of this.bands) {
      const lane = band.lanes[Math.floor((y - band.y) / this.lane)];
      if (y < band.y || !lane) continue;
      const span = band.type === 'context' ? contextSpan : descriptionSpan;
      const row = lane[firstEnding(lane, span, time - near)];
      return row !== undefined && span.from[row] <= time + near ? { type: band.type, row } : null;
    }
    return null;
  }
}

/* The first of a row of things with times that is not before. */
function firstAfter(list, time) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].time < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function firstSighting(time) {
  let low = 0, high = sightings.count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sightings.time[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
