// The review page. Cards are dealt ahead and shown at once; answers wait in an outbox until the server has them on disk.
"use strict";
const world = JSON.parse(document.body.dataset.world);
const csrf = document.querySelector("meta[name=csrf]").content;
const $ = (selector) => document.querySelector(selector);
const AHEAD = 7, NONE = "none of these";

// --- building blocks -------------------------------------------------------------------------------------------------
function h(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null && child !== false));
  return made;
}
function svg(tag, given, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(given)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
const styleOf = (label) => { const at = world.labels.findIndex((entry) => entry.name === label); return at < 0 ? "no" : at < 7 ? "c" + at : "other"; };
const swatch = (label) => svg("svg", { class: "swatch", viewBox: "0 0 12 12", "aria-hidden": "true" }, svg("rect", { class: "shape " + styleOf(label), x: 1, y: 1, width: 10, height: 10, rx: 1.5 }));
const tag = (label) => h("span", { class: "tag" }, swatch(label), h("bdi", {}, label));
const count = (n, what) => n.toLocaleString("en") + (what ? " " + what + (n === 1 ? "" : "s") : "");
const percent = (share) => (share > 0 && share < 0.0005 ? "<0.1%" : share < 1 && share >= 0.9995 ? ">99.9%" : share === 1 ? "100%" : (100 * share).toFixed(1) + "%");
const short = (text, most) => { const letters = [...text]; return letters.length > most ? letters.slice(0, most).join("") + "…" : text; };
function hex(bytes) { return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join(""); }
const stored = (store, name, otherwise) => { try { return JSON.parse(store.getItem(name)) ?? otherwise; } catch { return otherwise; } };
const keep = (store, name, value) => { try { store.setItem(name, JSON.stringify(value)); } catch { /* A full or forbidden store costs comfort, no answer. */ } };
const say = (text) => { $("#said").textContent = text; };

// --- state -----------------------------------------------------------------------------------------------------------
const tab = stored(sessionStorage, "quorate-tab", null) ?? hex(8);
keep(sessionStorage, "quorate-tab", tab);
const state = {
  cards: [], shownAt: 0, bulk: false, wish: stored(sessionStorage, "quorate-wish", world.suspects ? { kind: "suspect" } : {}), status: null, dealtAll: false, dealing: null, round: 0,
  outbox: stored(sessionStorage, "quorate-outbox", []), sending: false, undoing: false, pressed: [], passed: [], recent: [], hide: stored(localStorage, "quorate-hide", false),
};

// --- keys ------------------------------------------------------------------------------------------------------------
const ACTIONS = { accept: "Accept the label of the votes", none: "None of these", skip: "Skip", undo: "Undo", flag: "Flag with a note", alike: "Answer all that read the same", guidelines: "Guidelines", filter: "Filter", find: "Find a label", help: "Keys and settings" };
const DEFAULT_KEYS = { accept: "a", none: "x", skip: " ", undo: "u", flag: "f", alike: "b", guidelines: "g", filter: "/", find: "0", help: "?" };
for (let n = 1; n <= Math.min(9, world.labels.length); n++) { ACTIONS["label" + n] = "Label " + world.labels[n - 1].name; DEFAULT_KEYS["label" + n] = String(n); }
let keys = { ...DEFAULT_KEYS, ...stored(localStorage, "quorate-keys", {}) }, keysOn = stored(localStorage, "quorate-keys-on", true);
const keyName = (key) => (key === " " ? "space" : key);
function showKeys() {
  document.documentElement.classList.toggle("keys-off", !keysOn);
  for (const button of document.querySelectorAll("[data-action]")) {
    const cap = button.querySelector("kbd"), key = keys[button.dataset.action];
    if (cap) cap.textContent = key ? keyName(key) : "";
    if (keysOn && key) button.setAttribute("aria-keyshortcuts", key === " " ? "Space" : key); else button.removeAttribute("aria-keyshortcuts");
  }
}
function act(action) {
  if (state.undoing) { state.pressed.push(() => act(action)); return; }
  const at = /^label(\d)$/.exec(action);
  if (at) answer("label", world.labels[at[1] - 1].name);
  else ({ accept, none: () => answer("none"), skip: () => answer("skip"), undo, flag: askFlag, alike: toggleAlike, guidelines: openGuidelines, filter: openFilter, find: openFind, help: openHelp })[action]();
}
function press(label) {
  if (state.undoing) state.pressed.push(() => press(label)); else answer("label", label);
}
addEventListener("keydown", (event) => {
  if (!keysOn || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || $("#dialog").open) return;
  const on = event.target;
  if (on.closest("input, select, textarea, [contenteditable]")) return;
  // Space and Enter press the button that has the focus, as everywhere.
  if ((event.key === " " || event.key === "Enter") && on.closest("button, a, summary")) return;
  const wanted = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action = Object.keys(keys).find((name) => keys[name] === event.key) ?? Object.keys(keys).find((name) => keys[name] === wanted && /[a-z]/.test(wanted));
  if (!action) return;
  event.preventDefault();
  if (!event.repeat) act(action);
});
// A button pressed by the mouse must not stay the one that space presses.
addEventListener("click", (event) => { const button = event.target.closest?.("main button, .top button"); if (button && event.detail > 0) button.blur(); });

// --- the server ------------------------------------------------------------------------------------------------------
class Refusal extends Error { constructor(status, message) { super(message); this.status = status; } }
async function post(name, body = {}) {
  const response = await fetch("/api/" + name, { method: "POST", headers: { "content-type": "application/json", "x-csrf-token": csrf }, body: JSON.stringify({ tab, hide: state.hide, ...body }) });
  if (!response.ok) {
    const text = await response.text();
    let message = text;
    try { message = JSON.parse(text).error ?? text; } catch { /* The gate answers in plain text. */ }
    throw new Refusal(response.status, message);
  }
  return response.json();
}
const isFinal = (error) => error instanceof Refusal && [404, 409, 413, 422].includes(error.status);
function warn(text, ...more) { const banner = $("#banner"); banner.hidden = !text; banner.replaceChildren(...(text ? [text, ...more] : [])); }

async function pump() {
  if (state.sending) return;
  state.sending = true;
  for (let failures = 0; state.outbox.length;) {
    const letter = state.outbox[0];
    try {
      const back = await post(letter.path, letter.body);
      failures = 0;
      warn("");
      shift();
      (letter.path === "undo" ? undone : kept)(letter, back);
    } catch (error) {
      if (isFinal(error)) {
        shift();
        refused(letter, error.message);
        continue;
      }
      failures += 1;
      const what = error instanceof Refusal ? error.message : "the server does not answer";
      warn(`Not saved yet: ${what}. ${count(state.outbox.length, "answer")} ${state.outbox.length === 1 ? "waits" : "wait"} here and will be sent again.`);
      await new Promise((done) => setTimeout(done, Math.min(250 * 2 ** failures, 4000)));
    }
  }
  state.sending = false;
}
function shift() { state.outbox.shift(); keep(sessionStorage, "quorate-outbox", state.outbox); }
function send(path, body) {
  state.outbox.push({ path, body });
  keep(sessionStorage, "quorate-outbox", state.outbox);
  // What the eye waits for comes first.
  setTimeout(() => { pump(); refill(); showRecent(); });
}
function kept(letter, back) {
  const entry = state.recent.find((one) => one.once === letter.body.once);
  if (entry) { entry.state = "saved"; entry.rows = back.kept.length; entry.seen = entry.blind ? back.seen : null; }
  setStatus(back.status);
  showRecent();
}
function refused(letter, message) {
  const entry = state.recent.find((one) => one.once === letter.body.once);
  if (entry) { entry.state = "refused"; entry.message = message; }
  warn("Not kept: " + message, h("button", { onclick: () => warn("") }, "Close"));
  if (letter.path === "undo") free();
  showRecent();
}

// --- dealing ---------------------------------------------------------------------------------------------------------
function refill() {
  if (state.dealing || state.dealtAll || state.cards.length >= AHEAD || !world.reviewer) return state.dealing;
  const round = state.round;
  const waiting = state.outbox.filter((letter) => letter.path === "decide").map((letter) => letter.body.id);
  const have = state.cards.map((card) => card.id);
  state.dealing = post("cards", { wish: state.wish, have, waiting, seen: state.passed.slice(-900) }).then((back) => {
    if (round !== state.round) return;
    const known = new Set([...state.cards.map((card) => card.id), ...state.passed]);
    const fresh = back.cards.filter((card) => !known.has(card.id));
    const wasEmpty = !state.cards.length;
    state.cards.push(...fresh);
    state.dealtAll = !fresh.length && !state.outbox.length;
    setStatus(back.status);
    if (wasEmpty) show();
  }).catch((error) => {
    if (round !== state.round) return;
    const what = error instanceof Refusal ? error.message : "the server does not answer; the page goes on when it does";
    if (!state.cards.length || error instanceof Refusal) warn(what[0].toUpperCase() + what.slice(1));
    setTimeout(refill, 1500);
  }).finally(() => { state.dealing = null; if (round !== state.round || (!state.cards.length && !state.dealtAll)) setTimeout(refill, round === state.round ? 100 : 0); });
  return state.dealing;
}
function restart() {
  state.round += 1;
  state.cards = [];
  state.passed = [];
  state.dealtAll = false;
  state.bulk = false;
  keep(sessionStorage, "quorate-wish", state.wish);
  showWish();
  show();
  refill();
}

// --- answering -------------------------------------------------------------------------------------------------------
function answer(verdict, label = null, note = "") {
  const card = state.cards[0];
  if (!card) return;
  const once = hex(16), alike = state.bulk && verdict !== "skip" ? card.alike.map((one) => one.id) : [];
  const dwell = Math.round(performance.now() - state.shownAt);
  state.recent.unshift({ once, id: card.id, label: verdict === "label" ? label : verdict === "none" ? NONE : verdict, text: card.lead ? card.lead.map((piece) => piece.t).join("") : card.id, state: "saving", rows: 1 + alike.length, blind: card.blind });
  state.recent.length = Math.min(state.recent.length, 10);
  state.cards.shift();
  state.passed.push(card.id, ...alike);
  if (alike.length) state.cards = state.cards.filter((other) => !alike.includes(other.id));
  show();
  send("decide", { once, id: card.id, content: card.content, verdict, label, note, dwell_ms: dwell, alike });
}
function accept() {
  const card = state.cards[0];
  if (!card) return;
  if (!card.seen) say("The votes are hidden on this row: choose a label.");
  else if (!card.seen.fused) say("The votes give no label here: choose one.");
  else { answer("label", card.seen.fused); return; }
  nudge();
}
function nudge() { const card = $("#card"); card.querySelector(".blind")?.classList.add("strong"); }
function undo() {
  state.undoing = true;
  send("undo", { once: hex(16) });
}
function undone(_, back) {
  const gone = new Set(back.rows);
  state.recent = state.recent.filter((entry) => !(gone.has(entry.id) && entry.state === "saved") || !gone.delete(entry.id));
  state.passed = state.passed.filter((id) => !back.rows.includes(id));
  if (back.cards.length) {
    const ids = back.cards.map((card) => card.id);
    state.cards = [...back.cards, ...state.cards.filter((card) => !ids.includes(card.id))];
    state.bulk = back.rows.length > 1;
    show();
    say("Undone; the row is before you again.");
  } else say(back.rows.length ? "Undone." : "There is nothing to undo.");
  setStatus(back.status);
  showRecent();
  free();
}
function free() {
  state.undoing = false;
  for (const press of state.pressed.splice(0)) press();
}
function toggleAlike() {
  if (!state.cards[0]?.alike.length) return;
  state.bulk = !state.bulk;
  showCard(state.cards[0]);
  say(state.bulk ? `The answer is for ${state.cards[0].alike.length + 1} rows.` : "The answer is for this row alone.");
}

// --- the card --------------------------------------------------------------------------------------------------------
function show() {
  const card = state.cards[0];
  $("#answers").disabled = !card;
  if (!card) { showNothing(); return; }
  if (card.id !== state.shownId) state.bulk = state.bulk && state.undoing;
  state.shownId = card.id;
  state.shownAt = performance.now();
  showCard(card);
  $("#labels").classList.toggle("many", world.labels.length > 12);
  document.querySelector("[data-action=accept]").disabled = !card.seen?.fused;
  scrollTo(0, 0);
}
function showCard(card) {
  const text = card.lead?.map((piece) => piece.t).join("") ?? "";
  const size = text.length > 700 ? " long" : text.length < 160 ? " short" : "";
  const parts = [header(card)];
  if (card.lead) parts.push(h("div", { class: "lead" + size, dir: "auto", tabindex: size === " long" ? 0 : null, role: size === " long" ? "region" : null, "aria-label": size === " long" ? "Text of the row" : null }, ...card.lead.map(piece), card.cut ? h("span", { class: "key" }, ` … and ${count(card.cut)} characters more`) : null));
  if (card.cells.length) parts.push(h("dl", { class: "cells" }, ...card.cells.flatMap(cell)));
  if (card.alike.length) parts.push(alike(card));
  if (card.ruling) parts.push(h("div", { class: "evidence" }, h("table", {}, h("caption", {}, "People differ; your answer settles it"), h("tbody", {}, ...card.ruling.map((one) => h("tr", {}, h("th", { scope: "row" }, one.reviewer), h("td", {}, tag(one.label ?? NONE))))))));
  if (card.seen) parts.push(votes(card.seen));
  parts.push(h("p", { class: "why" }, why(card)));
  $("#card").replaceChildren(...parts);
}
function header(card) {
  const chips = [];
  if (card.blind) chips.push(h("span", { class: "chip blind" }, "votes hidden until you chose"));
  if (card.why.drawn) chips.push(h("span", { class: "chip" }, "drawn at random"));
  if (card.why.two) chips.push(h("span", { class: "chip" }, "read by two people"));
  if (card.mine) chips.push(h("span", { class: "chip strong" }, "you said ", card.mine));
  for (const flag of card.flags) chips.push(h("span", { class: "chip strong" }, `⚑ ${flag.reviewer}${flag.note ? ": " + short(flag.note, 120) : ""}`));
  return h("header", {}, h("h2", { id: "row" }, "Row ", h("code", {}, h("bdi", {}, card.id))), chips.length ? h("p", { class: "chips" }, ...chips) : null);
}
const piece = (part) => (part.by ? h("mark", { class: styleOf(part.label), title: `${part.label}: ${part.by.join(", ")}` }, part.t) : part.t);
function cell(one) {
  let shown = one.value;
  if (one.kind === "link") shown = h("a", { href: one.value, target: "_blank", rel: "noopener noreferrer" }, one.value);
  if (one.kind === "image") shown = h("img", { src: "/image/" + one.value.split("/").map(encodeURIComponent).join("/"), alt: one.name });
  return [h("dt", {}, one.name), h("dd", { dir: "auto" }, shown)];
}
function alike(card) {
  const all = card.alike.length + 1;
  const button = h("button", { "data-action": "alike", "aria-pressed": String(state.bulk), onclick: () => act("alike") }, state.bulk ? `Answering all ${all} ` : `Answer all ${all} `, h("kbd", {}, keyName(keys.alike)));
  const texts = h("ol", { start: 2, tabindex: 0, "aria-label": "Rows that read the same" }, ...card.alike.map((one) => h("li", { dir: "auto" }, one.text)));
  return h("section", { class: "alike" + (state.bulk ? " on" : ""), "aria-label": "Rows that read the same" }, h("header", {}, h("span", {}, `${count(card.alike.length, "other row")} ${card.alike.length === 1 ? "reads" : "read"} the same but for case, signs and numbers`), button), texts);
}
function votes(seen) {
  const hasConfidence = seen.votes.some((vote) => vote.confidence != null);
  const silent = [[seen.abstained, "abstained"], [seen.failed, "failed"], [seen.skipped, "not asked"]].filter(([n]) => n).map(([n, what]) => `${n} ${what}`).join(", ");
  const caption = h("caption", {}, "Votes ", h("span", {}, seen.fused ? "· together " : "· no label together"), seen.fused ? tag(seen.fused) : null, seen.fused ? h("span", {}, ` ${seen.probability.toFixed(2)}`) : null);
  const rows = seen.votes.map((vote) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, vote.source)), h("td", {}, tag(vote.label), vote.differs ? h("span", { class: "differs" }, "▲ differs") : null), hasConfidence ? h("td", { class: "n" }, vote.confidence == null ? "–" : vote.confidence.toFixed(2)) : null, h("td", { class: "n" }, vote.accuracy == null ? "–" : percent(vote.accuracy))));
  const head = h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Source"), h("th", { scope: "col" }, "Vote"), hasConfidence ? h("th", { scope: "col", class: "n" }, "Confidence") : null, h("th", { scope: "col", class: "n" }, "Estimated accuracy")));
  return h("div", { class: "evidence scroll", tabindex: 0, role: "region", "aria-label": "Votes" }, seen.votes.length ? h("table", {}, caption, head, h("tbody", {}, ...rows)) : h("p", { class: "quiet" }, "No source voted on this row."), silent ? h("p", { class: "key" }, silent) : null);
}
function why(card) {
  const parts = [];
  const doubt = card.why.doubt;
  if (doubt && card.blind) parts.push("its label is in doubt");
  else if (doubt) parts.push(`${doubt.given} is in doubt (wrong with ${percent(doubt.probability_wrong)}), ${doubt.suggested} is more likely`);
  if (card.why.drawn) parts.push("drawn at random, so that accuracy can be measured");
  else if (!card.why.covered) parts.push("no source voted");
  const signals = Object.entries(card.why.signals).map(([name, value]) => `${name.replaceAll("_", " ")} ${value.toFixed(2)}`);
  if (signals.length && !card.blind) parts.push(signals.join(", "));
  return "Why it is here: " + (parts.join("; ") || "next in line");
}
function showNothing() {
  const filtered = Object.keys(state.wish).length > 0;
  const body = !state.dealtAll ? [h("h2", { id: "row" }, "One moment"), h("p", {}, "The next row is on its way.")]
    : filtered ? [h("h2", { id: "row" }, "No more rows like these"), h("p", {}, "Nothing that is left fits the filter."), h("button", { onclick: () => { state.wish = {}; restart(); } }, "Show all rows")]
      : [h("h2", { id: "row" }, "All done"), h("p", {}, "No row waits for you. ", h("code", {}, "quorate run"), " makes the labels anew with what you answered."), h("button", { onclick: () => { state.wish = { kind: "mine" }; restart(); } }, "Look through my answers")];
  $("#card").replaceChildren(h("div", { class: "empty" }, ...body));
}

// --- beside the card -------------------------------------------------------------------------------------------------
let later = null;
function setStatus(status) {
  state.status = status;
  showStatus();
  clearTimeout(later);
  // The label model thinks in the background; ask once more until it has heard the last answer.
  if (status.waits) later = setTimeout(() => post("status").then((back) => setStatus(back.status)).catch(() => {}), 400);
}
function duration(seconds) {
  const minutes = Math.max(1, Math.round(seconds / 60));
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
function showStatus() {
  const s = state.status;
  $("#done").style.width = `${(100 * s.answered) / Math.max(s.goal, 1)}%`;
  $("#way").textContent = `${count(s.answered)} of ${count(s.goal)}` + (s.left_s && s.goal > s.answered ? ` · ${duration(s.left_s)} left` : "");
  const contest = $("#contest");
  contest.hidden = !s.outlook;
  contest.querySelector("h2").textContent = s.between.join(" or ") + "?";
  contest.querySelector("p").textContent = s.outlook;
  const a = s.accuracy, parts = [];
  if (a.share == null) {
    const soon = s.outlook ? "The rows of this review tell sources apart; they do not measure it." : "Rows drawn at random are among those you are asked; the first of them answered measure it.";
    parts.push(h("p", { class: "value word" }, "not measured yet"), h("p", { class: "key" }, `${soon} The label model itself believes ${percent(a.believed)}.`));
  } else {
    const from = Math.min(0.5, Math.floor(a.low * 10) / 10), at = (share) => `${(100 * (share - from)) / (1 - from)}%`;
    // A share of a few rows says less than its interval.
    const few = a.sampled < 20;
    parts.push(few ? h("p", { class: "value word" }, `${percent(a.low)} to ${percent(a.high)}`) : h("p", { class: "value" }, percent(a.share)),
      svg("svg", { class: "dots", role: "img", "aria-label": `between ${percent(a.low)} and ${percent(a.high)}` }, svg("line", { x1: 0, x2: "100%", y1: "50%", y2: "50%" }), svg("line", { class: "whisker", x1: at(a.low), x2: at(a.high), y1: "50%", y2: "50%" }), svg("circle", { class: "dot", cx: at(a.share), cy: "50%", r: 5 })),
      h("p", { class: "key" }, (few ? "95% interval" : `95% interval ${percent(a.low)} to ${percent(a.high)}`) + `, from ${count(a.sampled, "row")} drawn at random. The label model believes ${percent(a.believed)}.`));
  }
  if (s.changed) parts.push(h("p", { class: "key" }, `Your answers changed the label of ${count(s.changed, "other row")}.`));
  $("#accuracy").replaceChildren(...parts);
  const facts = [["answers a minute", s.per_minute ? s.per_minute.toFixed(s.per_minute < 10 ? 1 : 0) : "–"], ["yours", count(s.mine)]];
  for (const [name, n] of Object.entries(s.people)) if (name !== world.reviewer) facts.push([name, count(n)]);
  if (s.second) facts.push(["wait for a second reader", count(s.second)]);
  const row = ([name, value]) => [h("dt", {}, h("bdi", {}, name)), h("dd", {}, value)];
  const jump = (kind, n, what) => (n ? [h("dt", {}, what), h("dd", {}, h("button", { class: "plain", onclick: () => { state.wish = { kind }; restart(); } }, `look at ${count(n)}`))] : []);
  $("#pace").replaceChildren(...facts.slice(0, 8).flatMap(row), ...jump("disputed", s.disputed, "people differ"), ...jump("flagged", s.flagged, "flagged"));
}
function showRecent() {
  const sign = { saving: ["○", "not saved yet"], saved: ["✓", "saved"], refused: ["!", "not kept"] };
  if (!state.recent.length) { $("#recent").replaceChildren(h("li", {}, h("span", { class: "text" }, "none in this window yet"))); return; }
  $("#recent").replaceChildren(...state.recent.slice(0, 8).map((entry) => {
    const [mark, what] = sign[entry.state];
    const head = h("span", {}, entry.label === "skip" || entry.label === "flag" ? h("span", { class: "quiet" }, entry.label === "skip" ? "skipped" : "flagged") : tag(entry.label), entry.rows > 1 ? ` · ${count(entry.rows, "row")}` : "");
    const said = entry.seen && `the votes say ${entry.seen.fused ?? "nothing together"}${entry.seen.fused && entry.seen.fused !== entry.label ? ", not you" : ""}`;
    return h("li", {}, h("span", { class: "sign" + (entry.state === "refused" ? " bad" : ""), role: "img", "aria-label": what, title: what }, mark), head, h("span", { class: "text", dir: "auto" }, short(entry.text, 60)), said ? h("span", { class: "note" }, said) : null, entry.message ? h("span", { class: "note" }, entry.message) : null);
  }));
}
function showWish() {
  const w = state.wish, parts = [];
  const kinds = { flagged: "flagged rows", mine: "my answers", skipped: "rows I skipped", disputed: "rows on which people differ", suspect: "rows whose label is in doubt" };
  if (kinds[w.kind]) parts.push(kinds[w.kind]);
  if (w.sources) parts.push(`${w.sources[0]} and ${w.sources[1]} differ`);
  if (w.labels) parts.push(`voted both ${w.labels[0]} and ${w.labels[1]}`);
  if (w.signal) parts.push(`by ${w.signal.replaceAll("_", " ")}`);
  if (w.text) parts.push(`with “${w.text}”`);
  $("#wish").hidden = !parts.length;
  $("#wish").replaceChildren(h("span", {}, "Shown: ", h("b", {}, parts.join("; "))), h("button", { class: "plain", onclick: () => { state.wish = {}; restart(); } }, "Show all rows"));
}

// --- dialogs ---------------------------------------------------------------------------------------------------------
const dialog = $("#dialog");
function open(title, ...children) {
  $("#dialog-body").replaceChildren(h("h2", { id: "dialog-title" }, title), ...children);
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("[autofocus]")?.focus();
}
const close = () => dialog.close();
const buttons = (...given) => h("div", { class: "buttons" }, h("button", { onclick: close }, "Cancel"), ...given);
const onEnter = (does) => (event) => { if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); does(); } };
dialog.addEventListener("click", (event) => { if (event.target === dialog && world.reviewer) close(); });
dialog.addEventListener("cancel", (event) => { if (!world.reviewer) event.preventDefault(); });

function askName() {
  const input = h("input", { type: "text", id: "name", autofocus: true, autocomplete: "nickname", maxlength: 80, value: world.reviewer, onkeydown: onEnter(done) });
  const trouble = h("p", { role: "alert" });
  async function done() {
    try {
      world.reviewer = (await post("name", { name: input.value })).reviewer;
      close();
      restart();
    } catch (error) { trouble.textContent = error.message; }
  }
  open("Who reviews?", h("p", {}, h("label", { for: "name" }, "Your name is kept with each of your answers.")), input, trouble, h("div", { class: "buttons" }, h("button", { class: "first", onclick: done }, "Start")));
}
function askFlag() {
  const card = state.cards[0];
  if (!card) return;
  const input = h("input", { type: "text", id: "note", autofocus: true, maxlength: 4000, onkeydown: onEnter(done) });
  function done() {
    const once = hex(16), note = input.value.trim();
    card.flags.push({ reviewer: world.reviewer, note });
    state.recent.unshift({ once, id: card.id, label: "flag", text: note || card.id, state: "saving", rows: 1, blind: false });
    send("decide", { once, id: card.id, content: card.content, verdict: "flag", note, dwell_ms: Math.round(performance.now() - state.shownAt), alike: [] });
    close();
    showCard(card);
    showRecent();
    say("Flagged.");
  }
  open("Flag this row", h("p", {}, h("label", { for: "note" }, "What should others know of it? The note may be empty.")), input, buttons(h("button", { class: "first", onclick: done }, "Flag")));
}
const options = (names, chosen, none) => [h("option", { value: "" }, none), ...names.map((name) => h("option", { value: name, selected: name === chosen }, name.replaceAll?.("_", " ") ?? name))];
const select = (id, names, chosen, none, label) => h("select", { id, "aria-label": label }, ...options(names, chosen, none));
function openFilter() {
  const w = state.wish, labels = world.labels.map((entry) => entry.name);
  const kind = h("select", { id: "f-kind" }, ...[["open", "waiting for an answer"], ["mine", "my answers"], ["skipped", "skipped by me"], ["flagged", "flagged"], ["disputed", "people differ"], ...(world.suspects ? [["suspect", "label in doubt"]] : [])].map(([value, text]) => h("option", { value, selected: value === (w.kind ?? "open") }, text)));
  const s = [0, 1].map((n) => select("f-source" + n, world.sources, w.sources?.[n], "any", n ? "Second source" : "First source"));
  const y = [0, 1].map((n) => select("f-label" + n, labels, w.labels?.[n], "any", n ? "Second label" : "First label"));
  const signal = select("f-signal", world.signals, w.signal, "the ranking of all signals");
  const text = h("input", { type: "text", id: "f-text", value: w.text ?? "", autofocus: true, onkeydown: onEnter(done) });
  function done() {
    const wish = {};
    if (kind.value !== "open") wish.kind = kind.value;
    if (s[0].value && s[1].value) wish.sources = s.map((one) => one.value);
    if (y[0].value && y[1].value) wish.labels = y.map((one) => one.value);
    if (signal.value) wish.signal = signal.value;
    if (text.value) wish.text = text.value;
    state.wish = wish;
    close();
    restart();
  }
  open("Which rows?", h("div", { class: "fields" },
    h("label", { for: "f-text" }, "The text holds"), text, h("label", { for: "f-kind" }, "Rows"), kind,
    h("span", {}, "These sources differ"), h("span", { class: "two" }, s[0], "and", s[1]), h("span", {}, "Votes for both"), h("span", { class: "two" }, y[0], "and", y[1]), h("label", { for: "f-signal" }, "Order by"), signal),
  buttons(h("button", { onclick: () => { state.wish = {}; close(); restart(); } }, "Clear"), h("button", { class: "first", onclick: done }, "Show")));
}
function openFind() {
  if (!state.cards[0]) return;
  let chosen = 0, found = world.labels;
  const list = h("ol", { class: "found" });
  const input = h("input", { type: "text", autofocus: true, "aria-label": "Part of a label", oninput: draw, onkeydown: (event) => {
    if (event.key === "ArrowDown") chosen += 1; else if (event.key === "ArrowUp") chosen -= 1; else { onEnter(() => take(found[chosen]))(event); return; }
    event.preventDefault();
    draw();
  } });
  function take(label) { if (label) { close(); answer("label", label.name); } }
  function draw() {
    const part = input.value.toLowerCase();
    found = world.labels.filter((label) => (label.name + " " + label.description).toLowerCase().includes(part));
    chosen = Math.min(Math.max(chosen, 0), Math.max(found.length - 1, 0));
    list.replaceChildren(...found.map((label, at) => h("li", {}, h("button", { class: at === chosen ? "on" : "", onclick: () => take(label) }, tag(label.name), label.description ? h("span", { class: "key" }, "  " + label.description) : null))));
    list.querySelector(".on")?.scrollIntoView({ block: "nearest" });
  }
  open("Find a label", input, list);
  draw();
}
function openHelp() {
  const row = ([action, text]) => h("div", {}, h("span", {}, text), h("button", { "aria-label": `Change the key for: ${text}`, onclick: (event) => remap(action, event.currentTarget) }, keys[action] ? keyName(keys[action]) : "none"));
  const check = (id, on, text, does) => h("label", { class: "check", for: id }, h("input", { type: "checkbox", id, checked: on, onchange: (event) => does(event.target.checked) }), h("span", {}, text));
  open("Keys and settings",
    check("keys-on", keysOn, "Single-key shortcuts", (on) => { keysOn = on; keep(localStorage, "quorate-keys-on", on); showKeys(); }),
    check("hide", state.hide, "Hide the votes on every row until I chose", (on) => { state.hide = on; keep(localStorage, "quorate-hide", on); restart(); }),
    h("p", { class: "key" }, "Press the key beside an action to give it another one; Escape leaves it without."),
    h("div", { class: "keymap" }, ...Object.entries(ACTIONS).map(row)),
    h("h3", {}, "Labels"), h("dl", { class: "cells" }, ...world.labels.slice(0, 60).flatMap((label) => [h("dt", {}, tag(label.name)), h("dd", {}, label.description || "–")])),
    h("div", { class: "buttons" }, h("button", { onclick: askName }, `Not ${world.reviewer}?`), h("button", { onclick: () => { keys = { ...DEFAULT_KEYS }; keep(localStorage, "quorate-keys", keys); showKeys(); openHelp(); } }, "Reset keys"), h("button", { class: "first", onclick: close }, "Close")));
}
function remap(action, button) {
  button.textContent = "press a key";
  const took = (event) => {
    if (["Shift", "Control", "Alt", "Meta", "Tab"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    removeEventListener("keydown", took, true);
    if (event.key !== "Escape") for (const other of Object.keys(keys)) if (keys[other] === event.key) keys[other] = "";
    keys[action] = event.key === "Escape" ? "" : event.key;
    keep(localStorage, "quorate-keys", keys);
    showKeys();
    openHelp();
  };
  addEventListener("keydown", took, true);
}

// --- guidelines and agreement ----------------------------------------------------------------------------------------
const trouble = (error) => warn(error instanceof Refusal ? error.message : "The server does not answer.");
function markdown(text) {
  const made = h("div", { class: "sheet" });
  const inline = (line) => line.split(/(\*\*[^*]+\*\*|`[^`]+`)/).map((part) => (part.startsWith("**") && part.length > 4 ? h("b", {}, part.slice(2, -2)) : part.startsWith("`") && part.length > 2 ? h("code", {}, part.slice(1, -1)) : part));
  for (const block of text.split(/\n\s*\n/)) {
    const lines = block.split("\n").filter((line) => line.trim());
    if (!lines.length) continue;
    const head = /^(#{1,4})\s+(.*)/.exec(lines[0]);
    if (head) { made.append(h(head[1].length > 2 ? "h4" : "h3", {}, ...inline(head[2]))); lines.shift(); }
    if (lines.length && lines.every((line) => /^\s*[-*]\s/.test(line))) made.append(h("ul", {}, ...lines.map((line) => h("li", {}, ...inline(line.replace(/^\s*[-*]\s+/, ""))))));
    else if (lines.length) made.append(h("p", { dir: "auto" }, ...inline(lines.join(" "))));
  }
  return made;
}
async function openGuidelines() {
  const card = state.cards[0], names = world.labels.map((entry) => entry.name);
  let back;
  try { back = await post("sheets"); } catch (error) { trouble(error); return; }
  const voted = card?.seen ? [...new Set(card.seen.votes.map((vote) => vote.label))] : [];
  const y = [0, 1].map((n) => select("g-label" + n, names, voted.length === 2 ? voted[n] : "", "all labels", n ? "Second label" : "First label"));
  const body = h("div", {});
  const pair = () => (y[0].value && y[1].value && y[0].value !== y[1].value ? names.filter((name) => y.some((one) => one.value === name)) : []);
  function draw() {
    const labels = pair(), sheet = back.sheets[labels.join(" | ")], last = sheet?.versions[0];
    const edit = h("button", { onclick: () => write(labels, sheet?.text ?? "") }, sheet ? "Edit" : "Write it");
    body.replaceChildren(sheet ? markdown(sheet.text) : h("p", { class: "quiet" }, labels.length ? `Nothing is written yet on telling ${labels[0]} from ${labels[1]}.` : "Nothing is written yet on the labels as a whole."),
      last ? h("p", { class: "key" }, `${count(sheet.versions.length, "version")}; the last by ${last.by}, ${new Date(last.at_s * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" })}`) : null ?? "",
      h("div", { class: "buttons" }, edit, h("button", { class: "first", onclick: close }, "Close")));
  }
  function write(labels, text) {
    const area = h("textarea", { "aria-label": "Guideline in Markdown", dir: "auto" });
    area.value = text;
    const save = async () => { try { back = await post("sheets", { labels, text: area.value }); draw(); say("The guideline is saved."); } catch (error) { trouble(error); } };
    body.replaceChildren(area, h("div", { class: "buttons" }, h("button", { onclick: draw }, "Cancel"), h("button", { class: "first", onclick: save }, "Save")));
    area.focus();
  }
  for (const one of y) one.addEventListener("change", draw);
  open("Guidelines", h("div", { class: "fields" }, h("span", {}, "How to tell"), h("span", { class: "two" }, y[0], "from", y[1])), body);
  draw();
}
async function openAgreement() {
  let found;
  try { found = await post("agreement"); } catch (error) { trouble(error); return; }
  const shown = (c) => h("td", { class: "n" }, c.value == null ? "–" : c.value.toFixed(2), c.value == null ? "" : h("span", { class: "key" }, ` ${c.low.toFixed(2)} to ${c.high.toFixed(2)}`));
  const line = (name, one) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "n" }, count(one.rows)), shown(one.same), shown(one.kappa), shown(one.alpha), shown(one.ac1));
  const heads = (first) => h("thead", {}, h("tr", {}, ...[first, "Rows", "Same", "Kappa", "Alpha", "AC1"].map((text, at) => h("th", { scope: "col", class: at ? "n" : "" }, text))));
  const table = (title, first, lines) => h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title }, h("table", {}, h("caption", {}, title), heads(first), h("tbody", {}, ...lines)));
  const parts = found.rows ? [
    table("Per class", "Class", [line("all classes", found.overall), ...found.classes.filter((one) => one.rows).map((one) => line(tag(one.label), one))]),
    found.pairs.length > 1 ? table("Per pair of people", "People", found.pairs.map((one) => line(one.people.join(" and "), one))) : null,
    found.differ.length ? h("div", {}, h("h3", {}, "Where people differ most"), h("ul", {}, ...found.differ.map((one) => h("li", {}, `${one.labels.join(" or ")}: ${count(one.rows, "row")}`)))) : null,
    found.sheets.length ? h("div", {}, h("h3", {}, "Before and after a guideline was rewritten"), h("ul", {}, ...found.sheets.map((one) => h("li", {}, `${one.pair || "all labels"}: the same on ${one.before.same} of ${one.before.rows} before, ${one.after.same} of ${one.after.rows} after`)))) : null,
    h("p", { class: "key" }, "On rows that two or more people answered, with 95% bootstrap intervals. AC1 holds where one label is rare."),
  ] : [h("p", {}, "No row was answered by two people yet. A share of the rows (", h("code", {}, "[review] overlap"), ") is handed to two of them.")];
  open("Agreement between people", ...parts.filter(Boolean), h("div", { class: "buttons" }, found.differ.length && state.status?.disputed ? h("button", { onclick: () => { close(); state.wish = { kind: "disputed" }; restart(); } }, `Settle ${count(state.status.disputed, "row")}`) : "", h("button", { class: "first", onclick: close }, "Close")));
}

// --- the beginning ---------------------------------------------------------------------------------------------------
$("#labels").replaceChildren(...world.labels.map((label, at) => h("button", { "data-action": at < 9 ? "label" + (at + 1) : null, title: label.description, onclick: () => press(label.name) }, at < 9 ? h("kbd", {}) : "", tag(label.name))));
for (const button of document.querySelectorAll(".others [data-action], nav [data-action]")) button.addEventListener("click", () => act(button.dataset.action));
$("#open-agreement").addEventListener("click", openAgreement);
addEventListener("beforeunload", (event) => { if (state.outbox.length > 2) event.preventDefault(); });
setInterval(() => { if (!state.cards.length && !state.dealing && world.reviewer && !document.hidden) { state.dealtAll = false; refill(); } }, 10_000);
// Asking renews the leases on the cards that are here.
setInterval(() => { if (state.cards.length) post("status").catch(() => {}); }, 240_000);
showKeys();
showRecent();
showWish();
showNothing();
if (!world.reviewer) askName();
else pump().then(refill);
