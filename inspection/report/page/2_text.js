// Text that a model wrote, as nodes. It only ever becomes text nodes; nothing here reads markup.

// Control characters, what turns the direction of a line, what cannot be seen, and halves of pairs.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;

function element(name, options = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(options)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") made.className = value;
    else if (key === "click") made.addEventListener("click", value);
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  append(made, children);
  return made;
}

function append(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return parent;
}

const escaped = (char) => {
  const code = char.codePointAt(0);
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
};

// The same text on one line, for a table's cell.
function oneLine(text) {
  return String(text).replace(UNSEEN, escaped).replace(/\s+/g, " ");
}

// The same text as nodes, with escapes that differ from a backslash that was there before.
function visible(text) {
  const nodes = [];
  let end = 0;
  for (const found of text.replaceAll("\r\n", "\n").matchAll(UNSEEN)) {
    if (found.index > end) nodes.push(document.createTextNode(found.input.slice(end, found.index)));
    nodes.push(element("span", { class: "unseen", title: "a character that cannot be seen" }, escaped(found[0])));
    end = found.index + found[0].length;
  }
  const rest = text.replaceAll("\r\n", "\n").slice(end);
  if (rest) nodes.push(document.createTextNode(rest));
  return nodes;
}

const MATHML = "http://www.w3.org/1998/Math/MathML";
// What defines commands (which can grow without end), or sets links, classes, identifiers and colours, stays LaTeX.
const REFUSED = /\\(?:(?:re|provide)?newcommand|(?:re)?newenvironment|renewcommand|providecommand|[gex]?def|let|global|futurelet|DeclareMathOperator|href|url|class|style|id|data|cssId|html\w*|require|(?:text|def|page|f)?color(?:box)?|includegraphics|input|include)(?![A-Za-z])|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/u;
const NESTS = /[{([]|\\left|\\begin|\\[A-Za-z]+(?=\s*\\[A-Za-z])/g;
const LONGEST_FORMULA = 1000;
const MOST_NODES = 1500;
const DEEPEST = 60;
const MOST_DRAWN = 4000;
const drawn = new Map();

// A formula as MathML, drawn once and copied; null where it has none within the bounds.
function typeset(latex, display) {
  const key = `${display ? "d" : "i"}${latex}`;
  if (!drawn.has(key)) {
    if (drawn.size >= MOST_DRAWN) drawn.delete(drawn.keys().next().value);
    drawn.set(key, draw(latex, display));
  }
  const made = drawn.get(key);
  return made && made.cloneNode(true);
}

function draw(latex, display) {
  if (!latex || latex.length > LONGEST_FORMULA || REFUSED.test(latex) || (latex.match(NESTS) || []).length > DEEPEST) return null;
  const holder = document.createElement("span");
  try {
    temml.render(latex, holder, { displayMode: display, throwOnError: true, trust: false, maxExpand: 100, maxSize: [10, 100] });
  } catch {
    return null;
  }
  const made = holder.firstElementChild;
  const nodes = [...holder.querySelectorAll("*")];
  if (!made || nodes.length > MOST_NODES || nodes.some((node) => node.namespaceURI !== MATHML)) return null;
  for (const node of nodes) for (const name of ["href", "id"]) node.removeAttribute(name);
  return made;
}

function formula(latex, formulas, display) {
  const math = formulas ? typeset(latex.trim(), display) : null;
  return math && element("span", { class: display ? "formula display" : "formula", title: latex }, math);
}

const MATH = /\\\((?<round>[^]{1,1000}?)\\\)|\\\[(?<square>[^]{1,1000}?)\\\]|\$\$(?<display>[^$]{1,1000})\$\$|(?<env>\\begin\{(?<name>(?:align|gather|equation|multline)(?:ed)?\*?|cases|[bpvBV]?matrix|array)\}[^]{1,1000}?\\end\{\k<name>\})|(?<![\\$\d])\$(?<dollar>[^$\s](?:[^$\n]{0,298}[^$\s])?)\$(?![\d$])/gu;

// Formulas of a text that can be drawn: [start, end, node]. A dollar in code is no formula.
function formulasIn(text, formulas, marks) {
  const found = [];
  if (!formulas || !/\$|\\[([b]/.test(text)) return found;
  const code = marks.filter((mark) => mark[2] === "fence");
  let next = 0;
  for (const match of text.matchAll(MATH)) {
    while (next < code.length && code[next][1] <= match.index) next++;
    if (next < code.length && code[next][0] < match.index + match[0].length) continue;
    const { round, square, display, env, dollar } = match.groups;
    const node = formula(round ?? square ?? display ?? env ?? dollar, formulas, (square ?? display ?? env) !== undefined);
    if (!node) continue;
    // A full stop stays on the line of the formula that it ends.
    const end = match.index + match[0].length;
    const stop = /[.,;:!?)]/.test(text[end] ?? "") ? text[end] : "";
    found.push([match.index, end + stop.length, stop ? element("span", { class: "whole" }, node, stop) : node]);
    if (found.length >= 2000) break;
  }
  return found;
}

// A text with marks laid over it: each [start, end, class, title?]. Formulas are drawn whole.
function marked(text, marks, formulas) {
  const drawn = formulasIn(text, formulas, marks);
  const cuts = new Set([0, text.length]);
  for (const [start, end] of marks) {
    cuts.add(start);
    cuts.add(end);
  }
  for (const [start, end] of drawn) {
    cuts.add(start);
    cuts.add(end);
  }
  const sorted = [...cuts].filter((cut) => cut >= 0 && cut <= text.length).sort((a, b) => a - b);
  const opening = [...marks].sort((a, b) => a[0] - b[0]);
  const nodes = [];
  let active = [];
  let next = 0;
  let figure = 0;
  for (let i = 0; i + 1 < sorted.length; i++) {
    const start = sorted[i];
    while (next < opening.length && opening[next][0] <= start) active.push(opening[next++]);
    active = active.filter((mark) => mark[1] > start);
    while (figure < drawn.length && drawn[figure][1] <= start) figure++;
    const inside = figure < drawn.length && drawn[figure][0] <= start;
    if (inside && drawn[figure][0] < start) continue;
    const content = inside ? [drawn[figure][2]] : visible(text.slice(start, sorted[i + 1]));
    if (!active.length) nodes.push(...content);
    else {
      const title = active.map((mark) => mark[3]).filter(Boolean).join("; ");
      nodes.push(element("span", { class: active.map((mark) => mark[2]).join(" "), title: title || null }, content));
    }
  }
  return nodes;
}

const FIRST_SHOWN = 20000;
const MORE_SHOWN = 100000;

// A long text is shown from its beginning; the rest on demand, so that a megabyte does not hold up the page.
function longText(text, marks, formulas, options = {}) {
  const blocks = options.markdown && LOOKS_MARKED.test(text.slice(0, MORE_SHOWN));
  const box = element("div", { class: options.code ? "text code" : blocks ? "text md" : "text", tabindex: options.tabindex ?? null });
  const first = options.first ?? FIRST_SHOWN;
  const show = (from, most) => {
    let to = Math.min(text.length, from + most);
    // A block is not cut in two where a line ends near by.
    if (blocks && to < text.length) to = Math.max(text.lastIndexOf("\n", to) + 1, from + most / 2);
    if (to < text.length && text.charCodeAt(to) >= 0xdc00 && text.charCodeAt(to) < 0xe000) to++;
    const some = [];
    for (const [start, end, ...rest] of marks) if (end > from && start < to) some.push([Math.max(start, from) - from, Math.min(end, to) - from, ...rest]);
    append(box, blocks ? rendered(text.slice(from, to), some, formulas) : marked(text.slice(from, to), [...some, ...(options.tokens ? codeTokens(text.slice(from, to)) : [])], formulas));
    if (to < text.length) {
      const left = (text.length - to).toLocaleString("en");
      const more = element("button", { class: "more", type: "button", click: () => { more.remove(); show(to, MORE_SHOWN); } }, `Show more (${left} characters left)`);
      box.append(more);
    }
  };
  show(0, first);
  if (!text) box.append(element("span", { class: "soft" }, "(empty)"));
  return box;
}
