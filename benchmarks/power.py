"""Is the demo's planted variant found? Twenty cohorts with it, twenty without.

``python -m benchmarks.power [--seeds 20] [--out benchmarks/results/power.tsv]`` simulates the cohorts in
memory and runs quality control, principal components and the association that `varimol link` runs. A row per
cohort: seed, planted, log10p and beta of the variant, found (it reaches 5e-8), the best log10p within 500 kb,
hits within 500 kb and elsewhere, the genomic control lambda of the scan, commit, host. Each row is
written when it is measured; a second run goes on where a killed one stopped (remove the file to start anew).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from benchmarks.record import commit, host
from genomics.associate import associate, genomic_control
from genomics.block import call_states
from genomics.phenotype import Phenotypes
from genomics.policy import CallPolicy
from genomics.quality import QualityPolicy, assess_quality
from genomics.simulate import SimulatedCohort
from genomics.structure import principal_components
from varimol.demo_cohort import PROTECTIVE, TRAIT, demo_cohort

GENOME_WIDE = -np.log10(5e-8)
WINDOW = 500_000


class MemoryCohort:
    """A simulated cohort with the reading methods of a stored one, so that nothing is written."""

    def __init__(self, simulated: SimulatedCohort) -> None:
        records = simulated.records
        self._calls = simulated.calls
        self.path = Path("simulated")
        self.sample_ids = simulated.sample_ids
        self.n_samples = len(self.sample_ids)
        self.arrays = {"call_GQ": self._calls.quality, "call_DP": self._calls.depth}
        self.policy = CallPolicy()
        self.has_alleles_beyond_alt = False
        self.dataset = SimpleNamespace(data_vars=self.arrays)
        rows = records.assign(record=np.arange(len(records)), alt=records["alt"].str.split(","))
        rows["filter_pass"] = ~simulated.calls.filtered
        rows = rows.explode("alt", ignore_index=True)
        rows["alt_index"] = rows.groupby("record").cumcount() + 1
        rows["consequence_gene"] = rows["gene"].where(rows["consequence"] != "", "")
        rows["contig"] = simulated.contig_prefix + rows["contig"]
        parts = (rows[name].astype(str) for name in ("contig", "position", "ref", "alt"))
        rows["variant_id"] = [":".join(part) for part in zip(*parts)]
        self.variants = rows
        self.n_variants = len(rows)

    def genotypes(self, records: np.ndarray | slice) -> np.ndarray:
        """Alleles of some records, (n, n_samples, 2)."""
        return self._calls.genotypes[records]

    def states(self, records: np.ndarray | slice) -> np.ndarray:
        """States of some records' calls, (n, n_samples)."""
        return call_states(self._calls.genotypes[records], self._calls.filtered[records, None])

    def read(self, name: str, records: np.ndarray | slice) -> np.ndarray:
        """GQ or DP of some records, (n, n_samples)."""
        return self.arrays[name][records]

    def dosage_blocks(
        self,
        rows: pd.DataFrame | None = None,
        *,
        min_gq: float | None = None,
        min_dp: float | None = None,
        block: int = 1024,
    ) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Rows and dosages, block by block."""
        rows = self.variants if rows is None else rows
        for start in range(0, len(rows), block):
            part = rows.iloc[start : start + block]
            records = part["record"].to_numpy()
            alleles = self._calls.genotypes[records]
            dosage = (alleles == part["alt_index"].to_numpy()[:, None, None]).sum(axis=2).astype(np.float32)
            lost = (alleles == -1).any(axis=2) | self._calls.filtered[records, None]
            if min_gq is not None:
                lost |= self._calls.quality[records] < min_gq
            if min_dp is not None:
                lost |= self._calls.depth[records] < min_dp
            dosage[lost] = np.nan
            yield part, dosage


def scan(simulated: SimulatedCohort) -> pd.DataFrame:
    """Quality control, components and association of a simulated cohort, with age and sex."""
    cohort = MemoryCohort(simulated)
    table = simulated.phenotypes
    trait = table[TRAIT].astype("Float64").to_numpy(float, na_value=np.nan)
    covariates = table[["age", "sex"]].astype(float)
    phenotypes = Phenotypes(TRAIT, "binary", trait, covariates, len(table), 0)
    quality = assess_quality(cohort, QualityPolicy())  # type: ignore[arg-type]
    structure = principal_components(cohort, quality)  # type: ignore[arg-type]
    return associate(cohort, quality, phenotypes, structure)  # type: ignore[arg-type]


def measure(seed: int, planted: bool, *, flipped: bool = False) -> dict[str, object]:
    """One cohort and its scan as a row of the result."""
    result = scan(demo_cohort(seed, planted=planted, flipped=flipped))
    at_contig = result["contig"] == PROTECTIVE.contig
    near = at_contig & ((result["position"] - PROTECTIVE.position).abs() <= WINDOW)
    here = result[at_contig & (result["position"] == PROTECTIVE.position)]
    log10p = float(here["log10p"].iloc[0]) if len(here) else float("nan")
    hits = result["log10p"] >= GENOME_WIDE
    return {
        "seed": seed,
        "planted": planted,
        "log10p": round(log10p, 3),
        "beta": round(float(here["beta"].iloc[0]), 3) if len(here) else float("nan"),
        "found": bool(log10p >= GENOME_WIDE),
        "best_log10p_at_locus": round(float(result.loc[near, "log10p"].max()), 3),
        "n_hits_at_locus": int((hits & near).sum()),
        "n_hits_elsewhere": int((hits & ~near).sum()),
        "lambda": round(genomic_control(result["log10p"]), 4),
        "n_variants": len(result),
    }


def main() -> None:
    """Measure all cohorts and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/power.tsv"))
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    rows = pd.read_csv(options.out, sep="\t").to_dict("records") if options.out.exists() else []
    done = {(row["seed"], row["planted"]) for row in rows}
    for planted in (True, False):
        for seed in range(1, options.seeds + 1):
            if (seed, planted) in done:
                continue
            rows.append(measure(seed, planted) | {"commit": commit(), "host": host()})
            print(rows[-1], flush=True)
            temporary = options.out.with_name(f"{options.out.name}.tmp-{os.getpid()}")
            pd.DataFrame(rows).to_csv(temporary, sep="\t", index=False)
            temporary.replace(options.out)
    table = pd.DataFrame(rows)
    for planted, part in table.groupby("planted"):
        found, at_locus = int(part["found"].sum()), int((part["n_hits_at_locus"] > 0).sum())
        print(f"planted {planted}: variant found {found}, locus hit {at_locus} of {len(part)}")


if __name__ == "__main__":
    main()
