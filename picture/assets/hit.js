// What lies under the pointer.

function hit(px, py) {
  if (px < GUTTER || py < RULER) return null;
  const y = py + view.top, t = timeAt(px), slack = timeAt(px + 3) - t;
  return hitOp(t, y, slack) ?? hitMessage(px, y) ?? hitNode(t, y, slack) ?? hitFault(t, y, slack);
}

function hitOp(t, y, slack) {
  const c = lanes.clients.findIndex(l => y >= l.y && y <= l.y + l.h);
  if (c < 0) return null;
  const { ops } = M;
  let best = null, least = slack;
  for (const i of ops.of[c]) {
    const off = t < ops.at[i] ? ops.at[i] - t : t > ops.end[i] ? t - ops.end[i] : 0;
    if (off <= least) { best = { type: "op", i }; least = off; if (!off) break; }
  }
  return best;
}

function hitMessage(px, y) {
  if (drawn.messages > MOST_ARROWS && !view.focus.size && !view.matches) return null;
  const { msgs } = M;
  let best = null, least = 6;
  eachMessage(M, view.from, view.to, m => {
    if (!wanted(m) || drawn.messages > MOST_ARROWS && !view.focus.has(m) && !view.matches?.msgs.has(m)) return;
    const x1 = x(msgs.at[m]), y1 = anchor(msgs.from[m]), dx = x(msgs.end[m]) - x1, dy = anchor(msgs.to[m]) - y1;
    const along = Math.max(0, Math.min(1, ((px - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy || 1)));
    const off = Math.hypot(px - x1 - along * dx, y - y1 - along * dy);
    if (off < least) { best = { type: "msg", i: m }; least = off; }
  });
  return best;
}

function hitNode(t, y, slack) {
  const n = lanes.nodes.findIndex(l => y >= l.y && y <= l.y + l.h);
  if (n < 0) return null;
  const l = lanes.nodes[n], over = (from, to) => t >= from - slack && t <= to + slack;
  if (y >= l.owners) {
    const r = Math.floor((y - l.owners) / 4), i = M.owners.findLastIndex(o => o.n === n + 1 && o.r === r && over(o.f, o.t));
    if (i >= 0) return { type: "owner", i };
  }
  const s = M.syncs[n], k = lowerBound(s.at, t + slack) - 1;
  if (y >= l.sync - 1 && y <= l.sync + 8 && k >= 0 && over(s.at[k], s.at[k] + Math.max(s.took[k], 0))) return { type: "sync", i: k, node: n + 1 };
  const d = M.downs.findIndex(d => d.n === n + 1 && over(d.f, d.t));
  if (d >= 0) return { type: "down", i: d };
  const f = M.faults.findIndex(f => f.n.includes(n + 1) && over(f.f, f.t));
  return f >= 0 ? { type: "fault", i: f } : null;
}

function hitFault(t, y, slack) {
  const row = Math.floor((y - lanes.faultY) / FAULT_ROW);
  const i = M.faults.findIndex(f => f.row === row && t >= f.f - slack && t <= f.t + slack);
  return i >= 0 ? { type: "fault", i } : null;
}
