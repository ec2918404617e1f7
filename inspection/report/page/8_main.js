// Puts the page together: theme, keys, table, panel, and the charts of a training run.

const root = document.documentElement;

function remembered(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function setTheme(theme) {
  root.dataset.theme = theme;
  try {
    localStorage.setItem("r1-reward theme", theme);
  } catch { /* a page from disk may have nothing to remember with */ }
}

const dark = matchMedia("(prefers-color-scheme: dark)");
root.dataset.theme = remembered("r1-reward theme") ?? (dark.matches ? "dark" : "light");
dark.addEventListener("change", () => !remembered("r1-reward theme") && (root.dataset.theme = dark.matches ? "dark" : "light"));
const turnTheme = () => setTheme(root.dataset.theme === "dark" ? "light" : "dark");
document.getElementById("theme").addEventListener("click", turnTheme);
const keys = document.getElementById("keys");
document.getElementById("help").addEventListener("click", () => keys.showModal());

// The value of each line at the step under the pointer.
function runCharts(charts) {
  for (const figure of document.querySelectorAll(".chart")) {
    const chart = charts[Number(figure.dataset.chart)];
    const plot = figure.querySelector("svg");
    const cursor = figure.querySelector(".cursor");
    const outputs = [...figure.querySelectorAll("output")];
    const latest = outputs.map((output) => output.textContent);
    plot.addEventListener("pointermove", (event) => {
      const box = plot.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      const step = chart.first + share * (chart.last - chart.first);
      cursor.setAttribute("d", `M${1000 * share} 0V300`);
      chart.lines.forEach((points, i) => {
        let best = null;
        for (const point of points) if (point[1] !== null && (!best || Math.abs(point[0] - step) < Math.abs(best[0] - step))) best = point;
        if (outputs[i] && best) outputs[i].textContent = `${figureOf(best[1])} at ${best[0]}`;
      });
    });
    plot.addEventListener("pointerleave", () => {
      cursor.setAttribute("d", "");
      outputs.forEach((output, i) => { output.textContent = latest[i]; });
    });
  }
}

const figureOf = (value) => (Math.abs(value) >= 1000 || (value !== 0 && Math.abs(value) < 0.001) ? value.toExponential(2) : String(Number(value.toPrecision(4))));

async function start() {
  const index = JSON.parse(await unpack("index"));
  if (index.charts) runCharts(index.charts);
  if (!index.size) return;
  const store = new Store(index);
  const address = new Address();
  const marks = new Marks(store);
  let filter = null;
  let panel = null;
  const table = new Table(store, {
    opened: (entry, place, count) => panel.open(entry, place, count),
    sorted: () => address.write({ sort: table.sorted && `${table.sorted.down ? "-" : ""}${table.sorted.name}` }),
  });
  panel = new Panel(store, {
    marks, address,
    closed: () => table.closed(),
    go: (by, entry) => {
      if (entry === undefined) return table.move(table.at + by);
      panel.abreast = false;
      return table.openEntry(entry);
    },
  });
  const fields = new Fields(store, () => {
    table.showFields(fields.all.filter((field) => fields.shown.has(field.name)));
    filter.apply();
  });
  filter = new Filter(store, table, fields, address);
  new Saver(store, table, marks, fields);

  // Everything that an address says. What it names and this page lacks is left out.
  const restore = () => {
    const said = address.now;
    const sort = said.get("sort");
    table.sorted = sort ? { name: sort.replace(/^-/, ""), down: sort.startsWith("-") } : null;
    const row = said.get("row");
    filter.restore(said);
    const where = said.getAll("where").map((text) => { try { return JSON.parse(text); } catch { return null; } })
      .filter((one) => Array.isArray(one)).map(([name, how, value]) => ({ name: String(name), how: String(how), value: String(value) })).filter((one) => fields.refuse(one) === null);
    fields.shown = new Set(said.getAll("columns").filter((name) => fields.named(name)));
    const group = said.get("group") ?? index.group ?? "";
    fields.set({ where, group: fields.named(group) ? group : "" });
    if (/^\d+$/.test(row ?? "") && Number(row) < store.size) table.openEntry(Number(row));
    else panel.hide();
  };
  restore();
  root.dataset.ready = performance.now().toFixed(0);
  window.addEventListener("popstate", (event) => {
    address.now = address.read();
    if (event.state === null) return restore();
    // Back and forward open and close rows; filters stay as they are.
    const row = address.now.get("row");
    if (row === null) panel.hide();
    else table.openEntry(Number(row));
    return filter.write();
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, dialog");
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
      if (typing) event.target.blur();
      return panel.close();
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return undefined;
    const act = {
      "/": () => { event.preventDefault(); filter.search.focus(); },
      "?": () => keys.showModal(),
      t: turnTheme,
      f: () => fields.open(),
      r: () => panel.mark("right"),
      w: () => panel.mark("wrong"),
      u: () => panel.mark(null),
      c: () => panel.again({ abreast: !panel.abreast }),
      m: () => panel.again({ latex: !panel.latex }),
      s: () => panel.again({ source: !panel.source }),
      j: () => table.move(table.at + (panel.isOpen || table.body.contains(document.activeElement) ? 1 : 0)),
      k: () => table.move(table.at - 1),
      Enter: () => !event.target.closest("button, a, summary") && table.open(table.at),
    }[event.key];
    return act && act();
  });
}

start().catch((error) => {
  const notice = element("p", { class: "notice", role: "alert" }, `The rows cannot be shown: ${error.message}. A browser of 2023 or later is needed.`);
  document.getElementById("main").prepend(notice);
});
