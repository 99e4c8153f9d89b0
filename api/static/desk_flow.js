"use strict";
// Flows on the desk: a checklist with the step that is current, its answers as buttons, what was heard to move it, and
// the way back. The state is the fold over FlowUpdated, as on the server. Text is put on the page as text, never as markup.

const FLOW_TEXT = {
  zh: {
    done: "完成此步", undo: "撤销", back_here: "回到此步", take_up: "继续此流程", over: "排查已完成", auto: "自动",
    heard_said: "听到客户说", maybe: "客户可能是说", confirm: "确认", held: "已改为人工确认", waiting: "暂停中",
    blank: "________", birthday_in_days: "距生日天数", segment: "客户类型", risk: "风险", region: "地区", sentiment: "情绪",
    language: "语言", lifecycle: "客户阶段",
  },
  en: {
    done: "Done", undo: "Undo", back_here: "Back to this step", take_up: "Go on with this", over: "Finished", auto: "automatic",
    heard_said: "the caller said", maybe: "the caller may mean", confirm: "Confirm", held: "by hand only from here",
    waiting: "on hold", blank: "________", birthday_in_days: "days to the birthday", segment: "segment", risk: "risk",
    region: "region", sentiment: "sentiment", language: "language", lifecycle: "lifecycle",
  },
};
const FLOW_END = "end";
const ft = (name) => FLOW_TEXT[language][name] ?? name;

// card id -> {version, current, path, proposed, held, touched}
function applyFlow(flows, event) {
  let run = flows.get(event.card_id);
  if (!run || event.action === "started") {
    run = { version: event.card_version, current: event.step, path: [], proposed: null, held: false, touched: 0 };
    flows.set(event.card_id, run);
  }
  if (event.action === "suggested") {
    if (event.step === run.current) run.proposed = event;
    return;
  }
  run.touched = event.seq;
  if (event.action === "resumed" || event.action === "started") return;
  const before = (step) => {
    const at = run.path.findLastIndex((taken) => taken.step === step);
    return at < 0 ? run.path : run.path.slice(0, at);
  };
  run.path = event.action === "went_back" ? before(event.to) : [...before(event.step), event];
  run.current = event.to;
  run.held = event.action === "went_back";
  run.proposed = null;
}

function activeFlow(flows) {
  let active = null;
  for (const run of flows.values()) {
    if (run.current !== FLOW_END && (!active || run.touched > active.touched)) active = run;
  }
  return active;
}

function flowStep(push, action, step, answer) {
  if (socket?.readyState !== WebSocket.OPEN) return;
  const frame = { event: "flow_step", call_id: push.call_id, card_id: push.card_id, action };
  if (step !== undefined) frame.step = step;
  if (answer !== undefined) frame.answer = answer;
  socket.send(JSON.stringify(frame));
}

function flowButton(label, act, className) {
  const button = make("button", label, className);
  button.type = "button";
  button.onclick = act;
  return button;
}

function quoted(evidence) { return `“${evidence.heard}”`; }

// The checklist of one pushed flow; null for a card without one, or a flow that has not begun.
function flowList(push, flows) {
  const steps = push.card?.steps ?? [];
  const run = flows.get(push.card_id);
  if (push.card?.kind !== "flow" || !steps.length || !run) return null;
  const root = make("div", undefined, "flow");
  const byStep = new Map(steps.map((step) => [step.id, step]));
  const list = make("ol", undefined, "steps");
  for (const taken of run.path) list.append(takenStep(push, byStep.get(taken.step), taken));
  const current = byStep.get(run.current);
  if (current) list.append(currentStep(push, current, run));
  root.append(list);
  if (run.current === FLOW_END) root.append(make("p", `✓ ${ft("over")}`, "over"));
  else if (activeFlow(flows) !== run) {
    const waiting = make("p", `${ft("waiting")} `, "why");
    waiting.append(flowButton(ft("take_up"), () => flowStep(push, "take_up")));
    root.append(waiting);
  }
  if (run.path.length) root.append(flowButton(`↶ ${ft("undo")}`, () => flowStep(push, "back"), "undo"));
  return root;
}

function takenStep(push, step, taken) {
  const item = make("li", undefined, `taken ${taken.source}`);
  item.append(make("span", `✓ ${step?.text ?? taken.step}`));
  if (taken.answer) item.append(" ", make("strong", taken.answer));
  item.append(" ", flowButton("↶", () => flowStep(push, "back", taken.step), "back"));
  item.lastChild.title = ft("back_here");
  if (taken.evidence) item.append(make("p", `${ft("auto")} · ${ft("heard_said")} ${quoted(taken.evidence)}`, "why"));
  return item;
}

function currentStep(push, step, run) {
  const item = make("li", undefined, "current");
  item.setAttribute("aria-current", "step");
  item.append(make("strong", step.text));
  const choices = make("div", undefined, "actions");
  const answers = Object.keys(step.next ?? {});
  for (const answer of answers) {
    const button = flowButton(answer, () => flowStep(push, "answer", step.id, answer));
    if (run.proposed?.answer === answer) button.className = "proposed";
    choices.append(button);
  }
  if (!answers.length) choices.append(flowButton(ft("done"), () => flowStep(push, "answer", step.id, "")));
  item.append(choices);
  if (run.proposed) {
    const heard = run.proposed.evidence ? ` ${quoted(run.proposed.evidence)}` : "";
    item.append(make("p", `${ft("maybe")} ${run.proposed.answer}?${heard}`, "why"));
  }
  if (run.held) item.append(make("p", ft("held"), "why"));
  return item;
}

// A script's blanks: from the record as it is now, else as the push knew them, else an empty line to fill in.
function fillBlanks(text, push, fields) {
  return text.replace(/\{\{\s*([^{}]*?)\s*\}\}/g, (_, name) => {
    const fact = fields.get(`facts.${name}`)?.value;
    const known = push.slots?.[name] ?? null;
    if (fact === undefined || fact === null) return known ?? ft("blank");
    return known?.replaceAll(" ", "") === String(fact) ? known : String(fact);
  });
}

// What holds of the customer: "segment: VIP; birthday_in_days: 3".
function occasion(matched) {
  return matched.split("; ").map((part) => {
    const at = part.indexOf(": ");
    return at < 0 ? part : `${ft(part.slice(0, at))} ${part.slice(at + 2)}`;
  }).join(" · ");
}
