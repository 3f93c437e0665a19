"""A newer release: an altered copy of the sources, packed as the providers do and served on this machine."""

from __future__ import annotations

import http.server
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chem.errors import InputError
from varimol import tables
from varimol.curate.pharmacogene_changes import read_rows, summary, table_changes
from varimol.curate.pharmacogene_release import check_source, main, make_release, releases, unpack
from varimol.download_transfer import Patience

SHIPPED = Path(str(tables.data_file("pharmacogenes", "genes.tsv"))).parent
RESOURCES = "src/main/resources/org/pharmgkb/pharmcat"
Alter = Callable[[str, dict[str, Any]], None]


def _pack(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"release/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def _archives(shared_data: Path, folder: Path, alter: Alter) -> list[Path]:
    """Both archives at the places where `releases` looks for them."""
    source = shared_data / "pharmacogenes"
    members = {}
    for place in ("definition/alleles", "phenotype"):
        for path in sorted((source / "pharmcat" / place).glob("*.json")):
            before, data = (json.loads(path.read_text()) for _ in range(2))
            alter(path.stem, data)
            content = path.read_bytes() if data == before else json.dumps(data).encode()
            members[f"{RESOURCES}/{place}/{path.name}"] = content
    folders = {".csv": "pypgx/api/data", ".rst": "docs"}
    others = {
        f"{folders[path.suffix]}/{path.name}": path.read_bytes()
        for path in (source / "pypgx_tables").iterdir()
        if path.suffix in folders
    }
    found = []
    for entry, packed in zip(releases("9.9.9", "8.8.8"), (members, others), strict=True):
        found.append(_pack(folder / entry.url.split("github.com/", 1)[1], packed))
    return found


def _newer(name: str, data: dict[str, Any]) -> None:
    """Add an allele, take one away, give one another base, name a function otherwise."""
    if name == "TPMT_translation":
        named = data["namedAlleles"]
        named[:] = [allele for allele in named if allele["name"] != "*44"]
        second = next(allele for allele in named if allele["name"] == "*2")
        named.append(json.loads(json.dumps({**second, "name": "*99"})))
        site = next(i for i, value in enumerate(second["alleles"]) if value)
        second["alleles"][site] = None
    if name == "VKORC1":
        data["namedAlleles"][1]["functionValue"] = "Another coumarin sensitivity"
    if "version" in data:
        data["version"] = "2026-01-01-00-00"


def _same(name: str, data: dict[str, Any]) -> None:
    """Alter nothing."""


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve ``tmp_path/served``; proxies of the environment are left aside."""
    monkeypatch.setenv("no_proxy", "*")
    (tmp_path / "served").mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = partial(Quiet, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def test_main__tells_what_a_newer_release_changes(
    shared_data: Path, tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _archives(shared_data, tmp_path / "served", _newer)
    out = tmp_path / "tables"
    options = [str(out), "--release", "9.9.9", "--pypgx", "8.8.8", "--mirror", address]
    assert main([*options, "--downloads", str(tmp_path / "downloads")]) == 0
    told = capsys.readouterr().out
    assert "definitions 2026-01-01-00-00: 9 changes" in told
    assert "  TPMT *2: 18143724-C-G -> nothing\n" in told
    changes = {(row["gene"], row["name"]): row for row in read_rows(out / "changes.tsv")}
    assert {
        name: row["change"] for (gene, name), row in changes.items() if row["table"] != "phenotype_rules"
    } == {
        "*99": "added",
        "*44": "removed",
        "18133887-T-C on GRCh37": "removed",
        "*2": "changed",
        "rs9923231 variant (T)": "changed",
    }
    assert changes["TPMT", "*2"]["after"] == "" and changes["TPMT", "*99"]["after"] == "18143724-C-G"
    rules = [row for row in changes.values() if row["table"] == "phenotype_rules"]
    assert {row["gene"] for row in rules} == {"VKORC1"} and len(rules) == 4
    definitions = read_rows(out / "allele_definitions.tsv")
    assert {row["source_version"][:10] for row in definitions if row["gene"] == "TPMT"} == {"2026-01-01"}


def test_make_release__the_same_sources_change_nothing(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archives = _archives(shared_data, tmp_path, _same)
    assert make_release(archives, tmp_path / "out", SHIPPED) == []
    assert capsys.readouterr().out.strip().endswith(": 0 changes")
    for path in SHIPPED.glob("*.tsv"):
        if path.name != "allele_frequencies.tsv":
            assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def _contradictory(name: str, data: dict[str, Any]) -> None:
    """Give one allele another function, but leave the phenotypes of its diplotypes."""
    if name == "TPMT":
        next(a for a in data["namedAlleles"] if a["name"] == "*2")["functionValue"] = "Normal function"


def _other_format(name: str, data: dict[str, Any]) -> None:
    if name == "TPMT_translation":
        data["formatVersion"] = "3"


def _unread_bases(name: str, data: dict[str, Any]) -> None:
    if name == "TPMT_translation":
        data["namedAlleles"][1]["alleles"][0] = "A(3_5)"


@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (_contradictory, "two phenotypes"),
        (_other_format, "formatVersion"),
        (_unread_bases, "stands for no bases"),
    ],
)
def test_make_release__another_form_is_refused_and_leaves_the_folder(
    shared_data: Path, tmp_path: Path, alter: Alter, message: str
) -> None:
    archives = _archives(shared_data, tmp_path, alter)
    out = tmp_path / "out"
    out.mkdir()
    (out / "genes.tsv").write_text("as it was")
    with pytest.raises(InputError, match=message):
        make_release(archives, out, SHIPPED)
    assert [path.name for path in out.iterdir()] == ["genes.tsv"]
    assert (out / "genes.tsv").read_text() == "as it was"


def test_main__a_release_that_is_not_there(
    tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [str(tmp_path / "out"), "--release", "0.0.0", "--mirror", address]
    downloads = ["--downloads", str(tmp_path / "downloads")]
    assert main([*options, *downloads], Patience(attempts=1, wait=0.01, timeout=5)) == 2
    assert "404" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_unpack__writes_plain_files_of_the_known_places_alone(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    members = {
        f"{RESOURCES}/phenotype/TPMT.json": b"{}",
        f"{RESOURCES}/phenotype/../../../../../../../../outside.json": b"{}",
        "README.md": b"",
        "docs/other.rst": b"",
    }
    _pack(archive, members)
    with tarfile.open(archive, "r:gz") as old, tarfile.open(tmp_path / "b.tar.gz", "w:gz") as new:
        for member in old:
            new.addfile(member, old.extractfile(member))
        link = tarfile.TarInfo(f"release/{RESOURCES}/phenotype/CFTR.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        new.addfile(link)
    assert unpack(tmp_path / "b.tar.gz", tmp_path / "source") == 1
    assert [p.name for p in (tmp_path / "source").rglob("*") if p.is_file()] == ["TPMT.json"]


def test_unpack__a_broken_archive(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"not an archive")
    with pytest.raises(InputError, match="cannot be read"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "source")


def test_check_source__names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"allele-table\.csv.*exemptions\.json.*allele definitions, phenotypes"
    ):
        check_source(tmp_path)


def test_summary__of_no_changes_is_empty(tmp_path: Path) -> None:
    assert table_changes(SHIPPED, SHIPPED) == [] and summary([]) == ""


def test_data_file__newer_tables_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "genes.tsv").write_text("gene\n")
    monkeypatch.setenv(tables.FOLDER_VARIABLE, str(tmp_path))
    assert tables.data_file("pharmacogenes", "genes.tsv").read_text() == "gene\n"
    # What the folder lacks is taken from the package, and other tables are never looked for there.
    assert str(tables.data_file("pharmacogenes", "allele_frequencies.tsv")).startswith(str(SHIPPED))
    (tmp_path / "drugs.tsv").write_text("")
    assert tables.data_file("drugs.tsv").read_text() != ""
