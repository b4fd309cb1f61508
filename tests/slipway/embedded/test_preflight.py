"""A machine that cannot carry an instance is told everything it lacks, and what to do."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from slipway import paths
from slipway.embedded import preflight
from slipway.embedded.instance import Instance, holder, is_free
from slipway.errors import InstanceError, PreflightError
from slipway.paths import REPOSITORY


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(paths, "runtime", lambda: tmp_path / "run")
    made = Instance("unit")
    made.folder.mkdir(parents=True)
    return made


def test_this_machine_will_do(instance: Instance) -> None:
    preflight.check(instance)


def test_all_that_is_missing_is_told_at_once(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.embedded.preflight.shutil.disk_usage", lambda _: SimpleNamespace(free=2**30))
    monkeypatch.setattr("slipway.embedded.preflight.psutil.virtual_memory", lambda: SimpleNamespace(available=2**29))
    with pytest.raises(PreflightError) as refused:
        preflight.check(instance)
    said = str(refused.value)
    for part in ("1.0 GiB free", "0.5 GiB of memory", "XDG_STATE_HOME", "end something else"):
        assert part in said


def test_another_system_is_named(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.embedded.preflight.platform.system", lambda: "Darwin")
    with pytest.raises(PreflightError, match="it is Darwin on"):
        preflight.check(instance)


@pytest.mark.node
def test_a_kernel_that_refuses_namespaces_is_named_with_the_remedy(tmp_path: Path) -> None:
    # Without the right to make namespaces, as in an ordinary container.
    trial = [sys.executable, "-m", "slipway.embedded.trial", str(tmp_path), "ip", "nft"]
    dropped = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all", "--", *trial]
    done = subprocess.run(dropped, capture_output=True, text=True, cwd=REPOSITORY, timeout=60, check=True)
    what, remedy = done.stdout.splitlines()[0].split("\t")
    assert what.startswith("namespaces (mount, network, PID): ")
    assert "--privileged" in remedy


def test_a_user_who_asks_for_a_node_is_told_what_is_missing_and_which_mode_would_work() -> None:
    script = "import os, sys; os.geteuid = lambda: 1000; from slipway.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "up", "--mode", "node"],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "you are not root" in done.stderr
    assert "run the same command with sudo" in done.stderr
    assert "slipway up local --mode processes" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_runtime_folder_of_somebody_else_is_not_used(
    instance: Instance, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    monkeypatch.setattr("slipway.embedded.preflight.os.geteuid", lambda: os.getuid() + 1)
    with pytest.raises(PreflightError, match="another user's"):
        preflight.check(instance)


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
    assert set(first) == {"api", "aws", "model:a", "model:b"}
    assert len(set(first.values())) == 4
    assert instance.assign_ports(["b", "c"]).items() >= {"api": first["api"], "model:b": first["model:b"]}.items()
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


def test_an_instance_belongs_to_one_checkout_and_one_stack(instance: Instance, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    instance.claim(first, "local")
    instance.claim(first, "local")
    with pytest.raises(InstanceError) as refused:
        instance.claim(second, "local")
    assert refused.value.what == f"the instance unit is that of the checkout in {first}"
    assert "slipway up local --as NAME" in refused.value.remedy
    assert "slipway down local --as unit" in refused.value.remedy
    with pytest.raises(InstanceError, match="the instance unit is that of the stack local"):
        instance.claim(first, "dev")


def test_an_instance_kept_under_another_home_is_not_taken(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    with instance.exclusively("up"):
        pass
    kept = instance.folder
    monkeypatch.setenv("XDG_STATE_HOME", "/elsewhere")
    with pytest.raises(InstanceError, match=f"is kept in {kept}"), instance.exclusively("up"):
        pass


def test_root_finds_its_instances_whichever_way_it_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.paths.os.geteuid", lambda: 0)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/elsewhere")
    assert str(paths.runtime()) == "/run/slipway"


def test_a_runtime_folder_that_others_could_have_made_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = os.geteuid() or 4242
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr("os.access", lambda *_: False)  # no folder of a login
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    folder = tmp_path / f"slipway-{user}"
    assert paths.runtime() == folder
    folder.mkdir(mode=0o700)
    os.chown(folder, user, -1)
    assert paths.runtime() == folder
    folder.chmod(0o777)
    with pytest.raises(PreflightError, match="only you may write to"):
        paths.runtime()
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(PreflightError, match="XDG_RUNTIME_DIR"):
        paths.runtime()
