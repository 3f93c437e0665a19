"""What all tests share: where the development data lies, and variant files made for one test."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
_VCF_HEADER = (
    "##fileformat=VCFv4.2\n"
    '##FILTER=<ID=q10,Description="low">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">\n'
    '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Quality">\n'
    '##FORMAT=<ID=FT,Number=1,Type=String,Description="Filter">\n'
)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real development data, beside the repository; skip where there is none."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared data folder (../shared/data) is not on this machine")
    return folder


@pytest.fixture(scope="session")
def vcf_text() -> Callable[..., str]:
    """Return a function that writes a VCF; its records have spaces where the file has tabs."""

    def write(records: Sequence[str], samples: Sequence[str] = ("A", "B"), header: Sequence[str] = ()) -> str:
        columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]
        extra = "".join(line + "\n" for line in header)
        body = "".join(record.replace(" ", "\t") + "\n" for record in records)
        return _VCF_HEADER + extra + "\t".join(columns) + "\n" + body

    return write


@pytest.fixture
def make_vcf(tmp_path: Path, vcf_text: Callable[..., str]) -> Callable[..., Path]:
    """Return a function that puts such a VCF into the test's own folder, gzip where its name ends so."""

    def make(
        records: Sequence[str],
        name: str = "cohort.vcf",
        samples: Sequence[str] = ("A", "B"),
        header: Sequence[str] = (),
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = vcf_text(records, samples, header).encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return make


@pytest.fixture(scope="session")
def build_sites(shared_data: Path) -> pd.DataFrame:
    """Return known variants with their place on both builds, from the table of PyPGx."""
    table = pd.read_csv(shared_data / "pharmacogenes" / "pypgx_tables" / "variant-table.csv")
    return pd.DataFrame(
        {
            "rsid": table["rsID"],
            "contig": table["Chromosome"].astype(str),
            "position_grch37": table["GRCh37Position"],
            "position_grch38": table["GRCh38Position"],
            "ref_grch37": table["GRCh37Allele"],
            "ref_grch38": table["GRCh38Allele"],
        }
    )
