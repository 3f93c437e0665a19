"""Where the sites of a gene lie that a patient's calls lack, and how each of them is lacking.

The tables name sites and alleles in short lists (``rs1,rs2``, ``all 41 sites``, ``rs1,… and 12 more``); here the
lists are read, and sites get their positions back. No call, filtered and absent are kept apart, as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from genomics.star_alleles import read_definitions

_ALL = re.compile(r"all \d+ sites")
_MORE = re.compile(r" and (\d+) more$")
_ASSUMED = re.compile(r"(\d+) sites? that the file does not mention taken for the reference")


@dataclass(frozen=True)
class NameList:
    """A list of sites or alleles as the tables write it.

    Attributes
    ----------
    names
        Those that are named.
    count
        How many there are in all.
    """

    names: tuple[str, ...]
    count: int


def parse_names(text: str, known: Sequence[str] = ()) -> NameList:
    """Read a list of sites or alleles.

    Parameters
    ----------
    text
        Of a column ``sites_…``, ``unobserved_alleles`` or ``variants``.
    known
        Names of all sites or alleles of the gene, in order. Some names of alleles have commas of their own.

    Examples
    --------
    >>> parse_names("rs1,rs3", ["rs1", "rs2", "rs3"])
    NameList(names=('rs1', 'rs3'), count=2)
    >>> parse_names("all 2 sites", ["rs1", "rs2"]).names, parse_names("rs1,rs2 and 9 more").count
    (('rs1', 'rs2'), 11)
    >>> parse_names("c.1129-5923C>G, c.1236G>A (HapB3), *2A", ["*2A", "c.1129-5923C>G, c.1236G>A (HapB3)"]).names
    ('c.1129-5923C>G, c.1236G>A (HapB3)', '*2A')
    """
    if _ALL.fullmatch(text):
        return NameList(tuple(known), len(known))
    more = _MORE.search(text)
    rest, names = _MORE.sub("", text), []
    with_commas = sorted((name for name in known if "," in name), key=len, reverse=True)
    while rest := rest.lstrip(", "):
        name = next((name for name in with_commas if rest.startswith(name)), rest.split(",")[0])
        names.append(name.strip())
        rest = rest[len(name) :]
    return NameList(tuple(names), len(names) + (int(more[1]) if more else 0))


@dataclass(frozen=True)
class GenePositions:
    """Sites of one gene on one build.

    Attributes
    ----------
    chromosome
        With ``chr`` before it, as PharmCAT writes it.
    positions
        By name of the site, in the definition's order: 1-based; None where the build's is not known.
    """

    chromosome: str
    positions: dict[str, int | None]

    def describe(
        self, missing: str, no_call: str, filtered: str, settling: str, assumptions: str = ""
    ) -> dict[str, Any]:
        """Tell what was not seen.

        Parameters
        ----------
        missing, no_call, filtered, settling
            Columns ``sites_missing``, ``sites_no_call``, ``sites_filtered``, ``sites_settling``.
        assumptions
            The column of that name: how many sites were taken for the reference.

        Returns
        -------
        dict
            ``positions``: how many are defined, observed, assumed, without a call, filtered and absent;
            ``missingPositions``: each that the tables name, with its state; ``missingPositionsNotNamed``: how
            many they do not; ``settlingPositions``: names of those that tell the candidates apart.
        """
        known = tuple(self.positions)
        lacking, uncalled, dropped = (parse_names(text or "", known) for text in (missing, no_call, filtered))
        assumed = _ASSUMED.search(assumptions)
        n_assumed = int(assumed[1]) if assumed else 0
        counts = {
            "defined": len(known),
            "observed": len(known) - lacking.count - n_assumed,
            "assumed": n_assumed,
            "noCall": uncalled.count,
            "filtered": dropped.count,
            "absent": lacking.count - uncalled.count - dropped.count,
        }
        # Where nothing at all was seen the count says it.
        named = lacking.names if lacking.count < len(known) else ()
        return {
            "positions": counts,
            "missingPositions": [
                {
                    "name": name,
                    "chromosome": self.chromosome,
                    "position": self.positions.get(name),
                    "state": "noCall"
                    if name in uncalled.names
                    else "filtered"
                    if name in dropped.names
                    else "absent",
                }
                for name in named
            ],
            "missingPositionsNotNamed": lacking.count - len(named),
            "settlingPositions": list(parse_names(settling or "", known).names),
        }


def chromosome_name(contig: str) -> str:
    """Name a chromosome as PharmCAT does.

    Examples
    --------
    >>> chromosome_name("10"), chromosome_name("MT")
    ('chr10', 'chrM')
    """
    return "chrM" if contig == "MT" else f"chr{contig}"


def gene_positions(definitions: pd.DataFrame, build: str) -> dict[str, GenePositions]:
    """Sites of every gene of the definitions.

    Parameters
    ----------
    definitions
        `varimol.tables.allele_definitions`.
    build
        GRCh37 or GRCh38.

    Examples
    --------
    >>> from varimol import tables
    >>> found = gene_positions(tables.allele_definitions(), "GRCh38")["CYP2C19"]
    >>> found.chromosome, found.positions["rs4244285"]
    ('chr10', 94781859)
    """
    return {
        gene.name: GenePositions(
            chromosome_name(gene.contig), {site.name: site.positions[build] for site in gene.sites}
        )
        for gene in read_definitions(definitions)
    }
