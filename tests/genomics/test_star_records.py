from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.star_alleles import StarSite, read_definitions
from genomics.star_match import OTHER
from genomics.star_records import SILENT, SPANNED, GeneSites, allele_codes, prepare_sites, read_record

UGT1A1 = StarSite(
    "rs3064744", {"GRCh38": 100, "GRCh37": None}, {"GRCh38": "CAT", "GRCh37": "CAT"}, ("CAT", "C", "CATAT")
)


@pytest.mark.parametrize(
    ("position", "alleles", "expected"),
    [
        (100, ("CAT", "CATAT", "C"), [0, 2, 1]),
        (100, ("C", "CAT"), [0, 2]),
        (100, ("CAT", "CATATAT"), [0, OTHER]),
        (100, ("CATG", "CATATG", "G"), [0, 2, OTHER]),
        (100, ("C", "G"), None),
        (100, ("C",), [0]),
        (102, ("T", "G"), None),
    ],
)
def test_allele_codes__repeat_written_in_many_ways(
    position: int, alleles: tuple[str, ...], expected: list[int] | None
) -> None:
    told = allele_codes(UGT1A1, "GRCh38", position, alleles)
    assert (told if told is None else told.tolist()) == expected


SNV = StarSite("rs1", {"GRCh38": 101, "GRCh37": 201}, {"GRCh38": "G", "GRCh37": "A"}, ("G", "A"))


@pytest.mark.parametrize(
    ("build", "position", "alleles", "expected"),
    [
        ("GRCh38", 101, ("G", "A", "T"), [0, 1, OTHER]),
        ("GRCh38", 101, ("G", "<NON_REF>"), [0, OTHER]),
        ("GRCh38", 101, ("G", "A", "*"), [0, 1, OTHER]),
        ("GRCh37", 201, ("A", "G"), [1, 0]),
        ("GRCh38", 101, ("A", "G"), [1, 0]),
        ("GRCh38", 101, ("T", "G"), None),
        ("GRCh38", 101, ("G", "GT"), None),
        ("GRCh38", 100, ("TG", "TA", "T"), [0, 1, OTHER]),
        ("GRCh38", 99, ("CT", "C"), None),
    ],
)
def test_allele_codes__substitution(
    build: str, position: int, alleles: tuple[str, ...], expected: list[int] | None
) -> None:
    told = allele_codes(SNV, build, position, alleles)
    assert (told if told is None else told.tolist()) == expected


@pytest.mark.parametrize(
    ("position", "alleles", "expected"),
    [
        # One of the copies of GGAGTC, at the left, at the right, in the middle and with every copy written.
        (48037782, "AGGAGTC A", [0, 1]),
        (48037795, "GGAGTCG G", [0, 1]),
        (48037791, "AGTCGGAGTC AGTC", [0, 1]),
        (48037782, "AGGAGTCGGAGTCGGAGTCG AGGAGTCGGAGTCGGAGTCGGAGTCG AGGAGTCGGAGTCG", [0, 2, 1]),
        (48037800, "CG CGGAGTCG", [0, 2]),
        # Two copies more are no allele's; one that ends elsewhere is none of these.
        (48037782, "A AGGAGTCGGAGTC", [0, OTHER]),
        (48037802, "G GGGAGTC", None),
    ],
)
def test_allele_codes__copies_of_six_bases(position: int, alleles: str, expected: list[int] | None) -> None:
    site = StarSite(
        "rs746071566",
        {"GRCh38": 48037782, "GRCh37": 48611918},
        {"GRCh38": "AGGAGTC", "GRCh37": "AGGAGTC"},
        ("AGGAGTC", "A", "AGGAGTCGGAGTC"),
        (0, 13, 19),
    )
    told = allele_codes(site, "GRCh38", position, tuple(alleles.split()))
    assert (told if told is None else told.tolist()) == expected


@dataclass(frozen=True)
class Indel:
    """An insertion or deletion of the shipped definitions, in a sequence that agrees with them."""

    gene: GeneSites
    site: int
    first: int
    sequence: str

    @property
    def number(self) -> int:
        return self.gene.numbers[self.site]

    def haplotype(self, code: int) -> str:
        at = (self.gene.sites[self.site].positions[self.gene.build] or 0) - self.first
        site = self.gene.sites[self.site]
        after = at + len(site.references[self.gene.build])
        return self.sequence[:at] + site.bases[code] + self.sequence[after:]

    def codes(self) -> list[int]:
        return [code for code, changes in enumerate(self.gene.changes[self.site]) if changes]


@cache
def shipped_indels() -> list[Indel]:
    from varimol import tables

    found = []
    for gene in read_definitions(tables.allele_definitions()):
        for build in ("GRCh37", "GRCh38"):
            sites = prepare_sites(gene.sites, build)
            for number, site in enumerate(sites.sites):
                if len({len(base) for base in site.bases}) > 1:
                    found.append(_surround(sites, number))
    assert len(found) > 100
    return found


def _surround(gene: GeneSites, site: int) -> Indel:
    """Write the bases that the definitions imply, made-up ones around them, and end each repeat where it ends."""
    first, last = int(gene.starts[site]) - 40, int(gene.ends[site]) + 40
    known = {place: base for bases in gene.bases for place, base in bases.items() if first <= place <= last}
    known |= gene.bases[site]
    random = np.random.default_rng(gene.numbers[site])
    letters = [known.get(place, str(random.choice(list("ACGT")))) for place in range(first, last + 1)]
    for changes in gene.changes[site]:
        for change in changes:
            unit = change.deleted or change.inserted
            after = change.position + len(change.deleted) + change.shift
            if after not in known:
                going_on = {unit[(after - change.position) % len(unit)], letters[after - first]}
                letters[after - first] = min(set("ACGT") - going_on)
            if change.position - 1 not in known:
                letters[change.position - 1 - first] = min(set("ACGT") - {unit[-1]})
    return Indel(gene, site, first, "".join(letters))


def read_at(indel: Indel, start: int, end: int, alleles: list[str]) -> list[int] | None:
    """Read a record that covers part of the sequence; each allele is a whole sequence."""
    sequence = indel.sequence
    cut = [allele[start : len(allele) - (len(sequence) - end)] for allele in [sequence, *alleles]]
    found = read_record(indel.gene, indel.first + start, cut)
    assert indel.number not in found.refused
    told = found.codes.get(indel.number)
    return None if told is None else told.tolist()


def test_read_record__every_shipped_indel_at_every_place_without_padding() -> None:
    for indel in shipped_indels():
        for code in indel.codes():
            haplotype = indel.haplotype(code)
            size = len(haplotype) - len(indel.sequence)
            placed = 0
            for start in range(len(indel.sequence) - max(0, -size)):
                end = start + 1 + max(0, -size)
                anchored = indel.sequence[: start + 1] == haplotype[: start + 1]
                if anchored and haplotype.endswith(indel.sequence[end:]):
                    found = read_at(indel, start, end, [haplotype])
                    assert found is not None and found[1] == code, (indel, code, start)
                    placed += 1
            change = indel.gene.changes[indel.site][code][0]
            assert placed == (0 if change.is_replacement else change.shift + 1), (indel, code)


@given(st.data())
@settings(max_examples=300)
def test_read_record__every_shipped_indel_with_any_padding_and_company(data: st.DataObject) -> None:
    indel = data.draw(st.sampled_from(shipped_indels()))
    codes = data.draw(st.lists(st.sampled_from(indel.codes()), min_size=1, unique=True))
    haplotypes = [indel.haplotype(code) for code in codes]
    start, end = 0, len(indel.sequence)
    shared = [_common_start(indel.sequence, haplotype) for haplotype in haplotypes]
    start = data.draw(st.integers(0, min(shared) - 1))
    tails = [_common_start(indel.sequence[::-1], haplotype[::-1]) for haplotype in haplotypes]
    end -= data.draw(
        st.integers(0, min([*tails, *(len(h) - start - 1 for h in haplotypes), end - start - 1]))
    )
    end = max(end, start + 1)
    found = read_at(indel, start, end, haplotypes)
    assert found is not None and found[1:] == codes
    assert found[0] == 0


@given(st.data())
@settings(max_examples=200)
def test_read_record__other_indels_are_never_a_known_code(data: st.DataObject) -> None:
    indel = data.draw(st.sampled_from(shipped_indels()))
    place = data.draw(st.integers(1, len(indel.sequence) - 12))
    cut = data.draw(st.integers(0, 6))
    new = data.draw(st.text("ACGT", min_size=int(not cut), max_size=4)) if not cut else ""
    haplotype = indel.sequence[:place] + new + indel.sequence[place + cut :]
    expected = [code for code in indel.codes() if indel.haplotype(code) == haplotype]
    found = read_at(indel, place - 1, place + cut, [haplotype])
    if expected:
        assert found is not None and found[1:] == expected
    else:
        assert found is None or found[1] in (OTHER, SILENT, 0)


@given(st.data())
@settings(max_examples=200)
def test_read_record__indel_with_another_base_beside_it_is_itself_or_unknown(data: st.DataObject) -> None:
    indel = data.draw(st.sampled_from(shipped_indels()))
    code = data.draw(st.sampled_from(indel.codes()))
    haplotype = indel.haplotype(code)
    shared = _common_start(indel.sequence, haplotype)
    place = data.draw(st.integers(max(0, shared - 12), shared - 1))
    base = data.draw(st.sampled_from(sorted(set("ACGT") - {haplotype[place]})))
    changed = haplotype[:place] + base + haplotype[place + 1 :]
    found = read_at(indel, max(0, place - 1), len(indel.sequence), [changed])
    # Bases that the two changes share may make the outcome one of a plainer change.
    same = [c for c in indel.codes() if indel.haplotype(c) == changed]
    assert found is None or found[1] in (code, OTHER, SILENT, *same)


def _common_start(one: str, two: str) -> int:
    pairs = enumerate(zip(one, two))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(two)))


DELETION = StarSite(
    "rs1304490498",
    {"GRCh38": 94942205, "GRCh37": None},
    {"GRCh38": "CAATGGAAAGA", "GRCh37": ""},
    ("CAATGGAAAGA", "C"),
)
WITHIN = StarSite("within", {"GRCh38": 94942210, "GRCh37": None}, {"GRCh38": "G", "GRCh37": ""}, ("G", "A"))


def test_read_record__deletion_over_another_site() -> None:
    gene = prepare_sites([DELETION, WITHIN], "GRCh38")
    known = read_record(gene, 94942205, ("CAATGGAAAGA", "C")).codes
    # The definition of the deletion lists nothing at the site within it.
    assert known[0].tolist() == [0, 1] and 1 not in known
    unknown = read_record(gene, 94942208, ("TGG", "T")).codes
    assert unknown[0].tolist() == [SILENT, OTHER] and unknown[1].tolist() == [SILENT, OTHER]
    assert read_record(gene, 94942210, ("G", "A", "*")).codes[1].tolist() == [0, 1, SPANNED]
    both = read_record(gene, 94942205, ("CAATGGAAAGA", "C", "CAATGAAAAGA")).codes
    assert both[0].tolist() == [0, 1, 0] and both[1].tolist() == [0, 0, 1]


def test_read_record__one_record_of_two_bases_tells_two_sites() -> None:
    sites = [
        StarSite(f"rs{i}", {"GRCh38": p, "GRCh37": None}, {"GRCh38": r, "GRCh37": ""}, (r, a))
        for i, (p, r, a) in enumerate([(100, "A", "G"), (101, "C", "T"), (103, "G", "A")])
    ]
    gene = prepare_sites(sites, "GRCh38")
    found = read_record(gene, 99, ("TACAG", "TGTAG", "TACAA", "TGCAC")).codes
    assert {i: codes.tolist() for i, codes in found.items()} == {
        0: [0, 1, 0, 1],
        1: [0, 1, 0, 0],
        2: [0, 0, 1, OTHER],
    }


@pytest.mark.parametrize("alleles", [("A", "<NON_REF>"), ("A", "<*>"), ("A",), ("N", "<NON_REF>")])
def test_read_record__reference_block_covers_its_sites(alleles: tuple[str, ...]) -> None:
    gene = prepare_sites([SNV, UGT1A1, PAIR], "GRCh38")
    found = read_record(gene, 90, alleles, length=12).codes
    # SNV stands at 101, the repeat at 100; of the pair's bases, 100 and 101, both are covered.
    assert {i: codes[0] for i, codes in found.items()} == {0: 0, 1: 0, 2: 0}
    assert all((codes[1:] == OTHER).all() for codes in found.values())
    assert set(read_record(gene, 90, alleles, length=11).codes) == {1}
    assert not read_record(gene, 90, ("A", "<DEL>"), length=50).codes


def test_read_record__unknown_reference_base_is_the_builds() -> None:
    assert read_record(prepare_sites([SNV], "GRCh37"), 201, ("N", "G")).codes[0].tolist() == [1, 0]


PAIR = StarSite("pair", {"GRCh38": 100, "GRCh37": None}, {"GRCh38": "TC", "GRCh37": ""}, ("TC", "CT"))


@pytest.mark.parametrize(
    ("position", "alleles", "expected"),
    [
        (100, ("TC", "CT"), [0, 1]),
        (99, ("GTCA", "GCTA", "GCCA"), [0, 1, OTHER]),
        (100, ("T", "C"), None),
    ],
)
def test_allele_codes__variant_of_two_bases(
    position: int, alleles: tuple[str, ...], expected: list[int] | None
) -> None:
    told = allele_codes(PAIR, "GRCh38", position, alleles)
    assert (told if told is None else told.tolist()) == expected


def test_read_record__ref_of_neither_build_is_refused_and_told() -> None:
    gene = prepare_sites([SNV], "GRCh38")
    found = read_record(gene, 101, ("C", "T"))
    assert not found.codes and "REF C at 101 has C where the reference has G" in found.refused[0]
    repeat = read_record(prepare_sites([UGT1A1], "GRCh38"), 100, ("CGT", "CGTGT"))
    assert not repeat.codes and 0 in repeat.refused


@pytest.mark.parametrize(
    ("bases", "alleles"), [(("A", "T"), ("A", "T")), (("A", "G"), ("A", "T")), (("C", "G"), ("C",))]
)
def test_read_record__palindromes_are_not_read_beside_calls_of_the_other_strand(
    bases: tuple[str, ...], alleles: tuple[str, ...]
) -> None:
    site = StarSite("rs1", {"GRCh38": 101, "GRCh37": None}, {"GRCh38": bases[0], "GRCh37": ""}, bases)
    gene = prepare_sites([site], "GRCh38")
    assert read_record(gene, 101, alleles).codes
    refused = read_record(gene, 101, alleles, use_palindromic=False)
    assert not refused.codes and "other strand" in refused.refused[0]


def test_read_record__swapped_reference_of_complements_is_not_guessed() -> None:
    site = StarSite("rs1", {"GRCh38": 101, "GRCh37": 101}, {"GRCh38": "C", "GRCh37": "G"}, ("C", "G"))
    assert read_record(prepare_sites([site], "GRCh37"), 101, ("G", "C")).codes[0].tolist() == [1, 0]
    assert read_record(prepare_sites([site], "GRCh38"), 101, ("G", "C")).refused


@pytest.mark.parametrize("alleles", [("C", "<DEL>"), ("C", "<DUP>"), ("C", "C[2:5["), ("C", "<INS:ME>")])
def test_read_record__structural_records_tell_nothing_of_the_bases(alleles: tuple[str, ...]) -> None:
    assert not read_record(prepare_sites([UGT1A1], "GRCh38"), 100, alleles).codes
