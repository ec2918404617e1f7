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
    const told = charts[Number(figure.dataset.chart)];
    const plot = figure.querySelector("svg");
    const cursor = figure.querySelector(".cursor");
    const outputs = [...figure.querySelectorAll("output")];
    const latest = outputs.map((output) => output.textContent);
    plot.addEventListener("pointermove", (event) => {
      const box = plot.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      const step = told.first + share * (told.last - told.first);
      cursor.setAttribute("d", `M${1000 * share} 0V300`);
      told.lines.forEach((points, i) => {
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
  let panel;
  const table = new Table(store, (entry, place, count) => panel.open(entry, place, count));
  panel = new Panel(store, () => table.closed(), (by, entry) => {
    if (entry === undefined) return table.move(table.at + by);
    panel.abreast = false;
    const place = table.order.indexOf(entry);
    return place < 0 ? panel.open(entry, 0, 1) : table.move(place);
  });
  const filter = new Filter(store, table);
  filter.apply();
  root.dataset.ready = performance.now().toFixed(0);
  const wanted = /^#row=(\d+)$/.exec(location.hash);
  if (wanted && Number(wanted[1]) < store.size) {
    table.at = Number(wanted[1]);
    table.reveal();
    table.open(table.at);
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, dialog");
    if (event.key === "Escape" && !keys.open) {
      if (typing) event.target.blur();
      return panel.close();
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return undefined;
    const act = {
      "/": () => { event.preventDefault(); filter.search.focus(); },
      "?": () => keys.showModal(),
      t: turnTheme,
      c: () => panel.again({ abreast: !panel.abreast }),
      m: () => panel.again({ latex: !panel.latex }),
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
