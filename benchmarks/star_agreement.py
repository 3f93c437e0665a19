"""Our star alleles beside PyPGx's on the same files, and what each says when sites are taken away.

``python -m benchmarks.star_agreement SOURCE PANEL EXPERIMENT [--people 200] [--genes ...] [--pypgx-python PATH]
[--record]`` reads SOURCE/GENE.vcf.gz (phased calls of 1000 Genomes on GRCh37) and PANEL (sample, super_pop). People are
drawn with a seed, equally many of every super-population. Both programs read the same cut of each file. EXPERIMENT is

* ``agreement``: whole files, ours declared ``wgs``, so that both take a site without a record for the reference.
  Writes star_agreement (per gene) and star_agreement_differences (every pair of unequal answers, with its kind, see
  `benchmarks.star_differences`). With ``--masked`` both call again from files of the gene's defining sites only, less
  30% of them, drawn anew for each fifth of the people; ours is declared ``array``. Each program is judged by its own
  answer to the whole file: how many diplotypes change, and how many of those are given as if nothing were wrong.
  Writes star_agreement_masked.
* ``seconds``: whole files, PyPGx as it comes, and whether its short cut in the other experiment changed its calls.
  Writes star_agreement_seconds.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import write_results
from benchmarks.star_differences import INDETERMINATE, compare, differences, name_pair, summarise
from genomics.cohort import open_cohort
from genomics.metaboliser import assign_phenotypes, phenotype_probabilities
from genomics.stars import call_diplotypes
from varimol import tables
from varimol.cohorts import ingest

ROOT = Path(__file__).resolve().parent.parent
BUILD = "GRCh37"
Files = Mapping[str, tuple[str, Path]]
"""Gene and path by the name of a cut; that of a whole file is the gene's."""
SURE, MASKED, GROUPS = 0.95, 0.3, 5


def balanced_sample(panel: pd.DataFrame, people: int, seed: int) -> list[str]:
    """Draw equally many people of every super-population, in an order that mixes these.

    Examples
    --------
    >>> panel = pd.DataFrame({"sample": list("abcdef"), "super_pop": ["X", "X", "X", "Y", "Y", "Y"]})
    >>> sorted(name in "abc" for name in balanced_sample(panel, 4, seed=1))
    [False, False, True, True]
    """
    rng = np.random.default_rng(seed)
    each = people // panel["super_pop"].nunique()
    drawn = [rng.permutation(part["sample"])[:each] for _, part in panel.groupby("super_pop")]
    return [str(name) for name in np.column_stack(drawn).ravel()]


def cut_vcf(
    source: Path, target: Path, people: Sequence[str], keep: Callable[[int], bool] = lambda position: True
) -> None:
    """Write some people and records of a bgzipped VCF as plain text."""
    columns: list[int] = []
    with gzip.open(source, "rt", encoding="utf-8") as lines, target.open("w", encoding="utf-8") as out:
        for line in lines:
            if line.startswith("##"):
                out.write(line)
                continue
            fields = line.rstrip("\n").split("\t")
            if line.startswith("#"):
                columns = [*range(9), *(fields.index(name) for name in people)]
            elif not keep(int(fields[1])):
                continue
            out.write("\t".join([fields[column] for column in columns]) + "\n")


def record_positions(source: Path) -> set[int]:
    """Positions of a bgzipped VCF's records."""
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        return {int(line.split("\t", 2)[1]) for line in lines if not line.startswith("#")}


def call_ours(path: Path, gene: str, assay: str) -> tuple[pd.DataFrame, dict[str, float]]:
    """Call one gene of one file from VCF to phenotypes, and tell the time it took.

    Returns
    -------
    tuple[pandas.DataFrame, dict]
        Every diplotype listed, with ``given_phenotype`` (of at least 95% of the posterior; empty where none is);
        wall_s and cpu_s.
    """
    definitions = tables.allele_definitions()
    definitions = definitions[definitions["gene"] == gene]
    further = tables.allele_functions(), tables.phenotype_rules(), tables.phenotype_scores()
    wall, cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "cohort.vcz"
        ingest(path, store, build=BUILD)
        called = call_diplotypes(open_cohort(store), definitions, assay=assay, build=BUILD)
        called = assign_phenotypes(called, *further)
        likely = phenotype_probabilities(called)
    spent = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    sure = likely[(likely["probability"] >= SURE) & (likely["phenotype"] != INDETERMINATE)]
    given = dict(zip(sure["sample_id"], sure["phenotype"], strict=True))
    return called.assign(given_phenotype=[given.get(name, "") for name in called["sample_id"]]), spent


def run_pypgx(python: Path, files: Files, quick: bool) -> tuple[pd.DataFrame, dict[str, dict[str, Any]]]:
    """Calls of PyPGx for files by name (gene and path), and what it tells of each file."""
    script = Path(__file__).with_name("star_pypgx.py")
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "calls.tsv"
        named = [f"{name}={gene}={path}" for name, (gene, path) in files.items()]
        command = [str(python), str(script), *(["--quick"] if quick else []), str(table), *named]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout
        lines = [json.loads(line) for line in told.splitlines()]
        return pd.read_csv(table, sep="\t", keep_default_na=False), {line["name"]: line for line in lines}


def draw_masks(sites: Sequence[int], seed: int) -> list[set[int]]:
    """Sites to take away from each group of people: 30% of them, at least one."""
    rng = np.random.default_rng(seed)
    removed = max(1, round(MASKED * len(sites)))
    return [{int(site) for site in rng.permutation(sites)[:removed]} for _ in range(GROUPS)]


def defining_sites(source: Path, gene: str, theirs: Iterable[int]) -> list[int]:
    """Positions with a record where either program's definition has a variant."""
    part = tables.allele_definitions().query("gene == @gene").dropna(subset=["position_grch37"])
    spans = zip(part["position_grch37"].astype(int), part["shift"].astype(int), strict=True)
    ours = {position + step for position, shift in spans for step in range(shift + 1)}
    return sorted((ours | set(theirs)) & record_positions(source))


def judge_masked(program: str, whole: pd.Series, less: pd.DataFrame) -> dict[str, Any]:
    """Count the answers that masking changed, and those of them that are given without a word.

    Parameters
    ----------
    program
        Its name.
    whole
        Pair of each person by the whole file; people without an answer there are left out.
    less
        sample_id, pair, status (called, ambiguous or abstain) and sure by the masked file.
    """
    known = less[[bool(whole[person]) for person in less["sample_id"]]]
    changed = known["pair"] != known["sample_id"].map(whole)
    called = known["status"] == "called"
    return {
        "program": program, "people": len(known), "changed": int(changed.sum()),
        "changed_called": int((changed & called).sum()), "called": int(called.sum()),
        "changed_sure": int((changed & known["sure"]).sum()), "sure": int(known["sure"].sum()),
        "ambiguous": int((known["status"] == "ambiguous").sum()),
        "abstained": int((known["status"] == "abstain").sum()),
    }  # fmt: skip


def our_answers(called: pd.DataFrame) -> pd.DataFrame:
    """First diplotype of each person: gene, sample_id, pair, status, sure (posterior of at least 0.95)."""
    first = called[called["rank"] == 1]
    pairs, sure = first["diplotype"].map(name_pair), first["posterior"] >= SURE
    return first[["gene", "sample_id", "status"]].assign(pair=pairs, sure=sure)


def their_answers(calls: pd.DataFrame) -> pd.DataFrame:
    """Diplotype of each person: gene, sample_id, pair, status, sure (it says no more than the pair)."""
    pairs = calls["diplotype"].map(name_pair)
    status = ["called" if pair else "abstain" for pair in pairs]
    return calls[["gene", "sample_id"]].assign(pair=pairs, status=status, sure=pairs.map(bool))


def measure_agreement(
    files: Files, theirs: pd.DataFrame, told: Mapping[str, Mapping[str, Any]]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Summary by gene, the differences, and our answers."""
    rows, unequal, ours = [], [], []
    for gene, path in files.values():
        if "reason" in told[gene]:
            rows.append({"gene": gene, "reason": told[gene]["reason"]})
            continue
        called, _ = call_ours(path, gene, "wgs")
        joined = compare(called, theirs[theirs["gene"] == gene], told[gene])
        rows.append({**summarise(gene, joined), "copies_matter": told[gene]["copies_matter"]})
        unequal.append(differences(gene, joined))
        ours.append(our_answers(called))
    return pd.DataFrame(rows), pd.concat(unequal, ignore_index=True), pd.concat(ours, ignore_index=True)


def measure_seconds(files: Files, python: Path, people: int) -> pd.DataFrame:
    """Seconds of either program by gene, and how many times ours PyPGx takes."""
    warm_gene, warm_path = next(iter(files.values()))
    call_ours(warm_path, warm_gene, "wgs")  # loads what is loaded once; of PyPGx this is not counted either
    ours = {gene: call_ours(path, gene, "wgs")[1] for gene, path in files.values()}
    slow, told = run_pypgx(python, files, quick=False)
    fast, _ = run_pypgx(python, files, quick=True)
    rows = []
    for gene, _ in files.values():
        row: dict[str, Any] = {"gene": gene, "people": people}
        for program, spent in (("varimol", ours[gene]), ("pypgx", told[gene])):
            row |= {f"{program}_{kind}": spent.get(kind, np.nan) for kind in ("wall_s", "cpu_s")}
        row["cpu_ratio"] = row["pypgx_cpu_s"] / row["varimol_cpu_s"]
        both = [
            calls[calls["gene"] == gene][["sample_id", "diplotype", "phenotype"]] for calls in (slow, fast)
        ]
        rows.append({**row, "short_cut_same": bool(np.array_equal(both[0].to_numpy(), both[1].to_numpy()))})
    return pd.DataFrame(rows)


def mask_files(
    source: Path, sites: Mapping[str, Sequence[int]], people: Sequence[str], seed: int, folder: Path
) -> Files:
    """Write the defining sites of every gene less those masked, for each fifth of the people."""
    cuts = {}
    for gene, positions in sites.items():
        for number, mask in enumerate(draw_masks(positions, seed)):
            path = folder / f"{gene}.{number}.vcf"
            kept = set(positions) - mask
            cut_vcf(source / f"{gene}.vcf.gz", path, people[number::GROUPS], kept.__contains__)
            cuts[f"{gene}.{number}"] = gene, path
    return cuts


def measure_masked(cuts: Files, whole: Mapping[str, pd.DataFrame], python: Path) -> pd.DataFrame:
    """By gene and program, what masking changed (`judge_masked`) in the answers to the whole files."""
    masked = their_answers(run_pypgx(python, cuts, quick=True)[0])
    ours = [our_answers(call_ours(path, gene, "array")[0]) for gene, path in cuts.values()]
    answers = {"varimol": pd.concat(ours), "PyPGx": masked}
    rows = []
    for gene in dict.fromkeys(gene for gene, _ in cuts.values()):
        for program, less in answers.items():
            before = whole[program].query("gene == @gene").set_index("sample_id")["pair"]
            rows.append({"gene": gene, **judge_masked(program, before, less[less["gene"] == gene])})
    return pd.DataFrame(rows)


def agreement_tables(
    options: argparse.Namespace, files: Files, people: Sequence[str], folder: Path
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Tables of the agreement, and of the masked files if asked for, each with the end of its name."""
    calls, told = run_pypgx(options.pypgx_python, files, quick=True)
    summary, unequal, ours = measure_agreement(files, calls, told)
    yield "", summary
    yield "_differences", unequal
    if options.masked:
        sites = {
            gene: defining_sites(options.source / f"{gene}.vcf.gz", gene, told[gene]["positions"])
            for gene in ours["gene"].unique()
        }
        # Of a single site nothing would be left, which neither program takes for a file of calls.
        sites = {gene: positions for gene, positions in sites.items() if len(positions) > 1}
        cuts = mask_files(options.source, sites, people, options.seed, folder)
        whole = {"varimol": ours, "PyPGx": their_answers(calls)}
        masked = measure_masked(cuts, whole, options.pypgx_python)
        yield "_masked", masked.assign(sites=[len(sites[gene]) for gene in masked["gene"]])


def main() -> None:
    """Run one experiment, print it and with ``--record`` write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("panel", type=Path)
    parser.add_argument("experiment", choices=("agreement", "seconds"))
    parser.add_argument("--masked", action="store_true", help="call again with 30%% of the sites taken away")
    parser.add_argument("--people", type=int, default=200, help="0 for everybody")
    parser.add_argument("--genes", nargs="+", help="all files of the source if not given")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pypgx-python", type=Path, default=ROOT / ".venv/peers/pypgx/bin/python")
    parser.add_argument("--record", metavar="SUFFIX", nargs="?", const="", help="write the tables to results")
    options = parser.parse_args()
    panel = pd.read_csv(options.panel, sep="\t")
    genes = options.genes or sorted(path.name.split(".")[0] for path in options.source.glob("*.vcf.gz"))
    people = balanced_sample(panel, options.people, options.seed) if options.people else [*panel["sample"]]
    with tempfile.TemporaryDirectory() as name:
        folder, files = Path(name), {}
        for gene in genes:
            files[gene] = gene, folder / f"{gene}.vcf"
            cut_vcf(options.source / f"{gene}.vcf.gz", files[gene][1], people)
        if options.experiment == "seconds":
            seconds = measure_seconds(files, options.pypgx_python, len(people))
            found: Iterable[tuple[str, pd.DataFrame]] = [("_seconds", seconds)]
        else:
            found = agreement_tables(options, files, people, folder)
        for kind, table in found:
            print(table.to_string(), flush=True)
            if options.record is not None:
                print(write_results(table.assign(seed=options.seed), f"star_agreement{kind}{options.record}"))


if __name__ == "__main__":
    main()
