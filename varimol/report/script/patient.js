// One patient's page.

// The guidance table's actions, the most pressing first; what follows "monitor" asks for no change.
const ACTIONS = ["avoid", "alternative", "reduce dose", "limit dose", "increase dose", "monitor", "not indicated",
  "informative", "standard", "no recommendation"];
const FIRST_ROUTINE = ACTIONS.indexOf("not indicated");

function urgency(advice) {
  const known = ACTIONS.indexOf(words(advice.action).trim().toLowerCase());
  return known < 0 ? ACTIONS.indexOf("monitor") : known;
}

function isRoutine(advice) {
  return urgency(advice) >= FIRST_ROUTINE;
}

function needsAttention(advice) {
  return advice.active !== false && !isRoutine(advice);
}

function actionBadge(advice) {
  if (!advice.action) return null;
  const rank = urgency(advice);
  if (advice.active === false) return badge(words(advice.action));
  return badge(words(advice.action), rank === 0 ? "alert" : rank < FIRST_ROUTINE ? "warn" : "");
}

function safetyRows(cohort, number, therapies) {
  const records = cohort.rows("evidence", number).filter((r) => r.lane === "safety_and_dose");
  const advice = cohort.rows("recommendations", number).map((row) => {
    const drug = (row.drug || "").toLowerCase();
    const same = records.filter((r) => (row.compound_id && r.compound_id === row.compound_id) ||
      (drug && (r.compound_name || "").toLowerCase() === drug));
    const named = same.filter((r) => row.gene && (r.path || "").includes(row.gene));
    return { ...row, evidence: named.length ? named : same };
  });
  const covered = new Set(advice.flatMap((row) => row.evidence.map((r) => r.evidence_id)));
  const others = therapies.filter((t) => t.lane === "safety_and_dose" && !covered.has(t.evidence_id)).map((t) => {
    const evidence = evidenceOf(cohort, t);
    return { drug: t.compound_name || t.compound_id, recommendation: t.reason, action: evidence[0] ? evidence[0].direction : "", probability: t.score, path: t.path,
      source: [...new Set(evidence.map((r) => r.sources).filter(Boolean))].join("; "), compound_id: t.compound_id, evidence };
  });
  return [...advice, ...others];
}

// Each gene of a statement with its own phenotype; one without a result says so.
function becauseOf(advice) {
  const genes = (advice.gene || "").split("+").filter(Boolean);
  const found = genes.length > 1 ? (advice.phenotype || "").split("+") : [advice.phenotype || ""];
  const lines = genes.map((gene, i) => el("div", {}, el("em", {}, gene), ": ", found[i] || el("span", { class: "quiet" }, "no result")));
  return [...lines, advice.active === false && advice.reason ? el("span", { class: "small" }, spacedLists(advice.reason, NAMED)) : ""].filter(Boolean);
}

function safetyTable(label, rows) {
  return openingTable(label, [
    { title: "Drug", look: "name", cell: (r) => r.drug || r.compound_id },
    { title: "What to do", look: "wide", cell: (r) => [actionBadge(r), r.action ? " " : null, r.recommendation || "no statement",
      r.population ? el("div", { class: "small" }, `For ${r.population}`) : null].filter(Boolean) },
    { title: "Because of", look: "name", cell: becauseOf },
    { title: "Probability", cell: (r) => probability(r.probability) },
    ...(starsOnly ? [] : [{ title: "Source", cell: (r) => r.source || "–" }]),
  ], rows, (r) => [
    r.path && !r.evidence.some((e) => e.path === r.path) ? chain(r.path) : null,
    definitions([["Strength", words(r.strength)], ["Source", starsOnly ? r.source : ""],
      ["Not active", r.active === false ? spacedLists(r.reason) || "not certain enough, or the gene was not called" : ""]]),
    ...r.evidence.map(evidenceView),
    r.evidence.length || starsOnly ? null : el("p", { class: "small" }, r.compound_id ? "No evidence record was written for this statement." :
      "This drug is not among the compounds given, so it is not ranked."),
  ]);
}

function safetyLane(cohort, number, therapies) {
  const rows = safetyRows(cohort, number, therapies);
  if (!rows.length) return [empty("No guideline statement concerns this patient's called phenotypes.")];
  const urgent = rows.filter(needsAttention).sort((a, b) => urgency(a) - urgency(b));
  const uncertain = rows.filter((row) => row.active === false);
  const routine = rows.filter((row) => row.active !== false && isRoutine(row));
  const fold = (text, label, group) => group.length ?
    el("details", { class: "fold" }, el("summary", {}, text), safetyTable(label, group)) : null;
  return [
    urgent.length ? safetyTable("Drugs that need attention", urgent) :
      empty("No active statement asks for a change. Statements that are not active are listed below: they are open, not harmless."),
    fold(`${counted(uncertain.length, "statement")} not active: gene not called, too uncertain, or nothing asked`, "Statements that are not active", uncertain),
    fold(`${counted(routine.length, "statement")} asking for no change`, "Statements that ask for no change", routine),
  ];
}

// Rows without a compound say why nothing is proposed.
function therapyLane(cohort, label, all, absent) {
  const rows = all.filter((row) => row.compound_id || row.compound_name);
  const withheld = [...new Set(all.filter((row) => !rows.includes(row)).map((row) => row.reason || "no reason recorded"))];
  const silence = withheld.map((reason) => empty(`Nothing is proposed: ${reason}.`));
  if (!rows.length) return silence.length ? silence : [empty(absent)];
  const predicted = rows.some((row) => row.lane === "predicted");
  const scored = rows.some((row) => row.score !== null && row.score !== undefined) ? [
    { title: predicted ? "Predicted pKd" : "Score", look: "n", cell: (r) => figure(r.score) },
    { title: predicted ? "90% interval" : "Interval", look: "nowrap", cell: (r) => interval(r) || "–" },
  ] : [];
  return [openingTable(label, [
    { title: "Compound", look: "name", cell: (r) => r.compound_name || r.compound_id },
    { title: "Rank", look: "n", cell: (r) => String(r.rank ?? "–") },
    ...scored,
    { title: "Why", look: "wide", cell: (r) => r.reason || "–" },
  ], rows, (r) => therapyDetail(cohort, r)), ...silence];
}

function abstentions(records, shown) {
  const withheld = records.filter((r) => r.abstain && !shown.has(r.evidence_id));
  if (!withheld.length) return null;
  return el("details", { class: "fold" }, el("summary", {}, `${withheld.length} claims withheld, with reasons`),
    openingTable("Claims withheld", [
      { title: "Compound", cell: (r) => r.compound_name || r.compound_id || "–" },
      { title: "Lane", cell: (r) => LANES[r.lane] || words(r.lane) },
      { title: "Reason", cell: (r) => r.reason || "no reason recorded" },
    ], withheld, (r) => [evidenceView(r)]));
}

function step(cohort, number, text, relation) {
  const id = cohort.ids[number];
  return id === undefined ? null : el("a", { href: patientLink(id), rel: relation }, text);
}

function section(title, note, ...content) {
  return el("section", {}, el("h2", {}, title), note ? el("p", { class: "small" }, note) : null, ...content);
}

function qualityLine(cohort, number) {
  const [row] = cohort.rows("quality_samples", number);
  if (!row) return null;
  const rate = row.call_rate === null || row.call_rate === undefined ? "" : `Call rate ${figure(row.call_rate, 3)}. `;
  return el("p", { class: "small" }, rate, row.passed === false ?
    badge(`left out of the association: ${row.reason || "no reason recorded"}`, "warn") : "Passed sample quality.");
}

function patientPage(cohort, number) {
  const therapies = cohort.rows("therapies", number);
  const lane = (name) => therapies.filter((row) => row.lane === name);
  const shown = new Set(therapies.flatMap((row) => (row.evidence_id || "").split(";").map((id) => id.trim())));
  return [
    el("nav", { class: "pager", "aria-label": "Patients" },
      el("a", { href: "#patients" }, "All patients"),
      el("span", { class: "step" }, step(cohort, number - 1, "← Previous", "prev"),
        el("span", { class: "quiet" }, `${(number + 1).toLocaleString("en")} of ${cohort.ids.length.toLocaleString("en")}`),
        step(cohort, number + 1, "Next →", "next"))),
    el("h1", { tabindex: "-1" }, `Patient ${cohort.ids[number]}`),
    qualityLine(cohort, number),
    el("p", { class: "caution" }, el("strong", {}, "For research use only. "), starsOnly ?
      "Confirm any genotype with a clinical assay before it is acted upon. Open a row for its other candidates, its sites and what was assumed." :
      "Open a row to see the evidence behind it. Lanes are ranked apart and never added to one another."),
    ...geneSections(cohort, number, therapies),
    ...(starsOnly ? [] : efficacySections(cohort, number, lane, shown)),
  ].filter(Boolean);
}

// What to do comes before why on the page of star alleles alone; else the genes come before the lanes.
function geneSections(cohort, number, therapies) {
  const drugs = section(starsOnly ? "Drugs to mind" : "Safety and dose", "Guideline statements for the patient’s phenotypes.",
    ...safetyLane(cohort, number, therapies));
  const genes = section("Pharmacogenes", "", ...pharmacogenes(cohort.rows("diplotypes", number),
    cohort.rows("recommendations", number), cohort.listed, cohort.rows("undocumented_carriers", number)));
  return starsOnly ? [drugs, genes] : [genes, drugs];
}

function efficacySections(cohort, number, lane, shown) {
  return [
    section("Known efficacy", "Statements of curated sources about this patient's variants.",
      ...therapyLane(cohort, "Known efficacy", lane("known_efficacy"), "No curated statement of efficacy concerns this patient's variants and the compounds given.")),
    section("Predicted", "Network predictions for proteins that the genetics of the cohort supports. The genetics supports the target, not the compound.",
      ...therapyLane(cohort, "Predicted", lane("predicted"), "No compound is predicted for this patient. Predictions are written for patients who have the trait, and only where the genetics supports a direction for a target that the network scored."),
      abstentions(cohort.rows("evidence", number), shown)),
  ];
}
