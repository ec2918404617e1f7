// The rows' own fields: as columns, in filters, and as groups with figures.

const MOST_GROUPS = 100;

class Field {
  constructor({ name, values, words, codes }) {
    this.name = name;
    this.values = values;
    this.words = words;
    this.codes = codes;
  }

  get numeric() {
    return this.values !== undefined;
  }

  of(entry) {
    if (this.numeric) return this.values[entry];
    return this.codes[entry] < 0 ? null : this.words[this.codes[entry]];
  }

  text(entry) {
    const value = this.of(entry);
    return value === null ? "" : String(value);
  }
}

// Everything of an entry that can be compared: what we found, then what the rows hold.
function fieldsOf(store) {
  const { columns, index } = store;
  const fields = index.fields.map((one) => new Field(one));
  const made = (name, values) => values.some((value) => value !== null) && fields.unshift(new Field({ name, values }));
  for (const name of [...store.verifiers].reverse()) made(`score of ${name}`, index.verdicts[name].score);
  made("length", columns.chars);
  made("reward", columns.reward);
  return fields;
}

const HOWS = {
  "=": (field, value) => (field.numeric ? (e) => field.values[e] === Number(value) : (e) => field.of(e) === value),
  "!=": (field, value) => {
    const is = HOWS["="](field, value);
    return (e) => !is(e);
  },
  "~": (field, value) => (e) => field.text(e).toLowerCase().includes(value.toLowerCase()),
  re: (field, value) => {
    const pattern = new RegExp(value, "iu");
    // A text that is kept has at most eighty characters, and each different one is tried once.
    const fits = field.words ? field.words.map((word) => pattern.test(word)) : null;
    return fits ? (e) => field.codes[e] >= 0 && fits[field.codes[e]] : (e) => pattern.test(field.text(e));
  },
  "<": (field, value) => (e) => field.of(e) !== null && (field.numeric ? field.values[e] < Number(value) : field.text(e) < value),
  ">": (field, value) => (e) => field.of(e) !== null && (field.numeric ? field.values[e] > Number(value) : field.text(e) > value),
  has: (field) => (e) => field.of(e) !== null,
};
const SAID = { "=": "is", "!=": "is not", "~": "contains", re: "matches", "<": "below", ">": "above", has: "is there" };

// 95 % interval of a share, or of a mean, whose values come in clusters; the formulas are those of scoring/stats.py.
function clustered(clusters) {
  let n = 0;
  let total = 0;
  let unit = true;
  for (const { sum, count } of clusters) {
    n += count;
    total += sum;
    unit = unit && sum >= 0 && sum <= count;
  }
  if (!n) return { n, mean: null, interval: null };
  const mean = total / n;
  if (clusters.length < 2) return { n, mean, interval: null };
  let squares = 0;
  for (const { sum, count } of clusters) squares += (sum - mean * count) ** 2;
  const error = Math.sqrt((clusters.length / (clusters.length - 1)) * squares) / n;
  const z = 1.959963984540054;
  if (!unit) return { n, mean, interval: [mean - z * error, mean + z * error] };
  const spread = mean * (1 - mean);
  const worth = Math.max(1, error > 1e-12 && spread > 0 ? Math.min(n, spread / error ** 2) : clusters.length);
  const middle = (mean + z * z / (2 * worth)) / (1 + z * z / worth);
  const half = (z / (1 + z * z / worth)) * Math.sqrt(spread / worth + z * z / (4 * worth * worth));
  return { n, mean, interval: [Math.max(0, middle - half), Math.min(1, middle + half)] };
}

class Fields {
  constructor(store, changed) {
    this.store = store;
    this.changed = changed;
    this.all = fieldsOf(store);
    this.shown = new Set();
    this.where = [];
    this.group = "";
    this.dialog = document.getElementById("fields");
    this.field = document.getElementById("where-field");
    this.how = document.getElementById("where-how");
    this.value = document.getElementById("where-value");
    this.fault = document.getElementById("where-fault");
    this.groupBy = document.getElementById("group-field");
    const option = (name, text) => element("option", { value: name }, oneLine(text));
    this.field.append(...this.all.map((field) => option(field.name, field.name)));
    this.groupBy.append(option("", "nothing"), ...this.all.map((field) => option(field.name, field.name)));
    this.field.addEventListener("change", () => this.offer());
    this.groupBy.addEventListener("change", () => this.set({ group: this.groupBy.value }));
    document.getElementById("where-add").addEventListener("click", () => this.add());
    this.value.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.add();
    });
    document.getElementById("more").addEventListener("click", () => this.open());
    const own = this.all.filter((field) => this.store.index.fields.some((one) => one.name === field.name));
    const boxes = own.map((field) => {
      const box = element("input", { type: "checkbox", value: field.name });
      box.addEventListener("change", () => {
        if (box.checked) this.shown.add(field.name);
        else this.shown.delete(field.name);
        this.set({});
      });
      return element("label", { class: "check" }, box, oneLine(field.name));
    });
    document.getElementById("fields-columns").append(...(boxes.length ? boxes : ["The rows have no fields of their own."]));
    this.offer();
  }

  named(name) {
    return this.all.find((field) => field.name === name);
  }

  open() {
    for (const box of this.dialog.querySelectorAll("#fields-columns input")) box.checked = this.shown.has(box.value);
    this.groupBy.value = this.group;
    this.dialog.showModal();
  }

  offer() {
    const field = this.named(this.field.value);
    const words = (field && field.words) || [];
    document.getElementById("where-words").replaceChildren(...words.slice(0, 100).map((word) => element("option", { value: word })));
  }

  add() {
    const condition = { name: this.field.value, how: this.how.value, value: this.value.value };
    this.fault.textContent = this.refuse(condition) ?? "";
    if (this.fault.textContent) return;
    this.value.value = "";
    this.set({ where: [...this.where, condition] });
  }

  // Why a condition means nothing.
  refuse({ name, how, value }) {
    const field = this.named(name);
    if (!field || !Object.hasOwn(HOWS, how)) return "there is no such field";
    if (field.numeric && ["=", "!=", "<", ">"].includes(how) && (value.trim() === "" || Number.isNaN(Number(value)))) return `${name} is a number, and ${value || "nothing"} is none`;
    try {
      HOWS[how](field, value);
    } catch (error) {
      return error.message;
    }
    return null;
  }

  set(changes) {
    Object.assign(this, changes);
    this.drawChips();
    this.changed();
  }

  tests() {
    return this.where.map(({ name, how, value }) => HOWS[how](this.named(name), value));
  }

  drawChips() {
    const chips = this.where.map((condition, i) => element("button", { type: "button", class: "chip", title: "Take this filter away", click: () => this.set({ where: this.where.filter((_, j) => j !== i) }) },
      oneLine(`${condition.name} ${SAID[condition.how]} ${condition.how === "has" ? "" : condition.value}`), element("span", { "aria-hidden": "true" }, " ✕")));
    document.getElementById("chips").replaceChildren(...chips);
  }

  // Figures of each group among the rows that are shown.
  drawGroups(order) {
    const box = document.getElementById("groups");
    const field = this.named(this.group);
    box.hidden = !field;
    if (!field) return;
    const { problem, correct, reward } = this.store.columns;
    const groups = new Map();
    for (const e of order) {
      const value = field.of(e);
      let group = groups.get(value);
      if (!group) groups.set(value, (group = { value, count: 0, right: new Map(), reward: new Map() }));
      group.count++;
      const put = (clusters, one) => {
        const cluster = clusters.get(problem[e]) ?? { sum: 0, count: 0 };
        cluster.sum += one;
        cluster.count++;
        clusters.set(problem[e], cluster);
      };
      if (correct[e] >= 0) put(group.right, correct[e]);
      if (reward[e] !== null) put(group.reward, reward[e]);
    }
    const sorted = [...groups.values()].sort((a, b) => (a.value === null ? 1 : b.value === null ? -1 : a.value < b.value ? -1 : a.value > b.value ? 1 : 0));
    const figure = (clusters) => {
      const { mean, interval } = clustered([...clusters.values()]);
      const said = interval ? `${interval[0].toFixed(3)} to ${interval[1].toFixed(3)}` : null;
      return element("td", { title: said && `95 % interval, by problem: ${said}` }, mean === null ? "–" : mean.toFixed(3), said && element("small", {}, ` ${said}`));
    };
    const rows = sorted.slice(0, MOST_GROUPS).map((group) => element("tr", {},
      element("th", { scope: "row" }, group.value === null ? element("span", { class: "soft" }, "(none)")
        : element("button", { type: "button", title: "Show these rows", click: () => this.set({ where: [...this.where.filter((one) => one.name !== field.name), { name: field.name, how: "=", value: String(group.value) }] }) }, oneLine(group.value))),
      element("td", {}, group.count.toLocaleString("en")), figure(group.right), figure(group.reward)));
    box.replaceChildren(element("h2", {}, `By ${oneLine(field.name)}`),
      element("table", { class: "ladder groups" },
        element("thead", {}, element("tr", {}, ["Value", "n", "Accuracy", "Reward"].map((name) => element("th", { scope: "col" }, name)))),
        element("tbody", {}, rows)),
      sorted.length > MOST_GROUPS ? element("p", { class: "soft" }, `the first ${MOST_GROUPS} of ${sorted.length.toLocaleString("en")} values`) : "");
  }
}
