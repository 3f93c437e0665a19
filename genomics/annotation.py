"""Consequences that a variant file carries: INFO/BCSQ (bcftools csq), CSQ (VEP) and ANN (SnpEff)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from genomics.block import Consequence

KEYS: tuple[str, ...] = ("CSQ", "ANN", "BCSQ")
NO_CONSEQUENCE: Consequence = ("", "", "")

# Sequence Ontology terms from most to least severe, in the order that Ensembl publishes.
_SEVERITY: tuple[str, ...] = (
    "transcript_ablation",
    "splice_acceptor",
    "splice_acceptor_variant",
    "splice_donor",
    "splice_donor_variant",
    "stop_gained",
    "frameshift",
    "frameshift_variant",
    "stop_lost",
    "start_lost",
    "transcript_amplification",
    "inframe_insertion",
    "inframe_deletion",
    "inframe_altering",
    "missense",
    "missense_variant",
    "protein_altering_variant",
    "splice_region",
    "splice_region_variant",
    "incomplete_terminal_codon_variant",
    "start_retained",
    "stop_retained",
    "stop_retained_variant",
    "synonymous",
    "synonymous_variant",
    "coding_sequence",
    "coding_sequence_variant",
    "5_prime_utr",
    "5_prime_UTR_variant",
    "3_prime_utr",
    "3_prime_UTR_variant",
    "non_coding",
    "non_coding_transcript_exon_variant",
    "intron",
    "intron_variant",
    "upstream_gene_variant",
    "downstream_gene_variant",
    "intergenic",
    "intergenic_variant",
)
_RANK = {term: rank for rank, term in enumerate(_SEVERITY)}

_THREE_TO_ONE = {
    "Ala": "A", "Arg": "R", "Asn": "N", "Asp": "D", "Cys": "C", "Gln": "Q", "Glu": "E", "Gly": "G",
    "His": "H", "Ile": "I", "Leu": "L", "Lys": "K", "Met": "M", "Phe": "F", "Pro": "P", "Ser": "S",
    "Thr": "T", "Trp": "W", "Tyr": "Y", "Val": "V", "Ter": "*", "Sec": "U",
}  # fmt: skip
_HGVS_SUBSTITUTION = re.compile(r"p\.\(?([A-Z][a-z]{2})(\d+)([A-Z][a-z]{2}|\*|=)\)?$")
_BCSQ_CHANGE = re.compile(r"^(\d+)([A-Z*]+)(?:>(\d+)([A-Z*]+))?$")
_BCSQ_ALLELE = re.compile(r"\d+[ACGTN]+>([ACGTN]+)")

Parser = Callable[[str, str, Sequence[str]], tuple[Consequence, ...]]


def amino_acid_change(text: str) -> str:
    """Write a substitution as ``P1104A``; any other change stays as the file writes it.

    Examples
    --------
    >>> amino_acid_change("ENSP00000431885.1:p.Pro1104Ala"), amino_acid_change("1104P>1104A")
    ('P1104A', 'P1104A')
    >>> amino_acid_change("p.Lys2fs"), amino_acid_change("25L")
    ('p.Lys2fs', 'L25=')
    """
    protein = text.rsplit(":", 1)[-1].replace("%3D", "=")
    if found := _HGVS_SUBSTITUTION.match(protein):
        old, position, new = found.groups()
        return f"{_THREE_TO_ONE.get(old, old)}{position}{_THREE_TO_ONE.get(new, new)}"
    if found := _BCSQ_CHANGE.match(protein):
        position, old, _, new = found.groups()
        if new is None:
            return f"{old}{position}="
        return f"{old}{position}{new}" if len(old) == len(new) == 1 else protein
    return protein


def severity(consequence: str) -> int:
    """Rank of the most severe term in ``a&b``; 0 is the most severe.

    Examples
    --------
    >>> severity("missense_variant&splice_region_variant") < severity("synonymous_variant")
    True
    """
    return min(_RANK.get(term.lstrip("*"), len(_SEVERITY)) for term in consequence.split("&"))


def parse_consequences(
    key: str, value: str, ref: str, alts: Sequence[str], fields: Sequence[str] = ()
) -> tuple[Consequence, ...]:
    """Read the most severe consequence of each ALT.

    Parameters
    ----------
    key
        ``CSQ``, ``ANN`` or ``BCSQ``.
    value
        The tag's text: entries separated by commas, fields by ``|``.
    ref, alts
        The record's alleles.
    fields
        Field names of CSQ, from the header's ``Format: Allele|Consequence|...``.

    Returns
    -------
    One (gene, consequence, amino-acid change) per ALT, empty where the tag does not speak of that ALT.

    Examples
    --------
    >>> parse_consequences("BCSQ", "missense|GENE1|ENST1|protein_coding|-|1104P>1104A|10352442G>C", "G", ["C"])
    (('GENE1', 'missense', 'P1104A'),)
    """
    entries = [entry.split("|") for entry in value.split(",") if entry and not entry.startswith("@")]
    read = {"BCSQ": _from_bcsq, "ANN": _from_ann}.get(key)
    parsed = [read(entry) if read else _from_csq(entry, fields) for entry in entries]
    return tuple(_worst(parsed, _allele_spellings(key, ref, alt, alts), len(alts)) for alt in alts)


def csq_fields(description: str) -> tuple[str, ...]:
    """Read the field names from the header line of CSQ.

    Examples
    --------
    >>> csq_fields("Consequence annotations from Ensembl VEP. Format: Allele|Consequence|SYMBOL")
    ('Allele', 'Consequence', 'SYMBOL')
    """
    return tuple(name.strip(' "') for name in description.rsplit("Format:", 1)[-1].split("|"))


def _worst(parsed: Sequence[tuple[str, Consequence]], spellings: set[str], n_alts: int) -> Consequence:
    own = [item for allele, item in parsed if allele in spellings or (not allele and n_alts == 1)]
    return min(own, key=lambda item: severity(item[1]), default=NO_CONSEQUENCE)


def _allele_spellings(key: str, ref: str, alt: str, alts: Sequence[str]) -> set[str]:
    # VEP drops the first base shared by all alleles of an indel and writes "-" for nothing left.
    symbolic = ("<", "*")
    indel = any(len(other) != len(ref) for other in alts)
    shared = all(other[:1] == ref[:1] or other.startswith(symbolic) for other in alts)
    if key == "CSQ" and indel and shared and not alt.startswith(symbolic):
        return {alt[1:] or "-", alt}
    return {alt}


def _get(entry: Sequence[str], index: int) -> str:
    return entry[index] if 0 <= index < len(entry) else ""


def _from_bcsq(entry: Sequence[str]) -> tuple[str, Consequence]:
    change = _BCSQ_ALLELE.match(_get(entry, 6))
    allele = change.group(1) if change else ""
    return allele, (_get(entry, 1), _get(entry, 0).lstrip("*"), amino_acid_change(_get(entry, 5)))


def _from_ann(entry: Sequence[str]) -> tuple[str, Consequence]:
    return entry[0].strip(), (_get(entry, 3), _get(entry, 1), amino_acid_change(_get(entry, 10)))


def _from_csq(entry: Sequence[str], fields: Sequence[str]) -> tuple[str, Consequence]:
    named = dict(zip(fields, entry, strict=False))
    protein = amino_acid_change(named.get("HGVSp", ""))
    acids, position = named.get("Amino_acids", ""), named.get("Protein_position", "").split("/")[0]
    if not protein and "/" in acids and position.isdigit():
        old, new = acids.split("/", 1)
        protein = f"{old}{position}{new}"
    gene = named.get("SYMBOL") or named.get("Gene") or ""
    return named.get("Allele", ""), (gene, named.get("Consequence", ""), protein)
