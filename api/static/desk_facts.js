"use strict";
// Facts and orders on the desk: candidates with their roles, and what the order feed says before anybody promises
// anything. Text is put on the page as text, never as markup.

const FACT_TEXT = {
  zh: {
    facts: "通话中提到", order_check: "订单核对", agrees: "与订单一致", unavailable: "订单系统暂时无法查询", proposed: "客户名下相近的订单号",
    said: "客户说", stored: "订单为", order_no: "查无此订单号", other_customer: "该订单属于其他客户：请勿透露订单内容，请核对下单手机号", age: "下单至今（天）", purchase_date: "购买日期不符", return_period: "已超出退货期限，先不要承诺退货（下单天数）",
    product_differs: "商品不符", amount_differs: "金额不符", phone_differs: "订单不属于该号码",
    phone: "电话", order: "订单号", amount: "金额", date: "日期", product: "商品", address: "地址", name: "姓名", staff: "客服",
    heard: "未核对", confirmed: "已核对", corrected: "已更正", incomplete: "不完整，请再问一遍",
    purchase: "购买", visit: "到访", received: "收货", returned: "寄回", paid: "支付", refund: "退款", disputed: "争议", budget: "预算",
    quoted: "报价", customer: "客户", agent: "客服",
  },
  en: {
    facts: "Said on the call", order_check: "Order check", agrees: "agrees with the order", unavailable: "orders cannot be looked up now",
    proposed: "the caller's orders with a similar number", said: "said", stored: "the order says", order_no: "no such order",
    other_customer: "the order belongs to someone else: tell nothing of it, ask for the number it was made with", age: "days since the order",
    purchase_date: "another purchase date", return_period: "outside the return period: promise no return yet (days since the order)",
    product_differs: "another product", amount_differs: "another amount", phone_differs: "the order belongs to another number",
    phone: "phone", order: "order", amount: "amount", date: "date", product: "product", address: "address", name: "name", staff: "agent",
    heard: "not confirmed", confirmed: "confirmed", corrected: "corrected", incomplete: "incomplete: ask again",
    purchase: "bought", visit: "visit", received: "received", returned: "sent back", paid: "paid", refund: "refund",
    disputed: "disputed", budget: "budget", quoted: "quoted", customer: "customer", agent: "agent",
  },
};
const xt = (name) => FACT_TEXT[language][name] ?? name;
const MISMATCH_TEXT = { product: "product_differs", amount: "amount_differs", phone: "phone_differs" };

function applyFacts(held, event) {
  for (const fact of event.candidates) {
    const key = JSON.stringify([fact.kind, fact.role, fact.value]);
    if (fact.state === "withdrawn") held.facts.delete(key);
    else held.facts.set(key, fact);
  }
}

// Above the record: what does not agree with the order, then everything that was said.
function factNodes(held) {
  const nodes = [];
  if (held?.order) nodes.push(orderNode(held.order));
  if (!held?.facts.size) return nodes;
  nodes.push(make("h3", xt("facts")));
  const list = make("ul", undefined, "facts");
  for (const fact of held.facts.values()) {
    const label = [xt(fact.kind === "order_no" ? "order" : fact.kind), fact.role ? xt(fact.role) : ""].filter(Boolean).join(" · ");
    const item = make("li", `${label}: ${fact.value}`, fact.state);
    item.append(" ", make("small", `${Math.round(fact.probability * 100)} % ${xt(fact.state)}`));
    list.append(item);
  }
  nodes.push(list);
  return nodes;
}

function orderNode(check) {
  const node = make("section", undefined, check.mismatches.length ? "order mismatch" : "order");
  node.append(make("h3", [xt("order_check"), check.order?.order_no].filter(Boolean).join(" ")));
  if (check.unavailable) node.append(make("p", xt("unavailable")));
  else if (check.order && !check.mismatches.length) node.append(make("p", `✓ ${xt("agrees")}`));
  for (const found of check.mismatches) {
    const stored = found.stored ? ` · ${xt("stored")} ${found.stored}` : "";
    const said = found.said ? `: ${xt("said")} ${found.said}` : "";
    node.append(make("p", `⚠ ${xt(MISMATCH_TEXT[found.kind] ?? found.kind)}${said}${stored}`));
  }
  if (check.order && check.age_days != null) node.append(make("p", `${xt("age")}: ${check.age_days}`));
  if (check.proposed.length) node.append(make("p", `${xt("proposed")}: ${check.proposed.join("、")}`));
  return node;
}
