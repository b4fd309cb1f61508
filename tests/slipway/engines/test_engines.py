"""Finding programs: what fits is used, what does not is passed over with the reason."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from slipway.engines import build, entries, locate, toolchain
from slipway.engines.cache import cache_folder, pin
from slipway.engines.entries import Engine, GoModule, Wheel
from slipway.engines.locate import Programs
from slipway.engines.serving import ENVOY_GATEWAY, SERVING
from slipway.engines.table import ENGINES, ETCD, HELM, KARPENTER, KUBERNETES, PAUSE, engine
from slipway.errors import EngineError
from slipway.progress import Progress


def program(folder: Path, name: str, prints: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{prints}'\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path / 'first'}{os.pathsep}{tmp_path / 'second'}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(locate, "_SYSTEM_FOLDERS", ())
    locate._fit.cache_clear()
    return tmp_path


def test_a_program_on_path_that_fits_is_used(path: Path) -> None:
    file = program(path / "second", "etcd", "etcd Version: 3.5.24")
    located = locate.locate(engine("etcd"))
    assert located.found is not None
    assert (located.found.path, located.found.origin, located.found.version) == (file, "path", "3.5.24")


def test_one_that_does_not_fit_is_passed_over_with_the_reason(path: Path) -> None:
    old = program(path / "first", "etcd", "etcd Version: 3.4.1")
    new = program(path / "second", "etcd", "etcd Version: 3.6.1")
    located = locate.locate(engine("etcd"))
    assert located.found is not None
    assert located.found.path == new
    assert [(passed.path, passed.reason) for passed in located.passed] == [(old, "is 3.4.1; <3.7,>=3.5.21 fits")]


def test_one_that_prints_no_version_is_passed_over(path: Path) -> None:
    program(path / "first", "etcd", "hello")
    located = locate.locate(engine("etcd"))
    assert located.found is None
    assert located.passed[0].reason == "`etcd --version` prints no version"


def test_what_was_built_is_found_in_the_cache(path: Path) -> None:
    assert locate.locate(engine("etcd")).found is None
    built = program(path / "cache" / "slipway" / "engines" / cache_folder(ETCD).name, "etcd", "")
    found = locate.locate(engine("etcd")).found
    assert found is not None
    assert (found.path, found.origin, found.version) == (built, "built", ETCD.version)


def test_another_program_of_the_same_name_is_not_taken_for_a_network_plugin(path: Path) -> None:
    iproute = program(path / "first", "bridge", "bridge utility, iproute2-6.1.0")
    found = locate.locate(engine("bridge")).found
    assert found is None or found.path != iproute


def test_a_pin_that_changes_is_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache_folder(KUBERNETES)
    assert before.name.startswith("kubernetes-1.34.")
    monkeypatch.setattr("slipway.engines.cache.platform.machine", lambda: "other")
    assert cache_folder(KUBERNETES) != before


def test_every_program_of_the_table_can_be_come_by() -> None:
    for entry in ENGINES:
        assert entry.purpose
        assert (entry.module is not None) != bool(entry.debian), entry.name
        ways = [entry.package, entry.file, entry.chart]
        assert len([way for way in ways if way]) == (entry.module is not None), entry.name
        assert isinstance(entry.module, Wheel) <= bool(entry.file), entry.name
        if entry.module is not None and entry.accepts != SpecifierSet():
            assert entry.accepts.contains(entry.module.version), f"the pin of {entry.name} does not fit itself"
    assert len({entry.name for entry in ENGINES}) == len(ENGINES)


def test_a_stack_that_buys_no_nodes_needs_none_of_the_programs_for_it() -> None:
    capacity = {located.engine.name for located in locate.needed("capacity")}
    karpenter, descheduler = {"karpenter", "karpenter.tgz", "karpenter-crd.tgz"}, {"descheduler", "descheduler.tgz"}
    assert {"helm", "kwok", *karpenter, *descheduler} == capacity
    assert not capacity & {located.engine.name for located in (*locate.needed("up"), *locate.needed("build"))}


def test_a_stack_that_neither_scales_nor_routes_needs_none_of_the_programs_for_it() -> None:
    gateway, serving, cache, *others = (
        {located.engine.name for located in locate.needed(command)}
        for command in ("gateway", "serving", "cache", "up", "build", "capacity", "test")
    )
    assert gateway | serving | cache == {"helm", *(entry.name for entry in SERVING)} - {"slipway-routes"}
    assert gateway & serving == {"helm"}
    assert gateway == {"helm", "envoy", "envoy-gateway", "gateway-helm.tgz"}
    assert cache == {"valkey-server"}
    assert (gateway | serving | cache) & set().union(*others) == {"helm"}


def test_an_instance_without_a_node_needs_nothing_that_only_root_may_run_or_install() -> None:
    plane, gateway = (locate.needed(command) for command in ("processes", "processes-gateway"))
    assert not [each.engine.name for each in (*plane, *gateway) if each.engine.debian]
    assert {each.engine.name for each in plane} <= {each.engine.name for each in locate.needed("up")} | {"kwok"}
    assert {each.engine.name for each in gateway} == {"helm", "envoy", "slipway-routes", "gateway-helm.tgz"}


def test_a_librarys_version_stands_for_its_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.engines.entries.MODULES", tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "go.mod").write_text("module x\nrequire example.org/x v0.304.2\n")
    module = GoModule(name="x", path="example.org/x", ldflags="-X v={version}", as_library=True)
    assert (module.version, module.linker_flags()) == ("3.4.2", "-s -w -X v=3.4.2")


def test_a_helm_on_path_that_fits_is_used(path: Path) -> None:
    file = program(path / "first", "helm", "v3.18.4")
    found = locate.locate(engine("helm")).found
    assert found is not None
    assert (found.path, found.version) == (file, "3.18.4")
    locate._fit.cache_clear()
    program(path / "first", "helm", "v2.17.0")
    located = locate.locate(engine("helm"))
    assert located.found is None
    assert [passed.reason for passed in located.passed] == ["is 2.17.0; <4,>=3.14 fits"]


def test_what_goes_into_an_image_is_never_taken_from_path(path: Path) -> None:
    program(path / "first", "karpenter", "1.14.0")
    assert locate.locate(engine("karpenter")).found is None


def test_helm_renders_for_the_kubernetes_it_is_built_from() -> None:
    pinned = entries._pinned(HELM.folder / "go.mod", r"k8s\.io/client-go v(\S+)", "client-go")
    assert f"chartutil.k8sVersionMinor={pinned.split('.')[1]}" in HELM.linker_flags()


def test_every_module_is_built_by_a_wheel_that_is_pinned() -> None:
    modules = {entry.module for entry in ENGINES if isinstance(entry.module, GoModule)}
    first, second = (toolchain._pinned(entries.LOCKS / f"{name}.txt") for name in toolchain._WHEELS)
    assert max(each.oldest_go for each in modules if each.oldest_go <= first) == toolchain._OLDEST
    assert [each.name for each in modules if each.oldest_go > first] == ["envoy-gateway"]
    assert max(each.oldest_go for each in modules) <= second


def test_a_chart_that_is_packed_otherwise_is_another_pin() -> None:
    before = pin(KARPENTER)
    stamped = replace(KARPENTER, charts=tuple(replace(chart, stamps=()) for chart in KARPENTER.charts))
    assert pin(stamped) != before
    assert pin(replace(ETCD, charts=())) == pin(ETCD)


def test_a_real_program_is_built_from_its_module(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del path
    monkeypatch.setenv("PATH", f"/usr/local/go/bin{os.pathsep}/usr/bin{os.pathsep}/bin")
    progress = Progress(quiet=True)
    with progress.phase("build") as phase:
        build.build(PAUSE, [engine("pause")], phase)
    built = cache_folder(PAUSE) / "pause"
    assert built.read_bytes()[:4] == b"\x7fELF"
    assert locate.locate(engine("pause")).found is not None


def test_a_go_that_a_module_finds_too_old_is_the_second_wheels(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (toolchain._pinned(entries.LOCKS / f"{name}.txt") for name in toolchain._WHEELS)
    for wheel in (first, second):
        program(path / "cache" / "slipway" / "go" / str(wheel) / "go" / "bin", "go", f"go{wheel}")
    assert toolchain.version(toolchain.go()) == first
    assert toolchain.version(toolchain.go(ENVOY_GATEWAY.oldest_go)) == second
    on_path = program(path / "first", "go", f"go{first}")
    assert toolchain.go() == on_path
    assert toolchain.version(toolchain.go(ENVOY_GATEWAY.oldest_go)) == second
    monkeypatch.setattr(toolchain, "_WHEELS", ("go",))
    with pytest.raises(EngineError, match=f"Go 1.26.7 or newer is needed, and the newest that is pinned is {first}"):
        toolchain.go(ENVOY_GATEWAY.oldest_go)


def test_a_missing_debian_package_is_named_with_the_command(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(path / "first", "apt-get", "")
    monkeypatch.setattr("slipway.engines.build.os.geteuid", lambda: 1000)
    progress = Progress(quiet=True)
    with progress.phase("x") as phase, pytest.raises(EngineError) as refused:
        build.install_debian(["buildah", "runc"], phase)
    assert refused.value.remedy == "run `sudo apt-get install --no-install-recommends buildah runc`"


def test_a_machine_without_apt_is_told_so(path: Path) -> None:
    del path
    progress = Progress(quiet=True)
    with progress.phase("x") as phase, pytest.raises(EngineError, match="no apt-get"):
        build.install_debian(["buildah"], phase)


@pytest.mark.parametrize(("cores", "gibibytes", "jobs"), [(8, 64, 8), (8, 8, 2), (2, 24, 2), (4, 1, 1)])
def test_parallel_links_are_bounded_by_memory(
    cores: int, gibibytes: int, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Memory:
        available = gibibytes * 2**30

    monkeypatch.setattr("slipway.engines.build.os.cpu_count", lambda: cores)
    monkeypatch.setattr("slipway.engines.build.psutil.virtual_memory", Memory)
    assert build.parallelism() == jobs


def test_a_go_that_is_too_old_is_not_used(path: Path) -> None:
    old = program(path / "first", "go", "go1.21.3")
    assert toolchain.version(old) == Version("1.21.3")
    assert toolchain.version(program(path / "second", "go", "no Go at all")) == Version("0")


def test_a_program_that_was_not_asked_for_is_an_error_that_names_it() -> None:
    with pytest.raises(EngineError, match="etcd is needed and was not found"):
        Programs().path("etcd")
    with pytest.raises(LookupError, match=r"slipway/engines/table.py"):
        engine("nothing")


def test_an_unpinned_module_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "go.mod").write_text("module x\n")
    monkeypatch.setattr("slipway.engines.entries.MODULES", tmp_path)
    lonely = Engine(name="x", purpose="x", needed_by=frozenset(), module=type(ETCD)(name="empty", path="example.org/x"))
    assert lonely.module is not None
    with pytest.raises(LookupError, match=r"does not pin example\.org/x"):
        _ = lonely.module.version
