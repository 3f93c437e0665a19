from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.ingest import ingest
from genomics.stars import assign_phenotypes, call_diplotypes, phenotype_probabilities, recommend
from varimol import tables
from varimol.outside_calls import apply_outside_calls, read_outside_calls
from varimol.star_positions import gene_positions, parse_sites
from varimol.stars_json import NO_RESULT, SCHEMA_VERSION, file_names, write_stars_json

GENES = ["ABCB1", "CYP2C19", "CYP2D6", "DPYD", "TPMT", "VKORC1"]
SCHEMA = Path(__file__).parents[2] / "docs" / "stars-report.schema.json"
# Genotypes that differ from the others of the gene, by sample. "het": *2; "gaps": the sites of *2 have no
# call or are filtered; "odd/name": nothing at CYP2C19 was called.
SAMPLES = ["het", "gaps", "odd/name"]


class Written(NamedTuple):
    """What the tables said, and the folder that was written from them."""

    folder: Path
    diplotypes: pd.DataFrame
    phenotypes: pd.DataFrame
    recommendations: pd.DataFrame

    def report(self, sample_id: str) -> dict[str, Any]:
        """Return one patient's report, found as `stars.json` says."""
        listed = {s["sampleId"]: s["file"] for s in self.listing()["samples"]}
        report: dict[str, Any] = json.loads((self.folder / listed[sample_id]).read_text(encoding="utf-8"))
        return report

    def listing(self) -> dict[str, Any]:
        """Return `stars.json`."""
        index: dict[str, Any] = json.loads((self.folder / "stars.json").read_text(encoding="utf-8"))
        return index


def write_calls(path: Path, definitions: pd.DataFrame) -> Path:
    """Write every substitution of CYP2C19, TPMT and VKORC1 on GRCh38, and three patients' calls there."""
    plain = definitions[
        definitions["gene"].isin(["CYP2C19", "TPMT", "VKORC1"])
        & (definitions["ref_grch38"].str.len() == 1)
        & definitions["alt"].str.fullmatch("[ACGT]")
    ]
    plain = plain[plain["alt"] != plain["ref_grch38"]]
    sites = plain.groupby(["contig", "position_grch38", "ref_grch38", "rsid", "gene"], as_index=False).agg(
        alt=("alt", lambda alts: ",".join(sorted(set(alts))))
    )
    header = ["##fileformat=VCFv4.2", '##FILTER=<ID=low,Description="low">']
    header += ['##FORMAT=<ID=GT,Number=1,Type=String,Description="GT">']
    header += ["##contig=<ID=10,length=133797422>", "##contig=<ID=16,length=90338345>"]
    header += ["##contig=<ID=6,length=170805979>"]
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *SAMPLES]
    lines = ["\t".join(columns)]
    for site in sites.sort_values(["contig", "position_grch38"]).itertuples():
        calls = ["0/0", "0/0", "./." if site.gene == "CYP2C19" else "0/0"]
        if site.rsid == "rs3758581":  # GRCh38 has the base of *38 here
            calls[:2] = ["1/1", "1/1"]
        if site.rsid in ("rs4244285", "rs12769205"):
            calls[:2] = ["0/1", "./."]
        passed = "low" if site.rsid == "rs28399504" else "PASS"
        row = (site.contig, site.position_grch38, site.rsid, site.ref_grch38, site.alt)
        lines.append("\t".join(map(str, (*row, ".", passed, ".", "GT", *calls))))
    path.write_text("\n".join([*header, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Real calls of the shipped tables, with an outside call of CYP2D6 for one patient."""
    folder = tmp_path_factory.mktemp("stars")
    definitions = tables.allele_definitions()
    definitions = definitions[definitions["gene"].isin(GENES)]
    cohort = ingest(write_calls(folder / "calls.vcf", definitions), folder / "c.vcz", build="GRCh38")
    called = call_diplotypes(cohort, definitions, assay="targeted", build="GRCh38")
    (folder / "outside.tsv").write_text("sample_id\tgene\tdiplotype\nhet\tCYP2D6\t*1/*4\n", encoding="utf-8")
    called = apply_outside_calls(called, read_outside_calls(folder / "outside.tsv", SAMPLES))
    diplotypes = assign_phenotypes(called, tables.allele_functions(), tables.phenotype_rules())
    phenotypes = phenotype_probabilities(diplotypes)
    recommendations = recommend(diplotypes, tables.guidance())
    out = folder / "out"
    out.mkdir()
    write_stars_json(out, diplotypes, phenotypes, recommendations, build="GRCh38", assay="targeted")
    return Written(out, diplotypes, phenotypes, recommendations)


@pytest.mark.parametrize("sample_id", SAMPLES)
def test_report__is_as_the_schema_says(written: Written, sample_id: str) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    validator.check_schema(validator.schema)
    report = written.report(sample_id)
    validator.validate(report)
    assert report["schemaVersion"] == SCHEMA_VERSION == validator.schema["x-schema-version"]
    assert "research" in report["researchUseOnly"]
    wrong = report | {"genes": report["genes"] | {"TPMT": report["genes"]["TPMT"] | {"status": "sure"}}}
    with pytest.raises(jsonschema.ValidationError, match="sure"):
        validator.validate(wrong)


def test_report__reads_like_pharmcats(written: Written) -> None:
    """A reader that knows PharmCAT's names alone."""
    genes = written.report("het")["genes"]
    labels = {gene: [d["label"] for d in told["sourceDiplotypes"]] for gene, told in genes.items()}
    assert labels["CYP2C19"] == ["*1/*2"]
    assert labels["CYP2D6"] == ["*1/*4"] and genes["CYP2D6"]["callSource"] == "OUTSIDE"
    assert labels["DPYD"] == ["Unknown/Unknown"] and genes["DPYD"]["callSource"] == "NONE"
    [diplotype] = genes["CYP2C19"]["sourceDiplotypes"]
    assert diplotype["allele2"]["name"] == "*2" and diplotype["allele2"]["function"] == "No function"
    assert diplotype["phenotypes"] == ["Intermediate Metabolizer"] == diplotype["lookupKey"]
    clopidogrel = _drugs(written.report("het"))["clopidogrel"]["guidelines"][0]
    [advice] = clopidogrel["annotations"]
    assert advice["phenotypes"] == {"CYP2C19": "Intermediate Metabolizer"}
    assert advice["genotypes"] == [{"gene": "CYP2C19", "label": "*1/*2"}] and clopidogrel["withheld"] == []
    assert clopidogrel["urls"][0].startswith("https://") and "source" in clopidogrel


def test_report__scores_are_keys_as_in_pharmcat(written: Written) -> None:
    [diplotype] = written.report("het")["genes"]["CYP2D6"]["sourceDiplotypes"]
    assert diplotype["activityScore"] == "1.0" and diplotype["lookupKey"] == ["1.0"]
    assert [diplotype[a]["activityValue"] for a in ("allele1", "allele2")] == ["1.0", "0.0"]


def test_report__claims_no_sites_that_nobody_read(written: Written) -> None:
    outside, given_up = (written.report(name)["genes"]["CYP2D6"] for name in ("het", "gaps"))
    assert not {"positions", "missingPositions", "settlingPositions"} & set(outside)
    assert "copy number" in given_up["reason"] and given_up.get("positions", {"observed": 0})["observed"] == 0
    assert written.report("het")["genes"]["TPMT"]["positions"]["observed"] > 20


def test_report__no_result_where_nothing_was_called(written: Written) -> None:
    report = written.report("odd/name")
    told = report["genes"]["CYP2C19"]
    [diplotype] = told["sourceDiplotypes"]
    assert diplotype["label"] == "Unknown/Unknown" and diplotype["phenotypes"] == [NO_RESULT]
    assert diplotype["posterior"] is None and told["reason"] and told["missingPositions"] == []
    counts = told["positions"]
    assert counts["observed"] == 0 and counts["noCall"] > 20
    assert counts["noCall"] + counts["filtered"] + counts["absent"] == counts["defined"]
    clopidogrel = _drugs(report)["clopidogrel"]["guidelines"][0]
    assert clopidogrel["annotations"] == [] and "CYP2C19" in clopidogrel["withheld"][0]["reason"]


def test_report__an_unsettled_gene_keeps_its_candidates(written: Written) -> None:
    told = written.report("gaps")["genes"]["CYP2C19"]
    rows = written.diplotypes.query("sample_id == 'gaps' and gene == 'CYP2C19'")
    assert set(rows["status"]) == {"ambiguous"} and len(rows) > 1
    assert [d["label"] for d in told["sourceDiplotypes"]] == rows["diplotype"].tolist()
    np.testing.assert_allclose(
        [d["posterior"] for d in told["sourceDiplotypes"]], rows["posterior"], rtol=1e-5
    )
    shown = [d["posteriorNoPrior"] for d in told["sourceDiplotypes"]]
    np.testing.assert_allclose(shown, rows["posterior_no_prior"], rtol=1e-5)
    states = {p["name"]: p["state"] for p in told["missingPositions"]}
    assert states["rs4244285"] == states["rs12769205"] == "noCall" and states["rs28399504"] == "filtered"
    assert "rs4244285" in told["settlingPositions"] and "*2" in told["uncalledHaplotypes"]
    assert {p["name"]: p["position"] for p in told["missingPositions"]}["rs4244285"] == 94781859
    shares = {p["phenotype"]: p["probability"] for p in told["phenotypeProbabilities"]}
    assert sum(shares.values()) == pytest.approx(1, abs=1e-5) and len(shares) > 1


def test_report__holds_every_row_of_the_tables(written: Written) -> None:
    for sample_id in SAMPLES:
        report = written.report(sample_id)
        rows = written.diplotypes[written.diplotypes["sample_id"] == sample_id]
        assert report["genesNotSeen"] == ["ABCB1"]  # no site in the file, no drug in the guidance
        rows = rows[rows["gene"] != "ABCB1"]
        assert list(report["genes"]) == rows["gene"].drop_duplicates().tolist()
        told = [[*g["sourceDiplotypes"], *g["otherDiplotypes"]] for g in report["genes"].values()]
        assert [d["label"] for each in told for d in each] == rows["diplotype"].replace(
            "", "Unknown/Unknown"
        ).tolist()
        advice = written.recommendations[written.recommendations["sample_id"] == sample_id]
        drugs = _drugs(report)
        assert list(drugs) == advice["drug"].tolist()
        active = [drug for drug, told in drugs.items() if told["guidelines"][0]["annotations"]]
        assert active == advice.loc[advice["active"], "drug"].tolist()


def test_index__names_build_assay_sources_and_files(written: Written) -> None:
    index = written.listing()
    assert (index["build"], index["assay"], index["schemaVersion"]) == ("GRCh38", "targeted", SCHEMA_VERSION)
    assert index["samples"][2] == {"sampleId": "odd/name", "file": "reports/odd%2Fname.report.json"}
    assert any("PharmCAT" in source["name"] and source["version"] for source in index["sources"])
    assert len(list((written.folder / "reports").iterdir())) == len(SAMPLES)


def test_write_stars_json__the_same_bytes_twice(written: Written, tmp_path: Path) -> None:
    write_stars_json(
        tmp_path,
        written.diplotypes,
        written.phenotypes,
        written.recommendations,
        build="GRCh38",
        assay="targeted",
    )
    for file in sorted(written.folder.rglob("*.json")):
        assert (tmp_path / file.relative_to(written.folder)).read_bytes() == file.read_bytes()


def test_write_stars_json__nobody(tmp_path: Path, written: Written) -> None:
    empty = (t.iloc[:0] for t in (written.diplotypes, written.phenotypes, written.recommendations))
    write_stars_json(tmp_path, *empty, build="GRCh37", assay="unknown")
    assert json.loads((tmp_path / "stars.json").read_text())["samples"] == []


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), unique=True, max_size=20))
def test_file_names__are_distinct_and_stay_in_the_folder(sample_ids: list[str]) -> None:
    names = file_names(sample_ids)
    assert list(names) == sample_ids
    assert len({name.lower() for name in names.values()}) == len(sample_ids)
    for name in names.values():
        assert len(name.encode()) < 250 and "/" not in name and "\\" not in name and name.isascii()


def test_file_names__long_names_and_capitals() -> None:
    names = file_names(["a", "A", "x" * 400, "x" * 401])
    assert len(set(names.values())) == 4 and max(map(len, names.values())) < 200


def test_parse_sites__counts_what_it_cannot_name() -> None:
    known = tuple(f"rs{i}" for i in range(30))
    text = ",".join(known[:20]) + " and 7 more"
    assert parse_sites(text, known).names == known[:20] and parse_sites(text, known).count == 27
    assert parse_sites("all 30 sites", known).names == known and parse_sites("", known).count == 0


def test_gene_positions__follow_the_build() -> None:
    definitions = tables.allele_definitions().query("gene == 'CYP2C19'")
    for build in ("GRCh37", "GRCh38"):
        column = f"position_{build.lower()}"
        listed = definitions[definitions["rsid"] == "rs12248560"][column].iloc[0]
        assert gene_positions(definitions, build)["CYP2C19"].positions["rs12248560"] == listed


def test_positions__tell_the_states_apart() -> None:
    definitions = tables.allele_definitions().query("gene == 'CYP2C19'")
    place = gene_positions(definitions, "GRCh38")["CYP2C19"]
    a, b, c = list(place.positions)[:3]
    told = place.describe(f"{a},{b},{c}", a, b, c)
    assert [p["state"] for p in told["missingPositions"]] == ["noCall", "filtered", "absent"]
    assert told["positions"]["absent"] == 1 and told["settlingPositions"] == [c]


def _drugs(report: dict[str, Any]) -> dict[str, Any]:
    [drugs] = report["drugs"].values()
    found: dict[str, Any] = drugs
    return found
