// Everything in words: tooltips, the panel and its tabs, the search.

const esc = s => String(s).replace(/[&<>"]/g, c => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }[c]));
const when = (from, to) => `${ms(from)} to ${ms(to)}, ${ms(to - from)} long`;

// say describes an item: a title, its facts, and the numbers of its tallies.
function say(item) {
  const { ops, msgs, meta } = M, i = item.i;
  switch (item.type) {
    case "op": return {
      title: ops.text[i], tallies: talliesOf(i),
      facts: [`${clientName(ops.client[i])} at node ${ops.node[i]}`, ...(ops.about.get(i) ?? []).map(f => M.facts[f]), when(ops.at[i], ops.end[i]),
        ops.outcome[i] === 0 ? "outcome unknown: it may have happened, or may happen later" : outcomes[ops.outcome[i]],
        ...(ops.mark[i] === 1 ? ["OFFENDING: it is one of those that contradict each other; the story says how"] : []),
        ...(ops.mark[i] === 2 ? ["left the key as it was before the offending stretch"] : [])],
    };
    case "msg": return {
      title: `${meta.kinds[msgs.kind[i]]} ${placeName(msgs.from[i])} → ${placeName(msgs.to[i])}`, tallies: msgs.tallies.get(i) ?? [],
      facts: [...(M.notes[msgs.note[i]] ? [M.notes[msgs.note[i]]] : []), msgs.fate[i] === 1 ? `sent at ${ms(msgs.at[i])}` : when(msgs.at[i], msgs.end[i]), fates[msgs.fate[i]]],
    };
    case "fault": { const f = M.faults[i]; return { title: f.x, facts: ["fault", when(f.f, f.t)], tallies: [] }; }
    case "down": { const d = M.downs[i]; return { title: `node ${d.n} is down`, facts: [d.c, when(d.f, d.t)], tallies: [] }; }
    case "owner": { const o = M.owners[i]; return { title: `node ${o.n} owns ${o.p === 65535 ? "the cluster map" : "partition " + o.p}`, facts: [`ballot ${o.b}`, when(o.f, o.t)], tallies: [] }; }
    case "sync": {
      const s = M.syncs[item.node - 1], cut = s.took[i] < 0;
      return { title: `node ${item.node} syncs its log`, facts: [cut ? `begun at ${ms(s.at[i])}, cut short by a crash` : when(s.at[i], s.at[i] + s.took[i])], tallies: [] };
    }
  }
}

function votes(number) {
  const t = M.tallies[number], at = metAt(t), list = [`<span class="vote yes">n${t.n} asks${t.s ? ", its own copy counts" : ""}</span>`];
  const vote = (v, who, after, what) => `<span class="vote ${["", "yes", "no", ""][v]}">${who} ${["no answer", "✓ +" + ms(after), "✗ +" + ms(after), "keeps nothing, +" + ms(after)][v]}${what ? ": " + esc(what) : ""}</span>`;
  eachVote(t, (n, v, after) => { if (n !== t.n || !t.s) list.push(vote(v, "n" + n, after, t.said.get(n))); });
  eachStandIn(t, (n, whom, v, after) => list.push(vote(v, `n${n} ${t.c ? "stands in" : "keeps a hint, which counts for nothing,"}${whom ? " for n" + whom : ""}`, after)));
  return `<div class="votes"><b>${esc(M.meta.kinds[t.k])}</b> ${esc(M.texts[t.x])}<br>${list.join("")}<br>
    <small>from ${ms(t.t)}; ${esc(M.texts[t.g])}: ${at < Infinity ? "reached at " + ms(at) : "not reached"}</small></div>`;
}

function asHTML(item, most) {
  const said = say(item), own = item.type === "op" ? M.ops.own.get(item.i)?.length ?? 0 : said.tallies.length;
  const list = said.tallies.slice(0, Math.max(most, own)).map(votes), left = said.tallies.length - list.length;
  const meanwhile = item.type !== "op" || list.length === own ? "" : `<div>${own ? "other " : ""}rounds on ${esc(keyName(M, M.meta.same[M.ops.key[item.i]]))} meanwhile:</div>`;
  return `<b>${esc(said.title)}</b>` + said.facts.map(f => `<div>${esc(f)}</div>`).join("") +
    list.slice(0, own).join("") + meanwhile + list.slice(own).join("") + (left > 0 ? `<small>and ${left} more rounds: click for all</small>` : "");
}

function showTip(item, px, py) {
  const tip = $("tip");
  tip.hidden = !item;
  if (!item) return;
  tip.innerHTML = asHTML(item, 3);
  const w = tip.offsetWidth, h = tip.offsetHeight;
  tip.style.left = Math.max(4, px + 16 + w > view.width ? px - w - 12 : px + 16) + "px";
  tip.style.top = Math.max(4, Math.min(py + 14, view.height - h - 4)) + "px";
}

function pick(item, tab) {
  view.picked = item;
  setFocus();
  if (item) {
    $("details").innerHTML = asHTML(item, 40);
    if (tab) showTab(tab);
  }
  changed();
}

function showTab(name) {
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const on = tab.id === "tab-" + name;
    tab.setAttribute("aria-selected", on);
    tab.tabIndex = on ? 0 : -1;
    $(tab.getAttribute("aria-controls")).hidden = !on;
  }
  if (name === "porcupine" && !$("porcupine").firstChild) {
    if (!M.porcupine) $("porcupine").innerHTML = "<p>The checker's own picture was left out.</p>";
    else $("porcupine").append(Object.assign(document.createElement("iframe"), { srcdoc: M.porcupine, title: "Porcupine's picture of the history" }));
  }
  if ($("panel").classList.toggle("wide", name === "porcupine") !== showTab.wide) { showTab.wide = !showTab.wide; resize(); }
}
showTab.wide = false;

function story() {
  const { meta } = M, parts = [];
  for (const v of meta.violations) parts.push(`<p><b>${esc(v)}</b></p>`);
  if (M.offences.length) {
    parts.push("<h2>Where it went wrong</h2>");
    M.offences.forEach((o, k) => parts.push(`<button class="item ${o.p ? "" : "bad"}" data-offence="${k}">${esc(o.x)}<br><small>${ms(o.t)}${o.op >= 0 ? ", " + clientName(M.ops.client[o.op]) : ""}</small></button>`));
  }
  parts.push("<h2>The run</h2>", `<p>${meta.nodes} nodes, ${meta.replicas} replicas, ${meta.partitions} partitions, ${meta.clients - meta.mapClients} clients${meta.mapClients ? ` and ${meta.mapClients} of the map` : ""}; ${M.ops.n} operations, ${M.msgs.n} messages, ${meta.events} events in ${ms(meta.end)} of virtual time. Scenario ${esc(meta.scenario)}.</p>`);
  if (meta.leftOut.length) parts.push(`<p>Left out, to keep this file small: ${esc(meta.leftOut.join(", "))}.</p>`);
  if (meta.replay) parts.push("<h2>Run it again</h2>", `<code>${esc(meta.replay)}</code>`);
  parts.push(`<p><small>trace ${esc(meta.hash)}</small></p>`);
  if (M.faults.length) parts.push("<h2>Faults</h2>", ...M.faults.map((f, i) => `<button class="item" data-type="fault" data-i="${i}">${esc(f.x)}<br><small>${when(f.f, f.t)}</small></button>`));
  $("story").innerHTML = parts.join("");
}

// goOffence selects an offence and brings all that belong to its stretch into view.
function goOffence(k) {
  if (!M.offences.length) return;
  view.offence = (k + M.offences.length) % M.offences.length;
  const o = M.offences[view.offence];
  if (o.op < 0) { pick(null); setRange(o.t - 30000, o.t + 2000); } // what led to it
  else { pick({ type: "op", i: o.op }); centre(M.ops.at[o.op], M.ops.end[o.op]); }
  document.querySelectorAll("[data-offence]").forEach(b => b.setAttribute("aria-current", +b.dataset.offence === view.offence));
}

// The next operations on the key of one.
function after(i, most) {
  const { ops } = M, list = [];
  for (let k = i + 1; k < ops.n && list.length < most; k++) if (ops.key[k] === ops.key[i]) list.push(k);
  return list;
}

// firstOffence shows the whole stretch, from what led to it on.
function firstOffence() {
  if (!M.offences.length) return fit();
  const told = o => o.op >= 0 && !o.p && M.ops.outcome[o.op] === 1;
  goOffence(Math.max(M.offences.findLastIndex(told), 0)); // the answer that nothing explains is mostly the last one
  const list = M.offences.filter(o => o.op >= 0).map(o => o.op);
  if (!list.length) {
    eachMessage(M, view.from, view.to, m => { if (wanted(m)) list.push(m); });
    if (!list.length) setRange(0, Math.max(...M.ops.end) * 1.05); // found long after the last operation: the cause is among those
    return;
  }
  if (list.length === 1) list.push(...after(list[0], 3)); // what became of it is told by those
  const from = Math.min(...list.map(i => M.ops.at[i])), to = Math.max(...list.map(i => M.ops.end[i])), pad = (to - from) * .15 + 200;
  setRange(from - pad, to + pad);
}

// search keeps what matches every word of the query: keys, clients (c3), nodes
// (n1), kinds of messages, fates, values.
function search(query) {
  search.latest = query;
  const words = query.trim().split(/\s+/).filter(Boolean).map(w => new RegExp("(^|[^\\w])" + w.replace(/[^\w]/g, "\\$&") + (/\d$/.test(w) ? "(?!\\d)" : ""), "i"));
  const { ops, msgs, meta } = M, all = text => words.every(w => w.test(text));
  view.matches = words.length ? { ops: new Set(), msgs: new Set(), list: [], at: -1 } : null;
  if (view.matches) {
    for (let i = 0; i < ops.n; i++) {
      if (all(`${ops.text[i]} ${placeName(-1 - ops.client[i])} client${ops.client[i]} n${ops.node[i]} node${ops.node[i]} ${keyName(M, ops.key[i])} ${ops.mark[i] === 1 ? "offending" : ""}`)) view.matches.ops.add(i);
    }
    for (let m = 0; m < msgs.n; m++) {
      if (all(`${meta.kinds[msgs.kind[m]]} ${placeName(msgs.from[m])} ${placeName(msgs.to[m])} ${M.notes[msgs.note[m]]} ${fates[msgs.fate[m]]}`)) view.matches.msgs.add(m);
    }
    view.matches.list = [...[...view.matches.ops].map(i => ({ type: "op", i })), ...[...view.matches.msgs].map(i => ({ type: "msg", i }))]
      .sort((a, b) => itemSpan(a)[0] - itemSpan(b)[0]);
  }
  const list = view.matches?.list ?? [], most = 200;
  $("found").textContent = view.matches ? `${view.matches.ops.size} operations, ${view.matches.msgs.size} messages` : "";
  $("matches").innerHTML = !view.matches ? "<p>Nothing is searched for.</p>" : (list.length ? "" : "<p>Nothing matches. Try a key (k2), a client (c3), a node (n1), a kind of message (accept), lost.</p>") +
    list.slice(0, most).map(item => `<button class="item" data-type="${item.type}" data-i="${item.i}">${esc(say(item).title)}<br><small>${ms(itemSpan(item)[0])}${item.type === "op" ? ", " + clientName(M.ops.client[item.i]) : ", " + fates[M.msgs.fate[item.i]]}</small></button>`).join("") +
    (list.length > most ? `<p>and ${list.length - most} more</p>` : "");
  if (view.matches) showTab("matches");
  changed();
}

function goMatch(step) {
  const found = view.matches;
  if (!found?.list.length) return;
  found.at = (found.at + step + found.list.length) % found.list.length;
  goTo(found.list[found.at]);
}

function goTo(item) {
  pick(item);
  centre(...itemSpan(item));
}

// tell keeps the status line: what is in view, and what is selected.
function tell() {
  const thin = drawn.messages > MOST_ARROWS ? ` messages in view, drawn as heights: zoom in below ${MOST_ARROWS} for arrows` : " messages in view";
  $("status").textContent = `${ms(view.from)} to ${ms(view.to)}; ${drawn.messages}${thin}` + (view.picked ? `; selected: ${say(view.picked).title}` : "");
}
