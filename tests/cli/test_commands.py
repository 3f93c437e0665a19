"""The command line: every command is there with its options, helps, and says what is wrong in one line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from varimol.cli import app
from varimol.networks import load_network

REPOSITORY = Path(__file__).resolve().parents[2]
OPTIONS: dict[str, set[str]] = {
    "ingest": {"--out", "--regions", "--samples", "--keep-going", "--build"},
    "export": {"--out"},
    "quality": {"--out"},
    "associate": {"--phenotypes", "--trait", "--covariates", "--trait-type", "--out", "--one-two"},
    "stars": {"--assay", "--build", "--out", "--outside", "--sexes", "--hybrids-assessed"},
    "profiles": {"--out", "--genes", "--assessed", "--pairs", "--germline", "--frequencies", "--max-frequency"},
    "library": {"--out", "--smiles-column", "--id-column", "--strict"},
    "train affinity": {
        "--pairs", "--drugs", "--targets", "--label", "--folds", "--out", "--epochs", "--network", "--settings",
        "--baselines", "--read-as",
    },
    "predict": {
        "--pairs", "--drugs", "--targets", "--out", "--endpoint", "--level", "--variant", "--shifts",
    },
    "screen": {"--model", "--targets", "--out"},
    "link": {
        "--variants", "--phenotypes", "--trait", "--compounds", "--covariates", "--out", "--proteins", "--build",
        "--one-two", "--assay", "--desired", "--outside", "--hybrids-assessed", "--sexes",
    },
    "report": set(),
    "explain": {"--patient", "--compound", "--out"},
    "demo": {"--out"},
}  # fmt: skip
"""What others rely on; a command may take more."""


def run(*words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_stars__file_without_sites_is_told_so_with_and_without_a_build(
    tmp_path: Path, make_vcf: Callable[..., Path]
) -> None:
    empty, elsewhere = make_vcf([], "empty.vcf"), make_vcf(["21 100 . A G . PASS . GT 0/1 0/0"], "21.vcf")
    for words in ([], ["--build", "GRCh38"], ["--assay", "wgs"]):
        for path, problem in ((empty, "there are no records"), (elsewhere, "none of 1 records lies")):
            told = run("stars", path, "--out", tmp_path / "out", *words)
            assert told.exit_code == 2 and f"{path.name}: {problem}" in told.output
            assert "expected records at sites such as" in told.output and "--build" not in told.output


def test_stars__assay_and_build_in_any_case(tmp_path: Path) -> None:
    missing = tmp_path / "none.vcf"
    for words in (["--assay", "WGS"], ["--build", "hg38"], ["--build", "grch37"]):
        assert "no such file" in run("stars", missing, "--out", tmp_path / "out", *words).output
    wrong = run("stars", missing, "--out", tmp_path / "out", "--build", "hg19")
    assert "'hg19' is not known" in wrong.output


def test_module__is_the_command() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "varimol", "--help"], capture_output=True, text=True, check=True
    )
    assert "stars" in told.stdout


def refused(*words: object) -> str:
    """Run a command that must be refused; its one line."""
    result = run(*words)
    assert result.exit_code == 2, (result.exit_code, result.stderr, result.exception)
    (line,) = result.stderr.splitlines()
    assert line.startswith("varimol: ")
    return line


def options_of(name: str) -> set[str]:
    group: Any = typer.main.get_command(app)
    for word in name.split():
        group = group.commands[word]
    return {option for parameter in group.params for option in parameter.opts if option.startswith("--")}


def test_commands__are_those_of_the_interface() -> None:
    group: Any = typer.main.get_command(app)
    train = {f"train {name}" for name in group.commands["train"].commands}
    assert set(group.commands) - {"train"} | train >= set(OPTIONS)


@pytest.mark.parametrize("name", OPTIONS)
def test_command__has_its_options(name: str) -> None:
    assert options_of(name) >= OPTIONS[name] | {"--seed", "--threads", "--quiet"}


@pytest.mark.parametrize("name", OPTIONS)
def test_command__helps_with_an_example(name: str) -> None:
    result = run(*name.split(), "--help")
    assert result.exit_code == 0
    text = re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;]*m", "", result.stdout))
    assert f"Example: varimol {name} " in text.replace("`", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["link", "--out", "x"], "Missing option '--variants'"),
        (["nosuch"], "No such command 'nosuch'"),
        (["ingest", "a.vcf", "--out", "x", "--wrong"], "No such option: --wrong"),
        (["demo", "--out", "x", "--threads", "0"], "Invalid value for '--threads'"),
        (["stars", "a.vcf", "--out", "x", "--seed", "one"], "Invalid value for '--seed'"),
    ],
)
def test_usage__is_one_line_and_exit_code_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from varimol.cli import main

    monkeypatch.setattr(sys, "argv", ["varimol", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"varimol: {said}") and line.endswith("--help`.")


def test_program__refuses_in_one_line_on_the_real_stderr(tmp_path: Path) -> None:
    """Also what C libraries print would show here."""
    bad = tmp_path / "bad.vcf"
    bad.write_text(
        '##fileformat=VCFv4.2\n##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\n1\t100\t.\tA\tG\t.\t.\t.\tGT\t0/x\n"
    )
    command = [sys.executable, "-m", "varimol.cli", "ingest", str(bad), "--out", str(tmp_path / "c.vcz")]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}
    )
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert "bad.vcf, record 1, field GT: '0/x'" in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.vcf"]


def test_failure_of_ours__is_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import varimol

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr(varimol, "export", fail, raising=False)
    monkeypatch.delenv("VARIMOL_DEBUG", raising=False)
    result = run("export", tmp_path / "c.vcz", "--out", tmp_path / "calls.tsv")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("varimol: failed (RuntimeError): first second; set VARIMOL_DEBUG=1")


@pytest.mark.parametrize(
    "words",
    [
        ["ingest", "none.vcf", "--out", "x"],
        ["export", "none.vcz", "--out", "x.tsv"],
        ["quality", "none.vcz", "--out", "x"],
        ["associate", "none.vcz", "--phenotypes", "none.tsv", "--trait", "flare", "--out", "x"],
        ["stars", "none.vcf", "--out", "x"],
        ["library", "none.smi", "--out", "x"],
        ["predict", "kinase-affinity", "--pairs", "none.tsv", "--drugs", "n.tsv", "--targets", "n.tsv", "--out", "x"],
        ["predict", "none", "--pairs", "none.tsv", "--drugs", "n.tsv", "--targets", "n.tsv", "--out", "x"],
        ["screen", "none.smi", "--targets", "none.fasta", "--out", "x"],
        ["train", "affinity", "--pairs", "none.tsv", "--drugs", "n.tsv", "--targets", "n.tsv", "--label", "pkd", "--out", "x"],
        ["report", "none"],
        ["explain", "none", "--patient", "S1", "--compound", "C1"],
    ],
)  # fmt: skip
def test_command__missing_file_is_named(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "none" in refused(*words)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left == []


@pytest.fixture(scope="module")
def stepwise(link_input: Any, linked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the single commands made of the store of the finished run."""
    out = tmp_path_factory.mktemp("stepwise")
    store = linked / "cohort.vcz"
    given = ["--phenotypes", link_input.phenotypes, "--trait", link_input.trait, "--covariates", "age,sex"]
    for words in (
        ["quality", store, "--out", out / "quality"],
        ["associate", store, *given, "--out", out / "scan"],
        ["stars", store, "--assay", "wgs", "--out", out / "stars"],
        ["library", link_input.compounds, "--out", out / "library"],
    ):
        result = run(*words, "--quiet")
        assert result.exit_code == 0, result.stderr
        assert result.stdout == result.stderr == ""
    return out


@pytest.mark.parametrize(
    ("made", "whole"),
    [
        ("scan/association.tsv", "association.tsv"),
        ("scan/structure.tsv", "structure.tsv"),
        ("stars/diplotypes.tsv", "diplotypes.tsv"),
        ("stars/recommendations.tsv", "recommendations.tsv"),
        ("library/rejects.tsv", "library/rejects.tsv"),
    ],
)
def test_single_commands__give_the_tables_of_the_whole_way(
    stepwise: Path, linked: Path, made: str, whole: str
) -> None:
    assert (stepwise / made).read_bytes() == (linked / whole).read_bytes()


def test_library__has_its_columns(stepwise: Path) -> None:
    table = pd.read_parquet(stepwise / "library" / "library.parquet")
    expected = ["row", "id", "input", "smiles", "inchikey", "status", "reason", "duplicate_of"]
    assert set(expected) <= set(table.columns)
    assert (stepwise / "library" / "graphs").is_dir()


def test_library__strict_names_the_line(tmp_path: Path) -> None:
    source = tmp_path / "drugs.smi"
    source.write_text("CCO ethanol\nCC(C bad\nCCN amine\n")
    line = refused("library", source, "--out", tmp_path / "strict", "--strict")
    assert "drugs.smi, record 2" in line and "CC(C" in line
    assert not (tmp_path / "strict").exists()
    assert run("library", source, "--out", tmp_path / "lax", "--quiet").exit_code == 0
    rejects = pd.read_csv(tmp_path / "lax" / "rejects.tsv", sep="\t", dtype=str)
    assert len(rejects) == 1 and "2" in rejects.iloc[0].tolist()


def test_export__has_its_columns_and_states(linked: Path, tmp_path: Path) -> None:
    store = tmp_path / "small.vcz"
    variants = tmp_path / "small.vcf"
    variants.write_text(
        '##fileformat=VCFv4.2\n##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\tB\n"
        "1\t100\t.\tA\tG,T\t.\tPASS\t.\tGT\t0/2\t./.\n"
    )
    assert run("ingest", variants, "--out", store, "--quiet").exit_code == 0
    assert run("export", store, "--out", tmp_path / "calls.tsv", "--quiet").exit_code == 0
    table = pd.read_csv(tmp_path / "calls.tsv", sep="\t", dtype=str, keep_default_na=False)
    assert table.columns.tolist() == ["chrom", "pos", "ref", "alt", "filter", "sample", "gt", "state"]
    assert table[["alt", "sample", "gt", "state"]].to_numpy().tolist() == [
        ["G,T", "A", "0/2", "observed"],
        ["G,T", "B", "./.", "no-call"],
    ]


PREDICTION = [
    "prediction", "lower", "upper", "sd", "in_domain", "abstain", "reason", "nearest_train_tanimoto",
    "nearest_train_protein", "latent_density", "in_training",
]  # fmt: skip


@pytest.fixture
def pairs(tmp_path: Path) -> list[object]:
    """Return options of `predict` for three pairs, an unparsable drug among them."""
    from varimol import tables

    sequence = tables.proteins().set_index("symbol").loc["ABL1", "sequence"]
    (tmp_path / "drugs.tsv").write_text("drug_id\tsmiles\nD1\tCCO\nD2\tCc1ccc(NC(=O)c2ccncc2)cc1\nBAD\tCC(\n")
    (tmp_path / "targets.tsv").write_text(f"target_id\tsequence\nT1\t{sequence}\n")
    (tmp_path / "pairs.tsv").write_text("drug_id\ttarget_id\nD2\tT1\nBAD\tT1\nD1\tT1\n")
    words: list[object] = ["predict", "kinase-affinity"]
    for name in ("pairs", "drugs", "targets"):
        words += [f"--{name}", tmp_path / f"{name}.tsv"]
    return words


@pytest.mark.parametrize("name", ["out.tsv", "out.parquet"])
def test_predict__one_row_per_pair_in_their_order(pairs: list[object], tmp_path: Path, name: str) -> None:
    result = run(*pairs, "--endpoint", "pkd", "--out", tmp_path / name)
    assert result.exit_code == 0, result.stderr
    path = tmp_path / name
    table = pd.read_csv(path, sep="\t") if name.endswith("tsv") else pd.read_parquet(path)
    assert table["drug_id"].tolist() == ["D2", "BAD", "D1"]
    assert table.columns.tolist() == ["drug_id", "target_id", "endpoint", *PREDICTION, "notes"]
    assert bool(table["abstain"].iloc[1]) and table["reason"].iloc[1]
    assert table["prediction"].isna().tolist() == [False, True, False]


def test_predict__several_labels_in_long_form(pairs: list[object], tmp_path: Path) -> None:
    assert run(*pairs, "--out", tmp_path / "out.tsv").exit_code == 0
    table = pd.read_csv(tmp_path / "out.tsv", sep="\t")
    endpoints = load_network("kinase-affinity").endpoints
    assert len(endpoints) > 1
    assert table["endpoint"].tolist() == [name for name in endpoints for _ in range(3)]
    assert table["drug_id"].tolist() == ["D2", "BAD", "D1"] * len(endpoints)


def test_predict__a_wider_level_gives_wider_intervals(pairs: list[object], tmp_path: Path) -> None:
    widths = []
    for level in ("0.5", "0.9"):
        path = tmp_path / f"{level}.parquet"
        assert run(*pairs, "--endpoint", "pkd", "--level", level, "--out", path).exit_code == 0
        table = pd.read_parquet(path)
        widths.append((table["upper"] - table["lower"]).iloc[0])
    assert 0 < widths[0] < widths[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--settings", "random,cluster"], "field --settings: no setting 'cluster'"),
        (["--epochs", "1", "--epochs", "2"], "field --epochs: 2 numbers of epochs for 1 labels"),
    ],
)
def test_train__options_that_do_not_fit(tmp_path: Path, options: list[str], said: str) -> None:
    words = [
        word for name in ("pairs", "drugs", "targets") for word in (f"--{name}", tmp_path / f"{name}.tsv")
    ]
    line = refused("train", "affinity", *words, "--label", "pkd", "--out", tmp_path / "run", *options)
    assert said in line and not (tmp_path / "run").exists()


@pytest.mark.slow
def test_train__says_what_the_models_are_worth(pairs: list[object], tmp_path: Path) -> None:
    """The command in a process of its own, without a terminal: progress in lines, the summary on stdout."""
    from varimol import tables

    proteins, drugs = tables.proteins().head(5), tables.drugs().drop_duplicates("skeleton").head(10)
    drugs = drugs.rename(columns={"name": "drug_id"})[["drug_id", "smiles"]]
    drugs.to_csv(tmp_path / "drugs.tsv", sep="\t", index=False)
    targets = proteins.rename(columns={"symbol": "target_id"})[["target_id", "sequence"]]
    targets.to_csv(tmp_path / "targets.tsv", sep="\t", index=False)
    grid = drugs[["drug_id"]].merge(targets[["target_id"]], how="cross")
    grid["fold"] = np.arange(len(grid)) % 2 + 1
    grid["pkd"] = 5.0 + np.random.default_rng(0).random(len(grid)).round(2)
    grid.to_csv(tmp_path / "pairs.tsv", sep="\t", index=False)
    words = [str(word) for word in pairs[2:]]
    command = [
        sys.executable,
        "-m",
        "varimol.cli",
        "train",
        "affinity",
        *words,
        "--label",
        "pkd",
        "--epochs",
        "1",
    ]
    command += ["--settings", "random", "--folds", "fold", "--no-baselines", "--out", str(tmp_path / "run")]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}
    )
    assert done.returncode == 0, done.stderr
    assert re.match(r"(\d+) of \1 fits done", done.stderr.splitlines()[-1])
    lines = done.stdout.splitlines()
    assert lines[0].startswith("pkd, pairs held out, 2 folds") and lines[0].endswith("concordance")
    assert [line.split()[0] for line in lines[1:4]] == ["blend", "kernel_ridge", "landmark_network"]
    assert any("held-out rows; the blend" in line for line in lines)
    card = json.loads((tmp_path / "run" / "card.json").read_text())
    assert card["epochs"] == {"pkd": 1} and card["name"] == "run"
    assert {row["setting"] for row in card["figures"]} == {"random"}
    # Another table of other labels goes on from it; a label that it does not predict is refused.
    fresh = tables.drugs().drop_duplicates("skeleton").iloc[10:16].rename(columns={"name": "drug_id"})
    fresh[["drug_id", "smiles"]].to_csv(tmp_path / "drugs.tsv", sep="\t", index=False)
    more = fresh[["drug_id"]].merge(grid[["target_id"]].drop_duplicates(), how="cross")
    labels = 5 + np.arange(len(more)) / 20
    more.assign(pkd=labels, ki=labels).to_csv(tmp_path / "pairs.tsv", sep="\t", index=False)
    again = ["train", "affinity", *words, "--start", tmp_path / "run", "--epochs", "1", "--no-baselines"]
    second = run(*again, "--label", "pkd", "--out", tmp_path / "second")
    assert second.exit_code == 0, second.stderr
    card = json.loads((tmp_path / "second" / "card.json").read_text())
    assert card["started_from"]["name"] == "run" and card["data_summary"][0]["n_pairs"] == 50 + 30
    refusal = refused(*again, "--label", "ki", "--out", tmp_path / "third")
    assert "run, field --label" in refusal
    assert "predicts no 'ki'; expected one of pkd" in refusal
    assert (
        "60 new ones" not in second.stdout
        and "50 pairs of the model to start from and 30 new" in second.stdout
    )
    assert re.search(r"^  start +\d", second.stdout, re.MULTILINE)
    refusal = refused(*again, "--label", "pkd", "--out", tmp_path / "third", "--network", "graph")
    assert "the model to start from decides these" in refusal


def test_screen__writes_hits_rejects_and_manifest(tmp_path: Path) -> None:
    from varimol import tables

    sequence = tables.proteins().set_index("symbol").loc["ABL1", "sequence"]
    (tmp_path / "t.fasta").write_text(f">ABL1\n{sequence}\n")
    (tmp_path / "c.smi").write_text("CCO D1\nCC( D2\nCc1ccc(NC(=O)c2ccncc2)cc1 D3\n")
    result = run("screen", tmp_path / "c.smi", "--targets", tmp_path / "t.fasta", "--out", tmp_path / "hits")
    assert result.exit_code == 0, result.stderr
    hits = pd.read_parquet(tmp_path / "hits" / "hits.parquet")
    assert len(hits) == 2 and set(hits["target_id"]) == {"ABL1"}
    assert len(pd.read_csv(tmp_path / "hits" / "rejects.tsv", sep="\t")) == 1
    manifest = json.loads((tmp_path / "hits" / "manifest.json").read_text())
    assert (manifest["n_rejected"], manifest["endpoint"], manifest["unit"]) == (1, "pkd", "-log10(mol/l)")


def test_screen__what_abstains_is_no_first_hit(tmp_path: Path) -> None:
    from varimol import tables

    sequence = tables.proteins().set_index("symbol").loc["ABL1", "sequence"]
    (tmp_path / "t.fasta").write_text(f">ABL1\n{sequence}\n>ABL1(T315I)\n{sequence}\n")
    gefitinib = "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1 gefitinib"
    (tmp_path / "c.smi").write_text(f"[Xe] xenon\nCC(=O)Oc1ccccc1C(=O)O aspirin\n{gefitinib}\n")
    result = run("screen", tmp_path / "c.smi", "--targets", tmp_path / "t.fasta", "--out", tmp_path / "hits")
    assert result.exit_code == 0, result.stderr
    hits = pd.read_csv(tmp_path / "hits" / "hits.tsv", sep="\t", keep_default_na=False)
    assert (hits["endpoint"] == "pkd").all()
    assert dict(zip(hits["target_id"], hits["variant"], strict=True)) == {"ABL1": "", "ABL1(T315I)": "T315I"}
    mutant = hits[hits["target_id"] == "ABL1(T315I)"]
    assert mutant["compound_id"].iloc[0] == "gefitinib" and mutant["abstain"].tolist() == [False, True, True]
    assert mutant["prediction"].iloc[0] < mutant["prediction"].iloc[1:].max()
    assert mutant["prediction"].iloc[1:].is_monotonic_decreasing


def test_report__writes_the_page_again(linked: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(linked, tmp_path / "run")
    (tmp_path / "run" / "report.html").unlink()
    result = run("report", tmp_path / "run")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "run" / "report.html").read_bytes() == (linked / "report.html").read_bytes()


def test_explain__prints_the_claims(linked: Path) -> None:
    evidence = pd.read_parquet(linked / "evidence.parquet")
    record = evidence[evidence["lane"] == "safety_and_dose"].iloc[0]
    result = run("explain", linked, "--patient", record["sample_id"], "--compound", record["compound_id"])
    assert result.exit_code == 0, result.stderr
    assert record["path"] in result.stdout


def test_out__folder_where_a_file_is_wanted(pairs: list[object], tmp_path: Path) -> None:
    (tmp_path / "taken.tsv").mkdir()
    assert "a folder stands where a file is needed" in refused(*pairs, "--out", tmp_path / "taken.tsv")
    assert list((tmp_path / "taken.tsv").iterdir()) == []
    assert not list(tmp_path.glob("*.tmp-*"))


def test_demo__too_few_people(tmp_path: Path) -> None:
    assert run("demo", "--out", tmp_path / "d", "--samples", "5").exit_code == 2


def test_ingest__tells_of_its_own_rejects_alone(make_vcf: Any, tmp_path: Path) -> None:
    bad = make_vcf(["1 1 . A G . . . GT 0/1 0/1", "1 2 . A G . . . GT 0/x 0/1"], "bad.vcf")
    good = make_vcf(["1 1 . A G . . . GT 0/1 0/1"], "good.vcf")
    told = run("ingest", bad, "--out", tmp_path / "c.vcz", "--keep-going")
    assert told.exit_code == 0 and "rejects.tsv: 1 records left out" in told.output
    later = run("ingest", good, "--out", tmp_path / "c.vcz")
    assert later.exit_code == 0 and "rejects" not in later.output
