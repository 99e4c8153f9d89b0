"use strict";
// How both sides feel: a small curve for each speaker, where it is going, and what supervisors were told.

const FEELINGS = {
  zh: {
    feelings: "情绪走势", rose: "上升", fell: "下降", steady: "平稳", unknown: "话太少，看不出",
    outside_complaint: "外部投诉或曝光", complaint: "要投诉", wants_superior: "要找上级", cancelling: "要解约",
    repeat_contact: "多次来电", mood_fell: "情绪持续低落", raised_voice: "语气激动", order_mismatch: "与订单不符", audio_gap: "音频丢失", recognition_failed: "识别失败",
  },
  en: {
    feelings: "Mood", rose: "rose", fell: "fell", steady: "steady", unknown: "too little was said",
    outside_complaint: "names an authority or the press", complaint: "wants to complain", wants_superior: "wants a superior",
    cancelling: "wants to leave", repeat_contact: "called several times", mood_fell: "mood stays low",
    raised_voice: "raised voice", order_mismatch: "does not match the order",
    audio_gap: "audio lost", recognition_failed: "recognition failed",
  },
};
const CURVE = { width: 160, height: 32, points: 60 };

function applyFeeling(feelings, event) {
  const { feeling } = event;
  if (!feelings.trends.has(feeling.channel)) feelings.trends.set(feeling.channel, []);
  const trend = feelings.trends.get(feeling.channel);
  trend.push(feeling);
  if (trend.length > CURVE.points) trend.shift();
}

function newFeelings() {
  return { trends: new Map(), courses: new Map(), alerts: [] };
}

function feelingsWords(language) {
  return (name) => FEELINGS[language][name] ?? name;
}

// A line from -1 (bottom) to 1 (top) with the middle marked; the label says the same in words.
function feelingCurve(trend, label) {
  const space = document.getElementById("pen").namespaceURI; // an element of the page knows it
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", `0 0 ${CURVE.width} ${CURVE.height}`);
  svg.setAttribute("width", CURVE.width);
  svg.setAttribute("height", CURVE.height);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const middle = document.createElementNS(space, "line");
  for (const [name, value] of Object.entries({ x1: 0, x2: CURVE.width, y1: CURVE.height / 2, y2: CURVE.height / 2, class: "middle" })) {
    middle.setAttribute(name, value);
  }
  const line = document.createElementNS(space, "polyline");
  const step = CURVE.width / Math.max(1, trend.length - 1);
  line.setAttribute("points", trend.map((one, place) => `${(place * step).toFixed(1)},${((1 - one.trend) * CURVE.height / 2).toFixed(1)}`).join(" "));
  svg.append(middle, line);
  return svg;
}

function feelingsView(feelings, language, speaker) {
  const word = feelingsWords(language);
  const rows = [];
  for (const [channel, trend] of feelings.trends) {
    const row = document.createElement("p");
    const last = trend[trend.length - 1];
    const course = feelings.courses.get(channel);
    const text = `${speaker(channel)} ${last.label}${course ? ` · ${word(course)}` : ""}`;
    const name = document.createElement("span");
    name.textContent = text;
    row.append(name, " ", feelingCurve(trend, text));
    rows.push(row);
  }
  for (const alert of feelings.alerts) {
    const row = document.createElement("p");
    row.className = `alert ${alert.severity}`;
    row.textContent = `${word(alert.kind)}: ${alert.reason}`;
    rows.push(row);
  }
  return rows;
}
