from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genomics.ingest import ingest
from genomics.star_alleles import StarGene, StarSite, read_definitions
from genomics.star_find import index_records
from genomics.star_match import FILL, OTHER, UNKNOWN
from genomics.star_remarks import HETEROPLASMIC, group_remarks
from genomics.star_sites import SiteCalls, code_calls, phased_samples, read_site_calls

HEADER = (
    '##INFO=<ID=END,Number=1,Type=Integer,Description="End">',
    '##FORMAT=<ID=PS,Number=1,Type=Integer,Description="Phase set">',
    '##FORMAT=<ID=GP,Number=G,Type=Float,Description="Genotype probabilities">',
    '##FORMAT=<ID=HDS,Number=2,Type=Float,Description="Haploid dosages">',
    '##FORMAT=<ID=DS,Number=A,Type=Float,Description="Dosage">',
)
OBSERVED, NO_CALL, FILTERED, ABSENT = 0, 1, 2, 3


def site(position: int, *bases: str, shifts: tuple[int, ...] = ()) -> StarSite:
    return StarSite(
        f"rs{position}",
        {"GRCh38": position, "GRCh37": None},
        {"GRCh38": bases[0], "GRCh37": bases[0]},
        bases,
        shifts,
    )


def gene(*sites: StarSite, contig: str = "2") -> StarGene:
    allowed = np.ones((1, len(sites), max(len(s.bases) for s in sites)), dtype=bool)
    return StarGene("GENE", contig, ("*1",), sites, allowed, np.ones(1), np.ones(1))


SNVS = (site(1000, "G", "A"), site(1010, "C", "T", "G"), site(1020, "T", "C"))
TA_REPEAT = site(2000, "CAT", "C", "CATAT", "CATATAT", shifts=(0, 13, 15, 15))

Reader = Callable[..., SiteCalls]


@pytest.fixture
def read(tmp_path: Path, vcf_text: Callable[..., str]) -> Reader:
    """Return a function that writes records, ingests them and reads a gene's sites."""

    def make(star_gene: StarGene, *records: str, min_gq: int | None = None, **options: object) -> SiteCalls:
        n_samples = len(records[0].split()) - 9
        samples = [f"s{i}" for i in range(n_samples)]
        number = len(list(tmp_path.iterdir()))
        path = tmp_path / f"{number}.vcf"
        path.write_text(vcf_text(list(records), samples, HEADER))
        cohort = ingest(path, tmp_path / f"{number}.vcz", build="GRCh38", fields=["FORMAT/*"])
        return read_site_calls(cohort, index_records(cohort), star_gene, "GRCh38", min_gq=min_gq, **options)  # type: ignore[arg-type]

    return make


def test_read_site_calls__phase_sets(read: Reader) -> None:
    calls = read(
        gene(*SNVS),
        "2 1000 . G A . PASS . GT:PS 0|1:1000 0|1:. 0/1:. 1|1:1000",
        "2 1010 . C T,G . PASS . GT:PS 1|0:1000 2|0:. 0|1:. 0|0:1000",
        "2 1020 . T C . PASS . GT:PS 0|1:1020 0|1:. 0/0:. 0/1:1020",
    )
    assert calls.phase_sets.tolist() == [[1001, 1, 0, 1001], [1001, 1, 1, 1001], [1021, 1, 0, 0]]
    assert calls.codes[:, 0].tolist() == [[0, 1], [1, 0], [0, 1]]
    assert calls.codes[1, 1].tolist() == [2, 0]
    assert calls.phased.tolist() == [False, True, False, False]
    assert (calls.states == OBSERVED).all() and calls.in_file.all()


def test_read_site_calls__no_call_filtered_and_absent_are_kept_apart(read: Reader) -> None:
    calls = read(
        gene(*SNVS, site(1030, "A", "G")),
        "2 1000 . G A . PASS . GT:GQ 0/1:50 ./.:. ./1:50 0/1:10",
        "2 1010 . C T . q10 . GT:GQ 0/1:50 ./.:. 0/0:50 1/1:50",
        "2 1020 . T C . PASS . GT:GQ 0/1:. 0/0:. 1/1:. 0/0:.",
        min_gq=20,
    )
    assert calls.states.tolist() == [
        [OBSERVED, NO_CALL, NO_CALL, FILTERED],
        [FILTERED, NO_CALL, FILTERED, FILTERED],
        [OBSERVED] * 4,
        [ABSENT] * 4,
    ]
    # A half call tells one haplotype; a low quality none.
    assert calls.codes[0].tolist() == [[0, 1], [UNKNOWN] * 2, [UNKNOWN, 1], [UNKNOWN] * 2]
    assert (calls.codes[3] == UNKNOWN).all() and calls.in_file.tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    "records",
    [
        ["2 2000 . CAT C,CATAT,CATATAT . PASS . GT 0/2 1/3 2/2"],
        ["2 2000 . C CAT . PASS . GT 0/1 0/0 1/1", "2 2000 . CAT C . PASS . GT 0/0 0/1 0/0",
         "2 2000 . C CATAT . PASS . GT 0/0 0/1 0/0"],
        ["2 2000 . CATATATATATATATAA CATATATATATATAA,CATATATATATATATATAA,CATATATATATATATATATAA"
         " . PASS . GT 0/2 1/3 2/2"],
        ["2 2013 . ATA A,ATATA,ATATATA . PASS . GT 0/2 1/3 2/2"],
    ],
)  # fmt: skip
def test_read_site_calls__repeat_in_one_record_or_several(read: Reader, records: list[str]) -> None:
    calls = read(gene(TA_REPEAT), *records)
    assert [sorted(pair) for pair in calls.codes[0].tolist()] == [[0, 2], [1, 3], [2, 2]]
    assert (calls.states == OBSERVED).all() and not calls.notes


def test_read_site_calls__half_calls_of_a_split_site_stay_half(read: Reader) -> None:
    calls = read(
        gene(SNVS[1]), "2 1010 . C T . PASS . GT ./1 0/. 1/.", "2 1010 . C G . PASS . GT 0/0 0/1 ./1"
    )
    assert [sorted(pair) for pair in calls.codes[0].tolist()] == [[UNKNOWN, 1], [0, 2], [1, 2]]
    assert calls.states[0].tolist() == [NO_CALL, OBSERVED, OBSERVED]


def test_read_site_calls__records_that_contradict_each_other_are_no_call(read: Reader) -> None:
    calls = read(
        gene(*SNVS),
        "2 1000 . G A . PASS . GT 0/1 0/1 0/1 0/0",
        "2 1000 . G A . PASS . GT 0/0 0/1 ./. 0/0",
        "2 1010 . C T,G . PASS . GT 0/2 0/1 0/0 1/2",
        "2 1009 . AC AT . PASS . GT 0/0 0/0 0/0 0/1",
    )
    assert calls.codes[:2].tolist() == [
        [[UNKNOWN] * 2, [0, 1], [0, 1], [0, 0]],
        [[0, 2], [UNKNOWN] * 2, [0, 0], [1, 2]],
    ]
    assert calls.states[:2].tolist() == [[NO_CALL, OBSERVED, OBSERVED, OBSERVED], [OBSERVED, NO_CALL, 0, 0]]
    assert [(remark.text, remark.samples.tolist()) for remark in calls.remarks] == [
        (
            f"records that contradict each other, taken as not called: {name}",
            [number == sample for number in range(4)],
        )
        for sample, name in ((1, "rs1010"), (0, "rs1000"))
    ]


def test_read_site_calls__alternates_split_over_records_where_the_reference_is_a_variant(
    read: Reader,
) -> None:
    swapped = StarSite(
        "rs1", {"GRCh38": 1000, "GRCh37": None}, {"GRCh38": "G", "GRCh37": "G"}, ("A", "C", "G")
    )
    calls = read(
        gene(swapped),
        "2 1000 . G A . PASS . GT 0/1 0/1 0/0 0|1 1/1 0/1 0/0",
        "2 1000 . G C . PASS . GT 0/0 0/1 0/0 1|0 0/0 ./1 0/1",
        "2 1000 . G T . PASS . GT 0/0 0/0 0/0 0|0 0/0 0/0 0/1",
    )
    told = [sorted(pair) for pair in calls.codes[0].tolist()]
    assert told == [[0, 2], [0, 1], [2, 2], [0, 1], [0, 0], [0, 1], [OTHER, 1]]
    assert calls.codes[0, 3].tolist() == [1, 0] and not calls.remarks


def test_read_site_calls__probabilities_do_not_settle_a_contradiction(read: Reader) -> None:
    calls = read(
        gene(SNVS[0]),
        "2 1000 . G A . PASS . GT:GP 0/1:0,1,0 0/1:0.1,0.9,0",
        "2 1000 . G A . PASS . GT:GP 0/0:0.9,0.1,0 0/1:0,1,0",
    )
    assert calls.codes[0].tolist() == [[UNKNOWN] * 2, [0, 1]] and calls.states[0].tolist() == [NO_CALL, 0]
    assert np.isnan(calls.probabilities[0][0]).all() and np.isfinite(calls.probabilities[0][1]).all()


def test_read_site_calls__more_than_two_copies_are_unknown_and_told(read: Reader) -> None:
    calls = read(gene(SNVS[0]), "2 1000 . G A . PASS . GT 0/1/1 0/1 0/0/0 1")
    assert calls.codes[0].tolist() == [[UNKNOWN] * 2, [0, 1], [UNKNOWN] * 2, [1, FILL]]
    assert calls.states[0].tolist() == [NO_CALL, OBSERVED, NO_CALL, OBSERVED]
    assert [(r.text.split(":")[0], r.refuses, r.samples.tolist()) for r in calls.remarks] == [
        ("3 copies are called at rs1000", True, [True, False, True, False])
    ]
    # Not those that say nothing, nor those that are not to be believed.
    assert not read(gene(SNVS[0]), "2 1000 . G A . PASS . GT ././. 0/1 0/0 1").remarks
    doubtful = read(gene(SNVS[0]), "2 1000 . G A . PASS . GT:GQ 0/1/1:5 0/1:30", min_gq=20)
    assert doubtful.states[0].tolist() == [FILTERED, OBSERVED] and not doubtful.remarks


def test_read_site_calls__nothing_called_anywhere(read: Reader) -> None:
    calls = read(gene(*SNVS), *(f"2 {p} . {r} A . PASS . GT ./. ." for p, r in ((1000, "G"), (1010, "C"))))
    assert (calls.codes == UNKNOWN).all()
    assert calls.states.tolist() == [[NO_CALL] * 2, [NO_CALL] * 2, [ABSENT] * 2]


def test_read_site_calls__array_without_a_third_of_the_sites(read: Reader) -> None:
    calls = read(
        gene(*SNVS),
        "2 1000 . G . . PASS . GT 0/0",
        "2 1020 . T C . PASS . GT 0/1",
        "2 9000 . T C . PASS . GT 0/1",
    )
    assert calls.codes[:, 0].tolist() == [[0, 0], [UNKNOWN, UNKNOWN], [0, 1]]
    assert calls.states[:, 0].tolist() == [OBSERVED, ABSENT, OBSERVED]


def test_read_site_calls__file_of_variants_alone_tells_nothing_of_other_sites(read: Reader) -> None:
    calls = read(gene(*SNVS, TA_REPEAT), "2 1010 . C T . PASS . GT 1/1")
    assert calls.states[:, 0].tolist() == [ABSENT, OBSERVED, ABSENT, ABSENT]
    assert (calls.codes[[0, 2, 3]] == UNKNOWN).all()


def test_read_site_calls__ref_of_neither_build_is_not_used_and_told(read: Reader) -> None:
    calls = read(
        gene(*SNVS),
        "2 990 . A T . PASS . GT 0/1",
        "2 1000 . C T . PASS . GT 0/1",
        "2 1010 . C T . PASS . GT 0/1",
    )
    assert calls.states[:, 0].tolist() == [ABSENT, OBSERVED, ABSENT]
    # A file that mentions a site in a way nobody understands does not leave it out for being the reference.
    assert calls.in_file.tolist() == [False, True, False] and calls.covered.tolist() == [False, True, False]
    assert calls.notes == ("rs1000: a record is not used: REF C at 1000 has C where the reference has G",)


def test_read_site_calls__palindromes_of_a_flipped_file_are_unknown(read: Reader) -> None:
    records = ["2 1010 . C T,G . PASS . GT 0/2", "2 1020 . T C . PASS . GT 0/1"]
    assert (read(gene(*SNVS), *records).states[:, 0] == [ABSENT, OBSERVED, OBSERVED]).all()
    calls = read(gene(*SNVS), *records, use_palindromic=False)
    assert (calls.states[:, 0] == [ABSENT, ABSENT, OBSERVED]).all()
    assert "other strand" in calls.notes[0]


PAIR = site(3000, "TC", "CT")


def test_read_site_calls__two_bases_written_one_by_one(read: Reader) -> None:
    calls = read(
        gene(PAIR),
        "2 3000 . T C . PASS . GT 0|1 0/1 1/1 0/0 1|0 0/1 ./.",
        "2 3001 . C T . PASS . GT 0|1 0/1 1/1 0/0 0|1 0/0 0/0",
    )
    # Unphased, the two may be on one haplotype or on two.
    expected = [
        [0, 1], [UNKNOWN] * 2, [1, 1], [0, 0], [OTHER, OTHER], [0, OTHER], [UNKNOWN] * 2,
    ]  # fmt: skip
    assert calls.codes[0].tolist() == expected
    assert calls.states[0].tolist() == [0, NO_CALL, 0, 0, 0, 0, NO_CALL]
    alone = read(gene(PAIR), "2 3000 . T C . PASS . GT 0/0")
    assert alone.states.tolist() == [[ABSENT]] and not alone.covered.any()
    assert "only some of the bases" in alone.notes[0]


DELETION = site(4000, "CAATGGAAAGA", "C")


def test_read_site_calls__spanned_base_belongs_to_a_deletion_that_is_known(read: Reader) -> None:
    within = site(4005, "G", "A")
    deletion = "2 4000 . CAATGGAAAGA C . PASS . GT 0|1 0/1 0/0 1/1"
    calls = read(gene(DELETION, within), deletion, "2 4005 . G A,* . PASS . GT 0|2 1/2 0/2 2/2")
    assert calls.codes[1].tolist() == [[0, 0], [1, 0], [0, OTHER], [0, 0]]
    # Without the record of the deletion nobody knows which one it is.
    alone = read(gene(DELETION, within), "2 4005 . G A,* . PASS . GT 0|2 1/2 0/2 2/2")
    assert alone.codes[1].tolist() == [[0, UNKNOWN], [1, UNKNOWN], [0, UNKNOWN], [UNKNOWN] * 2]
    assert (alone.states[1] == NO_CALL).all() and (alone.states[0] == ABSENT).all()


def test_read_site_calls__unknown_deletion_over_a_site_is_no_reference(read: Reader) -> None:
    calls = read(gene(*SNVS), "2 1008 . AGCTT A . PASS . GT 0/1 0/0", "2 1020 . T C . PASS . GT 0/1 0/0")
    assert calls.codes[1].tolist() == [[UNKNOWN, OTHER], [UNKNOWN, UNKNOWN]]
    assert calls.states[1].tolist() == [NO_CALL, ABSENT]


def test_read_site_calls__imputed_calls_have_their_probabilities(read: Reader) -> None:
    calls = read(
        gene(*SNVS),
        "2 1000 . G A . PASS . GT:GP 0/1:0.2,0.7,0.1 0|1:0.2,0.7,0.1 ./.:0.05,0.05,0.9 0/1:.",
        "2 1010 . C T,G . PASS . GT:GP 1/2:0,0,0.1,0,0.8,0.1 0/0:1,0,0,0,0,0 ./.:. 0/0:.",
        "2 1020 . T C . PASS . GT:HDS 0|1:0.1,0.9 1|0:0.8,0.3 0|0:0,0 0|0:.",
    )
    np.testing.assert_allclose(calls.probabilities[0][0], [[0.2, 0.35], [0.35, 0.1]], rtol=1e-5)
    np.testing.assert_allclose(calls.probabilities[0][1], [[0.2, 0.7], [0, 0.1]], rtol=1e-5)
    assert np.isnan(calls.probabilities[0][3]).all() and calls.codes[0, 3].tolist() == [0, 1]
    # A genotype that the file left out, with its probabilities there, is observed.
    assert calls.codes[0, 2].tolist() == [1, 1] and calls.states[0, 2] == OBSERVED
    np.testing.assert_allclose(
        calls.probabilities[1][0], [[0, 0, 0], [0, 0.1, 0.4], [0, 0.4, 0.1]], rtol=1e-5
    )
    np.testing.assert_allclose(calls.probabilities[2][0], [[0.09, 0.81], [0.01, 0.09]], rtol=1e-5)
    assert np.isnan(calls.probabilities[2][3]).all()


def test_read_site_calls__dosage_alone_is_no_probability(read: Reader) -> None:
    calls = read(gene(SNVS[0]), "2 1000 . G A . PASS . GT:DS 0/1:1.2")
    assert not calls.probabilities and calls.codes[0].tolist() == [[0, 1]]


def test_read_site_calls__low_quality_of_an_imputed_call_is_in_its_probabilities(read: Reader) -> None:
    calls = read(gene(SNVS[0]), "2 1000 . G A . PASS . GT:GQ:GP 0/1:3:0.3,0.5,0.2 0/1:3:.", min_gq=20)
    assert calls.states[0].tolist() == [OBSERVED, FILTERED]
    assert np.isfinite(calls.probabilities[0][0]).all() and np.isnan(calls.probabilities[0][1]).all()


def test_read_site_calls__probabilities_that_are_none_are_told(read: Reader) -> None:
    calls = read(
        gene(*SNVS),
        "2 1000 . G A . PASS . GT:GP 0/1:0.6,0.6,0.6 0/1:0.1,0.8,0.1 0/1:. ./.:0,0,0",
        "2 1010 . C T . PASS . GT:GP 0/0:0,0,0 0/1:0.2,0.8 0/1:. 0/0:9,20,31",
        "2 1020 . T C . PASS . GT:HDS 0/0:0.1,0.2 0/1:0.2,1.8 0/1:. 0/0:.,.",
    )
    assert calls.codes[:, 0].tolist() == [[0, 1], [0, 0], [0, 0]] and not calls.notes
    said, of_sample = group_remarks(calls.remarks, 4)
    told = [[text.split(": ")[1] for text in said[number].assumed] for number in of_sample]
    assert told == [["rs1000,rs1010"], ["rs1010,rs1020"], [], ["rs1010"]]
    assert "do not sum to 1" in calls.remarks[0].text


def test_read_site_calls__men_have_one_copy_of_x_however_it_is_written(read: Reader) -> None:
    star_gene = gene(site(154535277, "T", "C"), contig="X")
    record = "X 154535277 . T C . PASS . GT 1/1 0/1 1 0/1 1/1"
    calls = read(star_gene, record, sexes=np.array([1, 1, 1, 2, 0]))
    assert calls.codes[0].tolist() == [[1, FILL], [UNKNOWN, FILL], [1, FILL], [0, 1], [1, 1]]
    assert calls.states[0].tolist() == [OBSERVED, NO_CALL, OBSERVED, OBSERVED, OBSERVED]
    assert calls.mixed.tolist() == [[False, True, False, False, False]]
    assert calls.notes == () and calls.remarks == ()
    assert read(star_gene, record).codes[0, 0].tolist() == [1, 1]
    half = read(
        star_gene, record.replace("0/1", "./1").replace("1/1", "0/."), sexes=np.ones(5, dtype=np.int8)
    )
    assert half.codes[0].tolist() == [[0, FILL], [1, FILL], [1, FILL], [1, FILL], [0, FILL]]
    assert (half.states == OBSERVED).all() and not half.mixed.any()
    pseudo_autosomal = gene(site(1_000_000, "T", "C"), contig="X")
    kept = read(pseudo_autosomal, "X 1000000 . T C . PASS . GT 0/1", sexes=np.array([1]))
    assert kept.codes[0].tolist() == [[0, 1]]


def test_read_site_calls__imputed_men_have_one_copy_of_x_however_it_is_written(read: Reader) -> None:
    star_gene = gene(site(154535277, "T", "C"), contig="X")
    calls = read(
        star_gene,
        "X 154535277 . T C . PASS . GT:GP 1/1:0.2,0.2,0.6 1:0.3,0.7 0/1:0,1,0 0/1:0.3,0.4,0.3 ./.:0.1,0.2,0.7",
        sexes=np.ones(5, dtype=np.int8),
    )
    expected = [[[0.25, 0], [0, 0.75]], [[0.3, 0], [0, 0.7]], np.nan, np.nan, [[0.125, 0], [0, 0.875]]]
    for sample, pairs in enumerate(expected):
        np.testing.assert_allclose(calls.probabilities[0][sample], np.full((2, 2), pairs), rtol=1e-5)
    assert calls.codes[0].tolist() == [[1, FILL], [1, FILL], [UNKNOWN, FILL], [UNKNOWN, FILL], [1, FILL]]
    assert not calls.remarks


def test_read_site_calls__mitochondria_have_one_copy(read: Reader) -> None:
    calls = read(gene(site(1555, "A", "G"), contig="MT"), "MT 1555 . A G . PASS . GT 1/1 1 0/1 0/0")
    assert calls.codes[0].tolist() == [[1, FILL], [1, FILL], [UNKNOWN, FILL], [0, FILL]]
    (remark,) = calls.remarks
    assert remark.text == HETEROPLASMIC.format(sites="m.1555A>G") and not remark.refuses
    assert remark.samples.tolist() == [False, False, True, False] and not calls.notes


def test_read_site_calls__gene_without_a_place_on_the_build(read: Reader) -> None:
    nowhere = StarSite("rs1", {"GRCh38": None, "GRCh37": 1000}, {"GRCh38": "G", "GRCh37": "G"}, ("G", "A"))
    calls = read(gene(nowhere), "2 1000 . G A . PASS . GT 0/1")
    assert (calls.states == ABSENT).all() and not calls.in_file.any()


def test_read_site_calls__reference_blocks_of_a_gvcf(read: Reader) -> None:
    calls = read(
        gene(*SNVS, TA_REPEAT),
        "2 990 . A <NON_REF> . PASS END=1009 GT:GQ 0/0:60 0/0:5",
        "2 1010 . C T,<NON_REF> . PASS . GT:GQ 0/1:60 0/0:60",
        "2 1011 . A <NON_REF> . PASS END=1019 GT:GQ 0/0:60 0/0:60",
        "2 1021 . A <NON_REF> . PASS END=2100 GT:GQ 0/0:60 0/0:60",
        min_gq=20,
    )
    assert calls.codes[:, 0].tolist() == [[0, 0], [0, 1], [UNKNOWN] * 2, [0, 0]]
    assert calls.states.tolist() == [[OBSERVED, FILTERED], [OBSERVED] * 2, [ABSENT] * 2, [OBSERVED] * 2]


def test_code_calls__allele_that_the_record_does_not_have_is_unknown() -> None:
    genotypes = np.array([[0, 2], [3, 1]], dtype=np.int8)
    codes = code_calls(genotypes, np.zeros(2, dtype=np.int8), np.array([0, 1], dtype=np.int8))
    assert codes.tolist() == [[0, UNKNOWN], [UNKNOWN, 1]]


def test_read_site_calls__the_bases_of_2504_people_as_the_file_has_them(
    shared_data: Path, tmp_path: Path
) -> None:
    """Against the lines of the file: the bases that each haplotype's GT names, at every site that is there."""
    from varimol import tables

    folder = shared_data / "pharmacogenes" / "1000genomes_grch37"
    names = ("CYP3A5", "NUDT15", "UGT1A1")
    paths = [folder / f"{name}.vcf.gz" for name in names]
    cohort = ingest(paths, tmp_path / "panel.vcz", build="GRCh37")
    index = index_records(cohort)
    lines = {}
    for path in paths:
        with gzip.open(path, "rt") as file:
            for line in file:
                if not line.startswith("#"):
                    contig, position, _, ref, alts, *_, calls = line.rstrip().split("\t", 9)
                    lines.setdefault((contig, int(position)), []).append((ref, alts, calls))
    definitions = tables.allele_definitions()
    n_compared = 0
    for star_gene in read_definitions(definitions[definitions["gene"].isin(names)]):
        calls = read_site_calls(cohort, index, star_gene, "GRCh37")
        assert not calls.notes
        for number, here in enumerate(star_gene.sites):
            found = lines.get((star_gene.contig, here.positions["GRCh37"]), [])
            assert calls.in_file[number] == bool(found)
            for ref, alts, text in found:
                rest = here.references["GRCh37"][len(ref) :]
                words = [allele + rest for allele in (ref, *alts.split(","))]
                told = np.array([here.bases.index(w) if w in here.bases else OTHER for w in words])
                given = np.array([call.split("|") for call in text.split("\t")]).astype(int)
                assert (told[given] == calls.codes[number]).all(), here
                n_compared += given.size
            if found:
                assert (calls.states[number] == OBSERVED).all() and (calls.phase_sets[number] == 1).all()
    assert n_compared > 9 * 5008


def test_phased_samples__two_phase_sets_are_not_one_phase() -> None:
    codes = np.array([[[0, 1], [0, 1], [0, 1]], [[1, 0], [0, 1], [1, FILL]]], dtype=np.int8)
    sets = np.array([[5, 5, 0], [5, 9, 0]], dtype=np.int32)
    assert phased_samples(codes, sets).tolist() == [True, False, False]
    assert phased_samples(codes, np.ones_like(sets)).tolist() == [True, True, True]
