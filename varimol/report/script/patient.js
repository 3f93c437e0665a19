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

function statusBadge(diplotype) {
  if (diplotype.status === "called") return badge("called", "good");
  return badge(words(diplotype.status) || "status unknown", "warn");
}

// Only wording that says so counts as usual; everything else is shown in bold.
function isUsual(phenotype) {
  return /normal|^favou?rable|^typical|negative|indeterminate|uncertain|unknown|non-responsive|^no |^not |^-1639 GG$|^$/i
    .test(phenotype || "");
}

function phenotypeText(phenotype) {
  if (!phenotype) return "not assigned";
  return isUsual(phenotype) ? phenotype : el("strong", {}, phenotype);
}

function sitesNotSeen(text) {
  const sites = (text || "").split(/[;,]\s*/).filter(Boolean);
  if (!sites.length || text === "0") return "none";
  if (sites.length === 1) return /^\d+$/.test(text) ? `${text} sites` : text;
  const more = / and (\d+) more$/.exec(text);
  return `${sites.length + (more ? Number(more[1]) : 0)} sites`;
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
      ["Why not called", first.reason],
      ["Activity score", first.activity_score === null ? "" : String(first.activity_score ?? "")],
      ["Without the prior", first.posterior_no_prior === null || first.posterior_no_prior === undefined ? "" : figure(first.posterior_no_prior)],
      ["Sites not seen", /\D/.test(first.sites_missing || "") ? first.sites_missing.replace(/,(?=\S)/g, ", ") : ""],
      ["Assumptions", first.assumptions],
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

function becauseOf(advice) {
  const between = (text) => (text || "").replaceAll("+", " + ");
  const phenotype = between(advice.phenotype).replace(/^ \+ $/, "");
  return [el("em", {}, between(advice.gene)), advice.gene && phenotype ? ": " : "", phenotype,
    advice.active === false && advice.reason ? el("span", { class: "small" }, ` ${advice.reason}`) : ""].filter(Boolean);
}

function safetyTable(label, rows) {
  return openingTable(label, [
    { title: "Drug", look: "name", cell: (r) => r.drug || r.compound_id },
    { title: "What to do", look: "wide", cell: (r) => [actionBadge(r), r.action ? " " : null, r.recommendation || "no statement"].filter(Boolean) },
    { title: "Because of", look: "name", cell: becauseOf },
    { title: "Probability", cell: (r) => probability(r.probability) },
    { title: "Source", cell: (r) => r.source || "–" },
  ], rows, (r) => [
    r.path && !r.evidence.some((e) => e.path === r.path) ? chain(r.path) : null,
    definitions([["Strength", words(r.strength)], ["Applies to", r.population],
      ["Not active", r.active === false ? r.reason || "not certain enough, or the gene was not called" : ""]]),
    ...r.evidence.map(evidenceView),
    r.evidence.length ? null : el("p", { class: "small" }, r.compound_id ? "No evidence record was written for this statement." :
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
    el("details", { class: "fold" }, el("summary", {}, `${group.length} ${text}`), safetyTable(label, group)) : null;
  return [
    urgent.length ? safetyTable("Drugs that need attention", urgent) :
      empty("No active statement asks for a change. Statements that are not active are listed below: they are open, not harmless."),
    fold("statements not active: gene not called, or too uncertain", "Statements that are not active", uncertain),
    fold("statements that ask for no change", "Statements that ask for no change", routine),
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
    el("p", { class: "caution" }, el("strong", {}, "For research use only. "), "Open a row to see the evidence behind it. Lanes are ranked apart and never added to one another."),
    section("Pharmacogenes", "Probability of the diplotype given the calls. A site that was not seen is not taken for the reference, unless the row says that it was assumed.",
      pharmacogenes(cohort.rows("diplotypes", number))),
    section("Safety and dose", "Guideline statements for the phenotypes above.", ...safetyLane(cohort, number, therapies)),
    section("Known efficacy", "Statements of curated sources about this patient's variants.",
      ...therapyLane(cohort, "Known efficacy", lane("known_efficacy"), "No curated statement of efficacy concerns this patient's variants and the compounds given.")),
    section("Predicted", "Network predictions for proteins that the genetics of the cohort supports. The genetics supports the target, not the compound.",
      ...therapyLane(cohort, "Predicted", lane("predicted"), "No compound is predicted for this patient. Predictions are written for patients who have the trait, and only where the genetics supports a direction for a target that the network scored."),
      abstentions(cohort.rows("evidence", number), shown)),
  ];
}
