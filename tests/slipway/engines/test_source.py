"""`SLIPWAY_ENGINES`: what may be written there, and how a pack is fetched."""

import hashlib
from pathlib import Path

import httpx
import pytest

from slipway.engines import cache, source
from slipway.engines.build import ensure
from slipway.engines.source import VARIABLE, Source, configured
from slipway.errors import EngineError
from slipway.progress import Phase, Progress
from tests.slipway.engines.fakes import Answer, BuiltError, file, in_cache, serving, status

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("value", "location", "sha256"),
    [
        ("/a/b.tar.xz", Path("/a/b.tar.xz"), ""),
        ("/a/b#1.tar.xz", Path("/a/b#1.tar.xz"), ""),
        (f"/a/b#1.tar.xz#sha256={HEX}", Path("/a/b#1.tar.xz"), HEX),
        ("file:///a/b%20c", Path("/a/b c"), ""),
        (f"file:///a/b#sha256={HEX.upper()}", Path("/a/b"), HEX),
        ("https://host/p?sig=1", "https://host/p?sig=1", ""),
        (f"http://host:8080/p#sha256={HEX}", "http://host:8080/p", HEX),
    ],
)
def test_a_path_or_a_url_is_understood(
    value: str, location: Path | str, sha256: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, value)
    assert configured() == Source(location, sha256)


def test_a_path_may_be_relative_or_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv(VARIABLE, "p.tar.xz")
    assert configured() == Source(tmp_path / "p.tar.xz")
    monkeypatch.setenv(VARIABLE, "~/p.tar.xz")
    assert configured() == Source(Path("/home/me/p.tar.xz"))


def test_unset_or_empty_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert configured() is None
    monkeypatch.setenv(VARIABLE, " ")
    assert configured() is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("s3://bucket/pack", "by s3://bucket, which is not understood"),
        ("file://host/pack", "by file://host, which is not understood"),
        ("https:///pack", "by https://, which is not understood"),
        ("http://[x/pack", "is no URL"),
        ("/a#sha256=123", "#sha256=123, is no checksum"),
        ("/a#sha256=", "#sha256=, is no checksum"),
        (f"https://h/p#sha-256={HEX}", f"#sha-256={HEX}, is no checksum"),
        (f"https://h/p#sha256={HEX}0", "is no checksum"),
    ],
)
def test_what_cannot_be_understood_is_refused(value: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(EngineError) as refused:
        configured()
    assert message in refused.value.what
    assert refused.value.remedy


def test_credentials_are_never_shown() -> None:
    secret = Source("https://user:hunter2@host:8443/p.tar.xz?X-Amz-Signature=hunter2")
    assert str(secret) == "https://host:8443/p.tar.xz"
    assert "hunter2" not in repr(secret)


@pytest.mark.parametrize(
    ("location", "sha256", "unprotected"),
    [
        ("http://host/p", "", True),
        ("http://host/p", HEX, False),
        ("https://host/p", "", False),
        ("http://127.0.0.1:1/p", "", False),
        (Path("/p"), "", False),
    ],
)
def test_plain_http_without_a_checksum_is_unprotected(location: Path | str, sha256: str, *, unprotected: bool) -> None:
    assert Source(location, sha256).unprotected is unprotected


def fetched(*answers: Answer, fragment: str = "") -> tuple[Progress, list[str]]:
    """Do what `slipway up` does about engines, with a server that gives these answers."""
    with pytest.MonkeyPatch.context() as patch, serving(*answers) as (url, asked):
        patch.setenv(VARIABLE, f"{url}/p?signature=hunter2{fragment}")
        progress = Progress(quiet=True)
        ensure("up", progress)
    return progress, asked


def test_a_download_with_its_checksum_is_used(packed: Path) -> None:
    digest = hashlib.sha256(packed.read_bytes()).hexdigest()
    progress, asked = fetched(file(packed), fragment=f"#sha256={digest}")
    assert progress.phases[0].detail == "3 programs"
    assert asked == ["/p?signature=hunter2"]
    program = next(iter(cache.folder().glob("beta-*/beta")))
    assert cache.pack_of(program).endswith(f"/p (SHA-256 {digest})")
    assert "hunter2" not in cache.pack_of(program)


def test_a_moment_of_trouble_is_waited_out(packed: Path) -> None:
    progress, asked = fetched(status(503), file(packed, torn=True), file(packed))
    assert progress.phases[0].detail == "3 programs"
    assert len(asked) == 3


PAGE = status(200, b"<!DOCTYPE html><title>Log in</title>" * 100)


@pytest.mark.parametrize(
    ("answer", "message", "remedy", "attempts"),
    [
        (status(404), "the server answered 404 Not Found", "correct the address", 1),
        (status(403), "the server answered 403 Forbidden", "needs no login", 1),
        (status(500), "cannot be downloaded: 500 Internal Server Error", "look at the network", 4),
        (PAGE, "is a web page, not a pack of engines", "it may ask for a login", 1),
        (status(200, b"PK\x03\x04"), "is not an xz archive", "slipway engines pack", 1),
        (status(200), "is not an xz archive", "slipway engines pack", 1),
    ],
)
@pytest.mark.parametrize("fragment", ["", f"#sha256={HEX}"])
def test_an_answer_that_is_no_pack_is_told(  # noqa: PLR0917  # a table
    fragment: str, answer: Answer, message: str, remedy: str, attempts: int, machine: Path
) -> None:
    with serving(answer) as (url, asked), pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, f"{url}/p?signature=hunter2{fragment}")
        with pytest.raises(EngineError) as refused:
            ensure("up", Progress(quiet=True))
    assert message in refused.value.what
    assert f"{url}/p" in refused.value.what
    assert "hunter2" not in str(refused.value)
    assert remedy in refused.value.remedy
    assert len(asked) == attempts
    assert in_cache(machine / "cache") == {}


def test_another_pack_than_the_one_asked_for_is_refused(
    machine: Path, packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for start in (str(packed), packed.as_uri()):
        monkeypatch.setenv(VARIABLE, f"{start}#sha256={HEX}")
        with pytest.raises(EngineError, match=f"asks for {HEX}"):
            ensure("up", Progress(quiet=True))
    assert in_cache(machine / "cache") == {}


def test_a_download_that_never_comes_whole_leaves_nothing(machine: Path, packed: Path) -> None:
    with pytest.raises(EngineError, match=r"cannot be downloaded: .*incomplete|closed"):
        fetched(file(packed, torn=True))
    assert in_cache(machine / "cache") == {}


def test_nobody_at_the_address_is_told(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(status(200)) as (url, _):
        pass
    monkeypatch.setenv(VARIABLE, f"{url}/p")
    with pytest.raises(EngineError, match=r"cannot be downloaded: .*refused"):
        ensure("up", Progress(quiet=True))
    assert in_cache(machine / "cache") == {}


def test_an_interrupted_download_leaves_nothing(machine: Path, packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: Phase, text: str) -> None:
        if text.endswith("MB"):
            assert (cache.unpacking_folder() / "archive").exists()
            raise KeyboardInterrupt

    monkeypatch.setattr(Phase, "note", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetched(file(packed))
    assert in_cache(machine / "cache") == {}
    assert not cache.unpacking_folder().exists()


@pytest.mark.parametrize(("name", "message"), [("nothing", "No such file"), ("modules", "which is not a file")])
def test_a_path_without_a_file_is_told(name: str, message: str, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(machine / name))
    with pytest.raises(EngineError, match=message) as refused:
        ensure("up", Progress(quiet=True))
    assert str(machine / name) in refused.value.what
    assert in_cache(machine / "cache") == {}


@pytest.mark.parametrize("sha256", ["", HEX])
def test_tls_is_not_lost_on_the_way_unless_the_checksum_is_known(tmp_path: Path, sha256: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.scheme == "https":
            return httpx.Response(302, headers={"location": "http://mirror/p"})
        return httpx.Response(200, content=b"pack")

    place = tmp_path / "p"
    with httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=True) as client:
        words = (client, Source("https://host/p", sha256), "https://host/p", place, Phase("x", quiet=True))
        if sha256:
            source._attempt(*words)
            assert place.read_bytes() == b"pack"
        else:
            with pytest.raises(EngineError, match="leads to an address without TLS, at mirror"):
                source._attempt(*words)


def test_without_the_variable_engines_are_built(machine: Path) -> None:
    del machine
    with pytest.raises(BuiltError):
        ensure("up", Progress(quiet=True))
