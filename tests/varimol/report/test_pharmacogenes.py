"""The pharmacogenes of the report: their payload, the page of `varimol stars` alone, and what a reader sees."""

import base64
import hashlib
import json
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from genomics.errors import InputError
from genomics.metaboliser import phenotype_probabilities
from varimol.report import write_report
from varimol.report.bundle import read_bundle
from varimol.report.payload import encode_patients
from varimol.report.pharmacogenes import (
    gene_rows,
    listed_drugs,
    reason_counts,
    undocumented_rows,
    with_phenotype_probability,
)

COPY_NUMBER = "needs copy number: deletions, duplications and hybrids do not show in variant calls"
UNSEEN = "no site of the gene was observed"
COLUMNS = ["gene", "rank", "diplotype", "posterior", "posterior_no_prior", "status", "phenotype"]
COLUMNS += ["activity_score", "sites_missing", "sites_no_call", "sites_filtered", "sites_settling"]
COLUMNS += ["unobserved_alleles", "variants", "assumptions", "reason"]
SETTLING = ["rs1", "rs2", "rs3", "rs4"]
CALLS = [
    ("CYP2C19", 1, "*2/*2", 1.0, 1.0, "called", "Poor Metabolizer", np.nan, "", "", "", "", "", "", "", ""),
    *(
        ("TPMT", rank, name, posterior, alone, "ambiguous", phenotype, np.nan, "rs1,rs2,rs3,rs4,rs5", "rs2", "rs3",
         "rs1,rs2,rs3,rs4", "*3A", "", "", "")
        for rank, (name, posterior, alone, phenotype) in enumerate([
            ("*1/*1", 0.55, 0.3, "Normal Metabolizer"), ("*1/*3A", 0.3, 0.3, "Intermediate Metabolizer"),
            ("*1/*3C", 0.14, 0.3, "Intermediate Metabolizer"), ("*3A/*3C", 0.01, 0.1, "Poor Metabolizer"),
        ], 1)
    ),
    ("NUDT15", 1, "*1/*1", 0.999, 0.5, "called", "Normal Metabolizer", np.nan, "rs9", "", "", "rs9", "", "", "", ""),
    ("NUDT15", 2, "*1/*4", 0.001, 0.5, "called", "Indeterminate", np.nan, "rs9", "", "", "rs9", "", "", "", ""),
    ("COMT", 1, "rs6 A/G, rs7 C/C", 1.0, 1.0, "called", "", np.nan, "", "", "", "", "", "rs6 A/G, rs7 C/C", "", ""),
    ("CYP2D6", 1, "", np.nan, np.nan, "abstain", "", np.nan, "", "", "", "", "", "", "", COPY_NUMBER),
    ("RYR1", 1, "", np.nan, np.nan, "abstain", "", np.nan, "all 313 sites", "", "", "", "", "", "", UNSEEN),
    ("ABCB1", 1, "", np.nan, np.nan, "abstain", "", np.nan, "rs8", "", "", "", "", "", "", UNSEEN),
    ("VKORC1", 1, "rs9923231 reference (C)/rs9923231 variant (T)", 1.0, 1.0, "called", "-1639 AG", np.nan, "", "",
     "", "", "", "rs9923231 C/T", "called by another program, taken as given", ""),
]  # fmt: skip
WAITS = f"CYP2D6: {COPY_NUMBER}"
ADVICE = [
    ("clopidogrel", "CYP2C19", "Poor Metabolizer", "Avoid; use another.", 1.0, True, "avoid", ""),
    ("doxepin", "CYP2C19+CYP2D6", "Poor Metabolizer+", "Avoid.", 1.0, True, "avoid", ""),
    ("codeine", "CYP2D6", "", "", np.nan, False, "no recommendation", WAITS),
    ("azathioprine", "NUDT15+TPMT", "Normal Metabolizer+Normal Metabolizer", "Usual dose.", 0.55, False, "standard",
     "TPMT: sites not observed; genotype rs1,rs2,rs3,rs4"),
    ("sevoflurane", "RYR1", "", "", np.nan, False, "no recommendation", f"RYR1: {UNSEEN} (all 313 sites)"),
    ("voriconazole", "CYP2C19", "Poor Metabolizer", "Usual dose.", 1.0, True, "standard", ""),
]  # fmt: skip
# Undocumented variants of NA2: gene, position, ref, alt, place, copies, carriers.
CARRIED = [
    ("CYP2C19", 96602622, "C", "T", "exon", 1, 2),
    ("CYP2C19", 96541616, "G", "C", "site", 2, 1),
    ("CYP2C19", 96600000, "A", "T", "elsewhere", 1, 1),
    ("NUDT15", 48619942, "A", "A" + "CG" * 40, "exon", 1, 1),
]
ADVICE_COLUMNS = ["drug", "gene", "phenotype", "recommendation", "probability", "active", "action", "reason"]


def _tables(samples):
    calls, advice = pd.DataFrame(CALLS, columns=COLUMNS), pd.DataFrame(ADVICE, columns=ADVICE_COLUMNS)
    names = pd.DataFrame({"sample_id": samples})
    return names.merge(calls, how="cross"), names.merge(
        advice.assign(source="PyPGx tables (CPIC)", strength="", population=""), how="cross"
    )


def _undocumented():
    columns = ["gene", "position", "ref", "alt", "place", "copies", "n_carriers"]
    return pd.DataFrame(CARRIED, columns=columns).assign(sample_id="NA2", contig="10", n_called=3)


@pytest.fixture(scope="module")
def stars(tmp_path_factory):
    """A directory as `varimol stars` writes it."""
    folder = tmp_path_factory.mktemp("stars")
    diplotypes, recommendations = _tables(["NA1", "NA2", "NA3"])
    diplotypes.to_parquet(folder / "diplotypes.parquet")
    recommendations.to_parquet(folder / "recommendations.parquet")
    _undocumented().to_parquet(folder / "undocumented_carriers.parquet")
    facts = {"varimolVersion": "0.1.0", "build": "GRCh37", "assay": "array"}
    facts["sources"] = [{"name": "PharmCAT allele definitions", "version": "2025-11-05"}]
    (folder / "stars.json").write_text(json.dumps(facts), encoding="utf-8")
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def stars_page(stars):
    return (stars / "report.html").read_text(encoding="utf-8")


def test_with_phenotype_probability__equals_the_kernels_sums(stars):
    diplotypes = pd.read_parquet(stars / "diplotypes.parquet")
    keys = ["sample_id", "gene", "phenotype"]
    ours = with_phenotype_probability(diplotypes).drop_duplicates(keys).set_index(keys)
    theirs = phenotype_probabilities(diplotypes)
    theirs = theirs[theirs["phenotype"].isin(diplotypes["phenotype"])].set_index(keys)["probability"]
    assert len(theirs) > 15
    np.testing.assert_allclose(ours["phenotype_probability"].loc[theirs.index], theirs, atol=1e-9)
    assert ours["phenotype_probability"].drop(theirs.index).isna().all()


def test_with_phenotype_probability__of_nothing(stars):
    empty = pd.read_parquet(stars / "diplotypes.parquet").head(0)
    assert with_phenotype_probability(empty)["phenotype_probability"].tolist() == []


def test_gene_rows__count_patients_by_status_and_phenotype():
    diplotypes, recommendations = _tables(["a", "b", "c"])
    diplotypes.loc[(diplotypes["sample_id"] == "b") & (diplotypes["gene"] == "CYP2C19"), "phenotype"] = (
        "Normal"
    )
    rows = {row["gene"]: row for row in gene_rows(diplotypes, recommendations)}
    assert rows["CYP2C19"]["phenotypes"] == [("Poor Metabolizer", 2), ("Normal", 1)]
    assert rows["CYP2C19"]["drugs"] == ["clopidogrel", "doxepin", "voriconazole"]
    assert [rows["TPMT"][k] for k in ("called", "unsettled", "uncalled", "reason")] == [0, 3, 0, ""]
    assert rows["RYR1"]["uncalled"] == 3 and rows["RYR1"]["reason"] == UNSEEN
    assert reason_counts(diplotypes) == [(UNSEEN, 6), (COPY_NUMBER, 3)]


def test_listed_drugs__leave_out_what_the_guidance_speaks_of():
    diplotypes, recommendations = _tables(["a"])
    bare = listed_drugs(diplotypes, recommendations.head(0))
    assert "clopidogrel (A)" in bare["CYP2C19"] and "warfarin (A)" in bare["VKORC1"]
    left = listed_drugs(diplotypes, recommendations)
    assert "clopidogrel (A)" not in left["CYP2C19"] and left["VKORC1"] == bare["VKORC1"]
    assert all(re.search(r" \((A|A/B|B)\)$", drug) for drugs in left.values() for drug in drugs)


def test_payload__carries_what_was_not_seen(stars):
    bundle = read_bundle(stars)
    assert bundle.kind == "stars"
    columns = encode_patients(bundle)["tables"]["diplotypes"]["columns"]
    wanted = {"sites_no_call", "sites_filtered", "sites_settling", "unobserved_alleles", "variants"}
    assert wanted | {"phenotype_probability", "posterior_no_prior"} <= set(columns)
    assert "number" in columns["phenotype_probability"] and "text" in columns["sites_no_call"]


def test_undocumented_rows__the_rarest_first_and_none_elsewhere():
    told = undocumented_rows(_undocumented())
    assert told["variant"].tolist() == [
        f"10:48619942 A>A{'CG' * 9}C…(81 bases)",
        "10:96541616 G>C", "10:96602622 C>T",
    ]  # fmt: skip
    assert undocumented_rows(_undocumented().drop(columns="place")).empty


def test_stars_page__says_what_was_called_in_whom(stars_page, parse_page):
    tags, text = parse_page(stars_page)
    for said in ("For research use only", "Patients 3", "GRCh37", "array", "Poor Metabolizer (3)",
                 f"2 genes called in nobody: {UNSEEN}", f"1 gene called in nobody: {COPY_NUMBER}",
                 "PharmCAT allele definitions 2025-11-05", "it opens no connection"):  # fmt: skip
        assert said in text
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in tags if tag == "th")
    assert not {tag for tag, _ in tags} & {"link", "iframe", "object", "embed", "form"}


def test_stars_page__is_the_same_twice(stars, stars_page):
    assert write_report(stars).read_text(encoding="utf-8") == stars_page


def test_stars_page__without_its_facts(tmp_path, stars, parse_page):
    shutil.copy(stars / "diplotypes.parquet", tmp_path)
    _, text = parse_page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "not recorded" in text and "stars.json is not in this directory" in text


def test_stars_page__nobody_and_bad_facts(tmp_path, stars, parse_page):
    pd.read_parquet(stars / "diplotypes.parquet").head(0).to_parquet(tmp_path / "diplotypes.parquet")
    _, text = parse_page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "No gene was called in anybody." in text
    (tmp_path / "stars.json").write_text("{")
    with pytest.raises(InputError, match=r"stars\.json: not JSON.*varimol stars"):
        write_report(tmp_path)


def test_stars_page__2504_patients_stay_small(tmp_path):
    diplotypes, recommendations = _tables([f"HG{i:05d}" for i in range(2504)])
    rng = np.random.default_rng(0)
    diplotypes["posterior"] *= rng.uniform(0.5, 1, len(diplotypes))
    diplotypes.to_parquet(tmp_path / "diplotypes.parquet")
    recommendations.to_parquet(tmp_path / "recommendations.parquet")
    assert write_report(tmp_path).stat().st_size < 1_000_000


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    """Open a page in headless Chromium and return what its script made."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed: the page's script cannot be run")
    profile = tmp_path_factory.mktemp("profile")

    def dump(path, fragment):
        command = [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ]
        command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        command += [f"--user-data-dir={profile}", "--virtual-time-budget=8000", "--dump-dom"]
        return subprocess.run(
            [*command, f"{path.as_uri()}#{fragment}"], capture_output=True, text=True, timeout=120, check=True
        ).stdout

    return dump


@pytest.fixture(scope="module")
def opened(browse, stars, stars_page, tmp_path_factory):
    """Return one patient's page with every row and fold opened, and its rows by gene."""
    opener = (
        'document.querySelectorAll("#patient .toggle, #patient summary").forEach((node) => node.click());'
    )
    path = tmp_path_factory.mktemp("opened") / "report.html"
    path.write_text(_driven(stars_page, opener), encoding="utf-8")
    dom = browse(path, "patient=NA2")
    table = dom.split("<h2>Pharmacogenes</h2>")[1]
    gene = r'<button[^>]*class="toggle"[^>]*><em>(\w+)</em></button>'
    parts = re.split(gene, table.split("genes not called")[0].split("gene not called")[0])
    rows = dict(zip(parts[1::2], parts[2::2], strict=True))
    return dom, rows


def _driven(page, statements):
    """Let a reader's hand act once the page is ready; the page's policy must admit that one script."""
    ready = "document.documentElement.dataset.ready"
    script = f"const id = setInterval(() => {{ if ({ready}) {{ clearInterval(id); {statements} }} }}, 20);"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    admitted = page.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    return admitted.replace("</body>", f"<script>{script}</script></body>")


def _words(markup):
    return " ".join(re.sub(r"<[^>]+>", " ", markup).replace("&gt;", ">").replace("&lt;", "<").split())


@pytest.mark.slow
def test_patient__both_probabilities_stand_in_the_row(opened):
    _, rows = opened
    tpmt = _words(rows["TPMT"])
    assert "*1/*1 0.55 calls alone 0.30 *1/*3A 0.30 calls alone 0.30" in tpmt and "not settled" in tpmt
    assert "Normal Metabolizer 0.55 Intermediate Metabolizer 0.44 Poor Metabolizer 0.01" in tpmt
    assert 'class="with"><b style="width:55.0%"' in rows["TPMT"]
    assert 'class="without"><b style="width:30.0%"' in rows["TPMT"]
    assert "> 0.99 calls alone 0.50" in _words(rows["NUDT15"])
    assert "called with frequencies" in _words(rows["NUDT15"])
    given = _words(rows["VKORC1"])
    assert "outside call" in given and "as another program gave it" in given and "warfarin (A)" in given
    assert "calls alone" not in given and "not given" in given


@pytest.mark.slow
def test_patient__states_of_sites_are_kept_apart(opened):
    _, rows = opened
    tpmt = _words(rows["TPMT"])
    assert "3 absent from the file, 1 no call, 1 filtered" in tpmt
    assert "Would settle it: rs1, rs2, rs3 and 1 more" in tpmt
    assert "absent from the file rs1, rs4, rs5" in tpmt and "Alleles that may hide *3A" in tpmt


@pytest.mark.slow
def test_patient__drugs_to_mind_come_first_and_the_unseen_are_folded(opened):
    dom, rows = opened
    assert next(iter(rows)) == "CYP2C19"
    assert "avoid clopidogrel; with CYP2D6: doxepin no change: 1 drug" in _words(rows["CYP2C19"])
    assert "undecided: 1 drug" in _words(rows["TPMT"])
    assert "azathioprine: TPMT: sites not observed; genotype rs1, rs2, rs3 and 1 more" in _words(rows["TPMT"])
    assert not {"RYR1", "ABCB1", "CYP2D6"} & set(rows)
    text = _words(dom)
    assert (
        "2 genes not called: the calls hold no site of them; 1 drug stays undecided" in text
        and "RYR1 sevoflurane" in text
    )
    assert "1 gene not called: copy number decides" in text and "Patient NA2" in text
    assert "rs6 A/G, rs7 C/C 1.00" in _words(rows["COMT"])


@pytest.mark.slow
def test_patient__what_asks_for_a_change_stands_first(opened):
    dom, rows = opened
    assert dom.index("<h2>Drugs to mind</h2>") < dom.index("<h2>Pharmacogenes</h2>")
    headings = ["<h3>Ask for a change</h3>", "<h3>Not settled</h3>", "<h3>Called, no change asked</h3>"]
    assert sorted(headings, key=dom.index) == headings and len(rows) == 5
    placed = {
        gene: sum(dom.index(h) < dom.index(f"<em>{gene}</em></button>") for h in headings) for gene in rows
    }
    assert placed == {"CYP2C19": 1, "TPMT": 2, "NUDT15": 3, "VKORC1": 3, "COMT": 3}


@pytest.mark.slow
def test_patient__undocumented_variants_stand_by_their_gene(opened):
    _, rows = opened
    told = _words(rows["CYP2C19"])
    assert "every site seen 2 undocumented variants" in told
    assert (
        "10:96541616 G>C (2 copies, at a site of the definition, 1 of 3 patients carry it) "
        "10:96602622 C>T (one copy, 2 of 3 patients carry it)" in told
    )
    assert "What they do is not known, and the diplotype does not account for them" in told
    assert "96600000" not in told and "undocumented" not in _words(rows["TPMT"])


@pytest.mark.slow
def test_patient__sites_that_were_assumed_were_not_seen(tmp_path, stars, browse):
    table = pd.read_parquet(stars / "diplotypes.parquet")
    said = "22 sites that the file does not mention taken for the reference"
    assumed = table["gene"] == "CYP2C19"
    table.assign(assumptions=table["assumptions"].mask(assumed, said)).to_parquet(
        tmp_path / "diplotypes.parquet"
    )
    text = _words(browse(write_report(tmp_path), "patient=NA2"))
    assert "22 assumed, not in the file" in text and "every site seen" in text


@pytest.mark.slow
def test_patient__a_statement_says_whom_it_is_for(tmp_path, stars, browse):
    table = pd.read_parquet(stars / "recommendations.parquet")
    few = table["population"].mask(table["drug"] == "clopidogrel", "people with a stent")
    table.assign(population=few).to_parquet(tmp_path / "recommendations.parquet")
    pd.read_parquet(stars / "diplotypes.parquet").to_parquet(tmp_path / "diplotypes.parquet")
    text = _words(browse(write_report(tmp_path), "patient=NA2"))
    assert "Avoid; use another. For people with a stent" in text and text.count("For people") == 1


@pytest.mark.slow
def test_patient__long_lists_of_sites_are_cut_in_a_row(tmp_path, stars, browse):
    table = pd.read_parquet(stars / "recommendations.parquet")
    many = ",".join(f"rs{i}" for i in range(100, 120))
    waits = table["drug"] == "azathioprine"
    table["reason"] = table["reason"].mask(waits, f"TPMT: sites not observed; genotype {many} and 15 more")
    table.to_parquet(tmp_path / "recommendations.parquet")
    pd.read_parquet(stars / "diplotypes.parquet").to_parquet(tmp_path / "diplotypes.parquet")
    dom = browse(write_report(tmp_path), "patient=NA2")
    text = _words(dom.split('<main id="patient"')[1].split("<script")[0])
    assert "genotype rs100, rs101, rs102 and 32 more" in text and "rs103" not in text


@pytest.mark.slow
def test_patient__stars_alone_have_no_other_lanes(opened, browse, stars, parse_page):
    _, text = parse_page(opened[0])
    assert "Patient NA2" in text and "Known efficacy" not in text and "null" not in text
    _, listed = parse_page(browse(stars / "report.html", "patients"))
    assert "Not settled" in listed and "First predicted" not in listed and "NA3" in listed
    assert re.search(r"\d+ drugs? undecided", listed)


@pytest.mark.slow
def test_patient__names_from_files_stay_text(browse, tmp_path, stars, parse_page, hostile):
    for name in ("diplotypes", "recommendations", "undocumented_carriers"):
        table = pd.read_parquet(stars / f"{name}.parquet")
        spoiled = table.replace(
            dict.fromkeys(["NA2", "clopidogrel", "*1/*1", "CYP2C19", "Poor Metabolizer"], hostile)
        )
        spoiled.to_parquet(tmp_path / f"{name}.parquet")
    report = write_report(tmp_path)
    quoted = "".join(f"%{byte:02x}" for byte in hostile.encode())
    tags, text = parse_page(browse(report, f"patient={quoted}"))
    assert f"Patient {hostile}" in text
    assert sum(tag == "script" for tag, _ in tags) == 2 and not any(tag == "img" for tag, _ in tags)
