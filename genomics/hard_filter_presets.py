"""Recommended hard filters of each caller, as data: every rule with the document that it comes from.

Expressions say what fails, and are written as ``bcftools filter -e`` takes them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HardFilterRule:
    """One condition under which a record, or a call, fails.

    Attributes
    ----------
    name
        With the preset's name before it, what FILTER is given: ``gatk-snp-QD2``.
    expression
        What fails: one comparison of arithmetic over ``QUAL``, ``INFO/TAG``, ``FORMAT/TAG`` and numbers, or
        ``FILTER != "PASS"``. With a FORMAT field it judges each call and leaves FILTER alone.
    source
        Where the caller's authors recommend it.
    applies_to
        ``snp``: every ALT is as long as REF. ``indel``: the other records. ``any``: both.
    """

    name: str
    expression: str
    source: str
    applies_to: str = "any"


@dataclass(frozen=True)
class HardFilterPreset:
    """Rules that belong together.

    Attributes
    ----------
    name
        Key of `HARD_FILTERS`.
    callers
        Callers that it is meant for, keys of `genomics.dialects.DIALECTS`.
    description
        What it does and what it leaves to its user.
    rules
        Its rules.
    """

    name: str
    callers: tuple[str, ...]
    description: str
    rules: tuple[HardFilterRule, ...]

    @property
    def filter_names(self) -> tuple[str, ...]:
        """What FILTER may be given.

        Examples
        --------
        >>> HARD_FILTERS["beagle"].filter_names
        ('beagle-DR2-0.3',)
        """
        return tuple(f"{self.name}-{rule.name}" for rule in self.rules if "FORMAT/" not in rule.expression)


_GATK = (
    "https://gatk.broadinstitute.org/hc/en-us/articles/"
    "360035531112--How-to-Filter-variants-either-with-VQSR-or-by-hard-filtering"
)
_HTSLIB = "http://www.htslib.org/workflow/filter.html"
_GARRISON = (
    "E. Garrison, Calling variants with freebayes, suggested hard filter for human diploid sequencing, "
    "https://wiki.uiowa.edu/download/attachments/145192256/erik%20garrison%20-%20iowa%20talk%202.pdf"
)
_FREEBAYES = "https://github.com/freebayes/freebayes#readme"
_DEEPVARIANT = (
    "https://github.com/google/deepvariant/blob/r1.6/deepvariant/postprocess_variants.py, "
    "cnn_homref_call_min_gq=20"
)
_PASS = 'FILTER != "PASS"'


def _snp(name: str, expression: str, source: str) -> HardFilterRule:
    return HardFilterRule(f"snp-{name}", expression, source, "snp")


def _indel(name: str, expression: str, source: str) -> HardFilterRule:
    return HardFilterRule(f"indel-{name}", expression, source, "indel")


def _passing(name: str, callers: tuple[str, ...], filters: str, source: str) -> HardFilterPreset:
    """Preset for a caller that filters by itself: what it does not pass fails."""
    description = f"Records that {filters} did not pass fail, those without any FILTER too."
    return HardFilterPreset(name, callers, description, (HardFilterRule("PASS", _PASS, source),))


def _imputed(name: str, tag: str, source: str) -> HardFilterPreset:
    rule = HardFilterRule(f"{tag}-0.3", f"INFO/{tag} < 0.3", source)
    return HardFilterPreset(name, (name,), f"Imputation quality INFO/{tag} of 0.3 or more.", (rule,))


_MARCHINI = "Marchini and Howie 2010, doi:10.1038/nrg2796: thresholds of 0.3 to 0.5 are in use"

_PRESETS = (
    HardFilterPreset(
        "gatk",
        ("gatk",),
        "GATK's thresholds where VQSR cannot be used. Apart for SNPs and indels.",
        (
            _snp("QD2", "INFO/QD < 2.0", _GATK),
            _snp("QUAL30", "QUAL < 30.0", _GATK),
            _snp("SOR3", "INFO/SOR > 3.0", _GATK),
            _snp("FS60", "INFO/FS > 60.0", _GATK),
            _snp("MQ40", "INFO/MQ < 40.0", _GATK),
            _snp("MQRankSum-12.5", "INFO/MQRankSum < -12.5", _GATK),
            _snp("ReadPosRankSum-8", "INFO/ReadPosRankSum < -8.0", _GATK),
            _indel("QD2", "INFO/QD < 2.0", _GATK),
            _indel("QUAL30", "QUAL < 30.0", _GATK),
            _indel("FS200", "INFO/FS > 200.0", _GATK),
            _indel("ReadPosRankSum-20", "INFO/ReadPosRankSum < -20.0", _GATK),
        ),
    ),
    HardFilterPreset(
        "bcftools",
        ("bcftools",),
        "The depth-adjusted rules of htslib's guide for calls of bcftools 1.13 or later, with QUAL above 10. "
        "The guide covers one human genome; its upper limits of depth need the mean depth and are left out.",
        (
            _snp("QUAL10", "QUAL <= 10", _HTSLIB),
            _snp("MQBZ", "INFO/MQBZ < -(3.5 + 4 * INFO/DP / QUAL)", _HTSLIB),
            _snp("RPBZ-high", "INFO/RPBZ > 3 + 3 * INFO/DP / QUAL", _HTSLIB),
            _snp("RPBZ-low", "INFO/RPBZ < -(3 + 3 * INFO/DP / QUAL)", _HTSLIB),
            _snp("SCBZ", "INFO/SCBZ > 2.5 + INFO/DP / 30", _HTSLIB),
            _snp("SP", "FORMAT/SP > 40 + INFO/DP / 2", _HTSLIB),
            _indel("IDV2", "INFO/IDV < 2", _HTSLIB),
            _indel("IMF0.1", "INFO/IMF < 0.1", _HTSLIB),
            _indel("MQBZ", "INFO/MQBZ < -(5 + INFO/DP / 20)", _HTSLIB),
            _indel("RPBZ-SCBZ", "INFO/RPBZ + INFO/SCBZ > 9", _HTSLIB),
        ),
    ),
    HardFilterPreset(
        "freebayes",
        ("freebayes",),
        "Quality per read that carries the ALT, both strands, both sides of the reads. "
        "A record fails where each of its ALTs does, as vcffilter drops ALTs.",
        (
            HardFilterRule("QUAL1", "QUAL <= 1", _GARRISON),
            HardFilterRule("QUAL-per-AO", "QUAL / INFO/AO <= 10", _GARRISON),
            HardFilterRule("SAF", "INFO/SAF <= 0", _GARRISON),
            HardFilterRule("SAR", "INFO/SAR <= 0", _GARRISON),
            HardFilterRule("RPR", "INFO/RPR <= 1", _GARRISON),
            HardFilterRule("RPL", "INFO/RPL <= 1", _GARRISON),
        ),
    ),
    HardFilterPreset(
        "freebayes-qual20",
        ("freebayes",),
        "QUAL above 20 alone, as FreeBayes' manual filters.",
        (HardFilterRule("QUAL20", "QUAL <= 20", _FREEBAYES),),
    ),
    HardFilterPreset(
        "deepvariant",
        ("deepvariant",),
        "Records that DeepVariant did not pass fail; calls below GQ 20 too, the limit that DeepVariant puts "
        "on its own calls of the reference, here put on every call.",
        (
            HardFilterRule("PASS", _PASS, "https://github.com/google/deepvariant/blob/r1.6/docs/FAQ.md"),
            HardFilterRule("GQ20", "FORMAT/GQ < 20", _DEEPVARIANT),
        ),
    ),
    HardFilterPreset(
        "glnexus",
        ("glnexus",),
        "Calls below GQ 20 fail, as for DeepVariant. GLnexus leaves FILTER empty and has filtered alleles.",
        (HardFilterRule("GQ20", "FORMAT/GQ < 20", _DEEPVARIANT),),
    ),
    _passing(
        "strelka2",
        ("strelka2-germline", "strelka2-somatic"),
        "Strelka2's empirical scores (LowGQX, LowEVS)",
        "https://github.com/Illumina/strelka/blob/v2.9.x/docs/userGuide/README.md",
    ),
    _passing(
        "mutect2",
        ("mutect2",),
        "FilterMutectCalls",
        "https://gatk.broadinstitute.org/hc/en-us/articles/360035531132",
    ),
    _passing(
        "platypus",
        ("platypus",),
        "Platypus' filters",
        "https://github.com/andyrimmer/Platypus",
    ),
    _passing(
        "octopus",
        ("octopus",),
        "Octopus' thresholds or random forest",
        "https://luntergroup.github.io/octopus/docs/guides/filtering/annotations",
    ),
    _imputed("glimpse", "INFO", _MARCHINI),
    _imputed("beagle", "DR2", _MARCHINI),
    _imputed("minimac", "R2", "Li et al. 2010, doi:10.1002/gepi.20533: r2 of 0.3"),
)

HARD_FILTERS: dict[str, HardFilterPreset] = {preset.name: preset for preset in _PRESETS}
"""Presets by name."""
