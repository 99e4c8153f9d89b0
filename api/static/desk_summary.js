"use strict";
// What the call comes to, with a way from every sentence to the segments that say it. A summary that a person wrote into the record
// stands above it. Text is put on the page as text, never as markup.

const SUMMARY_TEXT = {
  zh: {
    summary: "通话小结", wanted: "诉求", done: "处理", promised: "承诺", next: "下一步", tried: "已尝试", open: "待解答", mood: "情绪",
    not_said: "未提及", as_promised: "按承诺跟进", due: "截至", unsure: "识别不清", sum_up: "小结", hand_over: "转接小结", running: "通话中", transfer: "转接",
    end: "通话结束", extractive: "原话摘录", endpoint: "模型生成", dropped: "句无依据已去除", caller: "客户", agent: "坐席", edited: "人工小结",
    step: "排查步骤", failed: "小结失败",
  },
  en: {
    summary: "Summary", wanted: "Wanted", done: "Done", promised: "Promised", next: "Next", tried: "Tried", open: "Open", mood: "Mood",
    not_said: "nothing was said", as_promised: "as promised", due: "by", unsure: "unclear", sum_up: "Sum up", hand_over: "For a transfer", running: "so far",
    transfer: "transfer", end: "at the end", extractive: "in the call's words", endpoint: "written by a model",
    dropped: "sentences without evidence left out", caller: "caller", agent: "agent", edited: "written by a person", step: "step of a flow",
    failed: "no summary",
  },
};
const st = (name) => SUMMARY_TEXT[language][name] ?? name;
let cited = new Set(); // segments of the sentence that was clicked last

function summaryBox(callId, held) {
  const asks = make("div", undefined, "actions");
  asks.append(askButton(callId, "sum_up", held.ended ? "end" : "running"), askButton(callId, "hand_over", "transfer"));
  const nodes = [asks];
  const own = held.fields.get("summary");
  if (own?.source === "person" && own.value) nodes.push(make("h4", `${st("edited")} · ${own.by}`), make("p", own.value, "edited"));
  if (held.summary) nodes.push(...summaryOf(held.summary));
  return nodes;
}

function askButton(callId, label, moment) {
  const button = make("button", st(label));
  button.type = "button";
  button.onclick = () => askSummary(callId, moment);
  return button;
}

// The answer is not needed: the summary comes as an event, to every desktop that follows the call.
async function askSummary(callId, moment) {
  const headers = { "Content-Type": "application/json" };
  const token = byId("token").value.trim();
  if (token) headers.Authorization = `Bearer ${token}`;
  try {
    const answer = await fetch(`/v1/calls/${encodeURIComponent(callId)}/summary`, { method: "POST", headers, body: JSON.stringify({ moment }) });
    detail = answer.ok ? "" : `${st("failed")}: ${(await answer.json()).detail ?? answer.status}`;
  } catch (error) {
    detail = `${st("failed")}: ${error.message}`;
  }
  later();
}

function summaryOf(summary) {
  const list = make("dl", undefined, "summary");
  for (const part of summary.parts) {
    const held = make("dd");
    if (part.value) held.append(make("strong", part.value), " ");
    for (const sentence of part.sentences) held.append(sentenceOf(part, sentence));
    if (!part.sentences.length && !part.value) held.append(make("span", st(part.missing || "not_said"), "missing"));
    list.append(make("dt", st(part.part)), held);
  }
  const dropped = Object.values(summary.dropped ?? {}).reduce((sum, count) => sum + count, 0);
  const facts = [st(summary.moment), `v${summary.version}`, st(summary.method), summary.note, dropped ? `${dropped} ${st("dropped")}` : ""];
  return [make("h4", st("summary")), make("p", facts.filter(Boolean).join(" · "), "why"), list];
}

function sentenceOf(part, sentence) {
  const button = make("button", sentence.text, "sentence");
  button.type = "button";
  const about = sentence.unsure ? [st("unsure")] : [];
  if (part.part === "promised" && sentence.by) about.push(st(sentence.by));
  if (sentence.due) about.push(`${st("due")} ${sentence.due.slice(0, 16).replace("T", " ")}`);
  if (sentence.card_id) about.push(st("step"));
  if (about.length) button.append(" ", make("small", about.join(" · ")));
  button.setAttribute("aria-pressed", String(sentence.segments.some((id) => cited.has(id))));
  button.onclick = () => {
    cited = new Set(sentence.segments);
    render();
    document.querySelector("#transcript .cited")?.scrollIntoView({ block: "center" });
  };
  return button;
}
