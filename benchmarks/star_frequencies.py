"""Frequencies of common star alleles by super-population, called from the panel, beside published ones.

``python -m benchmarks.star_frequencies STORE PANEL [--record]`` takes a store of the phased calls of 1000 Genomes at the
pharmacogenes (GRCh37) and the table of each sample's ``super_pop``, calls every person as a whole genome, and counts
alleles of first diplotypes with status ``called``. Published frequencies are in benchmarks/published_star_frequencies.tsv:
of a star allele, or of a variant, which is compared with the sum of the alleles that carry it. Intervals are
Wilson's, that of a difference Newcombe's (method 10, from the two Wilson intervals), at 95%. The people differ: gnomAD's AFR
and AMR are largely of the United States, its EUR is without Finns; where a source counts the same people
(``same_people``), the comparison shows that the calls are read rightly and no more.

CYP2B6: rs2279343, which tells *6 from *9 and *4 from *1, is not in the panel. What is compared is rs3745274, from the
alleles of the most probable diplotype whatever its status.

References
----------
Newcombe RG. Interval estimation for the difference between independent proportions: comparison of eleven methods.
Stat Med 1998;17:873-890.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.record import write_results
from genomics.cohort import open_cohort
from genomics.stars import call_diplotypes
from varimol import tables

PUBLISHED = Path(__file__).parent / "published_star_frequencies.tsv"
GENES = ("CYP2B6", "CYP2C19", "CYP2C9", "DPYD", "NUDT15", "SLCO1B1", "TPMT")
UNSETTLED = frozenset({"CYP2B6"})
"""Genes whose most probable diplotype counts whatever its status."""
NORMAL_95 = 1.959963984540054


def wilson(count: float, total: float) -> tuple[float, float]:
    """Wilson's 95% interval of a share.

    Examples
    --------
    >>> [round(float(bound), 4) for bound in wilson(15, 148)]
    [0.0624, 0.1605]
    """
    if total <= 0:
        return 0.0, 1.0
    share, z2 = count / total, NORMAL_95**2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = NORMAL_95 * np.sqrt(share * (1 - share) / total + z2 / (4 * total**2)) / (1 + z2 / total)
    # Exact at the ends, where rounding would leave a hair.
    return (float(middle - half) if count else 0.0), (float(middle + half) if count < total else 1.0)


def difference_interval(
    count: float, total: float, other_count: float, other_total: float
) -> tuple[float, float]:
    """Newcombe's 95% interval of the difference of two shares.

    Examples
    --------
    Table II of Newcombe (1998), 56 of 70 less 48 of 80:

    >>> [round(bound, 4) for bound in difference_interval(56, 70, 48, 80)]
    [0.0524, 0.3339]
    """
    one, two = count / total, other_count / other_total
    (low_one, high_one), (low_two, high_two) = wilson(count, total), wilson(other_count, other_total)
    lower = one - two - np.hypot(one - low_one, high_two - two)
    upper = one - two + np.hypot(high_one - one, two - low_two)
    return float(lower), float(upper)


def count_called(diplotypes: pd.DataFrame, populations: pd.Series, definitions: pd.DataFrame) -> pd.DataFrame:
    """Copies of every allele and every variant by gene and population, and the copies counted in all.

    Parameters
    ----------
    diplotypes
        As `genomics.stars.call_diplotypes` returns them.
    populations
        Super-population by sample.
    definitions
        Star alleles in long form.

    Returns
    -------
    pandas.DataFrame
        gene, what (allele, or rsID of a variant that alleles carry), population, count, n_haplotypes, n_people,
        n_not_called.
    """
    first = diplotypes[(diplotypes["rank"] == 1) & diplotypes["gene"].isin(GENES)]
    first = first.assign(population=first["sample_id"].map(populations))
    called = (first["status"] == "called") | (
        first["gene"].isin(UNSETTLED) & (first["status"] == "ambiguous")
    )
    required = definitions[(definitions["optional"].astype(str) != "1") & (definitions["rsid"] != "")]
    carriers = required.groupby(["gene", "rsid"])["allele"].agg(set)
    rows: list[dict[str, object]] = []
    for (gene, population), people in first.groupby(["gene", "population"], sort=True):
        here = people[called[people.index]]
        # Genes that are read variant by variant name one variant per haplotype; all that are carried count.
        copies = here["diplotype"].str.split("/").explode()
        counted = copies.value_counts()
        total = {
            "population": population, "n_haplotypes": len(copies), "n_people": len(here),
            "n_not_called": len(people) - len(here),
        }  # fmt: skip
        rows += [{"gene": gene, "what": a, "count": int(n), **total} for a, n in counted.items()]
        for rsid, alleles in carriers[gene].items():
            n = int(counted[counted.index.isin(alleles)].sum())
            rows.append({"gene": gene, "what": rsid, "count": n, **total})
    return pd.DataFrame(rows)


def compare(counted: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Counts beside published frequencies; an allele that nobody carries counts 0."""
    totals = counted.drop_duplicates(["gene", "population"]).set_index(["gene", "population"])
    counts = counted.set_index(["gene", "what", "population"])["count"]
    rows = []
    for row in published.to_dict("records"):
        gene, population = str(row["gene"]), str(row["population"])
        there = totals.loc[(gene, population)]
        total = int(there["n_haplotypes"])
        count = int(counts.get((gene, str(row["what"]), population), 0))
        lower, upper = wilson(count, total)
        said, n = float(row["frequency"]), float(row["n_haplotypes"])
        low, high = difference_interval(count, total, said * n, n) if n > 0 else (np.nan, np.nan)
        rows.append({
            "gene": gene, "what": row["what"], "population": population, "count": count, "n_haplotypes": total,
            "n_not_called": int(there["n_not_called"]), "frequency": count / total, "lower": lower, "upper": upper,
            "published": said, "published_n_haplotypes": n if n > 0 else np.nan, "difference": count / total - said,
            "difference_lower": low, "difference_upper": high, "inside": bool(lower <= said <= upper),
            "agrees": bool(lower <= said <= upper) or bool(low <= 0 <= high),
            "same_people": bool(row["same_people"]), "note": row["note"], "source": row["source"],
        })  # fmt: skip
    return pd.DataFrame(rows)


def read_published() -> pd.DataFrame:
    """Published frequencies: gene, what, population, frequency, n_haplotypes (0 not said), same_people, note, source."""
    return pd.read_csv(PUBLISHED, sep="\t", keep_default_na=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Call, count, compare and print; with ``--record`` write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("panel", type=Path, help="table of sample and super_pop")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/star_frequencies.tsv")
    options = parser.parse_args(arguments)
    definitions = tables.allele_definitions()
    definitions = definitions[definitions["gene"].isin(GENES)]
    populations = pd.read_csv(options.panel, sep="\t").set_index("sample")["super_pop"]
    diplotypes = call_diplotypes(open_cohort(options.store), definitions, assay="wgs")
    table = compare(count_called(diplotypes, populations, definitions), read_published())
    print(table.drop(columns=["note", "source"]).to_string(float_format="%.4f"))
    for same, part in table.groupby("same_people"):
        words = "counting the same people" if same else "of other people"
        print(f"sources {words}: {part['inside'].sum()} of {len(part)} inside, {part['agrees'].sum()} agree")
    if options.record:
        print(write_results(table, "star_frequencies"))


if __name__ == "__main__":
    main()
