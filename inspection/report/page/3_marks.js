// Where in a response its languages and the faults of its form stand.

const SHADES = 6;

// Spans count code points, as Python does; strings here count half pairs.
function halves(text) {
  if (!/[\ud800-\udbff]/.test(text)) return (at) => at;
  const wide = [];
  for (let i = 0, point = 0; i < text.length; i++, point++) {
    if (text.codePointAt(i) > 0xffff) {
      wide.push(point);
      i++;
    }
  }
  return (at) => {
    let low = 0;
    let high = wide.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (wide[middle] < at) low = middle + 1;
      else high = middle;
    }
    return at + low;
  };
}

function shadesOf(evidence) {
  const counts = evidence && typeof evidence.counts === "object" ? evidence.counts : {};
  const others = Object.keys(counts).filter((code) => code !== evidence.target).sort((a, b) => counts[b] - counts[a]);
  const shades = new Map([[evidence.target, 0]]);
  others.forEach((code, i) => shades.set(code, 1 + (i % (SHADES - 1))));
  return { shades, counts, others };
}

function languageMarks(text, evidence) {
  if (!evidence || !Array.isArray(evidence.spans)) return [];
  const at = halves(text);
  const { shades } = shadesOf(evidence);
  const marks = [];
  for (const span of evidence.spans) {
    if (!Array.isArray(span) || !Number.isInteger(span[0]) || !Number.isInteger(span[1])) continue;
    marks.push([at(span[0]), at(span[1]), `mark l${shades.get(span[2]) ?? SHADES - 1}`, `language ${span[2]}`]);
  }
  return marks;
}

function languageKey(evidence) {
  const { shades, counts, others } = shadesOf(evidence);
  const all = Object.values(counts).reduce((a, b) => a + b, 0) || 1;
  const codes = [evidence.target, ...others].filter((code) => counts[code]);
  return element("div", { class: "langs" },
    codes.map((code) => [element("span", {}, element("b", { class: `l${shades.get(code)}` }, oneLine(code)), ` ${counts[code]} ${evidence.unit ?? "word"}${counts[code] === 1 ? "" : "s"}, ${percent(counts[code] / all)}`)]),
    element("span", {}, `target ${oneLine(evidence.target ?? "unknown")}`));
}

const FENCE = /^ {0,3}(`{3,}|~{3,})([^\n]*)$/gm;
const INLINE = /(?<!`)(`+)(?!`)[^\n]{0,254}?(?<!`)\1(?!`)/g;
const TAG = /<(\/?)(think|answer)>/g;

// Closed fences of code, as the verifiers see them: one that is never closed hides nothing.
function fencesOf(text) {
  const fences = [];
  if (!text.includes("```") && !text.includes("~~~")) return fences;
  let opened = null;
  for (const line of text.matchAll(FENCE)) {
    const [, mark, rest] = line;
    const said = rest.trim();
    if (said.includes("`") && mark[0] === "`") continue;
    if (opened === null || (said && mark[0] === opened.mark[0] && mark.length >= opened.mark.length)) opened = { mark, start: line.index };
    else if (mark[0] === opened.mark[0] && mark.length >= opened.mark.length) {
      fences.push([opened.start, line.index + line[0].length]);
      opened = null;
    }
    if (fences.length >= 2000) break;
  }
  return fences;
}

// All code of a text, in fences and in lines, in order.
function quotedIn(text) {
  const fences = fencesOf(text);
  if (!text.includes("`")) return fences;
  const quoted = [...fences];
  let next = 0;
  for (const code of text.matchAll(INLINE)) {
    while (next < fences.length && fences[next][1] <= code.index) next++;
    if (next === fences.length || code.index < fences[next][0]) quoted.push([code.index, code.index + code[0].length]);
    if (quoted.length >= 4000) break;
  }
  return quoted.sort((a, b) => a[0] - b[0]);
}

// The tags of a response, with what is wrong with each: what the format verifier calls a violation.
function tagsOf(text, prefilled) {
  const quoted = quotedIn(text);
  const tags = [];
  const opened = [];
  const seen = { think: prefilled ? 1 : 0, answer: 0 };
  if (prefilled) opened.push({ name: "think", end: 0, faults: [] });
  let part = 0;
  for (const match of text.matchAll(TAG)) {
    if (tags.length >= 2000) break;
    while (part < quoted.length && quoted[part][1] <= match.index) part++;
    if (part < quoted.length && quoted[part][0] <= match.index) continue;
    const tag = { name: match[2], closing: match[1] === "/", start: match.index, end: match.index + match[0].length, faults: [] };
    tags.push(tag);
    if (!tag.closing) {
      if (opened.length) tag.faults.push("nested");
      if (tag.name === "answer" && opened.some((other) => other.name === "think")) tag.faults.push("answer_in_think");
      if (seen[tag.name]++) tag.faults.push(`duplicate_${tag.name}`);
      if (tag.name === "think" && seen.answer) tag.faults.push("wrong_order");
      opened.push(tag);
      continue;
    }
    let from = opened.length - 1;
    while (from >= 0 && opened[from].name !== tag.name) from--;
    if (from < 0) {
      tag.faults.push(`unopened_${tag.name}`);
      continue;
    }
    const opener = opened.splice(from, 1)[0];
    tag.opener = opener;
    opener.closer = tag;
    if (!text.slice(opener.end, tag.start).trim()) for (const end of [opener, tag]) end.faults.push(`empty_${tag.name}`);
  }
  for (const tag of opened) tag.faults.push(`unclosed_${tag.name}`);
  return tags;
}

// What is broken, at the places that the verdict names; those of a file scored before it did are found here.
function formatMarks(text, tags, evidence, prefilled) {
  const violations = Array.isArray(evidence.violations) ? evidence.violations : [];
  if (!Array.isArray(evidence.places)) return guessedMarks(text, tags, violations, prefilled);
  const at = halves(text);
  const marks = tags.map((tag) => [tag.start, tag.end, "t"]);
  for (const place of evidence.places.slice(0, 200)) {
    if (!Array.isArray(place) || !Number.isInteger(place[0]) || !Number.isInteger(place[1])) continue;
    const [start, end] = [at(place[0]), at(place[1])];
    // Where there is no tag at all everything is outside, which the words above say already.
    if (end - start >= text.trim().length && place[2] === "text_outside") continue;
    marks.push([start, end, /^<[^<>]*>$/.test(text.slice(start, end)) ? "t wrongly" : "outside", words(oneLine(place[2]))]);
  }
  return marks;
}

function guessedMarks(text, tags, violations, prefilled) {
  const broken = new Set(violations);
  const marks = [];
  let depth = prefilled ? 1 : 0;
  let from = 0;
  const outside = (to) => {
    if (depth === 0 && tags.length && broken.has("text_outside") && text.slice(from, to).trim()) marks.push([from, to, "outside", "text outside"]);
  };
  for (const tag of tags) {
    const faults = tag.faults.filter((fault) => broken.has(fault));
    marks.push([tag.start, tag.end, faults.length ? "t wrongly" : "t", faults.join(", ").replaceAll("_", " ")]);
    outside(tag.start);
    from = tag.end;
    if (!tag.closing) depth++;
    else if (tag.opener || depth) depth = Math.max(0, depth - 1);
  }
  outside(text.length);
  return marks;
}

// Where the thinking ends: text.slice(0, at) is the chain of thought. 0 where there is none.
function thoughtEnd(tags, prefilled, text) {
  const thinks = tags.filter((tag) => tag.name === "think");
  if (!thinks.length) return prefilled ? text.length : 0;
  const last = thinks[thinks.length - 1];
  return last.closing ? last.end : text.length;
}
