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
from genomics.star_alleles import read_definitions
from genomics.star_find import index_records
from genomics.star_undocumented import find_undocumented
from genomics.stars import assign_phenotypes, call_diplotypes, phenotype_probabilities, recommend
from varimol import tables
from varimol.outside_calls import apply_outside_calls, read_outside_calls
from varimol.star_gene_json import GENE_COLUMNS, NO_RESULT, GeneTexts
from varimol.star_positions import gene_positions, parse_names
from varimol.stars_json import SCHEMA_VERSION, file_names, write_stars_json

GENES = ["ABCB1", "COMT", "CYP2C19", "CYP2D6", "DPYD", "TPMT", "VKORC1"]
SCHEMA = Path(__file__).parents[2] / "docs" / "stars-report.schema.json"
# Genotypes that differ from the others of the gene, by sample. "het": *2; "gaps": the sites of *2 have no
# call, that of *4 one of low quality; "odd/name": nothing at CYP2C19 was called, and a base of TPMT's rs1142345 is one that no
# allele has. Both of the last two carry variants of TPMT that no definition knows.
SAMPLES = ["het", "gaps", "odd/name"]
UNDOCUMENTED = [
    ("6", 18133850, ".", "A", "C", ".", "PASS", ".", "GT", "0/0", "0/1", "1/1"),  # in an exon
    ("6", 18135000, ".", "G", "T", ".", "PASS", ".", "GT", "0/0", "0/0", "0/1"),
]


class Written(NamedTuple):
    """What the tables said, and the folder that was written from them."""

    folder: Path
    diplotypes: pd.DataFrame
    phenotypes: pd.DataFrame
    recommendations: pd.DataFrame
    undocumented: pd.DataFrame

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
    """Write every substitution of COMT, CYP2C19, TPMT and VKORC1 on GRCh38, and three patients' calls there."""
    plain = definitions[
        definitions["gene"].isin(["COMT", "CYP2C19", "TPMT", "VKORC1"])
        & (definitions["ref_grch38"].str.len() == 1)
        & definitions["alt"].str.fullmatch("[ACGT]")
    ]
    plain = plain[plain["alt"] != plain["ref_grch38"]]
    sites = plain.groupby(["contig", "position_grch38", "ref_grch38", "rsid", "gene"], as_index=False).agg(
        alt=("alt", lambda alts: ",".join(sorted(set(alts))))
    )
    header = ["##fileformat=VCFv4.2", '##FORMAT=<ID=GT,Number=1,Type=String,Description="GT">']
    header += ['##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="GQ">']
    header += ["##contig=<ID=10,length=133797422>", "##contig=<ID=16,length=90338345>"]
    header += ["##contig=<ID=22,length=50818468>", "##contig=<ID=6,length=170805979>"]
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *SAMPLES]
    lines = []
    for site in sites.sort_values(["contig", "position_grch38"]).itertuples():
        calls = ["0/0", "0/0", "./." if site.gene == "CYP2C19" else "0/0"]
        if site.rsid == "rs3758581":  # GRCh38 has the base of *38 here
            calls[:2] = ["1/1", "1/1"]
        if site.rsid in ("rs4244285", "rs12769205"):
            calls[:2] = ["0/1", "./."]
        if site.rsid in ("rs4680", "rs6269"):
            calls[0] = "0/1" if site.rsid == "rs4680" else "1/1"
        alt = site.alt
        if site.rsid == "rs1142345":
            alt, calls[2] = f"{alt},A", "0/3"
        if site.rsid == "rs28399504":
            calls = [call + quality for call, quality in zip(calls, (":40", ":5", ":40"), strict=True)]
        row = (site.contig, site.position_grch38, site.rsid, site.ref_grch38, alt)
        lines.append((*row, ".", "PASS", ".", "GT:GQ", *calls))
    lines = sorted([*lines, *UNDOCUMENTED], key=lambda line: (str(line[0]), int(line[1])))
    text = ["\t".join(map(str, line)) for line in (columns, *lines)]
    path.write_text("\n".join([*header, *text]) + "\n", encoding="utf-8")
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
    undocumented = find_undocumented(
        cohort, index_records(cohort), tables.pharmacogenes(), tables.pharmacogene_exons(),
        read_definitions(definitions), "GRCh38",
    ).carriers  # fmt: skip
    found = Written(out, diplotypes, phenotypes, recommendations, undocumented)
    write_stars_json(out, *found[1:], build="GRCh38", assay="targeted")
    return found


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
    assert advice["genotypes"] == [{"diplotypes": [{"gene": "CYP2C19", "label": "*1/*2"}]}]
    assert clopidogrel["withheld"] == [] and clopidogrel["source"]
    assert advice["population"] == "n/a"
    drug = _drugs(written.report("het"))["clopidogrel"]
    assert drug["urls"][0].startswith("https://") and drug["citations"][0]["pmid"].isdigit()


def test_report__recommendation_diplotypes_are_settled_ones(written: Written) -> None:
    for sample_id in SAMPLES:
        for gene in written.report(sample_id)["genes"].values():
            expected = [] if gene["status"] == "ambiguous" else gene["sourceDiplotypes"]
            assert gene["recommendationDiplotypes"] == expected


def test_report__genotypes_are_no_pair_of_alleles(written: Written) -> None:
    [told] = written.report("het")["genes"]["COMT"]["sourceDiplotypes"]
    assert told["label"] == "rs6269 G/G, rs4680 G/A" and told["allele1"] is told["allele2"] is None
    [called] = written.report("gaps")["genes"]["COMT"]["sourceDiplotypes"]
    assert called["label"] == "Reference/Reference" and called["allele1"]["reference"]


def test_report__undocumented_variants_of_the_gene(written: Written) -> None:
    het, gaps, odd = (written.report(name)["genes"]["TPMT"] for name in SAMPLES)
    assert not het["hasUndocumentedVariations"] and het["undocumentedVariants"] == {
        "note": None,
        "variants": [],
    }
    exon = {"chromosome": "chr6", "position": 18133850, "ref": "A", "alt": "C", "place": "exon"}
    exon |= {"carriers": 2, "called": 3}
    assert gaps["undocumentedVariants"]["variants"] == [exon | {"copies": 1}]
    assert "not known" in gaps["undocumentedVariants"]["note"]
    # Those that fewest carry come first; the base at rs1142345 is what keeps the gene from being called.
    told = odd["undocumentedVariants"]["variants"]
    assert [(v["position"], v["place"]) for v in told] == [
        (18130687, "site"), (18135000, "elsewhere"), (18133850, "exon"),
    ]  # fmt: skip
    assert told[2]["copies"] == 2 and odd["hasUndocumentedVariations"] and odd["status"] == "abstain"
    assert not gaps["hasUndocumentedVariations"] and gaps["status"] == "ambiguous"


def test_report__of_a_gene_not_seen_but_for_an_undocumented_variant(written: Written, tmp_path: Path) -> None:
    carried = written.undocumented.head(1).assign(sample_id="het", gene="ABCB1")
    tables_written = [*written[1:4], carried]
    write_stars_json(tmp_path, *tables_written, build="GRCh38", assay="targeted")
    report = json.loads((tmp_path / "reports" / "het.report.json").read_text(encoding="utf-8"))
    assert report["genesNotSeen"] == [] and report["genes"]["ABCB1"]["status"] == "abstain"
    assert len(report["genes"]["ABCB1"]["undocumentedVariants"]["variants"]) == 1


def test_report__nobody_looked_for_undocumented_variants(written: Written, tmp_path: Path) -> None:
    write_stars_json(tmp_path, *written[1:4], build="GRCh38", assay="targeted")
    report = json.loads((tmp_path / "reports" / "gaps.report.json").read_text(encoding="utf-8"))
    assert not any("undocumentedVariants" in gene for gene in report["genes"].values())


def test_report__scores_are_keys_as_in_pharmcat(written: Written) -> None:
    [diplotype] = written.report("het")["genes"]["CYP2D6"]["sourceDiplotypes"]
    assert diplotype["activityScore"] == "1.0" and diplotype["lookupKey"] == ["1.0"]
    assert [diplotype[a]["activityValue"] for a in ("allele1", "allele2")] == ["1.0", "0.0"]


def test_report__claims_no_sites_that_nobody_read(written: Written) -> None:
    outside, given_up = (written.report(name)["genes"]["CYP2D6"] for name in ("het", "gaps"))
    assert not {"positions", "missingPositions", "settlingPositions"} & set(outside)
    assert "copy number" in given_up["reason"] and given_up.get("positions", {"observed": 0})["observed"] == 0
    assert written.report("het")["genes"]["TPMT"]["positions"]["observed"] > 20


def test_report__sites_that_were_assumed_were_not_observed(tmp_path: Path) -> None:
    definitions = tables.allele_definitions().query("gene == 'CYP2C19'")
    path = write_calls(tmp_path / "calls.vcf", definitions)
    kept = [line for line in path.read_text().splitlines(keepends=True) if "\trs4986893\t" not in line]
    path.write_text("".join(kept))
    cohort = ingest(path, tmp_path / "c.vcz", build="GRCh38")
    counts = []
    for assay in ("targeted", "wgs"):
        called = call_diplotypes(cohort, definitions, assay=assay).query("sample_id == 'het'")
        diplotypes = assign_phenotypes(called, tables.allele_functions(), tables.phenotype_rules())
        told = GeneTexts("GRCh38").text(_rows(diplotypes), {}, None)
        counts.append(json.loads(told)["CYP2C19"]["positions"])
    without, assumed = counts
    assert without["assumed"] == 0 and without["absent"] == assumed["assumed"] == 1
    assert assumed["absent"] == 0 and without["observed"] == assumed["observed"] > 20


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
    write_stars_json(tmp_path, *written[1:], build="GRCh38", assay="targeted")
    for file in sorted(written.folder.rglob("*.json")):
        assert (tmp_path / file.relative_to(written.folder)).read_bytes() == file.read_bytes()


def test_write_stars_json__nobody(tmp_path: Path, written: Written) -> None:
    empty = (table.iloc[:0] for table in written[1:])
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


def test_parse_names__counts_what_it_cannot_name() -> None:
    known = tuple(f"rs{i}" for i in range(30))
    text = ",".join(known[:20]) + " and 7 more"
    assert parse_names(text, known).names == known[:20] and parse_names(text, known).count == 27
    assert parse_names("all 30 sites", known).names == known and parse_names("", known).count == 0


def test_parse_names__alleles_with_commas_stay_whole() -> None:
    known = tables.allele_definitions().query("gene == 'G6PD'")["allele"].drop_duplicates().tolist()
    assert sum("," in name for name in known) > 10
    read = parse_names(",".join(known) + " and 3 more", known)
    assert (read.names, read.count) == (tuple(known), len(known) + 3)


def test_gene_positions__follow_the_build() -> None:
    definitions = tables.allele_definitions().query("gene == 'CYP2C19'")
    for build in ("GRCh37", "GRCh38"):
        column = f"position_{build.lower()}"
        listed = definitions[definitions["rsid"] == "rs12248560"][column].iloc[0]
        assert gene_positions(definitions, build)["CYP2C19"].positions["rs12248560"] == listed


def test_gene_positions__name_chromosomes_as_pharmcat_does() -> None:
    definitions = tables.allele_definitions().query("gene in ['G6PD', 'MT-RNR1']")
    found = gene_positions(definitions, "GRCh38")
    assert {gene: place.chromosome for gene, place in found.items()} == {"G6PD": "chrX", "MT-RNR1": "chrM"}


def test_positions__tell_the_states_apart() -> None:
    definitions = tables.allele_definitions().query("gene == 'CYP2C19'")
    place = gene_positions(definitions, "GRCh38")["CYP2C19"]
    a, b, c = list(place.positions)[:3]
    told = place.describe(f"{a},{b},{c}", a, b, c)
    assert [p["state"] for p in told["missingPositions"]] == ["noCall", "filtered", "absent"]
    assert told["positions"]["absent"] == 1 and told["settlingPositions"] == [c]


def _rows(diplotypes: pd.DataFrame) -> list[tuple]:
    return list(
        diplotypes[["gene", *GENE_COLUMNS]].fillna({"phenotype": ""}).itertuples(index=False, name=None)
    )


def _drugs(report: dict[str, Any]) -> dict[str, Any]:
    [drugs] = report["drugs"].values()
    found: dict[str, Any] = drugs
    return found
