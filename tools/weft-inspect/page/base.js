// What all views share: elements, the programs, and which ops are picked.

const programs = JSON.parse(document.getElementById("data").textContent);
const kSvg = "http://www.w3.org/2000/svg";

addEventListener("error", e => { document.documentElement.dataset.error = e.message; });

/// Makes an element: make("td.n", {title: "x"}, "text", child). Texts are texts, never markup.
function make(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const isSvg = kSvgTags.has(tag);
  const e = isSvg ? document.createElementNS(kSvg, tag) : document.createElement(tag);
  if (classes.length) e.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value);
  e.append(...children.filter(c => c !== null && c !== undefined));
  return e;
}
const kSvgTags = new Set(["svg", "g", "rect", "path", "text", "line", "defs", "marker"]);

/// A colour of a kernel's own.
function colour(k, kind = "deep") {
  const hue = (k * 137.508 + 212) % 360;
  return kind === "deep" ? `hsl(${hue} 60% var(--deep))` : `hsl(${hue} 62% var(--light))`;
}

function count(n, what) { return `${n} ${what}${n === 1 ? "" : what.endsWith("h") ? "es" : "s"}`; }
function bytes(n) {
  if (n === null) return "?";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let u = 0;
  for (; n >= 1024 && u < 4; u++) n /= 1024;
  return `${u ? n.toFixed(n < 10 ? 2 : 1) : n} ${units[u]}`;
}
function micro(us) { return us === null ? "-" : us >= 1000 ? `${(us / 1000).toFixed(2)} ms` : `${us.toFixed(2)} us`; }
function short(file) { return file.slice(file.lastIndexOf("/") + 1); }
function lineOf(p, op) {
  const at = p.ops[op]?.at;
  return at ? `${short(at.file)}:${at.line}` : "";
}
function summary(p, launch) { return p.kernels[p.launches[launch].kernel].summary; }
function total(p) {
  return p.launches.length && p.launches.every(l => l.us !== null) ? p.launches.reduce((s, l) => s + l.us, 0) : null;
}

/// The ops that are picked, and who wants to hear of a change.
const picked = new Set(), listeners = [];
function pick(ops, from, again = false) {
  const same = !again && ops.length === picked.size && ops.every(op => picked.has(op)); // the second click lets go
  picked.clear();
  if (!same) for (const op of ops) picked.add(op);
  for (const f of listeners) f(from);
}
function isPicked(ops) { return ops.some(op => picked.has(op)); }

const tip = make("div", {id: "tip"});
/// Shows a text beside the pointer while it is over an element.
function hint(element, text) {
  element.addEventListener("pointermove", e => {
    tip.textContent = text();
    tip.style.display = "block";
    tip.style.left = Math.min(e.clientX + 14, innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = Math.min(e.clientY + 16, innerHeight - tip.offsetHeight - 8) + "px";
  });
  element.addEventListener("pointerleave", () => { tip.style.display = "none"; });
  return element;
}
