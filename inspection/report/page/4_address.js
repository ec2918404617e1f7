// What is shown, in the address: a link shows what I see, Back closes a row, and reloading loses nothing.

const ADDRESS = ["name", "first", "reason", "q", "whole", "outcome", "mixed", "kind", "stage", "by", "where", "columns", "group", "sort", "row"];

class Address {
  constructor() {
    this.now = this.read();
    history.replaceState({ row: this.now.get("row") }, "", location.href);
  }

  read() {
    return new URLSearchParams(location.hash.slice(1));
  }

  // Changes by name: a text, a list of texts, or nothing. Only opening a row is a step that Back takes back.
  write(changes, step = false) {
    for (const [name, value] of Object.entries(changes)) {
      this.now.delete(name);
      for (const one of [].concat(value ?? [])) if (one !== "" && one !== false) this.now.append(name, one === true ? "1" : String(one));
    }
    const sorted = new URLSearchParams();
    for (const name of ADDRESS) for (const value of this.now.getAll(name)) sorted.append(name, value);
    const hash = `#${sorted}`;
    const state = { row: sorted.get("row"), opened: step || Boolean(history.state && history.state.opened && sorted.has("row")) };
    if (step) history.pushState(state, "", hash);
    else history.replaceState(state, "", hash);
  }
}
