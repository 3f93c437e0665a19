// One patient's page.

// The guidance table's actions, the most pressing first; what follows "not indicated" asks for no change.
const ACTIONS = ["avoid", "alternative", "reduce dose", "limit dose", "increase dose", "monitor", "not indicated",
  "informative", "standard", "no recommendation"];
const FIRST_ROUTINE = ACTIONS.indexOf("informative");

function urgency(advice) {
  const known = ACTIONS.indexOf(words(advice.action).trim().toLowerCase());
  return known < 0 ? ACTIONS.indexOf("monitor") : known;
}

function needsAttention(advice) {
  return advice.active !== false && urgency(advice) < FIRST_ROUTINE;
}

function actionBadge(advice) {
  if (!advice.action) return null;
  const rank = urgency(advice);
  return badge(words(advice.action), rank === 0 ? "alert" : rank < FIRST_ROUTINE ? "warn" : "");
}

function statusBadge(diplotype) {
  if (diplotype.status === "called") return badge("called", "good");
  return badge(words(diplotype.status) || "status unknown", "warn");
}

// Only wording that says so counts as usual; everything else is shown in bold.
function isUsual(phenotype) {
  return /normal|typical|favou?rable|negative|indeterminate|unknown|^no |^not |^$/i.test(phenotype || "");
}

function phenotypeText(phenotype) {
  if (!phenotype) return "not assigned";
  return isUsual(phenotype) ? phenotype : el("strong", {}, phenotype);
}

function sitesNotSeen(text) {
  const sites = (text || "").split(/[;,]\s*/).filter(Boolean);
  if (!sites.length || text === "0") return "none";
  if (sites.length === 1) return /^\d+$/.test(text) ? `${text} sites` : text;
  return `${sites.length} sites`;
}

function pharmacogenes(rows) {
  if (!rows.length) return empty("No star alleles were called for this patient: the table has no row for them.");
  const genes = new Map();
  for (const row of rows) genes.set(row.gene, [...(genes.get(row.gene) || []), row]);
  const firsts = [...genes.values()].map((group) => group[0]).sort((a, b) => a.gene.localeCompare(b.gene));
  return openingTable("Pharmacogenes", [
    { title: "Gene", cell: (r) => el("em", {}, r.gene) },
    { title: "Diplotype", cell: (r) => el("span", { class: "code" }, r.diplotype || "–") },
    { title: "Probability", cell: (r) => probability(r.posterior) },
    { title: "Phenotype", look: "name", cell: (r) => phenotypeText(r.phenotype) },
    { title: "Status", cell: statusBadge },
    { title: "Sites not seen", cell: (r) => sitesNotSeen(r.sites_missing) },
  ], firsts, (first) => [
    definitions([
      ["Activity score", first.activity_score === null ? "" : String(first.activity_score ?? "")],
      ["Without the prior", first.posterior_no_prior === null || first.posterior_no_prior === undefined ? "" : figure(first.posterior_no_prior)],
      ["Sites not seen", /\D/.test(first.sites_missing || "") ? first.sites_missing : ""],
    ]),
    alternatives(genes.get(first.gene).slice(1)),
  ]);
}

function alternatives(rows) {
  if (!rows.length) return el("p", { class: "small" }, "No other diplotype was kept for this gene.");
  return el("table", {}, el("thead", {}, el("tr", {},
    ["Other diplotypes", "Probability", "Phenotype"].map((t) => el("th", { scope: "col" }, t)))),
  el("tbody", {}, rows.map((r) => el("tr", {}, el("th", { scope: "row", class: "code" }, r.diplotype || "–"),
    el("td", {}, probability(r.posterior)), el("td", {}, r.phenotype || "–")))));
}

function safetyRows(cohort, number, therapies) {
  const records = cohort.rows("evidence", number).filter((r) => r.lane === "safety_and_dose");
  const advice = cohort.rows("recommendations", number).map((row) => {
    const same = row.compound_id ? records.filter((r) => r.compound_id === row.compound_id) : [];
    const named = same.filter((r) => row.gene && (r.path || "").includes(row.gene));
    return { ...row, evidence: named.length ? named : same };
  });
  const covered = new Set(advice.map((row) => row.compound_id).filter(Boolean));
  const others = therapies.filter((t) => t.lane === "safety_and_dose" && !covered.has(t.compound_id)).map((t) => {
    const evidence = evidenceOf(cohort, t);
    return { drug: t.compound_name || t.compound_id, recommendation: t.reason, probability: t.score, path: t.path,
      source: [...new Set(evidence.map((r) => r.sources).filter(Boolean))].join("; "), compound_id: t.compound_id, evidence };
  });
  return [...advice, ...others];
}

function safetyTable(label, rows) {
  return openingTable(label, [
    { title: "Drug", look: "name", cell: (r) => r.drug || r.compound_id },
    { title: "What to do", look: "wide", cell: (r) => [actionBadge(r), r.action ? " " : null, r.recommendation || "no statement"].filter(Boolean) },
    { title: "Because of", look: "name", cell: (r) => [el("em", {}, r.gene || ""), r.gene && r.phenotype ? ": " : "", r.phenotype || ""] },
    { title: "Probability", cell: (r) => probability(r.probability) },
    { title: "Source", cell: (r) => r.source || "–" },
  ], rows, (r) => [
    r.path && !r.evidence.some((e) => e.path === r.path) ? chain(r.path) : null,
    definitions([["Strength", words(r.strength)], ["Applies", r.active === false ? "no: the statement is not active for this patient" : ""]]),
    ...r.evidence.map(evidenceView),
    r.evidence.length ? null : el("p", { class: "small" }, r.compound_id ? "No evidence record was written for this statement." :
      "This drug is not among the compounds given, so it is not ranked."),
  ]);
}

function safetyLane(cohort, number, therapies) {
  const rows = safetyRows(cohort, number, therapies);
  if (!rows.length) return [empty("No guideline statement concerns this patient's called phenotypes.")];
  const urgent = rows.filter(needsAttention).sort((a, b) => urgency(a) - urgency(b));
  const routine = rows.filter((row) => !needsAttention(row));
  return [
    urgent.length ? safetyTable("Drugs that need attention", urgent) :
      empty("Nothing stands out: every statement for this patient asks for the usual use, or is not active."),
    routine.length ? el("details", { class: "fold" },
      el("summary", {}, `${routine.length} statements without a change, or not active`), safetyTable("Other statements", routine)) : null,
  ];
}

function therapyLane(cohort, label, rows, absent) {
  if (!rows.length) return [empty(absent)];
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
  ], rows, (r) => therapyDetail(cohort, r))];
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
    el("p", { class: "caution" }, el("strong", {}, "For research use only. "), "Open a row to see the evidence behind it. Lanes are ranked apart and never added to one another."),
    section("Pharmacogenes", "Probability of the diplotype given the calls. A site that was not seen is not taken for the reference.",
      pharmacogenes(cohort.rows("diplotypes", number))),
    section("Safety and dose", "Guideline statements for the phenotypes above.", ...safetyLane(cohort, number, therapies)),
    section("Known efficacy", "Statements of curated sources about this patient's variants.",
      ...therapyLane(cohort, "Known efficacy", lane("known_efficacy"), "No curated statement of efficacy concerns this patient's variants and the compounds given.")),
    section("Predicted", "Network predictions for proteins that the genetics of the cohort supports. The genetics supports the target, not the compound.",
      ...therapyLane(cohort, "Predicted", lane("predicted"), "No compound is predicted for this patient: no target with a supported direction was scored, or every prediction was withheld."),
      abstentions(cohort.rows("evidence", number), shown)),
  ];
}
