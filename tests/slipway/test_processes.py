"""An instance without a node: the same stack as ordinary processes, wherever the tests themselves may have a node."""

import ipaddress
import json
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator

import httpx
import psutil
import pytest
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Pod

from infra.settings.cluster import NAMESPACE
from slipway.embedded.instance import Instance
from slipway.embedded.modes import Mode
from slipway.embedded.supervisor import launch
from slipway.environment import Environment, Summary
from slipway.paths import REPOSITORY
from slipway.progress import Progress
from tests.live import SLIPWAY, administrator, until


@pytest.fixture(scope="module")
def up() -> Iterator[Summary]:
    """The local stack in an instance of its own, in this mode."""
    environment = Environment(
        Instance(f"proc-{secrets.token_hex(3)}"), "local", Progress(quiet=True), mode=Mode.PROCESSES
    )
    try:
        yield environment.up()
    finally:
        mine = environment.instance
        environment.down()
        assert not mine.exists()
        assert not launch.marked(mine.runtime)


def test_it_ends_in_a_right_answer_through_the_gateway_and_says_what_it_does_not_show(up: Summary) -> None:
    (answer,) = up.answers
    assert answer.url == f"http://127.0.0.1:{Instance(up.instance).ports()['gateway']}/digits"
    assert answer.answer == {"digit": 7}
    assert up.mode == Mode.PROCESSES
    assert any("NetworkPolicies" in each for each in up.not_shown)
    refused = httpx.post(f"{answer.url}/predict", json=answer.request, headers={"x-api-key": "wrong"}, trust_env=False)
    assert refused.status_code == 401
    large = httpx.post(
        f"{answer.url}/predict", content=b" " * (2**20 + 1), headers=answer.headers, timeout=30, trust_env=False
    )
    assert large.status_code == 413


def test_everything_listens_on_its_own_part_of_the_loopback(up: Summary) -> None:
    mine = Instance(up.instance)
    part = ipaddress.ip_network(f"{mine.network}.0.0/16")
    found = [
        connection.laddr
        for pid in launch.marked(mine.runtime)
        for connection in psutil.Process(pid).net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(found) > 8
    doors = set(mine.ports().values())
    for address in found:
        is_door = address.ip == "127.0.0.1" and address.port in doors
        assert is_door or ipaddress.ip_address(address.ip) in part, address


def test_a_model_is_its_bento_and_not_the_checkout(up: Summary) -> None:
    (status,) = (each for each in Instance(up.instance).supervisor.processes() if each.name.startswith("pod-digits"))
    process = psutil.Process(status.pid)
    assert "/unpacked/digits/" in process.exe() + process.cwd() + process.cmdline()[0]
    assert str(REPOSITORY) not in process.cwd()
    assert process.rlimit(psutil.RLIMIT_DATA)[0] == 512 * 2**20  # of the stack file


def test_a_killed_model_is_started_again_and_its_pod_says_so(up: Summary) -> None:
    mine = Instance(up.instance)
    with administrator(mine) as client:
        (pod,) = client.list(Pod, namespace=NAMESPACE)
        assert pod.metadata
        name = f"pod-{pod.metadata.name}"
        status = mine.supervisor.process(name)
        assert status is not None
        os.kill(status.pid, signal.SIGKILL)

        def told() -> bool:
            (seen,) = client.list(Pod, namespace=NAMESPACE)
            (container,) = (seen.status.containerStatuses if seen.status else None) or []
            return container.restartCount == 1 and container.ready

        until(told, "the pod to be ready again")
    (answer,) = up.answers
    again = httpx.post(
        f"{answer.url}{answer.path}", json=answer.request, headers=answer.headers, timeout=30, trust_env=False
    )
    assert again.json()["digit"] == 7


def test_replicas_come_and_go_with_the_deployment(up: Summary) -> None:
    mine = Instance(up.instance)

    def answering() -> list[str]:
        return list(json.loads((mine.etc / "services.json").read_text()).get("digits", []))

    with administrator(mine) as client:
        for count in (2, 1):
            client.patch(Deployment, "digits", {"spec": {"replicas": count}}, namespace=NAMESPACE)
            until(lambda count=count: len(answering()) == count, f"{count} replicas")  # type: ignore[misc]
        until(lambda: len(list(client.list(Pod, namespace=NAMESPACE))) == 1, "the pod that is not wanted to be gone")
    direct = httpx.get(f"http://127.0.0.1:{mine.model_ports()['digits']}/readyz", timeout=30, trust_env=False)
    assert direct.status_code == 200


def test_another_mode_is_refused_while_it_is_up(up: Summary) -> None:
    words = [str(SLIPWAY), "up", "local", "--as", up.instance, "--mode", "node"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=REPOSITORY, timeout=120, check=False)
    assert done.returncode == 1
    assert "slipway" in done.stderr
    assert Instance(up.instance).mode is Mode.PROCESSES
