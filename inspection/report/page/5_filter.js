// Which rows are shown: by words, outcome, reason, problem, kind, stage and the rows' own fields.

class Filter {
  constructor(store, table, fields, address) {
    this.store = store;
    this.table = table;
    this.fields = fields;
    this.address = address;
    this.form = document.getElementById("bar");
    this.count = document.getElementById("count");
    this.search = document.getElementById("search");
    this.whole = document.getElementById("whole");
    this.run = 0;
    let waiting = 0;
    const soon = () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => this.apply(), this.whole.checked ? 300 : 60);
    };
    this.search.addEventListener("input", soon);
    // Some browsers empty the box on Escape and say so, some do neither: the rows must not keep a filter that is not seen.
    this.search.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      this.search.blur();
      if (!this.search.value) return;
      this.search.value = "";
      this.apply();
    });
    this.form.addEventListener("change", (event) => event.target !== this.search && this.apply());
    this.form.addEventListener("reset", () => setTimeout(() => this.fields.set({ where: [] })));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.apply();
    });
    document.getElementById("clear2").addEventListener("click", () => this.form.reset());
    for (const button of document.querySelectorAll(".reason")) button.addEventListener("click", () => this.toggle(button));
  }

  // What the address says, into the form. Of what is not there any more, nothing.
  restore(address) {
    this.search.value = address.get("q") ?? "";
    this.whole.checked = address.get("whole") === "1";
    for (const id of ["outcome", "mixed", "kind", "stage"]) {
      const select = document.getElementById(id);
      if (select) select.value = address.get(id) ?? "";
      if (select && select.selectedIndex < 0) select.value = "";
    }
    for (const select of document.querySelectorAll("select.by")) select.value = "";
    for (const said of address.getAll("by")) {
      const select = [...document.querySelectorAll("select.by")].find((one) => said.startsWith(`${one.dataset.verifier}:`));
      if (select) select.value = said.slice(select.dataset.verifier.length + 1);
      if (select && select.selectedIndex < 0) select.value = "";
    }
  }

  write() {
    const { where, shown, group } = this.fields;
    const by = [...document.querySelectorAll("select.by")].filter((one) => one.value).map((one) => `${one.dataset.verifier}:${one.value}`);
    this.address.write({
      q: this.search.value, whole: this.whole.checked, by, outcome: this.value("outcome"), mixed: this.value("mixed"), kind: this.value("kind"), stage: this.value("stage"),
      where: where.map((one) => JSON.stringify([one.name, one.how, one.value])), columns: [...shown], group,
    });
  }

  value(id) {
    const select = document.getElementById(id);
    return select ? select.value : "";
  }

  // A bar of the overview sets the filter of its verifier, or lets go of it.
  toggle(button) {
    const { verifier, reason } = button.dataset;
    const select = [...document.querySelectorAll("select.by")].find((one) => one.dataset.verifier === verifier);
    if (!select) return;
    select.value = select.value === reason ? "" : reason;
    this.apply();
  }

  // The problems' share of right responses, once.
  problems() {
    if (!this.mixed) {
      const { problem, correct } = this.store.columns;
      const right = [];
      const decided = [];
      for (let e = 0; e < this.store.size; e++) {
        if (correct[e] < 0) continue;
        decided[problem[e]] = (decided[problem[e]] || 0) + 1;
        right[problem[e]] = (right[problem[e]] || 0) + correct[e];
      }
      this.mixed = decided.map((n, i) => (right[i] === n ? "all" : right[i] ? "mixed" : "never"));
    }
    return this.mixed;
  }

  // What the search looks through, in lower case, once.
  haystack() {
    if (!this.hay) {
      const { id, answer, problem } = this.store.columns;
      const prompts = this.store.index.problems.prompt.map((text, i) => `${text}\n${this.store.index.problems.reference[i]}`.toLowerCase());
      this.hay = id.map((name, e) => `${name}\n${answer[e]}`.toLowerCase());
      this.prompts = prompts;
      this.problemOf = problem;
    }
    return this.hay;
  }

  tests() {
    const { store } = this;
    const tests = this.fields.tests();
    const outcome = this.value("outcome");
    if (outcome) tests.push((e) => store.status(e) === outcome);
    for (const select of document.querySelectorAll("select.by")) {
      const name = select.dataset.verifier;
      if (select.value && Object.hasOwn(store.index.verdicts, name)) {
        const wanted = store.index.reasons.indexOf(select.value);
        const { reason } = store.index.verdicts[name];
        tests.push((e) => reason[e] === wanted);
      }
    }
    const mixed = this.value("mixed");
    if (mixed) {
      const problems = this.problems();
      tests.push((e) => problems[store.columns.problem[e]] === mixed);
    }
    for (const [id, column, list] of [["kind", "kind", "kinds"], ["stage", "stage", "stages"]]) {
      const value = this.value(id);
      if (value && store.columns[column]) {
        const wanted = store.index[list].indexOf(value);
        tests.push((e) => store.columns[column][e] === wanted);
      }
    }
    return tests;
  }

  apply() {
    const run = ++this.run;
    for (const select of this.form.querySelectorAll("select")) select.classList.toggle("set", select.value !== "");
    for (const button of document.querySelectorAll(".reason")) {
      const select = [...document.querySelectorAll("select.by")].find((one) => one.dataset.verifier === button.dataset.verifier);
      button.setAttribute("aria-pressed", Boolean(select) && select.value === button.dataset.reason);
    }
    this.write();
    const tests = this.tests();
    const needle = this.search.value.trim().toLowerCase();
    const fits = (e) => tests.every((test) => test(e));
    if (needle && this.whole.checked) return this.throughTexts(run, needle, fits);
    const order = [];
    if (needle) {
      const hay = this.haystack();
      const inPrompt = this.prompts.map((text) => text.includes(needle));
      for (let e = 0; e < hay.length; e++) if ((inPrompt[this.problemOf[e]] || hay[e].includes(needle)) && fits(e)) order.push(e);
    } else for (let e = 0; e < this.store.size; e++) if (fits(e)) order.push(e);
    return this.done(order);
  }

  done(order) {
    const { size } = this.store;
    this.table.show(order);
    this.fields.drawGroups(order);
    this.say(order.length === size ? `${size.toLocaleString("en")} rows` : `${order.length.toLocaleString("en")} of ${size.toLocaleString("en")}`);
  }

  say(text) {
    this.count.textContent = text;
  }

  // Every response is unpacked and searched, block by block, so that the page answers all the while.
  async throughTexts(run, needle, fits) {
    const { store } = this;
    const { blocks } = store.index;
    const order = [];
    let entry = 0;
    for (let number = 0; number < blocks.length; number++) {
      const rows = await ready().then(() => unpack(`rows-${number}`)).then((text) => JSON.parse(text, exact));
      if (run !== this.run) return;
      const end = blocks[number] + rows.length;
      for (; entry < store.size && store.columns.row[entry] < end; entry++) {
        if (!fits(entry)) continue;
        const row = view(rows[store.columns.row[entry] - blocks[number]], store.part(entry));
        const prompt = typeof row.prompt === "string" ? row.prompt : JSON.stringify(row.prompt ?? "");
        const texts = [row.response ?? "", prompt, row.references.join("\n"), store.columns.id[entry]];
        if (texts.some((text) => String(text).toLowerCase().includes(needle))) order.push(entry);
      }
      if (number % 8 === 7) {
        this.say(`${Math.round((100 * (number + 1)) / blocks.length)} % searched`);
        await new Promise((resolve) => setTimeout(resolve));
      }
    }
    if (run === this.run) this.done(order);
  }
}
