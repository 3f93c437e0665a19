from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genomics.cohort import Cohort
from genomics.ingest import ingest
from genomics.policy import CallPolicy
from genomics.preparation import Preparation

CALLS = ("0/0", "0/1", "1/1", "1/2", "2|2", "0/2", "0", "1", "2", "./.", "0/.", ".", "0/1/2", "1/1/1")
SAMPLES = tuple(f"s{number}" for number in range(25))


def random_calls(seed: int) -> list[list[tuple[str, str, str]]]:
    """GT, GQ and DP of each sample in some records."""
    rng = random.Random(seed)
    qualities, depths = ("0", "19", "20", "99", "."), ("0", "4", "5", "60", ".")
    return [[tuple(map(rng.choice, (CALLS, qualities, depths))) for _ in SAMPLES] for _ in range(12)]


def copies(call: tuple[str, str, str], alt: int, *, haploid_as: int, min_gq: int, min_dp: int) -> float:
    """Count an allele in one call, as the words of the policies say."""
    alleles = call[0].replace("|", "/").split("/")
    if "." in alleles or any(
        value == "." or int(value) < least for value, least in ((call[1], min_gq), (call[2], min_dp)) if least
    ):
        return np.nan
    return alleles.count(str(alt)) * (haploid_as if len(alleles) == 1 else 1)


@pytest.mark.parametrize(("haploid", "haploid_as"), [("as-written", 1), ("as-diploid", 2)])
@pytest.mark.parametrize(("min_gq", "min_dp"), [(0, 0), (20, 0), (20, 5)])
def test_dosage_blocks__counts_as_the_stores_policy_says(
    make_vcf: Callable[..., Path], tmp_path: Path, haploid: str, haploid_as: int, min_gq: int, min_dp: int
) -> None:
    calls = random_calls(min_gq + min_dp)
    records = [
        f"1 {100 + row} . A C,G . PASS . GT:GQ:DP " + " ".join(map(":".join, record))
        for row, record in enumerate(calls)
    ]
    preparation = Preparation(policy=CallPolicy(haploid=haploid))
    cohort = ingest(make_vcf(records, samples=SAMPLES), tmp_path / "c.vcz", preparation=preparation)
    expected = [
        [copies(call, alt, haploid_as=haploid_as, min_gq=min_gq, min_dp=min_dp) for call in record]
        for record in calls
        for alt in (1, 2)
    ]
    counted = dosages(cohort, min_gq or None, min_dp or None)
    np.testing.assert_array_equal(counted, np.array(expected, np.float32))


def dosages(cohort: Cohort, min_gq: float | None, min_dp: float | None) -> np.ndarray:
    return np.concatenate([part for _, part in cohort.dosage_blocks(min_gq=min_gq, min_dp=min_dp, block=5)])


def test_dosage_blocks__store_that_states_no_policy(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    """Other programs' stores state none: a haploid call then counts what it has."""
    import zarr

    made = ingest(make_vcf(["X 5 . A C . . . GT 1 1/1"]), tmp_path / "c.vcz")
    assert "call_policy" in made.arrays.attrs
    for name in (".varimol-integrity.json", ".zmetadata"):
        (tmp_path / "c.vcz" / name).unlink()
    del zarr.open_group(tmp_path / "c.vcz", mode="r+", use_consolidated=False).attrs["call_policy"]
    cohort = Cohort(tmp_path / "c.vcz")
    assert dosages(cohort, None, None).tolist() == [[1.0, 2.0]]


def test_dosage_blocks__filtered_and_half_calls_by_policy(
    make_vcf: Callable[..., Path], tmp_path: Path
) -> None:
    vcf = make_vcf(["1 5 . A C . q10 . GT 1/1 1/."])
    plain = ingest(vcf, tmp_path / "plain.vcz")
    assert np.isnan(dosages(plain, None, None)).all()
    policy = CallPolicy(filtered="keep", half_calls="reference")
    lenient = ingest(vcf, tmp_path / "lenient.vcz", preparation=Preparation(policy=policy))
    assert dosages(lenient, None, None).tolist() == [[2.0, 1.0]]
