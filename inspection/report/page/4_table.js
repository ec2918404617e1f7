// The table: only the rows in sight are in the document. A row is an entry of the index, one response.

const ROW = 36;
const SPARE = 8;
const MOST_PRINTED = 2000;

class Table {
  constructor(store, { opened, sorted }) {
    this.store = store;
    this.opened = opened;
    this.resorted = sorted;
    this.own = [];
    this.order = null;
    this.at = 0;
    this.sorted = null;
    this.scroll = document.getElementById("scroll");
    this.body = document.getElementById("body");
    this.spacers = ["above", "below"].map((id) => document.getElementById(id).firstElementChild.firstElementChild);
    this.pool = [];
    this.columns = this.makeColumns();
    this.makeHead();
    this.scroll.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(this.scroll);
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row) this.open(Number(row.dataset.place));
    });
    document.getElementById("table").addEventListener("keydown", (event) => this.key(event));
    for (const [name, printing] of [["beforeprint", true], ["afterprint", false]]) window.addEventListener(name, () => {
      this.printing = printing;
      this.draw(true);
    });
  }

  // The rows' own fields that are shown as columns.
  showFields(fields) {
    this.own = fields;
    this.columns = this.makeColumns();
    this.pool = [];
    this.body.replaceChildren();
    this.makeHead();
  }

  makeColumns() {
    const { columns, index } = this.store;
    const { prompt, reference } = index.problems;
    const pill = (cell, name, text) => {
      const made = cell.firstChild ?? cell.appendChild(element("span"));
      made.className = `pill ${toneOf(name)}`;
      made.textContent = text;
    };
    const text = (name, label, width, of) => ({ name, label, width, of, key: (e) => of(e).toLowerCase(), fill: (cell, e) => { cell.textContent = oneLine(of(e)); } });
    const figure = (name, label, width, of) => ({ name, label, width: `${width} number`, of, key: of, fill: (cell, e) => { cell.textContent = number(of(e)); } });
    const all = [
      {
        name: "verdict", label: "Verdict", width: "w-verdict", key: (e) => this.store.status(e),
        fill: (cell, e) => {
          const status = this.store.status(e);
          const said = { right: "correct", wrong: this.why(e), open: "no decision", error: "not judged" }[status];
          pill(cell, status, said);
        },
      },
      figure("reward", "Reward", "w-reward", (e) => columns.reward[e]),
      text("id", "Row", "w-id", (e) => columns.id[e]),
    ];
    if (columns.step) all.push(figure("step", "Step", "w-step", (e) => columns.step[e]));
    all.push(text("prompt", "Prompt", "w-prompt", (e) => (index.errors[e] !== undefined ? words(index.errors[e]) : prompt[columns.problem[e]])));
    all.push(text("answer", "Answer", "w-answer", (e) => columns.answer[e]));
    all.push(text("reference", "Reference", "w-reference", (e) => reference[columns.problem[e]]));
    // Who decides about right and wrong has the first column already.
    const others = this.store.verifiers.filter((name) => !index.deciders.includes(name));
    for (const name of others.slice(0, 3)) {
      const { score } = index.verdicts[name];
      all.push({
        name: `by ${name}`, label: name, width: "w-score", key: (e) => score[e],
        fill: (cell, e) => {
          const reason = this.store.reason(name, e);
          const measured = reason === "measured" || reason === "partial";
          const asked = reason && reason !== "not_applicable";
          pill(cell, reason || "not_applicable", asked ? (measured && score[e] !== null ? number(score[e]) : words(reason)) : "–");
        },
      });
    }
    for (const field of this.own) {
      const name = `field ${field.name}`;
      all.push(field.numeric ? figure(name, field.name, "w-own", (e) => field.of(e)) : text(name, field.name, "w-own", (e) => field.text(e)));
    }
    all.push(figure("chars", "Length", "w-chars", (e) => columns.chars[e]));
    return all;
  }

  // Why a wrong response is wrong, by whoever decided.
  why(entry) {
    const { columns, index } = this.store;
    const voter = index.voters[columns.voter[entry]];
    return (voter !== undefined && words(this.store.reason(voter, entry))) || "wrong";
  }

  makeHead() {
    const row = element("tr", { "aria-rowindex": 1 });
    for (const column of this.columns) {
      const button = element("button", { type: "button", title: `Sort by ${column.label.toLowerCase()}`, click: () => this.sortBy(column.name) }, oneLine(column.label));
      column.head = element("th", { scope: "col", class: column.width, "aria-sort": "none" }, button);
      row.append(column.head);
    }
    document.getElementById("head").replaceChildren(row);
    this.markSorted();
  }

  markSorted() {
    for (const column of this.columns) {
      const way = this.sorted && this.sorted.name === column.name ? (this.sorted.down ? "descending" : "ascending") : "none";
      column.head.setAttribute("aria-sort", way);
    }
  }

  show(order) {
    const entry = this.order && this.order.length ? this.order[this.at] : -1;
    this.order = order;
    this.applySort();
    const place = entry < 0 ? 0 : this.order.indexOf(entry);
    this.at = Math.max(0, place);
    this.scroll.scrollTop = place > 0 ? Math.max(0, place * ROW - this.scroll.clientHeight / 2) : 0;
    document.getElementById("table").setAttribute("aria-rowcount", this.order.length + 1);
    document.getElementById("empty").hidden = this.order.length > 0;
    this.draw(true);
  }

  sortBy(name) {
    const before = this.sorted;
    if (!before || before.name !== name) this.sorted = { name, down: ["reward", "chars"].includes(name) || name.startsWith("by ") };
    else if (before.turned) this.sorted = null;
    else this.sorted = { name, down: !before.down, turned: true };
    this.markSorted();
    this.show(this.order);
    this.resorted();
  }

  applySort() {
    const column = this.sorted && this.columns.find((one) => one.name === this.sorted.name);
    if (!column) {
      this.order.sort((a, b) => a - b);
      return;
    }
    const { key } = column;
    const down = this.sorted.down ? -1 : 1;
    const keys = new Array(this.store.size);
    for (const entry of this.order) keys[entry] = key(entry);
    this.order.sort((a, b) => {
      const x = keys[a];
      const y = keys[b];
      if (x === y) return a - b;
      if (x === null || x === undefined) return 1;
      if (y === null || y === undefined) return -1;
      return x < y ? -down : down;
    });
  }

  draw(again = false) {
    if (!this.order) return;
    const height = this.scroll.clientHeight;
    // Paper does not scroll.
    const first = this.printing ? 0 : Math.max(0, Math.floor(this.scroll.scrollTop / ROW) - SPARE);
    const count = Math.max(0, Math.min(this.order.length - first, this.printing ? MOST_PRINTED : Math.ceil(height / ROW) + 2 * SPARE));
    if (!again && this.first === first && this.count === count) return;
    this.first = first;
    this.count = count;
    while (this.pool.length < count) this.pool.push(this.body.appendChild(this.makeRow()));
    const focused = this.body.contains(document.activeElement);
    // Rows stay in the document: taking one out would lose the focus, and the scroll position with it.
    this.pool.forEach((row, i) => {
      row.hidden = i >= count;
      if (i < count) this.fill(row, first + i);
    });
    this.spacers[0].style.height = `${first * ROW}px`;
    this.spacers[1].style.height = `${this.printing ? 0 : Math.max(0, this.order.length - first - count) * ROW}px`;
    if (focused) this.focus();
  }

  makeRow() {
    return element("tr", {}, this.columns.map((column) => element("td", { class: column.width })));
  }

  fill(row, place) {
    const entry = this.order[place];
    row.dataset.place = place;
    row.setAttribute("aria-rowindex", place + 2);
    row.setAttribute("aria-selected", entry === this.current);
    row.tabIndex = place === this.at ? 0 : -1;
    this.columns.forEach((column, i) => column.fill(row.children[i], entry));
  }

  key(event) {
    if (event.target.closest("thead") || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.scroll.clientHeight / ROW) - 2);
    const last = this.order.length - 1;
    const to = { ArrowDown: this.at + 1, j: this.at + 1, ArrowUp: this.at - 1, k: this.at - 1, PageDown: this.at + page, PageUp: this.at - page, Home: 0, End: last }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      this.move(to);
    } else if (event.key === "Enter" || event.key === " " || event.key === "o") {
      event.preventDefault();
      this.open(this.at);
    }
  }

  move(to) {
    if (!this.order.length) return;
    this.at = Math.min(this.order.length - 1, Math.max(0, to));
    this.reveal();
    this.draw(true);
    this.focus();
    if (this.current !== undefined) this.open(this.at);
  }

  reveal() {
    const top = this.at * ROW;
    const head = 32;
    if (top < this.scroll.scrollTop) this.scroll.scrollTop = top;
    else if (top + ROW + head > this.scroll.scrollTop + this.scroll.clientHeight) this.scroll.scrollTop = top + ROW + head - this.scroll.clientHeight;
  }

  focus() {
    const row = this.pool.find((one) => !one.hidden && Number(one.dataset.place) === this.at);
    if (row) row.focus({ preventScroll: true });
  }

  open(place) {
    if (!this.order.length) return;
    this.at = place;
    this.current = this.order[place];
    this.draw(true);
    this.opened(this.current, place, this.order.length);
  }

  // An entry by its number, wherever it stands now; one that is filtered out is opened alone.
  openEntry(entry) {
    const place = this.order.indexOf(entry);
    if (place >= 0) {
      this.at = place;
      this.reveal();
      return this.open(place);
    }
    this.current = entry;
    return this.opened(entry, 0, 1);
  }

  closed() {
    this.current = undefined;
    this.draw(true);
    this.reveal();
    this.draw(true);
    this.focus();
  }
}
