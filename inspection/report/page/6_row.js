// The row that is open: prompt, answer against reference, chain of thought, verdicts, and its siblings.

const MOST_ABREAST = 64;

class Panel {
  constructor(store, { closed, go, marks, address }) {
    this.store = store;
    this.closed = closed;
    this.go = go;
    this.marks = marks;
    this.address = address;
    this.element = document.getElementById("panel");
    this.latex = false;
    this.source = false;
    this.abreast = false;
    this.turn = 0;
  }

  get isOpen() {
    return !this.element.hidden;
  }

  async open(entry, place, count) {
    const turn = ++this.turn;
    this.address.write({ row: entry }, !this.isOpen && this.address.now.get("row") !== String(entry));
    this.entry = entry;
    this.place = place;
    this.size = count;
    document.getElementById("work").classList.add("open");
    this.element.hidden = false;
    let inside;
    try {
      const formulas = !this.latex;
      inside = this.abreast ? await this.siblings(entry, formulas) : this.contents(await this.store.row(entry), formulas);
    } catch (error) {
      inside = [element("p", {}, `This row cannot be shown: ${error.message}`)];
    }
    if (turn !== this.turn || !this.isOpen) return;
    this.element.replaceChildren(this.head(), element("div", { class: "inside" }, inside));
    this.element.scrollTop = 0;
  }

  // Leaves the row as Back does, so that Back does not open it again.
  close() {
    if (!this.isOpen) return;
    if (history.state && history.state.opened) return history.back();
    this.hide();
  }

  hide() {
    this.address.write({ row: null });
    if (!this.isOpen) return;
    this.turn++;
    this.element.hidden = true;
    this.element.replaceChildren();
    document.getElementById("work").classList.remove("open");
    this.closed();
  }

  again(change) {
    Object.assign(this, change);
    if (this.isOpen) this.open(this.entry, this.place, this.size);
  }

  head() {
    const button = (label, long, title, click, pressed) => element("button", { type: "button", title, "aria-label": title, "aria-pressed": pressed === undefined ? null : String(pressed), click }, label, element("span", { class: "long" }, long));
    return element("header", {},
      element("h2", {}, oneLine(this.store.columns.id[this.entry]), " ", element("span", { class: "soft" }, `${(this.place + 1).toLocaleString("en")} of ${this.size.toLocaleString("en")}`)),
      element("div", { class: "acts" },
        button("↑", "", "Row before (k)", () => this.go(-1)),
        button("↓", "", "Next row (j)", () => this.go(1)),
        button("‖", " Side by side", "All responses to this problem, side by side (c)", () => this.again({ abreast: !this.abreast }), this.abreast),
        button("∑", " LaTeX", "Formulas as LaTeX (m)", () => this.again({ latex: !this.latex }), this.latex),
        button("¶", " Source", "Source: Markdown as it was written (s)", () => this.again({ source: !this.source }), this.source),
        button("Copy", "", "Copy the row as JSON", (event) => this.copy(event.currentTarget)),
        button("✕", "", "Close (Esc)", () => this.close())));
  }

  async copy(button) {
    const text = JSON.stringify((await this.store.row(this.entry)).fields, null, 2);
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // A page from disk may not have the clipboard; a selection can always be copied.
      const area = element("textarea", { class: "hide", "aria-hidden": "true" });
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 900);
  }

  mark(name) {
    if (!this.isOpen || !this.marks) return;
    this.marks.set(this.entry, { mark: name });
    this.again({});
  }

  contents(row, formulas) {
    const named = Object.entries(row.verdicts).filter(([, verdict]) => verdict && typeof verdict === "object");
    const made = [element("section", { class: "strip" },
      element("span", { class: "total", title: "total reward" }, row.reward === null || row.reward === undefined ? "no reward" : `reward ${number(row.reward)}`),
      named.filter(([, verdict]) => verdict.reason !== "not_applicable").map(([name, verdict]) => element("span", { class: `pill ${toneOf(verdict.reason)}` },
        `${oneLine(name)}: ${verdict.reason === "measured" && typeof verdict.score === "number" ? number(verdict.score) : oneLine(words(verdict.reason))}`)))];
    if (this.marks) made.push(this.marks.element(this.entry, () => this.again({})));
    if (row.error) made.push(this.failed(row));
    const decided = named.find(([, verdict]) => verdict.evidence && verdict.evidence.rule) || named.find(([, verdict]) => typeof verdict.answer === "string");
    const code = named.find(([, verdict]) => verdict.evidence && Array.isArray(verdict.evidence.tests));
    if (code) made.push(program(code, row.tests));
    // What a model measured has no reference to stand against: the response and the verdict say it all.
    const judged = decided && decided !== code && decided[1].reason !== "measured";
    if (judged || (row.references.length && !code)) made.push(this.answer(row, decided, formulas));
    made.push(...this.prompt(row.prompt, formulas));
    if (typeof row.response === "string") made.push(...this.response(row, formulas));
    if (named.length) made.push(element("section", {}, element("h3", {}, "Verdicts"), named.map(([name, verdict]) => this.verdict(name, verdict))));
    if (row.rest.length) made.push(element("section", {}, element("h3", {}, "Other fields"), facts(row.rest)));
    const raw = element("details", {}, element("summary", {}, "Row as JSON"));
    raw.addEventListener("toggle", () => raw.childElementCount < 2 && raw.append(longText(JSON.stringify(row.fields, null, 2), [], null)), { once: true });
    made.push(raw);
    return made;
  }

  failed(row) {
    const text = typeof row.fields.text === "string" ? longText(row.fields.text, [], null) : null;
    return element("section", {}, element("h3", {}, "This row could not be read"), facts(Object.entries(row.error)), text);
  }

  answer(row, decided, formulas) {
    const verdict = decided ? decided[1] : null;
    const right = verdict && verdict.reason === "correct";
    const side = (name, texts, tone) => element("div", { class: `side ${tone}` }, element("div", { class: "name" }, name), texts.map((text) => element("div", { class: "what" }, value(text, formulas))));
    const evidence = (verdict && verdict.evidence) || {};
    const forms = Array.isArray(evidence.normal_forms) ? evidence.normal_forms : [];
    const rule = verdict && element("p", { class: "rule" },
      "Decided by ", element("b", {}, oneLine(decided[0])), verdict.detail ? [": ", visible(String(verdict.detail))] : null,
      evidence.rule ? [" (rule ", element("code", {}, oneLine(evidence.rule)), ")"] : null,
      forms.length === 2 ? [". Normal forms ", element("code", {}, oneLine(forms[0])), right ? " and " : " against ", element("code", {}, oneLine(forms[1]))] : null);
    const found = verdict && typeof verdict.answer === "string" ? [verdict.answer] : [];
    return element("section", {}, element("h3", {}, "Answer against reference"),
      element("div", { class: "sides" },
        side("answer", found.length ? found : [null], verdict ? (right ? "good" : verdict.score === 0 ? "bad" : "") : ""),
        side(row.references.length > 1 ? "references, any of" : "reference", row.references.length ? row.references.slice(0, 10) : [null], "")),
      rule);
  }

  prompt(prompt, formulas) {
    if (prompt === undefined || prompt === null || prompt === "") return [];
    const turns = Array.isArray(prompt) ? prompt : [{ role: null, content: prompt }];
    return [element("section", {}, element("h3", {}, "Prompt"), turns.slice(0, 50).map((turn) => {
      const content = turn && turn.content;
      const text = typeof content === "string" ? content : JSON.stringify(content ?? turn);
      const options = { first: 4000, markdown: !this.source, code: LOOKS_LIKE_CODE.test(text) && !text.includes("```") };
      return [turn && turn.role ? element("div", { class: "role" }, oneLine(turn.role)) : null, longText(text, codeMarks(text), options.code ? null : formulas, options)];
    }))];
  }

  response(row, formulas) {
    const text = row.response;
    const said = typeof row.prompt === "string" ? row.prompt : Array.isArray(row.prompt) ? String((row.prompt[row.prompt.length - 1] || {}).content ?? "") : "";
    const prefilled = said.trimEnd().endsWith("<think>");
    const byName = (name) => (row.verdicts[name] && row.verdicts[name].evidence) || null;
    const language = byName("language");
    const form = byName("format") || {};
    const violations = Array.isArray(form.violations) ? form.violations : [];
    const tags = tagsOf(text, prefilled);
    const marks = [...codeMarks(text), ...languageMarks(text, language), ...formatMarks(text, tags, form, prefilled)];
    const key = language && language.counts ? languageKey(language) : null;
    const broken = violations.length ? element("p", { class: "strip" }, violations.map((name) => element("span", { class: "pill bad" }, oneLine(words(name))))) : null;
    const cut = violations.includes("truncated") ? element("span", { class: "cut" }, "cut off here") : null;
    const end = thoughtEnd(tags, prefilled, text);
    const clip = (from, to) => marks.filter(([a, b]) => b > from && a < to).map(([a, b, ...rest]) => [Math.max(a, from) - from, Math.min(b, to) - from, ...rest]);
    const size = (n) => `${n.toLocaleString("en")} characters`;
    if (!end) return [element("section", {}, element("h3", {}, "Response ", element("span", { class: "soft" }, size(text.length))), key, broken, longText(text, marks, formulas, { markdown: !this.source }), cut)];
    const thought = element("details", { class: "thought", open: this.unfolded || !text.slice(end).trim() },
      element("summary", {}, "Chain of thought ", element("span", { class: "soft" }, size(end))));
    const fill = () => thought.childElementCount < 2 && append(thought, [key, longText(text.slice(0, end), clip(0, end), formulas, { markdown: !this.source })]);
    if (thought.open) fill();
    thought.addEventListener("toggle", () => {
      this.unfolded = thought.open;
      fill();
    });
    const rest = text.slice(end);
    return [element("section", {}, broken, thought), rest.trim() ? element("section", {}, element("h3", {}, "What follows ", element("span", { class: "soft" }, size(rest.length))), longText(rest, clip(end, text.length), formulas, { markdown: !this.source }), cut) : cut];
  }

  verdict(name, verdict) {
    const evidence = verdict.evidence && typeof verdict.evidence === "object" ? verdict.evidence : {};
    const shown = Object.entries(evidence).filter(([key]) => !["tests", "spans", "places"].includes(key));
    const parts = verdict.parts ? Object.entries(verdict.parts).map(([key, part]) => [`part ${key}`, number(part)]) : [];
    const took = typeof verdict.seconds === "number" ? `${(verdict.seconds * 1000).toLocaleString("en", { maximumFractionDigits: verdict.seconds < 0.01 ? 2 : 0 })} ms` : "";
    return element("div", { class: "found" },
      element("h4", {}, oneLine(name), element("span", { class: `pill ${toneOf(verdict.reason)}` }, oneLine(words(verdict.reason))),
        verdict.score === null || verdict.score === undefined ? "no score" : `score ${number(verdict.score)}`, element("span", { class: "soft" }, took)),
      verdict.detail ? element("p", {}, visible(String(verdict.detail))) : null,
      shown.length || parts.length ? facts([...shown, ...parts]) : null);
  }

  async siblings(entry, formulas) {
    const { some, count } = await this.store.siblings(entry, MOST_ABREAST);
    const system = this.store.system();
    const rows = await Promise.all(some.map((e) => this.store.row(e)));
    const right = some.filter((e) => this.store.status(e) === "right").length;
    const cards = rows.map((row, i) => {
      const e = some[i];
      const status = this.store.status(e);
      const answer = this.store.columns.answer[e];
      return element("article", { class: e === entry ? "here" : null },
        element("header", {}, element("button", { type: "button", title: "Open this response", click: () => this.go(0, e) }, oneLine(this.store.columns.id[e])),
          system ? element("span", { class: "pill tag" }, oneLine(system.text(e))) : null,
          element("span", { class: `pill ${toneOf(status)}` }, status), element("span", { class: "soft" }, `reward ${number(row.reward ?? null)}`)),
        Object.values(row.verdicts).some((verdict) => verdict && verdict.evidence && Array.isArray(verdict.evidence.tests))
          ? null : element("div", { class: "what" }, value(answer || null, formulas)),
        typeof row.response === "string" ? longText(row.response, [...codeMarks(row.response), ...languageMarks(row.response, (row.verdicts.language || {}).evidence)], formulas, { first: 3000, markdown: !this.source }) : null);
    });
    const first = rows[some.indexOf(entry)];
    return [
      element("p", { class: "strip" }, element("b", {}, `${count} response${count === 1 ? "" : "s"} to this problem`), element("span", { class: "soft" },
        some.length < count ? `${some.length} of them shown, ${right} of these right` : `${right} right`)),
      ...(first ? this.prompt(first.prompt, formulas) : []),
      first && first.references.length ? element("p", {}, element("span", { class: "soft" }, "reference "), value(first.references[0], formulas)) : null,
      element("div", { class: "abreast", tabindex: 0, role: "group", "aria-label": "Responses side by side" }, cards),
    ];
  }
}

function value(text, formulas) {
  if (text === null || text === undefined) return element("span", { class: "soft" }, "none");
  return (/[\\^_]/.test(text) && formula(text, formulas, false)) || visible(text.length > 2000 ? `${text.slice(0, 2000)}…` : text);
}

function facts(entries) {
  const shown = entries.slice(0, 60).map(([name, what]) => {
    const text = typeof what === "string" ? what : JSON.stringify(what);
    return [element("dt", {}, oneLine(words(name)).slice(0, 80)), element("dd", {}, visible(text.length > 1500 ? `${text.slice(0, 1500)}…` : text))];
  });
  return element("dl", { class: "facts" }, shown);
}
