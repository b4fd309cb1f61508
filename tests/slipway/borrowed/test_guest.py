"""A stack in the cluster of the instance that the tests share: what is seen of it without a registry."""

import secrets
from collections.abc import Iterator

import pytest
import yaml
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Namespace, Pod

from slipway.embedded.instance import Instance
from slipway.embedded.modes import Mode
from slipway.environment import Environment
from slipway.errors import InstanceError
from slipway.progress import Progress
from tests.live import SLIPWAY, Live, copy_of_checkout, until

STACK = "team"
CONTEXT = "slipway-local"
"""What the local stack calls its cluster."""


@pytest.fixture(scope="module")
def guest(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Of the image that the node has already, in a namespace of its own."""
    name = f"guest-{secrets.token_hex(3)}"
    checkout = copy_of_checkout(tmp_path_factory.mktemp("guest") / "checkout")
    model = {
        "image": _image(live),
        "replicas": 1,
        "resources": {"cpu": "100m", "memory": "512Mi"},
        "serving": {"objective": 2000},
    }
    config = {"slipway:cluster": {"context": "theirs", "namespace": name}, "slipway:models": {"digits": model}}
    (checkout / "stacks" / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump({"config": config}))
    with pytest.MonkeyPatch.context() as shell:
        shell.setenv("KUBECONFIG", str(live.instance.kubeconfig))
        made = Environment(Instance(name), STACK, Progress(quiet=True), checkout=checkout, context=CONTEXT)
        try:
            yield made
        finally:
            if made.instance.exists():
                made.down(abandon=True)
            if name in _namespaces(live):
                live.client.delete(Namespace, name)


def test_it_answers_through_the_api_server_and_goes_without_a_trace(live: Live, guest: Environment) -> None:
    name = guest.instance.name
    theirs = live.client.get(Deployment, "digits", namespace="models").to_dict()["metadata"]
    summary = guest.up()
    (answer,) = summary.answers
    assert (summary.mode, answer.answer) == (Mode.CONTEXT, {"digit": 7})
    assert answer.url.startswith(f"https://127.0.0.1:{live.instance.ports()['api']}/")
    assert [each.to_dict()["metadata"]["namespace"] for each in live.client.list(Pod, namespace=name)] == [name]
    assert {each.name for each in guest.instance.supervisor.processes()} == {"aws", "door"}

    # The same stack, of another instance: neither takes what the other made.
    second = Environment(
        Instance(f"{name}-2"), STACK, Progress(quiet=True), checkout=guest.checkout, context=guest.context
    )
    with pytest.raises(InstanceError, match=f"has a namespace {name}, which others made"):
        second.up()
    assert not second.instance.exists()
    assert live.client.get(Deployment, "digits", namespace=name)

    guest.down()
    assert not guest.instance.exists()
    until(lambda: name not in _namespaces(live), "its namespace to go")
    after = live.client.get(Deployment, "digits", namespace="models").to_dict()["metadata"]
    assert (after["uid"], after["generation"]) == (theirs["uid"], theirs["generation"])


def test_a_cluster_of_others_is_a_mode_of_its_own(live: Live) -> None:
    done = live.shell(f"{SLIPWAY} up local --as other --mode node --context {CONTEXT}")
    assert done.returncode == 1
    assert "--mode and --context are given" in done.stderr


def _image(live: Live) -> str:
    deployment = live.client.get(Deployment, "digits", namespace="models").to_dict()
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def _namespaces(live: Live) -> set[str]:
    return {each.to_dict()["metadata"]["name"] for each in live.client.list(Namespace)}
