import json
import re
from pathlib import Path

import pandas as pd
import pytest

from genomics.errors import InputError
from varimol.report import write_report
from varimol.report.bundle import REQUIRED_COLUMNS


def test_report__shows_every_section(page, parse_page):
    _, text = parse_page(page)
    for shown in ("Autoimmune disease", "For research use only", "GRCh38", "L858R", "odds ratio 0.2 beside",
                  "The genetics supports the target, not the compound", "no protein sequence", "ab" * 32,
                  "Genetics supports inhibiting EGFR", "PyPGx tables", "sites compared: 412"):  # fmt: skip
        assert shown in text


def test_report__marker_calls_keep_their_states(page, parse_page):
    _, text = parse_page(page)
    assert "Reference only Effect + other Effect only Other allele No call Filtered Absent" in text
    assert "G: C 1,021 14 2 0 5 3 1 2: 1200: A: T 1,021 14 2 6 5 3 1 Targets" in text


def test_report__markers_without_counts_of_calls(tmp_path, write_directory, parse_page):
    """As an earlier version wrote them."""
    directory = write_directory(tmp_path / "out", 3)
    markers = pd.read_parquet(directory / "markers.parquet")
    counts = [name for name in markers if name.startswith("n_") and name != "n_in_clump"]
    markers.drop(columns=counts).to_parquet(directory / "markers.parquet")
    _, text = parse_page(write_report(directory).read_text(encoding="utf-8"))
    assert len(counts) == 7 and "L858R" in text and "Calls at the markers" not in text


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"half_calls": "no-call"}, "the defaults A half call such as 0/. is a no-call"),
        ({"haploid": "as-diploid"}, "the defaults, but haploid: as-diploid A haploid call has a dosage of 0"),
        ({"later": "choice"}, "the defaults, but later: choice"),
        (None, "Call policy not recorded"),
    ],
)
def test_report__call_policy_is_said_in_words(tmp_path, write_directory, parse_page, policy, said):
    directory = write_directory(tmp_path / "out", 3)
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest["association"]["call_policy"] = policy
    (directory / "manifest.json").write_text(json.dumps(manifest))
    _, text = parse_page(write_report(directory).read_text(encoding="utf-8"))
    assert said in text


def test_report__says_what_the_model_is_made_of(tmp_path, write_directory):
    folder = write_directory(tmp_path / "out", 3)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["network"] = {
        "blend": {"pkd": {"random": "the blend 0.5 landmark_network + 0.5 kernel_ridge has 0.1"}}
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    text = write_report(folder).read_text(encoding="utf-8")
    assert "by a blend of neural networks that read a molecule by its likeness" in text
    assert "graph network" not in text


def test_report__requests_nothing(page, parse_page):
    tags, _ = parse_page(page)
    for tag, attributes in tags:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}
        assert "src" not in attributes
        for name in ("href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    assert "url(" not in style and "@import" not in style
    assert "default-src 'none'" in page


def test_report__is_the_same_twice(directory, page):
    assert write_report(directory).read_text(encoding="utf-8") == page
    assert [path.name for path in directory.iterdir() if "tmp" in path.name] == []


def test_report__ids_are_unique(page, parse_page):
    tags, _ = parse_page(page)
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_report__headers_and_pictures_have_names(page, parse_page):
    tags, _ = parse_page(page)
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in tags if tag == "th")
    pictures = [a for tag, a in tags if tag == "svg" or a.get("role") == "img"]
    assert pictures
    named = [a for _, a in tags if a.get("role") == "img"]
    assert all(attributes.get("aria-label") for attributes in named)


def test_report__user_text_is_escaped(tmp_path, write_directory, parse_page, embedded, hostile):
    directory = write_directory(tmp_path / "out", 6)
    for name in REQUIRED_COLUMNS:
        table = pd.read_parquet(directory / f"{name}.parquet")
        spoiled = table.replace(dict.fromkeys(["S0002", "gefitinib", "EGFR"], hostile))
        spoiled.to_parquet(directory / f"{name}.parquet")
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest |= {"trait": hostile, "notes": [hostile], "parameters": {hostile: hostile}}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    page = write_report(directory).read_text(encoding="utf-8")
    tags, text = parse_page(page)
    assert hostile in text
    assert sum(tag == "script" for tag, _ in tags) == 2
    assert not any(name.startswith("on") for _, attributes in tags for name in attributes)
    assert hostile in embedded(page)["patients"]["id"]


def test_report__empty_tables_say_what_is_absent(tmp_path, write_directory, parse_page):
    directory = write_directory(tmp_path / "out", 3)
    for name in REQUIRED_COLUMNS:
        if name == "targets":
            (directory / "targets.parquet").unlink()
        else:
            pd.read_parquet(directory / f"{name}.parquet").head(0).to_parquet(directory / f"{name}.parquet")
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest["structure"] = {"estimable": False, "reason": "24 genes cover 24 regions; 300 are needed"}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    _, text = parse_page(write_report(directory).read_text(encoding="utf-8"))
    for sentence in ("24 genes cover 24 regions", "no variant was tested", "No marker", "No gene was scored"):
        assert sentence in text
    assert "the target table is not in this directory" in text


def test_report__a_manifest_alone_is_enough(tmp_path, parse_page):
    (tmp_path / "manifest.json").write_text("{}")
    _, text = parse_page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "not named" in text and "not recorded" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "manifest.json: no manifest"), ("{", "json: not JSON"), ("[]", "json: not a manifest")],
)
def test_report__bad_manifest_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=message):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_report__bad_table_is_named(tmp_path, write_directory):
    directory = write_directory(tmp_path / "out", 3)
    pd.DataFrame({"sample_id": ["S0001"]}).to_parquet(directory / "therapies.parquet")
    with pytest.raises(InputError, match=r"therapies\.parquet, field rank: column missing"):
        write_report(directory)
    (directory / "therapies.parquet").write_bytes(b"PAR1 cut short")
    with pytest.raises(InputError, match=r"therapies\.parquet: not a Parquet table"):
        write_report(directory)
    with pytest.raises(InputError, match="no such directory"):
        write_report(tmp_path / "nowhere")


def test_report__failure_leaves_the_old_page(tmp_path, monkeypatch, write_directory):
    directory = write_directory(tmp_path / "out", 3)
    before = write_report(directory).read_bytes()

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(directory)
    assert (directory / "report.html").read_bytes() == before
    assert list(directory.glob("*.tmp-*")) == []


def test_report__2500_patients_stay_small(tmp_path, write_directory):
    directory = write_directory(tmp_path / "out", 2500)
    size = write_report(directory).stat().st_size
    assert size < 25_000_000
    assert size < 8_000_000  # what it is today, with room: a second copy of the data would show


def test_report__tells_the_network_in_words_and_a_table(tmp_path, write_directory):
    folder = write_directory(tmp_path / "out", 3)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    row = {
        "setting": "random",
        "endpoint": "pkd",
        "metric": "mse",
        "mean": 0.1546,
        "lower": 0.15,
        "upper": 0.159,
    }
    manifest["network"] = {
        "name": "small", "seed": 0, "versions": {"rdkit": "2026.1"}, "limits": ["only this", "only that"],
        "endpoints": ["pkd", "binds"], "weights": "not told",
        "figures": [row | {"endpoint": "binds", "metric": "brier"}, row | {"setting": "scaffold"}, row],
        "coverage": [{"endpoint": "pkd", "setting": "random", "coverage": 0.9012, "by": {"scaffold": "not told"}}],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    text = re.sub(r"\s+", " ", write_report(folder).read_text(encoding="utf-8"))
    assert (
        "<li>only this</li><li>only that</li>" in text and "rdkit: 2026.1" in text and "not told" not in text
    )
    assert "<dt>Seed</dt><dd>0</dd>" in text
    cells = "<td>pairs</td><td>mean squared error 0.155 [0.150, 0.159]</td><td>90.1%</td>"
    assert f'<th scope="row">pkd</th>{cells}' in text
    places = [text.index(f'<th scope="row">{name}</th><td>{held}') for name, held in (
        ("pkd", "pairs"), ("pkd", "compounds"), ("binds", "pairs"),
    )]  # fmt: skip
    assert places == sorted(places)
