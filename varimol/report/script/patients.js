// The index of patients, with search.

const SHOWN_AT_ONCE = 40;

function patientLink(id) {
  return `#patient=${encodeURIComponent(id)}`;
}

const summaries = [];

function summary(cohort, number) {
  if (!summaries[number]) summaries[number] = summarise(cohort, number);
  return summaries[number];
}

function summarise(cohort, number) {
  const [genes, unsettled] = [new Set(), new Set()];
  for (const row of cohort.rows("diplotypes", number, ["gene", "rank", "phenotype", "status"])) {
    if (row.rank === 1 && !isUsual(row.phenotype)) genes.add(row.gene);
    if (row.status === "ambiguous") unsettled.add(row.gene);
  }
  const advice = cohort.rows("recommendations", number, ["drug", "action", "active"]);
  const drugs = new Set(advice.filter(needsAttention).map((row) => row.drug));
  const undecided = new Set(advice.filter((row) => row.active === false).map((row) => row.drug)).size;
  const predicted = cohort.rows("therapies", number, ["lane", "compound_id", "compound_name"])
    .find((row) => row.lane === "predicted" && (row.compound_id || row.compound_name));
  return { id: cohort.ids[number], genes: [...genes].sort(), drugs: [...drugs].sort(), unsettled: [...unsettled].sort(), undecided,
    predicted: predicted ? predicted.compound_name || predicted.compound_id : "" };
}

// A patient is found by identifier, by a gene that is not normal, or by a drug to look at.
function matching(cohort, wanted) {
  const text = wanted.trim().toLowerCase();
  const numbers = [...cohort.ids.keys()];
  if (!text) return numbers;
  return numbers.filter((number) => {
    const row = summary(cohort, number);
    return [row.id, ...row.genes, ...row.drugs].some((value) => value.toLowerCase().includes(text));
  });
}

function some(names, limit = 4) {
  if (!names.length) return "–";
  return names.slice(0, limit).join(", ") + (names.length > limit ? `, +${names.length - limit}` : "");
}

function indexRow(cohort, number) {
  const row = summary(cohort, number);
  const cell = (label, content) => el("td", { role: "cell", "data-label": label }, content);
  return el("tr", { role: "row" },
    el("th", { scope: "row", role: "rowheader" }, el("a", { href: patientLink(row.id) }, row.id)),
    cell("Pharmacogenes not normal", el("em", {}, some(row.genes))),
    cell("Drugs to mind", some(row.drugs)),
    starsOnly ? cell("Not settled", notSettled(row)) : cell("First predicted", row.predicted || "–"));
}

// Genes with several candidates, and drugs that no gene decides, be it not settled or not called.
function notSettled(row) {
  const drugs = row.undecided ? `${counted(row.undecided, "drug")} undecided` : "";
  if (!row.unsettled.length) return drugs || "–";
  return [el("em", {}, some(row.unsettled)), drugs ? `; ${drugs}` : ""];
}

function patientIndex(cohort) {
  if (!cohort.ids.length) return [empty("No patient has a row in any table of this run.")];
  const input = el("input", { type: "search", id: "patient-search", autocomplete: "off", spellcheck: "false" });
  const count = el("p", { class: "small", role: "status" });
  const body = el("tbody", { role: "rowgroup" });
  const more = el("button", { type: "button" }, "Show more");
  const heads = ["Patient", "Pharmacogenes not normal", "Drugs to mind", ...(starsOnly ? ["Not settled"] : ["First predicted"])];
  const table = el("table", { class: "stack", role: "table", "aria-label": "Patients" },
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, heads.map((t) => el("th", { scope: "col", role: "columnheader" }, t)))), body);
  let matches = [];
  const extend = () => {
    const from = body.children.length;
    body.append(...matches.slice(from, from + SHOWN_AT_ONCE).map((number) => indexRow(cohort, number)));
    more.hidden = body.children.length >= matches.length;
  };
  const search = () => {
    matches = matching(cohort, input.value);
    count.textContent = matches.length === 0 ? "No patient, gene or drug holds that text." :
      `${matches.length.toLocaleString("en")} of ${cohort.ids.length.toLocaleString("en")} patients`;
    body.replaceChildren();
    extend();
  };
  input.addEventListener("input", search);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && matches.length) location.hash = patientLink(cohort.ids[matches[0]]);
  });
  more.addEventListener("click", extend);
  search();
  return [el("div", { class: "search" },
    el("div", {}, el("label", { for: "patient-search" }, "Find by patient, gene or drug (Enter opens the first)"), input), count),
  el("div", { class: "scroll" }, table), more];
}
