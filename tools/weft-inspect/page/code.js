// Kernels: every stage side by side, lines linked by the ops that they stand for.

const kStages = ["source", "weft", "fused", "loom", "llvm", "asm", "device"];

/// A stage's lines: [{number, text, ops}], a file's name as {file}.
function linesOf(stage) {
  const ops = new Map();
  for (let k = 0; k < stage.ops.length; k += 2) {
    if (!ops.has(stage.ops[k])) ops.set(stage.ops[k], []);
    ops.get(stage.ops[k]).push(stage.ops[k + 1]);
  }
  const texts = stage.text.split("\n");
  while (texts.length && !texts[texts.length - 1]) texts.pop();
  return texts.map((text, k) => ({number: k + 1, text, ops: ops.get(k + 1) ?? []}));
}

function sourceLines(p) {
  const ops = new Map();
  p.ops.forEach((op, k) => {
    if (!op.at) return;
    const key = `${op.at.file}:${op.at.line}`;
    if (!ops.has(key)) ops.set(key, []);
    ops.get(key).push(k);
  });
  const lines = [];
  for (const {file, lines: rows} of p.sources) {
    lines.push({file});
    let last = 0;
    for (const [number, text] of rows) {
      if (last && number > last + 1) lines.push({number: "⋮", text: "", ops: []});
      lines.push({number, text, ops: ops.get(`${file}:${number}`) ?? []});
      last = number;
    }
    if (!rows.length) lines.push({number: "", text: "(the file is not here)", ops: []});
  }
  return lines;
}

class CodeView {
  constructor(p) {
    this.p = p;
    this.kernel = p.kernels.length ? 0 : -1;
    this.hidden = new Set();
    this.list = make("div.list");
    this.chips = make("div.chips");
    this.panes = make("div.panes");
    this.element = make("div.view.code", {}, this.list, make("div.stages", {}, this.chips, this.panes));
    this.buttons = new Map();
    const add = (k, title, small) => {
      const b = make("button", {onclick: () => this.open(k)}, make("div.title", {}, k < 0 ? "" : make("span.swatch", {style: `background:${colour(k)}`}), title), make("div.small", {}, small));
      this.buttons.set(k, b);
      this.list.append(b);
    };
    add(-1, "whole program", count(p.ops.length, "op"));
    p.kernels.forEach((kernel, k) => {
      const launches = p.launches.filter(l => l.kernel === k), us = launches.reduce((s, l) => s + (l.us ?? 0), 0);
      add(k, kernel.symbol, kernel.summary + (launches.length > 1 ? ` · ${launches.length} launches` : "") + (us ? ` · ${micro(us)}` : ""));
    });
    this.open(this.kernel);
  }

  opsOf(k) { return k < 0 ? this.p.ops.map((_, op) => op) : this.p.kernels[k].ops; }

  open(k) {
    this.kernel = k;
    this.ops = new Set(this.opsOf(k));
    for (const [key, b] of this.buttons) b.classList.toggle("on", key === k);
    const own = k < 0 ? [] : this.p.kernels[k].stages;
    this.stages = kStages.map(name => {
      if (name === "source") return {name, lines: sourceLines(this.p)};
      const stage = own.find(s => s.name === name) ?? this.p.stages.find(s => s.name === name && (k < 0 || name !== "loom"));
      return stage ? {name, lines: linesOf(stage)} : null;
    }).filter(s => s && s.lines.length);
    this.chips.replaceChildren(...this.stages.map(s => make("button" + (this.hidden.has(s.name) ? "" : ".on"), {
      onclick: () => { if (!this.hidden.delete(s.name)) this.hidden.add(s.name); this.open(k); }}, s.name)),
      make("span.small", {}, "click a line with a dot: what it became, and what it came from, lights up"));
    this.rows = [];
    this.unlinked = []; // heads of panes whose lines stand for the kernel as a whole
    this.panes.replaceChildren(...this.stages.filter(s => !this.hidden.has(s.name)).map(s => this.pane(s)));
    this.mark(null);
  }

  pane(stage) {
    const box = make("div.lines"), isWhole = stage.name === "source" || stage.name === "weft" || stage.name === "fused";
    for (const line of stage.lines) {
      if (line.file !== undefined) { box.append(make("div.l.file", {title: line.file}, short(line.file))); continue; }
      const isOwn = !line.ops.length ? !isWhole || this.kernel < 0 : line.ops.some(op => this.ops.has(op));
      const row = make("div.l" + (line.ops.length ? ".linked" : "") + (isOwn ? "" : ".dim"), {}, make("i", {}, String(line.number)), line.text || " ");
      if (line.ops.length) {
        row.addEventListener("click", () => pick(line.ops, box));
        this.rows.push({row, box, ops: line.ops, isOwn});
      }
      box.append(row);
    }
    const head = make("h3", {}, `${stage.name} · ${count(stage.lines.filter(l => l.file === undefined).length, "line")}`);
    if (!stage.lines.some(l => l.ops?.length)) this.unlinked.push(head);
    return make("div.pane", {}, head, box);
  }

  /// Lights the lines of picked ops up and scrolls to the first one in each pane but that of the click; without any, to the kernel's own.
  mark(from) {
    if (!from && picked.size && this.kernel >= 0 && !isPicked([...this.ops])) {
      const holder = this.p.kernels.findIndex((_, k) => isPicked(this.opsOf(k)));
      if (holder >= 0) return this.open(holder);
    }
    const seen = new Set([from]);
    for (const {row, box, ops} of this.rows) {
      const isOn = isPicked(ops);
      row.classList.toggle("sel", isOn);
      if (isOn && !seen.has(box)) { seen.add(box); this.scroll(box, row); }
    }
    if (!picked.size) for (const {row, box, isOwn} of this.rows) if (isOwn && !seen.has(box)) { seen.add(box); this.scroll(box, row); }
    for (const head of this.unlinked) head.classList.toggle("sel", this.kernel >= 0 && isPicked([...this.ops]));
    for (const [k, b] of this.buttons) b.classList.toggle("sel", k >= 0 && picked.size > 0 && isPicked(this.opsOf(k)));
  }

  scroll(box, row) {
    const at = row.offsetTop - box.scrollTop;
    if (at < 0 || at > box.clientHeight - 40) box.scrollTop = Math.max(0, row.offsetTop - box.clientHeight / 3);
  }
}
