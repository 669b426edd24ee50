// The view: which stretch of time is shown, where lanes lie, what is selected.

const GUTTER = 86, RULER = 22, FAULT_ROW = 15, MOST_ROWS = 16;
const FEW = 150; // messages of a group that hide nothing
const groups = [
  { name: "clients", colour: "--client", on: true },
  { name: "ownership", colour: "--own", on: true },
  { name: "writes", colour: "--write", on: true },
  { name: "reads", colour: "--read", on: true },
  { name: "forwards", colour: "--forward", on: true },
  { name: "hints", colour: "--hint", on: false, few: true },
  { name: "anti-entropy", colour: "--sync", on: false, few: true },
  { name: "map", colour: "--map", on: false, few: true },
  { name: "background", colour: "--background", on: false },
];

const view = {
  from: 0, to: 1, top: 0, width: 0, height: 0, // microseconds; pixels
  hover: null, picked: null, // {type, i}
  matches: null, // {ops: Set, msgs: Set, list, at} while a search is on
  focus: new Set(), quorum: null, partition: -1, // messages and tally of what is picked or hovered
  offence: -1,
};

const x = t => GUTTER + (t - view.from) / (view.to - view.from) * (view.width - GUTTER);
const timeAt = px => view.from + (px - GUTTER) / (view.width - GUTTER) * (view.to - view.from);

function setRange(from, to) {
  const least = 20, most = M.meta.end * 1.1 + 100;
  let span = Math.min(Math.max(to - from, least), most);
  const middle = (from + to) / 2;
  from = middle - span / 2;
  from = Math.max(-0.01 * M.meta.end - 50, Math.min(from, M.meta.end * 1.05 + 50 - span));
  view.from = from;
  view.to = from + span;
  changed();
}

function zoom(factor, at = (view.from + view.to) / 2) {
  setRange(at - (at - view.from) * factor, at + (view.to - at) * factor);
}
const pan = share => setRange(view.from + share * (view.to - view.from), view.to + share * (view.to - view.from));
const fit = () => setRange(0, M.meta.end);

function scroll(px) {
  view.top = Math.max(0, Math.min(view.top + px, lanes.height - view.height));
  changed();
}

const lanes = { clients: [], nodes: [], faultRows: 1, height: 0 };

// Faults that overlap get rows of their own.
function stackFaults() {
  const ends = [];
  for (const f of M.faults) {
    let row = ends.findIndex(e => e <= f.f);
    if (row < 0) row = ends.length;
    f.row = row;
    ends[row] = f.t;
  }
  lanes.faultRows = Math.max(ends.length, 1);
}

// Lanes from top to bottom: faults, clients, nodes. Spare room goes between the
// nodes, where most arrows are.
function layOut() {
  const owners = Math.min(M.meta.rows.length, MOST_ROWS) * 4;
  const clientH = M.meta.clients > 16 ? 14 : 20, nodeH = 42 + owners;
  let y = RULER + 4;
  lanes.faultY = y;
  if (M.faults.length) y += lanes.faultRows * FAULT_ROW + 6;
  lanes.clients = [];
  for (let c = 0; c < M.meta.clients; c++, y += clientH + 4) lanes.clients.push({ y, h: clientH });
  y += 22;
  const spare = view.height - y - M.meta.nodes * nodeH - 6;
  const gap = Math.max(18, Math.min(150, spare / Math.max(M.meta.nodes - 1, 1)));
  lanes.nodes = [];
  for (let n = 0; n < M.meta.nodes; n++, y += nodeH + gap) {
    lanes.nodes.push({ y, h: nodeH, line: y + 14, sync: y + 24, owners: y + 37 });
  }
  lanes.height = y - gap + 8;
  view.top = Math.max(0, Math.min(view.top, lanes.height - view.height));
}

const anchor = place => place < 0 ? lanes.clients[-1 - place].y + lanes.clients[-1 - place].h / 2 : lanes.nodes[place - 1].line;

// The votes on an operation's key while it was under way. Of a strong bucket they
// all concern it; else its own come first, as far as it is known which these are.
function talliesOf(i) {
  const { ops } = M, own = ops.own.get(i) ?? [];
  const list = (M.tallyOfKey.get(M.meta.same[ops.key[i]]) ?? []).filter(t => M.tallies[t].t <= ops.end[i] && M.tallies[t].end >= ops.at[i]);
  return [...own, ...list.filter(t => !own.includes(t)).sort((a, b) => M.tallies[a].t - M.tallies[b].t)];
}

function setFocus() {
  const item = view.hover ?? view.picked;
  view.focus = new Set();
  view.quorum = null;
  view.partition = item?.type === "op" ? M.ops.part[item.i] : item?.type === "owner" ? M.owners[item.i].p : -1;
  if (!item) return;
  let list = [];
  if (item.type === "op") {
    list = M.ops.own.get(item.i) ?? talliesOf(item.i);
    const me = -1 - M.ops.client[item.i];
    eachMessage(M, M.ops.at[item.i], M.ops.end[item.i] + 1, m => {
      if (M.msgs.from[m] === me || M.msgs.to[m] === me) view.focus.add(m);
    });
  } else if (item.type === "msg") {
    list = M.msgs.tallies.get(item.i) ?? [];
    view.focus.add(item.i);
  }
  for (const t of list) for (const m of M.tallies[t].msgs) view.focus.add(m);
  const kind = t => M.meta.kinds[M.tallies[t].k];
  view.quorum = list.findLast(t => kind(t) === "accept" || kind(t) === "put") ?? list[0] ?? null;
}

function centre(from, to) {
  const span = Math.max((to - from) * 2.2, Math.min(view.to - view.from, 40 * (to - from) + 4000), 300);
  setRange((from + to - span) / 2, (from + to + span) / 2);
}

function itemSpan(item) {
  const table = { op: M.ops, msg: M.msgs }[item.type];
  return table ? [table.at[item.i], table.end[item.i]] : [M.faults[item.i].f, M.faults[item.i].t];
}
