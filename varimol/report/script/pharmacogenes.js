// A patient's pharmacogenes: what was called and how surely, which drugs it concerns, and what was not seen.

const UNSEEN = /^no site of the gene was observed/;
const COPY_NUMBER = /^needs copy number/;
const OUTSIDE = /^called by another program/;
const ASSUMED = /(\d+) sites? that the file does not mention taken for the reference/;
const SURE = 0.95;
// Candidates and phenotypes that a row names; the rest stands in its details.
const NAMED = 3;
const WORTH_NAMING = 0.01;
const WORTH_LISTING = 0.001;

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
const GENOTYPES = /^\S+ [ACGT]+\/[ACGT]+(, \S+ [ACGT]+\/[ACGT]+)*$/;

function diplotypeName(row) {
  const genotypes = GENOTYPES.test(row.diplotype || "") ? row.diplotype.split(", ") : [];
  const more = genotypes.length - NAMED;
  const text = more > 0 ? `${genotypes.slice(0, NAMED).join(", ")} and ${more} more` : row.diplotype;
  return el("span", { class: "code" }, text || "no diplotype");
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
    const assumed = ASSUMED.exec(rows[0].assumptions || "");
    return [el("span", { class: "quiet" }, assumed ? `${assumed[1]} assumed, not in the file` : "every site seen"),
      rows[0].status === "ambiguous" ? el("div", { class: "small" }, "Would settle it: which variants lie on one chromosome") : null].filter(Boolean);
  }
  const text = states.map(([state, sites]) => `${sites.count.toLocaleString("en")} ${state}`).join(", ");
  if (rows[0].status !== "ambiguous" || !settling.count) return text;
  const named = settling.names.slice(0, NAMED).join(", ") + (settling.count > NAMED ? ` and ${settling.count - NAMED} more` : "");
  return [text, el("div", { class: "small" }, `Would settle it: ${named || `all ${settling.count} sites`}`)];
}

function undocumentedCell(variants) {
  return variants.length ? el("div", { class: "small" }, counted(variants.length, "undocumented variant")) : null;
}

function adviceOf(gene, advice) {
  return advice.filter((row) => (row.gene || "").split("+").includes(gene));
}

// The other genes that undecided drugs wait for, where none of them waits for this one.
function waitingFor(gene, rows) {
  const waits = (name, row) => (row.reason || "").includes(`${name}: `);
  if (rows.some((row) => waits(gene, row))) return "";
  const others = new Set(rows.flatMap((row) => (row.gene || "").split("+").filter((name) => waits(name, row))));
  return others.size ? `, waiting for ${[...others].sort().join(", ")}` : "";
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
  if (undecided.length) parts.push(el("div", { class: "small" }, `undecided: ${counted(undecided.length, "drug")}${waitingFor(gene, undecided)}`));
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

// Variants of the gene that no definition knows, the rarest first.
function undocumentedList(variants) {
  if (!variants.length) return "";
  const others = (v) => (v.n_called > 1 ? `, ${v.n_carriers.toLocaleString("en")} of ${v.n_called.toLocaleString("en")} patients carry it` : "");
  const told = (v) => `${v.variant} (${v.copies === 1 ? "one copy" : `${v.copies} copies`}${v.place === "site" ? ", at a site of the definition" : ""}${others(v)})`;
  return [el("ul", { class: "waiting" }, variants.map((v) => el("li", {}, told(v)))),
    el("div", { class: "small" }, "In exons and at sites of the definition. What they do is not known, and the diplotype does not account for them.")];
}

function pharmacogenes(rows, advice, listed, undocumented) {
  if (!rows.length) return [empty("No star alleles were called for this patient: the table has no row for them.")];
  const carried = grouped(undocumented, (row) => row.gene);
  const genes = [...grouped(rows, (row) => row.gene).values()].map((group) => ({ gene: group[0].gene, rows: group,
    why: group[0].status === "abstain" ? group[0].reason || "" : "", advice: adviceOf(group[0].gene, advice),
    listed: listed[group[0].gene] || [], undocumented: carried.get(group[0].gene) || [] }));
  genes.sort((a, b) => a.gene.localeCompare(b.gene));
  const seen = genes.filter((g) => !UNSEEN.test(g.why) && !COPY_NUMBER.test(g.why));
  const guided = seen.filter((g) => g.advice.length || g.listed.length);
  const pressing = (g) => Math.min(...g.advice.filter(needsAttention).map(urgency));
  const acting = guided.filter((g) => g.advice.some(needsAttention)).sort((a, b) => pressing(a) - pressing(b));
  const calm = guided.filter((g) => !acting.includes(g));
  const others = seen.filter((g) => !guided.includes(g));
  return [seen.length ? legend() : null, ...geneGroup("Ask for a change", acting),
    ...geneGroup("Not settled", calm.filter((g) => g.rows[0].status !== "called")),
    ...geneGroup("Called, no change asked", calm.filter((g) => g.rows[0].status === "called")),
    others.length ? el("details", { class: "fold" }, el("summary", {}, `${counted(others.length, "gene")} without guidance in the tables`),
      geneTable("Pharmacogenes without guidance", others)) : null,
    notCalled("not called: copy number decides, which these calls do not show (another program’s diplotypes can be given)", genes.filter((g) => COPY_NUMBER.test(g.why))),
    notCalled("not called: the calls hold no site of them", genes.filter((g) => UNSEEN.test(g.why)))].filter(Boolean);
}

function geneGroup(title, genes) {
  return genes.length ? [el("h3", {}, title), geneTable(title, genes)] : [];
}

function geneTable(label, genes) {
  return openingTable(label, [
    { title: "Gene", cell: (g) => el("em", {}, g.gene) },
    { title: "Diplotype and its probability", look: "wide", cell: (g) => candidates(g.rows) },
    { title: "Phenotype", look: "name", cell: (g) => phenotypes(g.rows) },
    { title: "Status", cell: (g) => statusBadge(g.rows[0]) },
    { title: "Drugs to mind", look: "wide", cell: (g) => drugsToMind(g.gene, g.advice, g.listed) },
    { title: "Not seen", look: "name", cell: (g) => [notSeenCell(g.rows), undocumentedCell(g.undocumented)].flat() },
  ], genes, geneDetail);
}

function geneDetail(g) {
  const first = g.rows[0];
  const sites = notSeen(first).map(([state, s]) => [`Sites: ${state}`,
    s.names.length ? s.names.join(", ") + (s.count > s.names.length ? ` and ${s.count - s.names.length} more` : "") : counted(s.count, "site")]);
  const told = [
    definitions([
      ["Why not called", first.status === "abstain" ? first.reason : ""],
      ["Activity score", known(first.activity_score) && first.activity_score !== "" ? String(first.activity_score) : ""],
      ["Would settle it", spacedLists(first.sites_settling)],
      ["Alleles that may hide", spacedLists(first.unobserved_alleles)],
      ...sites,
      ["Carried", first.variants],
      ["Undocumented variants", undocumentedList(g.undocumented)],
      ["Assumed", first.assumptions],
      ["Undecided", undecided(g)],
      ["No change", withOthers(g.gene, g.advice.filter((row) => row.active !== false && isRoutine(row)))],
      ["Named by CPIC", g.listed.join(", ")],
    ]),
    alternatives(g.rows.slice(1)),
  ];
  return told.some(Boolean) ? told : [el("p", { class: "small nothing" }, "Every site was seen, no other candidate is left, and no variant in its exons is undocumented.")];
}

// Drugs that wait for the same thing, in one line each.
function undecided(g) {
  const waiting = grouped(g.advice.filter((row) => row.active === false), (row) => row.reason || "not certain enough");
  const lines = [...waiting].map(([why, rows]) => el("li", {}, `${rows.map((row) => row.drug).join(", ")}: ${spacedLists(why, NAMED)}`));
  return lines.length ? el("ul", { class: "waiting" }, lines) : "";
}

function alternatives(rows) {
  if (!rows.length) return null;
  const shown = rows.filter((row, i) => i < NAMED || row.posterior >= WORTH_LISTING);
  const table = el("table", { class: "others" }, el("thead", {}, el("tr", {},
    ["Other candidates", "Probability", "Phenotype"].map((t) => el("th", { scope: "col" }, t)))),
  el("tbody", {}, shown.map((r) => el("tr", {}, el("th", { scope: "row" }, diplotypeName(r)),
    el("td", {}, likelihood(r)), el("td", {}, r.phenotype || "–")))));
  const more = rows.length - shown.length;
  return more ? el("div", {}, table, el("p", { class: "small" }, `and ${more} more, each below ${WORTH_LISTING}`)) : table;
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
