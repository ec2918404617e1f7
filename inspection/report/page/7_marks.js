// Marks and notes of a person, kept in this browser, and rows saved as files.

const MARKS = { right: true, wrong: false };

class Marks {
  constructor(store) {
    this.store = store;
    // The rows decide which page this is, wherever the file lies.
    this.name = `r1-reward marks ${store.index.blocks.length} ${store.size} ${store.columns.id.slice(0, 20).join(" ")}`.slice(0, 400);
    this.all = new Map();
    try {
      this.all = new Map(JSON.parse(localStorage.getItem(this.name) ?? "[]"));
    } catch { /* what cannot be remembered is kept while the page is open */ }
  }

  of(entry) {
    return this.all.get(entry) ?? { mark: null, note: "" };
  }

  set(entry, changes) {
    const made = { ...this.of(entry), ...changes };
    if (made.mark === null && !made.note) this.all.delete(entry);
    else this.all.set(entry, made);
    try {
      localStorage.setItem(this.name, JSON.stringify([...this.all]));
    } catch { /* as above */ }
  }

  // What a person says of an open row.
  element(entry, changed) {
    const { mark, note } = this.of(entry);
    const button = (name) => element("button", { type: "button", class: `mark-${name}`, "aria-pressed": String(mark === name), title: `Mark as ${name} (${name[0]})`, click: () => {
      this.set(entry, { mark: this.of(entry).mark === name ? null : name });
      changed();
    } }, name);
    const text = element("input", { type: "text", class: "remark", placeholder: "note", maxlength: 2000, "aria-label": "Note", value: note || null });
    text.addEventListener("input", () => this.set(entry, { note: text.value }));
    return element("section", { class: "marks", "aria-label": "Your mark" }, Object.keys(MARKS).map(button), text);
  }
}

class Saver {
  constructor(store, table, marks, fields) {
    this.store = store;
    this.table = table;
    this.marks = marks;
    this.fields = fields;
    this.dialog = document.getElementById("saving");
    this.said = document.getElementById("saving-said");
    document.getElementById("save").addEventListener("click", () => this.dialog.showModal());
    for (const button of this.dialog.querySelectorAll("[data-save]")) button.addEventListener("click", () => this.save(button.dataset.save));
  }

  async save(kind) {
    const entries = kind === "marks" ? [...this.marks.all.keys()].sort((a, b) => a - b) : this.table.order;
    const lines = kind === "csv" ? this.csv(entries) : await this.jsonl(entries, kind === "marks");
    const url = URL.createObjectURL(new Blob(lines, { type: kind === "csv" ? "text/csv" : "application/jsonl" }));
    const name = `${document.title.split(" · ")[0].replace(/[^\w.-]+/g, "_").slice(0, 60)}.${kind === "csv" ? "csv" : "jsonl"}`;
    const link = element("a", { href: url, download: kind === "marks" ? `marks-${name}` : name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    this.said.textContent = `${lines.length - (kind === "csv" ? 1 : 0)} rows saved`;
  }

  // Each row as it stands in the page, once; a marked one with what a person says of it.
  async jsonl(entries, marked) {
    const { store } = this;
    const lines = [];
    const written = new Set();
    let at = -1;
    let rows = [];
    for (const entry of entries) {
      const number = store.columns.row[entry];
      if (!marked && written.has(number)) continue;
      written.add(number);
      const block = store.blockOf(number);
      if (block !== at) rows = JSON.parse(await ready().then(() => unpack(`rows-${block}`)), verbatim);
      at = block;
      const row = rows[number - store.index.blocks[block]];
      lines.push(`${JSON.stringify(marked ? this.labelled(entry, row) : row)}\n`);
    }
    return lines;
  }

  labelled(entry, row) {
    const { mark, note } = this.marks.of(entry);
    const part = this.store.part(entry);
    const made = { ...row };
    if (made.response === undefined && Array.isArray(made.responses)) {
      made.response = made.responses[part];
      made.reward = (made.rewards || [])[part] ?? null;
      made.verdicts = (made.verdicts || [])[part] ?? {};
      for (const name of ["responses", "rewards"]) delete made[name];
    }
    return { ...made, ...(mark === null ? {} : { label: MARKS[mark] }), ...(note ? { note } : {}) };
  }

  csv(entries) {
    const { columns, index, verifiers } = this.store;
    const fields = index.fields.map((one) => this.fields.named(one.name));
    // A cell that begins like a formula is one to a spreadsheet.
    const cell = (value) => {
      const text = value === null || value === undefined ? "" : String(value);
      const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) && !/^[-+]?[\d.]+$/.test(text) ? `'${text}` : text;
      return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
    };
    const line = (cells) => `${cells.map(cell).join(",")}\r\n`;
    const heads = ["row", "outcome", "reward", "answer", "reference", "length", ...verifiers.flatMap((name) => [`${name} reason`, `${name} score`]), ...fields.map((field) => field.name), "mark", "note"];
    return [line(heads), ...entries.map((e) => line([columns.id[e], this.store.status(e), columns.reward[e], columns.answer[e], index.problems.reference[columns.problem[e]], columns.chars[e],
      ...verifiers.flatMap((name) => [this.store.reason(name, e), index.verdicts[name].score[e]]), ...fields.map((field) => field.of(e)), this.marks.of(e).mark, this.marks.of(e).note]))];
  }
}
