"""Each patient's undocumented variants as members of the JSON report.

Hardly two patients carry the same ones, but most carry the same single variants: each is written once.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from genomics.star_undocumented import SITE
from varimol.json_text import compact
from varimol.star_positions import chromosome_name

NOTE = "no definition knows these variants: what they do is not known, and the diplotype does not account for them"
_COLUMNS = ["gene", "contig", "position", "ref", "alt", "copies", "place", "n_carriers", "n_called"]


def undocumented_texts(carriers: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Write the undocumented variants of each patient and gene.

    Parameters
    ----------
    carriers
        sample_id, gene, contig, position, ref, alt, place, copies, n_called, n_carriers: the table
        ``undocumented_carriers``.

    Returns
    -------
    dict
        By sample and gene, members of the gene's report: ``hasUndocumentedVariations`` (at a site of the
        definition, as PharmCAT has it) and ``undocumentedVariants``, those that fewest people carry first.

    Examples
    --------
    >>> row = {"sample_id": "a", "gene": "TPMT", "contig": "6", "position": 18130687, "ref": "T", "alt": "G"}
    >>> row |= {"place": "site", "copies": 1, "n_called": 3, "n_carriers": 1}
    >>> undocumented_texts(pd.DataFrame([row]))["a"]["TPMT"].splitlines()[0].strip()
    '"hasUndocumentedVariations": true,'
    """
    by_rarity = carriers.sort_values(["n_carriers", "position", "alt"], kind="stable")
    number = by_rarity.groupby(_COLUMNS, sort=False).ngroup().to_numpy()
    _, first = np.unique(number, return_index=True)
    columns = (by_rarity[name].iloc[first].tolist() for name in _COLUMNS)
    variants = [_variant(*values) for values in zip(*columns, strict=True)]
    found: dict[str, dict[str, list[tuple[str, bool]]]] = {}
    rows = zip(by_rarity["sample_id"].tolist(), by_rarity["gene"].tolist(), number.tolist(), strict=True)
    for sample_id, gene, k in rows:
        found.setdefault(sample_id, {}).setdefault(gene, []).append(variants[k])
    return {
        sample_id: {gene: _members(told) for gene, told in genes.items()}
        for sample_id, genes in found.items()
    }


def _variant(
    gene: str,
    contig: str,
    position: int,
    ref: str,
    alt: str,
    copies: int,
    place: str,
    carriers: int,
    called: int,
) -> tuple[str, bool]:
    """Write one variant as a patient carries it, and tell whether it is at a site of the definition."""
    told = {
        "chromosome": chromosome_name(contig), "position": position, "ref": ref, "alt": alt, "copies": copies,
        "place": place, "carriers": carriers, "called": called,
    }  # fmt: skip
    return compact(told), place == SITE


def _members(variants: list[tuple[str, bool]]) -> str:
    at_sites = compact(any(at_site for _, at_site in variants))
    listed = ", ".join(text for text, _ in variants)
    note = compact(NOTE if variants else None)
    return (
        f'   "hasUndocumentedVariations": {at_sites},\n'
        f'   "undocumentedVariants": {{"note": {note}, "variants": [{listed}]}}'
    )


NOTHING_CARRIED = _members([])
