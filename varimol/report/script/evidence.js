// What stands behind one row: the records of its evidence, each with path, sources and assumptions.

const LANES = { safety_and_dose: "Safety and dose", known_efficacy: "Known efficacy", predicted: "Predicted" };

function interval(record, digits = 2) {
  // A bound that was never measured is infinite in the tables, and no number here.
  const [low, high] = [record.lower ?? null, record.upper ?? null];
  if (low === null && high === null) return "";
  if (high === null) return `${figure(low, digits)} or more`;
  if (low === null) return `${figure(high, digits)} or less`;
  return `${figure(low, digits)} to ${figure(high, digits)}`;
}

function evidenceView(record) {
  const measured = record.value === null || record.value === undefined ? "" :
    [figure(record.value), record.unit, interval(record) && `(${record.lane === "predicted" ? "90% " : ""}interval ${interval(record)})`]
      .filter(Boolean).join(" ");
  return el("div", { class: "evidence" }, chain(record.path), definitions([
    ["Claim", [words(record.claim), words(record.direction)].filter(Boolean).join("; ")],
    ["Value", measured],
    ["Abstains", record.abstain ? record.reason || "no reason recorded" : ""],
    ["Assumptions", record.assumptions],
    ["Sources", record.sources],
    ["Record", record.evidence_id],
  ]));
}

function evidenceOf(cohort, therapy) {
  const ids = (therapy.evidence_id || "").split(";").map((id) => id.trim()).filter(Boolean);
  return ids.map((id) => cohort.evidence(id)).filter(Boolean);
}

function therapyDetail(cohort, therapy) {
  const records = evidenceOf(cohort, therapy);
  const views = records.map(evidenceView);
  // The path of the row itself is shown where no record tells it.
  if (!records.some((record) => record.path === therapy.path)) views.unshift(chain(therapy.path));
  return [structureOf(therapy.compound_id), ...views,
    records.length ? null : empty("No evidence record carries this row's id.")];
}

// Structures are drawn once, with the targets; a patient's page shows a copy.
function structureOf(compound) {
  if (!compound) return null;
  const card = document.querySelector(`[data-drawn="${CSS.escape(compound)}"] .drawing`);
  return card ? card.cloneNode(true) : null;
}
