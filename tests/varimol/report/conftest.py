"""A plausible out directory of ``varimol link``, of any size, and a reader for the page made of it."""

import base64
import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from varimol.report import write_report

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


def _write_directory(directory: Path, n_patients: int = 40, *, seed: int = 7, n_therapies: int = 25) -> Path:
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
        n_hom_ref=1021, n_het=14, n_hom_alt=2, n_other=0, n_no_call=5, n_filtered=3, n_absent=1,
        reason="protein change at the marker itself", drug_action="inhibit",
        drug_action_reason="the effect allele lowers the odds; assumed to reduce the protein's function",
    )  # fmt: skip
    second = marker.assign(
        marker_id="2:1200:A:T", contig="2", position=int(position[200]), gene="LINC1", log10p=8.1, beta=0.4,
        gene_distance=12_400, consequence="", amino_acid_change="", consequence_variant_id="", ld_r2=np.nan,
        reason="", drug_action="", drug_action_reason="no protein change in linkage", n_other=6,
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
        for number in range(54):  # the guidance speaks of some 60 drugs for every patient
            gene, active = GENES[number % len(GENES)], rng.uniform() < 0.8
            action, sentence = ("standard", "Usual dose.") if active else ("avoid", "Avoid.")
            phenotype = "Normal Metabolizer" if active else "No Result"
            advice.append(
                (sample, f"drug {number}", gene, phenotype, sentence, "", rng.uniform(), action, active)
            )
        for gene, phenotype, drug, action, sentence, _ in carried.values():
            advice.append(
                (sample, drug, gene, phenotype, sentence, "strong", rng.uniform(0.8, 1), action, True)
            )
    columns = ["sample_id", "gene", "rank", "diplotype", "posterior", "posterior_no_prior", "status"]
    columns += ["phenotype"]
    diplotype_table = pd.DataFrame(diplotypes, columns=columns).assign(activity_score=1.5, sites_missing="")
    diplotype_table.loc[diplotype_table["gene"] == "CYP2D6", "sites_missing"] = "rs1065852;rs5030655"
    columns = ["sample_id", "drug", "gene", "phenotype", "recommendation", "strength", "probability"]
    columns += ["action", "active"]
    recommendations = pd.DataFrame(advice, columns=columns).assign(source="PyPGx tables (CPIC)")
    identifiers = {name: f"C{i:03d}" for i, (name, _) in enumerate(COMPOUNDS)}
    recommendations["reason"] = np.where(
        recommendations["active"], "", recommendations["gene"] + ": sites not observed: rs1065852"
    )
    recommendations["compound_id"] = recommendations["drug"].map(identifiers).fillna("")
    undocumented = pd.DataFrame(
        {"sample_id": samples[:1], "gene": "TPMT", "contig": "6", "position": 18133850}
    )
    undocumented = undocumented.assign(ref="A", alt="C", place="exon", copies=1, n_called=3, n_carriers=1)
    return {
        "diplotypes": diplotype_table,
        "recommendations": recommendations,
        "undocumented_carriers": undocumented,
    }


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
        value=np.nan, compound_id="", compound_name="", lane="predicted",
    )  # fmt: skip
    # The last patient: nothing is predicted, and the ranking says why.
    silent = (ranked["sample_id"] == samples[-1]) & (ranked["lane"] == "predicted")
    said = withheld.tail(1)[[c for c in ranked.columns if c in withheld.columns]].assign(rank=6, score=np.nan)
    ranked = pd.concat([ranked[~silent], said], ignore_index=True)
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
        | {"missing_policy": "mean dosage of the called samples"}
        | {"call_policy": {"half_calls": "no-call", "haploid": "as-diploid"}},
        "network": {"name": "affinity", "data": "DAVIS and KIBA", "cross-validated MSE": 0.22},
        "sources": [{"name": "PyPGx tables", "version": "0.27", "licence": "MIT"}],
        "notes": ["The planted effect is enlarged: odds ratio 0.2 beside the published 0.6."],
    }


@pytest.fixture(scope="session")
def write_directory():
    return _write_directory


@pytest.fixture(scope="session")
def hostile():
    return "<script>window.broken=1</script>\"'&<img src=x onerror=alert(1)>"


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    return _write_directory(tmp_path_factory.mktemp("report") / "out")


@pytest.fixture(scope="session")
def page(directory):
    return write_report(directory).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def parse_page():
    return _parse_page


@pytest.fixture(scope="session")
def embedded():
    return _embedded


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


def _parse_page(page):
    parser = _Elements()
    parser.feed(page)
    return parser.tags, " ".join(" ".join(parser.text).split())


def _embedded(page):
    match = re.search(r'id="data" data-encoding="(\w+)">(.*?)</script>', page, re.DOTALL)
    raw = gzip.decompress(base64.b64decode(match[2])) if match[1] == "gzip" else match[2]
    return json.loads(raw)
