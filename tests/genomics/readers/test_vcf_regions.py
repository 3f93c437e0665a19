from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genomics.errors import InputError
from genomics.ingest import ingest
from genomics.readers.vcf import read_blocks, read_header
from genomics.readers.vcf_index import read_index
from genomics.regions import Region

END = '##INFO=<ID=END,Number=1,Type=Integer,Description="end">'


def _run(*command: object) -> str:
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout


def _loci(path: Path, regions: list[Region]) -> list[tuple[str, int, str]]:
    blocks = list(read_blocks(path, read_header(path), regions=regions, block_records=5))
    return [
        (b.contigs[row], int(b.positions[row]), b.alleles[row][0]) for b in blocks for row in range(len(b))
    ]


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory, vcf_text: Callable[..., str]) -> dict[str, Path]:
    """One file with long and short records, with each kind of index and without one."""
    for program in ("bcftools", "tabix"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    folder = tmp_path_factory.mktemp("indexed")
    rng = np.random.default_rng(3)
    records = []
    for contig in ("1", "chr2", "X"):
        for position in np.sort(rng.integers(1, 400_000, 400)).tolist():
            length = int(rng.choice([1, 1, 1, 3, 60]))
            end = f"END={position + int(rng.choice([10, 5_000, 150_000]))}" if rng.random() < 0.2 else "."
            records.append(f"{contig} {position} . {'A' * length} <X> . PASS {end} GT 0/1 ./.")
    contigs = [f"##contig=<ID={name}>" for name in ("1", "chr2", "empty", "X")]
    (folder / "a.vcf").write_text(vcf_text(records, header=[END, *contigs]))
    files = {
        name: folder / name for name in ("tbi.vcf.gz", "csi.vcf.gz", "a.bcf", "alone.vcf.gz", "alone.bcf")
    }
    for path in files.values():
        _run("bcftools", "view", "-Ob" if path.suffix == ".bcf" else "-Oz", "-o", path, folder / "a.vcf")
    _run("tabix", "-p", "vcf", files["tbi.vcf.gz"])
    _run("bcftools", "index", "-c", files["csi.vcf.gz"])
    _run("bcftools", "index", files["a.bcf"])
    return files


def test_read_blocks__regions_as_bcftools_by_index_and_scan(indexed: dict[str, Path]) -> None:
    rng = np.random.default_rng(4)
    for _ in range(25):
        contig = str(rng.choice(["1", "chr2", "X"]))
        starts = np.sort(rng.integers(1, 410_000, int(rng.integers(1, 3)))).tolist()
        regions = [Region(contig, start, start + int(rng.choice([0, 50, 20_000]))) for start in starts]
        asked = ",".join(f"{r.contig}:{r.start}-{r.end}" for r in regions)
        listed = _run(
            "bcftools", "query", "-r", asked, "-f", "%CHROM\t%POS\t%REF\t%END\n", indexed["tbi.vcf.gz"]
        )
        expected = [(c, int(p), ref) for c, p, ref, _ in (line.split("\t") for line in listed.splitlines())]
        for name, path in indexed.items():
            assert _loci(path, regions) == expected, (name, asked)


def test_read_blocks__regions_come_in_file_order_and_may_be_empty(indexed: dict[str, Path]) -> None:
    for path in indexed.values():
        found = _loci(path, [Region("X", 1, 2000), Region("1", 1, 2000)])
        assert [contig for contig, *_ in found] == sorted(contig for contig, *_ in found) != []
        assert _loci(path, [Region("empty")]) == _loci(path, [Region("1", 900_000, 900_001)]) == []


def test_ingest__region_samples_and_index(indexed: dict[str, Path], tmp_path: Path) -> None:
    for name, path in indexed.items():
        cohort = ingest(path, tmp_path / f"{name}.vcz", regions=["1:390000-400000"], samples=["B", "A"])
        assert cohort.sample_ids.tolist() == ["B", "A"] and cohort.n_variants > 0
        assert np.asarray(cohort.genotypes([0])).tolist() == [[[-1, -1], [0, 1]]]
        assert ingest(path, tmp_path / "none.vcz", regions=["1:900000-900001"]).n_variants == 0
    with pytest.raises(InputError, match="1 of 2 samples asked for are not in the file"):
        ingest(indexed["tbi.vcf.gz"], tmp_path / "c.vcz", samples=["A", "nobody"])


def test_read_index__damaged(indexed: dict[str, Path], tmp_path: Path) -> None:
    for name, suffix in (("tbi.vcf.gz", ".tbi"), ("csi.vcf.gz", ".csi"), ("a.bcf", ".csi")):
        path = tmp_path / name
        shutil.copyfile(indexed[name], path)
        whole = Path(f"{indexed[name]}{suffix}").read_bytes()
        for data in (b"", b"no index", whole[: len(whole) // 2]):
            Path(f"{path}{suffix}").write_bytes(data)
            with pytest.raises(InputError, match=r"the index cannot be read.*tabix -f"):
                read_index(path)
