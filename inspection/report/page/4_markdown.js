// Markdown and code as a reader expects them: the text itself in blocks, with its marks kept, its signs hidden. No markup
// is made of what a model wrote: HTML stays text, a link is its words with the address beside them, a picture is named.

const BLOCK = /^(?<head> {0,3}#{1,6}[ \t]+)|^(?<item>[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+)|^(?<quote> {0,3}>[ \t]?)|^(?<rule> {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$)/;
const TABLE_RULE = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?[ \t]*$/;
const STYLED = /(?<bold>\*\*|__)(?=\S)[^\n]{1,600}?(?<=\S)\k<bold>|(?<!\w)(?<lean>[*_])(?=[^\s*_])[^\n*_]{1,600}?(?<=[^\s*_])\k<lean>(?!\w)|~~(?=\S)[^\n~]{1,600}~~|(?<picture>!?)\[(?<words>[^\]\n]{0,300})\]\((?<target>[^)\s]{0,600})(?:[ \t]+"[^"\n]{0,200}")?\)/gu;
const LOOKS_MARKED = /^ {0,3}#{1,6}[ \t]|^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\S|\*\*\S|^ {0,3}(?:```|~~~)|^ {0,3}>[ \t]|\]\(|^ {0,3}\|?[ \t]*:?-{3,}:?[ \t]*\|/m;
const MOST_BLOCKS = 4000;
const TOKENS = /(?<comment>#[^\n]*|\/\/[^\n]*|\/\*[^]*?\*\/)|(?<string>"""[^]*?"""|'''[^]*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|(?<number>\b\d[\w.]*)|(?<word>[A-Za-z_]\w*)/g;
const KEYWORDS = new Set(("and as assert async await auto bool break case catch char class const continue def default del delete do double elif else enum except export extends false "
  + "False final finally float fn for from func function global go if impl import in include int interface is lambda let long match mod mut namespace new nil None nonlocal not null or package pass "
  + "private protected pub public raise return self short sizeof static string struct super switch template this throw true True try type typedef typeof union unsigned use using var virtual void where while with yield").split(" "));

// Marks of a program: [start, end, class] from `from` on.
function codeTokens(text, from = 0) {
  const marks = [];
  if (text.length > 60000) return marks;
  for (const match of text.matchAll(TOKENS)) {
    const { comment, string, number: figure, word } = match.groups;
    const name = comment !== undefined ? "tok-c" : string !== undefined ? "tok-s" : figure !== undefined ? "tok-n" : KEYWORDS.has(word) ? "tok-k" : null;
    if (name) marks.push([from + match.index, from + match.index + match[0].length, name]);
    if (marks.length >= 20000) break;
  }
  return marks;
}

const within = (ranges, at) => {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle][1] <= at) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && ranges[low][0] <= at ? ranges[low] : null;
};

// The blocks of a text, which cover all of it but blank lines: { kind, from, to, hide, level }.
function blocksOf(text) {
  const fences = fencesOf(text);
  const formulas = [];
  for (const match of text.matchAll(MATH)) if (match[0].includes("\n")) formulas.push([match.index + 1, match.index + match[0].length]);
  const blocks = [];
  let paragraph = null;
  let at = 0;
  const end = (to) => {
    while (paragraph !== null && to > paragraph + 1 && text[to - 1] === "\n") to--;
    if (paragraph !== null) blocks.push({ kind: "p", from: paragraph, to });
    paragraph = null;
  };
  while (at < text.length && blocks.length < MOST_BLOCKS) {
    const newline = text.indexOf("\n", at);
    const stop = newline < 0 ? text.length : newline;
    const line = text.slice(at, stop);
    const fence = within(fences, at);
    const sign = within(formulas, at) || line.length > 2000 ? null : BLOCK.exec(line);
    if (fence && fence[0] === at) {
      end(at);
      blocks.push({ kind: "code", from: at, to: fence[1] });
      at = fence[1] + 1;
      continue;
    }
    const next = text.slice(stop + 1, (text.indexOf("\n", stop + 1) + 1 || text.length + 1) - 1);
    if (!line.trim() && !within(formulas, at)) end(at);
    else if (!within(formulas, at) && line.includes("|") && newline >= 0 && next.length < 2000 && TABLE_RULE.test(next)) {
      end(at);
      let last = stop + 1 + next.length;
      while (last < text.length) {
        const close = (text.indexOf("\n", last + 1) + 1 || text.length + 1) - 1;
        if (!text.slice(last + 1, close).includes("|")) break;
        last = close;
      }
      blocks.push({ kind: "table", from: at, to: last, rule: [stop + 1, stop + 1 + next.length] });
      at = last + 1;
      continue;
    } else if (sign && (sign.groups.head || sign.groups.quote || sign.groups.rule || sign.groups.item)) {
      const { head, item, quote, rule } = sign.groups;
      end(at);
      if (rule) blocks.push({ kind: "rule", from: at, to: stop });
      else if (head) blocks.push({ kind: "h", from: at, to: stop, hide: head.length, level: Math.min(6, head.trim().length) });
      else if (quote) blocks.push({ kind: "quote", from: at, to: stop, hide: quote.length });
      else blocks.push({ kind: "li", from: at, to: stop, level: Math.min(6, Math.floor(item.search(/\S/) / 2)) });
      // A formula that begins on this line belongs to it.
      const whole = within(formulas, stop);
      if (whole && !rule) {
        blocks.at(-1).to = whole[1];
        at = whole[1] + 1;
        continue;
      }
    } else if (paragraph === null) paragraph = at;
    at = stop + 1;
  }
  if (at < text.length) end(at);
  end(Math.min(at, text.length));
  if (at < text.length) blocks.push({ kind: "p", from: at, to: text.length });
  return blocks;
}

// Bold, leaning and struck words, links and pictures, as marks; their signs are hidden. Code and formulas have none.
function inlineMarks(text) {
  const marks = [];
  const quoted = quotedIn(text);
  const formulas = [...text.matchAll(MATH)].map((match) => [match.index, match.index + match[0].length]);
  const hide = (from, to) => marks.push([from, to, "md-hide"]);
  for (const match of text.matchAll(STYLED)) {
    const from = match.index;
    const to = from + match[0].length;
    if (within(quoted, from) || within(formulas, from) || marks.length >= 8000) continue;
    const { bold, lean, picture, words: said, target } = match.groups;
    if (target !== undefined) {
      hide(from, from + picture.length + 1);
      marks.push([from + picture.length + 1, from + picture.length + 1 + said.length, picture ? "md-picture" : "md-link"]);
      const open = from + picture.length + 1 + said.length;
      hide(open, open + 1);
      marks.push([open + 1, to, "md-target"]);
      continue;
    }
    const size = bold ? 2 : lean ? 1 : 2;
    hide(from, from + size);
    marks.push([from + size, to - size, bold ? "md-bold" : lean ? "md-lean" : "md-struck"]);
    hide(to - size, to);
  }
  return marks;
}

const clipped = (marks, from, to) => marks.filter(([a, b]) => b > from && a < to).map(([a, b, ...rest]) => [Math.max(a, from) - from, Math.min(b, to) - from, ...rest]);

// A text as blocks of nodes, with the marks that the verifiers' evidence gives.
function rendered(text, marks, formulas) {
  const all = [...marks, ...inlineMarks(text)];
  const part = (from, to, more = []) => marked(text.slice(from, to), [...clipped(all, from, to), ...clipped(more, from, to)], formulas);
  return blocksOf(text).map((block) => {
    const { kind, from, to, hide, level } = block;
    if (kind === "rule") return element("div", { class: "md-rule" }, element("span", { class: "md-hide" }, text.slice(from, to)));
    if (kind === "code") return fenced(text, from, to, marks);
    if (kind === "table") return tabled(text, block, part);
    const name = { p: "md-p", h: `md-h md-h${level}`, li: `md-li md-in${level}`, quote: "md-quote" }[kind];
    return element("div", { class: name, role: kind === "h" ? "heading" : null, "aria-level": kind === "h" ? String(Math.min(6, level + 3)) : null }, part(from, to, hide ? [[from, from + hide, "md-hide"]] : []));
  });
}

function fenced(text, from, to, marks) {
  const open = text.indexOf("\n", from);
  const last = Math.max(open, text.lastIndexOf("\n", to - 1));
  const language = text.slice(from, open).replace(/^[\s`~]+/, "").trim().split(/\s/)[0].slice(0, 30);
  const own = clipped(marks, open + 1, last).filter((mark) => mark[2] !== "fence");
  const code = open + 1 < last ? text.slice(open + 1, last) : "";
  return element("div", { class: "md-code" }, language ? element("div", { class: "md-language" }, oneLine(language)) : null, element("div", { class: "md-lines" }, marked(code, [...own, ...codeTokens(code)], null)));
}

function tabled(text, block, part) {
  const cellsOf = (from, to) => {
    const cells = [];
    let start = from;
    for (let i = from; i <= to; i++) {
      if (i < to && (text[i] !== "|" || text[i - 1] === "\\")) continue;
      cells.push([start, i]);
      start = i + 1;
    }
    const empty = ([a, b]) => !text.slice(a, b).trim();
    if (cells.length && empty(cells[0])) cells.shift();
    if (cells.length && empty(cells.at(-1))) cells.pop();
    return cells.slice(0, 40);
  };
  const rows = [];
  let at = block.rule[1] + 1;
  while (at < block.to && rows.length < 500) {
    const stop = Math.min(block.to, (text.indexOf("\n", at) + 1 || block.to + 1) - 1);
    rows.push(cellsOf(at, stop));
    at = stop + 1;
  }
  const line = (cells, name) => element("tr", {}, cells.map(([a, b]) => element(name, { scope: name === "th" ? "col" : null }, part(a, b))));
  return element("div", { class: "md-table", tabindex: 0, role: "group", "aria-label": "Table" }, element("table", {}, element("thead", {}, line(cellsOf(block.from, block.rule[0] - 1), "th")), element("tbody", {}, rows.map((cells) => line(cells, "td")))));
}
