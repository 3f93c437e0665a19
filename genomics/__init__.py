"""Patients' variant calls: from files to arrays, markers, star alleles and genotype profiles.

A cohort is one VCF Zarr store, opened as an xarray Dataset over dask. Everything in this package reads
or returns arrays whose axes mean the following.

Axes
----
``variants``
    Records in the order of their files, and files in the order contig (1 to 22, X, Y, MT, then others by
    name) and position; the store's attribute ``sorted`` tells whether positions ascend. Row ``i`` of any
    array with this axis is record ``i`` of the store. A multi-allelic site is one record.
``samples``
    Patients, in the order of the file or in the order that the user asked for. Identifiers are strings.
``ploidy``
    Alleles of one call, as many as the call with most alleles has. Shorter calls are filled.
``alleles``
    The reference (0) and the alternates (1, 2, ...) of one record.
``filters``, ``contigs``
    The names that ``variant_filter`` and ``variant_contig`` index.

Values
------
* ``call_genotype`` (variants, samples, ploidy), int8, or int16 beyond 127 alleles: the allele numbers
  exactly as the file wrote them. **-1 is missing** (``.``), **-2 is fill**: the call has no allele there.
  A haploid ``1`` in a diploid store is ``[1, -2]``; a half call ``0/.`` is ``[0, -1]``. A record without
  GT is filled entirely with -2: the call has no genotype at all.
* ``call_genotype_phased`` (variants, samples): the call was written with ``|`` throughout.
* ``variant_position``, int32: **1-based**, the position of the first base of REF, as in VCF. Intervals in
  this package are 1-based and closed at both ends, as in VCF and in region strings ``19:100-200``.
* ``call_state`` (variants, samples), int8, four states that are never merged:

  =====  ========  =========================================================================
  value  name      meaning
  =====  ========  =========================================================================
  0      observed  every allele of the call is known
  1      no-call   at least one allele is missing. A half call ``0/.`` counts here: its
                   dosage is not known, though its alleles stay in ``call_genotype``.
                   A record without GT is a no-call of everybody
  2      filtered  the record's FILTER is neither PASS nor ``.``, or the sample's FT is not
                   PASS. The genotype is kept. A no-call stays a no-call
  3      absent    the file does not mention the site. Absent is never taken for the reference
  =====  ========  =========================================================================

* A *dosage* counts copies of one ALT, the effect allele, against all others; NaN where the state is not
  observed. Haploid calls count 0 or 1.
* Contigs keep the name that the file gives them; tables are compared by `canonical_contig`. A
  ``variant_id`` is ``contig:position:ref:alt``, one per ALT.
* The genome build is ``GRCh37``, ``GRCh38`` or ``unknown``. It is detected, never assumed.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

_EXPORTS: dict[str, str] = {
    "InputError": "errors",
    "canonical_contig": "contigs",
    "contig_rank": "contigs",
    "ingest": "ingest",
    "Preparation": "preparation",
    "read_settings": "preparation",
    "CallPolicy": "policy",
    "NormaliseOptions": "normalise",
    "open_reader": "readers",
    "Selection": "readers",
    "VariantReader": "readers",
    "VariantBlock": "block",
    "Field": "fields",
    "detect_caller": "dialects",
    "common_fields": "dialects",
    "DIALECTS": "dialect_table",
    "HARD_FILTERS": "hard_filter_presets",
    "call_statistics": "quality_statistics",
    "CallStatistics": "quality_statistics",
    "check_sex": "sex_check",
    "marker_calls": "marker_calls",
    "Cohort": "cohort",
    "open_cohort": "cohort",
    "require_build": "cohort",
    "require_known_contigs": "cohort",
    "export_calls": "export",
    "QualityPolicy": "quality",
    "Quality": "quality",
    "assess_quality": "quality",
    "hardy_weinberg_exact": "hardy_weinberg",
    "Structure": "structure",
    "principal_components": "structure",
    "Phenotypes": "phenotype",
    "read_phenotypes": "phenotype",
    "associate": "associate",
    "genomic_control": "associate",
    "lead_markers": "markers",
    "call_diplotypes": "stars",
    "assign_phenotypes": "stars",
    "phenotype_probabilities": "stars",
    "recommend": "stars",
    "simulate_cohort": "simulate",
    "SimulatedCohort": "simulate",
    "PlantedEffect": "simulate",
    "GenotypeProfiles": "profiles",
    "read_profile_tables": "profile_tables",
    "profiles_from_cohort": "profile_cohort",
}

__all__ = sorted(_EXPORTS)

if TYPE_CHECKING:
    from genomics.errors import InputError as InputError


def __getattr__(name: str) -> Any:
    module_name = _EXPORTS.get(name)
    if module_name is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module_name}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(types.ModuleType):
    """Keep ``genomics.ingest`` and ``genomics.associate`` the functions, whatever was imported before.

    Python binds a submodule to its package once it is loaded, which would put the module ``ingest`` over
    the function of the same name, depending on the order of imports.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, types.ModuleType) and _EXPORTS.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
