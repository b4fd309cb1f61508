"""Using a pack instead of building: what fits the pins is taken, byte by byte; what is wrong is refused, whole."""

import io
import json
import lzma
import multiprocessing
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from slipway import screens
from slipway.cli import OUT, app
from slipway.engines import cache, pack
from slipway.engines.build import ensure
from slipway.engines.cache import cache_folder
from slipway.engines.locate import locate
from slipway.engines.source import VARIABLE
from slipway.environment import Summary
from slipway.errors import EngineError
from slipway.progress import Progress
from tests.slipway.engines import fakes
from tests.slipway.engines.fakes import ALPHA, BETA, FAKES, BuiltError, Members, content, in_cache, manifest_changed

QUIET = Progress(quiet=True)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], Progress]:
    """Do what `slipway up` does about engines, with a pack."""

    def ensured(pack_: object) -> Progress:
        monkeypatch.setenv(VARIABLE, str(pack_))
        progress = Progress(quiet=True)
        try:
            ensure("up", progress)
        except BuiltError as error:
            progress.phases[-1].detail = str(error)
        return progress

    return ensured


def test_programs_come_out_as_they_went_in(machine: Path, packed: Path, use: Callable[[object], Progress]) -> None:
    progress = use(packed)
    assert [phase.name for phase in progress.phases] == [f"engines from {packed}"]
    assert progress.phases[0].detail == "3 programs"
    for engine in FAKES:
        assert engine.module is not None
        program = cache_folder(engine.module) / engine.name
        assert program.read_bytes() == content(engine)
        assert program.stat().st_mode & 0o777 == 0o755
    assert not (machine / "cache" / "slipway" / "engines" / ".pack").exists()


def test_where_a_program_came_from_is_shown(
    packed: Path, use: Callable[[object], Progress], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slipway.cli.signal.signal", lambda *_: None)
    monkeypatch.setattr("slipway.engines.table.ENGINES", FAKES)
    use(packed)
    found = locate(FAKES[0]).found
    assert found is not None
    assert (found.origin, found.version) == ("pack", "1.34.3")
    assert found.pack.startswith(f"{packed} (SHA-256 ")
    rows = json.loads(CliRunner().invoke(app, ["engines", "list", "--json"]).stdout)
    assert {(row["found"]["origin"], row["found"]["pack"]) for row in rows} == {("pack", found.pack)}
    monkeypatch.setattr(OUT, "width", 400)
    shown = CliRunner().invoke(app, ["engines", "list"]).stdout
    assert f"from {found.pack}: alpha-server, alpha-agent, beta" in shown


def test_the_screen_of_up_says_which_programs_came_from_a_pack() -> None:
    program = {"version": "1.2", "path": "/cache/x", "purpose": "fake"}
    summary = Summary(
        instance="local",
        arguments="local",
        stack="local",
        answers=[],
        placed=[],
        context="x",
        kubeconfig="x",
        programs=[{"name": "alpha", "origin": "pack", **program}, {"name": "beta", "origin": "built", **program}],
        seconds={},
    )
    out = Console(record=True, width=200, file=io.StringIO())
    screens.show(out, summary)
    lines = out.export_text().splitlines()
    assert "From a pack, built elsewhere alpha 1.2" in lines
    assert "Built from pins beta 1.2" in lines


def test_a_pack_of_what_came_from_a_pack_is_the_same(
    machine: Path, packed: Path, use: Callable[[object], Progress]
) -> None:
    use(packed)
    assert pack.write(machine / "again", QUIET).file.read_bytes() == packed.read_bytes()


def test_with_everything_cached_the_pack_is_not_even_looked_at(
    machine: Path, use: Callable[[object], Progress]
) -> None:
    del machine
    fakes.fill_cache()
    assert use("s3://nonsense#at all").phases == []


def test_what_is_cached_stays_as_it_is(packed: Path, use: Callable[[object], Progress]) -> None:
    own = cache_folder(BETA) / "beta"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"built here")
    assert use(packed).phases[0].detail == "2 programs"
    assert own.read_bytes() == b"built here"
    found = locate(FAKES[2]).found
    assert found is not None
    assert (found.origin, found.pack) == ("built", "")


def test_an_older_pin_is_named_and_built_instead(
    machine: Path, packed: Path, use: Callable[[object], Progress]
) -> None:
    fakes.pins(machine, alpha="1.34.4")
    taken, built = use(packed).phases
    assert taken.detail == "1 programs; has alpha-server, alpha-agent 1.34.3, this checkout needs 1.34.4: to be built"
    assert built.detail == "1.34.4: alpha-server, alpha-agent"
    assert {name.rpartition("/")[2] for name in in_cache(machine / "cache")} == {"beta", ".beta.pack"}


def test_another_pin_of_the_same_version_is_named_and_built_instead(
    machine: Path, packed: Path, use: Callable[[object], Progress]
) -> None:
    (machine / "modules" / "beta" / "go.sum").write_text("other dependencies")
    taken, built = use(packed).phases
    assert "2 programs; has beta 0.4.0 of another pin" in taken.detail
    assert built.detail == "0.4.0: beta"


def test_what_a_pack_does_not_have_is_named_and_built(
    machine: Path, packed: Path, use: Callable[[object], Progress]
) -> None:
    def keep(manifest: dict[str, Any]) -> None:
        manifest["engines"] = [row for row in manifest["engines"] if row["name"] != "beta"]

    fewer = fakes.rewritten(
        packed,
        machine / "fewer",
        lambda members: [m for m in manifest_changed(keep)(members) if m[0].name != "engines/beta"],
    )
    taken, built = use(fewer).phases
    assert taken.detail == "2 programs; has no beta: to be built"
    assert built.detail == "0.4.0: beta"


def test_a_program_built_here_later_is_not_said_to_come_from_the_pack(
    packed: Path, use: Callable[[object], Progress]
) -> None:
    use(packed)
    program = cache_folder(BETA) / "beta"
    fresh = program.with_name("fresh")
    program.rename(fresh)
    cache.place(fresh, program)
    found = locate(FAKES[2]).found
    assert found is not None
    assert found.origin == "built"


def _named(name: str, data: bytes = b"x", **attributes: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, data


def _flipped(members: Members) -> Members:
    (info, data) = members[-1]
    return [*members[:-1], (info, data[:-1] + bytes([data[-1] ^ 1]))]


def _engine(**values: Any) -> Callable[[Members], Members]:
    def change(manifest: dict[str, Any]) -> None:
        manifest["engines"][0] |= values

    return manifest_changed(change)


def _without(key: str) -> Callable[[Members], Members]:
    def change(manifest: dict[str, Any]) -> None:
        del manifest["engines"][0][key]

    return manifest_changed(change)


def _twice(manifest: dict[str, Any]) -> None:
    manifest["engines"].append(manifest["engines"][0])


def _arm(manifest: dict[str, Any]) -> None:
    manifest["machine"] = "riscv128"


def _newer(manifest: dict[str, Any]) -> None:
    manifest["format"] = 2


LINK: dict[str, Any] = {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}
REFUSED: dict[str, tuple[Callable[[Members], Members], str]] = {
    "content differs": (_flipped, r"has a beta whose SHA-256 is not the one its manifest\.json lists"),
    "wrong checksum": (_engine(sha256="0" * 64), r"has a alpha-agent whose SHA-256"),
    "no checksum": (_without("sha256"), r"manifest\.json is wrong at engines\.0\.sha256: Field required"),
    "not a checksum": (_engine(sha256="abc"), r"wrong at engines\.0\.sha256"),
    "no pin": (_without("pin"), r"wrong at engines\.0\.pin: Field required"),
    "wrong size": (_engine(size=1), r"has \d+ bytes of alpha-agent, and its manifest\.json says 1"),
    "path as a name": (_engine(name="../x"), r"wrong at engines\.0\.name"),
    "unknown key": (_engine(run="x"), r"wrong at engines\.0\.run"),
    "name twice in the manifest": (manifest_changed(_twice), "names alpha-agent twice"),
    "other processor": (manifest_changed(_arm), r"is for linux on riscv128; this machine is linux on"),
    "newer format": (manifest_changed(_newer), "is of format 2, and this checkout reads 1"),
    "manifest no object": (manifest_changed(lambda _: ["x"]), "is of format None"),
    "manifest no JSON": (lambda m: [(m[0][0], b"{"), *m[1:]], "is not JSON"),
    "no manifest": (lambda m: m[1:], r"does not begin with a manifest\.json"),
    "empty": (lambda _: [], r"does not begin with a manifest\.json|damaged"),
    "manifest later": (lambda m: [*m[1:], m[0]], r"does not begin with a manifest\.json"),
    "member missing": (lambda m: m[:-1], r"lacks engines/beta, which its manifest\.json lists"),
    "member twice": (lambda m: [*m, m[-1]], "has a member twice or one that its manifest.json does not list"),
    "member surplus": (lambda m: [*m, _named("engines/x")], "does not list, 'engines/x'"),
    "member surplus in between": (lambda m: [m[0], _named("engines/x"), *m[1:]], "does not list, 'engines/x'"),
    "path out": (lambda m: [*m, _named("engines/../../x")], r"outside of its own folder, 'engines/\.\./\.\./x'"),
    "absolute path": (lambda m: [*m, _named("/etc/x")], "outside of its own folder, '/etc/x'"),
    "link": (lambda m: [*m[:-1], _named("engines/beta", **LINK)], "no plain file, 'engines/beta'"),
    "hard link": (
        lambda m: [*m[:-1], _named("engines/beta", type=tarfile.LNKTYPE, linkname="engines/alpha-agent")],
        "no plain file, 'engines/beta'",
    ),
    "folder": (lambda m: [*m, _named("engines", type=tarfile.DIRTYPE)], "no plain file, 'engines'"),
    "device": (lambda m: [*m, _named("engines/x", type=tarfile.CHRTYPE)], "no plain file, 'engines/x'"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_pack_that_is_not_what_it_says_is_refused_whole(
    fault: str, machine: Path, packed: Path, use: Callable[[object], Progress]
) -> None:
    change, message = REFUSED[fault]
    bad = fakes.rewritten(packed, machine / "bad", change)
    with pytest.raises(EngineError, match=message) as refused:
        use(bad)
    assert str(bad) in refused.value.what
    assert "unset SLIPWAY_ENGINES" in refused.value.remedy
    assert in_cache(machine / "cache") == {}


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99, 1.0])
def test_a_torn_archive_is_refused(
    share: float, machine: Path, packed: Path, use: Callable[[object], Progress]
) -> None:
    data = packed.read_bytes()
    torn = machine / "torn"
    torn.write_bytes(data[: min(int(len(data) * share), len(data) - 1)])  # to the last byte
    with pytest.raises(EngineError, match="is damaged or incomplete"):
        use(torn)
    assert in_cache(machine / "cache") == {}


def test_an_archive_of_something_else_is_refused(machine: Path, use: Callable[[object], Progress]) -> None:
    other = machine / "other.xz"
    other.write_bytes(lzma.compress(b"no tar at all" * 1000))
    with pytest.raises(EngineError, match=r"damaged|does not begin"):
        use(other)
    assert in_cache(machine / "cache") == {}


def test_a_full_disk_is_said_and_leaves_nothing(
    machine: Path, packed: Path, use: Callable[[object], Progress], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("slipway.engines.unpack.os.fsync", full)
    with pytest.raises(EngineError, match="No space left on device") as refused:
        use(packed)
    assert "free disk space" in refused.value.remedy
    assert in_cache(machine / "cache") == {}


def test_what_a_killed_one_left_is_no_hindrance(machine: Path, packed: Path, use: Callable[[object], Progress]) -> None:
    left = cache.unpacking_folder()
    (left / "engines").mkdir(parents=True)
    (left / "engines" / "beta").write_text("half")
    (left / "archive").write_text("half")
    assert use(packed).phases[0].detail == "3 programs"
    assert {name.rpartition("/")[2] for name in in_cache(machine / "cache")} == {
        *fakes.NAMES,
        *(f".{name}.pack" for name in fakes.NAMES),
    }


def test_two_at_once_fetch_once_and_both_go_on(machine: Path, packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spawn = multiprocessing.get_context("spawn")
    said, start = spawn.Queue(), spawn.Barrier(2)
    with fakes.serving(fakes.file(packed, seconds=0.5)) as (url, asked):
        monkeypatch.setenv(VARIABLE, f"{url}/pack")
        processes = [spawn.Process(target=fakes.one_of_two, args=(str(machine), start, said)) for _ in range(2)]
        for process in processes:
            process.start()
        answers = [said.get(timeout=60) for _ in processes]
        for process in processes:
            process.join(timeout=60)
    assert answers == ["", ""]
    assert asked == ["/pack"]
    assert cache_folder(ALPHA).is_dir()
    assert in_cache(machine / "cache")[f"{cache_folder(BETA).name}/beta"] == content(FAKES[2])
    assert not cache.unpacking_folder().exists()
