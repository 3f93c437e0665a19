"""One mapping per caller from its own INFO and FORMAT fields to common quantities, as data."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

UNKNOWN = "unknown"

READ_COUNTS: dict[str, tuple[str, ...]] = {
    "AD": ("FORMAT/AD",),
    "RO,AO": ("FORMAT/RO", "FORMAT/AO"),
    "NR,NV": ("FORMAT/NR", "FORMAT/NV"),
    "DP4": ("FORMAT/DP4",),
    "DV": ("FORMAT/DP", "FORMAT/DV"),
    "INFO/DP4": ("INFO/DP4",),
    "tiers": tuple(f"FORMAT/{name}" for name in ("AU", "CU", "GU", "TU", "TAR", "TIR")),
}
"""Fields that each way to count reads needs; `genomics.dialect_counts` says what it does with them."""


@dataclass(frozen=True)
class CallerDialect:
    """The fields in which a caller writes the common quantities.

    Where several fields are named, a call or record takes its value from the first that has one. None
    named: the caller has no such quantity.

    Attributes
    ----------
    name
        Key of `DIALECTS`.
    title
        The programs meant.
    documentation
        Address of the caller's own description of its fields.
    somatic, imputed
        What kind of calls it makes; germline calls from reads where neither is set.
    read_counts
        Ways to count reads of REF and each ALT, keys of `READ_COUNTS`.
    allele_balance
        The caller's own share of reads per ALT, taken where reads are not counted.
    call_depth, genotype_quality
        FORMAT fields: reads at the site, and the Phred-scaled quality of the genotype.
    dosage, probabilities
        FORMAT fields: copies of each ALT, and the posterior of each genotype.
    site_quality, site_quality_unit
        ``QUAL``, or what a caller without it writes, and its unit.
    site_depth, mapping_quality, quality_by_depth, imputation_quality
        INFO fields.
    strand_bias, strand_bias_unit
        INFO fields, turned into a Phred-scaled p-value where the unit is ``p``; values of different units
        do not compare.
    """

    name: str
    title: str
    documentation: str
    somatic: bool = False
    imputed: bool = False
    read_counts: tuple[str, ...] = ()
    allele_balance: tuple[str, ...] = ()
    call_depth: tuple[str, ...] = ()
    genotype_quality: tuple[str, ...] = ()
    dosage: tuple[str, ...] = ()
    probabilities: tuple[str, ...] = ()
    site_quality: tuple[str, ...] = ("QUAL",)
    site_quality_unit: str = "Phred"
    site_depth: tuple[str, ...] = ()
    mapping_quality: tuple[str, ...] = ()
    strand_bias: tuple[str, ...] = ()
    strand_bias_unit: str = "Phred"
    quality_by_depth: tuple[str, ...] = ()
    imputation_quality: tuple[str, ...] = ()

    @property
    def needed_fields(self) -> tuple[str, ...]:
        """Keys of the INFO and FORMAT fields that the common quantities are computed from.

        Examples
        --------
        >>> DIALECTS["beagle"].needed_fields
        ('FORMAT/DS', 'FORMAT/GP', 'INFO/DR2', 'INFO/AR2')
        """
        keys = [key for way in self.read_counts for key in READ_COUNTS[way]]
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, tuple) and item.name != "read_counts":
                keys += [key for key in value if "/" in key]
        return tuple(dict.fromkeys(keys))


_IMPUTED: dict[str, Any] = {
    "imputed": True,
    "dosage": ("FORMAT/DS",),
    "probabilities": ("FORMAT/GP",),
}

_TABLE = (
    CallerDialect(
        "gatk",
        "GATK HaplotypeCaller, GenotypeGVCFs and UnifiedGenotyper",
        "https://gatk.broadinstitute.org/hc/en-us/articles/360035531692",
        read_counts=("AD",),
        call_depth=("FORMAT/DP", "FORMAT/MIN_DP"),
        genotype_quality=("FORMAT/GQ", "FORMAT/RGQ"),
        site_depth=("INFO/DP",),
        mapping_quality=("INFO/MQ",),
        strand_bias=("INFO/FS",),
        quality_by_depth=("INFO/QD",),
    ),
    CallerDialect(
        "deepvariant",
        "DeepVariant and DeepTrio",
        "https://github.com/google/deepvariant/blob/r1.6/docs/FAQ.md",
        read_counts=("AD",),
        allele_balance=("FORMAT/VAF",),
        call_depth=("FORMAT/DP", "FORMAT/MIN_DP"),
        genotype_quality=("FORMAT/GQ",),
    ),
    CallerDialect(
        "glnexus",
        "GLnexus, joint calls of DeepVariant or GATK gVCFs",
        "https://github.com/dnanexus-rnd/GLnexus/wiki/Reading-GLnexus-pVCFs",
        read_counts=("AD",),
        call_depth=("FORMAT/DP",),
        genotype_quality=("FORMAT/GQ",),
    ),
    CallerDialect(
        "freebayes",
        "FreeBayes",
        "https://github.com/freebayes/freebayes#readme",
        read_counts=("RO,AO", "AD"),
        call_depth=("FORMAT/DP",),
        genotype_quality=("FORMAT/GQ",),
        site_depth=("INFO/DP",),
        mapping_quality=("INFO/MQM",),
        strand_bias=("INFO/SAP",),
    ),
    CallerDialect(
        "bcftools",
        "bcftools call, and samtools 0.1 before it",
        "https://samtools.github.io/bcftools/bcftools.html#call",
        read_counts=("AD", "DP4", "DV", "INFO/DP4"),
        call_depth=("FORMAT/DP",),
        genotype_quality=("FORMAT/GQ",),
        site_depth=("INFO/DP",),
        mapping_quality=("INFO/MQ",),
        strand_bias=("INFO/FS",),
    ),
    CallerDialect(
        "strelka2-germline",
        "Strelka2, germline calls",
        "https://github.com/Illumina/strelka/blob/v2.9.x/docs/userGuide/README.md#germline",
        read_counts=("AD",),
        call_depth=("FORMAT/DP", "FORMAT/DPI"),
        genotype_quality=("FORMAT/GQX", "FORMAT/GQ"),
        mapping_quality=("INFO/MQ",),
        strand_bias=("INFO/SNVSB", "FORMAT/SB"),
        strand_bias_unit="score of Strelka",
    ),
    CallerDialect(
        "strelka2-somatic",
        "Strelka2, somatic calls",
        "https://github.com/Illumina/strelka/blob/v2.9.x/docs/userGuide/README.md#somatic-variant-allele-frequencies",
        somatic=True,
        read_counts=("tiers",),
        call_depth=("FORMAT/DP",),
        site_quality=("INFO/SomaticEVS", "INFO/QSS_NT", "INFO/QSI_NT"),
        site_quality_unit="Phred, SomaticEVS or else QSS_NT and QSI_NT",
        site_depth=("INFO/DP",),
        mapping_quality=("INFO/MQ",),
        strand_bias=("INFO/SNVSB",),
        strand_bias_unit="score of Strelka",
    ),
    CallerDialect(
        "mutect2",
        "GATK Mutect2",
        "https://gatk.broadinstitute.org/hc/en-us/articles/360035531132",
        somatic=True,
        read_counts=("AD",),
        allele_balance=("FORMAT/AF",),
        call_depth=("FORMAT/DP",),
        site_quality=("INFO/TLOD",),
        site_quality_unit="log10 odds that the ALT is there",
        site_depth=("INFO/DP",),
        mapping_quality=("INFO/MMQ",),
    ),
    CallerDialect(
        "platypus",
        "Platypus",
        "https://github.com/andyrimmer/Platypus",
        read_counts=("NR,NV",),
        call_depth=("FORMAT/NR",),
        genotype_quality=("FORMAT/GQ",),
        site_depth=("INFO/TC",),
        mapping_quality=("INFO/MQ",),
        strand_bias=("INFO/SbPval",),
        strand_bias_unit="p",
        quality_by_depth=("INFO/QD",),
    ),
    CallerDialect(
        "octopus",
        "Octopus",
        "https://luntergroup.github.io/octopus/docs/guides/filtering/annotations",
        read_counts=("AD",),
        call_depth=("FORMAT/DP", "FORMAT/ADP"),
        genotype_quality=("FORMAT/GQ",),
        site_depth=("INFO/DP",),
        mapping_quality=("INFO/MQ",),
        quality_by_depth=("INFO/QD",),
    ),
    CallerDialect(
        "glimpse",
        "GLIMPSE and GLIMPSE2",
        "https://odelaneau.github.io/GLIMPSE/docs/documentation/phase/",
        imputation_quality=("INFO/INFO",),
        **_IMPUTED,
    ),
    CallerDialect(
        "beagle",
        "Beagle 4 and 5",
        "https://faculty.washington.edu/browning/beagle/beagle_5.4_18Mar22.pdf",
        imputation_quality=("INFO/DR2", "INFO/AR2"),
        **_IMPUTED,
    ),
    CallerDialect(
        "minimac",
        "Minimac3 and Minimac4",
        "https://genome.sph.umich.edu/wiki/Minimac4_Documentation",
        imputation_quality=("INFO/R2",),
        **_IMPUTED,
    ),
    CallerDialect(
        UNKNOWN,
        "a caller that the header does not tell: the fields that the VCF specification reserves",
        "https://samtools.github.io/hts-specs/VCFv4.5.pdf",
        read_counts=("AD",),
        call_depth=("FORMAT/DP",),
        genotype_quality=("FORMAT/GQ",),
        dosage=("FORMAT/DS",),
        probabilities=("FORMAT/GP",),
        site_depth=("INFO/DP",),
        mapping_quality=("INFO/MQ",),
    ),
)

DIALECTS: dict[str, CallerDialect] = {dialect.name: dialect for dialect in _TABLE}
"""Callers by name; ``unknown`` reads the reserved fields of the VCF specification alone."""
