"""Which samples are a tumour and its normal, and which of a tumour's alleles are somatic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Int64

from genomics.dialects import detect_caller
from genomics.errors import InputError
from genomics.profile_variants import AlleleCalls

if TYPE_CHECKING:
    from genomics.cohort import Cohort

# Filters of Mutect2 by which an allele is not somatic; others leave it open.
NOT_SOMATIC: frozenset[str] = frozenset(
    {"alt_allele_in_normal", "germline", "germline_risk", "normal_artifact", "panel_of_normals"}
)


def header_pairs(cohort: Cohort) -> dict[str, str]:
    """Find tumour and normal in what the header says, as Mutect2 writes it.

    Parameters
    ----------
    cohort
        A store; the header's lines are in its attributes.

    Returns
    -------
    dict
        Normal of each tumour; several tumours have one normal. Empty where no somatic caller made the calls and the
        header names no tumour with its normal.

    Raises
    ------
    InputError
        A somatic caller made the calls, and the header does not tell tumours and one normal.
    """
    lines = [f"##{key}={value}" for key, value in cohort.arrays.attrs.get("vcf_meta_information", [])]
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *cohort.sample_ids]
    guess = detect_caller("\n".join([*lines, "\t".join(columns)]))
    if guess.tumours and len(guess.normals) == 1:
        return dict.fromkeys(guess.tumours, guess.normals[0])
    if not guess.dialect.somatic:
        return {}
    raise InputError(
        f"{guess.dialect.title} made the calls and {len(guess.tumours)} tumours and {len(guess.normals)} normals "
        "are told apart",
        file=cohort.path,
        field="pairs",
        expected="tumours and one normal",
        hint="name the normal of each tumour; an empty mapping reads every sample as germline",
    )


def pair_columns(
    cohort: Cohort, pairs: Mapping[str, str]
) -> tuple[Int64[np.ndarray, " pairs"], Int64[np.ndarray, " pairs"]]:
    """Find the columns of tumours and of their normals.

    Parameters
    ----------
    cohort
        The calls.
    pairs
        Normal of each tumour.

    Returns
    -------
    tumours, normals : int64 (pairs,)

    Raises
    ------
    InputError
        The cohort has no such sample, or a sample is its own normal.
    """
    place = {str(name): column for column, name in enumerate(cohort.sample_ids)}
    for tumour, normal in pairs.items():
        for name in (tumour, normal):
            if name not in place:
                raise InputError(
                    f"the cohort has no sample {name!r}",
                    file=cohort.path,
                    field="pairs",
                    expected=f"samples such as {', '.join(list(place)[:3])}",
                )
        if tumour == normal:
            raise InputError(
                f"{tumour!r} is given as its own normal",
                file=cohort.path,
                field="pairs",
                expected="two samples",
            )
    tumours = np.array([place[name] for name in pairs], dtype=np.int64)
    return tumours, np.array([place[name] for name in pairs.values()], dtype=np.int64)


def somatic_alleles(
    calls: AlleleCalls,
    tumours: Int64[np.ndarray, " pairs"],
    normals: Int64[np.ndarray, " pairs"],
    decided: Bool[np.ndarray, " alleles"],
) -> AlleleCalls:
    """Keep the alleles that the tumour has and its normal has not.

    An allele of the normal is not somatic, whatever is known of the tumour. Where the normal is not called,
    an allele of the tumour is left open.

    Parameters
    ----------
    calls
        Of all samples.
    tumours, normals
        Columns of each pair.
    decided
        The record's filters say that the allele is not somatic.

    Returns
    -------
    AlleleCalls
        Of the pairs.
    """
    in_normal = calls.carried[:, normals] | decided[:, None]
    clear = calls.clear[:, normals]
    in_tumour = calls.carried[:, tumours]
    carried = in_tumour & clear & ~in_normal
    open_ = ~in_normal & ~carried & (calls.open[:, tumours] | in_tumour)
    return AlleleCalls(
        carried,
        open_,
        ~in_normal & (open_ | calls.uncounted[:, tumours]),
        calls.clear[:, tumours],
        calls.copies[:, tumours] * carried,
        calls.frequency,
    )


def decided_by_filters(cohort: Cohort) -> Bool[np.ndarray, " records"]:
    """Tell which records failed a filter that says that the allele is not somatic.

    Parameters
    ----------
    cohort
        The calls.

    Returns
    -------
    bool (records,)
    """
    if "variant_filter" not in cohort.arrays:
        return np.zeros(cohort.n_variants, bool)
    names = np.array([str(name) in NOT_SOMATIC for name in cohort.read("filter_id")], dtype=bool)
    return np.asarray(cohort.read("variant_filter")[:, names].any(axis=1), dtype=bool)
