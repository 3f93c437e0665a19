// Elements from text: every value goes in as a text node, never as markup.

function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

function figure(value, digits = 2) {
  if (value === null || value === undefined) return "–";
  return value.toFixed(digits).replace("-", "−");
}

function words(text) {
  return (text || "").replaceAll("_", " ");
}

// Lists of sites come without spaces; those of more than `most` names are cut where they stand in a narrow cell.
function spacedLists(text, most = Infinity) {
  return (text || "").replace(/([^\s,;()]+(?:,[^\s,;()]+)+)(?: and (\d+) more)?/g, (all, list, more) => {
    const names = list.split(",");
    const rest = Math.max(names.length - most, 0) + Number(more || 0);
    return names.slice(0, Math.min(most, names.length)).join(", ") + (rest ? ` and ${rest.toLocaleString("en")} more` : "");
  });
}

function badge(text, tone) {
  return el("span", { class: `badge ${tone || ""}`.trim() }, text);
}

// 0.998 is not certain: only an exact one is written as one.
function shareText(share) {
  return share < 1 && share > 0.995 ? "> 0.99" : share > 0 && share < 0.005 ? "< 0.01" : share.toFixed(2);
}

function probability(value) {
  if (value === null || value === undefined) return "–";
  const share = Math.max(0, Math.min(1, value));
  return el("span", { class: "probability" },
    el("i", { "aria-hidden": "true" }, el("b", { style: `width:${(100 * share).toFixed(1)}%` })), shareText(share));
}

function chain(path) {
  const steps = (path || "").split(" -> ").map((step) => step.trim()).filter(Boolean);
  return steps.length ? el("ol", { class: "chain", "aria-label": "Evidence path" }, steps.map((s) => el("li", {}, el("span", {}, s)))) : null;
}

function definitions(pairs) {
  const shown = pairs.filter(([, value]) => value);
  return shown.length ? el("dl", { class: "list" }, shown.flatMap(([k, v]) => [el("dt", {}, k), el("dd", {}, v)])) : null;
}

function empty(text) {
  return el("p", { class: "empty" }, text);
}

let nextDetail = 0;

// A table whose rows open. columns: [{title, cell: record -> content, look}]; the first one carries the toggle.
function openingTable(label, columns, records, detail) {
  const head = el("tr", { role: "row" },
    columns.map((c) => el("th", { scope: "col", role: "columnheader", class: c.look }, c.title)));
  const body = el("tbody", { role: "rowgroup" });
  for (const record of records) body.append(...openingRow(columns, record, detail));
  // Narrow pages lay the rows out as blocks, which drops a table's meaning unless the roles are written out.
  const table = el("table", { class: "stack", role: "table", "aria-label": label },
    el("thead", { role: "rowgroup" }, head), body);
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, table);
}

function openingRow(columns, record, detail) {
  const [first, ...rest] = columns;
  const id = `detail-${(nextDetail += 1)}`;
  const toggle = el("button", { type: "button", class: "toggle", "aria-expanded": "false", "aria-controls": id }, first.cell(record));
  const row = el("tr", { role: "row" }, el("th", { scope: "row", role: "rowheader" }, toggle),
    rest.map((c) => el("td", { role: "cell", "data-label": c.title, class: c.look }, c.cell(record))));
  const cell = el("td", { colspan: columns.length, role: "cell" });
  const opened = el("tr", { class: "detail", id, role: "row", hidden: true }, cell);
  toggle.addEventListener("click", () => {
    const open = toggle.getAttribute("aria-expanded") !== "true";
    if (open && !cell.hasChildNodes()) cell.append(...detail(record).filter(Boolean));
    toggle.setAttribute("aria-expanded", String(open));
    opened.hidden = !open;
  });
  return [row, opened];
}
