"""Downloads from a real server on this machine: whole, cut, wrong, moved, refused."""

from __future__ import annotations

import ast
import hashlib
import http.server
import io
import json
import re
import resource
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from http.client import HTTPMessage
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from chem.errors import InputError
from chem.read import read_compounds
from varimol.download import (
    Download,
    download,
    download_folder,
    downloads,
    find_download,
    hash_of,
    listed_checksum,
    read_receipt,
)
from varimol.download_transfer import Patience, _Redirects, fetch_file, only_one

REPOSITORY = Path(__file__).resolve().parents[2]
BODY = b"".join(b"CCO%06d\n" % number for number in range(60_000))  # 600 kB, more than one block
QUICK = Patience(attempts=3, wait=0.01, timeout=5)
PATH = "/pub/databases/chembl/ChEMBLdb/releases/chembl_37/chembl_37_chemreps.txt.gz"


@dataclass
class Server:
    """What the server does, and what it was asked."""

    address: str = ""
    body: bytes = BODY
    etag: str = '"one"'
    ranges: bool = True
    cut_after: list[int] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    checksums: str | None = None
    redirect: str = ""
    claim: int | None = None
    stall: threading.Event | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    molecules: list[dict[str, object]] = field(default_factory=list)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        state = self.state
        state.asked.append((self.path, self.headers.get("Range", "")))
        self.close_connection = True
        if self.path.endswith("checksums.txt"):
            text = state.checksums
            self._send(404 if text is None else 200, (text or "").encode())
        elif "/chembl/api/data/" in self.path:
            self._service()
        elif state.redirect:
            elsewhere, state.redirect = state.redirect, ""
            self.send_response(302)
            self.send_header("Location", elsewhere)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif state.answers:
            self._send(state.answers.pop(0), b"")
        else:
            self._body()

    def _send(self, code: int, content: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _body(self) -> None:
        state, start = self.state, 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        fresh = self.headers.get("If-Range") in (None, state.etag)
        if state.ranges and asked and fresh:
            start = int(asked[1])
            if start >= len(state.body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(state.body)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        content = state.body[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(state.body) - 1}/{len(state.body)}")
        self.send_header("Content-Length", str(len(content) if state.claim is None else state.claim))
        if state.etag:
            self.send_header("ETag", state.etag)
        self.end_headers()
        if state.stall is not None:
            self.wfile.write(content[:300_000])
            self.wfile.flush()
            state.stall.wait(30)
            return
        if state.cut_after:
            content = content[: state.cut_after.pop(0)]
        self.wfile.write(content)

    def _service(self) -> None:
        if self.path.endswith("status.json"):
            self._send(200, b'{"chembl_db_version": "ChEMBL_37"}')
            return
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        start, n = int(query.get("offset", 0)), 2
        more = start + n < len(self.state.molecules)
        following = (
            f"/chembl/api/data/molecule.json?max_phase=4&limit={n}&offset={start + n}" if more else None
        )
        answer = {
            "molecules": self.state.molecules[start : start + n],
            "page_meta": {"next": following, "total_count": self.state.claim or len(self.state.molecules)},
        }
        self._send(200, json.dumps(answer).encode())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Return a running server; proxies of the environment are left aside."""
    monkeypatch.setenv("no_proxy", "*")
    state = Server()
    handler = type("Handler", (_Handler,), {"state": state})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        state.address = f"http://127.0.0.1:{running.server_address[1]}"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        running.shutdown()
        thread.join()


def entry_of(server: Server, **changes: object) -> Download:
    entry = Download(
        name="tiny", version="1", kind="file", file="tiny.smi", about="A test.", licence="CC0", page="-", citation="-",
        url=f"{server.address}/data/tiny.smi",
    )  # fmt: skip
    return replace(entry, **changes)  # type: ignore[arg-type]


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_download__whole_file_under_its_name_with_a_receipt(server: Server, tmp_path: Path) -> None:
    said: list[str] = []
    seen: list[tuple[int, int | None]] = []
    path = download(
        entry_of(server), tmp_path, tell=said.append, patience=QUICK, progress=lambda *at: seen.append(at)
    )
    assert path.read_bytes() == BODY
    assert left_in(tmp_path) == ["tiny.smi", "tiny.smi.receipt.json"]
    receipt = read_receipt(path)
    assert receipt["sha256"] == hashlib.sha256(BODY).hexdigest() and receipt["bytes"] == len(BODY)
    assert receipt["licence"] == "CC0" and "later downloads are compared" in receipt["checked"]
    assert seen[0] == (0, len(BODY)) and seen[-1] == (len(BODY), len(BODY)) and len(seen) > 2
    assert "licence: CC0" in said[0] and "not checked" in said[-1]
    assert sum(1 for _ in read_compounds(path)) == 60_000


def test_download__terms_come_before_the_first_request(server: Server, tmp_path: Path) -> None:
    asked_then: list[int] = []
    download(entry_of(server), tmp_path, tell=lambda _: asked_then.append(len(server.asked)), patience=QUICK)
    assert asked_then[0] == 0 and len(server.asked) == 1


def test_download__not_fetched_twice(server: Server, tmp_path: Path) -> None:
    download(entry_of(server), tmp_path, tell=str, patience=QUICK)
    download(entry_of(server), tmp_path, tell=str, patience=QUICK)
    assert len(server.asked) == 1
    (tmp_path / "tiny.smi").write_bytes(BODY[:-1])  # damaged since: fetched again
    assert download(entry_of(server), tmp_path, tell=str, patience=QUICK).read_bytes() == BODY
    assert len(server.asked) == 2


def test_download__cut_connections_are_resumed(server: Server, tmp_path: Path) -> None:
    server.cut_after = [200_000, 100_000, 5]
    path = download(entry_of(server), tmp_path, tell=str, patience=QUICK)
    assert path.read_bytes() == BODY
    assert [asked for _, asked in server.asked] == ["", "bytes=200000-", "bytes=300000-", "bytes=300005-"]


def test_download__next_run_goes_on_where_this_one_was_killed(server: Server, tmp_path: Path) -> None:
    server.cut_after = [250_000, 0, 0, 0, 0]
    with pytest.raises(InputError, match="connection was cut") as caught:
        download(entry_of(server), tmp_path, tell=str, patience=QUICK)
    assert "goes on where it stopped" in str(caught.value)
    assert not (tmp_path / "tiny.smi").exists() and (tmp_path / ".tiny.smi.part").stat().st_size == 250_000
    server.cut_after, n_before = [], len(server.asked)
    assert download(entry_of(server), tmp_path, tell=str, patience=QUICK).read_bytes() == BODY
    assert server.asked[n_before:] == [("/data/tiny.smi", "bytes=250000-")]
    assert left_in(tmp_path) == ["tiny.smi", "tiny.smi.receipt.json"]


def test_download__goes_on_after_kill_9(server: Server, tmp_path: Path) -> None:
    server.stall = threading.Event()
    script = (
        "from varimol.download import Download, download\n"
        f"download(Download(**{asdict(entry_of(server))!r}), {str(tmp_path)!r}, tell=str)"
    )
    part = tmp_path / ".tiny.smi.part"
    with subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY) as running:
        deadline = time.monotonic() + 30
        while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.02)
        running.kill()
    have = part.stat().st_size
    assert 0 < have < len(BODY) and not (tmp_path / "tiny.smi").exists()
    server.stall.set()
    server.stall = None
    assert download(entry_of(server), tmp_path, tell=str, patience=QUICK).read_bytes() == BODY
    assert server.asked[-1] == ("/data/tiny.smi", f"bytes={have}-")
    assert left_in(tmp_path) == ["tiny.smi", "tiny.smi.receipt.json"]


@pytest.mark.parametrize("change", ["another version", "no ranges", "no mark"])
def test_download__starts_anew_where_it_cannot_go_on(change: str, server: Server, tmp_path: Path) -> None:
    server.etag = "" if change == "no mark" else server.etag
    server.ranges = change != "no ranges"
    server.cut_after = [250_000, 0, 0, 0]
    with pytest.raises(InputError):
        fetch_file(f"{server.address}/x", tmp_path / "part", Patience(1, 0.01, 5))
    server.cut_after = []
    if change == "another version":
        server.body, server.etag = BODY[::-1], '"two"'
    fetch_file(f"{server.address}/x", tmp_path / "part", QUICK)
    assert (tmp_path / "part").read_bytes() == server.body


def test_download__all_there_but_the_rename(server: Server, tmp_path: Path) -> None:
    fetch_file(f"{server.address}/x", tmp_path / "part", QUICK)
    fetch_file(f"{server.address}/x", tmp_path / "part", QUICK)  # 416: nothing more to come
    assert (tmp_path / "part").read_bytes() == BODY
    assert server.asked[-1][1] == f"bytes={len(BODY)}-"
    with (tmp_path / "part").open("ab") as extra:
        extra.write(b"too long")
    fetch_file(f"{server.address}/x", tmp_path / "part", QUICK)
    assert (tmp_path / "part").read_bytes() == BODY


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
def test_download__providers_checksums(algorithm: str, server: Server, tmp_path: Path) -> None:
    server.checksums = (
        f"# sums\nnot a line\n{'0' * 64}  other.smi\n{hashlib.new(algorithm, BODY).hexdigest()}  ./tiny.smi\n"
    )
    entry = entry_of(server, checksums=f"{server.address}/data/checksums.txt")
    path = download(entry, tmp_path, tell=str, patience=QUICK)
    assert read_receipt(path)["checked"].startswith(f"equal to the provider's {algorithm.upper()}")


@pytest.mark.parametrize("known", ["table", "provider", "bytes"])
def test_download__wrong_checksum_leaves_nothing(known: str, server: Server, tmp_path: Path) -> None:
    server.checksums = f"{'0f' * 32}  tiny.smi\n"
    changes: dict[str, dict[str, object]] = {
        "table": {"sha256": "0f" * 32}, "provider": {"checksums": f"{server.address}/checksums.txt"},
        "bytes": {"bytes": 17},
    }  # fmt: skip
    with pytest.raises(InputError, match="tiny is not what it should be") as caught:
        download(entry_of(server, **changes[known]), tmp_path, tell=str, patience=QUICK)
    assert ("0f" * 32 in str(caught.value)) == (known != "bytes")
    assert left_in(tmp_path) == []


def test_download__wrong_checksum_keeps_the_old_file(server: Server, tmp_path: Path) -> None:
    path = download(entry_of(server), tmp_path, tell=str, patience=QUICK)
    with pytest.raises(InputError, match="not what it should be"):
        download(entry_of(server, sha256="0f" * 32), tmp_path, again=True, tell=str, patience=QUICK)
    assert path.read_bytes() == BODY and read_receipt(path)["bytes"] == len(BODY)


def test_download__no_list_of_checksums_is_said_plainly(server: Server, tmp_path: Path) -> None:
    said: list[str] = []
    entry = entry_of(server, checksums=f"{server.address}/data/checksums.txt")
    download(entry, tmp_path, tell=said.append, patience=QUICK)
    assert "not checked: no checksum of it in" in said[-1]


def test_download__first_one_is_trusted_a_changed_one_is_not(server: Server, tmp_path: Path) -> None:
    path = download(entry_of(server), tmp_path, tell=str, patience=QUICK)
    download(entry_of(server), tmp_path, again=True, tell=str, patience=QUICK)
    assert read_receipt(path)["checked"].startswith("equal to the download of 20")
    server.body = BODY + b"more"
    with pytest.raises(InputError, match="it has changed since 20") as caught:
        download(entry_of(server), tmp_path, again=True, tell=str, patience=QUICK)
    assert "delete the receipt" in str(caught.value) and path.read_bytes() == BODY


def test_download__redirects_are_followed_but_not_to_other_schemes(server: Server, tmp_path: Path) -> None:
    server.redirect = "/elsewhere/tiny.smi"
    assert download(entry_of(server), tmp_path, tell=str, patience=QUICK).read_bytes() == BODY
    assert [path for path, _ in server.asked] == ["/data/tiny.smi", "/elsewhere/tiny.smi"]
    for elsewhere, said in (("ftp://127.0.0.1/x", "sends on from http to ftp"), ("file:///x", "not allowed")):
        server.redirect = elsewhere
        with pytest.raises(InputError, match=said):
            download(entry_of(server), tmp_path, again=True, tell=str, patience=QUICK)


def test_redirects__never_from_https_to_http() -> None:
    asked = urllib.request.Request("https://provider.invalid/a.gz")
    with pytest.raises(InputError, match="sends on from https to http"):
        _Redirects().redirect_request(
            asked, io.BytesIO(), 302, "Found", HTTPMessage(), "http://provider.invalid/a.gz"
        )
    followed = _Redirects().redirect_request(
        asked, io.BytesIO(), 302, "Found", HTTPMessage(), "https://mirror.invalid/a.gz"
    )
    assert followed is not None and followed.full_url == "https://mirror.invalid/a.gz"


@pytest.mark.parametrize(
    ("code", "hint"), [(404, "may have moved"), (403, "ask for an account"), (400, "page")]
)
def test_download__refusals_are_not_repeated(code: int, hint: str, server: Server, tmp_path: Path) -> None:
    server.answers = [code]
    with pytest.raises(InputError, match=f"the server answers {code}") as caught:
        download(entry_of(server), tmp_path, tell=str, patience=QUICK)
    assert hint in str(caught.value) and len(server.asked) == 1
    assert left_in(tmp_path) == []


def test_download__busy_servers_are_asked_again(server: Server, tmp_path: Path) -> None:
    server.answers = [503, 429]
    assert download(entry_of(server), tmp_path, tell=str, patience=QUICK).read_bytes() == BODY
    server.answers = [500] * 9
    with pytest.raises(InputError, match=r"the server answers 500 .*\(3 attempts\)"):
        download(entry_of(server), tmp_path, again=True, tell=str, patience=QUICK)


def test_download__no_network_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}"
    for base, said in (
        (closed, "no connection to 127.0.0.1"),
        ("http://no-such-host.invalid", "cannot be looked up"),
    ):
        with pytest.raises(InputError, match=said) as caught:
            download("chembl", tmp_path, base_url=base, tell=str, patience=QUICK)
        assert "\n" not in str(caught.value) and "--mirror" in str(caught.value)
    assert left_in(tmp_path) == []


def test_download__silent_server_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and says nothing
        base = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(InputError, match="does not answer"):
            download("chembl", tmp_path, base_url=base, tell=str, patience=Patience(2, 0.01, 0.2))


def test_download__full_disk(server: Server, tmp_path: Path) -> None:
    server.claim = 10**17
    with pytest.raises(InputError, match="no space left on the disk"):
        download(entry_of(server), tmp_path, tell=str, patience=QUICK)
    server.claim = None
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    try:
        with pytest.raises(InputError, match="no space left on the disk") as caught:
            download(entry_of(server), tmp_path, tell=str, patience=QUICK)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "what has arrived is kept" in str(caught.value) and not (tmp_path / "tiny.smi").exists()
    assert download(entry_of(server), tmp_path, tell=str, patience=QUICK).read_bytes() == BODY
    assert server.asked[-1][1].startswith("bytes=")


def test_download__folder_that_cannot_be(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        download(entry_of(server), tmp_path / "file" / "x", tell=str, patience=QUICK)
    assert not server.asked


def test_download__one_at_a_time(server: Server, tmp_path: Path) -> None:
    with only_one(tmp_path / ".tiny.smi.lock", "tiny"), pytest.raises(InputError, match="being downloaded"):
        download(entry_of(server), tmp_path, tell=str, patience=QUICK)


def test_download__mirror_serves_the_same_paths(server: Server, tmp_path: Path) -> None:
    server.checksums = f"{hashlib.sha256(BODY).hexdigest()}  chembl_37_chemreps.txt.gz\n"
    path = download("chembl", tmp_path, base_url=f"{server.address}/mirror/", tell=str, patience=QUICK)
    assert [asked for asked, _ in server.asked] == [
        f"/mirror{PATH}",
        f"/mirror{PATH.rsplit('/', 1)[0]}/checksums.txt",
    ]
    assert path.name == "chembl_37_chemreps.txt.gz" and "provider's SHA256" in read_receipt(path)["checked"]


def molecule(number: int, smiles: str | None) -> dict[str, object]:
    structures = (
        None if smiles is None else {"canonical_smiles": smiles, "standard_inchi_key": f"KEY{number}"}
    )
    return {
        "molecule_chembl_id": f"CHEMBL{number}", "pref_name": f"DRUG\t{number}", "first_approval": 1990,
        "molecule_structures": structures,
    }  # fmt: skip


def test_download__approved_drugs_page_by_page(server: Server, tmp_path: Path) -> None:
    server.molecules = [
        molecule(1, "CCO"),
        molecule(2, None),
        molecule(3, "CCN"),
        molecule(4, "C"),
        molecule(5, "N"),
    ]
    path = download("chembl-approved", tmp_path, base_url=f"{server.address}/proxy", tell=str, patience=QUICK)
    lines = path.read_text().splitlines()
    assert lines[0] == "chembl_id\tname\tsmiles\tinchikey\tfirst_approval"
    assert lines[1] == "CHEMBL1\tDRUG 1\tCCO\tKEY1\t1990" and lines[2] == "CHEMBL2\tDRUG 2\t\t\t1990"
    assert len(lines) == 6 and read_receipt(path)["release"] == "ChEMBL_37"
    assert all(asked.startswith("/proxy/chembl/api/data/") for asked, _ in server.asked)
    assert [record.id for record in read_compounds(path)] == [f"CHEMBL{n}" for n in range(1, 6)]
    server.claim = 6  # one more than come
    with pytest.raises(InputError, match="5 molecules came; expected 6"):
        download("chembl-approved", tmp_path, again=True, base_url=server.address, tell=str, patience=QUICK)
    assert path.read_text().splitlines() == lines


def test_download__account_libraries_say_where_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="registered users alone") as caught:
        download("enamine-real", tmp_path, tell=str)
    assert "enamine.net" in str(caught.value)


@pytest.mark.parametrize(("name", "base", "said"), [
    ("chembl-99", None, "no download is called 'chembl-99'; expected one of chembl"),
    ("chembl", "ftp://mirror", "is no address"), ("chembl", "mirror/files", "is no address"),
])  # fmt: skip
def test_download__bad_names_and_addresses(name: str, base: str | None, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        download(name, tmp_path, base_url=base, tell=str, patience=QUICK)


def test_downloads__table_is_complete_and_safe() -> None:
    names = re.findall(
        r'^name = "(.+)"$', (REPOSITORY / "varimol/data/downloads.toml").read_text(), re.MULTILINE
    )
    assert sorted(names) == sorted(downloads()) and len(set(names)) == len(names)
    for entry in downloads().values():
        assert entry.kind in ("file", "chembl-molecules", "account")
        assert entry.licence and entry.about and entry.citation and entry.page.startswith("https://")
        assert entry.file == Path(entry.file).name
        for address in filter(None, (entry.url, entry.checksums)):
            assert urlsplit(address).scheme == "https"
        assert bool(entry.url) == (entry.kind != "account")
    assert find_download("chembl").checksums.endswith("chembl_37/checksums.txt")


def test_listed_checksum__forms_of_sha256sum_and_bsd() -> None:
    digest = "ab" * 32
    for line in (
        f"{digest}  a.gz",
        f"{digest} *a.gz",
        f"{digest.upper()}\t./a.gz",
        f"SHA256 (a.gz) = {digest}",
    ):
        assert listed_checksum(f"x\n{line}\r\n", "a.gz") == digest
    assert listed_checksum(f"{digest}  aa.gz\n", "a.gz") == ""


def test_hash_of__same_as_hashlib(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(BODY)
    assert hash_of(tmp_path / "x", "sha256") == hashlib.sha256(BODY).hexdigest()


def test_download_folder__is_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert download_folder() == tmp_path / "varimol"
    assert not download_folder().exists()


def test_package__opens_the_network_in_no_other_place() -> None:
    """Patients' data stays on the machine: nothing else may open a connection."""
    network = {
        "urllib",
        "http",
        "socket",
        "ssl",
        "ftplib",
        "requests",
        "httpx",
        "urllib3",
        "aiohttp",
        "smart_open",
    }
    harmless = {"urllib.parse"}
    found = set()
    for package in ("genomics", "chem", "models", "varimol"):
        for file in (REPOSITORY / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                    names = [node.module]
                if any(name.split(".")[0] in network and name not in harmless for name in names):
                    found.add(file.name)
    assert found == {"download_transfer.py"}
