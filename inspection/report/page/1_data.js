// What the page carries, unpacked when it is needed. Blocks are base64 of gzipped JSON in inert script elements.

const KEPT_BLOCKS = 24;

function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

async function unpack(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page holds no block ${id}`);
  const bytes = fromBase64(element.textContent.trim());
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

// Numbers that JavaScript would round, such as a reference of thirty digits, keep their text.
function exact(_, value, context) {
  if (typeof value !== "number" || !context || context.source === undefined) return value;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? context.source : value;
}

// The same for a row that is saved: every number as it was written.
function verbatim(_, value, context) {
  return typeof value === "number" && context && context.source !== undefined && JSON.rawJSON ? JSON.rawJSON(context.source) : value;
}

class Store {
  constructor(index) {
    this.index = index;
    this.size = index.size;
    this.columns = index.columns;
    this.verifiers = Object.keys(index.verdicts);
    this.blocks = new Map();
  }

  block(number) {
    let found = this.blocks.get(number);
    if (!found) {
      found = ready().then(() => unpack(`rows-${number}`)).then((text) => JSON.parse(text, exact));
      found.catch(() => this.blocks.delete(number));
    }
    this.blocks.delete(number);
    this.blocks.set(number, found);
    if (this.blocks.size > KEPT_BLOCKS) this.blocks.delete(this.blocks.keys().next().value);
    return found;
  }

  blockOf(row) {
    const first = this.index.blocks;
    let low = 0;
    let high = first.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (first[middle] <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  // Responses to the problem of an entry, around it where there are many.
  siblings(entry, most) {
    const { problem } = this.columns;
    const all = [];
    for (let e = 0; e < this.size; e++) if (problem[e] === problem[entry]) all.push(e);
    const at = Math.max(0, Math.min(all.indexOf(entry) - most / 2, all.length - most));
    return { some: all.slice(at, at + most), count: all.length };
  }

  // Which field tells systems apart on a page that compares them.
  system() {
    const named = this.index.fields.find((one) => one.name === (this.index.system ?? this.index.group));
    return named && new Field(named);
  }

  part(entry) {
    return this.columns.part ? this.columns.part[entry] : 0;
  }

  // The row of an entry as it stands in the file, with which of its responses is meant.
  async row(entry) {
    const number = this.columns.row[entry];
    const block = this.blockOf(number);
    const rows = await this.block(block);
    return view(rows[number - this.index.blocks[block]], this.part(entry));
  }

  status(entry) {
    if (this.index.errors[entry] !== undefined) return "error";
    const correct = this.columns.correct[entry];
    if (correct === 1) return "right";
    if (correct === 0) return "wrong";
    for (const name of this.verifiers) {
      const verdicts = this.index.verdicts[name];
      if (verdicts.reason[entry] >= 0 && verdicts.score[entry] === null && this.reason(name, entry) !== "not_applicable") return "error";
    }
    return "open";
  }

  reason(name, entry) {
    const number = this.index.verdicts[name].reason[entry];
    return number < 0 ? "" : this.index.reasons[number];
  }
}

const FIELDS = ["response", "responses", "prompt", "reference", "tests", "limits", "kind", "language", "problem", "id"];

// A row by what its fields mean, whatever they are called.
function view(fields, part) {
  const of = (name) => fields[name];
  const several = of("response") == null && Array.isArray(of("responses"));
  const taken = new Set(["reward", "rewards", "verdicts", "error"]);
  for (const name of FIELDS) taken.add(name);
  const verdicts = several ? (fields.verdicts || [])[part] : fields.verdicts;
  return {
    fields,
    part: several ? part : null,
    response: several ? of("responses")[part] : of("response"),
    prompt: of("prompt"),
    references: [].concat(of("reference") ?? []).map(String),
    reward: several ? (fields.rewards || [])[part] : fields.reward,
    verdicts: verdicts && typeof verdicts === "object" ? verdicts : {},
    tests: Array.isArray(of("tests")) ? of("tests") : [],
    error: fields.error,
    rest: Object.entries(fields).filter(([name]) => !taken.has(name)),
  };
}

// Blocks may still be on their way from the disk.
function ready() {
  if (document.readyState !== "loading") return Promise.resolve();
  return new Promise((resolve) => document.addEventListener("DOMContentLoaded", () => resolve(), { once: true }));
}
