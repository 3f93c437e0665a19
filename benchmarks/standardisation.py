"""Rate of standardisation, and proof that its short way for ordinary molecules gives what all the steps give.

``python -m benchmarks.standardisation [--molecules 100000] [--repeats 5] [--data DIR] [--record]`` takes MOSES (from
the wheel of molsets), the approved drugs that ship, RDKit's NCI molecules and, with ``--data``, KIBA. First
every molecule of all of them is standardised in both ways, as given and written canonically, and SMILES,
InChIKey, removed fragments and reason are compared: the column ``different`` counts those that are not equal.
Then samples of 2,000 are timed, the ways in turn, in CPU seconds of one process: ``ratio`` is the median over the
rounds of the rate over that of all the steps in the same round. ``canonical`` tells whether the text was
canonical already, which spares a second parse.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.metadata
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import RDConfig

from benchmarks.record import write_results
from chem import standardise
from chem.parse import parse_smiles
from chem.standardise import DEFAULT_RECIPE, StandardisedMolecule, standardise_molecule

ROOT = Path(__file__).resolve().parents[1]
TIMED = 2_000


def short(smiles: str) -> StandardisedMolecule:
    """Standardise as the package does, but without its cache."""
    return standardise.standardise_smiles.__wrapped__(smiles)


def all_steps(smiles: str) -> StandardisedMolecule:
    """Standardise with no molecule taken for ordinary."""
    is_ordinary = standardise.is_ordinary
    standardise.is_ordinary = _never
    try:
        return short(smiles)
    finally:
        standardise.is_ordinary = is_ordinary


def _never(_: Chem.Mol) -> bool:
    return False


def parse_alone(smiles: str) -> Chem.Mol | None:
    """Only read the SMILES."""
    return parse_smiles(smiles)


def without_text(smiles: str) -> StandardisedMolecule:
    """Standardise a molecule whose text is not known to be canonical."""
    molecule = parse_smiles(smiles)
    return StandardisedMolecule() if molecule is None else standardise_molecule(molecule, DEFAULT_RECIPE)[0]


WAYS: dict[str, Callable[[str], object]] = {
    "all steps": all_steps,
    "short way": short,
    "short way, text not given": without_text,
    "parse alone": parse_alone,
}


def molecules(count: int, data: Path | None) -> dict[str, list[str]]:
    """Read the sources; `count` of MOSES."""
    (file,) = [
        file for file in importlib.metadata.files("molsets") or () if file.match("*/data/train.csv.gz")
    ]
    with gzip.open(file.locate(), "rt") as lines:
        moses = [line.split(",")[0].strip() for line in lines][1:]
    nci = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text(encoding="utf-8").splitlines()
    found = {
        "moses": random.Random(0).sample(moses, min(count, len(moses))),
        "drugs": pd.read_csv(ROOT / "varimol" / "data" / "drugs.tsv", sep="\t")["smiles"].tolist(),
        "nci": [line.split()[0] for line in nci if line.split()],
    }
    if data is not None:
        found["kiba"] = pd.read_csv(data / "affinity" / "kiba" / "drugs.tsv", sep="\t")["smiles"].tolist()
    return found


def written_canonically(texts: Sequence[str]) -> list[str]:
    """Return the canonical SMILES of those that parse."""
    return [Chem.MolToSmiles(molecule) for molecule in map(parse_smiles, texts) if molecule is not None]


def n_different(texts: Sequence[str]) -> int:
    """Count the molecules to which the ways give different outcomes."""
    return sum(short(text) != all_steps(text) for text in texts)


def rates(texts: Sequence[str], repeats: int) -> pd.DataFrame:
    """Time the ways in turn; one row per way."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(repeats):
        for way, function in WAYS.items():
            start = time.process_time()
            for text in texts:
                function(text)
            seconds[way].append(time.process_time() - start)
    base = np.array(seconds["all steps"])
    return pd.DataFrame(
        {
            "way": way,
            "molecules_per_cpu_s": len(texts) / np.median(taken),
            "ratio": np.median(base / np.array(taken)),
            "rounds": repeats,
        }
        for way, taken in seconds.items()
    )


def measure(count: int, repeats: int, data: Path | None) -> pd.DataFrame:
    """Run the whole benchmark."""
    parts = []
    for source, given in molecules(count, data).items():
        for canonical, texts in ((False, given), (True, written_canonically(given))):
            part = rates(random.Random(1).sample(texts, min(TIMED, len(texts))), repeats)
            different = n_different(texts)
            print(f"{source}, canonical {canonical}: {different} of {len(texts)} different", flush=True)
            parts.append(
                part.assign(source=source, canonical=canonical, compared=len(texts), different=different)
            )
    return pd.concat(parts, ignore_index=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--molecules", type=int, default=100_000, help="molecules of MOSES to compare")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--data", type=Path, help="folder that holds affinity/kiba/drugs.tsv")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/standardisation.tsv")
    options = parser.parse_args(arguments)
    table = measure(options.molecules, options.repeats, options.data)
    print(table.to_string(index=False))
    if options.record:
        print(write_results(table, "standardisation"))


if __name__ == "__main__":
    main()
