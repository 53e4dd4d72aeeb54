/* table.js: a table of very many rows, of which only those in sight are elements.
 *
 *   scroller ──► spacer, as high as all rows would be
 *                  └──► a few elements, moved to where the rows in sight are, and filled anew
 *
 * Columns: { title, className, value(row): text or node, order(row): what it is sorted by; descending: at first }. */

const ROW_HEIGHT = 30;
let tablesMade = 0;

class Table {
  constructor(label, columns, pick) {
    this.prefix = `table${tablesMade++}`;
    this.columns = columns;
    this.pick = pick;
    this.rows = [];
    this.active = -1; /* place in rows */
    this.sorted = { column: null, descending: false };
    this.pool = [];
    this.body = element('div', { className: 'spacer', role: 'rowgroup' });
    this.head = element('div', { className: 'row heads', role: 'row', 'aria-rowindex': 1 }, columns.map((column) => this.makeHead(column)));
    this.scroller = element('div', { className: 'scroller', tabIndex: 0, role: 'grid', 'aria-label': label, onkeydown: (event) => this.onKey(event) },
      element('div', { role: 'rowgroup', className: 'head' }, this.head), this.body);
    this.scroller.addEventListener('scroll', () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(this.scroller);
    this.node = element('div', { className: 'table card' }, this.scroller);
  }

  makeHead(column) {
    return element('div', { className: `cell ${column.className || ''}`, role: 'columnheader' },
      column.order ? button(column.title, () => this.sortBy(column), { tabIndex: -1 }) : column.title);
  }

  sortBy(column) {
    const again = this.sorted.column === column;
    this.sorted = { column, descending: again ? !this.sorted.descending : Boolean(column.descending) };
    this.setRows(this.rows);
  }

  setRows(rows) {
    const { column, descending } = this.sorted;
    const activeRow = this.rows[this.active];
    this.rows = rows.slice();
    if (column) {
      const key = (row) => { const value = column.order(row); return Number.isNaN(value) ? Infinity : value; };
      const sign = descending ? -1 : 1;
      this.rows.sort((a, b) => { const x = key(a), y = key(b); return x < y ? -sign : x > y ? sign : a - b; });
    }
    this.columns.forEach((each, place) => this.head.children[place].setAttribute('aria-sort',
      each !== column ? 'none' : descending ? 'descending' : 'ascending'));
    this.active = activeRow === undefined ? -1 : this.rows.indexOf(activeRow);
    this.scroller.setAttribute('aria-rowcount', this.rows.length + 1);
    this.body.style.height = `${this.rows.length * ROW_HEIGHT}px`;
    this.draw();
  }

  /* The place in the table of a row; brings it in sight. */
  show(row) {
    this.active = this.rows.indexOf(row);
    if (this.active >= 0) this.reveal();
    this.draw();
  }

  reveal() {
    const top = this.active * ROW_HEIGHT;
    const room = this.scroller.clientHeight - ROW_HEIGHT;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + ROW_HEIGHT > this.scroller.scrollTop + room) this.scroller.scrollTop = top + ROW_HEIGHT - room;
  }

  onKey(event) {
    const page = Math.max(Math.floor(this.scroller.clientHeight / ROW_HEIGHT) - 2, 1);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.scroller || !this.rows.length) return;
    if (event.key in moves) {
      this.active = Math.min(Math.max(this.active + moves[event.key], 0), this.rows.length - 1);
      this.reveal();
      this.draw();
    } else if (event.key === 'Enter' && this.active >= 0) {
      this.pick(this.rows[this.active]);
    } else {
      return;
    }
    event.preventDefault();
  }

  makeRow() {
    const made = element('div', { className: 'row', role: 'row' }, this.columns.map((column) => element('div',
      { className: `cell ${column.className || ''}`, role: 'gridcell' })));
    made.addEventListener('click', () => {
      this.active = made.place;
      this.pick(this.rows[made.place]);
      this.draw();
    });
    this.body.append(made);
    return made;
  }

  draw() {
    const room = Math.ceil(this.scroller.clientHeight / ROW_HEIGHT) + 1;
    const first = Math.max(Math.floor(this.scroller.scrollTop / ROW_HEIGHT) - 1, 0);
    const count = this.scroller.clientHeight ? Math.min(room, this.rows.length - first) : 0;
    while (this.pool.length < count) this.pool.push(this.makeRow());
    this.pool.forEach((made, at) => this.fill(made, first + at, at < count));
    if (this.active >= first && this.active < first + count) this.scroller.setAttribute('aria-activedescendant', `${this.prefix}-${this.active}`);
    else this.scroller.removeAttribute('aria-activedescendant');
  }

  fill(made, place, shown) {
    made.hidden = !shown;
    if (!shown) return;
    const row = this.rows[place];
    made.place = place;
    made.id = `${this.prefix}-${place}`;
    made.style.transform = `translateY(${place * ROW_HEIGHT}px)`;
    made.setAttribute('aria-rowindex', place + 2);
    made.setAttribute('aria-selected', place === this.active);
    made.classList.toggle('active', place === this.active);
    this.columns.forEach((column, at) => made.children[at].replaceChildren(column.value(row)));
  }
}
