// A patient's pharmacogenes: what was called and how surely, which drugs it concerns, and what was not seen.

const UNSEEN = /^no site of the gene was observed/;
const COPY_NUMBER = /^needs copy number/;
const OUTSIDE = /^called by another program/;
const SURE = 0.95;
// Candidates and phenotypes that a row names; the rest stands in its details.
const NAMED = 3;
const WORTH_NAMING = 0.01;

function grouped(rows, key) {
  const groups = new Map();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) || []), row]);
  return groups;
}

function counted(n, thing) {
  return `${n.toLocaleString("en")} ${thing}${n === 1 ? "" : "s"}`;
}

// Only wording that says so counts as usual; everything else is shown in bold.
function isUsual(phenotype) {
  return /normal|^favou?rable|^typical|negative|indeterminate|uncertain|unknown|non-responsive|^no |^not |^-1639 GG$|^$/i
    .test(phenotype || "");
}

function statusBadge(first) {
  if (first.status === "ambiguous") return badge("not settled", "warn");
  if (first.status !== "called") return badge("not called", "warn");
  if (isOutside(first)) return badge("outside call", "good");
  const leaning = known(first.posterior_no_prior) && first.posterior_no_prior < SURE;
  return badge(leaning ? "called with frequencies" : "called", "good");
}

function isOutside(row) {
  return OUTSIDE.test(row.assumptions || "");
}

function known(value) {
  return value !== null && value !== undefined;
}

// Two bars, one above the other: the posterior, and the same from the calls alone.
function likelihood(row) {
  if (isOutside(row)) return el("span", { class: "small" }, "as another program gave it");
  if (!known(row.posterior)) return "–";
  const alone = known(row.posterior_no_prior) ? row.posterior_no_prior : null;
  return el("span", { class: "likelihood" }, bars(row.posterior, alone), el("span", {}, shareText(row.posterior)),
    alone === null ? null : el("span", { class: "small" }, `calls alone ${shareText(alone)}`));
}

function bars(both, alone) {
  const bar = (value, look) => el("i", { class: look }, el("b", { style: `width:${(100 * value).toFixed(1)}%` }));
  return el("span", { class: "bars", "aria-hidden": "true" }, both === null ? null : bar(both, "with"), alone === null ? null : bar(alone, "without"));
}

function legend() {
  return el("p", { class: "small" }, bars(0.7, null), " probability of the diplotype, weighed by the frequencies of its alleles in populations; ",
    bars(null, 0.7), " from the patient’s calls alone. Where only the frequencies make a call sure, its status says so. ",
    "A site that was not seen is not taken for the reference, unless the row says that it was assumed.");
}

// Genes that no diplotype explains are told by their genotypes, which may be dozens.
function isGenotypeList(row) {
  return Boolean(row.diplotype) && row.diplotype === row.variants && row.diplotype.includes(",");
}

function diplotypeName(row) {
  if (isGenotypeList(row)) return counted(row.diplotype.split(",").length, "genotype");
  return el("span", { class: "code" }, row.diplotype || "no diplotype");
}

function candidates(rows) {
  const shown = rows[0].status === "called" ? rows.slice(0, 1) :
    rows.filter((row, i) => i === 0 || (row.posterior >= WORTH_NAMING && i < NAMED));
  const more = rows.length - shown.length;
  return [...shown.map((row) => el("div", { class: "candidate" }, diplotypeName(row), likelihood(row))),
    rows[0].status === "ambiguous" && more > 0 ? el("span", { class: "small" }, `and ${more} more`) : null].filter(Boolean);
}

function phenotypes(rows) {
  const shares = new Map();
  for (const row of rows) if (row.phenotype && !shares.has(row.phenotype)) shares.set(row.phenotype, row.phenotype_probability);
  const sorted = [...shares].sort((a, b) => (b[1] ?? 0) - (a[1] ?? 0));
  if (!sorted.length) return [el("span", { class: "quiet" }, rows[0].status === "abstain" ? "–" : "none defined")];
  return sorted.filter(([, share], i) => i === 0 || (share >= WORTH_NAMING && i < NAMED)).map(([name, share]) =>
    el("div", {}, isUsual(name) ? name : el("strong", {}, name), known(share) && !isOutside(rows[0]) ? el("span", { class: "small nowrap" }, ` ${shareText(share)}`) : null));
}

function siteNames(text) {
  const more = / and (\d+) more$/.exec(text || "");
  const every = /^all (\d+) sites$/.exec(text || "");
  const plain = every ? "" : (text || "").replace(/ and \d+ more$/, "");
  const names = plain.split(/[;,]\s*/).filter(Boolean);
  return { names, count: every ? Number(every[1]) : names.length + (more ? Number(more[1]) : 0) };
}

// Sites by what is known of them; those neither uncalled nor filtered are absent from the file.
function notSeen(first) {
  const [missing, noCall, filtered] = [first.sites_missing, first.sites_no_call, first.sites_filtered].map(siteNames);
  const other = new Set([...noCall.names, ...filtered.names]);
  const absent = { names: missing.names.filter((name) => !other.has(name)), count: missing.count - noCall.count - filtered.count };
  return [["absent from the file", absent], ["no call", noCall], ["filtered", filtered]].filter(([, sites]) => sites.count > 0);
}

function notSeenCell(rows) {
  if (isOutside(rows[0])) return el("span", { class: "quiet" }, "not given");
  const states = notSeen(rows[0]);
  const settling = siteNames(rows[0].sites_settling);
  if (!states.length && !settling.count) {
    return [el("span", { class: "quiet" }, "none"),
      rows[0].status === "ambiguous" ? el("div", { class: "small" }, "Would settle it: which variants lie on one chromosome") : null].filter(Boolean);
  }
  const text = states.map(([state, sites]) => `${sites.count.toLocaleString("en")} ${state}`).join(", ");
  if (rows[0].status !== "ambiguous" || !settling.count) return text;
  const named = settling.names.slice(0, NAMED).join(", ") + (settling.count > NAMED ? ` and ${settling.count - NAMED} more` : "");
  return [text, el("div", { class: "small" }, `Would settle it: ${named || `all ${settling.count} sites`}`)];
}

function adviceOf(gene, advice) {
  return advice.filter((row) => (row.gene || "").split("+").includes(gene));
}

// Drugs of one gene: those to mind by action, then how many are undecided, then how many stay as they are.
function drugsToMind(gene, advice, listed) {
  if (!advice.length && !listed.length) return [el("span", { class: "quiet" }, "no guidance")];
  const urgent = advice.filter(needsAttention).sort((a, b) => urgency(a) - urgency(b));
  const parts = [...grouped(urgent, (row) => row.action)].map(([, rows]) =>
    el("div", {}, actionBadge(rows[0]), ` ${withOthers(gene, rows)}`));
  const undecided = advice.filter((row) => row.active === false);
  const usual = advice.filter((row) => row.active !== false && isRoutine(row));
  if (usual.length) parts.push(el("div", { class: "small" }, `no change: ${counted(usual.length, "drug")}`));
  if (undecided.length) parts.push(el("div", { class: "small" }, `undecided: ${counted(undecided.length, "drug")}`));
  if (listed.length) {
    const more = listed.length > NAMED ? ` and ${listed.length - NAMED} more` : "";
    parts.push(el("div", { class: "small" }, `also named by CPIC: ${listed.slice(0, NAMED).join(", ")}${more}`));
  }
  return parts;
}

// Names of drugs; a statement about two genes stands with both, and says so.
function withOthers(gene, rows) {
  const partners = grouped(rows, (row) => row.gene.split("+").filter((name) => name !== gene).join(", "));
  return [...partners].sort(([a], [b]) => a.localeCompare(b))
    .map(([others, group]) => (others ? `with ${others}: ` : "") + group.map((row) => row.drug).join(", ")).join("; ");
}

function pharmacogenes(rows, advice, listed) {
  if (!rows.length) return [empty("No star alleles were called for this patient: the table has no row for them.")];
  const genes = [...grouped(rows, (row) => row.gene).values()].map((group) => ({ gene: group[0].gene, rows: group,
    why: group[0].status === "abstain" ? group[0].reason || "" : "", advice: adviceOf(group[0].gene, advice), listed: listed[group[0].gene] || [] }));
  genes.sort((a, b) => a.gene.localeCompare(b.gene));
  const seen = genes.filter((g) => !UNSEEN.test(g.why) && !COPY_NUMBER.test(g.why));
  const rank = (g) => Math.min(...g.advice.filter(needsAttention).map(urgency), g.rows[0].status === "called" ? ACTIONS.length + 1 : ACTIONS.length);
  seen.sort((a, b) => rank(a) - rank(b));
  const guided = seen.filter((g) => g.advice.length || g.listed.length);
  const others = seen.filter((g) => !guided.includes(g));
  return [seen.length ? legend() : null, guided.length ? geneTable("Pharmacogenes that drugs depend on", guided) : null,
    others.length ? el("details", { class: "fold" }, el("summary", {}, `${counted(others.length, "gene")} without guidance in the tables`),
      geneTable("Pharmacogenes without guidance", others)) : null,
    notCalled("not called: copy number decides, which these calls do not show (another program’s diplotypes can be given)", genes.filter((g) => COPY_NUMBER.test(g.why))),
    notCalled("not called: the calls hold no site of them", genes.filter((g) => UNSEEN.test(g.why)))].filter(Boolean);
}

function geneTable(label, genes) {
  return openingTable(label, [
    { title: "Gene", cell: (g) => el("em", {}, g.gene) },
    { title: "Diplotype and its probability", look: "wide", cell: (g) => candidates(g.rows) },
    { title: "Phenotype", look: "name", cell: (g) => phenotypes(g.rows) },
    { title: "Status", cell: (g) => statusBadge(g.rows[0]) },
    { title: "Drugs to mind", look: "wide", cell: (g) => drugsToMind(g.gene, g.advice, g.listed) },
    { title: "Sites not seen", look: "name", cell: (g) => notSeenCell(g.rows) },
  ], genes, geneDetail);
}

function geneDetail(g) {
  const first = g.rows[0];
  const listed = (text) => (text || "").replace(/,(?=\S)/g, ", ");
  const sites = notSeen(first).map(([state, s]) => [`Sites: ${state}`,
    s.names.length ? s.names.join(", ") + (s.count > s.names.length ? ` and ${s.count - s.names.length} more` : "") : counted(s.count, "site")]);
  const told = [
    definitions([
      ["Why not called", first.status === "abstain" ? first.reason : ""],
      ["Activity score", known(first.activity_score) && first.activity_score !== "" ? String(first.activity_score) : ""],
      ["Would settle it", listed(first.sites_settling)],
      ["Alleles that may hide", listed(first.unobserved_alleles)],
      ...sites,
      ["Carried", first.variants],
      ["Assumed", first.assumptions],
      ["Undecided", undecided(g)],
      ["No change", withOthers(g.gene, g.advice.filter((row) => row.active !== false && isRoutine(row)))],
      ["Named by CPIC", g.listed.join(", ")],
    ]),
    alternatives(g.rows.slice(1)),
  ];
  return told.some(Boolean) ? told : [el("p", { class: "small nothing" }, "Every site was seen, and no other candidate is left.")];
}

// Drugs that wait for the same thing, in one line each.
function undecided(g) {
  const waiting = grouped(g.advice.filter((row) => row.active === false), (row) => row.reason || "not certain enough");
  const lines = [...waiting].map(([why, rows]) => el("li", {}, `${rows.map((row) => row.drug).join(", ")}: ${why}`));
  return lines.length ? el("ul", { class: "waiting" }, lines) : "";
}

function alternatives(rows) {
  if (!rows.length) return null;
  return el("table", { class: "others" }, el("thead", {}, el("tr", {},
    ["Other candidates", "Probability", "Phenotype"].map((t) => el("th", { scope: "col" }, t)))),
  el("tbody", {}, rows.map((r) => el("tr", {}, el("th", { scope: "row" }, diplotypeName(r)),
    el("td", {}, likelihood(r)), el("td", {}, r.phenotype || "–")))));
}

// One line for genes without a call, opened to their names and to the drugs that stay undecided with them.
function notCalled(why, genes) {
  if (!genes.length) return null;
  const guided = genes.filter((g) => g.advice.length || g.listed.length);
  const bare = genes.filter((g) => !guided.includes(g));
  const names = (group) => group.flatMap((g, i) => [i ? ", " : "", el("em", {}, g.gene)]);
  const waiting = new Set(genes.flatMap((g) => g.advice.filter((row) => row.active === false).map((row) => row.drug))).size;
  const wait = waiting ? `; ${counted(waiting, "drug")} ${waiting === 1 ? "stays" : "stay"} undecided` : "";
  return el("details", { class: "fold" }, el("summary", {}, `${counted(genes.length, "gene")} ${why}${wait}`),
    guided.length ? el("p", { class: "small" }, "Drugs that depend on them, and those that CPIC names with its level of evidence:") : null,
    guided.length ? definitions(guided.map((g) => [el("em", {}, g.gene), [...g.advice.map((row) => row.drug), ...g.listed].join(", ")])) : null,
    bare.length ? el("p", { class: "small" }, guided.length ? "Without guidance in the tables: " : "", names(bare), ".") : null);
}
