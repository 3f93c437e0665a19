import random
import subprocess
from pathlib import Path
from shutil import which

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.block import join_blocks
from genomics.gvcf import ExpandReferenceBlocks, is_gvcf
from genomics.gvcf_sites import sites_of_regions, sites_of_table
from genomics.ingest import ingest
from genomics.preparation import Preparation
from genomics.readers import Selection, open_reader
from genomics.regions import Region

LENGTH = 400
HEADER = (
    '##ALT=<ID=NON_REF,Description="Any other allele">',
    '##INFO=<ID=END,Number=1,Type=Integer,Description="End">',
    '##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">',
    '##FORMAT=<ID=MIN_DP,Number=1,Type=Integer,Description="Least depth">',
    '##FORMAT=<ID=LEN,Number=1,Type=Integer,Description="Length of the block">',
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Depths">',
)
FIELDS = ("FORMAT/DP", "FORMAT/GQ", "FORMAT/MIN_DP", "FORMAT/LEN", "FORMAT/AD", "INFO/DP")


@pytest.fixture
def expand(make_vcf):
    """Return a function that asks sites (position, ref, alt) of records."""

    def ask(records, sites, samples=("A",), contig="1", block_records=1000):
        path = make_vcf(records, samples=samples, header=HEADER)
        table = pd.DataFrame(sites, columns=["position", "ref", "alt"]).assign(contig=contig)
        step = ExpandReferenceBlocks(sites_of_table(table))
        blocks = open_reader(path).blocks(Selection(fields=FIELDS, block_records=block_records))
        return join_blocks(list(step.apply(blocks)), len(samples)), step.attributes()["counts"]

    return ask


def _said(block):
    """Position, alleles, calls as text and states of each record."""
    names = ("observed", "no-call", "filtered", "absent")
    return [
        (
            int(block.positions[row]), "/".join(block.alleles[row]),
            " ".join("/".join("." if a < 0 else str(a) for a in call if a != -2) for call in block.genotypes[row].tolist()),
            " ".join(names[state] for state in block.states[row]),
        )
        for row in range(len(block))
    ]  # fmt: skip


def _from_block(block):
    return [[False] * block.n_samples] * len(block) if block.from_block is None else block.from_block.tolist()


def test_expand__ends_of_blocks_and_gaps(expand):
    records = [
        "1 100 . A <NON_REF> . . END=199 GT:DP:GQ:MIN_DP 0/0:30:60:21",
        "1 201 . C <NON_REF> . . END=300 GT:DP 0/0:9",
    ]
    sites = [
        (99, "G", "T"),
        (100, "A", "G"),
        (199, "C", "T"),
        (200, "C", "T"),
        (201, "C", "T"),
        (301, "C", "T"),
    ]
    block, counts = expand(records, sites)
    assert _said(block) == [
        (99, "G/T", "", "absent"), (100, "A/G", "0/0", "observed"), (199, "C/T", "0/0", "observed"),
        (200, "C/T", "", "absent"), (201, "C/T", "0/0", "observed"), (301, "C/T", "", "absent"),
    ]  # fmt: skip
    assert block.genotypes[0].tolist() == [[-2, -2]]
    assert block.from_block[:, 0].tolist() == [False, True, True, False, True, False]
    assert block.formats["DP"][:, 0].tolist() == [-1, 30, 30, -1, 9, -1]
    assert block.formats["MIN_DP"][:, 0].tolist() == [-1, 21, 21, -1, -1, -1]
    assert (block.ends == -1).all()
    assert (counts["from_blocks"], counts["absent"], counts["reference_records"]) == (3, 3, 2)


def test_expand__state_is_the_blocks(expand):
    records = [
        "1 100 . A <*> . low END=149 GT:DP 0/0:3 ./.:0",
        "1 150 . A <*> . PASS END=199 GT:DP ./.:0 0:7",
    ]
    block, _ = expand(records, [(120, "C", "T"), (160, "C", "T")], samples="AB")
    assert _said(block) == [
        (120, "C/T", "0/0 ./.", "filtered no-call"),
        (160, "C/T", "./. 0", "no-call observed"),
    ]
    assert block.filters == [("low",), ("PASS",)]


def test_expand__without_sites_hands_blocks_on(make_vcf):
    reader = open_reader(make_vcf(["1 100 . A <*> . . END=149 GT 0/0"], samples="A", header=HEADER))
    blocks = list(reader.blocks(Selection()))
    step = ExpandReferenceBlocks()
    assert [given is kept for given, kept in zip(blocks, step.apply(iter(blocks)), strict=True)] == [True]
    assert step.attributes()["expanded"] is False


def test_expand__variants_stay_and_answer_for_themselves(expand):
    records = [
        "1 100 . A <NON_REF> . . END=149 GT:DP 0/0:30", "1 150 rs1 C T,<NON_REF> 50 PASS . GT:DP:AD 0/1:20:9,11,0",
        "1 151 . G <NON_REF> . . END=199 GT:DP 0/0:30",
    ]  # fmt: skip
    block, counts = expand(records, [(149, "C", "G"), (150, "C", "T"), (150, "C", "A"), (151, "G", "A")])
    assert _said(block) == [
        (149, "C/G", "0/0", "observed"), (150, "C/T/<NON_REF>", "0/1", "observed"),
        (150, "C/A/T", "0/2", "observed"), (151, "G/A", "0/0", "observed"),
    ]  # fmt: skip
    assert block.identifiers == ["", "rs1", "", ""] and not block.from_block[1:3].any()
    assert (counts["found_as_written"], counts["from_other_records"]) == (1, 1)


def test_expand__within_a_deletion(expand):
    records = [
        "1 100 . ACGT A,<NON_REF> . . . GT 0/1 0/0 ./. 1/2",
        "1 104 . G <NON_REF> . . END=200 GT 0/0 0/0 0/0 0/0",
    ]
    block, _ = expand(records, [(100, "A", "G"), (102, "G", "T"), (104, "G", "T")], samples="ABCD")
    assert _said(block) == [
        (100, "ACGT/A/<NON_REF>", "0/1 0/0 ./. 1/2", "observed observed no-call observed"),
        (100, "A/G", "0/0 0/0 ./. ./.", "observed observed no-call no-call"),
        (102, "G/T/*", "0/2 0/0 ./. ./.", "observed observed no-call no-call"),
        (104, "G/T", "0/0 0/0 0/0 0/0", "observed observed observed observed"),
    ]


def test_expand__deletion_over_a_block(expand):
    """DeepVariant's blocks go on beneath a deletion: the deletion speaks for whom it deletes, else the block."""
    records = ["1 100 . ACGT A,<*> . . . GT:DP 0/1:5 ./.:0", "1 101 . C <*> . . END=200 GT:DP 0/0:30 0/0:31"]
    block, _ = expand(records, [(102, "G", "T")], samples="AB")
    assert _said(block)[1] == (102, "G/T/*", "0/2 0/0", "observed observed")
    assert block.from_block[1].tolist() == [False, True] and block.formats["DP"][1].tolist() == [5, 31]


def test_expand__contradictory_records_are_a_no_call(expand):
    records = ["1 100 . A G . . . GT 0/1", "1 100 . A C . . . GT 0/1"]
    block, counts = expand(records, [(100, "A", "T")])
    assert _said(block)[2][2:] == ("./.", "no-call") and counts["contradictory_calls"] == 1


def test_expand__a_call_of_the_unseen_allele_is_a_no_call(expand):
    block, _ = expand(["1 100 . A <NON_REF> . . END=149 GT 0/1 0/0"], [(120, "C", "T")], samples="AB")
    assert _said(block) == [(120, "C/T", "./. 0/0", "no-call observed")]


def test_expand__blocks_without_calls(expand):
    """bcftools mpileup -g writes likelihoods only: the site was looked at, its genotype is not called."""
    block, _ = expand(["1 100 . A <*> . . END=149 DP 12"], [(120, "C", "T")])
    assert _said(block) == [(120, "C/T", "", "no-call")] and block.formats["DP"].tolist() == [[12]]


def test_expand__length_of_each_call(expand):
    """VCF 4.5: each call says how far its own block reaches."""
    records = [
        "1 100 . A <*> . . . GT:LEN:DP 0/0:50:7 0/0:20:8",
        "1 120 . C T,<*> . . . GT:LEN:DP .:.:. 0/1:.:9",
        "1 121 . G <*> . . . GT:LEN:DP .:.:. 0/0:30:5",
    ]
    block, _ = expand(
        records,
        [
            (110, "G", "T"),
            (119, "G", "T"),
            (125, "G", "T"),
            (149, "G", "T"),
            (150, "G", "T"),
            (151, "G", "T"),
        ],
        samples="AB",
    )
    assert _said(block) == [
        (110, "G/T", "0/0 0/0", "observed observed"), (119, "G/T", "0/0 0/0", "observed observed"),
        (120, "C/T/<*>", ". 0/1", "no-call observed"),
        (125, "G/T", "0/0 0/0", "observed observed"), (149, "G/T", "0/0 0/0", "observed observed"),
        (150, "G/T", " 0/0", "absent observed"), (151, "G/T", " ", "absent absent"),
    ]  # fmt: skip
    assert block.formats["DP"][3].tolist() == [7, 5]
    assert (block.formats["LEN"][[0, 1, 3, 4]] == -1).all()


def test_expand__values_of_alleles_only_where_they_fit(expand):
    records = ["1 100 . A <NON_REF> . . END=149;DP=40 GT:AD 0/0:30,2"]
    block, _ = expand(records, [(120, "C", "T"), (130, "C", "T,G")])
    assert block.formats["AD"][:, 0].tolist() == [[30, 2], [-1, -2]]
    assert block.info["DP"].tolist() == [40, 40]


def test_expand__other_reference_base_is_not_the_site(expand):
    block, counts = expand(["1 100 . A <NON_REF> . . END=149 GT 0/0"], [(100, "C", "T"), (101, "C", "T")])
    assert _said(block) == [(100, "C/T", "", "absent"), (101, "C/T", "0/0", "observed")]
    assert counts["ref_mismatch"] == 1


def test_expand__padded_site_is_found(expand):
    block, counts = expand(["1 100 . CAT CGT . . . GT 0/1"], [(101, "A", "G")])
    assert len(block) == 1 and counts["found_as_written"] == 1


def test_expand__contigs(make_vcf):
    """Sites on contigs that come later, never, or under another name."""
    records = ["chr1 100 . A <*> . . END=149 GT 0/0", "chr3 100 . A <*> . . END=149 GT 0/0"]
    reader = open_reader(make_vcf(records, samples="A", header=HEADER))
    table = pd.DataFrame(
        {
            "contig": ["2", "1", "1", "3", "MT", "HLA"],
            "position": [9, 500, 120, 120, 5, 7],
            "ref": "C",
            "alt": "T",
        }
    )
    step = ExpandReferenceBlocks(sites_of_table(table))
    blocks = list(step.apply(reader.blocks(Selection())))
    found = [
        (c, int(p), int(s))
        for b in blocks
        for c, p, s in zip(b.contigs, b.positions, b.states[:, 0], strict=True)
    ]
    assert found == [
        ("chr1", 120, 0),
        ("chr1", 500, 3),
        ("chr3", 120, 0),
        ("chr2", 9, 3),
        ("chrM", 5, 3),
        ("HLA", 7, 3),
    ]


def test_expand__no_records_at_all():
    sites = sites_of_table(pd.DataFrame({"contig": ["1"], "position": [5], "ref": ["A"], "alt": ["G"]}))
    assert list(ExpandReferenceBlocks(sites).apply(iter([]))) == []
    (block,) = ExpandReferenceBlocks(sites, n_samples=3).apply(iter([]))
    assert block.states.tolist() == [[3, 3, 3]]


@pytest.mark.parametrize("block_records", [1, 2, 3, 1000])
def test_expand__empty_calls_of_a_record_found(expand, block_records):
    """VCF 4.5, 5.5: GT is `.` where an earlier block of the sample has called the position already."""
    records = [
        "1 100 . A <*> . . . GT:LEN:DP 0/0:50:7 0/0:20:8 0/0:20:9 ./.:50:0 0/0:20:9",
        "1 120 . C T,<*> 50 PASS . GT:DP . 0/1:6 . . ./.",
        "1 121 . G <*> . . . GT:LEN . . 0/0:10 . .",
    ]
    block, counts = expand(records, [(120, "C", "T")], samples="ABCDE", block_records=block_records)
    assert _said(block) == [(120, "C/T/<*>", "0/0 0/1  ./. ./.", "observed observed absent no-call no-call")]
    assert block.genotypes[0, 2].tolist() == [-2, -2]
    assert block.from_block.tolist() == [[True, False, False, True, False]]
    assert block.formats["DP"].tolist() == [[7, 6, -1, 0, -1]]
    assert (block.formats["LEN"] == -1).all() and block.filters == [("PASS",)]
    assert (counts["found_as_written"], counts["empty_calls_from_blocks"], counts["empty_calls_absent"]) == (
        1,
        2,
        1,
    )


@pytest.mark.parametrize(
    ("call", "covered", "alone"),
    [
        (".:.", ("0/0", "observed", True), (".", "no-call", False)),
        ("./.:.", ("./.", "no-call", False), ("./.", "no-call", False)),
        (".:0", (".", "no-call", False), (".", "no-call", False)),
        ("0/1:9", ("0/1", "observed", False), ("0/1", "observed", False)),
    ],
)
def test_expand__call_of_a_record_found_beside_blocks_with_an_end(expand, call, covered, alone):
    records = ["1 100 . A <NON_REF> . . END=125 GT:DP 0/0:30"]
    records += [f"1 {position} . C T,<NON_REF> . . . GT:DP {call}" for position in (120, 130)]
    block, _ = expand(records, [(120, "C", "T"), (130, "C", "T")], samples="A")
    said = [
        (*told[2:], from_block) for told, (from_block,) in zip(_said(block), _from_block(block), strict=True)
    ]
    assert said == [covered, alone]


def test_expand__empty_calls_of_variants_not_asked_for_stay(expand):
    records = ["1 100 . A <*> . . . GT:LEN 0/0:50 0/0:50", "1 120 . C T . . . GT . 0/1"]
    block, counts = expand(records, [(120, "C", "G")], samples="AB")
    assert _said(block) == [
        (120, "C/T", ". 0/1", "no-call observed"), (120, "C/G/T", "0/0 0/2", "observed observed"),
    ]  # fmt: skip
    assert counts["empty_calls_from_blocks"] == 0


def test_expand__empty_call_in_a_filtered_record_or_block(expand):
    records = [
        "1 100 . A <*> . low . GT:LEN 0/0:15 ./.:15", "1 110 . C T . . . GT . .",
        "1 120 . A <*> . . . GT:LEN 0/0:50 0/0:50", "1 130 . C T . low . GT . 0/1",
    ]  # fmt: skip
    block, _ = expand(records, [(110, "C", "T"), (130, "C", "T")], samples="AB")
    assert _said(block) == [
        (110, "C/T", "0/0 ./.", "filtered no-call"), (130, "C/T", "0/0 0/1", "filtered filtered"),
    ]  # fmt: skip
    assert block.filters == [(), ("low",)]


def test_expand__empty_call_where_another_variant_changes_the_site(expand):
    """What the record does not name, a deletion of the base, is not put into it, nor hidden beneath a block."""
    records = [
        "1 100 . A <*> . . . GT:LEN 0/0:50 0/0:50 0/0:9",
        "1 118 . GACT G . . . GT 0/1 0/0 0/1",
        "1 120 . C T . . . GT . . .",
    ]
    block, _ = expand(records, [(120, "C", "T")], samples="ABC")
    assert _said(block)[1] == (120, "C/T", ". 0/0 .", "no-call observed no-call")
    assert block.from_block[1].tolist() == [False, True, False]


@pytest.mark.parametrize("block_records", [1, 2, 3, 1000])
def test_expand__empty_call_waits_for_its_site(expand, block_records):
    """The record is padded, or a block begins after it at the same position: it waits, and nothing overtakes it."""
    records = [
        "1 50 . A <*> . . . GT:LEN 0/0:51 0/0:9", "1 100 . CAT CGT . . . GT . 0/1", "1 100 . C G . . . GT . 0/1",
        "1 101 . A <*> . . . GT:LEN 0/0:20 .", "1 130 . C T . . . GT . 0/1", "1 130 . C <*> . . . GT:LEN 0/0:5 .",
    ]  # fmt: skip
    sites = [(99, "G", "T"), (100, "C", "A"), (101, "A", "G"), (102, "T", "A"), (130, "C", "T")]
    block, _ = expand(records, sites, samples="AB", block_records=block_records)
    found = {told[:2]: told[2] for told in _said(block)}
    assert block.positions.tolist() == [99, 100, 100, 100, 102, 130]
    assert (found[100, "CAT/CGT"], found[100, "C/G"], found[130, "C/T"]) == ("0/0 0/1", ". 0/1", "0/0 0/1")


def test_expand__end_of_a_variant_is_not_the_end_of_its_calls(expand):
    """Beside LEN, END is the farthest end of all samples' blocks: no reference for a carrier of the variant."""
    records = [
        "1 120 . C T,<*> . . END=149 GT:LEN 0/1:. 0/0:30",
        "1 200 . C T . . END=210 GT:LEN 0/1:. 1/1:.",
    ]
    block, _ = expand(records, [(130, "G", "A"), (205, "G", "A")], samples="AB")
    assert [told[2:] for told in _said(block)[1::2]] == [(" 0/0", "absent observed"), (" ", "absent absent")]
    block, _ = expand(["1 200 . C T . . END=210 GT 0/1 0/0"], [(205, "G", "A")], samples="AB")
    assert _said(block)[1][2:] == ("./. 0/0", "no-call observed")


def test_expand__values_of_alleles_in_a_record_found(expand):
    """A block's values of its two alleles fit a record of two, not one of three."""
    records = [
        "1 100 . A <*> . . . GT:LEN:AD 0/0:50:30,1 0/0:50:20,0",
        "1 110 . C T . . . GT:AD . 0/1:9,8", "1 120 . C T,<*> . . . GT:AD . 0/1:9,8,0",
    ]  # fmt: skip
    block, _ = expand(records, [(110, "C", "T"), (120, "C", "T")], samples="AB")
    assert block.formats["AD"].tolist() == [[[30, 1, -2], [9, 8, -2]], [[-1, -2, -2], [9, 8, 0]]]


def test_expand__lengths_that_are_declared_alone(expand):
    """A genotyped file keeps the header of the gVCF it was made of: `.` is then a haploid no-call."""
    block, _ = expand(["1 120 . C T . . . GT . 0/1"], [(120, "C", "T")], samples="AB")
    assert _said(block) == [(120, "C/T", ". 0/1", "no-call observed")]


def test_expand__empty_call_at_a_site_of_another_reference(expand):
    block, _ = expand(["1 120 . C T . . . GT . 0/1"], [(120, "G", "")], samples="AB")
    assert _said(block) == [(120, "C/T", ". 0/1", "no-call observed")]


@st.composite
def _gvcf(draw):
    """Records of three samples: position, whether it is a variant, and of each cell (GT, end, text) or None."""
    lengths = draw(st.booleans())
    records = []
    for position in sorted(draw(st.lists(st.integers(1, 40), min_size=1, max_size=14))):
        is_variant = draw(st.booleans()) and all(
            position != start for start, variant, _ in records if variant
        )
        end = position if is_variant else position + draw(st.integers(0, 15))
        cells = []
        for _ in "ABC":
            genotype = draw(st.sampled_from([".", ".", "0/0", "./.", *(["0/1"] if is_variant else [])]))
            reach, length = end, "."
            if (lengths and genotype == "0/0") or (lengths and genotype != "." and not is_variant):
                reach = position + draw(st.integers(0, 15))
                length = str(reach - position + 1)
            cells.append(None if genotype == "." else (genotype, reach, length))
        records.append((position, is_variant, cells))
    return lengths, records


def _gvcf_lines(lengths, records):
    for position, is_variant, cells in records:
        alleles = "C T" if is_variant else "N <*>"
        farthest = max((cell[1] for cell in cells if cell), default=position)
        info = "." if lengths or is_variant else f"END={farthest}"
        texts = ["." if cell is None else f"{cell[0]}:{cell[2]}" for cell in cells]
        yield f"1 {position} . {alleles} . . {info} GT:LEN {' '.join(texts)}"


def _oracle(records, sample, site):
    """Call, state and whether it is from a block, of one sample at a site, by looking at its own cells alone."""
    cells = [(position, variant, cells[sample]) for position, variant, cells in records]
    for position, variant, cell in cells:
        if variant and position == site and cell is not None:
            return cell[0], "no-call" if cell[0] == "./." else "observed", False
    blocks = [
        cell[0] for position, variant, cell in cells
        if cell is not None and position <= site <= cell[1] and (not variant or cell[2] != ".")
    ]  # fmt: skip
    if blocks:
        return ("0/0", "observed", True) if "0/0" in blocks else ("./.", "no-call", True)
    with_length = [p for p, _, cells in records if any(cell and cell[2] != "." for cell in cells)]
    if any(start <= site for start in with_length):
        return "", "absent", False
    ends = [(p, max((c[1] for c in cells if c), default=p)) for p, _, cells in records]
    return (".", "no-call", None) if any(p <= site <= end for p, end in ends) else ("", "absent", False)


@settings(max_examples=150, deadline=None)
@given(_gvcf(), st.lists(st.integers(1, 60), min_size=1, max_size=12, unique=True), st.integers(1, 4))
def test_expand__each_sample_as_if_it_were_alone(tmp_path_factory, vcf_text, made, asked, size):
    lengths, records = made
    path = tmp_path_factory.mktemp("random") / "g.vcf"
    path.write_text(vcf_text(list(_gvcf_lines(lengths, records)), samples="ABC", header=HEADER))
    sites = sites_of_table(pd.DataFrame({"contig": "1", "position": asked, "ref": "C", "alt": "T"}))
    step = ExpandReferenceBlocks(sites)
    selection = Selection(fields=FIELDS, block_records=size)
    block = join_blocks(list(step.apply(open_reader(path).blocks(selection))), 3)
    from_block = _from_block(block)
    assert block.positions.tolist() == sorted({*asked, *(p for p, variant, _ in records if variant)})
    for row, position in enumerate(block.positions.tolist()):
        if position not in asked:
            continue
        for sample, state in enumerate(block.states[row]):
            call = "/".join(
                "." if a < 0 else str(a) for a in block.genotypes[row, sample].tolist() if a != -2
            )
            name = ("observed", "no-call", "filtered", "absent")[state]
            expected = _oracle(records, sample, position)
            if name == expected[1] == "no-call" and expected[2]:  # of two blocks that say so
                call = "./."
            if expected[2] is None:  # nothing known, by a variant or by a block
                assert (call, name) == expected[:2]
            else:
                assert (call, name, from_block[row][sample]) == expected


def test_ingest__gvcf_of_several_samples(make_vcf, tmp_path):
    """The store has the four states, and the depth of the block."""
    records = [
        "1 100 . A <*> . . . GT:LEN:DP 0/0:50:7 0/0:20:8 0/0:20:9 0/0:20:9",
        "1 120 . C T,<*> 50 PASS . GT:DP:FT . 0/1:6:q10 . ./.",
    ]
    vcf = make_vcf(records, samples="ABCD", header=HEADER)
    sites = tmp_path / "s.tsv"
    sites.write_text("contig\tposition\tref\talt\n1\t120\tC\tT\n")
    cohort = ingest(vcf, tmp_path / "c.vcz", preparation=Preparation(sites=sites))
    assert cohort.states([0]).tolist() == [[0, 2, 3, 1]]
    assert cohort.genotypes([0]).tolist() == [[[0, 0], [0, 1], [-2, -2], [-1, -1]]]
    assert cohort.arrays["call_from_block"][:].tolist() == [[True, False, False, False]]
    assert cohort.arrays["call_DP"][:].tolist() == [[7, 6, -1, -1]]
    counts = cohort.arrays.attrs["gvcf"]["counts"]
    assert (counts["empty_calls_from_blocks"], counts["empty_calls_absent"]) == (1, 1)


@st.composite
def _records(draw):
    """Sorted records of two samples, which may overlap: reference blocks, and substitutions of a base."""
    records = []
    for position in sorted(draw(st.lists(st.integers(1, 60), min_size=1, max_size=12))):
        calls = draw(st.lists(st.sampled_from(["0/0", "./.", "0/0:5", "0"]), min_size=2, max_size=2))
        if draw(st.integers(0, 3)):
            end = position + draw(st.integers(0, 25))
            records.append((position, end, f"1 {position} . N <*> . . END={end} GT:DP {' '.join(calls)}"))
        else:
            records.append((position, position, f"1 {position} . A G . . . GT 0/1 1/1"))
    return records


@settings(max_examples=60, deadline=None)
@given(_records(), st.lists(st.integers(1, 90), min_size=1, max_size=10, unique=True), st.integers(1, 4))
def test_expand__every_site_once_and_absent_where_nothing_covers(
    tmp_path_factory, vcf_text, records, asked, size
):
    path = tmp_path_factory.mktemp("random") / "g.vcf"
    path.write_text(vcf_text([text for *_, text in records], header=HEADER))
    sites = sites_of_table(pd.DataFrame({"contig": "1", "position": asked, "ref": "A", "alt": "T"}))

    def expanded(block_records):
        step = ExpandReferenceBlocks(sites)
        blocks = list(step.apply(open_reader(path).blocks(Selection(block_records=block_records))))
        return join_blocks(blocks, 2), step.attributes()

    block, counts = expanded(1000)
    again, counts_again = expanded(size)
    assert _said(block) == _said(again) and counts == counts_again, "the size of blocks does not matter"
    assert block.positions.tolist() == sorted(block.positions.tolist())
    rows = {
        int(p): row
        for row, (p, names) in enumerate(zip(block.positions, block.alleles, strict=True))
        if names[1] == "T"
    }
    assert sorted(rows) == sorted(asked)
    for position, row in rows.items():
        covered = any(start <= position <= end for start, end, _ in records)
        assert (block.states[row] == 3).all() != covered
    assert sum("A G" in text for *_, text in records) == sum(names == ("A", "G") for names in block.alleles)


# -- against bcftools ------------------------------------------------------------------------------------


def _bcftools(*command):
    if which("bcftools") is None:
        pytest.skip("bcftools is not installed")
    done = subprocess.run(["bcftools", *map(str, command)], check=True, capture_output=True, text=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def _random_gvcf(path: Path, sequences: dict[str, str], seed: int) -> None:
    rng = random.Random(seed)
    unseen = rng.choice(["<NON_REF>", "<*>"])
    lines = ["##fileformat=VCFv4.2", *HEADER, '##FILTER=<ID=low,Description="low">']
    lines += [
        f'##FORMAT=<ID={name},Number=1,Type={kind},Description="x">'
        for name, kind in (("GT", "String"), ("DP", "Integer"), ("GQ", "Integer"))
    ]
    lines += [f"##contig=<ID={name},length={LENGTH}>" for name in sequences]
    lines.append(
        "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", "A", "B"])
    )
    for contig, bases in sequences.items():
        position = 1
        while position < LENGTH - 40:
            if rng.random() < 0.15:
                position += rng.randint(1, 20)
                continue
            ref, filters = bases[position - 1], rng.choice([".", "PASS", "low"])
            calls = [
                rng.choice(["0/0", "0/0", "./.", "0"]) + f":{rng.randint(0, 50)}:{rng.randint(0, 99)}"
                for _ in "AB"
            ]
            end, alt, info = position + rng.randint(0, 30), unseen, "END={}"
            if rng.random() < 0.3:
                end, info, calls[0] = position, ".", "0/1:8:30"
                alt = rng.choice([base for base in "ACGT" if base != ref]) + "," + unseen
            lines.append(
                "\t".join(
                    [contig, str(position), ".", ref, alt, ".", filters, info.format(end), "GT:DP:GQ", *calls]
                )
            )
            position = end + 1
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("seed", range(4))
def test_expand__every_base_as_bcftools_convert(tmp_path, seed):
    rng = random.Random(seed)
    sequences = {name: "".join(rng.choices("ACGT", k=LENGTH)) for name in ("chr1", "chr2")}
    fasta, path = tmp_path / "g.fa", tmp_path / "g.vcf"
    fasta.write_text("".join(f">{name}\n{bases}\n" for name, bases in sequences.items()))
    _random_gvcf(path, sequences, seed)
    _bcftools("convert", "--gvcf2vcf", "-f", fasta, path, "-o", tmp_path / "all.vcf")
    rows = _bcftools("query", "-f", r"%CHROM\t%POS\t%REF\t%FILTER[\t%GT:%DP:%GQ]\n", tmp_path / "all.vcf")
    theirs = {(row[0], int(row[1])): row[2:] for row in rows}
    sites = sites_of_regions(
        [Region(name, 1, LENGTH) for name in sequences],
        lambda name, start, end: sequences[name][start - 1 : end],
    )
    assert is_gvcf(open_reader(path))
    step = ExpandReferenceBlocks(sites)
    block = join_blocks(
        list(step.apply(open_reader(path).blocks(Selection(block_records=rng.choice([1, 7, 1000]))))), 2
    )
    assert len(block) == 2 * LENGTH
    for row, (_, _, calls, states) in enumerate(_said(block)):
        expected = theirs.get((block.contigs[row], int(block.positions[row])))
        if expected is None:
            assert states == "absent absent"
            continue
        ref, filters, *cells = expected
        depth, quality = block.formats["DP"][row], block.formats["GQ"][row]
        mine = [f"{call}:{dp}:{gq}" for call, dp, gq in zip(calls.split(), depth, quality, strict=True)]
        assert (block.alleles[row][0], mine) == (ref, cells)
        known = "filtered" if filters == "low" else "observed"
        assert states.split() == ["no-call" if cell.startswith(".") else known for cell in cells]


def test_expand__strelka_blocks_as_bcftools_convert(shared_data, tmp_path):
    folder = shared_data / "variants" / "bcftools" / "test"
    fasta = tmp_path / "gvcf.fa"
    fasta.write_bytes((folder / "gvcf.fa").read_bytes())
    bases = "".join(fasta.read_text().split("\n")[1:])
    _bcftools("convert", "--gvcf2vcf", "-f", fasta, folder / "convert.gvcf.vcf", "-o", tmp_path / "all.vcf")
    theirs = {
        int(row[0]): row[1:]
        for row in _bcftools("query", "-f", r"%POS\t%REF\t%FILTER[\t%GT\t%DP]\n", tmp_path / "all.vcf")
    }
    reader = open_reader(folder / "convert.gvcf.vcf")
    assert is_gvcf(reader) and len(theirs) == 450
    step = ExpandReferenceBlocks(
        sites_of_regions([Region("22", 1, 450)], lambda _, start, end: bases[start - 1 : end])
    )
    block = join_blocks(list(step.apply(reader.blocks(Selection(fields=("FORMAT/DP",))))), 1)
    assert block.positions.tolist() == list(range(1, 451))
    for row, (position, alleles, call, state) in enumerate(_said(block)):
        ref, filters, expected, depth = theirs[position]
        assert (alleles.split("/")[0], call, str(block.formats["DP"][row, 0])) == (ref, expected, depth)
        assert state == ("no-call" if "." in call else "observed" if filters == "PASS" else "filtered")


def _shared_gvcfs(folder):
    return [path for path in sorted(folder.rglob("*gvcf*.vcf")) if "broken" not in path.name]


def test_expand__answers_as_bcftools_in_the_shared_files(shared_data):
    """At the borders of every record of every shared gVCF.

    A call is absent exactly where bcftools finds no record, and the one that it finds where that is alone and a
    reference block.
    """
    n_files = n_sites = n_calls = 0
    for path in _shared_gvcfs(shared_data / "variants" / "bcftools"):
        if not _bcftools("query", "-l", path):
            continue
        reader = open_reader(path)
        genotypes = r"[\t%GT]" if "FORMAT/GT" in reader.fields else ""
        rows = _bcftools("query", "-f", rf"%CHROM\t%POS\t%END\t%ALT{genotypes}\n", path)
        spans = [
            (row[0], int(row[1]), int(row[2]), row[3] in (".", "<*>", "<NON_REF>"), row[4:]) for row in rows
        ]
        asked = {
            (contig, position)
            for contig, start, end, *_ in spans[:300]
            for position in (start - 1, start, (start + end) // 2, end, end + 1)
            if position > 0
        }
        table = pd.DataFrame(sorted(asked), columns=["contig", "position"]).assign(ref="N", alt="")
        step = ExpandReferenceBlocks(sites_of_table(table))
        blocks = reader.blocks(Selection(fields=()))
        block = join_blocks(list(step.apply(blocks)), len(reader.samples))
        found = {(contig, said[0]): said for contig, said in zip(block.contigs, _said(block), strict=True)}
        for contig, position in asked:
            here = [span for span in spans if span[0] == contig and span[1] <= position <= span[2]]
            _, alleles, calls, states = found[contig, position]
            assert (set(states.split()) == {"absent"}) == (not here), (path.name, contig, position)
            n_sites += 1
            if len(here) == 1 and here[0][3] and here[0][4] and calls.strip():
                assert calls.split() == [call.replace("|", "/") for call in here[0][4]], (path.name, alleles)
                n_calls += 1
        n_files += 1
    assert n_files >= 15 and n_sites > 500 and n_calls > 300


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (["1 100 . A <NON_REF> . . END=199 GT 0/0"], True),
        (["1 100 . A . . . END=199 GT 0/0"], True),
        (["1 100 . A G,<*> . . . GT 0/1"], True),
        (["1 100 . A . . . . GT 0/0", "1 101 . A G . . . GT 0/1"], False),
        (["1 100 . A <DEL> . . END=199 GT 0/1"], False),
        ([], False),
    ],
)
def test_is_gvcf__by_its_records(make_vcf, records, expected):
    assert is_gvcf(open_reader(make_vcf(records, samples="A", header=HEADER))) is expected


def test_expand__large_numbers_of_sites_in_bounded_blocks(make_vcf):
    """A block of absent sites is no larger than one of records, however many sites lie in a gap."""
    reader = open_reader(
        make_vcf(
            ["1 1 . A <*> . . END=9 GT 0/0", "1 9000 . A <*> . . END=9009 GT 0/0"], samples="A", header=HEADER
        )
    )
    sites = sites_of_regions([Region("1", 1, 9009)])
    blocks = list(ExpandReferenceBlocks(sites).apply(reader.blocks(Selection())))
    assert max(map(len, blocks)) <= 1000
    assert np.concatenate([block.positions for block in blocks]).tolist() == list(range(1, 9010))
    states = np.concatenate([block.states[:, 0] for block in blocks])
    assert (states == 3).sum() == 9009 - 19
