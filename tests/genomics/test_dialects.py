"""Callers' dialects on small files written after each caller's own header, against bcftools and by hand."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.block import VariantBlock
from genomics.dialect_table import READ_COUNTS
from genomics.dialects import DIALECTS, CommonFields, common_fields, detect_caller
from genomics.readers import Selection, open_reader
from genomics.readers.vcf_header import read_header

needs_bcftools = pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not installed")
GT = '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">'


def _format(name: str, number: str, kind: str = "Integer") -> str:
    return f'##FORMAT=<ID={name},Number={number},Type={kind},Description="{name}">'


def _info(name: str, number: str, kind: str = "Float") -> str:
    return f'##INFO=<ID={name},Number={number},Type={kind},Description="{name}">'


def write_vcf(path: Path, header: Sequence[str], samples: Sequence[str], records: Sequence[str]) -> Path:
    """Write a VCF; records have spaces where the file has tabs."""
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples]
    lines = ["##fileformat=VCFv4.2", *header, "##contig=<ID=1,length=100000>", GT, "\t".join(columns)]
    path.write_text("\n".join([*lines, *(row.replace(" ", "\t") for row in records)]) + "\n")
    return path


def read_block(path: Path) -> VariantBlock:
    (block,) = open_reader(path).blocks(Selection(fields=("INFO/*", "FORMAT/*")))
    return block


@pytest.fixture
def common(tmp_path: Path) -> Callable[..., CommonFields]:
    """Return a function that writes a file, detects its caller and reads its common fields."""

    def read(
        caller: str, header: Sequence[str], samples: Sequence[str], records: Sequence[str]
    ) -> CommonFields:
        path = write_vcf(tmp_path / "calls.vcf", header, samples, records)
        guess = detect_caller(read_header(path).text)
        assert guess.caller == caller
        return common_fields(read_block(path), guess.dialect)

    return read


def _equal(values: np.ndarray | None, expected: object) -> None:
    assert values is not None
    np.testing.assert_allclose(values, np.array(expected, values.dtype), rtol=1e-6)


# -- detection ---------------------------------------------------------------------------------------------

GATK4 = '##GATKCommandLine=<ID={0},CommandLine="{0} --output x.vcf",Version="4.5.0.0">'


@pytest.mark.parametrize(
    ("caller", "lines"),
    [
        ("gatk", [GATK4.format("HaplotypeCaller"), "##source=HaplotypeCaller"]),
        ("gatk", [GATK4.format("HaplotypeCaller"), GATK4.format("GenotypeGVCFs"), "##source=GenotypeGVCFs"]),
        ("gatk", ["##GATKCommandLine.HaplotypeCaller=<ID=HaplotypeCaller,Version=3.8>"]),
        ("gatk", ['##UnifiedGenotyper="analysis_type=UnifiedGenotyper input_file=[x.bam]"']),
        ("deepvariant", ["##DeepVariant_version=1.6.1"]),
        ("glnexus", ["##GLnexusVersion=v1.4.1", "##DeepVariant_version=1.6.1"]),
        ("freebayes", ["##source=freeBayes v1.3.6", '##commandline="freebayes -f ref.fa a.bam"']),
        ("bcftools", ["##bcftools_callVersion=1.19", "##bcftools_callCommand=call -mv -Ob; Date=x"]),
        ("bcftools", ["##samtoolsVersion=0.1.19-44428cd"]),
        ("strelka2-germline", ["##source=strelka", "##content=strelka germline small-variant calls"]),
        ("strelka2-somatic", ["##source=strelka", "##content=strelka somatic snv calls"]),
        ("strelka2-somatic", ["##source=strelka", _format("TIR", "2")]),
        ("mutect2", [GATK4.format("Mutect2"), "##MutectVersion=2.2", "##tumor_sample=A"]),
        ("mutect2", [GATK4.format("FilterMutectCalls"), "##source=FilterMutectCalls", "##source=Mutect2"]),
        ("platypus", ["##source=Platypus_Version_0.8.1", "##platypusOptions={'x': None}"]),
        ("octopus", ['##octopus=<version=0.7.4,command="octopus -R ref.fa">']),
        ("octopus", ["##octopus_version=0.6.3-beta"]),
        ("glimpse", ["##source=GLIMPSE_phase v1.1.1"]),
        ("glimpse", ["##source=GLIMPSE2_phase_v2.0.0"]),
        ("beagle", ['##source="beagle.22Jul22.46e.jar"']),
        ("beagle", ['##source="beagle.27Jan18.7e1.jar (version 4.1)"']),
        ("minimac", ["##source=Minimac4.v1.0.2"]),
        ("minimac", ["##source=Minimac v4.1.6"]),
    ],
)
@pytest.mark.parametrize("after", [[], ["##bcftools_normCommand=norm -m -any x.vcf; Date=x"]])
def test_detect_caller__of_each_caller(caller: str, lines: list[str], after: list[str]) -> None:
    guess = detect_caller("\n".join(["##fileformat=VCFv4.2", *lines, *after]))
    assert guess.caller == caller
    assert guess.evidence and all(line.startswith("line ") for line in guess.evidence)
    assert ("bcftools norm" in guess.programs) == bool(after)


@pytest.mark.parametrize(
    "line",
    [
        "##source=SelectVariants",
        GATK4.format("SelectVariants"),
        "##bcftools_normCommand=norm x",
        "##bcftools_callVersion=1.19",
        "##source=PLINK",
        "##source=myImputationProgramV3.1",
        "##reference=file:///data/freebayes/DeepVariant_version=1.fa",
    ],
)
def test_detect_caller__programs_that_only_handle_files_are_no_callers(line: str) -> None:
    assert detect_caller(f"##fileformat=VCFv4.2\n{line}").caller == "unknown"


def test_detect_caller__imputation_makes_the_calls_whatever_came_before() -> None:
    lines = ["##source=HaplotypeCaller", "##bcftools_callCommand=call -m", '##source="beagle.jar"']
    guess = detect_caller("\n".join(["##fileformat=VCFv4.2", *lines]))
    assert (guess.caller, guess.candidates[-1]) == ("beagle", "beagle")


def test_detect_caller__two_callers_of_one_stage_leave_it_unknown() -> None:
    guess = detect_caller("##fileformat=VCFv4.2\n##source=HaplotypeCaller\n##source=freeBayes v1.3.6")
    assert guess.caller == "unknown"
    assert set(guess.candidates) == {"gatk", "freebayes"} and len(guess.evidence) == 2


def test_detect_caller__evidence_leaves_out_what_may_name_a_patient() -> None:
    header = '##fileformat=VCFv4.2\n##commandline="/opt/jane.doe/bin/freebayes /data/jane-doe.bam"\n'
    assert "doe" not in repr(detect_caller(header).attributes())


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_detect_caller__takes_any_text(header: str | bytes) -> None:
    assert detect_caller(header).caller in DIALECTS


@pytest.mark.parametrize(
    ("lines", "samples", "tumours", "normals"),
    [
        (["##source=Mutect2", "##normal_sample=N1", "##tumor_sample=T1"], ["N1", "T1"], ("T1",), ("N1",)),
        (["##source=Mutect2", "##normal_sample=N1"], ["T2", "N1", "T1"], ("T2", "T1"), ("N1",)),
        (["##source=Mutect2", "##tumor_sample=T1"], ["T1"], ("T1",), ()),
        (["##source=Mutect2", "##tumor_sample=T1"], ["renamed"], (), ()),
        (["##content=strelka somatic indel calls", "##source=strelka"], ["NORMAL", "TUMOR"], ("TUMOR",), ("NORMAL",)),
        (["##source=HaplotypeCaller", "##tumor_sample=T1"], ["T1", "N1"], (), ()),
    ],
)  # fmt: skip
def test_detect_caller__tells_tumour_from_normal(
    lines: list[str], samples: list[str], tumours: tuple[str, ...], normals: tuple[str, ...]
) -> None:
    columns = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples])
    guess = detect_caller("\n".join(["##fileformat=VCFv4.2", *lines, columns]) + "\n")
    assert (guess.tumours, guess.normals) == (tumours, normals)


def test_detect_caller__real_files(shared_data: Path) -> None:
    folder = shared_data / "variants" / "pysam"
    expected = {
        "pysam_data/ex1.vcf.gz": "platypus",
        "tabix_data/vcf/5.vcf": "platypus",
        "tabix_data/vcf/issue85.vcf": "bcftools",
        "tabix_data/vcf/16.vcf": "unknown",  # a consensus of GATK, FreeBayes and Platypus
        "tabix_data/vcf/11.vcf": "unknown",
    }
    found = {}
    for name in expected:
        path = folder / name
        if not path.exists():
            pytest.skip(f"{name} is not there")
        data = path.read_bytes()
        found[name] = detect_caller(gzip.decompress(data) if path.suffix == ".gz" else data).caller
    assert found == expected


# -- common fields -----------------------------------------------------------------------------------------


def test_common_fields__gatk(common: Callable[..., CommonFields]) -> None:
    header = [
        "##source=HaplotypeCaller", _info("DP", "1", "Integer"), _info("QD", "1"), _info("MQ", "1"),
        _info("FS", "1"), _format("AD", "R"), _format("DP", "1"), _format("GQ", "1"), _format("MIN_DP", "1"),
        _format("RGQ", "1"),
    ]  # fmt: skip
    fields = common(
        "gatk",
        header,
        ["A", "B"],
        [
            "1 10 . A G 99.5 PASS DP=50;QD=3.5;MQ=60;FS=1.5 GT:AD:DP:GQ 0/1:15,5:21:99 ./.:0,0:0:.",
            "1 20 . A C,AT 50 PASS DP=40;MQ=58.25 GT:AD:DP:GQ 1/2:2,10,8:20:80 0/0:9,.,1:10:20",
            "1 30 . A . 50 PASS DP=40 GT:DP:RGQ 0/0:20:33 0/0:21:44",
            "1 40 . A <NON_REF> . . . GT:MIN_DP:GQ 0/0:17:51 0/0:18:54",
        ],
    )
    _equal(fields.call_depth, [[21, 0], [20, 10], [20, 21], [17, 18]])
    _equal(fields.genotype_quality, [[99, np.nan], [80, 20], [33, 44], [51, 54]])
    _equal(fields.reference_reads, [[15, 0], [2, 9], [-1, -1], [-1, -1]])
    _equal(
        fields.alternate_reads,
        [
            [[5, -2], [0, -2]],
            [[10, 8], [-1, 1]],
            [[-2, -2], [-2, -2]],
            [[-1, -2], [-1, -2]],
        ],
    )
    none = [np.nan, np.nan]
    _equal(fields.allele_balance, [[[0.25, np.nan], none], [[0.5, 0.4], none], [none, none], [none, none]])
    _equal(fields.site_depth, [50, 40, 40, -1])
    _equal(fields.site_quality, [[99.5, np.nan], [50, 50], [50, np.nan], none])
    _equal(fields.mapping_quality, [[60, np.nan], [58.25, 58.25], none, none])
    _equal(fields.strand_bias, [[1.5, np.nan], none, none, none])
    _equal(fields.quality_by_depth, [[3.5, np.nan], none, none, none])
    assert fields.dosage is fields.probabilities is fields.imputation_quality is None


def test_common_fields__deepvariant(common: Callable[..., CommonFields]) -> None:
    header = ["##DeepVariant_version=1.6.1", _format("AD", "R"), _format("VAF", "A", "Float")]
    header += [_format("DP", "1"), _format("GQ", "1")]
    rows = ["1 10 . A G 40 PASS . GT:GQ:DP:AD:VAF 0/1:38:33:15,18:0.545455"]
    rows += ["1 20 . A G 40 PASS . GT:GQ:VAF 0/1:38:0.25"]
    fields = common("deepvariant", header, ["A"], rows)
    _equal(fields.allele_balance, [[[18 / 33]], [[0.25]]])
    _equal(fields.alternate_reads, [[[18]], [[-1]]])
    assert fields.mapping_quality is None


def test_common_fields__freebayes(common: Callable[..., CommonFields]) -> None:
    header = [
        "##source=freeBayes v1.3.6", _info("DP", "1", "Integer"), _info("MQM", "A"), _info("SAP", "A"),
        _format("RO", "1"), _format("AO", "A"), _format("DP", "1"), _format("GQ", "1", "Float"),
    ]  # fmt: skip
    rows = [
        "1 10 . A G 99 . DP=40;MQM=59.5;SAP=4.25 GT:DP:RO:AO:GQ 0/1:20:15:5:141.5 .:.:.:.:.",
        "1 20 . A G,T 99 . DP=9;MQM=60,50;SAP=3,8 GT:DP:RO:AO 1/2:9:1:4,4 0/0:3:3:0,0",
    ]
    fields = common("freebayes", header, ["A", "B"], rows)
    _equal(fields.reference_reads, [[15, -1], [1, 3]])
    _equal(fields.alternate_reads, [[[5, -2], [-1, -2]], [[4, 4], [0, 0]]])
    none = [np.nan, np.nan]
    _equal(fields.allele_balance, [[[0.25, np.nan], none], [[4 / 9, 4 / 9], [0, 0]]])
    _equal(fields.mapping_quality, [[59.5, np.nan], [60, 50]])
    _equal(fields.strand_bias, [[4.25, np.nan], [3, 8]])
    _equal(fields.genotype_quality, [[141.5, np.nan], none])


def test_common_fields__bcftools_counts_reads_by_what_there_is(common: Callable[..., CommonFields]) -> None:
    header = ["##bcftools_callCommand=call -m", _format("AD", "R"), _format("DP4", "4"), _format("DV", "1")]
    header += [_format("DP", "1"), _info("DP4", "4", "Integer")]
    rows = [
        "1 10 . A G 99 . DP4=9,9,9,9 GT:AD:DP4 0/1:3,1:8,8,8,8",
        "1 20 . A G 99 . DP4=9,9,9,9 GT:DP4 0/1:1,2,3,4",
        "1 30 . A G 99 . DP4=9,9,9,9 GT:DP:DV 0/1:10:4",
        "1 40 . A G 99 . DP4=5,4,3,2 GT 0/1",
        "1 50 . A G,T 99 . DP4=5,4,3,2 GT 0/1",
    ]
    fields = common("bcftools", header, ["A"], rows)
    _equal(fields.reference_reads, [[3], [3], [6], [9], [9]])
    _equal(fields.alternate_reads, [[[1, -2]], [[7, -2]], [[4, -2]], [[5, -2]], [[-1, -1]]])
    two = common("bcftools", header, ["A", "B"], ["1 40 . A G 99 . DP4=5,4,3,2 GT 0/1 0/0"])
    assert two.reference_reads is not None and (two.reference_reads == -1).all()


def test_common_fields__strelka_germline(common: Callable[..., CommonFields]) -> None:
    header = ["##content=strelka germline small-variant calls", _format("GQ", "1"), _format("GQX", "1")]
    header += [_format("DP", "1"), _format("DPI", "1"), _format("AD", "."), _info("SNVSB", "1")]
    rows = ["1 10 . A G 90 PASS SNVSB=-4.5 GT:GQ:GQX:DP:AD 0/1:90:30:20:12,8"]
    rows += ["1 20 . AT A 90 PASS . GT:GQ:DPI:AD 0/1:88:25:10,10"]
    fields = common("strelka2-germline", header, ["A"], rows)
    _equal(fields.call_depth, [[20], [25]])
    _equal(fields.genotype_quality, [[30], [88]])
    _equal(fields.allele_balance, [[[0.4]], [[0.5]]])
    _equal(fields.strand_bias, [[-4.5], [np.nan]])


def test_common_fields__strelka_somatic_tiers(common: Callable[..., CommonFields]) -> None:
    # Strelka writes no GT for somatic calls
    header = [
        "##content=strelka somatic snv calls",
        _info("SomaticEVS", "1"),
        _info("QSS_NT", "1", "Integer"),
    ]
    header += [_format(name, "2") for name in ("AU", "CU", "GU", "TU", "TAR", "TIR")] + [_format("DP", "1")]
    rows = [
        "1 10 . G A . PASS SomaticEVS=19.5 DP:AU:CU:GU:TU 95:3,22:0,0:92,948:0,0 125:10,48:0,0:115,1197:0,1",
        "1 20 . GT G . PASS QSS_NT=40 DP:TAR:TIR 50:50,51:0,0 60:30,32:10,12",
        "1 30 . G . . PASS . DP:AU:CU:GU:TU 95:3,22:0,0:92,948:0,0 5:0,0:0,0:5,5:0,0",
    ]
    fields = common("strelka2-somatic", header, ["NORMAL", "TUMOR"], rows)
    _equal(fields.reference_reads, [[92, 115], [50, 30], [92, 5]])
    _equal(fields.alternate_reads, [[[3], [10]], [[0], [10]], [[-2], [-2]]])
    # 3 / 95 and 10 / 125: Strelka's guide gives tier1AltCounts / (tier1AltCounts + tier1RefCounts)
    _equal(fields.allele_balance, [[[3 / 95], [0.08]], [[0], [0.25]], [[np.nan], [np.nan]]])
    _equal(fields.site_quality, [[19.5], [40], [np.nan]])


def test_common_fields__mutect2(common: Callable[..., CommonFields]) -> None:
    header = [
        "##source=Mutect2",
        _info("TLOD", "A"),
        _info("MMQ", "R", "Integer"),
        _info("DP", "1", "Integer"),
    ]
    header += [_format("AD", "R"), _format("AF", "A", "Float"), _format("DP", "1")]
    rows = [
        "1 10 . G A . . DP=60;TLOD=12.5;MMQ=60,58 GT:AD:AF:DP 0/1:18,2:0.136:20 0/0:40,0:0.02:40",
        "1 20 . G A,T . . DP=60;TLOD=12.5,3.25;MMQ=60,58,57 GT:AD:AF:DP 0/1/2:6,2,2:.,.:10 0/0:40,0,0:0.02,0.01:40",
        "1 30 . G A . . DP=60;TLOD=12.5 GT:AF 0/1:0.136 0/0:0.02",
    ]
    fields = common("mutect2", header, ["T", "N"], rows)
    _equal(
        fields.allele_balance,
        [
            [[0.1, np.nan], [0, np.nan]],
            [[0.2, 0.2], [0, 0]],
            [[0.136, np.nan], [0.02, np.nan]],
        ],
    )
    _equal(fields.site_quality, [[12.5, np.nan], [12.5, 3.25], [12.5, np.nan]])
    _equal(fields.mapping_quality, [[58, np.nan], [58, 57], [np.nan, np.nan]])


def test_common_fields__platypus(common: Callable[..., CommonFields]) -> None:
    header = ["##source=Platypus_Version_0.8.1", _info("SbPval", "."), _info("TC", "1", "Integer")]
    header += [_format("NR", "."), _format("NV", "."), _format("GQ", ".")]
    rows = [
        "1 10 . G A 99 PASS TC=30;SbPval=0.01 GT:GQ:NR:NV 0/1:99:20:5 ./.:.:.:.",
        "1 20 . G A,T 99 PASS TC=30;SbPval=1.0 GT:GQ:NR:NV 1/2:40:80,76:37,1 0/0:3:0,0:0,0",
    ]
    fields = common("platypus", header, ["A", "B"], rows)
    _equal(fields.call_depth, [[20, -1], [80, 0]])
    _equal(fields.reference_reads, [[15, -1], [-1, -1]])
    _equal(fields.alternate_reads, [[[5, -2], [-1, -2]], [[37, 1], [0, 0]]])
    none = [np.nan, np.nan]
    _equal(fields.allele_balance, [[[0.25, np.nan], none], [[37 / 80, 1 / 76], none]])
    _equal(fields.strand_bias, [[20, np.nan], [0, np.nan]])


def test_common_fields__octopus(common: Callable[..., CommonFields]) -> None:
    header = ["##octopus=<version=0.7.4>", _format("AD", "R"), _format("ADP", "1"), _format("GQ", "1")]
    header += [_info("MQ", "1", "Integer")]
    fields = common("octopus", header, ["A"], ["1 10 . G A 99 PASS MQ=60 GT:GQ:AD:ADP 0|1:50:6,6:12"])
    _equal(fields.call_depth, [[12]])
    _equal(fields.allele_balance, [[[0.5]]])
    _equal(fields.mapping_quality, [[60]])


def test_common_fields__imputed_dosage_is_the_callers_or_from_the_posterior(
    common: Callable[..., CommonFields],
) -> None:
    header = ["##source=GLIMPSE_phase v1.1.1", _info("INFO", "1"), _format("DS", "1", "Float")]
    header += [_format("GP", "G", "Float")]
    rows = [
        "1 10 . G A . . INFO=0.875 GT:DS:GP 0/1:0.9:0.25,0.5,0.25 ./.:.:.,.,.",
        "1 20 . G A . . INFO=0.5 GT:GP 0/1:0.25,0.5,0.25 0:0.75,0.25",
        "1 30 . G A,T . . . GT:GP 0/1:0.1,0.2,0.3,0.1,0.1,0.2 2:0.5,0.2,0.3",
    ]
    fields = common("glimpse", header, ["A", "B"], rows)
    none = [np.nan, np.nan]
    # alleles of the six genotypes: 00 01 11 02 12 22
    first, second = 0.2 + 2 * 0.3 + 0.1, 0.1 + 0.1 + 2 * 0.2
    _equal(
        fields.dosage,
        [[[0.9, np.nan], none], [[1, np.nan], [0.25, np.nan]], [[first, second], [0.2, 0.3]]],
    )
    _equal(fields.imputation_quality, [[0.875, np.nan], [0.5, np.nan], none])
    assert fields.probabilities is not None
    _equal(fields.probabilities[0, 0, :3], [0.25, 0.5, 0.25])


def test_common_fields__beagle_has_one_value_per_alt(common: Callable[..., CommonFields]) -> None:
    header = ['##source="beagle.22Jul22.46e.jar"', _info("DR2", "A"), _format("DS", "A", "Float")]
    rows = ["1 10 . G A,T . PASS DR2=0.91,0.25 GT:DS 1|2:0.9,1.05", "1 20 . G A . PASS DR2=1 GT:DS 0|1:1"]
    fields = common("beagle", header, ["A"], rows)
    _equal(fields.dosage, [[[0.9, 1.05]], [[1, np.nan]]])
    _equal(fields.imputation_quality, [[0.91, 0.25], [1, np.nan]])


def test_common_fields__of_a_file_without_any_is_none(common: Callable[..., CommonFields]) -> None:
    fields = common("unknown", [], ["A"], ["1 10 . G A 30 PASS . GT 0/1"])
    assert {name for name, value in vars(fields).items() if value is not None} == {"site_quality"}


def test_needed_fields__are_all_that_the_fields_are_computed_from(tmp_path: Path) -> None:
    header = ["##source=freeBayes", _format("RO", "1"), _format("AO", "A"), _info("XX", "1")]
    path = write_vcf(tmp_path / "a.vcf", header, ["A"], ["1 10 . A G 9 . XX=1 GT:RO:AO 0/1:3:1"])
    dialect = DIALECTS["freebayes"]
    (block,) = open_reader(path).blocks(Selection(fields=dialect.needed_fields))
    assert set(block.info) == set() and set(block.formats) == {"RO", "AO"}
    _equal(common_fields(block, dialect).allele_balance, [[[0.25]]])
    assert all(way in READ_COUNTS for item in DIALECTS.values() for way in item.read_counts)


# -- against bcftools --------------------------------------------------------------------------------------

_depth = st.one_of(st.none(), st.integers(0, 60))


def _text(values: Sequence[int | None]) -> str:
    return ",".join("." if value is None else str(value) for value in values)


@needs_bcftools
@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.lists(_depth, min_size=2, max_size=4)), min_size=1, max_size=12))
def test_allele_balance__equals_vaf_of_bcftools(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[list[int | None]]]
) -> None:
    path = tmp_path_factory.mktemp("vaf") / "a.vcf"
    alts = ["C", "G", "T"]
    records = [
        f"1 {100 + i} . A {','.join(alts[: len(depths) - 1])} 9 . . GT:AD 0/1:{_text(depths)}"
        for i, (depths,) in enumerate(rows)
    ]
    write_vcf(path, ["##source=HaplotypeCaller", _format("AD", "R")], ["A"], records)
    tagged = subprocess.run(
        ["bcftools", "+fill-tags", str(path), "-Ov", "--", "-t", "FORMAT/VAF"],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    shown = subprocess.run(
        ["bcftools", "query", "-f", "[%VAF]\\n", "-"], input=tagged, capture_output=True, check=True
    ).stdout.decode()
    balance = common_fields(read_block(path), DIALECTS["gatk"]).allele_balance
    assert balance is not None
    for row, ((depths,), line) in enumerate(zip(rows, shown.splitlines(), strict=True)):
        if None in depths:  # bcftools leaves a missing depth out of the sum, or takes it for none
            assert np.isnan(balance[row, 0]).all()
            continue
        expected = [np.nan if text == "." else float(text) for text in line.split(",")]
        expected = expected if sum(d or 0 for d in depths) else [np.nan] * (len(depths) - 1)
        np.testing.assert_allclose(balance[row, 0, : len(depths) - 1], expected, atol=1e-5)


@needs_bcftools
@pytest.mark.parametrize(("tag", "quantity"), [("DP", "call_depth"), ("GQ", "genotype_quality")])
def test_common_fields__equal_what_bcftools_prints(tmp_path: Path, tag: str, quantity: str) -> None:
    rng = np.random.default_rng(3)
    numbers = rng.integers(-1, 90, (40, 3, 2))
    records = [
        f"1 {i + 1} . A C 9 . . GT:DP:GQ "
        + " ".join("0/1:" + ":".join("." if v < 0 else str(v) for v in call) for call in row)
        for i, row in enumerate(numbers)
    ]
    header = ["##source=HaplotypeCaller", _format("DP", "1"), _format("GQ", "1")]
    path = write_vcf(tmp_path / "a.vcf", header, ["A", "B", "C"], records)
    shown = subprocess.run(
        ["bcftools", "query", "-f", f"[%{tag} ]\\n", str(path)], capture_output=True, check=True, text=True
    ).stdout
    expected = np.array(
        [[-1.0 if v == "." else float(v) for v in line.split()] for line in shown.splitlines()]
    )
    values = getattr(common_fields(read_block(path), DIALECTS["gatk"]), quantity)
    np.testing.assert_array_equal(np.nan_to_num(values.astype(float), nan=-1), expected)


@given(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3).filter(lambda p: sum(p) > 0))
def test_dosage__of_a_diploid_call_is_gp1_and_twice_gp2(weights: list[float]) -> None:
    from dataclasses import replace

    from genomics.block import empty_block

    posterior = (np.array(weights) / sum(weights)).astype(np.float32)
    block = replace(
        empty_block(1), contigs=["1"], positions=np.array([1]), identifiers=[""], alleles=[("A", "C")],
        quality=np.zeros(1, np.float32), filters=[()], genotypes=np.zeros((1, 1, 2), np.int8),
        states=np.zeros((1, 1), np.int8), formats={"GP": posterior[None, None, :]},
    )  # fmt: skip
    dosage = common_fields(block, DIALECTS["beagle"]).dosage
    assert dosage is not None
    assert dosage[0, 0, 0] == pytest.approx(posterior[1] + 2 * posterior[2], abs=1e-6)
    assert 0 <= dosage[0, 0, 0] <= 2 + 1e-6
