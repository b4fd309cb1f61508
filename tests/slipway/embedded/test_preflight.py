"""A machine that cannot carry an instance is told everything it lacks, and what to do."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from slipway.embedded import preflight
from slipway.embedded.instance import Instance, holder, is_free
from slipway.errors import InstanceError, PreflightError
from slipway.paths import REPOSITORY


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    made = Instance("unit")
    made.folder.mkdir(parents=True)
    return made


def test_this_machine_will_do(instance: Instance) -> None:
    preflight.check(instance)


def test_all_that_is_missing_is_told_at_once(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.embedded.preflight.os.geteuid", lambda: 1000)
    monkeypatch.setattr("slipway.embedded.preflight.shutil.disk_usage", lambda _: SimpleNamespace(free=2**30))
    monkeypatch.setattr("slipway.embedded.preflight.psutil.virtual_memory", lambda: SimpleNamespace(available=2**29))
    with pytest.raises(PreflightError) as refused:
        preflight.check(instance)
    said = str(refused.value)
    for part in (
        "you are not root",
        "1.0 GiB free",
        "0.5 GiB of memory",
        "run the same command with sudo",
        "XDG_STATE_HOME",
    ):
        assert part in said


def test_another_system_is_named(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.embedded.preflight.platform.system", lambda: "Darwin")
    with pytest.raises(PreflightError, match="it is Darwin on"):
        preflight.check(instance)


def test_a_kernel_that_refuses_namespaces_is_named_with_the_remedy(tmp_path: Path) -> None:
    # Without the right to make namespaces, as in an ordinary container.
    trial = [sys.executable, "-m", "slipway.embedded.trial", str(tmp_path)]
    dropped = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all", "--", *trial]
    done = subprocess.run(dropped, capture_output=True, text=True, cwd=REPOSITORY, timeout=60, check=True)
    what, remedy = done.stdout.splitlines()[0].split("\t")
    assert what.startswith("namespaces (mount, network, PID): ")
    assert "--privileged" in remedy


def test_an_unprivileged_user_is_told_to_use_sudo() -> None:
    script = "import os, sys; os.geteuid = lambda: 1000; from slipway.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "up"], capture_output=True, text=True, cwd=REPOSITORY, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "you are not root" in done.stderr
    assert "run the same command with sudo" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_that_is_held_says_by_whom(busy: int) -> None:
    assert not is_free(busy)
    assert f"(pid {os.getpid()})" in holder(busy)


def test_a_port_given_before_and_held_now_is_an_error(instance: Instance, busy: int) -> None:
    (instance.folder / "ports.json").write_text(f'{{"api": {busy}}}')
    with pytest.raises(InstanceError) as refused:
        instance.assign_ports([])
    assert f"127.0.0.1:{busy}, the port of api, is held by" in refused.value.what
    assert "slipway down" in refused.value.remedy


def test_ports_are_kept_and_never_shared(instance: Instance) -> None:
    first = instance.assign_ports(["a", "b"])
    assert set(first) == {"api", "a", "b"}
    assert len(set(first.values())) == 3
    assert instance.assign_ports(["b", "c"]).items() >= {"api": first["api"], "b": first["b"]}.items()
    other = Instance("other")
    other.folder.mkdir(parents=True)
    assert not set(other.assign_ports(["a"]).values()) & set(instance.ports().values())


@pytest.mark.parametrize("name", ["", "Local", "9s", "a" * 21, "a_b", "-a", "a-"])
def test_a_name_that_would_not_do_is_refused(name: str) -> None:
    with pytest.raises(InstanceError, match="cannot name an instance"):
        Instance(name)


def test_two_commands_on_one_instance_are_told_of_each_other(instance: Instance) -> None:
    with instance.exclusively("up"):
        with pytest.raises(InstanceError) as refused, instance.exclusively("down"):
            pass
        assert f"`slipway up` (pid {os.getpid()}) is at work on the instance unit" in refused.value.what
    with instance.exclusively("down"):
        pass


def test_an_instance_belongs_to_one_checkout(instance: Instance, tmp_path: Path) -> None:
    instance.claim(tmp_path / "first")
    instance.claim(tmp_path / "first")
    with pytest.raises(InstanceError) as refused:
        instance.claim(tmp_path / "second")
    assert refused.value.what == f"the instance unit belongs to the checkout in {tmp_path / 'first'}"
    assert "--as NAME" in refused.value.remedy


def test_an_instance_is_found_from_another_login(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    instance.claim(Path("/somewhere"))
    before = instance.runtime
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/elsewhere")
    assert instance.runtime == before
