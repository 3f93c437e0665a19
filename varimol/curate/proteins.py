"""Make varimol/data/proteins.parquet from the protein sequences of the affinity benchmarks.

``python -m varimol.curate.proteins SOURCE OUT`` reads ``affinity/{davis,kiba}/targets.tsv`` and
``knowledge/civic/UniprotMapping.tsv`` under SOURCE. A chain gets a symbol where the name it has there is a
gene symbol of varimol's gene table; others are left out. A chain that KIBA lists under a UniProt accession
carries that accession, otherwise none is invented.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from models.kinase import build_profile, find_domains
from varimol import tables

COLUMNS = [
    "symbol", "accession", "isoform", "sequence", "domain_start", "domain_end", "n_domains", "source",
    "source_version", "licence",
]  # fmt: skip


def curate_proteins(source: Path) -> pd.DataFrame:
    """One row per gene symbol.

    Parameters
    ----------
    source
        Folder with the affinity and knowledge tables.

    Returns
    -------
    pd.DataFrame
        `COLUMNS`; domain bounds are 1-based and inclusive, 0 where no kinase domain was found.
    """
    davis = pd.read_csv(source / "affinity/davis/targets.tsv", sep="\t", dtype=str)
    kiba = pd.read_csv(source / "affinity/kiba/targets.tsv", sep="\t", dtype=str)
    civic = pd.read_csv(source / "knowledge/civic/UniprotMapping.tsv", sep="\t", dtype=str)
    symbols = set(tables.genes("GRCh38")["symbol"]) | set(tables.genes("GRCh37")["symbol"])
    accession_of = dict(zip(kiba["sequence"], kiba["target_id"], strict=True))
    symbol_of = dict(zip(civic["uniprot_name"], civic["civic_name"], strict=True))
    profile = build_profile([*davis["sequence"], *kiba["sequence"]]).astype(float)

    davis["symbol"] = davis["target_id"].str.replace(r"\(.*\)p?$", "", regex=True)
    davis["isoform"] = "as listed by DAVIS"
    davis["source"] = "DAVIS (Davis et al. 2011, doi:10.1038/nbt.1990)"
    kiba["symbol"] = kiba["target_id"].map(symbol_of).fillna("")
    kiba["isoform"] = "canonical"
    kiba["source"] = "UniProt through KIBA (Tang et al. 2014, doi:10.1021/ci400709d)"
    chains = pd.concat([kiba, davis], ignore_index=True)
    chains["accession"] = chains["sequence"].map(accession_of).fillna("")
    chains.loc[chains["accession"] != "", "isoform"] = "canonical"
    chains = chains[chains["symbol"].isin(symbols)]
    # The canonical chain first, then the order of the source.
    chains = chains.sort_values(["symbol", "accession"], ascending=[True, False], kind="stable")
    chains = chains.drop_duplicates("symbol").reset_index(drop=True)

    hits = [find_domains(sequence, profile) for sequence in chains["sequence"]]
    best = [max(found, key=lambda hit: hit.score) if found else None for found in hits]
    chains["domain_start"] = [hit.start + 1 if hit else 0 for hit in best]
    chains["domain_end"] = [hit.end if hit else 0 for hit in best]
    chains["n_domains"] = [len(found) for found in hits]
    chains["source_version"] = "benchmark tables as distributed with DeepDTA (2018)"
    chains["licence"] = "facts; UniProt CC BY 4.0"
    return chains[COLUMNS]


def main(source: str, out: str) -> None:
    """Write the table."""
    curate_proteins(Path(source)).to_parquet(out, index=False)


if __name__ == "__main__":
    main(*sys.argv[1:3])
