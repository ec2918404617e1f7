// How verdicts and numbers are said and coloured.

const TONES = {
  correct: "good", wrong: "bad", no_answer: "bad", bad_format: "bad", partial: "warn", measured: "info", undecided: "warn",
  timeout: "bad", memory_limit: "bad", output_limit: "bad", runtime_error: "bad", compile_error: "bad", no_words: "warn",
  not_applicable: "none", right: "good", open: "none", error: "warn",
};
const toneOf = (reason) => TONES[reason] ?? "warn";
const words = (name) => String(name).replaceAll("_", " ");
const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;
const number = (value) => (value === null || value === undefined ? "–" : Number.isInteger(value) ? String(value) : value.toFixed(3).replace(/0+$/, "").replace(/\.$/, ""));
