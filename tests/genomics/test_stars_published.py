"""PharmCAT's own positions and cases, and published frequencies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genomics.ingest import ingest
from genomics.stars import call_diplotypes


def test_call_diplotypes__every_defined_site_is_found_in_a_file_of_all(
    shared_data: Path, tmp_path: Path
) -> None:
    """PharmCAT's own file of positions, called as the reference throughout: no site may go unseen."""
    from varimol import tables

    path = shared_data / "pharmacogenes" / "pharmcat" / "pharmcat_positions.vcf"
    cohort = ingest(path, tmp_path / "positions.vcz", build="GRCh38")
    definitions = tables.allele_definitions()
    listed = definitions["source"].str.startswith("PharmCAT") & (definitions["gene"] != "CYP2D6")
    definitions = definitions[listed]
    found = call_diplotypes(cohort, definitions, assay="array")
    assert found["gene"].nunique() == 19 and len(found) == 19
    assert set(found["status"]) == {"called"} and set(found["sites_missing"]) == {""}
    bare = definitions[definitions["position_grch38"].isna()].set_index("gene")["allele"]
    assert {gene: f"{allele}/{allele}" for gene, allele in bare.items()} == dict(
        zip(found["gene"], found["diplotype"])
    )


def sorted_copy(path: Path, out: Path) -> Path:
    lines = path.read_text().splitlines()
    records = [line for line in lines if not line.startswith("#")]
    records.sort(key=lambda line: (line.split("\t")[0], int(line.split("\t")[1])))
    out.write_text("\n".join([line for line in lines if line.startswith("#")] + records) + "\n")
    return out


def test_call_diplotypes__published_cases(shared_data: Path, tmp_path: Path) -> None:
    """Cases of PharmCAT's own tests: its diplotype comes first, and every alternative is listed."""
    from varimol import tables

    folder = shared_data / "pharmacogenes" / "cases"
    cases = [c for c in json.loads((folder / "expected_calls.json").read_text()) if c["vcf_path"]]
    assert len(cases) >= 18
    definitions = tables.allele_definitions()
    for number, case in enumerate(cases):
        # Some of the published files run from the gene's start on the reverse strand.
        ordered = sorted_copy(folder / case["vcf_path"], tmp_path / f"{number}.vcf")
        cohort = ingest(ordered, tmp_path / f"{number}.vcz", build="GRCh38")
        found = call_diplotypes(
            cohort, definitions[definitions["gene"].isin(case["expected"])], assay="unknown"
        )
        for gene, expected in case["expected"].items():
            rows = found[found["gene"] == gene]
            assert rows["diplotype"].iloc[0] in expected, case["test"]
            # PharmCAT reports one phase where another has a lower score.
            assert set(expected) <= set(rows["diplotype"]), case["test"]


@pytest.mark.slow
def test_call_diplotypes__frequencies_among_2504_people(shared_data: Path, tmp_path: Path) -> None:
    """Global frequencies of dbSNP's 1000 Genomes release: rs4244285 A 0.221, rs12248560 T 0.153."""
    from varimol import tables

    folder = shared_data / "pharmacogenes" / "1000genomes_grch37"
    files = [folder / f"{gene}.vcf.gz" for gene in ("CYP2C19", "CYP3A5", "F5", "TPMT")]
    cohort = ingest(files, tmp_path / "panel.vcz", sites=tables.build_sites())
    assert cohort.build == "GRCh37"
    found = call_diplotypes(cohort, tables.allele_definitions(), assay="wgs")
    first = found[(found["rank"] == 1) & (found["status"] == "called")]
    share = {
        gene: first.loc[first["gene"] == gene, "diplotype"]
        .str.split("/")
        .explode()
        .value_counts(normalize=True)
        for gene in ("CYP2C19", "CYP3A5", "F5", "TPMT")
    }
    assert share["CYP2C19"]["*2"] == pytest.approx(0.221, abs=0.005)
    assert share["CYP2C19"]["*17"] == pytest.approx(0.153, abs=0.005)
    assert share["F5"]["Leiden"] == pytest.approx(0.006, abs=0.002)
    assert 0.55 < share["CYP3A5"]["*3"] < 0.70
    assert share["TPMT"]["*3C"] == pytest.approx(0.026, abs=0.005)
