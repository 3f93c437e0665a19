"""A phenotype table for the 1000 Genomes pharmacogene files: a stable warfarin dose, simulated.

``python -m benchmarks.warfarin --variants DIR --out phenotypes.tsv`` reads VKORC1 rs9923231 and CYP2C9
rs1799853 (*2) and rs1057910 (*3) from DIR (one VCF per gene, GRCh37 or GRCh38), draws age, height and weight,
and computes each person's weekly dose (mg) by the pharmacogenetic algorithm of the International Warfarin
Pharmacogenetics Consortium plus noise. The genotypes are real, the dose is not: a scan must find both genes.

Terms for race, enzyme inducers and amiodarone are left out. The noise, normal on the scale of the square
root, is set so that the algorithm explains about 40% of the variance, near the published 43%.

References
----------
International Warfarin Pharmacogenetics Consortium. Estimation of the warfarin dose with clinical and
pharmacogenetic data. N Engl J Med 2009;360:753-764, doi:10.1056/NEJMoa0809329 (coefficients: supplement).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd

# Effects on the square root of the weekly dose in mg.
INTERCEPT = 5.6044
AGE_PER_DECADE = -0.2614
HEIGHT_PER_CM = 0.0087
WEIGHT_PER_KG = 0.0128
# By copies of the dose-lowering allele (-1639A; on the forward strand T).
VKORC1 = (0.0, -0.8677, -1.6974)
# By copies of *2 and *3.
CYP2C9 = {(0, 0): 0.0, (1, 0): -0.5211, (0, 1): -0.9357, (2, 0): -1.0616, (1, 1): -1.9206, (0, 2): -2.3312}
NOISE = 1.0

SITES = {
    "rs9923231": ("VKORC1", "T", (31107689, 31096368)),
    "rs1799853": ("CYP2C9", "T", (96702047, 94942290)),
    "rs1057910": ("CYP2C9", "C", (96741053, 94981296)),
}


def read_copies(path: Path, rsid: str) -> tuple[list[str], np.ndarray]:
    """Copies of a variant's effect allele in every sample of a gene's file; -1 where not called."""
    from cyvcf2 import VCF

    _, allele, positions = SITES[rsid]
    reader = VCF(str(path))
    for record in reader:
        if record.POS not in positions:
            continue
        alleles = [record.REF, *record.ALT]
        if allele in alleles:
            calls = np.array([call[:2] for call in record.genotypes])
            copies = (calls == alleles.index(allele)).sum(axis=1)
            return list(reader.samples), np.where((calls < 0).any(axis=1), -1, copies)
    raise SystemExit(f"{path.name}: no record of {rsid} ({allele} at {' or '.join(map(str, positions))})")


def find_gene(folder: Path, gene: str) -> Path:
    """File of a gene in a folder of one VCF per gene."""
    found = sorted(path for path in folder.glob(f"{gene}.*") if path.suffix in (".gz", ".vcf", ".bcf"))
    if not found:
        raise SystemExit(f"{folder}: no {gene}.vcf.gz")
    return found[0]


def simulate_doses(copies: dict[str, np.ndarray], samples: list[str], seed: int) -> pd.DataFrame:
    """Draw people and compute their doses; none where a genotype is missing or unknown to the algorithm."""
    rng = np.random.default_rng(seed)
    n_samples = len(samples)
    age = np.clip(np.round(rng.normal(60, 13, n_samples)), 20, 95)
    height = np.round(rng.normal(168, 9, n_samples), 1)
    weight = np.round(np.clip(rng.normal(75, 14, n_samples), 40, 160), 1)
    root = INTERCEPT + AGE_PER_DECADE * np.floor(age / 10) + HEIGHT_PER_CM * height + WEIGHT_PER_KG * weight
    root += rng.normal(0, NOISE, n_samples)
    diplotypes = zip(copies["rs1799853"].tolist(), copies["rs1057910"].tolist())
    root += np.array([CYP2C9.get(pair, np.nan) for pair in diplotypes])
    root += np.array([VKORC1[number] if number >= 0 else np.nan for number in copies["rs9923231"].tolist()])
    dose = np.round(np.maximum(root, 1.0) ** 2, 2)
    columns = {"warfarin_dose": dose, "age": age.astype(int), "height": height, "weight": weight}
    return pd.DataFrame({"sample_id": samples, **columns})


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variants", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=20)
    options = parser.parse_args()
    copies, samples = {}, None
    for rsid, (gene, _, _) in SITES.items():
        names, copies[rsid] = read_copies(find_gene(options.variants, gene), rsid)
        if samples is not None and names != samples:
            raise SystemExit(f"{options.variants}: the files' samples differ")
        samples = names
    table = simulate_doses(copies, samples or [], options.seed)
    temporary = options.out.with_name(f"{options.out.name}.tmp-{os.getpid()}")
    table.to_csv(temporary, sep="\t", index=False)
    temporary.replace(options.out)
    print(f"{len(table)} people, mean dose {table['warfarin_dose'].mean():.1f} mg per week")


if __name__ == "__main__":
    main()
