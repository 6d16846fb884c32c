// The graph of a segment: nodes are ops, clusters are launches of kernels.

/// Returns what each op reads, [{op} or {leaf}] in the order of its operands, with writes in place in between.
function readsOf(p) {
  const producer = new Map(), writer = new Map();
  return p.ops.map((op, k) => {
    const reads = [];
    for (const v of op.operands) {
      if (v < 0) continue;
      const made = producer.get(v), written = writer.get(p.values[v].base);
      if (written !== undefined && (made === undefined || written > made)) reads.push({op: written});
      else reads.push(made === undefined ? {leaf: v} : {op: made});
    }
    if (op.result >= 0) producer.set(op.result, k);
    if (op.writes && op.operands[0] >= 0) writer.set(p.values[op.operands[0]].base, k);
    return reads;
  });
}

/// Returns the launch in which each op is drawn: the first that computes it. What is part of others (a view, a number) goes
/// to its first reader; -1: nobody computes it.
function launchesOf(p, reads) {
  const owner = p.ops.map(() => -1), folded = p.ops.map(() => false);
  p.launches.forEach((l, k) => { for (const op of l.ops) if (owner[op] < 0) owner[op] = k; });
  const readers = p.ops.map(() => []);
  reads.forEach((list, k) => { for (const r of list) if (r.op !== undefined) readers[r.op].push(k); });
  for (let k = p.ops.length - 1; k >= 0; k--) {
    if (owner[k] >= 0) continue;
    folded[k] = true;
    for (const r of readers[k]) if (owner[r] >= 0 && (owner[k] < 0 || owner[r] < owner[k])) owner[k] = owner[r];
  }
  return {owner, folded};
}

function graphOf(p, withLeaves) {
  const reads = readsOf(p), {owner, folded} = launchesOf(p, reads);
  const clusters = p.launches.map((l, k) => ({launch: k, nodes: [], edges: []}));
  const rest = {launch: -1, nodes: [], edges: []};
  const nodeOf = [], between = [];
  const add = (cluster, node) => { node.cluster = cluster; node.at = cluster.nodes.length; cluster.nodes.push(node); return node; };
  const width = (a, b) => Math.max(a.length * 7.3, b.length * 5.7, 30) + 20;
  p.ops.forEach((op, k) => {
    const value = op.result >= 0 ? op.result : op.operands[0];
    const shape = value >= 0 ? p.values[value].text : "";
    nodeOf[k] = add(owner[k] < 0 ? rest : clusters[owner[k]],
                    {op: k, name: op.name, shape, folded: folded[k], output: value >= 0 && p.values[value].output, w: width(op.name, shape), h: 38});
  });
  const leaves = new Map();
  p.ops.forEach((_, k) => {
    const to = nodeOf[k], seen = new Set();
    for (const r of reads[k]) {
      let from = nodeOf[r.op];
      if (r.leaf !== undefined) {
        if (!withLeaves) continue;
        const key = `${to.cluster.launch}:${r.leaf}`, shape = p.values[r.leaf].text;
        if (!leaves.has(key)) leaves.set(key, add(to.cluster, {leaf: r.leaf, shape, w: width("", shape), h: 20}));
        from = leaves.get(key);
      }
      if (seen.has(from)) continue;
      seen.add(from);
      if (from.cluster === to.cluster) from.cluster.edges.push([from.at, to.at]);
      else between.push([from, to]);
    }
  });
  return {clusters: rest.nodes.length ? [...clusters, rest] : clusters, between, nodeOf};
}

const kHead = 44, kPad = 14;

function arrange(p, graph) {
  for (const c of graph.clusters) {
    const inner = packed(c.nodes, c.edges, 16, 26);
    c.title = c.launch < 0 ? (p.launches.length ? "not computed" : "runs eagerly") : p.kernels[p.launches[c.launch].kernel].symbol;
    const us = c.launch < 0 ? null : p.launches[c.launch].us;
    c.sub = c.launch < 0 ? count(c.nodes.length, "op") : `launch ${c.launch}` + (us === null ? "" : ` · ${micro(us)} a run`);
    c.w = Math.max(inner.w, c.title.length * 7.4, c.sub.length * 6.2) + 2 * kPad;
    c.h = inner.h + kHead + kPad;
    c.routes = inner.routes;
    c.inset = (c.w - inner.w) / 2;
  }
  graph.clusters.forEach((c, k) => { c.at = k; });
  const pairs = new Map();
  for (const [from, to] of graph.between) pairs.set(`${from.cluster.at}:${to.cluster.at}`, [from.cluster.at, to.cluster.at]);
  const keys = [...pairs.keys()], size = packed(graph.clusters, [...pairs.values()], 42, 52);
  graph.routes = new Map(keys.map((key, k) => [key, size.routes[k]]));
  for (const c of graph.clusters) {
    const left = c.x - c.w / 2 + c.inset, top = c.y - c.h / 2 + kHead;
    for (const node of c.nodes) { node.x += left; node.y += top; }
    c.routes = c.routes.map(r => r.map(q => ({x: q.x + left, y: q.y + top})));
  }
  return size;
}

function curve(points) {
  let d = `M${points[0].x.toFixed(1)} ${points[0].y.toFixed(1)}`;
  for (let k = 1; k < points.length; k++) {
    const a = points[k - 1], b = points[k], middle = ((a.y + b.y) / 2).toFixed(1);
    d += `C${a.x.toFixed(1)} ${middle} ${b.x.toFixed(1)} ${middle} ${b.x.toFixed(1)} ${b.y.toFixed(1)}`;
  }
  return d;
}

class GraphView {
  constructor(p, show) {
    this.p = p;
    this.show = show;
    this.root = make("g");
    this.svg = make("svg", {}, make("defs", {}, make("marker", {id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto"},
      make("path.arrow", {d: "M0 1L7 4L0 7z"}))), this.root);
    this.leaves = p.ops.length <= 150;
    const box = make("input", {type: "checkbox", onchange: () => { this.leaves = box.checked; this.draw(); this.fit(); }});
    box.checked = this.leaves;
    this.element = make("div.view.graph", {}, this.svg, make("div.tools", {},
      make("label", {}, box, "inputs"), make("button", {onclick: () => this.zoom(1.25)}, "+"),
      make("button", {onclick: () => this.zoom(0.8)}, "−"), make("button", {onclick: () => this.fit()}, "top"),
      make("button", {onclick: () => this.fit(true)}, "whole")));
    this.drag();
    this.draw();
    new ResizeObserver(() => { if (!this.at) { this.fit(); this.mark(null); } }).observe(this.element);
  }

  draw() {
    const p = this.p, graph = graphOf(p, this.leaves);
    this.size = arrange(p, graph);
    this.nodes = new Map();
    this.edges = [];
    const boxes = make("g"), lines = make("g"), nodes = make("g"), heads = make("g");
    for (const c of graph.clusters) {
      const [box, head] = this.cluster(c);
      boxes.append(box);
      heads.append(head);
    }
    for (const c of graph.clusters) {
      c.edges.forEach(([a, b], k) => lines.append(this.edge(c.nodes[a], c.nodes[b], c.routes[k], "")));
      for (const node of c.nodes) nodes.append(this.node(node));
    }
    for (const [a, b] of graph.between)
      lines.append(this.edge(a, b, graph.routes.get(`${a.cluster.at}:${b.cluster.at}`), ".far"));
    this.root.replaceChildren(boxes, lines, heads, nodes);
    this.mark();
  }

  cluster(c) {
    const x = c.x - c.w / 2, y = c.y - c.h / 2, k = c.launch < 0 ? 0 : this.p.launches[c.launch].kernel;
    const head = make("g.head", {}, make("rect", {x, y, width: c.w, height: kHead - 6, fill: "transparent"}),
      make("text", {x: x + kPad, y: y + 18}, c.title), make("text.sub", {x: x + kPad, y: y + 33}, c.sub));
    if (c.launch >= 0) {
      hint(head, () => `${c.title}: ${summary(this.p, c.launch)}\nclick: its code at every stage`);
      head.addEventListener("click", () => this.show("code", k));
    }
    const fill = c.launch < 0 ? "transparent" : colour(k, "light"), stroke = c.launch < 0 ? "var(--edge)" : colour(k);
    return [make("rect.cluster", {x, y, width: c.w, height: c.h, fill, stroke, "fill-opacity": .55}), head];
  }

  node(node) {
    const x = node.x - node.w / 2, y = node.y - node.h / 2;
    if (node.leaf !== undefined)
      return hint(make("g.node.leaf", {}, make("rect", {x, y, width: node.w, height: node.h}),
        make("text.shape", {x: node.x, y: node.y + 3.5}, node.shape)), () => `input: ${node.shape}`);
    const op = this.p.ops[node.op];
    const g = make("g.node" + (node.folded ? ".folded" : "") + (node.output ? ".output" : ""), {onclick: () => pick([node.op], this)},
      make("rect", {x, y, width: node.w, height: node.h}), make("text.name", {x: node.x, y: node.y - 2}, node.name),
      make("text.shape", {x: node.x, y: node.y + 12}, node.shape));
    this.nodes.set(node.op, g);
    return hint(g, () => [`${op.name}  ${node.shape}` + (op.attributes ? `  (${op.attributes})` : ""), op.at ? `${op.at.file}:${op.at.line}` : "",
      node.folded ? "part of the kernels that read it" : "", node.output ? "a result of the segment" : ""].filter(Boolean).join("\n"));
  }

  edge(a, b, bends, kind) {
    const points = [{x: a.x, y: a.y + a.h / 2}, ...bends, {x: b.x, y: b.y - b.h / 2}];
    const path = make("path.edge" + kind + (a.leaf !== undefined ? ".leaf" : ""), {d: curve(points)});
    this.edges.push([path, a.op, b.op]);
    return path;
  }

  mark(from) {
    for (const [op, g] of this.nodes) g.classList.toggle("sel", picked.has(op));
    for (const [path, a, b] of this.edges) path.classList.toggle("sel", picked.has(a) || picked.has(b));
    const first = [...picked][0];
    if (from !== this && this.at && this.nodes.has(first)) this.reveal(this.nodes.get(first));
  }

  /// Brings a node into view.
  reveal(g) {
    const box = g.getBoundingClientRect(), view = this.svg.getBoundingClientRect();
    if (!view.width || (box.left > view.left && box.right < view.right && box.top > view.top && box.bottom < view.bottom)) return;
    this.place(this.at.x + view.left + view.width / 2 - box.left, this.at.y + view.top + view.height / 2 - box.top, this.at.s);
  }

  place(x, y, s) {
    this.at = {x, y, s};
    this.root.setAttribute("transform", `translate(${x} ${y}) scale(${s})`);
    this.element.classList.toggle("tiny", s < 0.3);
  }

  /// Shows all where that can be read, else, unless all is asked for, the top.
  fit(isWhole = false) {
    const w = this.svg.clientWidth, h = this.svg.clientHeight, margin = 24;
    if (!w || !h) return;
    let s = Math.min((w - 2 * margin) / this.size.w, (h - 2 * margin) / this.size.h, 1.3);
    const isLong = s < 0.25 && !isWhole;
    if (isLong) s = Math.min(Math.max((w - 2 * margin) / this.size.w, 0.25), 0.8);
    const x = isLong ? Math.max((w - this.size.w * s) / 2, margin) : (w - this.size.w * s) / 2;
    this.place(x, isLong ? margin : (h - this.size.h * s) / 2, s);
  }

  zoom(factor, x = this.svg.clientWidth / 2, y = this.svg.clientHeight / 2) {
    const s = Math.min(Math.max(this.at.s * factor, 0.02), 6), f = s / this.at.s;
    this.place(x - (x - this.at.x) * f, y - (y - this.at.y) * f, s);
  }

  drag() {
    let from = null;
    this.svg.addEventListener("wheel", e => {
      e.preventDefault();
      const box = this.svg.getBoundingClientRect();
      this.zoom(Math.exp(-e.deltaY * (e.deltaMode ? 0.05 : 0.0016)), e.clientX - box.left, e.clientY - box.top);
    }, {passive: false});
    this.svg.addEventListener("pointerdown", e => { from = {x: e.clientX - this.at.x, y: e.clientY - this.at.y}; });
    addEventListener("pointermove", e => {
      if (!from || !e.buttons) { from = null; this.svg.classList.remove("moving"); return; }
      this.svg.classList.add("moving");
      this.place(e.clientX - from.x, e.clientY - from.y, this.at.s);
    });
    addEventListener("pointerup", () => { from = null; this.svg.classList.remove("moving"); });
  }
}
