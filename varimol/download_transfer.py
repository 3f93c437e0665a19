"""One file over HTTP: resumed where it was cut, retried where that can help, never half under its final name.

This module and `varimol.download` are the only ones of the package that open a connection, and only when
they are asked to.
"""

from __future__ import annotations

import email.message
import errno
import http.client
import json
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from chem.errors import InputError
from varimol import __version__

Progress = Callable[[int, int | None], None]
"""Called with the bytes there are and, where the server tells it, the bytes there will be."""

_BLOCK = 1 << 18
_WORTH_RETRYING = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_WAIT = 60.0


@dataclass(frozen=True)
class Patience:
    """How long to try.

    Attributes
    ----------
    attempts
        Connections in a row that bring nothing, before giving up.
    wait
        Seconds before the second attempt; doubled for each further one.
    timeout
        Seconds a silent connection is kept.
    """

    attempts: int = 5
    wait: float = 1.0
    timeout: float = 60.0


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to HTTP alone, and never from HTTPS to HTTP."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str,
        headers: http.client.HTTPMessage, newurl: str,
    ) -> urllib.request.Request | None:  # fmt: skip
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new not in ("http", "https") or (old == "https" and new == "http"):
            raise InputError(
                f"the server sends on from {old} to {new}", file=req.full_url, expected="an address with https",
                hint="check the address or the mirror",
            )  # fmt: skip
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def open_address(url: str, headers: dict[str, str], timeout: float) -> Any:
    """Send one request.

    Raises
    ------
    InputError
        The address is none of HTTP.
    OSError, http.client.HTTPException
        What the network says; ``urllib.error.HTTPError`` carries the server's answer.
    """
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise InputError(f"{url!r} is no address", expected="https://... or http://...")
    # Identity: a .gz file must arrive as it lies there, not unpacked on the way.
    sent = {"User-Agent": f"varimol/{__version__}", "Accept-Encoding": "identity", **headers}
    opener = urllib.request.build_opener(_Redirects)
    return opener.open(urllib.request.Request(url, headers=sent), timeout=timeout)


def fetch_file(url: str, partial: Path, patience: Patience, progress: Progress | None = None) -> None:
    """Fetch an address into a file, going on behind what the file holds already.

    Beside it lies NAME.json with the server's mark of the version (ETag or date): where the file has changed
    on the server since, it is fetched anew from the start.

    Parameters
    ----------
    url
        HTTP or HTTPS.
    partial
        The file, which may hold the first part.
    patience
        When to give up.
    progress
        Told what has arrived.

    Raises
    ------
    InputError
        The server says no, cannot be reached, or the disk is full. What has arrived stays.
    """
    failures = 0
    while True:
        before = _size(partial)
        try:
            if _fetch_once(url, partial, patience, progress):
                return
            said, wait = "the connection was cut", None
        except urllib.error.HTTPError as error:
            said, wait = f"the server answers {error.code} {error.reason}", _retry_after(error.headers)
            error.close()
            if error.code not in _WORTH_RETRYING:
                raise InputError(said, file=url, hint=_hint_of(error.code)) from None
        except (OSError, http.client.HTTPException) as error:
            said, wait = _network_words(error, url), None
        failures = 1 if _size(partial) > before else failures + 1
        if failures >= patience.attempts:
            raise InputError(
                f"{said} ({failures} attempts)", file=url,
                hint="run the same command again: it goes on where it stopped; or name a mirror with --mirror",
            )  # fmt: skip
        time.sleep(wait if wait is not None else min(patience.wait * 2 ** (failures - 1), _LONGEST_WAIT))


def _fetch_once(url: str, partial: Path, patience: Patience, progress: Progress | None) -> bool:
    """One connection; whether the file is whole afterwards."""
    mark_file = partial.with_name(f"{partial.name}.json")
    have, mark = _size(partial), _mark(mark_file, url)
    headers = {}
    if have and mark:
        headers = {"Range": f"bytes={have}-", "If-Range": mark}
    try:
        reply = open_address(url, headers, patience.timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416 and headers:
            error.close()
            whole = (error.headers.get("Content-Range") or "").rpartition("/")[2] == str(have)
            if not whole:
                partial.unlink()
            return whole
        raise
    with reply:
        start = _range_start(reply.headers) if reply.status == 206 else 0
        if start not in (0, have):
            start = 0
            partial.unlink(missing_ok=True)
            return False
        length = reply.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else None
        _require_space(partial, None if total is None else total - start)
        with writing(mark_file):
            _write_mark(mark_file, url, reply.headers)
        at = start
        with writing(partial), partial.open("ab") as out:
            out.truncate(start)
        if progress is not None:
            progress(at, total)
        while block := reply.read(_BLOCK):
            with writing(partial), partial.open("ab") as out:
                out.write(block)
            at += len(block)
            if progress is not None:
                progress(at, total)
    return total is None or at == total


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tell what the disk refuses from what the network does.

    Raises
    ------
    InputError
        The disk is full, or the file cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise _no_space(path, None) from None
        raise InputError(
            f"cannot be written: {error.strerror or error}", file=path, hint="choose another folder"
        ) from None


def fetch_text(url: str, patience: Patience) -> str:
    """Fetch a short text, such as a list of checksums or a page of a web service.

    Raises
    ------
    InputError
        As `fetch_file`.
    FileNotFoundError
        There is none at the address.
    """
    for failure in range(1, patience.attempts + 1):
        try:
            with open_address(url, {}, patience.timeout) as reply:
                return str(reply.read().decode("utf-8", "replace"))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (404, 410):
                raise FileNotFoundError(url) from None
            said = f"the server answers {error.code} {error.reason}"
            if error.code not in _WORTH_RETRYING:
                raise InputError(said, file=url, hint=_hint_of(error.code)) from None
        except (OSError, http.client.HTTPException) as error:
            said = _network_words(error, url)
        if failure < patience.attempts:
            time.sleep(min(patience.wait * 2 ** (failure - 1), _LONGEST_WAIT))
    raise InputError(
        f"{said} ({patience.attempts} attempts)",
        file=url,
        hint="try again later, or name a mirror with --mirror",
    )


@contextmanager
def only_one(path: Path, what: str) -> Iterator[None]:
    """Keep a second process from writing the same file, where the system can lock files.

    Raises
    ------
    InputError
        Another process holds it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with writing(path):
        handle = path.open("ab")
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(
                f"{what} is being downloaded into this folder already", file=path.parent
            ) from None
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _mark(mark_file: Path, url: str) -> str:
    """Server's mark of the version that the first part came from; empty where there is none to rely on."""
    try:
        known = json.loads(mark_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(known.get("mark", "")) if known.get("url") == url else ""


def _write_mark(mark_file: Path, url: str, headers: email.message.Message) -> None:
    etag = headers.get("ETag") or ""
    # A weak ETag promises nothing byte for byte, so it is no ground to go on from.
    mark = etag if etag.startswith('"') else headers.get("Last-Modified") or ""
    mark_file.write_text(json.dumps({"url": url, "mark": mark}), encoding="utf-8")


def _range_start(headers: email.message.Message) -> int:
    first = (headers.get("Content-Range") or "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdigit() else -1


def _require_space(partial: Path, needed: int | None) -> None:
    if needed is not None and needed > shutil.disk_usage(partial.parent).free:
        raise _no_space(partial, needed)


def _no_space(partial: Path, needed: int | None) -> InputError:
    free = shutil.disk_usage(partial.parent).free
    more = "" if needed is None else f"; {needed / 1e6:,.0f} MB are to come"
    return InputError(
        f"no space left on the disk ({free / 1e6:,.0f} MB free{more})", file=partial.parent,
        hint="make room or choose another folder; what has arrived is kept",
    )  # fmt: skip


def _retry_after(headers: email.message.Message) -> float | None:
    seconds = headers.get("Retry-After") or ""
    return min(float(seconds), _LONGEST_WAIT) if seconds.isdigit() else None


def _hint_of(code: int) -> str:
    if code in (401, 403):
        return "the provider may ask for an account: see its page"
    if code in (404, 410):
        return "the file may have moved: see the provider's page, or name a mirror with --mirror"
    return "see the provider's page"


def _network_words(error: OSError | http.client.HTTPException, url: str) -> str:
    reason = getattr(error, "reason", error)
    host = urlsplit(url).hostname
    if isinstance(reason, socket.gaierror):
        return f"the name {host} cannot be looked up: no network?"
    if isinstance(reason, TimeoutError):
        return f"{host} does not answer"
    if isinstance(reason, ssl.SSLError):
        return f"no secure connection to {host}: {reason}"
    if isinstance(reason, ConnectionError):
        return f"no connection to {host}: {reason.strerror or reason}"
    return f"{host}: {reason or type(error).__name__}"
