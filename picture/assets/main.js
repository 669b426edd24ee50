// Start and input.

let M;

function resize() {
  const canvas = $("picture");
  ctx = canvas.getContext("2d");
  const room = size(canvas);
  size($("overview"));
  view.width = room.width;
  view.height = room.height;
  layOut();
  draw(); // at once: the new size has emptied the canvas
}

function switches() {
  groups.forEach((g, k) => {
    const count = M.msgs.group.reduce((n, group) => n + (group === k), 0);
    if (!count) return;
    g.on ||= g.few && count <= FEW;
    const l = document.createElement("label");
    l.innerHTML = `<input type="checkbox" ${g.on ? "checked" : ""}><i style="background:var(${g.colour})"></i>${g.name} (${count})`;
    l.firstChild.addEventListener("change", e => { g.on = e.target.checked; changed(); });
    $("switches").append(l);
  });
  const legend = [["--read", "a read; an operation's bar reaches from its call to its answer"], ["--write", "a write"], ["--cond", "a conditional write or a counter"], ["--map", "a change of the cluster map"],
    ["--bad", "operations that contradict each other; messages that got lost (✕)"], ["--fault", "a fault, and the nodes it strikes"],
    ["--sync", "a sync of a node's log"], ["--down", "a node is down, from ✕ to ▲"], ["--own", "lowest rows of a node: the partitions it owns"]];
  $("legend").innerHTML = legend.map(([c, text]) => `<li><i style="background:var(${c})"></i>${text}</li>`).join("") +
    "<li>A dashed, pale operation has an unknown outcome; pointing at one shows its rounds, and beside the nodes ● who asks, ✓ ✗ … how they voted, h who stands in.</li>";
}

function mouse() {
  const canvas = $("picture");
  let drag = null, moved = false;
  canvas.addEventListener("wheel", e => {
    e.preventDefault();
    if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) pan((e.deltaX || e.deltaY) / view.width);
    else if (e.altKey) scroll(e.deltaY);
    else zoom(Math.exp(Math.max(-60, Math.min(60, e.deltaY)) * .006), timeAt(e.offsetX));
  }, { passive: false });
  canvas.addEventListener("pointerdown", e => { drag = [e.clientX, e.clientY]; moved = false; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointermove", e => {
    if (drag) {
      const [dx, dy] = [e.clientX - drag[0], e.clientY - drag[1]];
      if (!moved && Math.hypot(dx, dy) < 4) return;
      moved = true; drag = [e.clientX, e.clientY];
      canvas.classList.add("moving");
      pan(-dx / (view.width - GUTTER)); scroll(-dy);
      return showTip(null);
    }
    const item = hit(e.offsetX, e.offsetY);
    canvas.classList.toggle("pointing", !!item);
    showTip(item, e.offsetX, e.offsetY);
    if (JSON.stringify(item) !== JSON.stringify(view.hover)) { view.hover = item; setFocus(); changed(); }
  });
  canvas.addEventListener("pointerup", e => {
    drag = null; canvas.classList.remove("moving");
    if (!moved) { const item = hit(e.offsetX, e.offsetY); pick(item, item && "details"); }
  });
  canvas.addEventListener("pointerleave", () => { view.hover = null; setFocus(); showTip(null); changed(); });
  canvas.addEventListener("dblclick", e => zoom(.4, timeAt(e.offsetX)));
  const overview = $("overview"), to = e => {
    const t = (e.offsetX - GUTTER) / (view.width - GUTTER - 2) * M.meta.end, half = (view.to - view.from) / 2;
    setRange(t - half, t + half);
  };
  overview.addEventListener("pointerdown", to);
  overview.addEventListener("pointermove", e => { if (e.buttons) to(e); });
}

function neighbour(step) {
  if (view.picked?.type !== "op") return;
  const mine = M.ops.of[M.ops.client[view.picked.i]], i = mine[mine.indexOf(view.picked.i) + step];
  if (i !== undefined) goTo({ type: "op", i });
}

const keys = {
  ArrowLeft: e => pan(e.shiftKey ? -.6 : -.1), ArrowRight: e => pan(e.shiftKey ? .6 : .1),
  ArrowUp: () => scroll(-40), ArrowDown: () => scroll(40),
  "+": () => zoom(.7), "=": () => zoom(.7), "-": () => zoom(1 / .7), f: fit, 0: fit, o: firstOffence,
  n: () => goOffence(view.offence + 1), p: () => goOffence(view.offence - 1), "[": () => neighbour(-1), "]": () => neighbour(1),
  "/": () => { $("query").focus(); $("query").select(); }, "?": () => $("help").showModal(),
  Escape: () => { view.hover = null; pick(null); showTip(null); },
};

function keyboard() {
  document.addEventListener("keydown", e => {
    if (e.ctrlKey || e.metaKey || e.altKey || $("help").open) return;
    if (e.target === $("query")) {
      if (e.key === "Escape") { $("query").value = ""; search(""); $("picture").focus(); }
      return;
    }
    if (e.target.role === "tab" || e.target.getAttribute("role") === "tab") return arrowTabs(e);
    if (e.key.startsWith("Arrow") && e.target.closest("[role=tabpanel]")) return; // that scrolls the panel
    if (keys[e.key]) { e.preventDefault(); keys[e.key](e); }
  });
  let wait;
  $("query").addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(() => search($("query").value), 120); });
  $("query").addEventListener("keydown", e => { if (e.key === "Enter") goMatch(e.shiftKey ? -1 : 1); });
  $("search").addEventListener("submit", e => e.preventDefault());
}

function arrowTabs(e) {
  const tabs = [...document.querySelectorAll("[role=tab]")], step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
  if (!step) { if (keys[e.key] && !e.key.startsWith("Arrow")) keys[e.key](e); return; }
  const tab = tabs[(tabs.indexOf(e.target) + step + tabs.length) % tabs.length];
  showTab(tab.getAttribute("aria-controls"));
  tab.focus();
}

function buttons() {
  const on = (id, f) => $(id).addEventListener("click", f);
  on("zoom-in", () => zoom(.6)); on("zoom-out", () => zoom(1 / .6)); on("fit", fit); on("offence", firstOffence);
  on("next", keys.n); on("previous", keys.p); on("help-button", keys["?"]);
  for (const id of ["offence", "next", "previous"]) $(id).disabled = !M.offences.length;
  for (const tab of document.querySelectorAll("[role=tab]")) tab.addEventListener("click", () => showTab(tab.getAttribute("aria-controls")));
  $("panel").addEventListener("click", e => {
    const b = e.target.closest("button.item");
    if (!b) return;
    if (b.dataset.offence) goOffence(+b.dataset.offence);
    else goTo({ type: b.dataset.type, i: +b.dataset.i });
  });
}

unpack().then(model => {
  M = model;
  const { meta } = M;
  $("title").textContent = `seed ${meta.seed}`;
  $("verdict").textContent = meta.verdict;
  $("verdict").classList.toggle("bad", meta.verdict === "violation");
  $("picture").setAttribute("aria-label", `Seed ${meta.seed}, ${meta.verdict}: ${meta.clients} clients and ${meta.nodes} nodes over ${ms(meta.end)} of virtual time. The panel tells the same in words.`);
  readColours();
  stackFaults();
  switches(); story(); mouse(); keyboard(); buttons();
  resize();
  firstOffence();
  new ResizeObserver(resize).observe($("stage"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColours(); changed(); });
  document.body.dataset.ready = "yes";
}).catch(e => {
  $("status").textContent = "This picture can't be drawn: " + e.message;
  throw e;
});
