import base64
import gzip
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest

from genomics.errors import InputError
from varimol.report import write_report
from varimol.report.bundle import REQUIRED_COLUMNS, read_bundle
from varimol.report.notation import effect, number, p_value
from varimol.report.payload import PLAIN_LIMIT, embed, encode_patients
from varimol.report.plots import manhattan_svg, quantile_svg
from varimol.report.targets import abstained_targets, target_sections

HOSTILE = "<script>window.broken=1</script>\"'&<img src=x onerror=alert(1)>"

COMPOUNDS = [
    ("gefitinib", "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1"),
    ("erlotinib", "COCCOc1cc2ncnc(Nc3cccc(C#C)c3)c2cc1OCCOC"),
    ("lapatinib", "CS(=O)(=O)CCNCc1ccc(-c2ccc3ncnc(Nc4ccc(OCc5cccc(F)c5)c(Cl)c4)c3c2)o1"),
    ("afatinib", "CN(C)C/C=C/C(=O)Nc1cc2c(Nc3ccc(F)c(Cl)c3)ncnc2cc1O[C@H]1CCOC1"),
    ("vandetanib", "COc1cc2c(Nc3ccc(Br)cc3F)ncnc2cc1OCC1CCN(C)CC1"),
    ("imatinib", "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1"),
    ("dasatinib", "Cc1nc(Nc2ncc(C(=O)Nc3c(C)cccc3Cl)s2)cc(N2CCN(CCO)CC2)n1"),
    ("sorafenib", "CNC(=O)c1cc(Oc2ccc(NC(=O)Nc3ccc(Cl)c(C(F)(F)F)c3)cc2)ccn1"),
    ("sunitinib", "CCN(CC)CCNC(=O)c1c(C)[nH]c(/C=C2\\C(=O)Nc3ccc(F)cc32)c1C"),
    ("clopidogrel", "COC(=O)[C@H](c1ccccc1Cl)N1CCc2sccc2C1"),
    ("warfarin", "CC(=O)CC(c1ccccc1)c1c(O)c2ccccc2oc1=O"),
    ("simvastatin", "CCC(C)(C)C(=O)OC1CC(C)C=C2C=CC(C)C(CCC3CC(O)CC(=O)O3)C21"),
    ("azathioprine", "Cn1cnc([N+](=O)[O-])c1Sc1ncnc2nc[nH]c12"),
    ("fluorouracil", "O=c1[nH]cc(F)c(=O)[nH]1"),
]
ADVICE = [  # gene, phenotype, drug, action, sentence, share of patients
    ("CYP2C19", "Poor Metabolizer", "clopidogrel", "avoid", "Avoid; use another antiplatelet.", 0.03),
    ("CYP2C19", "Intermediate Metabolizer", "clopidogrel", "alternative", "Use another drug.", 0.25),
    ("SLCO1B1", "Decreased Function", "simvastatin", "limit dose", "Start at no more than 20 mg a day.", 0.2),
    ("TPMT", "Intermediate Metabolizer", "azathioprine", "reduce dose", "Start 50% below the usual.", 0.1),
    ("DPYD", "Normal Metabolizer", "fluorouracil", "standard", "Usual dose.", 0.95),
    ("CYP2C9", "Normal Metabolizer", "warfarin", "standard", "Usual dose.", 0.6),
]
GENES = ["ABCG2", "CYP2B6", "CYP2C9", "CYP2C19", "CYP2D6", "CYP3A4", "CYP3A5", "CYP4F2", "DPYD", "NUDT15"]
GENES += ["SLCO1B1", "TPMT", "UGT1A1", "VKORC1"]


def write_directory(directory: Path, n_patients: int = 40, *, seed: int = 7, n_therapies: int = 25) -> Path:
    """Write what `varimol link` would: every table, of a plausible shape, from a seed."""
    rng = np.random.default_rng(seed)
    directory.mkdir(parents=True, exist_ok=True)
    samples = [f"S{index:04d}" for index in range(1, n_patients + 1)]
    tables = {
        **_cohort_tables(rng, samples),
        **_target_tables(rng),
        **_pharmacogene_tables(rng, samples),
        **_ranked_tables(rng, samples, n_therapies),
    }
    for name, table in tables.items():
        table.to_parquet(directory / f"{name}.parquet")
    (directory / "manifest.json").write_text(json.dumps(_manifest(n_patients, tables)), encoding="utf-8")
    return directory


def _cohort_tables(rng, samples):
    n, contigs = len(samples), np.repeat([str(c) for c in range(1, 23)], 160)
    position = rng.integers(1e6, 9e7, contigs.size)
    log10p = -np.log10(rng.uniform(size=contigs.size))
    hit = int(np.flatnonzero(contigs == "7")[80])
    position[hit], log10p[hit] = 55_191_822, 14.2
    variant_id = [f"{c}:{p}:G:C" for c, p in zip(contigs, position)]
    frequency = rng.uniform(0.01, 0.5, contigs.size)
    beta = rng.normal(0, 0.1, contigs.size)
    beta[hit] = -1.61
    association = pd.DataFrame(
        {"variant_id": variant_id, "contig": contigs, "position": position, "effect_allele": "C"}
        | {"other_allele": "G", "effect_allele_frequency": frequency, "n": n, "beta": beta}
        | {"se": np.abs(beta) / 4 + 0.05, "log10p": log10p, "test": "score + Firth"}
        | {"missing_policy": "mean dosage of the called samples"}
    )
    marker = association.iloc[[hit]].assign(
        marker_id=variant_id[hit], gene="EGFR", gene_distance=0, consequence="missense_variant",
        amino_acid_change="L858R", consequence_variant_id=variant_id[hit], ld_r2=1.0, n_in_clump=3,
        reason="protein change at the marker itself", drug_action="inhibit",
        drug_action_reason="the effect allele lowers the odds; assumed to reduce the protein's function",
    )  # fmt: skip
    second = marker.assign(
        marker_id="2:1200:A:T", contig="2", position=int(position[200]), gene="LINC1", log10p=8.1, beta=0.4,
        gene_distance=12_400, consequence="", amino_acid_change="", consequence_variant_id="", ld_r2=np.nan,
        reason="", drug_action="", drug_action_reason="no protein change in linkage",
    )  # fmt: skip
    failed = rng.uniform(size=contigs.size) < 0.04
    quality_samples = pd.DataFrame({"sample_id": samples, "n_called": 3400, "reason": "", "passed": True})
    quality_samples["call_rate"] = rng.uniform(0.96, 1, n).round(4)
    quality_samples.loc[1, ["passed", "reason"]] = [False, "call rate below 0.9"]
    return {
        "association": association,
        "markers": pd.concat([marker, second], ignore_index=True),
        "quality_samples": quality_samples,
        "quality_variants": pd.DataFrame(
            {"variant_id": variant_id, "passed": ~failed, "call_rate": 0.99}
            | {"reason": np.where(failed, "call rate below 0.95; Hardy-Weinberg p below 1e-10", "")}
        ),
        "structure": pd.DataFrame(rng.normal(size=(n, 3)), columns=["pc1", "pc2", "pc3"]).assign(
            sample_id=samples
        ),
    }


def _target_tables(rng):
    n = len(COMPOUNDS)
    prediction = rng.uniform(4.8, 8.9, n)
    affinity = pd.DataFrame(
        {"compound_id": [f"C{i:03d}" for i in range(n)], "name": [name for name, _ in COMPOUNDS]}
        | {"smiles": [smiles for _, smiles in COMPOUNDS], "gene": "EGFR", "accession": "P00533"}
        | {"prediction": prediction, "lower": prediction - 0.9, "upper": prediction + 0.9, "sd": 0.5}
        | {"in_domain": rng.uniform(size=n) < 0.7, "in_training": rng.uniform(size=n) < 0.4}
        | {"nearest_train_tanimoto": rng.uniform(0.2, 1, n), "abstain": [False] * (n - 1) + [True]}
        | {"reason": [""] * (n - 1) + ["7 heavy atoms: too small for the network"]}
    )
    targets = pd.DataFrame(
        {"gene": ["EGFR", "LINC1"], "accession": ["P00533", ""], "sequence_length": [1210, None]}
        | {"has_domain": [True, None], "status": ["scored", "abstain"], "reason": ["", "no protein sequence"]}
    )
    return {"targets": targets, "affinity": affinity}


def _pharmacogene_tables(rng, samples):
    diplotypes, advice = [], []
    for sample in samples:
        carried = {row[0]: row for row in ADVICE if rng.uniform() < row[5]}
        for gene in GENES:
            phenotype = carried[gene][1] if gene in carried else "Normal Metabolizer"
            posterior = rng.uniform(0.7, 1)
            diplotypes.append((sample, gene, 1, "*1/*2", posterior, posterior - 0.1, "called", phenotype))
            if rng.uniform() < 0.2:
                diplotypes.append((sample, gene, 2, "*1/*17", 1 - posterior, 0.1, "ambiguous", "Rapid"))
        for gene, phenotype, drug, action, sentence, _ in carried.values():
            advice.append((sample, drug, gene, phenotype, sentence, "strong", rng.uniform(0.8, 1), action))
    columns = ["sample_id", "gene", "rank", "diplotype", "posterior", "posterior_no_prior", "status"]
    columns += ["phenotype"]
    diplotype_table = pd.DataFrame(diplotypes, columns=columns).assign(activity_score=1.5, sites_missing="")
    diplotype_table.loc[diplotype_table["gene"] == "CYP2D6", "sites_missing"] = "rs1065852;rs5030655"
    columns = ["sample_id", "drug", "gene", "phenotype", "recommendation", "strength", "probability"]
    columns += ["action"]
    recommendations = pd.DataFrame(advice, columns=columns).assign(active=True, source="PyPGx tables (CPIC)")
    identifiers = {name: f"C{i:03d}" for i, (name, _) in enumerate(COMPOUNDS)}
    recommendations["compound_id"] = recommendations["drug"].map(identifiers).fillna("")
    return {"diplotypes": diplotype_table, "recommendations": recommendations}


def _ranked_tables(rng, samples, n_therapies):
    n = len(samples) * n_therapies
    sample = np.repeat(samples, n_therapies)
    rank = np.tile(np.arange(1, n_therapies + 1), len(samples))
    lane = np.where(rank <= 3, "safety_and_dose", np.where(rank <= 5, "known_efficacy", "predicted"))
    chosen = rng.integers(0, len(COMPOUNDS), n)
    score = np.where(lane == "predicted", rng.normal(7, 1, n), np.nan)
    genotype = np.array(["G/G", "G/C", "C/C"])[rng.integers(0, 3, n)]
    names = np.array([name for name, _ in COMPOUNDS])[chosen]
    ranked = pd.DataFrame(
        {"sample_id": sample, "rank": rank, "compound_id": [f"C{i:03d}" for i in chosen]}
        | {"compound_name": names, "lane": lane, "score": score, "lower": score - 0.9, "upper": score + 0.9}
        | {"reason": np.where(lane == "predicted", "high affinity, in domain", "published guidance")}
        | {"path": [f"7:55191822:G:C {g} -> EGFR L858R -> P00533 -> {c}" for g, c in zip(genotype, names)]}
        | {"evidence_id": [rng.bytes(6).hex() for _ in range(n)]}
    )
    evidence = ranked.drop(columns=["rank", "score"]).assign(
        claim="predicted affinity", direction="inhibits", value=score, unit="pKd", abstain=False,
        sources="varimol affinity network 0.1; DAVIS (2011)", assumptions="binding stands for inhibition",
        reason="",
    )  # fmt: skip
    withheld = evidence.drop_duplicates("sample_id").assign(
        evidence_id=[f"w{i}" for i in range(len(samples))], abstain=True, reason="outside the domain",
        value=np.nan,
    )  # fmt: skip
    return {"therapies": ranked, "evidence": pd.concat([evidence, withheld], ignore_index=True)}


def _manifest(n_patients, tables):
    return {
        "varimol": "0.1.0",
        "created_with": {"python": "3.11", "torch": "2.13.0", "rdkit": "2026.03.5"},
        "command": ["varimol", "link", "--variants", "cohort.vcf.gz", "--trait", "case"],
        "parameters": {"min_gq": 20, "min_sample_call_rate": 0.9},
        "seed": 1,
        "inputs": [{"path": "cohort.vcf.gz", "sha256": "ab" * 32, "bytes": 12_345_678}],
        "trait": "Autoimmune disease",
        "trait_type": "binary",
        "cohort": {"n_samples": n_patients, "n_variants": len(tables["association"]), "build": "GRCh38"}
        | {"n_cases": n_patients // 2, "n_controls": n_patients - n_patients // 2}
        | {"build_evidence": {"sites compared": 412, "matching GRCh38": 411}},
        "quality": {"min_gq": 20},
        "structure": {"estimable": True, "reason": "", "n_variants_used": 2104},
        "association": {"n_tests": len(tables["association"]), "lambda": 1.02, "covariates": ["sex", "pc1"]}
        | {"missing_policy": "mean dosage of the called samples"},
        "network": {"name": "affinity", "data": "DAVIS and KIBA", "cross-validated MSE": 0.22},
        "sources": [{"name": "PyPGx tables", "version": "0.27", "licence": "MIT"}],
        "notes": ["The planted effect is enlarged: odds ratio 0.2 beside the published 0.6."],
    }


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return write_directory(tmp_path_factory.mktemp("report") / "out")


@pytest.fixture(scope="module")
def page(directory):
    return write_report(directory).read_text(encoding="utf-8")


class _Elements(HTMLParser):
    """Collects tags with their attributes, and the text outside script and style."""

    def __init__(self):
        super().__init__()
        self.tags, self.text, self._raw = [], [], None

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._raw = tag if tag in ("script", "style") else self._raw

    def handle_endtag(self, tag):
        self._raw = None if tag == self._raw else self._raw

    def handle_data(self, data):
        if self._raw is None:
            self.text.append(data)


def _parse(page):
    parser = _Elements()
    parser.feed(page)
    return parser.tags, " ".join(" ".join(parser.text).split())


def _embedded(page):
    match = re.search(r'id="data" data-encoding="(\w+)">(.*?)</script>', page, re.DOTALL)
    raw = gzip.decompress(base64.b64decode(match[2])) if match[1] == "gzip" else match[2]
    return json.loads(raw)


def _decode(data, table, column):
    stored = data["tables"][table]["columns"][column]
    if "text" in stored:
        return ["" if code < 0 else data["pool"][code] for code in stored["text"]]
    return stored.get("number", stored.get("flag"))


def test_report__shows_every_section(page):
    _, text = _parse(page)
    for shown in ("Autoimmune disease", "For research use only", "GRCh38", "L858R", "odds ratio 0.2 beside",
                  "The genetics supports the target, not the compound", "no protein sequence", "ab" * 32,
                  "Genetics supports inhibiting EGFR", "PyPGx tables", "sites compared: 412"):  # fmt: skip
        assert shown in text


def test_report__requests_nothing(page):
    tags, _ = _parse(page)
    for tag, attributes in tags:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}
        assert "src" not in attributes
        for name in ("href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    assert "url(" not in style and "@import" not in style
    assert "default-src 'none'" in page


def test_report__is_the_same_twice(directory, page):
    assert write_report(directory).read_text(encoding="utf-8") == page
    assert [path.name for path in directory.iterdir() if "tmp" in path.name] == []


def test_report__ids_are_unique(page):
    tags, _ = _parse(page)
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_report__headers_and_pictures_have_names(page):
    tags, _ = _parse(page)
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in tags if tag == "th")
    pictures = [a for tag, a in tags if tag == "svg" or a.get("role") == "img"]
    assert pictures
    named = [a for _, a in tags if a.get("role") == "img"]
    assert all(attributes.get("aria-label") for attributes in named)


def test_report__rows_come_back_as_written(directory, page):
    data = _embedded(page)
    therapies = pd.read_parquet(directory / "therapies.parquet").sort_values(["sample_id", "rank"])
    assert _decode(data, "therapies", "compound_name") == therapies["compound_name"].tolist()
    assert _decode(data, "therapies", "evidence_id") == therapies["evidence_id"].tolist()
    written = np.array(_decode(data, "therapies", "score"), dtype=float)
    np.testing.assert_allclose(written, therapies["score"], rtol=1e-3)
    offsets, ids = data["tables"]["therapies"]["offsets"], data["patients"]["id"]
    assert offsets[ids.index("S0003")] == 50 and offsets[ids.index("S0004")] == 75


def test_report__user_text_is_escaped(tmp_path):
    directory = write_directory(tmp_path / "out", 6)
    for name in REQUIRED_COLUMNS:
        table = pd.read_parquet(directory / f"{name}.parquet")
        hostile = table.replace(dict.fromkeys(["S0002", "gefitinib", "EGFR"], HOSTILE))
        hostile.to_parquet(directory / f"{name}.parquet")
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest |= {"trait": HOSTILE, "notes": [HOSTILE], "parameters": {HOSTILE: HOSTILE}}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    page = write_report(directory).read_text(encoding="utf-8")
    tags, text = _parse(page)
    assert HOSTILE in text
    assert sum(tag == "script" for tag, _ in tags) == 2
    assert not any(name.startswith("on") for _, attributes in tags for name in attributes)
    assert HOSTILE in _embedded(page)["patients"]["id"]


def test_report__empty_tables_say_what_is_absent(tmp_path):
    directory = write_directory(tmp_path / "out", 3)
    for name in REQUIRED_COLUMNS:
        if name == "targets":
            (directory / "targets.parquet").unlink()
        else:
            pd.read_parquet(directory / f"{name}.parquet").head(0).to_parquet(directory / f"{name}.parquet")
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest["structure"] = {"estimable": False, "reason": "24 genes cover 24 regions; 300 are needed"}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    _, text = _parse(write_report(directory).read_text(encoding="utf-8"))
    for sentence in ("24 genes cover 24 regions", "no variant was tested", "No marker", "No gene was scored"):
        assert sentence in text
    assert "the target table is not in this directory" in text


def test_report__a_manifest_alone_is_enough(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    _, text = _parse(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "not named" in text and "not recorded" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "manifest.json: no manifest"), ("{", "json: not JSON"), ("[]", "json: not a manifest")],
)
def test_report__bad_manifest_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=message):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_report__bad_table_is_named(tmp_path):
    directory = write_directory(tmp_path / "out", 3)
    pd.DataFrame({"sample_id": ["S0001"]}).to_parquet(directory / "therapies.parquet")
    with pytest.raises(InputError, match=r"therapies\.parquet, field rank: column missing"):
        write_report(directory)
    (directory / "therapies.parquet").write_bytes(b"PAR1 cut short")
    with pytest.raises(InputError, match=r"therapies\.parquet: not a Parquet table"):
        write_report(directory)
    with pytest.raises(InputError, match="no such directory"):
        write_report(tmp_path / "nowhere")


def test_report__failure_leaves_the_old_page(tmp_path, monkeypatch):
    directory = write_directory(tmp_path / "out", 3)
    before = write_report(directory).read_bytes()

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(directory)
    assert (directory / "report.html").read_bytes() == before
    assert list(directory.glob("*.tmp-*")) == []


def test_report__2500_patients_stay_small(tmp_path):
    directory = write_directory(tmp_path / "out", 2500)
    size = write_report(directory).stat().st_size
    assert size < 25_000_000
    assert size < 8_000_000  # what it is today, with room: a second copy of the data would show


def test_embed__large_data_are_compressed_and_equal():
    data = {"values": list(range(PLAIN_LIMIT))}
    encoding, text = embed(data)
    assert encoding == "gzip"
    assert json.loads(gzip.decompress(base64.b64decode(text))) == data


def test_encode_patients__evidence_about_the_cohort_belongs_to_nobody(tmp_path):
    directory = write_directory(tmp_path / "out", 3)
    evidence = pd.read_parquet(directory / "evidence.parquet")
    evidence.loc[0, "sample_id"] = ""
    evidence.to_parquet(directory / "evidence.parquet")
    data = encode_patients(read_bundle(directory))
    assert data["patients"]["id"] == ["S0001", "S0002", "S0003"]
    offsets = data["tables"]["evidence"]["offsets"]
    assert offsets[-1] - offsets[-2] == 1 and offsets[-1] == len(evidence)


def test_targets__compounds_in_order_without_the_withheld(directory):
    bundle = read_bundle(directory)
    (section,) = target_sections(bundle)
    affinity = bundle.tables["affinity"]
    best = affinity.loc[~affinity["abstain"]].nlargest(9, "prediction")
    assert [compound["name"] for compound in section["compounds"]] == best["name"].tolist()
    assert section["n_abstained"] == 1 and "7 heavy atoms" in section["reasons"][0][0]
    assert all(compound["drawing"].startswith("<svg") for compound in section["compounds"])
    assert [row["gene"] for row in abstained_targets(bundle)] == ["LINC1"]


def test_plots__millions_of_tests_stay_small(directory):
    rng = np.random.default_rng(3)
    n = 400_000
    table = pd.DataFrame(
        {"contig": np.sort(rng.integers(1, 23, n)).astype(str), "position": rng.integers(1, 2e8, n)}
        | {"log10p": -np.log10(rng.uniform(size=n))}
    )
    markers = pd.read_parquet(directory / "markers.parquet")
    assert len(manhattan_svg(table, markers)) < 600_000
    assert len(quantile_svg(table["log10p"].to_numpy())) < 200_000


def test_plots__nothing_to_draw():
    table = pd.DataFrame({"contig": ["1"], "position": [5], "log10p": [np.nan]})
    assert manhattan_svg(table, table.head(0)) == "" and quantile_svg(table["log10p"].to_numpy()) == ""


def test_notation__p_value_agrees_with_python():
    for exponent in np.linspace(3, 300, 997):
        mantissa, power = f"{10**-exponent:.1e}".split("e")
        digits = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        assert p_value(exponent) == f"{mantissa} × 10{digits}"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "text", pd.NA, True])
def test_notation__no_number_is_a_dash(value):
    assert number(value) == "–" and p_value(value) == "–"
    assert effect(value, 0.1, odds_ratio=True) == "–"


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    """Open a page in headless Chromium and return the document that its script made."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed: the page's script cannot be run")
    profile = tmp_path_factory.mktemp("profile")

    def dump(path: Path, fragment: str) -> str:
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"]
        command += ["--no-first-run", "--disable-background-networking", "--disable-component-update"]
        command += ["--disable-sync", f"--user-data-dir={profile}", "--virtual-time-budget=8000", "--dump-dom"]
        finished = subprocess.run(
            [*command, f"{path.as_uri()}#{fragment}"], capture_output=True, text=True, timeout=120, check=True
        )
        return finished.stdout

    return dump


@pytest.mark.slow
def test_script__opens_a_patients_page(browse, directory, page):
    dom = browse(directory / "report.html", "patient=S0003")
    assert 'data-ready="true"' in dom
    _, text = _parse(dom)
    assert "Patient S0003" in text and "3 of 40" in text
    therapies = pd.read_parquet(directory / "therapies.parquet")
    predicted = therapies.query("sample_id == 'S0003' and lane == 'predicted'")
    shown = re.findall(r'data-label="Predicted pKd"[^>]*>([^<]*)<', dom)
    np.testing.assert_allclose([float(value) for value in shown], predicted["score"], atol=0.0051)


@pytest.mark.slow
def test_script__compressed_data_and_hostile_names(browse, tmp_path):
    directory = write_directory(tmp_path / "out", 300)
    for name in ("quality_samples", "diplotypes", "recommendations", "therapies", "evidence"):
        table = pd.read_parquet(directory / f"{name}.parquet")
        table.replace({"S0002": HOSTILE, "gefitinib": HOSTILE}).to_parquet(directory / f"{name}.parquet")
    report = write_report(directory)
    assert 'data-encoding="gzip"' in report.read_text(encoding="utf-8")
    dom = browse(report, f"patient={quote(HOSTILE, safe='')}")
    tags, text = _parse(dom)
    assert f"Patient {HOSTILE}" in text
    assert sum(tag == "script" for tag, _ in tags) == 2 and not any(tag == "img" for tag, _ in tags)
