"""Write simulated patients of a gene as VCF, in any of the ways in which files write the same calls.

The definition holds the bases at its sites alone, and how far an insertion or deletion may be shifted tells
those of the repeat around it. Bases between them are made up where a record needs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genomics.errors import InputError
from genomics.simulate_stars import StarPatient
from genomics.star_alleles import StarGene, StarSite

_BASES = "ACGT"


@dataclass(frozen=True)
class StarWriting:
    """How a file writes calls.

    Attributes
    ----------
    build
        GRCh37 or GRCh38.
    contig_prefix
        ``chr`` or nothing.
    shifted
        Insertions and deletions stand as far to the right as they may, not as far to the left.
    padding
        Bases that each record has beyond its site on either side, no further than the next site.
    split
        One record for each alternate, not one for all.
    carried
        Alternates are those that a patient of the file carries, not all that the definition knows.
    spanning
        A deleted base is written ``*``, not as the reference.
    variants_only
        No record where every patient has the reference.
    """

    build: str = "GRCh38"
    contig_prefix: str = "chr"
    shifted: bool = False
    padding: int = 0
    split: bool = False
    carried: bool = False
    spanning: bool = False
    variants_only: bool = False


@dataclass(frozen=True)
class WrittenGene:
    """Records of one gene.

    Attributes
    ----------
    lines
        The records, in order of position.
    absent
        Numbers of the sites of which the records tell nothing: dropped, without a position on the build, or
        reference throughout in a file of variants alone.
    filtered
        Numbers of the sites whose records fail the filter.
    """

    lines: tuple[str, ...]
    absent: frozenset[int]
    filtered: frozenset[int] = frozenset()


def write_gene(
    gene: StarGene,
    patients: Sequence[StarPatient],
    writing: StarWriting,
    *,
    dropped: frozenset[int] = frozenset(),
    filtered: frozenset[int] = frozenset(),
) -> WrittenGene:
    """Write the calls of one gene.

    Parameters
    ----------
    gene
        The definitions.
    patients
        Their calls.
    writing
        How.
    dropped
        Sites that the file leaves out.
    filtered
        Sites whose records fail the filter.
    """
    bases = local_reference(gene, writing.build)
    records: list[tuple[int, str]] = []
    absent = set()
    for number, site in enumerate(gene.sites):
        position = site.positions[writing.build]
        reference = _reference_code(site, writing.build)
        varies = any(h[number] != reference for patient in patients for h in patient.written)
        if number in dropped or position is None or (writing.variants_only and not varies):
            absent.add(number)
            continue
        status = "q10" if number in filtered else "PASS"
        for start, ref, alts, code_of in _site_records(gene, number, patients, writing, bases):
            calls = [_call(patient, number, code_of, gene, writing) for patient in patients]
            fixed = [
                writing.contig_prefix + gene.contig,
                str(start),
                site.name if ":" not in site.name else ".",
            ]
            fields = [*fixed, ref, ",".join(alts) or ".", ".", status, ".", "GT:GQ:PS", *calls]
            records.append((start, "\t".join(fields)))
    records.sort(key=lambda record: record[0])
    return WrittenGene(tuple(line for _, line in records), frozenset(absent), filtered)


def vcf_text(genes: Sequence[WrittenGene], names: Sequence[str], contigs: Sequence[str]) -> str:
    """Join the records of genes, in the order given, to the text of a VCF.

    Parameters
    ----------
    genes
        Records of the same patients; genes of one contig follow each other in order of position.
    names
        Sample names.
    contigs
        Contigs as the records name them.
    """
    header = [
        "##fileformat=VCFv4.2",
        '##FILTER=<ID=q10,Description="Simulated failure of the caller\'s filter">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        '##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">',
        '##FORMAT=<ID=PS,Number=1,Type=Integer,Description="Phase set">',
        *(f"##contig=<ID={contig}>" for contig in dict.fromkeys(contigs)),
        "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *names]),
    ]
    return "\n".join([*header, *(line for gene in genes for line in gene.lines)]) + "\n"


def local_reference(gene: StarGene, build: str) -> dict[int, str]:
    """Bases of a build's reference sequence that the definition implies, by position.

    Raises
    ------
    InputError
        If two sites imply different bases at one position.

    Examples
    --------
    >>> import numpy as np
    >>> site = StarSite("rs1", {"GRCh38": 5}, {"GRCh38": "CAT"}, ("CAT", "C"), (0, 3))
    >>> gene = StarGene("G", "1", ("*1", "*2"), (site,), np.ones((2, 1, 2), bool), np.ones(2), np.ones(2))
    >>> "".join(base for _, base in sorted(local_reference(gene, "GRCh38").items()))
    'CATATA'
    """
    bases: dict[int, str] = {}
    for site in gene.sites:
        position = site.positions[build]
        known = {} if position is None else _site_bases(site, build, position)
        for at, base in known.items():
            if bases.setdefault(at, base) != base:
                raise InputError(
                    f"sites of {gene.name} imply two different bases at {gene.contig}:{at} of {build}",
                    field=site.name,
                    expected=bases[at],
                )
    return bases


def _site_bases(site: StarSite, build: str, position: int) -> dict[int, str]:
    reference = site.references[build]
    bases = {position + i: base for i, base in enumerate(reference)}
    for base, shift in zip(site.bases, site.shifts, strict=False):
        start, unit, length = _repeat(reference, base, shift)
        bases |= {position + start + i: unit[i % len(unit)] for i in range(length)}
    return bases


def _repeat(reference: str, base: str, shift: int) -> tuple[int, str, int]:
    """Where a repeat begins within the reference, its unit, and how many bases of it follow."""
    if not shift or len(base) == len(reference):
        return 0, reference, 0
    short, long = sorted((reference, base), key=len)
    start = 1
    end = len(long) - (len(short) - start)
    unit = long[start:end]
    return start, unit, shift + (len(unit) if len(reference) > len(base) else 0)


def _reference_code(site: StarSite, build: str) -> int:
    return site.bases.index(site.references[build])


def _site_records(
    gene: StarGene,
    number: int,
    patients: Sequence[StarPatient],
    writing: StarWriting,
    bases: dict[int, str],
) -> list[tuple[int, str, list[str], dict[int | str, int]]]:
    """Records of one site: position, REF, ALTs, and the number of each code among them."""
    site = gene.sites[number]
    reference = _reference_code(site, writing.build)
    codes = [code for code in range(len(site.bases)) if code != reference]
    if writing.carried:
        present = {h[number] for patient in patients for h in patient.written}
        codes = [code for code in codes if code in present]
    stars = writing.spanning and any(
        _is_spanned(gene, number, haplotype, writing) for patient in patients for haplotype in patient.written
    )
    groups = [[code] for code in codes] if writing.split and codes else [codes]
    found = []
    for group in groups:
        start, ref, alts = _spell(gene, number, group, writing, bases)
        numbers: dict[int | str, int] = {code: i + 1 for i, code in enumerate(group)}
        if stars:
            alts, numbers = [*alts, "*"], {**numbers, "*": len(alts) + 1}
        found.append((start, ref, alts, numbers))
    return found


def _spell(
    gene: StarGene, number: int, codes: list[int], writing: StarWriting, bases: dict[int, str]
) -> tuple[int, str, list[str]]:
    """Position, REF and ALTs of a record of some codes of a site."""
    site = gene.sites[number]
    position, reference = site.positions[writing.build] or 0, site.references[writing.build]
    shifts = site.shifts or (0,) * len(site.bases)
    shift = min((shifts[code] for code in codes), default=0) if writing.shifted else 0
    left, right = _padding(gene, number, shift, writing)
    before = "".join(_base_at(bases, position - left + i) for i in range(left))
    after = "".join(_base_at(bases, position + len(reference) + i) for i in range(shift + right))

    # A record that begins before the site keeps all of it, wherever the change is said to stand.
    start = 0 if left else shift
    ref, *alts = [(before + base + after)[start:] for base in (reference, *(site.bases[c] for c in codes))]
    return position - left + start, ref, alts


def _padding(gene: StarGene, number: int, shift: int, writing: StarWriting) -> tuple[int, int]:
    """Bases that a record may have on either side without reaching another site."""
    if not writing.padding:
        return 0, 0
    site = gene.sites[number]
    position = site.positions[writing.build] or 0
    end = position + len(site.references[writing.build]) + shift
    others = [
        (at, at + len(other.references[writing.build]) + max(other.shifts, default=0))
        for i, other in enumerate(gene.sites)
        if i != number and (at := other.positions[writing.build]) is not None
    ]
    left = max([position - writing.padding, *(stop for start, stop in others if start < position)])
    right = min([end + writing.padding, *(start for start, _ in others if start >= position)])
    return max(0, position - left), max(0, right - end)


def _base_at(bases: dict[int, str], position: int) -> str:
    return bases.get(position) or _BASES[(position * 2654435761 >> 7) % 4]


def _is_spanned(gene: StarGene, number: int, haplotype: Sequence[int], writing: StarWriting) -> bool:
    """Whether a haplotype lacks the base of a site, because of a deletion that another site describes."""
    at = gene.sites[number].positions[writing.build] or 0
    for other, code in enumerate(haplotype):
        site = gene.sites[other]
        position, length = site.positions[writing.build], len(site.bases[code])
        if other == number or position is None or length >= len(site.references[writing.build]):
            continue
        shift = site.shifts[code] if site.shifts and writing.shifted else 0
        if position + length + shift <= at < position + len(site.references[writing.build]) + shift:
            return True
    return False


def _call(
    patient: StarPatient,
    number: int,
    code_of: dict[int | str, int],
    gene: StarGene,
    writing: StarWriting,
) -> str:
    state, phase_set = patient.states[number], patient.phase_sets[number]
    alleles = [str(_allele(gene, number, haplotype, code_of, writing)) for haplotype in patient.written]
    if state == "no-call":
        alleles = ["."] * len(alleles)
    elif state == "half-call":
        alleles[0] = "."
    quality = "." if state == "no-call" else "5" if state == "low-quality" else "60"
    # A file that is phased as a whole names no sets.
    named = phase_set * 100 if phase_set and len(set(patient.phase_sets)) > 1 else "."
    return f"{('|' if phase_set else '/').join(alleles)}:{quality}:{named}"


def _allele(
    gene: StarGene,
    number: int,
    haplotype: Sequence[int],
    code_of: dict[int | str, int],
    writing: StarWriting,
) -> int:
    if "*" in code_of and _is_spanned(gene, number, haplotype, writing):
        return code_of["*"]
    return code_of.get(haplotype[number], 0)
