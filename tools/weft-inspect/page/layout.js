// Layered drawing of directed acyclic graphs, after Sugiyama, Tagawa and Toda (1981): layers by the longest path,
// dummies on long edges, orders by barycentres, then places that pull towards the neighbours.

const kDummySpan = 24; // edges over more layers are drawn straight

/// nodes: [{w, h}], edges: [[from, to]]. Gives each node x, y (its centre) and returns {w, h, routes}: the bends of each edge.
function layered(nodes, edges, gapX, gapY) {
  const n = nodes.length, out = nodes.map(() => []), into = nodes.map(() => []);
  for (const [a, b] of edges) { out[a].push(b); into[b].push(a); }
  const layer = longestPaths(out, into);
  // A source sinks to the layer just above its first reader.
  for (let k = 0; k < n; k++)
    if (!into[k].length && out[k].length) layer[k] = Math.max(0, Math.min(...out[k].map(b => layer[b])) - 1);
  const all = nodes.map((node, k) => ({node, k, w: node.w, h: node.h, layer: layer[k], up: [], down: []}));
  const chains = edges.map(([a, b]) => chain(all, a, b));
  const layers = [];
  for (const v of all) (layers[v.layer] ||= []).push(v);
  for (let k = 0; k < layers.length; k++) layers[k] ||= [];
  order(layers);
  place(layers, gapX);
  const size = stack(layers, gapY);
  for (const v of all) if (v.node) { v.node.x = v.x; v.node.y = v.y; }
  return {...size, routes: chains.map(c => c.map(v => ({x: v.x, y: v.y})))};
}

function longestPaths(out, into) {
  const left = into.map(p => p.length), layer = into.map(() => 0), ready = [];
  left.forEach((c, k) => { if (!c) ready.push(k); });
  for (let at = 0; at < ready.length; at++)
    for (const b of out[ready[at]]) {
      layer[b] = Math.max(layer[b], layer[ready[at]] + 1);
      if (--left[b] === 0) ready.push(b);
    }
  return layer;
}

function chain(all, a, b) {
  const span = all[b].layer - all[a].layer, dummies = [];
  let last = all[a];
  if (span <= kDummySpan)
    for (let k = 1; k < span; k++) {
      const v = {node: null, w: 8, h: 0, layer: all[a].layer + k, up: [last], down: []};
      last.down.push(v);
      all.push(v);
      dummies.push(v);
      last = v;
    }
  last.down.push(all[b]);
  all[b].up.push(last);
  return dummies;
}

function order(layers) {
  const number = row => row.forEach((v, k) => { v.at = k; });
  layers.forEach(number);
  for (let sweep = 0; sweep < 8; sweep++) {
    const rows = sweep % 2 ? [...layers].reverse() : layers, side = sweep % 2 ? "down" : "up";
    for (const row of rows) {
      for (const v of row) v.key = v[side].length ? v[side].reduce((s, u) => s + u.at, 0) / v[side].length : v.at;
      row.sort((a, b) => a.key - b.key || a.at - b.at);
      number(row);
    }
  }
}

function place(layers, gap) {
  for (const row of layers) {
    let x = 0;
    for (const v of row) { v.x = x + v.w / 2; x += v.w + gap; }
  }
  for (let sweep = 0; sweep < 12; sweep++) {
    const rows = sweep % 2 ? [...layers].reverse() : layers, side = sweep % 2 ? "down" : "up";
    for (const row of rows) pull(row, side, gap);
  }
}

// Moves a row's nodes to the middle of their neighbours, then apart again in both directions, and takes the mean.
function pull(row, side, gap) {
  const wish = row.map(v => v[side].length ? v[side].reduce((s, u) => s + u.x, 0) / v[side].length : v.x);
  const least = (k) => (row[k - 1].w + row[k].w) / 2 + gap;
  const right = [...wish], left = [...wish];
  for (let k = 1; k < row.length; k++) right[k] = Math.max(right[k], right[k - 1] + least(k));
  for (let k = row.length - 1; k > 0; k--) left[k - 1] = Math.min(left[k - 1], left[k] - least(k));
  row.forEach((v, k) => { v.x = (left[k] + right[k]) / 2; });
}

function stack(layers, gap) {
  let least = Infinity, most = -Infinity, y = 0;
  for (const row of layers) {
    const h = Math.max(0, ...row.map(v => v.h));
    for (const v of row) {
      v.y = y + h / 2;
      least = Math.min(least, v.x - v.w / 2);
      most = Math.max(most, v.x + v.w / 2);
    }
    y += h + gap;
  }
  for (const row of layers) for (const v of row) v.x -= least;
  return {w: Math.max(0, most - least), h: Math.max(0, y - gap)};
}

/// The same for a graph in several pieces, which are put on shelves. Returns {w, h, routes} as well.
function packed(nodes, edges, gapX, gapY) {
  const piece = nodes.map((_, k) => k);
  const find = k => { while (piece[k] !== k) k = piece[k] = piece[piece[k]]; return k; };
  for (const [a, b] of edges) piece[find(a)] = find(b);
  const pieces = new Map();
  nodes.forEach((_, k) => { if (!pieces.has(find(k))) pieces.set(find(k), []); pieces.get(find(k)).push(k); });
  const parts = [...pieces.values()].map(list => {
    const local = new Map(list.map((k, i) => [k, i])), own = [];
    edges.forEach((e, i) => { if (local.has(e[0])) own.push(i); });
    const size = layered(list.map(k => nodes[k]), own.map(i => edges[i].map(k => local.get(k))), gapX, gapY);
    return {list, own, ...size};
  });
  const area = parts.reduce((s, p) => s + (p.w + gapX) * (p.h + gapY), 0);
  const wide = Math.max(...parts.map(p => p.w), 1.5 * Math.sqrt(area));
  const routes = [];
  let x = 0, y = 0, shelf = 0, most = 0;
  for (const p of parts) {
    if (x > 0 && x + p.w > wide) { x = 0; y += shelf + gapY; shelf = 0; }
    for (const k of p.list) { nodes[k].x += x; nodes[k].y += y; }
    p.own.forEach((edge, i) => { routes[edge] = p.routes[i].map(q => ({x: q.x + x, y: q.y + y})); });
    x += p.w + gapX;
    most = Math.max(most, x - gapX);
    shelf = Math.max(shelf, p.h);
  }
  return {w: most, h: y + shelf, routes};
}
