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
const nav = make("nav"), side = make("aside"), main = make("main"), words = make("div", {id: "picked"});

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

function mark(from) {
  const p = programs[current.program];
  const address = `#${current.program}/${current.view}` + (picked.size === 1 ? `/${[...picked][0]}` : "");
  if (location.hash !== address) history.replaceState(null, "", address);
  shown?.mark(from);
  if (!picked.size) { words.replaceChildren(p.failure || p.process); return; }
  const ops = [...picked].sort((a, b) => a - b), lines = [...new Set(ops.map(op => lineOf(p, op)).filter(Boolean))];
  const launches = p.launches.map((l, k) => isPicked(l.ops) ? p.kernels[l.kernel].symbol : null).filter(Boolean);
  words.replaceChildren(make("b", {}, ops.slice(0, 4).map(op => p.ops[op].name).join(", ") + (ops.length > 4 ? ` and ${ops.length - 4} more` : "")),
    lines.length ? ` from ${lines.slice(0, 3).join(", ")}${lines.length > 3 ? " …" : ""}` : "", launches.length ? ` in ${[...new Set(launches)].slice(0, 3).join(", ")}` : "");
}

listeners.push(mark);
if (programs.length) {
  document.title = `Weft: ${count(programs.length, "program")} of ${programs[0].process}`;
  document.body.append(make("header", {}, make("h1", {}, "Weft", make("span.small", {}, programs[0].process)), nav, words), side, main, tip);
  addEventListener("hashchange", fromAddress);
  addEventListener("keydown", e => { if (e.key === "Escape") pick([], null); });
  fromAddress();
} else {
  document.body.append(make("div.empty", {}, "No program was compiled."));
}
document.documentElement.dataset.ready = "true";
document.documentElement.dataset.ms = performance.now().toFixed(0); // for the test
