"""Time to search molecules of MOSES by similarity and substructure, beside other programs.

``python -m benchmarks.similarity [--molecules 200000] [--data DIR] [--queries 100] [--similarity-only]
[--record]`` reads the molecules from the wheel of molsets, makes every program's index (kept in ``--data`` for the next run) and lets the programs answer the
same queries in turn, each from a SMILES or SMARTS to its hits, on one thread. With ``--record`` it writes
benchmarks/results/similarity.tsv.

Similarity: the queries are molecules of the library, drawn at random. varimol's index is mapped from disk, FPSim2 is
called directly with its fingerprints in memory (``top_k`` with threshold 0, ``similarity``, ``tversky``), RDKit compares
with ``BulkTanimotoSimilarity`` and numpy sorts (fewer queries). Outputs are equal where the similarities agree to 1e-6, in
order, and the molecules are the same but for those that tie with the last.

Substructure: varimol tells no atoms here, RDKit's SubstructLibrary screens with its PatternHolder and reads molecules
with full sanitisation (CachedSmilesMolHolder) or without (CachedTrustedSmilesMolHolder: faster, and wrong for
queries on hybridisation and for E/Z). Rows of case index tell how long the indices took, and their bytes.
``ratio`` is the median over the queries of the program's seconds over those of varimol for the same query.
"""

from __future__ import annotations

import argparse
import gzip
import io
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import files, version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem, DataStructs, rdBase
from rdkit.Chem import rdFingerprintGenerator, rdSubstructLibrary

from benchmarks.record import write_results
from chem.fingerprint import fingerprint_blocks, fingerprints
from chem.fingerprint_kinds import settle
from chem.index_files import write_blocks
from chem.search_index import Hits, SimilarityIndex, index_fingerprints, open_index
from chem.substructure import SubstructureIndex, index_substructures, open_substructures, parse_query

OURS = "varimol"
TOP = 100
LIMIT_S = 0.1
"""Seconds that a top-100 query may take at most."""
PATTERNS = (
    "C1CC1C(=O)N", "[OX2H]c1ccccc1", "S(=O)(=O)N1CCCCC1", "c1ccc2[nH]ccc2c1", "C#N", "[N+](=O)[O-]", "Br",
    "[#6^3]-&!@[#7^2]", "c1nnn[nH]1", "FC(F)(F)c1ccncc1",
)  # fmt: skip
_MEMBERS = ("train.csv.gz", "test.csv.gz", "test_scaffolds.csv.gz")
_BULK_QUERIES = 10

Found = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Program:
    """A program that answers queries: its name, its version, and what to call."""

    name: str
    version: str
    answer: Callable[[str], Any]
    n_queries: int | None = None


def moses_smiles(n: int) -> Iterator[str]:
    """Read the first `n` molecules of MOSES from the wheel, without importing it."""
    found = {Path(str(file)).name: file for file in files("molsets") or [] if file.name in _MEMBERS}

    def every() -> Iterator[str]:
        for name in _MEMBERS:
            with gzip.open(str(found[name].locate())) as raw, io.TextIOWrapper(raw) as lines:
                next(lines)
                yield from (line.split(",")[0].strip() for line in lines)

    return islice(every(), n)


def timed(make: Callable[[], Any]) -> tuple[Any, float]:
    """Call a function and measure it."""
    start = time.perf_counter()
    made = make()
    return made, time.perf_counter() - start


class Indices:
    """Every program's index over the same molecules, in a folder where they are kept."""

    def __init__(self, smiles: Sequence[str], folder: Path, threads: int) -> None:
        self.smiles, self.folder, self.threads = smiles, folder, threads
        self.key = f"MOSES, first {len(smiles)}"
        self.rows: list[dict[str, Any]] = []

    def _note(self, program: str, path: Path, seconds: float) -> None:
        size = sum(file.stat().st_size for file in ([path] if path.is_file() else path.rglob("*")))
        self.rows.append({"case": "index", "program": program, "median_s": seconds, "bytes": size})

    def packed(self) -> np.ndarray:
        """Packed Morgan fingerprints."""
        path, settings = self.folder / "morgan.npy", settle(packed=True)
        if not path.exists():
            blocks = fingerprint_blocks(self.smiles, settings, threads=self.threads)
            shape = (len(self.smiles), settings.width)
            _, seconds = timed(lambda: write_blocks(path, shape, np.uint8, blocks))
            self._note("varimol, Morgan fingerprints", path, seconds)
        return np.load(path, mmap_mode="r")

    def similarity(self, packed: np.ndarray) -> SimilarityIndex:
        """Ours for similarity."""
        path = self.folder / "similarity"
        if not path.exists():
            _, seconds = timed(lambda: index_fingerprints(packed, path, source=self.key))
            self._note("varimol, similarity from fingerprints", path, seconds)
        return open_index(path, source=self.key)

    def substructure(self) -> SubstructureIndex:
        """Ours for substructures."""
        path = self.folder / "substructure"
        if not path.exists():
            _, seconds = timed(
                lambda: index_substructures(self.smiles, path, source=self.key, threads=self.threads)
            )
            self._note("varimol, substructure from SMILES", path, seconds)
        return open_substructures(path, source=self.key)

    def fpsim2(self) -> Any:
        """FPSim2's engine, with the fingerprints in memory."""
        from FPSim2 import FPSim2Engine
        from FPSim2.io import create_db_file

        path = self.folder / "fpsim2.h5"
        if not path.exists():
            source = [[smiles, place] for place, smiles in enumerate(self.smiles)]
            options = {"radius": 2, "fpSize": 2048}
            part = path.with_name("part.h5")
            _, seconds = timed(lambda: create_db_file(source, str(part), "smiles", "Morgan", options))
            part.replace(path)
            self._note("FPSim2, from SMILES", path, seconds)
        return FPSim2Engine(str(path))

    def rdkit_libraries(self) -> dict[str, Any]:
        """RDKit's substructure libraries in memory: one screen, molecules read with and without sanitisation."""
        path, settings = self.folder / "patterns.npy", settle("pattern", packed=True)
        if not path.exists():
            blocks = fingerprint_blocks(self.smiles, settings, threads=self.threads)
            write_blocks(path, (len(self.smiles), settings.width), np.uint8, blocks)
        screen = rdSubstructLibrary.PatternHolder()
        for bits in bit_vectors(np.load(path, mmap_mode="r")):
            screen.AddFingerprint(bits)
        libraries = {}
        for holder in ("CachedSmilesMolHolder", "CachedTrustedSmilesMolHolder"):
            molecules = getattr(rdSubstructLibrary, holder)()
            for text in self.smiles:
                molecules.AddSmiles(text)
            libraries[holder] = rdSubstructLibrary.SubstructLibrary(molecules, screen)
        return libraries


def bit_vectors(packed: np.ndarray) -> Iterator[DataStructs.ExplicitBitVect]:
    """Packed fingerprints as RDKit has them: its bytes have the first bit lowest."""
    for row in packed:
        bits = np.packbits(np.unpackbits(row), bitorder="little")
        yield DataStructs.CreateFromBinaryText(bits.tobytes())


def varimol_search(index: SimilarityIndex, **limits: Any) -> Callable[[str], Found]:
    """Return a search from a SMILES to positions and similarities, by varimol."""

    def answer(smiles: str) -> Found:
        hits: Hits = index.search(fingerprints([smiles], packed=True)[0], **limits)
        return hits.position, hits.similarity

    return answer


def fpsim2_search(method: Callable[..., np.ndarray], **limits: Any) -> Callable[[str], Found]:
    """Return the same by FPSim2."""

    def answer(smiles: str) -> Found:
        hits = method(smiles, **limits)
        return hits["mol_id"].astype(np.int64), hits["coeff"].astype(float)

    return answer


def bulk_search(vectors: list[DataStructs.ExplicitBitVect]) -> Callable[[str], Found]:
    """Return a search for the top by comparing with all, by RDKit."""
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)

    def answer(smiles: str) -> Found:
        query = generator.GetFingerprint(Chem.MolFromSmiles(smiles))
        similarity = np.array(DataStructs.BulkTanimotoSimilarity(query, vectors))
        best = np.argpartition(-similarity, min(TOP, len(similarity)) - 1)[:TOP]
        best = best[np.lexsort((best, -similarity[best]))]
        return best, similarity[best]

    return answer


def same_similar(ours: Found, theirs: Found) -> bool:
    """Say whether two lists of hits are equal but for the order of ties, and which of them come last."""
    if len(ours[0]) != len(theirs[0]) or not np.allclose(ours[1], theirs[1], atol=1e-6):
        return False
    if not len(ours[1]):
        return True
    above = ours[1] > ours[1][-1] + 1e-6
    return set(ours[0][above]) <= set(theirs[0])


def same_positions(ours: Sequence[int], theirs: Sequence[int]) -> bool:
    """Say whether two searches found the same molecules."""
    return sorted(ours) == sorted(theirs)


def take_turns(
    case: str, programs: Sequence[Program], queries: Sequence[str], same: Callable[[Any, Any], bool]
) -> list[dict[str, Any]]:
    """Let the programs answer each query in turn, another one first each time, and compare with the first program."""
    seconds: dict[str, dict[int, float]] = {program.name: {} for program in programs}
    equal = {program.name: True for program in programs}
    for program in programs:  # compiled, imported and in the page cache
        program.answer(queries[0])
    for number, query in enumerate(queries):
        asked = [program for program in programs if program.n_queries is None or number < program.n_queries]
        turn = number % len(asked)
        answers = {}
        for program in asked[turn:] + asked[:turn]:
            answers[program.name], seconds[program.name][number] = timed(lambda: program.answer(query))  # noqa: B023
        for name, answer in answers.items():
            equal[name] &= same(answers[programs[0].name], answer)
    base = seconds[programs[0].name]
    return [
        {
            "case": case,
            "program": program.name,
            "version": program.version,
            "median_s": np.median(list(taken.values())),
            "max_s": max(taken.values()),
            "queries": len(taken),
            "ratio": np.median([spent / base[number] for number, spent in taken.items()]),
            "outputs_equal": equal[program.name],
        }
        for program, taken in ((program, seconds[program.name]) for program in programs)
    ]


def similarity_rows(indices: Indices, queries: Sequence[str]) -> list[dict[str, Any]]:
    """Measure the searches by similarity."""
    packed = indices.packed()
    index, engine = indices.similarity(packed), indices.fpsim2()
    ours, fpsim2, rdkit = version(OURS), version("FPSim2"), version("rdkit")
    bulk = bulk_search(list(bit_vectors(packed)))
    cases = {
        f"top {TOP}": (
            varimol_search(index, k=TOP),
            fpsim2_search(engine.top_k, k=TOP, threshold=0.0),
        ),
        "threshold 0.5": (
            varimol_search(index, threshold=0.5),
            fpsim2_search(engine.similarity, threshold=0.5),
        ),
        "tversky 0.9 0.1, threshold 0.7": (
            varimol_search(index, threshold=0.7, metric="tversky", alpha=0.9, beta=0.1),
            fpsim2_search(engine.tversky, threshold=0.7, a=0.9, b=0.1),
        ),
    }
    rows = []
    for case, (mine, theirs) in cases.items():
        programs = [Program(OURS, ours, mine), Program("FPSim2", fpsim2, theirs)]
        if case.startswith("top"):
            programs.append(Program("RDKit BulkTanimotoSimilarity", rdkit, bulk, _BULK_QUERIES))
        rows += take_turns(case, programs, queries, same_similar)
    return rows


def substructure_rows(indices: Indices) -> list[dict[str, Any]]:
    """Measure the searches for substructures."""
    index, libraries = indices.substructure(), indices.rdkit_libraries()

    def ours(pattern: str) -> list[int]:
        return [hit.position for hit in index.search(parse_query(pattern), atoms=False)]

    def theirs(library: Any, pattern: str) -> list[int]:
        query = Chem.MolFromSmarts(pattern)
        return list(library.GetMatches(query, useChirality=False, numThreads=1, maxResults=-1))

    programs = [Program(OURS, version(OURS), ours)]
    for holder, library in libraries.items():
        answer = lambda pattern, library=library: theirs(library, pattern)  # noqa: E731
        programs.append(Program(f"RDKit SubstructLibrary, {holder}", version("rdkit"), answer))
    return take_turns("substructure", programs, PATTERNS, same_positions)


def _figure(table: pd.DataFrame, case: str, program: str, column: str) -> float:
    return float(table.loc[(table["case"] == case) & (table["program"] == program), column].iloc[0])


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """Hold the figures against what is asked for.

    Returns
    -------
    DataFrame
        criterion, value, limit, passed.
    """
    top = f"top {TOP}"
    rows = [
        (f"seconds per {top} query, at most", _figure(table, top, OURS, "median_s"), LIMIT_S, True),
        (f"FPSim2's seconds over varimol's, {top}", _figure(table, top, "FPSim2", "ratio"), 1.0, False),
    ]
    compared = table[(table["case"] != "index") & ~table["program"].str.contains("Trusted")]
    rows.append(("share of outputs equal", float(compared["outputs_equal"].astype(bool).mean()), 1.0, False))
    frame = pd.DataFrame(rows, columns=["criterion", "value", "limit", "below"])
    passed = np.where(frame["below"], frame["value"] <= frame["limit"], frame["value"] >= frame["limit"])
    return frame.drop(columns="below").assign(passed=passed)


def measure(
    n: int, folder: Path, n_queries: int, seed: int, threads: int, substructures: bool = True
) -> pd.DataFrame:
    """Run the whole benchmark over the first `n` molecules and return its table."""
    smiles = list(moses_smiles(n))
    place = folder / f"moses-{len(smiles)}"
    place.mkdir(parents=True, exist_ok=True)
    indices = Indices(smiles, place, threads)
    drawn = np.random.default_rng(seed).choice(len(smiles), min(n_queries, len(smiles)), replace=False)
    with rdBase.BlockLogs():
        rows = similarity_rows(indices, [smiles[number] for number in drawn])
        if substructures:
            rows += substructure_rows(indices)
    table = pd.DataFrame(rows + indices.rows)
    return table.assign(n_molecules=len(smiles), seed=seed)


def main() -> None:
    """Measure, print the figures and what they are worth."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--molecules", type=int, default=200_000)
    parser.add_argument("--data", type=Path, help="keep the indices here for the next run")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2, help="processes that make indices")
    parser.add_argument("--similarity-only", action="store_true", help="leave substructures out")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/similarity.tsv")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.data or Path(scratch)
        table = measure(
            options.molecules,
            folder,
            options.queries,
            options.seed,
            options.threads,
            substructures=not options.similarity_only,
        )
    print(table.drop(columns=["n_molecules", "seed"]).to_string())
    print(verdicts(table).to_string())
    if options.record:
        print(write_results(table, "similarity"))


if __name__ == "__main__":
    main()
