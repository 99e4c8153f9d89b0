"use strict";
// A first desk: follows calls over /v1/desktop and shows transcript, cards and record. Whatever comes from a call or a
// card is put on the page as text, never as markup. After a lost connection it goes on where it left off.

const TEXT = {
  zh: {
    agent: "坐席", token: "令牌", connect: "连接", transcript: "实时转写", cards: "知识卡片", record: "通话记录",
    caller_side: "客户", agent_side: "坐席", connected: "已连接", connecting: "连接中…", lost: "连接断开，正在重连…",
    refused: "被拒绝", ended: "已结束", none: "暂无通话", used: "已采用", dismissed: "关闭", pinned: "置顶", wrong: "不准确",
    trigger: "触发词", search: "语义匹配", profile: "客户画像", sentiment_reason: "客户情绪", request: "坐席调取", heard: "听到",
    other: "English",
  },
  en: {
    agent: "Agent", token: "Token", connect: "Connect", transcript: "Live transcript", cards: "Cards", record: "Call record",
    caller_side: "Caller", agent_side: "Agent", connected: "connected", connecting: "connecting…",
    lost: "connection lost, coming back…", refused: "refused", ended: "ended", none: "no calls", used: "Used",
    dismissed: "Dismiss", pinned: "Pin", wrong: "Wrong", trigger: "trigger", search: "search", profile: "customer profile", sentiment_reason: "how the caller feels",
    request: "asked for by", heard: "heard", other: "中文",
  },
};
const ACTIONS = ["used", "pinned", "dismissed", "wrong"];
const KEPT_CALLS = 50;
const FINAL_CODES = [4400, 4401, 4403, 4404, 1008];
const ANOTHER_LOG = 4409; // the server holds less than was seen here, as after a restored backup: begin anew

const byId = (id) => document.getElementById(id);
const calls = new Map(); // call id -> {last, agent, ended, segments, pushes, fields, flows, facts, order, summary, feelings}
let language = navigator.language.startsWith("zh") ? "zh" : "en";
let shown = null;
let socket = null;
let retry = 0;
let timer = null;
let state = "none";
let detail = "";
let dirty = false;

const t = (name) => TEXT[language][name] ?? name;

function make(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function call(id) {
  if (!calls.has(id)) {
    calls.set(id, { last: 0, agent: null, ended: false, segments: new Map(), pushes: new Map(), fields: new Map(), flows: new Map(), facts: new Map(), order: null, summary: null, feelings: newFeelings() });
    for (const [old, held] of calls) {
      if (calls.size <= KEPT_CALLS) break;
      if (held.ended && old !== shown) calls.delete(old);
    }
    if (shown === null || (calls.get(shown)?.ended && !editing)) shown = id; // what is being typed stays
  }
  return calls.get(id);
}

const APPLY = {
  CallStarted(held, event) { held.agent = event.agent_id; },
  CallEnded(held) {
    held.ended = true;
    for (const [id, segment] of held.segments) if (!segment.final) held.segments.delete(id);
  },
  PartialTranscript(held, event) {
    const known = held.segments.get(event.segment_id);
    if (known && (known.final || known.revision >= event.revision)) return;
    held.segments.set(event.segment_id, { ...event, final: false });
  },
  FinalTranscript(held, event) {
    if (event.text) held.segments.set(event.segment_id, { ...event, final: true });
    else held.segments.delete(event.segment_id);
  },
  CardPush(held, event) { held.pushes.set(event.seq, { ...event, action: null }); },
  CardAck(held, event) {
    const push = held.pushes.get(event.push_seq);
    if (push) push.action = event.action;
  },
  FactsUpdated(held, event) { applyFacts(held, event); },
  OrderChecked(held, event) { held.order = event; },
  FlowUpdated(held, event) { applyFlow(held.flows, event); },
  SummaryWritten(held, event) { held.summary = event; },
  SentimentHeard(held, event) { if (event.feeling) applyFeeling(held.feelings, event); },
  SentimentSummary(held, event) { for (const one of event.speakers) held.feelings.courses.set(one.channel, one.course); },
  Alert(held, event) { if (event.kind !== "withheld") held.feelings.alerts.push(event); },
  RecordUpdated(held, event) {
    for (const change of event.changes) {
      if (change.new === null) held.fields.delete(change.field);
      else held.fields.set(change.field, change.new);
    }
  },
};

function take(event) {
  if (event.type === undefined) {
    if (event.event === "following") { state = "connected"; retry = 0; detail = ""; }
    if (event.event === "error") detail = event.message;
    return;
  }
  const held = call(event.call_id);
  if (event.type !== "PartialTranscript") held.last = event.seq;
  APPLY[event.type]?.(held, event);
  recordEvent(event);
}

function connect() {
  clearTimeout(timer);
  if (socket) { socket.onclose = null; socket.close(); }
  const query = new URLSearchParams();
  const agent = byId("agent").value.trim();
  if (agent) query.set("agent_id", agent);
  // Ended calls too: a call that is not named here and began after one that is comes again from its first event.
  const after = [...calls].filter(([, held]) => held.last).map(([id, held]) => `${id}:${held.last}`);
  if (after.length) query.set("after", after.join(","));
  const token = byId("token").value.trim();
  const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/desktop?${query}`;
  state = retry ? "lost" : "connecting";
  render();
  try {
    socket = new WebSocket(address, token ? ["callcue.v1", `callcue.bearer.${token}`] : ["callcue.v1"]);
  } catch (error) {
    state = "refused";
    detail = error.message;
    render();
    return;
  }
  socket.onmessage = (message) => { take(JSON.parse(message.data)); later(); };
  socket.onclose = (closed) => {
    socket = null;
    if (FINAL_CODES.includes(closed.code)) {
      state = "refused";
    } else {
      if (closed.code === ANOTHER_LOG) { calls.clear(); forgetRecords(); shown = null; }
      state = "lost";
      retry += 1;
      timer = setTimeout(connect, Math.min(10000, 250 * 2 ** Math.min(retry, 6)) * (0.5 + Math.random() / 2));
    }
    render();
  };
}

function acknowledge(callId, seq, action) {
  if (socket?.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ event: "ack", call_id: callId, push_seq: seq, action }));
}

function later() {
  if (dirty) return;
  dirty = true;
  requestAnimationFrame(() => { dirty = false; render(); });
}

function time(ms) {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function render() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = t(node.dataset.text);
  byId("language").textContent = t("other");
  byId("status").textContent = [state === "none" ? "" : t(state), detail].filter(Boolean).join(" · ");
  byId("calls").replaceChildren(...[...calls].map(([id, held]) => tab(id, held)));
  if (!calls.size) byId("calls").append(make("span", t("none")));
  const held = shown === null ? null : calls.get(shown);
  renderTranscript(held);
  const pushes = held ? [...held.pushes.values()] : [];
  pushes.sort((a, b) => (b.action === "pinned") - (a.action === "pinned") || b.seq - a.seq || a.rank - b.rank);
  const newest = new Map(pushes.map((push) => [push.card_id, 0]));
  for (const push of pushes) newest.set(push.card_id, Math.max(newest.get(push.card_id), push.seq));
  byId("cards").replaceChildren(...pushes.map((push) => card(push, held, newest.get(push.card_id) === push.seq)));
  byId("facts").replaceChildren(...factNodes(held));
  byId("summary").replaceChildren(...(held ? summaryBox(shown, held) : []));
  byId("feelings-title").textContent = feelingsWords(language)("feelings");
  byId("feelings").replaceChildren(...(held ? feelingsView(held.feelings, language, (channel) => t(`${channel}_side`)) : []));
  renderRecord(shown, held);
}

function tab(id, held) {
  const button = make("button", held.ended ? `${id} (${t("ended")})` : id, held.ended ? "ended" : "");
  button.type = "button";
  button.setAttribute("aria-current", String(id === shown));
  button.onclick = () => { shown = id; refresh(id); render(); };
  return button;
}

function renderTranscript(held) {
  const list = byId("transcript");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  const said = held ? [...held.segments.values()].sort((a, b) => a.start_ms - b.start_ms) : [];
  list.replaceChildren(...said.map((segment) => {
    const item = make("li", undefined, segment.channel === "agent" ? "agent" : "caller");
    if (cited.has(segment.segment_id)) item.classList.add("cited");
    item.append(make("small", `${t(`${segment.channel}_side`)} ${time(segment.start_ms)}`));
    item.append(make("span", segment.final ? segment.text : segment.stable));
    if (!segment.final) item.append(make("span", segment.unstable, "unstable"));
    return item;
  }));
  if (atEnd) list.scrollTop = list.scrollHeight;
}

// Only the newest push of a flow card shows its checklist: a flow is one, however often its card comes.
function card(push, held, newest) {
  const node = make("article", undefined, push.action ?? "");
  node.append(make("h3", push.title), make("p", why(push), "why"));
  if (push.card) {
    const body = push.card.kind === "script" ? fillBlanks(push.card.body, push, held.fields) : push.card.body;
    node.append(markdown(body), (newest && flowList(push, held.flows)) || steps(push.card.steps));
  }
  const actions = make("div", undefined, "actions");
  for (const action of ACTIONS) {
    const button = make("button", t(action));
    button.type = "button";
    button.setAttribute("aria-pressed", String(push.action === action));
    button.onclick = () => acknowledge(push.call_id, push.seq, action);
    actions.append(button);
  }
  node.append(actions);
  return node;
}

function why(push) {
  const { kind, matched, query } = push.reason;
  if (kind === "profile") return `${t("profile")}: ${occasion(matched)}`;
  if (kind === "sentiment") return `${t("sentiment_reason")}: ${occasion(matched)} · ${t("heard")}: ${query}`;
  if (kind === "request") return `${t("request")}: ${matched}`;
  return `${t(kind)}: ${matched} · ${Math.round(push.score * 100)} % · ${t("heard")}: ${query}`;
}

function steps(found) {
  const list = make("ol");
  for (const step of found ?? []) {
    const next = Object.entries(step.next ?? {}).map(([answer, id]) => `${answer} → ${id}`).join("; ");
    list.append(make("li", next ? `${step.text} (${next})` : step.text));
  }
  return list.childElementCount ? list : document.createTextNode("");
}

// Headings, lists, bold and code; everything else stays as written.
function markdown(source) {
  const root = make("div");
  let list = null;
  for (const line of source.split("\n")) {
    const item = /^\s*(?:[-*]|\d+[.、)])\s+(.*)$/.exec(line);
    const heading = /^#{1,6}\s+(.*)$/.exec(line);
    if (item) {
      list ??= root.appendChild(make(/^\s*\d/.test(line) ? "ol" : "ul"));
      list.append(inline(make("li"), item[1]));
      continue;
    }
    list = null;
    if (heading) root.append(inline(make("h4"), heading[1]));
    else if (line.trim()) root.append(inline(make("p"), line));
  }
  return root;
}

function inline(node, text) {
  for (const part of text.split(/(\*\*[^*]+\*\*|`[^`]+`)/)) {
    if (part.startsWith("**") && part.length > 4) node.append(make("strong", part.slice(2, -2)));
    else if (part.startsWith("`") && part.length > 2) node.append(make("code", part.slice(1, -1)));
    else if (part) node.append(part);
  }
  return node;
}

byId("connect").onsubmit = (event) => { event.preventDefault(); retry = 0; calls.clear(); forgetRecords(); shown = null; connect(); };
byId("language").onclick = () => { language = language === "zh" ? "en" : "zh"; editing = null; render(); };
setInterval(() => { if (socket?.readyState === WebSocket.OPEN) socket.send('{"event":"ping"}'); }, 20000);
render();
connect();
