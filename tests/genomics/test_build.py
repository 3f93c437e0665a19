from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from genomics.build import CHROMOSOME_LENGTHS, BuildDetector, build_from_lengths
from genomics.cohort import open_cohort, require_build, require_known_contigs
from genomics.errors import InputError
from genomics.ingest import ingest

SITES = pd.DataFrame(
    [
        ("rs11", "1", 1000, 2000, "A", "A"),
        ("rs12", "1", 1100, 2100, "C", "C"),
        ("rs13", "1", 1200, 2200, "G", "T"),
        ("rs14", "1", 1300, 1300, "G", "G"),
    ],
    columns=["rsid", "contig", "position_grch37", "position_grch38", "ref_grch37", "ref_grch38"],
)


def _record(position: int, ref: str, name: str = ".", contig: str = "1") -> str:
    return f"{contig} {position} {name} {ref} {'G' if ref != 'G' else 'A'} . PASS . GT 0/1 0/0"


ON_37 = [_record(1000, "A", "rs11"), _record(1100, "C", "rs12"), _record(1200, "G", "rs13")]
ON_38 = [_record(2000, "A", "rs11"), _record(2100, "C", "rs12"), _record(2200, "T", "rs13")]


@pytest.mark.parametrize(("records", "build"), [(ON_37, "GRCh37"), (ON_38, "GRCh38"), (ON_37[:1], "GRCh37")])
@pytest.mark.parametrize("with_names", [True, False])
@pytest.mark.parametrize("prefix", ["", "chr"])
def test_build__from_known_sites(
    make_vcf: Callable[..., Path],
    tmp_path: Path,
    records: list[str],
    build: str,
    with_names: bool,
    prefix: str,
) -> None:
    rows = [prefix + (row if with_names else row.replace(row.split()[2], ".")) for row in records]
    cohort = ingest(make_vcf(rows), tmp_path / "c.vcz", sites=SITES)
    assert cohort.build == require_build(cohort) == build
    assert cohort.build_evidence[f"sites_{build.lower()}"] == len(records)


def test_build__reference_base_must_match(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    rows = [_record(1000, "T"), _record(1100, "T"), _record(1200, "T")]
    assert ingest(make_vcf(rows), tmp_path / "c.vcz", sites=SITES).build == "unknown"


def test_build__sites_that_do_not_tell_the_builds_apart_do_not_count(
    make_vcf: Callable[..., Path], tmp_path: Path
) -> None:
    cohort = ingest(make_vcf([_record(1300, "G", "rs14")]), tmp_path / "c.vcz", sites=SITES)
    assert cohort.build == "unknown"


def test_build__names_at_neither_place_speak_for_another_build(
    make_vcf: Callable[..., Path], tmp_path: Path
) -> None:
    rows = [_record(500, "A", "rs11"), _record(600, "C", "rs12")]
    cohort = ingest(make_vcf(rows, header=["##reference=NCBI36.fa"]), tmp_path / "c.vcz", sites=SITES)
    assert cohort.build == "unknown" and cohort.build_evidence["sites_neither"] == 2
    with pytest.raises(InputError, match=r"field build: .*neither GRCh37 nor GRCh38.*NCBI36") as caught:
        require_build(cohort)
    assert "\n" not in str(caught.value) and "--build" in str(caught.value)


def test_build__mix_within_a_file_names_a_record_of_each(
    make_vcf: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_vcf([ON_37[0], ON_37[1], ON_38[2]])
    with pytest.raises(InputError, match=r"cohort\.vcf 1:1000 is on GRCh37 and cohort\.vcf 1:2200 on GRCh38"):
        ingest(path, tmp_path / "c.vcz", sites=SITES)
    assert not (tmp_path / "c.vcz").exists()


@pytest.mark.parametrize("with_names", [True, False])
def test_build__mix_among_shards(make_vcf: Callable[..., Path], tmp_path: Path, with_names: bool) -> None:
    a = [row if with_names else row.replace(row.split()[2], ".") for row in ON_37]
    b = [row if with_names else row.replace(row.split()[2], ".") for row in ON_38]
    paths = [make_vcf(a, "a.vcf"), make_vcf(b, "b.vcf")]
    with pytest.raises(InputError, match=r"a mix of builds: a\.vcf 1:1000 .* b\.vcf 1:2000"):
        ingest(paths, tmp_path / "c.vcz", sites=SITES)


def test_build__header_against_records(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    path = make_vcf(ON_37, header=["##contig=<ID=1,length=248956422>"])
    with pytest.raises(InputError, match=r"mix of builds.*header"):
        ingest(path, tmp_path / "c.vcz", sites=SITES)


def test_build__from_header_lengths_alone(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    path = make_vcf([_record(5, "A")], header=["##contig=<ID=1,length=248956422>"])
    cohort = ingest(path, tmp_path / "c.vcz")
    assert cohort.build == "GRCh38" and "lengths" in cohort.build_evidence["reason"]


def test_build__given_by_the_user(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    path = make_vcf(ON_37)
    assert ingest(path, tmp_path / "c.vcz", build="GRCh38").build == "GRCh38"
    assert ingest(path, tmp_path / "c.vcz", sites=SITES, build="GRCh37").build == "GRCh37"
    with pytest.raises(InputError, match="the records are on GRCh37, not on GRCh38"):
        ingest(path, tmp_path / "c.vcz", sites=SITES, build="GRCh38")
    with pytest.raises(InputError, match="'hg19' is not a build"):
        ingest(path, tmp_path / "c.vcz", build="hg19")


def test_build_from_lengths__all_chromosomes_must_agree() -> None:
    both = {"1": CHROMOSOME_LENGTHS["GRCh37"]["1"], "2": CHROMOSOME_LENGTHS["GRCh38"]["2"]}
    assert build_from_lengths(both) == "unknown"
    assert build_from_lengths({"MT": 16569}) == "unknown"
    assert build_from_lengths({"chr3": CHROMOSOME_LENGTHS["GRCh37"]["3"], "chrUn": 7}) == "GRCh37"


def test_chromosome_lengths__agree_with_a_header_of_bcftools(shared_data: Path) -> None:
    """Headers in the development data that name GRCh37 or GRCh38 lengths, whoever wrote them."""
    import re

    seen = set()
    for path in sorted((shared_data / "variants").rglob("*.vcf")):
        pattern = r"##contig=<ID=(?:chr)?([0-9XY]+),(?:assembly=\w+,)?length=(\d+)"
        for name, length in re.findall(pattern, path.read_text(errors="replace")):
            for build, lengths in CHROMOSOME_LENGTHS.items():
                if lengths.get(name) == int(length):
                    seen.add((build, name))
    for build in ("GRCh37", "GRCh38"):
        assert sum(found == build for found, _ in seen) >= 1, f"no header of {build} among the files"


def test_detector__table_without_a_column() -> None:
    with pytest.raises(InputError, match="field ref_grch38"):
        BuildDetector(SITES.drop(columns="ref_grch38"))


def test_build__real_exome_on_ncbi36_is_unknown(
    shared_data: Path, build_sites: pd.DataFrame, tmp_path: Path
) -> None:
    path = shared_data / "variants" / "ceu_exon" / "CEU_Exon.vcf.gz"
    cohort = ingest(path, tmp_path / "ceu.vcz", sites=build_sites)
    assert cohort.build == "unknown" and cohort.build_evidence["sites_neither"] >= 3
    assert "human_b36" in cohort.build_evidence["header_reference"]


@pytest.mark.slow
def test_build__each_gene_of_1000_genomes_is_on_grch37(shared_data: Path, build_sites: pd.DataFrame) -> None:
    from genomics.readers.vcf import read_blocks
    from genomics.readers.vcf_header import read_header

    for path in sorted((shared_data / "pharmacogenes" / "1000genomes_grch37").glob("*.vcf.gz")):
        detector, header = BuildDetector(build_sites), read_header(path)
        for block in read_blocks(path, header, samples=header.samples[:2]):
            detector.add_block(path.name, block)
        # nobody in the panel carries one of the two sites of CACNA1S that the table has
        expected = "unknown" if path.name.startswith("CACNA1S") else "GRCh37"
        assert detector.decide()[0] == expected, path.name


def test_require_known_contigs__accession_names(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    cohort = ingest(make_vcf([_record(5, "A", contig="NC_000001.11")]), tmp_path / "c.vcz", sites=SITES)
    assert cohort.build == "unknown" and cohort.contigs == ["NC_000001.11"]
    with pytest.raises(InputError, match=r"field CHROM: the contig naming is not known: 'NC_000001\.11'"):
        require_known_contigs(cohort)
    other = ingest(make_vcf(ON_37), tmp_path / "d.vcz")
    require_known_contigs(open_cohort(other.path))
