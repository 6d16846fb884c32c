// The frame: programs at the left, views above. The address says what is shown, and which op is picked: #0/graph/12.

const kViews = {
  graph: ["Graph", p => new GraphView(p, show), p => p.ops.length],
  code: ["Kernels", p => new CodeView(p), p => p.kernels.length],
  memory: ["Memory", memoryView, p => p.buffers.length],
  timeline: ["Timeline", timelineView, p => p.launches.length],
  remarks: ["Remarks", remarksView, p => p.remarks.length],
  compile: ["Compilation", compileView, p => ""],
};

let current = {program: 0, view: "graph"}, shown = null;
const built = new Map(); // views by address, made when they are first shown
const nav = make("nav"), side = make("aside"), main = make("main"), from = make("span.small"), find = make("input", {type: "search", placeholder: "find ops or lines"}), words = make("div", {id: "picked"});

function viewOf(program, view) {
  const key = `${program}/${view}`;
  if (!built.has(key)) {
    const made = kViews[view][1](programs[program]);
    built.set(key, made);
    main.append(made.element);
  }
  return built.get(key);
}

function show(view, kernel) {
  location.hash = `${current.program}/${view}` + (picked.size === 1 ? `/${[...picked][0]}` : "");
  if (kernel !== undefined) viewOf(current.program, view).open(kernel);
}

function fromAddress() {
  const [program, view, op] = location.hash.slice(1).split("/");
  const next = {program: Math.min(Math.max(Math.floor(Number(program)) || 0, 0), programs.length - 1), view: view in kViews ? view : "graph"};
  if (next.program !== current.program) picked.clear();
  current = next;
  if (programs[current.program].ops[op]) { picked.clear(); picked.add(Number(op)); }
  draw();
}

function draw() {
  const p = programs[current.program];
  from.textContent = p.process;
  side.replaceChildren(...programs.map((q, k) => make("button" + (k === current.program ? ".on" : ""), {onclick: () => { location.hash = `${k}/${current.view}`; }},
    make("div.title", {}, make("span.number", {}, String(k)), `${count(q.ops.length, "op")}, ${count(q.kernels.length, "kernel")}`),
    make("div.small" + (q.failure ? ".eager" : ""), {}, q.failure ? "runs eagerly" : total(q) === null ? `compiled in ${q.ms.toFixed(1)} ms` : `${micro(total(q))} a run · ${count(q.runs, "run")}`),
    make("div.small", {}, lineOf(q, 0)))));
  nav.replaceChildren(...Object.entries(kViews).map(([name, [title, , size]]) => make("button" + (name === current.view ? ".on" : ""), {onclick: () => show(name)}, title, make("span.count", {}, String(size(p))))));
  for (const v of built.values()) v.element.style.display = "none";
  shown = viewOf(current.program, current.view);
  shown.element.style.display = "";
  mark(null);
}

function mark(origin) {
  const p = programs[current.program];
  const address = `#${current.program}/${current.view}` + (picked.size === 1 ? `/${[...picked][0]}` : "");
  if (location.hash !== address) history.replaceState(null, "", address);
  shown?.mark(origin);
  if (!picked.size) { words.replaceChildren(p.failure || `${p.from === "compiler" ? "compiled" : `from ${p.from}`} in ${p.ms.toFixed(1)} ms`); return; }
  const ops = [...picked].sort((a, b) => a - b), lines = [...new Set(ops.map(op => lineOf(p, op)).filter(Boolean))];
  const launches = p.launches.map((l, k) => isPicked(l.ops) ? p.kernels[l.kernel].symbol : null).filter(Boolean);
  const names = [...new Set(ops.map(op => p.ops[op].name))], few = names.slice(0, 4).join(", ") + (names.length > 4 ? " …" : "");
  words.replaceChildren(make("b", {}, ops.length > 1 ? `${ops.length} ops: ${few}` : few),
    lines.length ? ` from ${lines.slice(0, 3).join(", ")}${lines.length > 3 ? " …" : ""}` : "", launches.length ? ` in ${[...new Set(launches)].slice(0, 3).join(", ")}` : "");
}

/// Picks the ops whose name, shape or line holds what was typed.
find.addEventListener("input", () => {
  const p = programs[current.program], wanted = find.value.trim().toLowerCase();
  const textOf = (op, k) => `${op.name} ${op.result >= 0 ? p.values[op.result].text : ""} ${lineOf(p, k)}`.toLowerCase();
  pick(wanted ? p.ops.flatMap((op, k) => textOf(op, k).includes(wanted) ? [k] : []) : [], null, true);
});

listeners.push(mark);
if (programs.length) {
  document.title = `Weft: ${count(programs.length, "program")} of ${programs[0].process}`;
  document.body.append(make("header", {}, make("h1", {}, "Weft", from), nav, words, find), side, main, tip);
  addEventListener("hashchange", fromAddress);
  addEventListener("keydown", e => { if (e.key === "Escape") { find.value = ""; pick([], null); } });
  fromAddress();
} else {
  document.body.append(make("div.empty", {}, "No program was compiled."));
}
document.documentElement.dataset.ready = "true";
document.documentElement.dataset.ms = performance.now().toFixed(0); // for the test
