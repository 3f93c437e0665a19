"""Bad input to `varimol link`: exit code 2, one line that says what to do, nothing half-written."""

from __future__ import annotations

import errno
import gzip
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

import varimol.link
from varimol.cli import app

GOOD_COMPOUNDS = "compound_id\tsmiles\nC1\tCC(=O)Oc1ccccc1C(=O)O\nC2\tCN1C=NC2=C1C(=O)N(C(=O)N2C)C\n"
# Sites of CYP2C19 and of the planted variant, so that the build is known: position, REF and ALT on GRCh38.
SITES = ["10 94780653 rs4986893 G A", "10 94781859 rs4244285 G A", "19 10352442 rs34536443 G C"]
SAMPLES = [f"S{number}" for number in range(12)]


class Refused:
    """What the command line said."""

    def __init__(self, result: Any, out: Path) -> None:
        assert result.exit_code == 2, (result.exit_code, result.stderr, result.exception)
        lines = result.stderr.splitlines()
        # Names of steps come before it, the refusal is the last line and the only one of its kind.
        refusals = [line for line in lines if line.startswith("varimol: ")]
        assert len(refusals) == 1 and lines[-1] == refusals[0], result.stderr
        self.line = refusals[0].removeprefix("varimol: ")
        if out.is_dir():
            assert_only_finished(out)

    def says(self, *parts: str) -> None:
        """Check that the line has each of these."""
        for part in parts:
            assert part in self.line, (part, self.line)


def assert_only_finished(out: Path) -> None:
    """Check that all that stands under a final name is the result of a finished step."""
    names = {path.name for path in out.iterdir()} - {".steps"}
    recorded: set[str] = set()
    for record in (out / ".steps").glob("*.json"):
        recorded |= set(json.loads(record.read_text())["sizes"])
    assert names == recorded


def records(genotypes: list[str] | None = None, prefix: str = "") -> list[str]:
    calls = genotypes or ["0/0", "0/1", "1/1"] * 4
    return [f"{prefix}{site} . PASS . GT {' '.join(calls)}" for site in SITES]


@pytest.fixture
def given(tmp_path: Path, make_vcf: Callable[..., Path]) -> dict[str, Any]:
    """Return good input: a test spoils one part."""
    variants = make_vcf(records(), name="cohort.vcf.gz", samples=SAMPLES)
    phenotypes = tmp_path / "phenotypes.tsv"
    lines = [f"{name}\t{number % 2}\t{30 + number}" for number, name in enumerate(SAMPLES)]
    phenotypes.write_text("sample_id\tflare\tage\n" + "\n".join(lines) + "\n")
    compounds = tmp_path / "compounds.tsv"
    compounds.write_text(GOOD_COMPOUNDS)
    return {"variants": variants, "phenotypes": phenotypes, "trait": "flare", "compounds": compounds}


@pytest.fixture
def refuse(given: dict[str, Any], tmp_path: Path) -> Callable[..., Refused]:
    """Return a function that runs `varimol link` with some options changed."""

    def run(*more: str, out: Path | None = None, **changes: Any) -> Refused:
        place = out or tmp_path / "out"
        words = ["link", "--out", str(place)]
        for name, value in (given | changes).items():
            for each in value if isinstance(value, list) else [value]:
                words += [f"--{name.replace('_', '-')}", str(each)]
        return Refused(CliRunner().invoke(app, [*words, *more]), place)

    return run


def rewrite(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text()))


def test_variants__truncated_gzip(given: dict[str, Any], refuse: Callable[..., Refused]) -> None:
    data = given["variants"].read_bytes()
    given["variants"].write_bytes(data[: len(data) * 3 // 4])
    refuse().says("cohort.vcf.gz", "expected", "copy or download")


def test_variants__truncated_within_many_records(
    make_vcf: Callable[..., Path], refuse: Callable[..., Refused]
) -> None:
    many = [
        f"1 {position} . A G . PASS . GT {' '.join(['0/0', '0/1'] * 6)}" for position in range(1000, 9000)
    ]
    path = make_vcf(many, name="many.vcf.gz", samples=SAMPLES)
    path.write_bytes(path.read_bytes()[:-3000])
    refuse(variants=path).says("many.vcf.gz")


def test_variants__no_header(tmp_path: Path, refuse: Callable[..., Refused]) -> None:
    path = tmp_path / "bare.vcf"
    path.write_text("\n".join(record.replace(" ", "\t") for record in records()) + "\n")
    refuse(variants=path).says("bare.vcf", "expected", "##fileformat")


def test_variants__duplicate_samples(make_vcf: Callable[..., Path], refuse: Callable[..., Refused]) -> None:
    path = make_vcf(records(), name="twice.vcf", samples=[*SAMPLES[:-1], SAMPLES[0]])
    refuse(variants=path).says("twice.vcf", "#CHROM")


def test_variants__missing_file(tmp_path: Path, refuse: Callable[..., Refused]) -> None:
    refuse(variants=tmp_path / "none.vcf.gz").says(
        "none.vcf.gz", "--variants", "no such file", "check the path"
    )
    assert not (tmp_path / "out").exists()


def test_variants__not_a_genotype(make_vcf: Callable[..., Path], refuse: Callable[..., Refused]) -> None:
    path = make_vcf(
        records() + ["20 100 . A G . PASS . GT " + " ".join(["0/x"] * 12)], name="x.vcf", samples=SAMPLES
    )
    refuse(variants=path).says("x.vcf", "record", "GT")


def test_variants__unknown_contig_naming(
    make_vcf: Callable[..., Path], refuse: Callable[..., Refused]
) -> None:
    path = make_vcf(
        ["NC_000001.11 1000 . A G . PASS . GT " + " ".join(["0/1"] * 12)], name="refseq.vcf", samples=SAMPLES
    )
    refuse(variants=path).says("NC_000001.11", "CHROM", "expected", "--rename-chrs")


def test_variants__two_contig_namings(make_vcf: Callable[..., Path], refuse: Callable[..., Refused]) -> None:
    first = make_vcf(records()[:2], name="shards/a.vcf", samples=SAMPLES)
    make_vcf(records(prefix="chr")[2:], name="shards/b.vcf", samples=SAMPLES)
    refuse(variants=first.parent).says(
        "a.vcf", "b.vcf", "two ways to name contigs", "expected", "--rename-chrs"
    )


def test_variants__mix_of_builds(make_vcf: Callable[..., Path], refuse: Callable[..., Refused]) -> None:
    calls = " ".join(["0/1"] * 12)
    old = [
        f"10 {position} . {alleles} . PASS . GT {calls}"
        for position, alleles in ((96540410, "G A"), (96541616, "G A"))
    ]
    first = make_vcf(
        old, name="shards/ten.vcf", samples=SAMPLES, header=["##contig=<ID=10,length=135534747>"]
    )
    make_vcf(
        records()[2:],
        name="shards/nineteen.vcf",
        samples=SAMPLES,
        header=["##contig=<ID=19,length=58617616>"],
    )
    refuse(variants=first.parent).says("GRCh37", "GRCh38", "expected")


def test_variants__build_not_known(make_vcf: Callable[..., Path], refuse: Callable[..., Refused]) -> None:
    path = make_vcf(["1 1000 . A G . PASS . GT " + " ".join(["0/1"] * 12)], name="where.vcf", samples=SAMPLES)
    refuse(variants=path).says("build", "expected GRCh37 or GRCh38", "--build")


def test_variants__no_folder_of_variants(tmp_path: Path, refuse: Callable[..., Refused]) -> None:
    (tmp_path / "empty").mkdir()
    refuse(variants=tmp_path / "empty").says("empty", "no variant files", "expected")


def test_variants__store_of_another_build(
    given: dict[str, Any], tmp_path: Path, refuse: Callable[..., Refused]
) -> None:
    store = tmp_path / "cohort.vcz"
    assert CliRunner().invoke(app, ["ingest", str(given["variants"]), "--out", str(store)]).exit_code == 0
    refuse("--build", "GRCh37", variants=store).says("cohort.vcz", "--build", "GRCh38, not GRCh37", "ingest")


def test_phenotypes__no_sample_of_the_cohort(given: dict[str, Any], refuse: Callable[..., Refused]) -> None:
    rewrite(given["phenotypes"], lambda text: text.replace("\nS", "\nPATIENT-"))
    refused = refuse()
    refused.says("phenotypes.tsv", "sample_id", "none of its 12 rows", "expected", "rename")
    assert "PATIENT" not in refused.line, "identifiers of patients stay out of messages"


@pytest.mark.parametrize("value", ["0", "NA"])
def test_phenotypes__constant_trait(
    given: dict[str, Any], refuse: Callable[..., Refused], value: str
) -> None:
    rewrite(given["phenotypes"], lambda text: text.replace("\t1\t", f"\t{value}\t"))
    refuse().says("phenotypes.tsv", "flare", "constant", "expected at least two different values", "choose")


def test_phenotypes__trait_is_not_a_number(given: dict[str, Any], refuse: Callable[..., Refused]) -> None:
    rewrite(given["phenotypes"], lambda text: text.replace("S3\t1", "S3\tyes"))
    refuse().says("phenotypes.tsv", "record 4", "flare", "'yes' is not a number", "expected", "correct")


def test_phenotypes__duplicate_samples(given: dict[str, Any], refuse: Callable[..., Refused]) -> None:
    rewrite(given["phenotypes"], lambda text: text + "S3\t0\t44\n")
    refuse().says("phenotypes.tsv", "record 13", "sample_id", "record 4", "expected one row per sample")


def test_phenotypes__no_such_trait(refuse: Callable[..., Refused]) -> None:
    refuse(trait="fever").says("phenotypes.tsv", "fever", "not a column", "flare, age")


def test_phenotypes__no_such_covariate(refuse: Callable[..., Refused]) -> None:
    refuse(covariates="age,height").says("phenotypes.tsv", "height", "covariate", "expected")


def test_phenotypes__missing_file(tmp_path: Path, refuse: Callable[..., Refused]) -> None:
    refuse(phenotypes=tmp_path / "none.tsv").says("none.tsv", "--phenotypes", "no such file")


def test_phenotypes__empty_file(given: dict[str, Any], refuse: Callable[..., Refused]) -> None:
    given["phenotypes"].write_text("")
    refuse().says("phenotypes.tsv", "is empty", "expected")


def test_phenotypes__coded_one_and_two(given: dict[str, Any], refuse: Callable[..., Refused]) -> None:
    rewrite(given["phenotypes"], lambda text: text.replace("\t1\t", "\t2\t").replace("\t0\t", "\t1\t"))
    refuse().says("phenotypes.tsv", "flare", "1 and 2", "expected 0 and 1", "--one-two")


def test_compounds__empty_file(given: dict[str, Any], refuse: Callable[..., Refused]) -> None:
    given["compounds"].write_text("")
    refuse().says("compounds.tsv", "empty", "expected")


def test_compounds__header_alone(given: dict[str, Any], refuse: Callable[..., Refused]) -> None:
    given["compounds"].write_text("compound_id\tsmiles\n")
    refuse().says("compounds.tsv", "expected")


def test_compounds__none_parses(given: dict[str, Any], refuse: Callable[..., Refused]) -> None:
    given["compounds"].write_text("compound_id\tsmiles\nC1\tCC(\nC2\tnot a molecule\n")
    refuse().says("compounds.tsv", "expected")


def test_compounds__no_column_of_structures(given: dict[str, Any], refuse: Callable[..., Refused]) -> None:
    given["compounds"].write_text("code\tweight\nC1\t12\n")
    refuse().says("compounds.tsv", "expected")


def test_compounds__missing_file(tmp_path: Path, refuse: Callable[..., Refused]) -> None:
    refuse(compounds=tmp_path / "none.sdf").says("none.sdf", "--compounds", "no such file")


def test_compounds__are_refused_before_the_long_steps(
    given: dict[str, Any], tmp_path: Path, refuse: Callable[..., Refused]
) -> None:
    given["compounds"].write_text("")
    refuse()
    assert not (tmp_path / "out" / "cohort.vcz").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--build", "hg19"),
        ("--assay", "panel"),
        ("--trait-type", "ordinal"),
        ("--desired", "down"),
        ("--missing-policy", "zero"),
    ],
)
def test_options__not_of_their_list(
    refuse: Callable[..., Refused], tmp_path: Path, option: str, value: str
) -> None:
    refuse(option, value).says(option, repr(value), "expected one of")
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def test_options__no_such_network(refuse: Callable[..., Refused]) -> None:
    refuse("--network", "none").says("no network 'none'", "expected", "varimol train affinity")


def test_proteins__not_amino_acids(refuse: Callable[..., Refused], tmp_path: Path) -> None:
    fasta = tmp_path / "own.fasta"
    fasta.write_text(">P1 GN=GENE\nMK7LV\n")
    refuse("--proteins", str(fasta)).says("own.fasta", "record 1", "letters 7", "expected", "correct")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EACCES, "no permission to write"),
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "no permission"),
    ],
)
@pytest.mark.parametrize("step", ["library", "cohort", "quality", "report"])
def test_out__system_refuses_to_write(
    refuse: Callable[..., Refused],
    given: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    words: str,
    step: str,
) -> None:
    from varimol import steps

    replace_path = steps.replace_path

    def refusing(source: Path, target: Path) -> None:
        names = {
            "library": "library",
            "cohort": "cohort.vcz",
            "quality": "quality_samples.tsv",
            "report": "report.html",
        }
        if target.name == names[step]:
            raise OSError(code, os.strerror(code), str(target))
        replace_path(source, target)

    monkeypatch.setattr(steps, "replace_path", refusing)
    refuse().says("out", words, "expected a folder that can be written to")


def test_out__disk_full_while_the_store_is_written(
    refuse: Callable[..., Refused], monkeypatch: pytest.MonkeyPatch
) -> None:
    from genomics.store import StoreWriter

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(StoreWriter, "append", full)
    refuse().says("full")


def test_out__disk_full_while_a_table_is_written(
    refuse: Callable[..., Refused], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    refuse().says("full", "out")


def test_out__no_permission_to_make_the_folder(
    refuse: Callable[..., Refused], monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", denied)
    refuse().says("out", "no permission to write", "choose another --out")


def test_out__is_a_file(refuse: Callable[..., Refused], tmp_path: Path) -> None:
    place = tmp_path / "taken"
    place.write_text("mine")
    refuse(out=place).says("taken", "a file stands where a folder is needed", "choose another --out")
    assert place.read_text() == "mine"


def test_input__unreadable_file_is_not_blamed_on_out(
    refuse: Callable[..., Refused], monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(path: Path) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(sys.modules[varimol.link.__module__], "file_sha256", denied)
    refuse().says("cohort.vcf.gz", "--variants", "cannot be read", "permissions")


def test_good_input__goes_the_whole_way(given: dict[str, Any], tmp_path: Path) -> None:
    words = [f"--{name}={value}" for name, value in given.items()]
    result = CliRunner().invoke(app, ["link", *words, "--out", str(tmp_path / "out"), "--quiet"])
    assert result.exit_code == 0, result.stderr
    assert result.stdout == result.stderr == ""
    assert not len(pd.read_parquet(tmp_path / "out" / "markers.parquet"))
    assert_only_finished(tmp_path / "out")


def test_compounds__bad_smiles_is_rejected_by_line(given: dict[str, Any], tmp_path: Path) -> None:
    given["compounds"].write_text(GOOD_COMPOUNDS + "C3\tCC(C\nC4\tCCO\n")
    words = [f"--{name}={value}" for name, value in given.items()]
    result = CliRunner().invoke(app, ["link", *words, "--out", str(tmp_path / "out"), "--quiet"])
    assert result.exit_code == 0, result.stderr
    rejects = pd.read_csv(tmp_path / "out" / "library" / "rejects.tsv", sep="\t", dtype=str)
    assert len(rejects) == 1 and rejects["reason"].iloc[0]
    assert rejects.apply(lambda column: column.isin(["3", "4"])).any(axis=None), rejects.to_dict("records")


def test_one_two__is_taken_when_asked_for(given: dict[str, Any], tmp_path: Path) -> None:
    rewrite(given["phenotypes"], lambda text: text.replace("\t1\t", "\t2\t").replace("\t0\t", "\t1\t"))
    words = [f"--{name}={value}" for name, value in given.items()]
    result = CliRunner().invoke(app, ["link", *words, "--one-two", "--out", str(tmp_path / "out"), "--quiet"])
    assert result.exit_code == 0, result.stderr
    facts = json.loads((tmp_path / "out" / "association.json").read_text())
    assert (facts["trait_type"], facts["n_cases"], facts["n_controls"]) == ("binary", 6, 6)


def test_variants__gzip_of_nothing(tmp_path: Path, refuse: Callable[..., Refused]) -> None:
    path = tmp_path / "nothing.vcf.gz"
    path.write_bytes(gzip.compress(b""))
    refuse(variants=path).says("nothing.vcf.gz", "expected")
