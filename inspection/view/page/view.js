// A folder of runs: the list, and one run or file with its rows by pages. Asked again while files are written.

const AGAIN = 2000;
const PAGE = 100;
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);
const inline = byId("index").textContent.trim() !== "";

const themed = () => { try { return localStorage.getItem("r1-reward theme"); } catch { return null; } };
const dark = matchMedia("(prefers-color-scheme: dark)");
document.documentElement.dataset.theme = themed() ?? (dark.matches ? "dark" : "light");
dark.addEventListener("change", () => { if (!themed()) document.documentElement.dataset.theme = dark.matches ? "dark" : "light"; });
function turnTheme() {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  try { localStorage.setItem("r1-reward theme", theme); } catch { /* it is not remembered then */ }
}

async function ask(path, fields = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) for (const one of [].concat(value ?? [])) query.append(name, one);
  const response = await fetch(`${path}?${query}`, { cache: "no-store" });
  if (!response.ok) {
    const error = new Error((await response.json().catch(() => ({}))).error ?? `status ${response.status}`);
    error.status = response.status;
    throw error;
  }
  return response;
}
const json = async (path, fields) => (await ask(path, fields)).json();

function fault(error) {
  byId("fault").hidden = !error;
  const gone = error instanceof TypeError ? "The server does not answer; is r1-reward view still running?" : error && error.message;
  if (error) byId("fault").textContent = oneLine(gone);
}

const count = (n) => n.toLocaleString("en");
const interval = (one) => (one ? `${one[0].toFixed(3)} to ${one[1].toFixed(3)}` : "");
const mega = (bytes) => (bytes < 1e6 ? `${count(Math.ceil(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`);

// The entries of the folder, in a table that a search narrows.
class Home {
  constructor() {
    this.entries = [];
    byId("find").addEventListener("input", () => this.draw());
    byId("find").addEventListener("submit", (event) => event.preventDefault());
    const heads = ["Name", "Kind", "Reward", "Responses", "Mean reward", "Accuracy", "Size", "Written"];
    byId("runs-head").append(...heads.map((name, i) => element("th", { scope: "col", class: i > 2 && i < 7 ? "number" : null }, name)));
  }

  async load() {
    const listing = inline ? JSON.parse(await unpack("index")) : await json("list");
    byId("title").textContent = oneLine(listing.folder);
    document.title = `${oneLine(listing.folder)} · r1-reward`;
    byId("what").textContent = "folder of runs";
    if (JSON.stringify(listing.entries) === this.last) return;
    this.last = JSON.stringify(listing.entries);
    this.entries = listing.entries;
    this.draw();
  }

  draw() {
    const wanted = byId("find-text").value.toLowerCase().split(/\s+/).filter(Boolean);
    const kind = byId("find-kind").value;
    const shown = this.entries.filter((one) => (!kind || one.kind === kind) && wanted.every((word) => `${one.name} ${one.reward}`.toLowerCase().includes(word)));
    const focused = document.activeElement && document.activeElement.dataset.name;
    byId("runs").replaceChildren(...shown.map((one) => this.row(one)));
    if (focused !== undefined) [...document.querySelectorAll("#runs a")].find((link) => link.dataset.name === focused)?.focus();
    byId("find-count").textContent = `${count(shown.length)} of ${count(this.entries.length)}`;
    byId("nothing").hidden = shown.length > 0;
  }

  row(one) {
    const known = one.figures;
    const means = (known && known.figures) || {};
    const figure = (text) => element("td", { class: "number" }, text);
    const share = (mean) => (mean && mean[0] !== null ? mean[0].toFixed(3) : "–");
    const more = known && !known.done ? " …" : "";
    return element("tr", {},
      element("th", { scope: "row" }, element("a", { href: one.page ?? `#${new URLSearchParams({ name: one.name })}`, "data-name": one.name }, oneLine(one.name === "." ? "(this folder)" : one.name))),
      element("td", {}, one.kind === "run" ? "training run" : "scored file"), element("td", {}, oneLine(one.reward) || "–"),
      figure(known ? count(known.entries) + more : "–"), figure(share(means.reward)), figure(share(means.accuracy)), figure(mega(one.bytes)),
      element("td", {}, new Date(one.modified * 1000).toISOString().slice(0, 16).replace("T", " ")));
  }
}

// Rows as the panel wants them, fetched when they are needed.
class RemoteStore {
  constructor(name) {
    this.name = name;
    this.known = new Map();
    this.columns = { id: {}, answer: {} };
  }

  take(rows) {
    if (this.known.size > 5000) this.known.clear();
    for (const row of rows) {
      this.known.set(row.entry, row);
      this.columns.id[row.entry] = row.id;
      this.columns.answer[row.entry] = row.answer;
    }
  }

  status(entry) {
    return this.known.get(entry)?.outcome ?? "open";
  }

  system() {
    return null;
  }

  async siblings(entry) {
    const { rows, total } = await json("siblings", { name: this.name, entry });
    this.take(rows.filter((row) => !this.known.has(row.entry)));
    return { some: rows.map((row) => row.entry), count: total };
  }

  async row(entry) {
    const response = await ask("row", { name: this.name, entry });
    return view(JSON.parse(await response.text(), exact), Number(response.headers.get("x-part")));
  }
}

// One file or run: figures, charts, and its rows by pages.
class One {
  constructor(address) {
    this.address = address;
    this.turn = 0;
    const soon = () => {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.change({ q: byId("search").value, first: null }), 200);
    };
    byId("search").addEventListener("input", soon);
    byId("outcome").addEventListener("change", () => this.change({ outcome: byId("outcome").value, first: null }));
    byId("clear").addEventListener("click", () => this.change({ q: null, outcome: null, reason: null, where: null, sort: null, first: null }));
    byId("bar").addEventListener("submit", (event) => {
      event.preventDefault();
      const name = byId("where-field").value;
      if (!name) return this.change({ q: byId("search").value, first: null });
      const made = JSON.stringify([name, byId("where-how").value, byId("where-value").value]);
      return this.change({ where: [...this.address.now.getAll("where").filter((one) => one !== made), made], first: null });
    });
    const go = { first: () => 0, before: () => Math.max(0, this.first - PAGE), after: () => this.first + PAGE, last: () => Math.max(0, Math.floor((this.total - 1) / PAGE) * PAGE) };
    for (const [id, to] of Object.entries(go)) byId(id).addEventListener("click", () => this.change({ first: to() || null }));
    byId("body").addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (row) this.openEntry(Number(row.dataset.entry));
    });
    this.panel = new Panel({}, { marks: null, address, closed: () => this.closed(), go: (by, entry) => this.step(by, entry) });
  }

  async open(name) {
    this.name = name;
    this.store = new RemoteStore(name);
    this.panel.store = this.store;
    this.seen = {};
    this.drawn = "";
    byId("title").textContent = oneLine(name);
    document.title = `${oneLine(name)} · r1-reward`;
    for (const id of ["body", "cards", "charts", "verdicts"]) byId(id).replaceChildren();
    const row = this.address.now.get("row");
    this.panel.hide();
    await this.load();
    if (/^\d+$/.test(row ?? "")) this.openEntry(Number(row));
  }

  async load() {
    const run = await json("charts", { name: this.name });
    byId("what").textContent = run ? "training run" : "scored file";
    if (run) this.drawCharts(run);
    byId("charts").hidden = !run;
    const known = await json("figures", { name: this.name }).catch((error) => { if (run && error.status === 404) return null; throw error; });
    byId("work").hidden = byId("cards").hidden = !known;
    if (!known) return;
    const grown = known.entries !== this.seen.entries;
    if (grown || known.done !== this.seen.done) this.drawFigures(known);
    this.seen = known;
    // Rows stay where they are while somebody reads them; a page that is not full grows.
    const all = !["q", "outcome", "reason", "where"].some((name) => this.address.now.get(name));
    if (all && this.total !== known.entries && byId("body").childElementCount === PAGE) this.counted(known.entries);
    if (this.store.known.size === 0 || (grown && byId("body").childElementCount < PAGE)) await this.rows();
  }

  change(changes) {
    this.address.write(changes);
    return this.rows().catch(fault);
  }

  async rows() {
    const turn = ++this.turn;
    const now = this.address.now;
    this.first = Number(now.get("first") ?? 0) || 0;
    byId("search").value = now.get("q") ?? "";
    byId("outcome").value = now.get("outcome") ?? "";
    this.drawChips();
    byId("rows").setAttribute("aria-busy", "true");
    let answered;
    try {
      answered = await json("rows", { name: this.name, q: now.get("q"), outcome: now.get("outcome"), reason: now.getAll("reason"), where: now.getAll("where"), sort: now.get("sort"), first: this.first, limit: PAGE });
    } finally {
      byId("rows").removeAttribute("aria-busy");
    }
    if (turn !== this.turn) return;
    fault(null);
    this.store.take(answered.rows);
    this.order = answered.rows.map((row) => row.entry);
    this.counted(answered.total);
    byId("empty").hidden = answered.rows.length > 0;
    this.drawRows(answered.rows);
    document.documentElement.dataset.ready ??= performance.now().toFixed(0);
  }

  // Which of how many rows are shown; null where there are more than could be counted.
  counted(total) {
    const last = this.first + this.order.length;
    this.total = total ?? last + 1;
    byId("count").textContent = this.order.length ? `${count(this.first + 1)} to ${count(last)} of ${total === null ? "many" : count(total)}` : "0 rows";
    byId("first").disabled = byId("before").disabled = this.first === 0;
    byId("after").disabled = last >= this.total;
    byId("last").disabled = last >= this.total || total === null;
  }

  columns() {
    const own = this.address.now.getAll("columns").filter((name) => this.seen.fields && this.seen.fields.includes(name));
    // Who decides about right and wrong has the first column already.
    const verifiers = Object.keys(this.seen.verifiers ?? {}).filter((name) => !this.seen.deciders.includes(name)).slice(0, 3);
    return [
      ["outcome", "Verdict", "w-verdict", (row) => element("span", { class: `pill ${toneOf(row.outcome)}` }, { right: "correct", wrong: "wrong", open: "no decision", error: "not judged" }[row.outcome])],
      ["id", "Row", "w-id", (row) => element("button", { type: "button" }, oneLine(row.id))],
      ["reward", "Reward", "w-reward number", (row) => number(row.reward)],
      [null, "Prompt", "w-prompt", (row) => (row.outcome === "error" && !row.prompt ? words(row.answer) : oneLine(row.prompt))],
      ["answer", "Answer", "w-answer", (row) => oneLine(row.answer)],
      [null, "Reference", "w-reference", (row) => oneLine(row.reference)],
      ...verifiers.map((name) => [`verifier ${name}`, name, "w-score", (row) => (row.verdicts[name] ? (row.verdicts[name][0] === "measured" ? number(row.verdicts[name][1]) : words(row.verdicts[name][0])) : "")]),
      ["chars", "Length", "w-chars number", (row) => count(row.chars)],
      ...own.map((name) => [`field ${name}`, name, "w-own", (row) => oneLine(row.fields[name] ?? "")]),
    ];
  }

  drawRows(rows) {
    const columns = this.columns();
    const sort = this.address.now.get("sort") ?? "";
    const sorted = sort.replace(/^-/, "");
    byId("head").replaceChildren(...columns.map(([name, label, width]) => {
      const way = name && name === sorted ? (sort.startsWith("-") ? "descending" : "ascending") : null;
      const turn = () => this.change({ sort: way === "descending" ? name : way === "ascending" ? null : `-${name}`, first: null });
      return element("th", { scope: "col", class: width, "aria-sort": way }, name ? element("button", { type: "button", title: `Sort by ${oneLine(label)}`, click: turn }, oneLine(label)) : element("span", { class: "plain" }, label));
    }));
    byId("body").replaceChildren(...rows.map((row) => element("tr", { "data-entry": row.entry, "aria-selected": null }, columns.map(([, , width, fill]) => element("td", { class: width }, fill(row))))));
    this.select();
  }

  select() {
    for (const row of byId("body").children) {
      const here = this.panel.isOpen && Number(row.dataset.entry) === this.panel.entry;
      if (here) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }

  drawChips() {
    const chip = (label, name, value) => element("button", { type: "button", class: "chip", "aria-label": `Remove the filter ${label}`, click: () => this.change({ [name]: this.address.now.getAll(name).filter((one) => one !== value), first: null }) }, `${label} ✕`);
    const said = (text) => { try { return JSON.parse(text).join(" "); } catch { return text; } };
    byId("chips").replaceChildren(
      ...this.address.now.getAll("reason").map((one) => chip(words(oneLine(one)), "reason", one)),
      ...this.address.now.getAll("where").map((one) => chip(oneLine(said(one)), "where", one)));
  }

  drawFigures(known) {
    const means = known.figures ?? {};
    const share = known.file_bytes ? Math.floor((100 * known.offset) / known.file_bytes) : 100;
    byId("progress").textContent = known.done ? `${count(known.rows)} rows; new ones appear as they are written` : `${count(known.rows)} rows indexed so far${known.offset ? `, ${share} % of the file` : ""}; figures are of these`;
    const card = (name, value, note, tone) => element("div", { class: `card ${tone ?? ""}` }, element("div", { class: "name" }, name), element("div", { class: "value" }, value), element("div", { class: "note" }, note || "\u00a0"));
    const stale = means.entries !== undefined && means.entries !== known.entries ? `of the first ${count(means.entries)}` : "";
    const of = (mean) => (mean && mean[0] !== null ? mean[0].toFixed(3) : "–");
    byId("cards").replaceChildren(
      card("Responses", count(known.entries), means.problems ? `${count(means.problems)} problems` : ""),
      card("Mean reward", of(means.reward), stale || interval(means.reward && means.reward[1])),
      card("Accuracy", of(means.accuracy), stale || interval(means.accuracy && means.accuracy[1])),
      card("Wrong", count(known.outcomes.wrong), ""),
      card("Not judged", count(known.outcomes.error), "", known.outcomes.error ? "warn" : ""));
    const names = Object.keys(known.verifiers);
    byId("verdicts").hidden = !names.length;
    const verdicts = names.map((name) => {
      const all = Object.values(known.verifiers[name]).reduce((a, b) => a + b, 0);
      return [element("h3", { class: "verdict-name" }, oneLine(name)), Object.entries(known.verifiers[name]).map(([reason, n]) => {
        const value = `${name}:${reason}`;
        const pressed = this.address.now.getAll("reason").includes(value);
        return element("button", { type: "button", class: `reason ${toneOf(reason)}`, "aria-pressed": String(pressed), click: (event) => {
          const on = this.address.now.getAll("reason").includes(value);
          event.currentTarget.setAttribute("aria-pressed", String(!on));
          this.change({ reason: on ? this.address.now.getAll("reason").filter((one) => one !== value) : [...this.address.now.getAll("reason"), value], first: null });
        } }, element("span", { class: "label" }, words(oneLine(reason))), bar(n / all), element("span", { class: "count" }, count(n)), element("span", { class: "share" }, percent(n / all)));
      })];
    });
    byId("verdicts").replaceChildren();
    append(byId("verdicts"), [element("h2", {}, "Verdicts"), verdicts]);
    const select = byId("where-field");
    const kept = select.value;
    select.replaceChildren(element("option", { value: "" }, "field …"), ...known.fields.map((name) => element("option", { value: name }, oneLine(name))));
    select.value = known.fields.includes(kept) ? kept : "";
  }

  drawCharts(run) {
    const text = JSON.stringify(run);
    if (text === this.drawn) return;
    this.drawn = text;
    const alarms = run.alarm_count ? element("details", { class: "alarms" }, element("summary", {}, `${count(run.alarm_count)} alarm${run.alarm_count > 1 ? "s" : ""}`),
      element("ul", {}, run.alarms.map((one) => element("li", {}, element("b", {}, `step ${one.step} `), visible(one.text))))) : null;
    byId("charts").replaceChildren();
    append(byId("charts"), [
      element("p", { class: "soft" }, `${count(run.steps)} steps`),
      element("div", { class: "stages" }, run.stages.map((stage, i) => element("span", { class: `stage s${i % 7}` }, element("b", {}, oneLine(stage.name || "run")), ` ${stage.first} to ${stage.last}`))),
      alarms, element("div", { class: "charts" }, run.charts.map(figureOfChart))]);
  }

  openEntry(entry) {
    const place = this.order ? this.order.indexOf(entry) : -1;
    if (!this.store.known.has(entry)) this.store.columns.id[entry] = `entry ${entry}`;
    this.panel.open(entry, this.first + Math.max(0, place), this.total ?? 1);
    this.select();
  }

  step(by, entry) {
    if (entry !== undefined) {
      this.panel.abreast = false;
      return this.openEntry(entry);
    }
    const place = this.order.indexOf(this.panel.entry) + by;
    if (place >= 0 && place < this.order.length) return this.openEntry(this.order[place]);
    const first = this.first + (by > 0 ? PAGE : -PAGE);
    if (first < 0 || first >= this.total) return undefined;
    return this.change({ first: first || null }).then(() => this.order.length && this.openEntry(this.order[by > 0 ? 0 : this.order.length - 1]));
  }

  closed() {
    this.select();
    const row = [...byId("body").children].find((one) => Number(one.dataset.entry) === this.panel.entry);
    if (row) row.querySelector("button").focus();
  }
}

function svg(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const bar = (share) => svg("svg", { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
  svg("rect", { class: "track", width: 100, height: 8 }), svg("rect", { class: "fill", width: (100 * share).toFixed(2), height: 8 }));

function figureOfChart(chart) {
  const bands = chart.bands.map((band) => svg("rect", { class: `band s${band.number % 7}`, x: band.x, y: 0, width: band.width, height: 300 }));
  const rules = [75, 150, 225].map((y) => svg("path", { class: "rule", d: `M0 ${y}H1000` }));
  const lines = chart.lines.map((line, i) => svg("path", { class: `line c${i % 6}`, d: line.path }));
  return element("figure", { class: "chart" }, element("figcaption", {}, element("b", {}, oneLine(chart.title)), " ", element("span", { class: "unit" }, chart.unit)),
    element("div", { class: "plot" }, element("div", { class: "ys", "aria-hidden": "true" }, element("span", {}, chart.top), element("span", {}, chart.bottom)),
      svg("svg", { viewBox: "0 0 1000 300", preserveAspectRatio: "none", role: "img", "aria-label": oneLine(chart.label) }, ...bands, ...rules, ...lines),
      element("div", { class: "xs", "aria-hidden": "true" }, element("span", {}, chart.first), element("span", {}, "step"), element("span", {}, chart.last))),
    element("div", { class: "legend" }, chart.lines.map((line, i) => element("span", { class: `c${i % 6}` }, element("i", {}), `${oneLine(line.label)} `, element("span", { class: "soft" }, line.latest)))));
}

async function start() {
  const address = new Address();
  const home = new Home();
  const one = inline ? null : new One(address);
  byId("theme").addEventListener("click", turnTheme);
  let at = null;
  let busy = false;

  const show = async () => {
    const name = inline ? null : address.now.get("name");
    byId("home").hidden = name !== null;
    byId("one").hidden = byId("home-link").hidden = name === null;
    const moved = name !== at;
    at = name;
    if (name === null) await home.load();
    else if (moved) await one.open(name);
    else await one.load();
    fault(null);
  };
  // A page that is not seen asks nothing.
  const again = async () => {
    if (busy || document.hidden) return;
    busy = true;
    try {
      await show();
    } catch (error) {
      if (error.status !== 503) fault(error);
    }
    busy = false;
    document.documentElement.dataset.ready ??= performance.now().toFixed(0);
  };
  const moved = () => {
    address.now = address.read();
    const name = address.now.get("name");
    if (name !== at || name === null) return again();
    const row = address.now.get("row");
    if (row === null) one.panel.hide();
    else if (Number(row) !== one.panel.entry || !one.panel.isOpen) one.openEntry(Number(row));
    return one.rows().catch(fault);
  };
  window.addEventListener("popstate", moved);
  byId("home-link").addEventListener("click", (event) => {
    event.preventDefault();
    history.pushState({}, "", location.pathname);
    moved();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "Escape") {
      if (typing) event.target.blur();
      return one && one.panel.close();
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return undefined;
    const panel = one && at !== null ? one.panel : null;
    const act = {
      t: turnTheme,
      "/": () => { event.preventDefault(); byId(at === null ? "find-text" : "search").focus(); },
      c: () => panel && panel.again({ abreast: !panel.abreast }),
      m: () => panel && panel.again({ latex: !panel.latex }),
      s: () => panel && panel.again({ source: !panel.source }),
      j: () => panel && panel.isOpen && one.step(1),
      k: () => panel && panel.isOpen && one.step(-1),
    }[event.key];
    return act && act();
  });
  await again();
  if (!inline) setInterval(again, AGAIN);
}

start();
