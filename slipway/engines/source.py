"""Where engines come from instead of being built: `SLIPWAY_ENGINES`, a pack's path or URL.

What protects what: the checksums inside a pack find damage on the way. They say nothing about who made it, as its maker
wrote them, too, and its programs run with your rights. `#sha256=<hex>` at the end of the path or URL, given to you by
somebody you trust rather than by the server that has the pack, ties it to exactly one pack.
"""

import hashlib
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx
import tenacity

from slipway.errors import EngineError
from slipway.progress import Phase

VARIABLE = "SLIPWAY_ENGINES"
OTHERWISE = f"or unset {VARIABLE} to build here"

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
"""Seconds without a byte, not for the whole."""
_ATTEMPTS = 4
_WAIT: tenacity.wait.wait_base = tenacity.wait_exponential(multiplier=1, max=10)
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that may be another one a moment later."""
_CHUNK = 2**20
_XZ = b"\xfd7zXZ\x00"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Source:
    """A pack, named by a user.

    Attributes:
        location: An absolute path, or an http(s) URL. Not for printing: it may carry credentials.
        sha256: What its checksum must be; empty when nobody said.
    """

    location: Path | str = field(repr=False)
    sha256: str = ""

    def __str__(self) -> str:
        """Its name without credentials: neither user and password, nor a query (a presigned URL's signature)."""
        if isinstance(self.location, Path):
            return str(self.location)
        parts = urlsplit(self.location)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    @property
    def unprotected(self) -> bool:
        """Whether anybody on the way may have put another pack in its place."""
        if isinstance(self.location, Path) or self.sha256:
            return False
        parts = urlsplit(self.location)
        return parts.scheme == "http" and parts.hostname not in _LOOPBACK


def configured() -> Source | None:
    """The pack that `SLIPWAY_ENGINES` names, if it is set.

    Raises:
        EngineError: It cannot be understood.
    """
    value = os.environ.get(VARIABLE, "").strip()
    if not value:
        return None
    address, mark, fragment = value.rpartition("#")
    scheme = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*)://", value)
    if not mark or (scheme is None and not fragment.startswith("sha256=")):
        address, fragment = value, ""  # a `#` may be part of a path
    digest = fragment.removeprefix("sha256=").lower()
    if fragment and (not fragment.startswith("sha256=") or not re.fullmatch(r"[0-9a-f]{64}", digest)):
        msg = f"the end of {VARIABLE}, #{fragment}, is no checksum"
        raise EngineError(msg, remedy="write #sha256= and the 64 digits that `slipway engines pack` printed")
    if scheme is None:
        return Source(Path(address).expanduser().absolute(), digest)
    try:
        parts = urlsplit(address)
    except ValueError as error:
        msg = f"{VARIABLE} is no URL: {error}"
        raise EngineError(msg, remedy=f"correct it, {OTHERWISE}") from error
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path:
        return Source(Path(unquote(parts.path)), digest)
    if parts.scheme in {"http", "https"} and parts.hostname:
        return Source(address, digest)
    msg = f"{VARIABLE} names its pack by {parts.scheme}://{parts.hostname or ''}, which is not understood"
    raise EngineError(msg, remedy="give a path, or a URL like https://host/pack, http://host/pack or file:///pack")


def fetch(source: Source, into: Path, phase: Phase) -> str:
    """Bring a pack into a file of our own, where nobody changes it while it is checked; returns its SHA-256.

    Raises:
        EngineError: It is not there, not an archive, or not the one whose checksum was given.
    """
    if isinstance(source.location, Path):
        _copy(source.location, into, phase)
    else:
        _download(source, source.location, into, phase)
    with into.open("rb") as archive:
        start = archive.read(512)
        archive.seek(0)
        digest = hashlib.file_digest(archive, "sha256").hexdigest()
    if not start.startswith(_XZ):
        page = start.lstrip()[:1] == b"<"
        msg = f"{source} is {'a web page' if page else 'not an xz archive'}, not a pack of engines"
        hint = "it may ask for a login; give an address that answers with the file itself" if page else ""
        raise EngineError(msg, remedy=f"{hint or 'name a file that `slipway engines pack` wrote'}, {OTHERWISE}")
    if source.sha256 and digest != source.sha256:
        msg = f"{source} has the SHA-256 {digest}, and {VARIABLE} asks for {source.sha256}"
        raise EngineError(msg, remedy="ask who gave you the checksum which pack is meant; nothing of it was used")
    return digest


def _copy(file: Path, into: Path, phase: Phase) -> None:
    try:
        size = file.stat().st_size
        phase.note(f"reading {size / 1e6:.0f} MB")
        if not file.is_file():
            msg = f"{VARIABLE} names {file}, which is not a file"
            raise EngineError(msg, remedy=f"name a file that `slipway engines pack` wrote, {OTHERWISE}")
        shutil.copyfile(file, into)
    except OSError as error:
        msg = f"{VARIABLE} names {file}, which cannot be copied into the cache: {error.strerror or error}"
        raise EngineError(msg, remedy=f"correct the path, {OTHERWISE}") from error


class _BusyError(Exception):
    """The server may answer otherwise a moment later."""


def _download(source: Source, url: str, into: Path, phase: Phase) -> None:
    patiently = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type((httpx.TransportError, _BusyError)),
        wait=_WAIT,
        stop=tenacity.stop_after_attempt(_ATTEMPTS),
        before_sleep=lambda state: phase.note(f"attempt {state.attempt_number} of {_ATTEMPTS} failed; trying again"),
        reraise=True,
    )
    try:
        with httpx.Client(timeout=_TIMEOUT, follow_redirects=True) as client:
            patiently(_attempt, client, source, url, into, phase)
    except (httpx.HTTPError, httpx.InvalidURL, _BusyError) as error:
        msg = f"{source} cannot be downloaded: {error or type(error).__name__}"
        raise EngineError(msg, remedy=f"look at the network and the address, run again, {OTHERWISE}") from error
    except OSError as error:
        msg = f"{source} cannot be stored in the cache: {error.strerror or error}"
        raise EngineError(msg, remedy="free disk space in the cache's file system") from error


def _attempt(client: httpx.Client, source: Source, url: str, into: Path, phase: Phase) -> None:
    # An archive is compressed already; a server that compresses it again would only hide its length.
    with client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as reply, into.open("wb") as file:
        if reply.status_code in _BUSY:
            raise _BusyError(_status(reply))
        if not reply.is_success:
            msg = f"{source} cannot be downloaded: the server answered {_status(reply)}"
            hint = "give an address that needs no login" if reply.status_code in {401, 403} else "correct the address"
            raise EngineError(msg, remedy=f"{hint}, {OTHERWISE}")
        if not source.sha256 and url.startswith("https:") and reply.url.scheme != "https":
            msg = f"{source} leads to an address without TLS, at {reply.url.host}"
            raise EngineError(msg, remedy="add #sha256=<hex> to say which pack is meant, or give another address")
        _store(reply, file, phase)


def _store(reply: httpx.Response, file: IO[bytes], phase: Phase) -> None:
    said = reply.headers.get("content-length", "")
    of = f" of {int(said) / 1e6:.0f}" if said.isdecimal() else ""
    for chunk in reply.iter_bytes(_CHUNK):
        file.write(chunk)
        phase.note(f"{reply.num_bytes_downloaded / 1e6:.0f}{of} MB")


def _status(reply: httpx.Response) -> str:
    return f"{reply.status_code} {reply.reason_phrase}".strip()
