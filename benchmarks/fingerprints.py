"""Rates of fingerprints, similarity, rules and alerts, beside RDKit alone and scikit-fingerprints.

``python -m benchmarks.fingerprints [--molecules 20000] [--repeats 5] [--record]`` takes the approved drugs that ship,
rewritten until there are enough different SMILES, lets the programs of each task take turns on one core in one
process, and prints and with ``--record`` writes benchmarks/results/fingerprints.tsv. Seconds are CPU seconds (a busy
machine blurs them less) and the median over the rounds; ``ratio`` is the median of the program's seconds over those
of the task's base program in the same round: above 1 the program is slower. Where two programs compute the same
thing their arrays are compared (``equal``).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from benchmarks.record import write_results
from chem.alert import structural_alerts
from chem.fingerprint import fingerprints
from chem.fingerprint_kinds import settle
from chem.packed_similarity import packed_tanimoto, packed_tversky
from chem.rdkit_descriptor import rdkit_descriptors
from chem.rule import check_rules
from chem.score import scores

DRUGS = Path(__file__).resolve().parents[1] / "varimol" / "data" / "drugs.tsv"
MAIN = "SMILES to Morgan 2048, packed"
Program = tuple[str, Callable[[], Any]]
CRITERIA = (  # task, program, at most this many times the seconds of the base
    (MAIN, "varimol fingerprints, packed", 1.1),
    ("Tanimoto of packed bits", "varimol packed_tanimoto", 0.5),
)


def molecules(n: int) -> list[str]:
    """Return n SMILES of approved drugs, each drug written in several ways."""
    drugs = [Chem.MolFromSmiles(text) for text in pd.read_csv(DRUGS, sep="\t")["smiles"]]
    times = -(-n // len(drugs))
    found = [text for drug in drugs for text in Chem.MolToRandomSmilesVect(drug, times, randomSeed=1)]
    order = np.random.default_rng(1).permutation(len(found))[:n]
    return [found[place] for place in order]


def rdkit_morgan(smiles: list[str]) -> np.ndarray:
    """Return what a user of RDKit alone writes: one bit vector per SMILES."""
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    vectors = [generator.GetFingerprint(Chem.MolFromSmiles(text)) for text in smiles]
    return np.frombuffer(b"".join(DataStructs.BitVectToBinaryText(v) for v in vectors), np.uint8)


def tasks(smiles: list[str]) -> dict[str, list[Program]]:
    """Return each task's programs, its base first."""
    import skfp.fingerprints as skfp

    some, few = smiles[: len(smiles) // 10], smiles[: len(smiles) // 100]
    ecfp, pairs, torsions = (
        skfp.ECFPFingerprint(),
        skfp.AtomPairFingerprint(),
        skfp.TopologicalTorsionFingerprint(),
    )
    packed = fingerprints(smiles, packed=True)
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    vectors = [generator.GetFingerprint(Chem.MolFromSmiles(text)) for text in smiles]

    def bulk(compare: Callable[..., list[float]], *weights: float) -> np.ndarray:
        return np.array([compare(one, vectors, *weights) for one in vectors[:20]], dtype=np.float32)

    return {
        MAIN: [
            ("RDKit alone, bit vectors", lambda: _reversed(rdkit_morgan(smiles)).reshape(-1, 256)),
            ("varimol fingerprints, packed", lambda: fingerprints(smiles, packed=True)),
            ("RDKit MolFromSmiles alone", lambda: _parse(smiles)),
        ],
        "SMILES to Morgan 2048, bytes": [
            ("scikit-fingerprints ECFPFingerprint", lambda: ecfp.transform(smiles)),
            ("varimol fingerprints", lambda: fingerprints(smiles)),
        ],
        "SMILES to atom pairs": [
            ("scikit-fingerprints AtomPairFingerprint", lambda: pairs.transform(some)),
            ("varimol fingerprints", lambda: fingerprints(some, "atom_pair")),
        ],
        "SMILES to torsions": [
            ("scikit-fingerprints TopologicalTorsionFingerprint", lambda: torsions.transform(some)),
            ("varimol fingerprints", lambda: fingerprints(some, "topological_torsion")),
        ],
        "Tanimoto of packed bits": [
            ("RDKit BulkTanimotoSimilarity", lambda: bulk(DataStructs.BulkTanimotoSimilarity)),
            ("varimol packed_tanimoto", lambda: packed_tanimoto(packed[:20], packed)),
        ],
        "Tversky of packed bits, 0.9 and 0.1": [
            ("RDKit BulkTverskySimilarity", lambda: bulk(DataStructs.BulkTverskySimilarity, 0.9, 0.1)),
            ("varimol packed_tversky", lambda: packed_tversky(packed[:20], packed, alpha=0.9, beta=0.1)),
        ],
        "all rules": [("varimol check_rules", lambda: check_rules(some))],
        "QED, SA and NP score": [("varimol scores", lambda: scores(some))],
        "alerts of PAINS, Brenk, NIH and NIBR": [
            ("varimol structural_alerts", lambda: structural_alerts(few))
        ],
        "all RDKit descriptors": [("varimol rdkit_descriptors", lambda: rdkit_descriptors(few))],
    }


def _reversed(texts: np.ndarray) -> np.ndarray:
    """RDKit's binary text has the first bit lowest."""
    return np.packbits(np.unpackbits(texts, bitorder="little"))


def _parse(smiles: list[str]) -> None:
    for text in smiles:
        Chem.MolFromSmiles(text)


def measure(task: str, programs: list[Program], n: int, repeats: int) -> list[dict[str, object]]:
    """Let the programs of one task take turns, and compare what they return."""
    seconds = np.empty((repeats, len(programs)))
    outputs: list[Any] = [None] * len(programs)
    for _, program in programs:  # what is loaded or compiled on first use
        program()
    for round_ in range(repeats):
        for place, (_, program) in enumerate(programs):
            start = time.process_time()
            outputs[place] = program()
            seconds[round_, place] = time.process_time() - start
    rows = []
    for place, (name, _) in enumerate(programs):
        comparable = place > 0 and outputs[place] is not None
        rows.append(
            {
                "task": task,
                "program": name,
                "cpu_s": np.median(seconds[:, place]),
                "per_s": n / np.median(seconds[:, place]),
                "ratio": np.median(seconds[:, place] / seconds[:, 0]),
                "equal": str(np.array_equal(outputs[place], outputs[0])) if comparable else "",
                "rounds": repeats,
                "n": n,
            }
        )
    return rows


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """Hold the figures against what is asked for."""
    rows = []
    for task, program, most in CRITERIA:
        value = float(table[(table["task"] == task) & (table["program"] == program)]["ratio"].iloc[0])
        rows.append((f"{task}: {program} over its base", value, most, value <= most))
    said = table["equal"][table["equal"] != ""]
    rows.append(
        ("share of arrays equal to the base's", float((said == "True").mean()), 1.0, (said == "True").all())
    )
    return pd.DataFrame(rows, columns=["criterion", "value", "limit", "passed"])


def main() -> None:
    """Measure, print the figures and what they are worth."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--molecules", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/fingerprints.tsv")
    options = parser.parse_args()
    smiles = molecules(options.molecules)
    rows: list[dict[str, object]] = []
    for task, programs in tasks(smiles).items():
        n = len(smiles)
        if task.startswith("T"):
            n *= 20
        elif task in ("all RDKit descriptors", "alerts of PAINS, Brenk, NIH and NIBR"):
            n //= 100
        elif not task.startswith("SMILES to Morgan"):
            n //= 10
        rows += measure(task, programs, n, options.repeats)
        print(pd.DataFrame(rows[-len(programs) :]).to_string(header=False, index=False), flush=True)
    table = pd.DataFrame(rows)
    print(settle(packed=True))
    print(verdicts(table).to_string())
    if options.record:
        print(write_results(table, "fingerprints"))


if __name__ == "__main__":
    main()
