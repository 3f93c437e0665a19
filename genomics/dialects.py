"""Which program made a file's calls, and what its own fields are called in common terms.

`detect_caller` reads the header; `DIALECTS` holds one mapping per caller from its INFO and FORMAT fields to
common quantities, which `common_fields` computes for a block.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from genomics.dialect_fields import CommonFields, common_fields
from genomics.dialect_table import DIALECTS, UNKNOWN, CallerDialect

__all__ = [
    "DIALECTS",
    "UNKNOWN",
    "CallerDialect",
    "CallerGuess",
    "CommonFields",
    "common_fields",
    "detect_caller",
]

# Imputation replaces the calls of a caller, and joint genotyping those of single samples.
_CALLING, _JOINT, _IMPUTATION = 1, 2, 3
_GATK_LINE = r"^##GATKCommandLine(?:\.\w+)?=<ID={}\b"
_SIGNS: tuple[tuple[int, str, str], ...] = (
    (_CALLING, "gatk", _GATK_LINE.format("(?:HaplotypeCaller|UnifiedGenotyper)")),
    (_CALLING, "gatk", r"^##source=\"?(?:HaplotypeCaller|UnifiedGenotyper)\b|^##UnifiedGenotyper="),
    (_JOINT, "gatk", _GATK_LINE.format("GenotypeGVCFs") + r"|^##source=\"?GenotypeGVCFs\b"),
    (_CALLING, "mutect2", _GATK_LINE.format("(?:Mutect2|MuTect2)")),
    (_CALLING, "mutect2", r"^##source=\"?Mu[tT]ect2\b|^##MutectVersion="),
    (_CALLING, "deepvariant", r"^##DeepVariant_version="),
    (_JOINT, "glnexus", r"^##GLnexusVersion="),
    (_CALLING, "freebayes", r"^##source=\"?[fF]ree[bB]ayes\b|^##commandline=\"\S*freebayes\b"),
    (_CALLING, "bcftools", r"^##bcftools_callCommand=call\b|^##samtoolsVersion=0\.1\."),
    (_CALLING, "strelka", r"^##source=strelka\b|^##content=strelka \w+ [\w-]+ calls"),
    (_CALLING, "platypus", r"^##source=\"?Platypus_Version_[\d.]+|^##platypusOptions="),
    (_CALLING, "octopus", r"^##octopus(?:_\w+)?="),
    (_IMPUTATION, "glimpse", r"^##source=\"?GLIMPSE\d?\w*"),
    (_IMPUTATION, "beagle", r"^##source=\"?beagle\b[\w.]*"),
    (_IMPUTATION, "minimac", r"^##source=\"?[mM]inimac\d?\b|^##minimac4_Command="),
)
_PATTERNS = tuple((stage, name, re.compile(pattern)) for stage, name, pattern in _SIGNS)
_SOMATIC_STRELKA = re.compile(r"^##content=strelka somatic|^##FORMAT=<ID=(?:AU|TIR),", re.MULTILINE)
_FOLDER = re.compile(r'(?<=")\S*/')
_PROGRAM = re.compile(
    r"^##(?:GATKCommandLine(?:\.\w+)?=<ID=(?P<gatk>\w+)|bcftools_(?P<bcftools>\w+)Command="
    r"|source=\"?(?P<source>[\w.-]+))"
)
_ROLE_LINES = {
    "tumour": re.compile(r"^##tumor_sample=(.+?)\s*$", re.MULTILINE),
    "normal": re.compile(r"^##normal_sample=(.+?)\s*$", re.MULTILINE),
}


@dataclass(frozen=True)
class CallerGuess:
    """What a header says of the program that made the calls.

    Attributes
    ----------
    caller
        Key of `DIALECTS`; ``unknown`` where nothing tells, or where two callers are named that cannot
        both have made the calls.
    evidence
        The parts of header lines that told, as ``line 12: ##DeepVariant_version=``; never whole lines,
        which may name patients' files.
    candidates
        Callers that the evidence names, the one that made the calls last; two or more of one stage where
        the caller is ``unknown``.
    programs
        Programs that wrote into the header, in its order.
    tumours, normals
        Samples by role, as columns are named; empty where the header does not tell. Of a caller that is not
        somatic, header lines have to name both.
    """

    caller: str
    evidence: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    tumours: tuple[str, ...] = ()
    normals: tuple[str, ...] = ()

    @property
    def dialect(self) -> CallerDialect:
        """The mapping of its fields."""
        return DIALECTS[self.caller]

    def attributes(self) -> dict[str, Any]:
        """Return what a store keeps of it, without sample names."""
        return {
            "caller": self.caller,
            "evidence": list(self.evidence),
            "candidates": list(self.candidates),
            "programs": list(self.programs),
        }


def detect_caller(header: str | bytes) -> CallerGuess:
    """Tell from a VCF header which program made the calls.

    Programs that only change files (``bcftools norm``, ``SelectVariants``) are listed and not taken for
    callers. Of several callers, imputation comes after joint genotyping and that after calling: the last
    stage made the calls that the file holds. Two callers of one stage, as in a merge, leave it unknown.

    Parameters
    ----------
    header
        Its text up to and with the #CHROM line, as ``VcfReader.header.text``.

    Examples
    --------
    >>> text = '''##fileformat=VCFv4.2
    ... ##source=HaplotypeCaller
    ... ##bcftools_normCommand=norm -m - in.vcf'''
    >>> guess = detect_caller(text)
    >>> guess.caller, guess.evidence, guess.programs
    ('gatk', ('line 2: ##source=HaplotypeCaller',), ('HaplotypeCaller', 'bcftools norm'))
    """
    text = header.decode("utf-8", errors="replace") if isinstance(header, bytes) else header
    found: dict[str, int] = {}
    evidence, programs = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        for stage, name, pattern in _PATTERNS:
            if match := pattern.match(line):
                found[name] = max(stage, found.get(name, 0))
                evidence.append(f"line {number}: {_FOLDER.sub('', match.group(0))}")
        if match := _PROGRAM.match(line):
            programs.append(_program_name(match))
    return _decide(text, found, tuple(evidence), tuple(dict.fromkeys(programs)))


def _program_name(match: re.Match[str]) -> str:
    if match["bcftools"]:
        return f"bcftools {match['bcftools']}"
    return match["gatk"] or match["source"]


def _decide(
    text: str, found: dict[str, int], evidence: tuple[str, ...], programs: tuple[str, ...]
) -> CallerGuess:
    kind = "strelka2-somatic" if _SOMATIC_STRELKA.search(text) else "strelka2-germline"
    found = {kind if name == "strelka" else name: stage for name, stage in found.items()}
    candidates = tuple(sorted(found, key=lambda name: found[name]))
    last = [name for name in candidates if found[name] == max(found.values())]
    if len(last) != 1:
        return CallerGuess(UNKNOWN, evidence, candidates, programs, *_roles(text, somatic=False))
    tumours, normals = _roles(text, somatic=DIALECTS[last[0]].somatic)
    return CallerGuess(last[0], evidence, candidates, programs, tumours, normals)


def _roles(text: str, *, somatic: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Samples that are tumours and normals: named in header lines, or after a somatic caller by their column."""
    samples = text.rstrip("\r\n").rsplit("\n", 1)[-1].rstrip("\r").split("\t")[9:]
    named = {role: set(pattern.findall(text)) for role, pattern in _ROLE_LINES.items()}
    if somatic and not named["tumour"] | named["normal"]:
        named = {"tumour": {"TUMOR", "TUMOUR"}, "normal": {"NORMAL"}}
    tumours = tuple(name for name in samples if name in named["tumour"])
    normals = tuple(name for name in samples if name in named["normal"])
    if somatic and normals and not tumours:
        tumours = tuple(name for name in samples if name not in normals)
    return (tumours, normals) if somatic or (tumours and normals) else ((), ())
