"use strict";
// The record on the desk: its fields as the schema describes them, editing, what is missing, the clock, confirming.
// Text is put on the page as text, never as markup. While somebody types, only the head of the panel is drawn anew.

const RECORD_TEXT = {
  zh: {
    person: "人工", model: "模型", rule: "规则", default: "默认", computed: "自动计算", yes: "是", no: "否", edit: "修改", save: "保存",
    cancel: "取消", clear: "清空", confirm_record: "确认记录", show_all: "显示全部字段", show_set: "只显示已填字段", missing: "必填未填", hidden_missing: "您无权查看的必填未填字段数",
    live: "通话中，结束后确认", open: "待确认，剩余", overdue: "已超时", done: "已按时确认", late: "已确认（超时）", one_per_line: "每行一项",
    levels: "各级用 / 分隔", retired: "已停用", changed: "已被他人修改为", again: "再次保存将覆盖", version: "版本", empty: "（空）",
    channel: "渠道", issue: "问题", facts: "关键信息", trace: "行为与交互", actions: "后续行动", tags: "标签", notes: "备注", times: "时间",
    custom: "自定义字段",
  },
  en: {
    person: "person", model: "model", rule: "rule", default: "default", computed: "computed", yes: "yes", no: "no", edit: "Edit",
    save: "Save", cancel: "Cancel", clear: "Clear", confirm_record: "Confirm the record", show_all: "Show every field",
    show_set: "Show what is filled", missing: "still needed", hidden_missing: "fields still needed that you may not see", live: "live; to be confirmed after its end",
    open: "to be confirmed, left", overdue: "overdue by", done: "confirmed in time", late: "confirmed late",
    one_per_line: "one a line", levels: "levels separated by /", retired: "not in use any more",
    changed: "somebody else has set it to", again: "saving again overwrites that", version: "version", empty: "(empty)",
    channel: "Channel", issue: "Issue", facts: "Facts", trace: "Behaviour", actions: "What comes next", tags: "Tags",
    notes: "Notes", times: "Times", custom: "Added fields",
  },
};
const GROUPS = ["issue", "facts", "channel", "actions", "tags", "trace", "notes", "times", "custom"];
const BOXED = "summary"; // has a box of its own above; here it can be edited once every field is shown
const rt = (name) => RECORD_TEXT[language][name] ?? name;

let schema = null; // {version, fields}
const SCHEMA_RETRY_MS = 5000;
let schemaAskedAt = -Infinity;
let editing = null; // {callId, name, before, form, note}
let showAll = false;
const facts = new Map(); // call id -> {version, computed, completion, at, asking, stale}

async function ask(path, options = {}) {
  const token = byId("token").value.trim();
  const headers = { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...(options.headers ?? {}) };
  const answer = await fetch(path, { ...options, headers, cache: "no-store" });
  const body = answer.headers.get("content-type")?.includes("json") ? await answer.json() : null;
  return { status: answer.status, ok: answer.ok, body };
}

async function loadSchema() {
  if (performance.now() - schemaAskedAt < SCHEMA_RETRY_MS) return;
  schemaAskedAt = performance.now();
  try {
    const { ok, body } = await ask("/v1/record-schema");
    if (!ok) return;
    schema = body;
    later();
  } catch { /* the connection is down: a later change asks again */ }
}

// What only the server knows of a record: the clock, what is missing, what is computed.
function refresh(callId) {
  const known = facts.get(callId) ?? { asking: false };
  facts.set(callId, known);
  known.stale = true;
  if (known.asking) return;
  known.asking = true;
  setTimeout(async () => {
    known.stale = false;
    try {
      const { ok, body } = await ask(`/v1/calls/${encodeURIComponent(callId)}/record`);
      if (ok) learn(callId, body);
    } catch { /* as above */ }
    known.asking = false;
    if (known.stale) refresh(callId);
  }, 200);
}

function learn(callId, body) {
  const known = facts.get(callId) ?? { asking: false };
  Object.assign(known, { version: body.version, computed: body.computed, completion: body.completion, at: performance.now() });
  facts.set(callId, known);
  if (!schema || schema.version !== body.schema_version) loadSchema();
  later();
}

// Called for every event of a call that may change its record.
function recordEvent(event) {
  if (["RecordUpdated", "RecordConfirmed", "CallEnded", "CallStarted"].includes(event.type) && event.call_id === shown) {
    refresh(event.call_id);
  }
}

function renderRecord(callId, held) {
  const known = held ? facts.get(callId) : undefined;
  if (held && !known) refresh(callId);
  if (held && !schema) loadSchema();
  byId("record-head").replaceChildren(...(held ? recordHead(callId, known) : []));
  if (editing && editing.callId === callId) return;
  editing = null;
  byId("record").replaceChildren(...(held && schema ? recordGroups(callId, held, known) : []));
}

function recordHead(callId, known) {
  const done = known?.completion;
  if (!done) return [];
  const line = make("p", clockText(known), `clock ${done.state}`);
  const nodes = [line];
  if (done.missing.length) {
    nodes.push(make("p", `${rt("missing")}: ${done.missing.map(labelOf).join("、")}`, "missing"));
  }
  if (done.hidden_missing) nodes.push(make("p", `${rt("hidden_missing")}: ${done.hidden_missing}`, "missing"));
  if (["open", "overdue"].includes(done.state)) {
    const button = flowButton(rt("confirm_record"), () => confirmRecord(callId), "confirm");
    button.disabled = done.missing.length + done.hidden_missing > 0;
    nodes.push(button);
  }
  return nodes;
}

function clockText(known) {
  const done = known.completion;
  if (done.state === "done" || done.state === "late") return `✓ ${rt(done.state)} · ${done.confirmed_by}`;
  if (done.left_s === null) return rt("live");
  const left = done.left_s - (performance.now() - known.at) / 1000;
  const overdue = left < 0;
  return `${rt(overdue ? "overdue" : "open")} ${time(Math.abs(left) * 1000)}`;
}

function specOf(name) { return schema?.fields.find((spec) => spec.name === name); }

function labelOf(name) {
  const spec = specOf(name);
  return spec ? spec[language === "zh" ? "label" : "label_en"] : name;
}

function recordGroups(callId, held, known) {
  const nodes = [];
  const missing = new Set(known?.completion?.missing ?? []);
  const groups = [...new Set([...GROUPS, ...schema.fields.map((spec) => spec.group)])];
  for (const group of groups) {
    const rows = schema.fields.filter((spec) => spec.group === group).flatMap((spec) => {
      const value = held.fields.get(spec.name) ?? known?.computed?.[spec.name];
      const empty = value === undefined || value.value === null;
      if (spec.retired ? empty : (empty || spec.name === BOXED) && !showAll && !missing.has(spec.name)) return [];
      return fieldRow(callId, spec, value, missing.has(spec.name));
    });
    if (rows.length) nodes.push(make("h3", rt(group)), ...asList(rows));
  }
  nodes.push(flowButton(rt(showAll ? "show_set" : "show_all"), () => { showAll = !showAll; render(); }, "quiet"));
  return nodes;
}

function asList(rows) {
  const list = make("dl");
  list.append(...rows);
  return [list];
}

function fieldRow(callId, spec, value, missing) {
  const name = make("dt", labelOf(spec.name));
  if (missing) name.append(" ", make("span", `* ${rt("missing")}`, "missing"));
  if (spec.retired) name.append(" ", make("small", rt("retired")));
  const cell = make("dd");
  cell.append(value ? shownNode(spec, value.value) : "–");
  if (value) cell.append(" ", make("small", sourceOf(value)));
  if (spec.may_edit && !spec.computed) {
    const button = flowButton("✎", () => openEditor(callId, spec, value, cell), "edit");
    button.title = rt("edit");
    button.setAttribute("aria-label", `${rt("edit")}: ${labelOf(spec.name)}`);
    cell.append(" ", button);
  }
  return [name, cell];
}

const LONG_ENTRY = 14; // characters from which the values of a field stand below each other

function shownNode(spec, value) {
  if (spec.name === "action_channels" && Array.isArray(value)) return value.join(" › "); // the first goes first
  const lines = spec.kind === "notes" && value ? String(value).split("\n") : value;
  const several = Array.isArray(lines) && spec.kind !== "path" && lines.some((entry) => entry.length > LONG_ENTRY);
  if (!several || (spec.kind === "notes" && lines.length < 2)) return shownValue(spec, value);
  const list = make("ul", undefined, "entries");
  list.append(...lines.map((entry) => make("li", entry)));
  return list;
}

function shownValue(spec, value) {
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) return value.join(spec.kind === "path" ? " / " : "、");
  if (typeof value === "boolean") return rt(value ? "yes" : "no");
  return spec.kind === "time" ? new Date(value).toLocaleString(language) : String(value);
}

function sourceOf(value) {
  if (value.source === "person") return value.by;
  const sure = ["default", "computed"].includes(value.source) ? "" : ` ${Math.round(value.probability * 100)} %`;
  return rt(value.source) + sure;
}

function openEditor(callId, spec, value, cell) {
  if (editing) closeEditor();
  const before = value ?? null;
  const form = make("form", undefined, "editor");
  const { nodes, read } = inputFor(spec, before?.value ?? null);
  const note = make("p", "", "note");
  const buttons = make("div", undefined, "actions");
  const save = make("button", rt("save"));
  buttons.append(save, flowButton(rt("clear"), () => saveField(null)), flowButton(rt("cancel"), closeEditor));
  form.append(...nodes, buttons, note);
  form.onsubmit = (event) => { event.preventDefault(); saveField(read()); };
  form.onkeydown = (event) => { if (event.key === "Escape") closeEditor(); };
  editing = { callId, name: spec.name, before, note };
  cell.replaceChildren(form);
  form.querySelector("input, select, textarea")?.focus();
}

function closeEditor() {
  editing = null;
  render();
}

function inputFor(spec, value) {
  if (spec.many) return manyInput(spec, value);
  if (spec.kind === "flag") return selectInput([["true", rt("yes")], ["false", rt("no")]], String(value ?? false), (v) => v === "true");
  if (spec.kind === "choice" && !spec.open_choices) return selectInput(spec.choices.map((c) => [c, c]), value ?? spec.choices[0], (v) => v);
  if (spec.kind === "integer" && spec.minimum !== null && spec.maximum !== null && spec.maximum - spec.minimum <= 10) {
    const numbers = [];
    for (let n = spec.minimum; n <= spec.maximum; n += 1) numbers.push([String(n), String(n)]);
    return selectInput(numbers, String(value ?? spec.default ?? spec.minimum), Number);
  }
  if (spec.kind === "notes") {
    const area = make("textarea");
    area.rows = 4;
    area.value = value ?? "";
    return { nodes: [area], read: () => area.value.trim() || null };
  }
  return lineInput(spec, value);
}

function selectInput(choices, chosen, read) {
  const select = make("select");
  for (const [value, label] of choices) {
    const option = make("option", label);
    option.value = value;
    select.append(option);
  }
  select.value = chosen;
  return { nodes: [select], read: () => read(select.value) };
}

function lineInput(spec, value) {
  const input = make("input");
  const numeric = spec.kind === "integer" || spec.kind === "number";
  const wholeDay = !value || String(value).length === 10; // a day picker cannot show a month
  input.type = { date: wholeDay ? "date" : "text", time: "datetime-local" }[spec.kind] ?? (numeric ? "number" : "text");
  if (spec.kind === "number") input.step = "any";
  input.value = spec.kind === "time" && value ? localTime(value) : Array.isArray(value) ? value.join(" / ") : value ?? "";
  const nodes = [input];
  if (spec.kind === "path") input.placeholder = rt("levels");
  if (spec.choices.length) {
    const list = make("datalist");
    list.id = "proposals";
    list.append(...spec.choices.map((choice) => { const option = make("option"); option.value = choice; return option; }));
    input.setAttribute("list", list.id);
    nodes.push(list);
  }
  const read = () => {
    const text = input.value.trim();
    if (!text) return null;
    if (numeric) return Number(text);
    return spec.kind === "time" ? withOffset(text) : text;
  };
  return { nodes, read };
}

function manyInput(spec, value) {
  const area = make("textarea");
  area.rows = 4;
  area.placeholder = rt("one_per_line");
  area.value = (value ?? []).join("\n");
  const entries = () => [...new Set(area.value.split("\n").map((line) => line.trim()).filter(Boolean))];
  const proposals = make("div", undefined, "actions");
  for (const choice of spec.choices) {
    proposals.append(flowButton(`+ ${choice}`, () => { area.value = [...entries(), choice].join("\n"); }, "quiet"));
  }
  return { nodes: [area, proposals], read: () => (entries().length ? entries() : null) };
}

function pad(number) { return String(number).padStart(2, "0"); }

function localTime(stamp) {
  const at = new Date(stamp);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

function withOffset(text) {
  const minutes = -new Date(text).getTimezoneOffset();
  const away = Math.abs(minutes);
  return `${text}:00${minutes < 0 ? "-" : "+"}${pad(Math.floor(away / 60))}:${pad(away % 60)}`;
}

// A finding that came in while somebody typed does not stand in the way; another person's value is shown first.
async function saveField(value, again = false) {
  const at = editing;
  const known = facts.get(at.callId);
  const headers = { "Content-Type": "application/merge-patch+json", "If-Match": `"${known?.version ?? 0}"` };
  const path = `/v1/calls/${encodeURIComponent(at.callId)}/record`;
  try {
    const answer = await ask(path, { method: "PATCH", headers, body: JSON.stringify({ [at.name]: value }) });
    if (editing !== at) return;
    if (answer.ok) {
      calls.get(at.callId)?.fields.set(at.name, answer.body.fields[at.name]);
      editing = null;
      learn(at.callId, answer.body);
      render();
    } else if (answer.status === 412 && !again) {
      await rebase(at, path, value);
    } else {
      at.note.textContent = answer.body?.detail ?? String(answer.status);
    }
  } catch (error) {
    at.note.textContent = error.message;
  }
}

async function rebase(at, path, value) {
  const { ok, body } = await ask(path);
  if (!ok || editing !== at) return;
  learn(at.callId, body);
  const now = body.fields[at.name] ?? null;
  const same = JSON.stringify(now?.value ?? null) === JSON.stringify(at.before?.value ?? null);
  if (same || now?.source !== "person") {
    await saveField(value, true);
    return;
  }
  at.before = now;
  const said = now.value === null ? rt("empty") : shownValue(specOf(at.name), now.value);
  at.note.textContent = `${now.by}: ${rt("changed")} “${said}” · ${rt("again")}`;
}

async function confirmRecord(callId) {
  const headers = { "If-Match": `"${facts.get(callId)?.version ?? 0}"` };
  try {
    const answer = await ask(`/v1/calls/${encodeURIComponent(callId)}/record/confirm`, { method: "POST", headers });
    if (answer.ok) learn(callId, answer.body);
    else {
      detail = answer.body?.detail ?? String(answer.status);
      refresh(callId);
    }
  } catch (error) {
    detail = error.message;
  }
  render();
}

function forgetRecords() {
  schema = null;
  schemaAskedAt = -Infinity;
  editing = null;
  facts.clear();
}

setInterval(() => {
  const known = facts.get(shown);
  const line = document.querySelector("#record-head .clock");
  if (!known?.completion || !line) return;
  line.textContent = clockText(known);
  if (known.completion.state === "open" && line.textContent.startsWith(rt("overdue"))) refresh(shown);
}, 1000);
