"use strict";
// The data: unpacked from the page, columns of differences summed up.

const $ = id => document.getElementById(id);

async function unpack() {
  const bytes = Uint8Array.from(atob($("data").textContent.trim()), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return toModel(await new Response(stream).json());
}

function sums(differences) {
  let at = 0;
  return Float64Array.from(differences, d => at += d);
}

function toModel(raw) {
  const { ops, msgs, meta } = raw;
  ops.at = sums(ops.callD);
  ops.end = ops.at.map((t, i) => t + ops.took[i]);
  ops.n = ops.at.length;
  ops.mark = new Uint8Array(ops.n); // 1: offends, 2: left the state before
  for (const o of raw.offences) if (o.op >= 0) ops.mark[o.op] = o.p ? 2 : 1;
  ops.of = Array.from({ length: meta.clients }, () => []); // by client
  for (let i = 0; i < ops.n; i++) ops.of[ops.client[i]].push(i);
  ops.about = runs(ops.facts);
  ops.own = runs(ops.rounds);

  msgs.at = sums(msgs.sentD);
  msgs.end = msgs.at.map((t, i) => t + msgs.took[i]);
  msgs.n = msgs.at.length;
  msgs.group = msgs.kind.map(k => meta.groups[k]);
  msgs.tallies = runs(msgs.tally);
  for (const t of raw.tallies) t.msgs = [];
  for (const [m, list] of msgs.tallies) for (const t of list) raw.tallies[t].msgs.push(m);
  // The latest end in each block of messages: what begins far left may end in view.
  msgs.blockEnd = [];
  for (let i = 0; i < msgs.n; i++) {
    const b = i >> 8;
    msgs.blockEnd[b] = Math.max(msgs.blockEnd[b] ?? 0, msgs.end[i]);
  }
  raw.syncs.forEach(s => { s.at = sums(s.beginD); });
  raw.tallies.forEach(t => {
    t.end = t.t;
    eachVote(t, (n, v, after) => { if (v) t.end = Math.max(t.end, t.t + after); });
    eachStandIn(t, (n, whom, v, after) => { if (v) t.end = Math.max(t.end, t.t + after); });
    t.said = new Map();
    for (let i = 0; i < (t.a?.length ?? 0); i += 2) t.said.set(t.a[i], raw.texts[t.a[i + 1]]);
  });
  raw.tallyOfKey = new Map();
  raw.tallies.forEach((t, i) => {
    if (!raw.tallyOfKey.has(t.y)) raw.tallyOfKey.set(t.y, []);
    raw.tallyOfKey.get(t.y).push(i);
  });
  return raw;
}

// Runs of (number, how many, ...), by number.
function runs(flat) {
  const lists = new Map();
  for (let i = 0; i < flat.length;) {
    const at = flat[i++], count = flat[i++];
    lists.set(at, flat.slice(i, i += count));
  }
  return lists;
}

function eachVote(t, f) {
  for (let i = 0; i < t.v.length; i += 3) f(t.v[i], t.v[i + 1], t.v[i + 2]);
}

// Who was asked to stand in, for whom (0: for any), and what it said: 3 is that it keeps nothing.
function eachStandIn(t, f) {
  for (let i = 0; i < (t.h?.length ?? 0); i += 4) f(t.h[i], t.h[i + 1], t.h[i + 2], t.h[i + 3]);
}

// When there were enough answers; Infinity: never.
const metAt = t => t.m < 0 ? Infinity : t.t + t.m;

// The first index whose value is at least t.
function lowerBound(list, t) {
  let lo = 0, hi = list.length;
  while (lo < hi) {
    const mid = lo + hi >> 1;
    if (list[mid] < t) lo = mid + 1; else hi = mid;
  }
  return lo;
}

// Calls f with the number of each message that is under way between from and to.
function eachMessage(M, from, to, f) {
  const { msgs } = M, until = lowerBound(msgs.at, to);
  for (let b = 0; b << 8 < until; b++) {
    if (msgs.blockEnd[b] < from) continue;
    for (let i = b << 8, stop = Math.min(until, b + 1 << 8); i < stop; i++) if (msgs.end[i] >= from) f(i);
  }
}

const ms = t => (t / 1000).toFixed(3) + " ms";
const isMapClient = c => c >= M.meta.clients - M.meta.mapClients;
const clientName = c => isMapClient(c) ? "map client " + (c - M.meta.clients + M.meta.mapClients) : "client " + c;
const placeName = p => p > 0 ? "n" + p : isMapClient(-1 - p) ? "m" + (-1 - p - M.meta.clients + M.meta.mapClients) : "c" + (-1 - p);
const outcomes = ["unknown", "ok", "failed"];
const fates = ["handled", "lost by the network", "refused: nobody listened", "never looked at: its node or the run ended"];

const keyName = (M, k) => k < 0 ? "" : M.meta.keys[k];
