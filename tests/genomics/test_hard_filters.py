"""Hard filters on simulated records against ``bcftools filter``, and their rules by hand."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.block import FILTERED, NO_CALL, OBSERVED, VariantBlock
from genomics.dialects import DIALECTS, CallerGuess, detect_caller
from genomics.errors import InputError
from genomics.hard_filters import (
    HARD_FILTERS,
    HardFilter,
    HardFilterPreset,
    HardFilterRule,
    choose_hard_filter,
)
from genomics.readers import Selection, open_reader

needs_bcftools = pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not installed")
_INFO = {
    "gatk": ("QD", "SOR", "FS", "MQ", "MQRankSum", "ReadPosRankSum"),
    "bcftools": ("DP", "MQBZ", "RPBZ", "SCBZ", "IDV", "IMF"),
    "freebayes": ("AO", "SAF", "SAR", "RPR", "RPL"),
    "glimpse": ("INFO",),
    "beagle": ("DR2",),
    "minimac": ("R2",),
}
_WHOLE = ("DP", "IDV", "AO", "SAF", "SAR")


def _header(info: Sequence[str], formats: Sequence[str] = ()) -> list[str]:
    lines = ["##fileformat=VCFv4.2", "##contig=<ID=1,length=100000>", '##FILTER=<ID=q10,Description="low">']
    lines += ['##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    for name in info:
        number = "A" if name in ("AO", "SAF", "SAR", "RPR", "RPL", "DR2") else "1"
        kind = "Integer" if name in _WHOLE else "Float"
        lines.append(f'##INFO=<ID={name},Number={number},Type={kind},Description="{name}">')
    return lines + [f'##FORMAT=<ID={name},Number=1,Type=Integer,Description="{name}">' for name in formats]


def write_vcf(path: Path, header: Sequence[str], records: Sequence[str], samples: Sequence[str]) -> Path:
    """Write a VCF; records have spaces where the file has tabs."""
    columns = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *samples])
    path.write_text("\n".join([*header, columns, *(row.replace(" ", "\t") for row in records)]) + "\n")
    return path


def blocks_of(path: Path, block_records: int = 1000) -> Iterator[VariantBlock]:
    return open_reader(path).blocks(Selection(fields=("INFO/*", "FORMAT/*"), block_records=block_records))


def filtered(
    path: Path, preset: HardFilterPreset, block_records: int = 1000
) -> tuple[list[VariantBlock], dict[str, Any]]:
    step = HardFilter(preset)
    blocks = list(step.apply(blocks_of(path, block_records)))
    attributes = step.attributes()
    json.dumps(attributes)
    return blocks, attributes


@pytest.fixture
def apply(tmp_path: Path) -> Callable[..., tuple[VariantBlock, dict[str, Any]]]:
    """Return a function that writes records, filters them and returns the one block and the counts."""

    def run(
        preset: HardFilterPreset, records: Sequence[str], info: Sequence[str] = (), formats: Sequence[str] = (),
        samples: Sequence[str] = ("A", "B"),
    ) -> tuple[VariantBlock, dict[str, Any]]:  # fmt: skip
        path = write_vcf(tmp_path / "calls.vcf", _header(info, formats), records, samples)
        (block,), attributes = filtered(path, preset)
        return block, attributes

    return run


# -- against bcftools --------------------------------------------------------------------------------------


def _bcftools_filters(path: Path, preset: HardFilterPreset) -> list[set[str]]:
    """FILTER of each record after one ``bcftools filter`` for each rule."""
    data = path.read_bytes()
    for rule in preset.rules:
        if "FORMAT/" in rule.expression:
            continue
        kind = {"snp": ' && (TYPE="snp" || TYPE="mnp")', "indel": ' && TYPE="indel"', "any": ""}[
            rule.applies_to
        ]
        expression = f"({rule.expression}){kind}"
        command = ["bcftools", "filter", "-m", "+", "-s", f"{preset.name}-{rule.name}", "-e", expression, "-"]
        done = subprocess.run(command, input=data, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        data = done.stdout
    command = ["bcftools", "query", "-f", "%FILTER\\n", "-"]
    shown = subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode()
    return [set(line.split(";")) for line in shown.splitlines()]


def _simulate(name: str, seed: int, n: int = 60) -> list[str]:
    """Records of two samples with annotations around the thresholds; one in five missing."""
    rng = np.random.default_rng(seed)
    scale = {"QD": 4, "SOR": 6, "FS": 250, "MQ": 70, "DP": 120, "IDV": 5, "AO": 9, "SAF": 3, "SAR": 3, "RPR": 3,
             "RPL": 3, "IMF": 0.4, "INFO": 1, "DR2": 1, "R2": 1}  # fmt: skip
    records = []
    for position in range(1, n + 1):
        ref, alt = [("A", "C"), ("AT", "A"), ("A", "AG"), ("AC", "GT")][rng.integers(4)]
        parts = []
        for tag in _INFO[name]:
            if rng.random() < 0.2:
                continue
            value = rng.random() * scale.get(tag, 1)
            if tag not in scale:
                value = rng.normal(0, {"MQRankSum": 12, "ReadPosRankSum": 14}.get(tag, 6))
            parts.append(f"{tag}={int(value)}" if tag in _WHOLE else f"{tag}={value:.3f}")
        quality = "." if rng.random() < 0.1 else f"{rng.random() * 60:.2f}"
        state = ["PASS", ".", "q10"][rng.integers(3)]
        records.append(f"1 {position} . {ref} {alt} {quality} {state} {';'.join(parts) or '.'} GT 0/1 ./.")
    return records


@needs_bcftools
@pytest.mark.parametrize("name", [*_INFO, "freebayes-qual20"])
@pytest.mark.parametrize("block_records", [7, 1000])
def test_hard_filter__marks_the_records_that_bcftools_marks(
    tmp_path: Path, name: str, block_records: int
) -> None:
    preset, source = HARD_FILTERS[name], name.removesuffix("-qual20")
    path = write_vcf(tmp_path / "a.vcf", _header(_INFO[source]), _simulate(source, seed=5, n=120), ["A", "B"])
    blocks, attributes = filtered(path, preset, block_records)
    mine = [set(names) for block in blocks for names in block.filters]
    expected = _bcftools_filters(path, preset)
    assert mine == expected
    assert attributes["records_failed"] == sum(bool(names - {"PASS", "q10"}) for names in expected) > 5
    for rule_name in preset.filter_names:
        assert attributes["failed"].get(rule_name, 0) == sum(rule_name in names for names in expected)


_number = st.one_of(st.none(), st.integers(-200, 800).map(lambda i: i / 4))


@needs_bcftools
@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["A C", "AT A", "A AG", "AC GT"]), _number.filter(lambda q: q is None or q >= 0),
                  st.lists(_number, min_size=6, max_size=6)),
        min_size=1, max_size=15,
    )
)  # fmt: skip
def test_hard_filter__gatk_equals_bcftools_on_any_values(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, float | None, list[float | None]]],
) -> None:
    path = tmp_path_factory.mktemp("gatk") / "a.vcf"
    records = []
    for position, (alleles, quality, values) in enumerate(rows, start=1):
        pairs = zip(_INFO["gatk"], values, strict=True)
        info = ";".join(f"{tag}={value}" for tag, value in pairs if value is not None) or "."
        records.append(f"1 {position} . {alleles} {'.' if quality is None else quality} . {info} GT 0/1")
    write_vcf(path, _header(_INFO["gatk"]), records, ["A"])
    blocks, _ = filtered(path, HARD_FILTERS["gatk"])
    mine = [set(names) for block in blocks for names in block.filters]
    assert mine == _bcftools_filters(path, HARD_FILTERS["gatk"])


@needs_bcftools
@pytest.mark.parametrize("name", ["deepvariant", "bcftools"])
def test_hard_filter__of_calls_marks_those_that_bcftools_sets_to_missing(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(11)
    tag = {"deepvariant": "GQ", "bcftools": "SP"}[name]
    preset = HARD_FILTERS[name]
    rules = tuple(rule for rule in preset.rules if "FORMAT/" in rule.expression)
    records = [
        f"1 {i + 1} . A C 50 PASS DP={rng.integers(1, 90)} GT:{tag} "
        + " ".join(
            f"{rng.choice(['0/1', '0/0', './.'])}:{rng.choice([*map(str, range(0, 120, 7)), '.'])}"
            for _ in "ABC"
        )
        for i in range(80)
    ]
    path = write_vcf(tmp_path / "a.vcf", _header(["DP"], [tag]), records, ["A", "B", "C"])
    (block,), attributes = filtered(path, replace(preset, rules=rules))
    (before,) = blocks_of(path)
    assert block.filters == before.filters  # FILTER speaks of records
    text = subprocess.run(
        ["bcftools", "filter", "-S", ".", "-e", rules[0].expression, str(path)],
        capture_output=True,
        check=True,
    ).stdout
    calls = subprocess.run(
        ["bcftools", "query", "-f", "[%GT ]\\n", "-"], input=text, capture_output=True, check=True
    ).stdout.decode()
    gone = np.array([[call == "./." for call in line.split()] for line in calls.splitlines()])
    np.testing.assert_array_equal(block.states != OBSERVED, gone)
    np.testing.assert_array_equal(block.states == NO_CALL, before.states == NO_CALL)
    assert attributes["calls_filtered"] == (gone & (before.states == OBSERVED)).sum() > 10


# -- rules -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "alleles", "at_threshold", "beyond"),
    [
        # GATK, "How to filter variants either with VQSR or by hard-filtering": what VariantFiltration is told
        ("gatk-snp-QD2", "A C", "QD=2.0", "QD=1.99"),
        ("gatk-snp-SOR3", "A C", "SOR=3.0", "SOR=3.01"),
        ("gatk-snp-FS60", "A C", "FS=60.0", "FS=60.1"),
        ("gatk-snp-MQ40", "A C", "MQ=40.0", "MQ=39.9"),
        ("gatk-snp-MQRankSum-12.5", "A C", "MQRankSum=-12.5", "MQRankSum=-12.6"),
        ("gatk-snp-ReadPosRankSum-8", "A C", "ReadPosRankSum=-8.0", "ReadPosRankSum=-8.1"),
        ("gatk-indel-QD2", "A AC", "QD=2.0", "QD=1.99"),
        ("gatk-indel-FS200", "A AC", "FS=200.0", "FS=200.1"),
        ("gatk-indel-ReadPosRankSum-20", "A AC", "ReadPosRankSum=-20.0", "ReadPosRankSum=-20.1"),
        # htslib, "Filtering of VCF files", depth 30 and QUAL 90: 3.5 + 4 * 30 / 90, 3 + 3 * 30 / 90, 2.5 + 30 / 30
        ("bcftools-snp-MQBZ", "A C", "DP=30;MQBZ=-4.83", "DP=30;MQBZ=-4.84"),
        ("bcftools-snp-RPBZ-high", "A C", "DP=30;RPBZ=4", "DP=30;RPBZ=4.01"),
        ("bcftools-snp-RPBZ-low", "A C", "DP=30;RPBZ=-4", "DP=30;RPBZ=-4.01"),
        ("bcftools-snp-SCBZ", "A C", "DP=30;SCBZ=3.5", "DP=30;SCBZ=3.51"),
        ("bcftools-indel-IDV2", "A AC", "IDV=2", "IDV=1"),
        ("bcftools-indel-IMF0.1", "A AC", "IMF=0.1", "IMF=0.09"),
        ("bcftools-indel-MQBZ", "A AC", "DP=30;MQBZ=-6.5", "DP=30;MQBZ=-6.51"),
        ("bcftools-indel-RPBZ-SCBZ", "A AC", "RPBZ=4;SCBZ=5", "RPBZ=4.1;SCBZ=5"),
        # Garrison: QUAL > 1 & QUAL / AO > 10 & SAF > 0 & SAR > 0 & RPR > 1 & RPL > 1
        ("freebayes-QUAL-per-AO", "A C", "AO=8", "AO=9"),
        ("freebayes-SAF", "A C", "SAF=1", "SAF=0"),
        ("freebayes-SAR", "A C", "SAR=1", "SAR=0"),
        ("freebayes-RPR", "A C", "RPR=1.1", "RPR=1"),
        ("freebayes-RPL", "A C", "RPL=1.1", "RPL=1"),
        ("glimpse-INFO-0.3", "A C", "INFO=0.3", "INFO=0.29"),
        ("beagle-DR2-0.3", "A C", "DR2=0.3", "DR2=0.29"),
        ("minimac-R2-0.3", "A C", "R2=0.3", "R2=0.29"),
    ],
)  # fmt: skip
def test_presets__thresholds_are_those_published(
    apply: Callable[..., Any], name: str, alleles: str, at_threshold: str, beyond: str
) -> None:
    preset = HARD_FILTERS[name.split("-")[0]]
    rows = [
        f"1 {i} . {alleles} 90 . {info} GT 0/1 0/1" for i, info in enumerate((at_threshold, beyond), start=1)
    ]
    block, _ = apply(preset, rows, _INFO[preset.name])
    assert block.filters == [("PASS",), (name,)]


@pytest.mark.parametrize(
    ("name", "rule", "quality"),
    [
        ("gatk", "gatk-snp-QUAL30", (30, 29.9)),
        ("bcftools", "bcftools-snp-QUAL10", (10.1, 10)),
        ("freebayes", "freebayes-QUAL1", (1.1, 1)),
        ("freebayes-qual20", "freebayes-qual20-QUAL20", (20.1, 20)),
    ],
)
def test_presets__thresholds_of_qual(
    apply: Callable[..., Any], name: str, rule: str, quality: tuple[float, float]
) -> None:
    rows = [f"1 {i} . A C {value} . . GT 0/1 0/1" for i, value in enumerate(quality, start=1)]
    assert apply(HARD_FILTERS[name], rows)[0].filters == [("PASS",), (rule,)]


def test_hard_filter__missing_annotation_never_fails_but_counts(apply: Callable[..., Any]) -> None:
    rows = ["1 10 . A C 90 . QD=9 GT 0/1 0/1", "1 20 . A C 90 . . GT 0/1 0/1", "1 30 . A AT . . . GT 0/1 0/1"]
    block, attributes = apply(HARD_FILTERS["gatk"], rows, ["QD"])
    assert block.filters == [("PASS",)] * 3 and (block.states == OBSERVED).all()
    missing = attributes["missing"]
    assert missing["gatk-snp-QD2"] == 1 and missing["gatk-snp-FS60"] == 2
    assert missing["gatk-indel-QD2"] == missing["gatk-indel-QUAL30"] == 1


def test_hard_filter__keeps_genotypes_and_states_that_are_not_observed(apply: Callable[..., Any]) -> None:
    rows = ["1 10 . A C 90 PASS QD=1;FS=99 GT 0/1 ./.", "1 20 . A C 90 q10 QD=1 GT 1/1 0/."]
    block, attributes = apply(HARD_FILTERS["gatk"], rows, ["QD", "FS"])
    assert block.filters == [("gatk-snp-QD2", "gatk-snp-FS60"), ("q10", "gatk-snp-QD2")]
    assert block.states.tolist() == [[FILTERED, NO_CALL], [FILTERED, NO_CALL]]
    assert block.genotypes.tolist() == [[[0, 1], [-1, -1]], [[1, 1], [0, -1]]]
    assert (attributes["records_failed"], attributes["calls_filtered"]) == (2, 1)


@pytest.mark.parametrize(
    ("alleles", "name"),
    [
        ("A C", "gatk-snp-QD2"), ("AC GT", "gatk-snp-QD2"), ("A C,G", "gatk-snp-QD2"), ("A C,*", "gatk-snp-QD2"),
        ("AT A", "gatk-indel-QD2"), ("A C,AT", "gatk-indel-QD2"), ("A <DEL>", "gatk-indel-QD2"),
        ("A C,<NON_REF>", "gatk-snp-QD2"),
        ("A .", None), ("A <NON_REF>", None), ("A <*>", None), ("A *", None),
    ],
)  # fmt: skip
def test_hard_filter__classes_of_records(apply: Callable[..., Any], alleles: str, name: str | None) -> None:
    block, attributes = apply(HARD_FILTERS["gatk"], [f"1 10 . {alleles} 90 . QD=1 GT 0/0 0/0"], ["QD"])
    assert block.filters == [() if name is None else (name,)]
    assert attributes["records_judged"] == (name is not None)


def test_hard_filter__record_fails_where_each_alt_fails_some_rule(apply: Callable[..., Any]) -> None:
    good, bad = "SAF={};SAR=9,9;RPR=9,9;RPL=9,9", "AO=1,1;"
    rows = [
        f"1 10 . A C,G 90 . {bad}{good.format('0,5')} GT 1/2 0/1",
        f"1 20 . A C,G 90 . {bad}{good.format('0,0')} GT 1/2 0/1",
        "1 30 . A C,G 90 . AO=1,1;SAF=0,9;SAR=9,0;RPR=9,9;RPL=9,9 GT 1/2 0/1",
        "1 40 . A C,G 90 . AO=1,20;SAF=.,9;SAR=9,9;RPR=9,9;RPL=9,9 GT 1/2 0/1",
    ]
    block, attributes = apply(HARD_FILTERS["freebayes"], rows, _INFO["freebayes"])
    assert block.filters == [
        ("PASS",), ("freebayes-SAF",), ("freebayes-SAF", "freebayes-SAR"), ("PASS",),
    ]  # fmt: skip
    assert attributes["missing"]["freebayes-SAF"] == 1


@pytest.mark.parametrize("name", ["strelka2", "mutect2", "platypus", "octopus", "deepvariant"])
def test_hard_filter__of_callers_that_filter_themselves(apply: Callable[..., Any], name: str) -> None:
    rows = [f"1 {10 + i} . A C 90 {state} . GT 0/1 0/1" for i, state in enumerate(["PASS", ".", "q10"])]
    block, _ = apply(HARD_FILTERS[name], [*rows, "1 50 . A . . . . GT 0/0 0/0"])
    assert block.filters == [("PASS",), (f"{name}-PASS",), ("q10", f"{name}-PASS"), ()]
    assert block.states[:, 0].tolist() == [OBSERVED, FILTERED, FILTERED, OBSERVED]


def test_hard_filter__hands_on_a_block_that_stays_as_it_is(tmp_path: Path) -> None:
    records = ["1 10 . A C 90 PASS QD=9 GT 0/1", "1 20 . A . 90 . . GT 0/0"]
    (block,) = blocks_of(write_vcf(tmp_path / "a.vcf", _header(["QD"]), records, ["A"]))
    (after,) = HardFilter(HARD_FILTERS["gatk"]).apply(iter([block]))
    assert after is block


def test_hard_filter__of_your_own_rules(apply: Callable[..., Any]) -> None:
    own = HardFilterPreset("own", (), "mine", (HardFilterRule("deep", "INFO/DP > 100", "none"),))
    block, _ = apply(
        own, ["1 10 . A C 90 PASS DP=101 GT 0/1 0/1", "1 20 . A C 90 PASS DP=100 GT 0/1 0/1"], ["DP"]
    )
    assert block.filters == [("own-deep",), ("PASS",)]


def test_presets__rules_are_readable_and_sourced() -> None:
    for name, preset in HARD_FILTERS.items():
        step = HardFilter(preset)
        assert preset.name == name and set(preset.callers) <= set(DIALECTS) and preset.description
        assert len({rule.name for rule in preset.rules}) == len(preset.rules)
        assert all("http" in rule.source or "doi:" in rule.source for rule in preset.rules)
        assert not any(" " in item or ";" in item for item in step.filter_names)
    covered = {caller for preset in HARD_FILTERS.values() for caller in preset.callers}
    assert covered == set(DIALECTS) - {"unknown"}


# -- choosing ----------------------------------------------------------------------------------------------

GATK = detect_caller("##fileformat=VCFv4.2\n##source=HaplotypeCaller")


def test_choose_hard_filter__unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'gatc'.*auto, gatk, bcftools, freebayes"):
        choose_hard_filter("gatc", GATK)


def test_choose_hard_filter__refuses_what_the_header_contradicts_unless_forced() -> None:
    with pytest.raises(InputError, match=r"c\.vcf.*freebayes.*header says gatk.*##source=HaplotypeCaller"):
        choose_hard_filter("freebayes", GATK, file="c.vcf")
    assert choose_hard_filter("freebayes", GATK, force=True).preset.name == "freebayes"
    assert choose_hard_filter("gatk", CallerGuess("unknown")).preset.name == "gatk"


def test_choose_hard_filter__of_several_callers_takes_one_of_them() -> None:
    both = detect_caller("##fileformat=VCFv4.2\n##source=HaplotypeCaller\n##source=freeBayes v1.3")
    assert choose_hard_filter("gatk", both).preset.name == "gatk"
    with pytest.raises(InputError, match="gatk, freebayes"):
        choose_hard_filter("octopus", both)
    with pytest.raises(InputError, match="does not tell"):
        choose_hard_filter("auto", both)


def test_choose_hard_filter__refuses_a_file_without_any_of_the_fields() -> None:
    with pytest.raises(InputError, match=r"declares none of the fields.*INFO/QD"):
        choose_hard_filter("gatk", GATK, declared={"FORMAT/GT": None})
    assert choose_hard_filter("auto", GATK, declared={"INFO/QD": None}).preset.name == "gatk"
    mutect = detect_caller("##source=Mutect2")
    assert choose_hard_filter("auto", mutect, declared={}).preset.name == "mutect2"
