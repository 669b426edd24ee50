// The drawing: everything in view, once per frame in which something changed.

const MOST_ARROWS = 900, MOST_HEADS = 500;
let ctx, colours = {}, pending = false, drawn = { arrows: 0, messages: 0 };

function changed() {
  if (!pending) { pending = true; requestAnimationFrame(draw); }
}

// hatch fills a box with diagonal lines.
function hatch(from, to, y, h, colour) {
  const at = box(from, to, y, h, "transparent", 3);
  if (!at) return null;
  ctx.save();
  ctx.beginPath(); ctx.rect(at[0], y, at[1], h); ctx.clip();
  ctx.strokeStyle = colour;
  ctx.beginPath();
  for (let a = at[0] - h - (at[0] % 7); a < at[0] + at[1]; a += 7) { ctx.moveTo(a, y + h); ctx.lineTo(a + h, y); }
  ctx.stroke();
  ctx.restore();
  return at;
}

function readColours() {
  const style = getComputedStyle(document.documentElement);
  colours = new Proxy({}, { get: (cache, name) => cache[name] ??= style.getPropertyValue(name).trim() });
}

function size(canvas) {
  const scale = window.devicePixelRatio || 1, box = canvas.getBoundingClientRect();
  canvas.width = Math.round(box.width * scale);
  canvas.height = Math.round(box.height * scale);
  canvas.getContext("2d").setTransform(scale, 0, 0, scale, 0, 0);
  return box;
}

function draw() {
  pending = false;
  const { width, height } = view;
  ctx.fillStyle = colours["--back"];
  ctx.fillRect(0, 0, width, height);
  ctx.save();
  ctx.translate(0, -view.top);
  drawLanes();
  ctx.beginPath();
  ctx.rect(GUTTER, 0, width - GUTTER, lanes.height + height);
  ctx.clip();
  drawOffences();
  drawFaults();
  drawNodes();
  drawMessages();
  drawOps();
  ctx.restore();
  drawGutter();
  drawRuler();
  drawOverview();
  tell();
}

function box(from, to, y, h, colour, least = 1) {
  const a = Math.max(x(from), GUTTER - 4), b = Math.min(x(to), view.width + 4);
  if (b < GUTTER - 4 || a > view.width + 4) return null;
  ctx.fillStyle = colour;
  ctx.fillRect(a, y, Math.max(b - a, least), h);
  return [a, Math.max(b - a, least)];
}

function label(text, left, y, room, colour) {
  if (room < 14) return;
  ctx.fillStyle = colour;
  const fits = Math.floor((room - 6) / 6);
  if (fits >= 2) ctx.fillText(text.length > fits ? text.slice(0, fits - 1) + "…" : text, left + 4, y);
}

function drawLanes() {
  for (const l of lanes.clients) { ctx.fillStyle = colours["--lane"]; ctx.fillRect(GUTTER, l.y, view.width, l.h); }
  for (const l of lanes.nodes) {
    ctx.fillStyle = colours["--lane-node"];
    ctx.fillRect(GUTTER, l.y, view.width, l.h);
    ctx.fillStyle = colours["--line"];
    ctx.fillRect(GUTTER, l.line, view.width, 1);
  }
}

function drawOffences() {
  const marked = M.offences.filter(o => o.op >= 0 && !o.p).map(o => o.op);
  if (marked.length) {
    const from = Math.min(...marked.map(i => M.ops.at[i])), to = Math.max(...marked.map(i => M.ops.end[i]));
    const at = box(from, to, 0, lanes.height, colours["--bad-soft"], 2);
    ctx.fillStyle = colours["--bad"];
    if (at) { ctx.fillRect(at[0], 0, 1, lanes.height); ctx.fillRect(at[0] + at[1], 0, 1, lanes.height); }
  }
  for (const o of M.offences) if (o.op < 0) box(o.t, o.t, 0, lanes.height, colours["--bad"], 2);
  if (M.meta.heal) {
    const at = box(M.meta.heal, M.meta.heal, RULER, lanes.height, colours["--own"], 1);
    if (at) { ctx.font = "11px system-ui"; label("all faults end", at[0], lanes.nodes[0].y - 6, 120, colours["--own"]); }
  }
}

function drawFaults() {
  ctx.font = "11px system-ui, sans-serif";
  ctx.textBaseline = "alphabetic";
  M.faults.forEach((f, i) => {
    for (const n of f.n) box(f.f, f.t, lanes.nodes[n - 1].y, lanes.nodes[n - 1].h, colours["--fault-soft"], 1);
    const y = lanes.faultY + f.row * FAULT_ROW;
    const at = box(f.f, f.t, y, FAULT_ROW - 2, colours["--fault-soft"], 2);
    if (!at) return;
    ctx.fillStyle = colours["--fault"];
    ctx.fillRect(at[0], y, 2, FAULT_ROW - 2);
    const next = Math.min(...M.faults.filter(g => g.row === f.row && g.f >= f.t).map(g => x(g.f)), view.width);
    label(f.x, at[0], y + 10, next - at[0], isPicked("fault", i) ? colours["--bad"] : colours["--ink"]);
  });
}

const ownerColours = ["--own", "--read", "--write", "--cond", "--forward", "--client"];

function drawNodes() {
  const lit = M.meta.rows.includes(view.partition) ? view.partition : -1;
  for (const o of M.owners) {
    ctx.globalAlpha = lit < 0 || lit === o.p ? 1 : .2;
    if (o.r < MOST_ROWS) box(o.f, o.t, lanes.nodes[o.n - 1].owners + o.r * 4, 3, colours[ownerColours[o.r % 6]], 1);
  }
  ctx.globalAlpha = 1;
  M.syncs.forEach((s, k) => {
    const y = lanes.nodes[k].sync;
    for (let i = Math.max(lowerBound(s.at, view.from) - 1, 0); i < s.at.length && s.at[i] <= view.to; i++) {
      const cut = s.took[i] < 0;
      box(s.at[i], s.at[i] + Math.max(s.took[i], 0), y, 7, colours[cut ? "--bad" : "--sync"], 1);
    }
  });
  ctx.font = "bold 12px system-ui, sans-serif";
  for (const d of M.downs) {
    const l = lanes.nodes[d.n - 1], at = hatch(d.f, d.t, l.y, l.h, colours["--down"]);
    if (!at) continue;
    ctx.fillStyle = colours["--bad"];
    ctx.fillText("✕", at[0] - 4, l.line + 5);
    if (at[1] > 60) { ctx.font = "11px system-ui"; label("down", at[0] + 8, l.line + 4, at[1], colours["--ink"]); ctx.font = "bold 12px system-ui"; }
    if (d.b) { ctx.fillStyle = colours["--own"]; ctx.fillText("▲", at[0] + at[1] - 5, l.line + 5); }
  }
}

const isPicked = (type, i) => view.picked?.type === type && view.picked.i === i;
const isHover = (type, i) => view.hover?.type === type && view.hover.i === i;

function drawOps() {
  ctx.font = "11px system-ui, sans-serif";
  const { ops } = M;
  lanes.clients.forEach((l, c) => {
    const mine = ops.of[c];
    let lo = 0, hi = mine.length; // the first that ends in view
    while (lo < hi) { const mid = lo + hi >> 1; if (ops.end[mine[mid]] < view.from) lo = mid + 1; else hi = mid; }
    for (let k = lo; k < mine.length && ops.at[mine[k]] <= view.to; k++) drawOp(mine[k], l);
  });
}

function drawOp(i, l) {
  const { ops } = M, bad = ops.mark[i] === 1;
  const colour = colours[bad ? "--bad" : ["--read", "--write", "--cond", "--map"][ops.class[i]]];
  const dim = view.matches && !view.matches.ops.has(i) && !bad;
  ctx.globalAlpha = dim ? .2 : ops.outcome[i] === 1 ? 1 : bad ? .55 : .4;
  const at = box(ops.at[i], ops.end[i], l.y + 2, l.h - 4, colour, bad ? 5 : 2);
  ctx.globalAlpha = 1;
  if (!at) return;
  if (ops.outcome[i] === 0) { // nobody knows when, if ever, it ended
    ctx.strokeStyle = colour; ctx.setLineDash([3, 3]);
    ctx.strokeRect(at[0] + .5, l.y + 2.5, at[1], l.h - 5); ctx.setLineDash([]);
  }
  if (isPicked("op", i) || isHover("op", i) || ops.mark[i] || view.matches?.ops.has(i)) {
    ctx.strokeStyle = colours[isPicked("op", i) || isHover("op", i) ? "--ink" : bad ? "--bad" : ops.mark[i] ? "--faint" : "--hit"];
    ctx.lineWidth = 2; ctx.strokeRect(at[0] - 1, l.y + 1, at[1] + 2, l.h - 2); ctx.lineWidth = 1;
  }
  if (!dim && l.h > 15) label(ops.text[i], Math.max(at[0], GUTTER), l.y + l.h / 2 + 4, at[1], colours[ops.outcome[i] === 1 ? "--back" : "--ink"]);
}

// wanted reports whether a message is to be drawn at all.
const wanted = m => groups[M.msgs.group[m]].on || view.focus.has(m) || (view.matches?.msgs.has(m) ?? false);

function drawMessages() {
  const list = [];
  eachMessage(M, view.from, view.to, m => { if (wanted(m)) list.push(m); });
  drawn.messages = list.length;
  const many = list.length > MOST_ARROWS;
  if (many) drawDensity(list);
  const shown = many ? list.filter(m => view.focus.has(m) || view.matches?.msgs.has(m)).slice(0, MOST_ARROWS) : list;
  drawn.arrows = shown.length;
  const quiet = view.focus.size > 0 || view.matches;
  for (const m of shown) if (!view.focus.has(m)) drawArrow(m, quiet && !view.matches?.msgs.has(m) ? .3 : .75, 1, shown.length);
  for (const m of shown) if (view.focus.has(m)) drawArrow(m, 1, 2, 0);
}

// drawDensity stands in for arrows: how many messages leave each node.
function drawDensity(list) {
  const step = 3, columns = Math.ceil((view.width - GUTTER) / step);
  const counts = lanes.nodes.map(() => new Uint16Array(columns)), losses = lanes.nodes.map(() => new Uint8Array(columns));
  let most = 1;
  for (const m of list) {
    const n = M.msgs.from[m], c = Math.floor((x(M.msgs.at[m]) - GUTTER) / step);
    if (n < 1 || c < 0 || c >= columns) continue;
    most = Math.max(most, ++counts[n - 1][c]);
    if (M.msgs.fate[m]) losses[n - 1][c] = 1;
  }
  lanes.nodes.forEach((l, n) => {
    for (let c = 0; c < columns; c++) {
      if (!counts[n][c]) continue;
      const h = Math.max(1, counts[n][c] / most * 13);
      ctx.fillStyle = colours["--faint"];
      ctx.fillRect(GUTTER + c * step, l.line - h, step - 1, h);
      if (losses[n][c]) { ctx.fillStyle = colours["--bad"]; ctx.fillRect(GUTTER + c * step, l.line + 2, step - 1, 3); }
    }
  });
}

function drawArrow(m, alpha, width, count) {
  const { msgs } = M, fate = msgs.fate[m];
  const x1 = x(msgs.at[m]), y1 = anchor(msgs.from[m]), y2 = anchor(msgs.to[m]);
  let x2 = x(msgs.end[m]), end = y2;
  if (fate === 1) { x2 = x1 + (x2 - x1) * .6; end = y1 + (y2 - y1) * .6; } // it never gets there
  ctx.globalAlpha = fate ? Math.max(alpha, .35) : alpha;
  const colour = colours[fate === 3 ? "--faint" : fate ? "--bad" : groups[msgs.group[m]].colour];
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.lineWidth = width;
  if (fate) ctx.setLineDash([4, 3]);
  ctx.beginPath(); ctx.moveTo(x1, y1); ctx.lineTo(x2, end); ctx.stroke();
  ctx.setLineDash([]);
  if (fate === 1 || fate === 2) {
    ctx.beginPath();
    ctx.moveTo(x2 - 3, end - 3); ctx.lineTo(x2 + 3, end + 3); ctx.moveTo(x2 + 3, end - 3); ctx.lineTo(x2 - 3, end + 3);
    ctx.stroke();
  } else if (fate === 3) {
    ctx.beginPath(); ctx.arc(x2, end, 3, 0, 7); ctx.stroke();
  } else if (count < MOST_HEADS) {
    const a = Math.atan2(end - y1, x2 - x1), r = 5 + width;
    ctx.beginPath(); ctx.moveTo(x2, end);
    ctx.lineTo(x2 - r * Math.cos(a - .35), end - r * Math.sin(a - .35));
    ctx.lineTo(x2 - r * Math.cos(a + .35), end - r * Math.sin(a + .35)); ctx.fill();
  }
  ctx.globalAlpha = 1; ctx.lineWidth = 1;
}

// drawGutter names the lanes, and says how each node voted in what is pointed at.
function drawGutter() {
  ctx.fillStyle = colours["--panel"];
  ctx.fillRect(0, 0, GUTTER, view.height);
  ctx.textBaseline = "alphabetic";
  const names = (list, name) => list.forEach((l, i) => {
    ctx.fillStyle = colours["--ink"];
    ctx.font = (name === "n" ? "bold 13px" : "12px") + " system-ui, sans-serif";
    ctx.fillText(name === "n" ? "node " + (i + 1) : clientName(i), 8, l.y - view.top + (name === "n" ? 18 : l.h / 2 + 4));
  });
  if (M.faults.length) { ctx.fillStyle = colours["--fault"]; ctx.font = "12px system-ui"; ctx.fillText("faults", 8, lanes.faultY - view.top + 11); }
  names(lanes.clients, "c");
  names(lanes.nodes, "n");
  ctx.font = "10px system-ui"; ctx.fillStyle = colours["--faint"];
  for (const l of lanes.nodes) {
    ctx.fillText("syncs", 8, l.sync - view.top + 7);
    if (M.meta.rows.length) ctx.fillText("owns", 8, l.owners - view.top + 6);
  }
  if (view.quorum === null) return;
  const t = M.tallies[view.quorum];
  const badge = (n, text, colour, left = 16) => {
    ctx.fillStyle = colours[colour]; ctx.font = "bold 13px system-ui";
    ctx.fillText(text, GUTTER - left, lanes.nodes[n - 1].y - view.top + 18);
  };
  const marks = ["…", "✓", "✗", "○"], inks = ["--faint", "--yes", "--bad", "--faint"];
  eachVote(t, (n, v) => { if (n !== t.n || !t.s) badge(n, marks[v], inks[v]); });
  eachStandIn(t, (n, whom, v) => badge(n, "h" + marks[v], t.c ? inks[v] : "--faint", 20));
  badge(t.n, "●", "--yes", t.s ? 16 : 28);
}

function drawRuler() {
  ctx.fillStyle = colours["--panel"];
  ctx.fillRect(0, 0, view.width, RULER);
  ctx.fillStyle = colours["--line"];
  ctx.fillRect(0, RULER - 1, view.width, 1);
  const span = view.to - view.from, rough = span / Math.max(view.width / 110, 1), power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(k => k * power).find(s => s >= rough);
  const digits = Math.max(0, 3 - Math.floor(Math.log10(step)));
  ctx.font = "11px system-ui, sans-serif";
  for (let t = Math.ceil(view.from / step) * step; t <= view.to; t += step) {
    if (x(t) < GUTTER) continue;
    ctx.fillStyle = colours["--faint"];
    ctx.fillRect(x(t), RULER - 5, 1, 5);
    ctx.fillText((t / 1000).toFixed(digits) + " ms", x(t) + 3, 14);
  }
  ctx.fillStyle = colours["--bad"]; // where to look, however far out the view is
  for (const o of M.offences) {
    const at = x(o.t);
    if (o.p || at < GUTTER || at > view.width) continue;
    ctx.beginPath(); ctx.moveTo(at - 5, RULER - 9); ctx.lineTo(at + 5, RULER - 9); ctx.lineTo(at, RULER - 1); ctx.fill();
  }
}

function drawOverview() {
  const canvas = $("overview"), c = canvas.getContext("2d"), w = view.width, h = 33;
  const at = t => GUTTER + Math.max(0, Math.min(t / M.meta.end, 1)) * (w - GUTTER - 2);
  c.fillStyle = colours["--panel"]; c.fillRect(0, 0, w, h + 1);
  c.fillStyle = colours["--faint"]; c.font = "11px system-ui"; c.fillText("whole run", 8, 20);
  c.fillStyle = colours["--fault"]; c.globalAlpha = .5;
  for (const f of M.faults) c.fillRect(at(f.f), 3, Math.max(at(f.t) - at(f.f), 1), 5);
  c.globalAlpha = .35; c.fillStyle = colours["--read"];
  for (let i = 0; i < M.ops.n; i++) c.fillRect(at(M.ops.at[i]), 11, Math.max(at(M.ops.end[i]) - at(M.ops.at[i]), 1), 14);
  c.globalAlpha = 1; c.fillStyle = colours["--bad"];
  for (const o of M.offences) c.fillRect(at(o.t) - 1, 9, 3, 18);
  c.strokeStyle = colours["--ink"]; c.lineWidth = 1.5;
  c.strokeRect(at(view.from), 2, Math.max(at(view.to) - at(view.from), 4), h - 4);
}
