"""Who carries what: the alleles that decide in each patient, and published variants they carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genomics.contigs import canonical_contig
from varimol import tables

if TYPE_CHECKING:
    from genomics.cohort import Cohort


def marker_dosage(cohort: Cohort, markers: pd.DataFrame) -> dict[str, np.ndarray]:
    """Copies of the alleles that decide, per variant, NaN where a call is missing or of low quality."""
    from genomics.quality import QualityPolicy, genotype_thresholds

    wanted = set(markers["marker_id"]) | set(markers["consequence_variant_id"])
    rows = cohort.variants[cohort.variants["variant_id"].isin(wanted)]
    result: dict[str, np.ndarray] = {}
    for block, dosage in cohort.dosage_blocks(rows, **genotype_thresholds(cohort, QualityPolicy())):
        for variant_id, copies in zip(block["variant_id"], dosage, strict=True):
            result.setdefault(variant_id, copies)
    return result


def marker_kinds(cohort: Cohort, markers: pd.DataFrame) -> dict[str, np.ndarray]:
    """What is known of each sample's call of the alleles that decide, per variant: `genomics.marker_calls`."""
    from genomics.marker_calls import marker_calls

    return marker_calls(cohort, sorted({*markers["marker_id"], *markers["consequence_variant_id"]} - {""}))


def by_skeleton(table: pd.DataFrame, compounds: pd.DataFrame) -> pd.DataFrame:
    """Rows of a shipped table with the library's identifier of the same molecule instead of ours."""
    drugs = tables.drugs()
    skeleton = table["compound_id"].map(dict(zip(drugs["compound_id"], drugs["skeleton"], strict=True)))
    mine = compounds.assign(skeleton=compounds["inchikey"].str[:14]).drop_duplicates("skeleton")
    own = skeleton.map(dict(zip(mine["skeleton"], mine["compound_id"], strict=True))).fillna("")
    return table.assign(compound_id=own)[own != ""]


def evidence_carriers(cohort: Cohort) -> pd.DataFrame:
    """Carriers of the variants that published evidence names, with their GRCh37 position."""
    published = tables.variant_drug_evidence()[["contig", "position_grch37", "ref", "alt"]].drop_duplicates()
    variants = cohort.variants
    contig = variants["contig"].map(canonical_contig)
    position = variants["position"]
    if cohort.build == "GRCh38":
        sites = tables.build_sites().drop_duplicates(["contig", "position_grch38"])
        lifted = sites.set_index(["contig", "position_grch38"])["position_grch37"]
        keys = pd.MultiIndex.from_arrays([contig, position])
        position = pd.Series(lifted.reindex(keys).to_numpy(), index=variants.index)
    frame = variants.assign(contig=contig, position_grch37=position)
    hits = frame.merge(published, on=["contig", "position_grch37", "ref", "alt"])
    rows = variants[variants["variant_id"].isin(set(hits["variant_id"]))]
    parts = []
    for block, dosage in cohort.dosage_blocks(rows):
        place, person = np.nonzero(dosage > 0)
        parts.append(
            pd.DataFrame({"variant_id": block["variant_id"].to_numpy()[place], "sample_id": cohort.sample_ids[person], "dosage": dosage[place, person]})
        )  # fmt: skip
    columns = ["sample_id", "variant_id", "contig", "position_grch37", "ref", "alt", "dosage"]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts).merge(hits.drop_duplicates("variant_id"), on="variant_id")[columns]
