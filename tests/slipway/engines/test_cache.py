"""Cleaning the engine cache: old pins and what killed commands left go; what is in use stays."""

import fcntl
from pathlib import Path

from slipway.engines import cache
from slipway.engines.cache import cache_folder, clean
from tests.slipway.engines.fakes import ALPHA, BETA, fill_cache, in_cache, pins


def test_what_no_pin_names_goes(machine: Path) -> None:
    fill_cache()
    old = cache_folder(ALPHA)
    pins(machine, alpha="1.34.4")
    assert clean() == [old]
    assert set(in_cache(machine / "cache")) == {f"{cache_folder(BETA).name}/beta"}


def test_what_killed_commands_left_goes(machine: Path) -> None:
    fill_cache()
    before = in_cache(machine / "cache")
    here = cache_folder(ALPHA)
    left = [here / "..alpha-agent.pack.partial", here / ".gone.pack", here / ".partial", here / ".partial-123"]
    for folder in (cache.unpacking_folder(), *left[2:]):
        folder.mkdir()
        (folder / "half").write_text("half")
    for each in left[:2]:
        each.write_text("half")
    assert clean() == [cache.unpacking_folder(), *left]
    assert in_cache(machine / "cache") == before


def test_records_of_packs_stay(machine: Path) -> None:
    fill_cache()
    program = cache_folder(BETA) / "beta"
    moved = program.rename(program.with_name("new"))
    cache.place(moved, program, pack="/p (SHA-256 0)")
    before = in_cache(machine / "cache")
    assert clean() == []
    assert in_cache(machine / "cache") == before
    assert cache.pack_of(program) == "/p (SHA-256 0)"


def test_what_somebody_is_at_work_on_stays(machine: Path) -> None:
    fill_cache()
    pins(machine, alpha="1.34.4")
    at_work = [cache.build_folder(BETA), cache.unpacking_folder()]
    for each in at_work:
        each.mkdir()
    old = next(each for each in cache.folder().glob("alpha-1.34.3-*"))
    with (
        cache.build_lock(BETA).open("w") as first,
        cache.unpacking_lock().open("w") as second,
        (old / ".lock").open("w") as third,
    ):
        for lock in (first, second, third):
            fcntl.flock(lock, fcntl.LOCK_EX)
        assert clean() == []
        assert all(each.is_dir() for each in (*at_work, old))
    assert clean() == [at_work[1], old, at_work[0]]


def test_an_empty_machine_has_nothing_to_clean(machine: Path) -> None:
    del machine
    assert clean() == []
