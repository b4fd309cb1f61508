"""Packing the engine cache: whole, reproducible, and what is not in it is said."""

import hashlib
import json
import os
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from slipway.cli import app
from slipway.engines import pack
from slipway.engines.cache import cache_folder, pin
from slipway.engines.manifest import this_machine
from slipway.errors import EngineError
from slipway.progress import Phase, Progress
from tests.slipway.engines.fakes import ALPHA, FAKES, NAMES, content, fill_cache, pins

QUIET = Progress(quiet=True)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setattr("slipway.cli.signal.signal", lambda *_: None)  # the tests keep their own
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner()


def test_the_same_programs_make_the_same_bytes(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_cache()
    first = pack.write(machine / "first", QUIET)
    monkeypatch.setenv("XDG_CACHE_HOME", str(machine / "elsewhere"))
    fill_cache()
    for engine in FAKES:
        assert engine.module is not None
        program = cache_folder(engine.module) / engine.name
        os.utime(program, (1, 1))
        program.chmod(0o700)
    second = pack.write(machine / "second", QUIET)
    assert first.file.read_bytes() == second.file.read_bytes()
    assert first.sha256 == second.sha256 == hashlib.sha256(first.file.read_bytes()).hexdigest()


def test_the_manifest_says_what_is_in_it(packed: Path) -> None:
    with tarfile.open(packed) as archive:
        names = archive.getnames()
        raw = archive.extractfile("manifest.json")
        assert raw is not None
        manifest = json.load(raw)
        members = archive.getmembers()
    assert names == ["manifest.json", *(f"engines/{name}" for name in NAMES)]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0, 0, "", "")}
    assert {m.mode for m in members[1:]} == {0o755}
    assert (manifest["format"], manifest["system"], manifest["machine"]) == (1, *this_machine())
    rows = {row["name"]: row for row in manifest["engines"]}
    data = content(FAKES[0])
    assert rows["alpha-server"] == {
        "name": "alpha-server",
        "version": "1.34.3",
        "pin": pin(ALPHA),
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
    }
    assert rows["alpha-agent"]["pin"] == rows["alpha-server"]["pin"] != rows["beta"]["pin"]


def test_what_is_not_built_yet_is_refused_by_name(machine: Path) -> None:
    fill_cache(without="alpha-agent")
    with pytest.raises(EngineError, match="not in the engine cache: alpha-agent") as refused:
        pack.write(machine / "pack", QUIET)
    assert "slipway engines build" in refused.value.remedy
    assert not (machine / "pack").exists()


def test_what_only_some_stacks_need_is_packed_where_it_was_built(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *others, beta = FAKES
    monkeypatch.setattr(pack, "ENGINES", (*others, replace(beta, needed_by=frozenset({"capacity"}))))
    fill_cache(without="beta")
    without = pack.write(machine / "without", QUIET)
    assert without.not_built == ["beta"]
    assert [packed.name for packed in without.manifest.engines] == ["alpha-agent", "alpha-server"]
    fill_cache()
    whole = pack.write(machine / "whole", QUIET)
    assert whole.not_built == []
    assert [packed.name for packed in whole.manifest.engines] == NAMES


def test_what_was_built_of_an_older_pin_does_not_count(machine: Path) -> None:
    fill_cache()
    pins(machine, alpha="1.34.4")
    with pytest.raises(EngineError, match="not in the engine cache: alpha-server, alpha-agent"):
        pack.write(machine / "pack", QUIET)


def test_a_program_on_path_alone_is_not_packed_and_this_is_said(machine: Path, command: CliRunner) -> None:
    fill_cache(without="beta")
    own = machine / "bin" / "beta"
    own.parent.mkdir()
    own.write_bytes(b"#!/bin/sh\n")
    own.chmod(0o755)
    written = pack.write(machine / "pack", QUIET)
    assert [each.name for each in written.manifest.engines] == ["alpha-agent", "alpha-server"]
    assert written.left_out == {"beta": own}
    told = command.invoke(app, ["engines", "pack", "-o", str(machine / "pack")])
    assert f"not in it: beta, as this machine has its own ({own})" in told.stdout


def test_the_command_prints_the_line_that_colleagues_need(machine: Path, command: CliRunner) -> None:
    fill_cache()
    told = command.invoke(app, ["engines", "pack", "-o", str(machine)])
    assert told.exit_code == 0, told.output
    file = machine / pack.default_name()
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert f"export SLIPWAY_ENGINES='{file}#sha256={digest}'" in told.stdout


def test_the_command_answers_in_json(machine: Path, command: CliRunner) -> None:
    fill_cache()
    told = command.invoke(app, ["engines", "pack", "-o", str(machine / "pack"), "--json"])
    answer = json.loads(told.stdout)
    data = (machine / "pack").read_bytes()
    assert (answer["file"], answer["bytes"]) == (str(machine / "pack"), len(data))
    assert answer["sha256"] == hashlib.sha256(data).hexdigest()
    assert [row["name"] for row in answer["engines"]] == NAMES
    assert answer["left_out"] == {}


def test_its_help_has_examples(command: CliRunner) -> None:
    for name in ("pack", "build"):
        told = command.invoke(app, ["engines", name, "--help"])
        assert f"slipway engines {name}" in told.stdout.partition("Examples:")[2]
        assert "#sha256=" in told.stdout


def test_an_interrupted_pack_leaves_the_old_one(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_cache()
    (machine / "out").mkdir()
    (machine / "out" / "pack").write_text("the old one")

    def interrupt(phase: Phase, text: str) -> None:
        if "of" in text and phase.name.startswith("pack"):
            raise KeyboardInterrupt

    monkeypatch.setattr(Phase, "note", interrupt)
    with pytest.raises(KeyboardInterrupt):
        pack.write(machine / "out" / "pack", QUIET)
    assert [(file.name, file.read_text()) for file in (machine / "out").iterdir()] == [("pack", "the old one")]


def test_a_place_that_cannot_be_written_is_named(machine: Path) -> None:
    fill_cache()
    with pytest.raises(EngineError, match=r"cannot be written to .*nowhere/pack: No such file") as refused:
        pack.write(machine / "nowhere" / "pack", QUIET)
    assert "-o FILE" in refused.value.remedy


def test_an_empty_cache_with_all_programs_on_path_is_not_packed(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(_: Any) -> Any:
        class Located:
            class found:  # noqa: N801
                path = Path("/usr/bin/x")

        return Located

    monkeypatch.setattr(pack, "locate", found)
    with pytest.raises(EngineError, match="every engine is found on PATH"):
        pack.write(machine / "pack", QUIET)
