// A row of code: the program, its tests, and what came of each.

const LOOKS_LIKE_CODE = /^[ \t]*(?:def \w+\(|class \w+|from [\w.]+ import |#include\b|public class |function \w+\()/m;
const MOST_TESTS = 300;

const OUTCOMES = {
  AC: ["good", "passed"], WA: ["bad", "wrong"], TLE: ["bad", "too slow"], MLE: ["bad", "too much memory"], OLE: ["bad", "too much output"],
  RE: ["bad", "error"], CE: ["bad", "does not compile"], SKIPPED: ["none", "not run"], INFRA: ["warn", "could not be run"],
};

const codeMarks = (text) => quotedIn(text).map(([start, end]) => [start, end, "fence"]);

function program([, verdict], given) {
  const evidence = verdict.evidence;
  const source = typeof verdict.answer === "string" ? verdict.answer : null;
  const weak = evidence.trust === "weak" ? [" ", element("span", { class: "pill warn", title: "test code ran in the program's own process, which a program can cheat" }, "weak trust")] : null;
  const where = [evidence.language, evidence.backend].filter((one) => typeof one === "string").map(oneLine).join(", ");
  const lines = source === null ? 0 : source.trimEnd().split("\n").length;
  return element("section", {}, element("h3", {}, "Program against tests ", element("span", { class: "soft" }, where), weak),
    element("p", { class: "decided" }, visible(String(verdict.detail ?? ""))),
    testTable(evidence.tests, given),
    source === null ? null : element("details", { class: "program", open: lines <= 60 },
      element("summary", {}, "The program that was run ", element("span", { class: "soft" }, `${lines.toLocaleString("en")} line${lines === 1 ? "" : "s"}`)),
      longText(source, [], null, { code: true, first: 8000, tokens: true })));
}

function testTable(found, given) {
  const passed = found.filter((test) => test && test.outcome === "AC").length;
  // One test of the row may have come to several, as the asserts of HumanEval's `check` do.
  const asked = given.length === found.length ? given : [];
  const rows = [];
  for (let i = 0; i < Math.min(found.length, MOST_TESTS); i++) {
    let last = i;
    while (found[last + 1] && found[i] && found[i].outcome === "SKIPPED" && found[last + 1].outcome === "SKIPPED") last++;
    rows.push(last > i ? skipped(i, last, found[i]) : testRow(i, found[i] || {}, asked[i]));
    i = last;
  }
  if (found.length > MOST_TESTS) rows.push(element("tr", {}, element("td", { colspan: 5, class: "soft" }, `the first ${MOST_TESTS} of ${found.length} tests; all are in the row as JSON`)));
  const heads = [["#", "number"], ["Outcome", ""], ["Test", ""], ["Time", "number use"], ["Memory", "number use"]];
  return element("table", { class: "tests" }, element("caption", { class: "hide" }, `${passed} of ${found.length} tests passed`),
    element("thead", {}, element("tr", {}, heads.map(([name, kind]) => element("th", { scope: "col", class: kind || null }, name)))), element("tbody", {}, rows));
}

const outcome = (test) => {
  const [tone, said] = (Object.hasOwn(OUTCOMES, test.outcome) && OUTCOMES[test.outcome]) || ["warn", "unknown"];
  return element("span", { class: `pill ${tone}`, title: said }, `${oneLine(test.outcome)} ${said}`);
};

const skipped = (from, to, test) => element("tr", {}, element("td", { class: "number" }, `${from + 1}–${to + 1}`), element("td", {}, outcome(test)),
  element("td", { class: "soft" }, visible(String(test.detail ?? ""))), element("td", { class: "number use" }, "–"), element("td", { class: "number use" }, "–"));

function testRow(i, test, given) {
  const ran = test.outcome !== "SKIPPED";
  const used = (value, shown) => element("td", { class: "number use" }, ran && typeof value === "number" ? shown(value) : "–");
  return element("tr", {}, element("td", { class: "number" }, i + 1), element("td", {}, outcome(test)),
    element("td", {}, asking(test, given)),
    used(test.seconds, (s) => `${s.toFixed(2)} s`), used(test.memory_mb, (mb) => `${mb.toFixed(0)} MB`));
}

// What a test asked, on one line; the whole of it and what the program wrote are folded behind.
function asking(test, given) {
  const parts = partsOf(given);
  const short = oneLine(parts.length ? parts[0][1] : "").slice(0, 120);
  for (const stream of ["stdout", "stderr"]) if (typeof test[stream] === "string" && test[stream]) parts.push([stream, test[stream]]);
  const detail = typeof test.detail === "string" && test.detail ? element("div", { class: "detail" }, visible(test.detail)) : null;
  if (!parts.length) return detail ?? element("span", { class: "soft" }, "–");
  const folded = element("details", {}, element("summary", { class: "mono" }, visible(short || parts.map(([name]) => name).join(", "))));
  const fill = () => folded.childElementCount < 2 && append(folded, parts.map(([name, text]) => [element("div", { class: "role" }, name), longText(text, [], null, { code: true, first: 2000 })]));
  folded.addEventListener("toggle", fill, { once: true });
  return [folded, detail];
}

function partsOf(given) {
  if (typeof given === "string") return [["test", given]];
  if (!given || typeof given !== "object") return [];
  const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));
  const parts = [];
  if (given.entry !== undefined) parts.push(["call", `${text(given.entry)}${text(given.args ?? "()").replace(/,\s*\)$/, ")")}`]);
  for (const [name, label] of [["input", "input"], ["code", "test"], ["output", "expected output"], ["expected", "expected"]]) if (given[name] !== undefined) parts.push([label, text(given[name])]);
  return parts;
}
