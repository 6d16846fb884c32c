// Memory over launches, times of launches, times of the compilation, remarks.

function ticks(most, about, isBytes = false) {
  const raw = most / about || 1, power = 10 ** Math.floor(Math.log10(raw));
  const step = isBytes ? 2 ** Math.ceil(Math.log2(raw)) : [1, 2, 5, 10].map(f => f * power).find(s => s >= raw) ?? power;
  return Array.from({length: Math.floor(most / step) + 1}, (_, k) => k * step);
}

/// Buffers with the launches that use them first and last.
function lives(p) {
  const lives = p.buffers.map((b, k) => ({...b, k, first: Infinity, last: -1}));
  p.launches.forEach((l, at) => { for (const b of l.buffers) { lives[b].first = Math.min(lives[b].first, at); lives[b].last = at; } });
  return lives.filter(b => b.last >= 0);
}

function memoryView(p) {
  const view = make("div.view"), all = lives(p), temporaries = all.filter(b => b.kind === "temporary" && b.host < 0);
  view.append(make("h2", {}, "Temporaries in the arena"));
  if (p.generic) view.append(make("p.lead", {}, "Sizes are arguments of this program, so that offsets are known at run time only."));
  else if (!temporaries.length) view.append(make("p.lead", {}, "No launch needs memory that another one fills: everything is read from inputs and written to results."));
  else {
    const sum = temporaries.reduce((s, b) => s + b.bytes, 0);
    view.append(make("p.lead", {}, `${count(temporaries.length, "buffer")} of ${bytes(sum)} share ${bytes(p.arena)}. Up: the offset. To the right: the launches in order.`));
    view.append(arenaChart(p, temporaries));
  }
  view.append(make("h2", {}, "All buffers"));
  view.append(livesChart(p, all));
  return {element: view, mark: () => markBars(view)};
}

function bar(p, launchesUsed, attributes, text) {
  const ops = [...new Set(launchesUsed.flatMap(l => p.launches[l].ops))];
  const g = make("g.bar", {onclick: () => pick(ops, null)}, make("rect", {rx: 3, ...attributes}));
  g.ops = ops;
  return hint(g, () => text);
}
function markBars(view) {
  for (const b of view.querySelectorAll(".bar, tr")) if (b.ops) b.classList.toggle("sel", picked.size > 0 && isPicked(b.ops));
}

function launchAxis(svg, p, left, step, y, height) {
  const every = Math.ceil(34 / step);
  p.launches.forEach((_, k) => {
    if (k % every) return;
    svg.append(make("line.grid", {x1: left + k * step, x2: left + k * step, y1: y, y2: y + height}),
      make("text.axis", {x: left + (k + .5) * step, y: y + height + 14, "text-anchor": "middle"}, String(k)));
  });
}

function arenaChart(p, temporaries) {
  const left = 74, height = 300, step = Math.max(7, Math.min(90, 1050 / p.launches.length)), width = left + p.launches.length * step + 10;
  const svg = make("svg", {width, height: height + 28}), y = v => height - v / p.arena * (height - 8);
  for (const t of ticks(p.arena, 6, true))
    svg.append(make("line.grid", {x1: left, x2: width, y1: y(t), y2: y(t)}), make("text.axis", {x: left - 8, y: y(t) + 3, "text-anchor": "end"}, bytes(t)));
  launchAxis(svg, p, left, step, 0, height);
  for (const b of temporaries) {
    const x = left + b.first * step + 1, w = (b.last - b.first + 1) * step - 2, top = y(b.offset + b.bytes), h = Math.max(2, y(b.offset) - top - 1);
    const k = p.launches[b.first].kernel;
    const g = bar(p, [b.first], {x, y: top, width: w, height: h, fill: colour(k, "light"), stroke: colour(k)},
      `temporary ${b.index}: ${bytes(b.bytes)} at offset ${b.offset}\nlaunches ${b.first} to ${b.last}\nwritten by ${p.kernels[k].symbol} (${p.kernels[k].summary})`);
    if (w > 52 && h > 13) g.append(make("text", {x: x + 5, y: top + Math.min(h / 2 + 4, 14), "pointer-events": "none"}, bytes(b.bytes)));
    svg.append(g);
  }
  return make("div.chart", {}, svg);
}

function livesChart(p, all) {
  const most = 300, rows = [...all].sort((a, b) => a.first - b.first || b.last - a.last).slice(0, most);
  const left = 190, row = 15, step = Math.max(7, Math.min(90, 940 / p.launches.length));
  const svg = make("svg", {width: left + p.launches.length * step + 10, height: rows.length * row + 26});
  launchAxis(svg, p, left, step, 0, rows.length * row);
  rows.forEach((b, at) => {
    const users = p.launches.map((l, k) => l.buffers.includes(b.k) ? k : -1).filter(k => k >= 0);
    const fill = {leaf: "var(--edge)", output: "var(--accent)", temporary: colour(p.launches[b.first].kernel)}[b.kind];
    svg.append(make("text.axis", {x: left - 8, y: at * row + 11, "text-anchor": "end"}, `${{leaf: "input", output: "result"}[b.kind] ?? b.kind} ${b.index} · ${bytes(b.bytes)}`),
      bar(p, users, {x: left + b.first * step + 1, y: at * row + 2, width: (b.last - b.first + 1) * step - 2, height: row - 4, fill}, `${b.kind} ${b.index}: ${bytes(b.bytes)}${b.host < 0 ? "" : `, in result ${b.host} until that is written`}\nused by launches ${users.join(", ")}`));
  });
  return make("div.chart", {}, svg, all.length > most ? make("p.small", {}, `${all.length - most} more are not drawn`) : null);
}

function timelineView(p) {
  const view = make("div.view"), all = total(p);
  view.append(make("h2", {}, "Launches"));
  if (!p.launches.length) view.append(make("p.lead", {}, "This segment runs op by op: " + (p.failure || "it has no launch")));
  else if (all === null) view.append(make("p.lead", {}, "The program did not run, or its process did not end well: there are no times."));
  else {
    view.append(make("p.lead", {}, `${micro(all)} a run in ${count(p.launches.length, "launch")}, the mean of ${count(p.runs, "run")}.`));
    const width = 1100, svg = make("svg", {width, height: 66}), x = us => us / all * (width - 2);
    let at = 0;
    for (const t of ticks(all, 10)) svg.append(make("line.grid", {x1: x(t), x2: x(t), y1: 0, y2: 46}), make("text.axis", {x: Math.min(x(t), width - 44), y: 60}, micro(t)));
    p.launches.forEach((l, k) => {
      const w = Math.max(1, x(l.us) - .6), symbol = p.kernels[l.kernel].symbol;
      const g = bar(p, [k], {x: x(at), y: 4, width: w, height: 36, fill: colour(l.kernel)}, `launch ${k}: ${symbol}, ${micro(l.us)} a run\n${summary(p, k)}`);
      if (w > symbol.length * 6.6) g.append(make("text", {x: x(at) + 6, y: 26, style: "fill:#fff", "pointer-events": "none"}, symbol));
      svg.append(g);
      at += l.us;
    });
    view.append(make("div.chart", {}, svg));
  }
  if (p.launches.length) view.append(launchTable(p, all));
  return {element: view, mark: () => markBars(view)};
}

function launchTable(p, all) {
  const sum = (l, what) => (l.phases ?? []).reduce((s, phase) => s + (phase[what] ?? 0), 0);
  const rate = (amount, us) => us && amount ? (amount / us / 1000).toFixed(2) : "-";
  const body = make("tbody");
  p.launches.forEach((l, k) => {
    const row = make("tr", {onclick: () => pick(l.ops, null)}, make("td.n", {}, String(k)), make("td.tight", {}, make("span.swatch", {style: `background:${colour(l.kernel)}`}), p.kernels[l.kernel].symbol),
      make("td", {}, p.kernels[l.kernel].summary), make("td", {}, lineOf(p, l.ops[0])), make("td.n", {}, micro(l.us)),
      make("td.n", {}, all ? (100 * l.us / all).toFixed(1) + " %" : "-"), make("td.n", {}, String(sum(l, "chunks") || "-")), make("td.n", {}, rate(sum(l, "bytes"), l.us)), make("td.n", {}, rate(sum(l, "flops"), l.us)));
    row.ops = l.ops;
    body.append(row);
  });
  return make("table", {}, make("thead", {}, make("tr", {}, ...["launch", "kernel", "ops", "line", "a run", "share", "chunks", "GB/s", "GFLOP/s"].map((t, k) => make(k === 0 || k > 3 ? "th.n" : "th", {}, t)))), body);
}

function compileView(p) {
  const view = make("div.view"), names = new Map(), kernels = new Map();
  for (const s of p.steps) {
    names.set(s.name, (names.get(s.name) ?? 0) + s.ms);
    if (s.kernel >= 0) {
      if (!kernels.has(s.kernel)) kernels.set(s.kernel, new Map());
      kernels.get(s.kernel).set(s.name, (kernels.get(s.kernel).get(s.name) ?? 0) + s.ms);
    }
  }
  const known = [...names.values()].reduce((a, b) => a + b, 0);
  names.set("between the steps", Math.max(0, p.ms - known));
  view.append(make("h2", {}, "Compilation"), make("p.lead", {}, `${p.ms.toFixed(2)} ms from ${p.from}. "stages" is what keeping the texts of this page cost.`));
  const rows = [...names].filter(([, ms]) => ms >= 0.0005), most = Math.max(...rows.map(([, ms]) => ms));
  view.append(make("div.chart", {}, make("svg", {width: 760, height: rows.length * 20 + 4}, ...rows.flatMap(([name, ms], k) => [
    make("text", {x: 150, y: k * 20 + 15, "text-anchor": "end"}, name), make("rect", {x: 160, y: k * 20 + 4, width: Math.max(1, ms / most * 420), height: 14, rx: 3, fill: "var(--accent)"}),
    make("text.axis", {x: 168 + ms / most * 420, y: k * 20 + 15}, `${ms.toFixed(2)} ms · ${(100 * ms / p.ms).toFixed(1)} %`)]))));
  if (kernels.size) {
    const columns = [...new Set([...kernels.values()].flatMap(m => [...m.keys()]))];
    const shared = new Map(columns.map(c => [c, names.get(c) - [...kernels.values()].reduce((s, m) => s + (m.get(c) ?? 0), 0)]));
    kernels.set(-1, shared); // tiles of products, LLVM's own set-up
    view.append(make("h2", {}, "By kernel"), make("table", {}, make("thead", {}, make("tr", {}, make("th", {}, "kernel"), ...columns.map(c => make("th.n", {}, c)), make("th.n", {}, "ms"))),
      make("tbody", {}, ...[...kernels].map(([k, m]) => make("tr", {}, make("td", {}, k < 0 ? "shared by kernels" : p.kernels[k].symbol), ...columns.map(c => make("td.n", {}, (m.get(c) ?? 0).toFixed(2))), make("td.n", {}, [...m.values()].reduce((a, b) => a + b, 0).toFixed(2)))))));
  }
  return {element: view, mark: () => {}};
}

function remarksView(p) {
  const view = make("div.view"), rows = new Map();
  for (const r of p.remarks) {
    const key = JSON.stringify([r.words, r.op, lineOf(p, r.at), r.other, lineOf(p, r.other_at), r.reason, r.text]);
    if (!rows.has(key)) rows.set(key, {...r, ops: [], times: 0});
    rows.get(key).times++;
    rows.get(key).ops.push(...[r.at, r.other_at].filter(op => op >= 0));
  }
  view.append(make("h2", {}, "Why kernels are as they are"));
  if (!rows.size) view.append(make("p.lead", {}, "Nothing stayed apart: no edge runs between two kernels."));
  else view.append(make("p.lead", {}, "Each row is an edge between two kernels, or between launches that became one, or a value that is computed again. Click it to see the ops in the other views."),
    make("table", {}, make("thead", {}, make("tr", {}, ...["op", "line", "", "other op", "line", "reason", "", "times"].map(t => make("th", {}, t)))), make("tbody", {}, ...[...rows.values()].map(r => {
      const row = make("tr", {onclick: () => pick([...new Set(r.ops)], null)}, make("td", {}, make("b", {}, r.op)), make("td", {}, lineOf(p, r.at)), make("td.tight.small", {}, r.words),
        make("td", {}, make("b", {}, r.other)), make("td", {}, lineOf(p, r.other_at)), make("td", {}, make("span.tag", {}, r.reason)), make("td", {}, r.text), make("td.n", {}, String(r.times)));
      row.ops = r.ops;
      return row;
    }))));
  return {element: view, mark: () => markBars(view)};
}
