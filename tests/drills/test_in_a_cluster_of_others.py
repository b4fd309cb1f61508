"""A stack in the cluster of another instance: it deploys, removes all it made, and touches nothing else there."""

import json
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import yaml
from lightkube import Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Namespace

from slipway.embedded.instance import Instance, is_free
from slipway.embedded.modes import Mode
from slipway.embedded.supervisor import launch
from slipway.embedded.supervisor.spec import Place, ProcessSpec
from slipway.engines.build import ensure
from slipway.environment import Environment
from slipway.errors import CommandError, InstanceError
from slipway.paths import REPOSITORY
from slipway.progress import Progress
from tests.drills.everything import objects
from tests.drills.patient import Patient, left_by, predict
from tests.live import copy_of_checkout, until
from tests.snapshot import Snapshot

pytestmark = pytest.mark.drill

STACK, NAMESPACE = "team", "team"
CONTEXT = "slipway-local"
"""Of the other instance: what the local stack calls its cluster."""


@dataclass
class Others:
    """Another instance, with a registry that its node pulls from, and a checkout with a stack for its cluster."""

    patient: Patient
    checkout: Path
    registry: str

    guests: list[Environment] = field(default_factory=list)

    def guest(self, *, context: str = CONTEXT) -> Environment:
        """An instance of the stack, of which nothing is there yet."""
        name = f"guest-{secrets.token_hex(3)}"
        made = Environment(Instance(name), STACK, Progress(quiet=True), checkout=self.checkout, context=context)
        self.guests.append(made)
        return made

    def another_checkout(self, namespace: str) -> Path:
        """The same stack file but for the namespace."""
        made = copy_of_checkout(self.checkout.parent / namespace)
        _write_stack(made, namespace, self.registry)
        return made

    def clear(self) -> None:
        """Remove what a test left."""
        for guest in self.guests:
            if guest.instance.exists():
                guest.down(abandon=True)
        self.guests.clear()
        with self.patient.kubernetes() as client:
            if NAMESPACE in _namespaces(client):
                client.delete(Namespace, NAMESPACE)
                until(lambda: NAMESPACE not in _namespaces(client), "the namespace to go")


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Others]:
    before = Snapshot.take()
    folder = tmp_path_factory.mktemp("others")
    programs = ensure("drill", Progress(quiet=True))
    patient = Patient(f"drill-{secrets.token_hex(3)}")
    patient.run("up")
    patient.remember()
    port = next(port for port in range(15900, 16000) if is_free(port))
    _registry(patient.instance, programs.path("registry"), folder, port)
    checkout = copy_of_checkout(folder / "checkout")
    _write_stack(checkout, NAMESPACE, f"localhost:{port}")
    with pytest.MonkeyPatch.context() as shell:
        shell.setenv("KUBECONFIG", str(patient.instance.kubeconfig))
        yield Others(patient, checkout, f"localhost:{port}")
    patient.run("down")
    shutil.rmtree(folder)
    assert left_by(patient, before) == {}


@pytest.fixture(autouse=True)
def _cleared(others: Others) -> Iterator[None]:
    yield
    others.clear()


@pytest.fixture
def guest(others: Others) -> Environment:
    """An instance that is up in the cluster of the other one."""
    made = others.guest()
    made.up()
    return made


def test_it_deploys_answers_and_removes_everything_it_made_and_nothing_else(others: Others) -> None:
    before = objects(others.patient.kubernetes())
    guest = others.guest()
    summary = guest.up()
    (answer,) = summary.answers
    assert answer.answer == {"digit": 7}
    assert f"/namespaces/{NAMESPACE}/" in answer.url
    assert summary.mode == Mode.CONTEXT
    assert any("official" in each for each in summary.not_shown)
    assert {each.name for each in guest.instance.supervisor.processes()} == {"aws", "door"}
    with others.patient.kubernetes() as client:
        assert _image(client).startswith(f"{others.registry}/slipway/digits@sha256:")
    during = objects(others.patient.kubernetes())
    assert before.items() <= during.items()
    assert {told.split()[1].split("/")[0] for told in during.keys() - before.keys()} == {NAMESPACE}

    again = guest.up()
    assert again.answers == summary.answers
    assert objects(others.patient.kubernetes()).keys() == during.keys()
    assert predict(others.patient.instance)

    guest.down()
    assert not guest.instance.exists()
    until(lambda: objects(others.patient.kubernetes()) == before, "the cluster to be as it was")
    assert not launch.marked(guest.instance.runtime)


def test_what_others_made_is_refused_and_stays(others: Others, guest: Environment) -> None:
    there = objects(others.patient.kubernetes())
    # The same stack again, of somebody else: its objects have the same names.
    second = others.guest()
    with pytest.raises(InstanceError, match=f"has a namespace {NAMESPACE}, which others made"):
        second.up()
    assert not second.instance.exists()
    assert objects(others.patient.kubernetes()) == there

    # What is found later than that is refused by the plugin, object by object: it did not make them.
    second.checkout = others.another_checkout("apart")
    second.up()
    _write_stack(second.checkout, NAMESPACE, others.registry)
    with pytest.raises(InstanceError, match=f"has a namespace {NAMESPACE}, which others made"):
        second.up()
    workspace = second.workspace(ensure("context", Progress(quiet=True)))
    with pytest.raises(CommandError, match=f'"{NAMESPACE}" already exists'):
        workspace.pulumi_command("up", "--yes", "--skip-preview", "--stack", STACK)
    second.down()
    until(lambda: objects(others.patient.kubernetes()) == there, "the second one to be gone without a trace")
    guest.down()


def test_what_others_made_in_its_place_stays(others: Others, guest: Environment) -> None:
    with others.patient.kubernetes() as client:
        client.delete(Namespace, NAMESPACE)
        until(lambda: NAMESPACE not in _namespaces(client), "the namespace to go")
        client.create(Namespace(metadata=ObjectMeta(name=NAMESPACE)))
        theirs = ConfigMap(metadata=ObjectMeta(name="digits", namespace=NAMESPACE), data={"whose": "theirs"})
        client.create(theirs)
    guest.down()
    assert not guest.instance.exists()
    with others.patient.kubernetes() as client:
        assert client.get(ConfigMap, "digits", namespace=NAMESPACE).data == {"whose": "theirs"}


def test_an_update_that_was_cut_off_is_gone_on_with(others: Others, guest: Environment) -> None:
    before = objects(others.patient.kubernetes())
    _lose(guest, "kubernetes:core/v1:Service")
    guest.up()
    assert objects(others.patient.kubernetes()).keys() == before.keys()
    guest.down()
    until(lambda: not _left(others), "everything to be deleted")


def test_what_was_cut_off_before_it_was_recorded_goes_as_well(others: Others, guest: Environment) -> None:
    _lose(guest, "kubernetes:core/v1:Namespace", and_later=True)
    shutil.rmtree(guest.checkout / "stacks")  # of which nothing is needed any more
    try:
        guest.down()
    finally:
        shutil.copytree(REPOSITORY / "stacks", guest.checkout / "stacks")
        _write_stack(guest.checkout, NAMESPACE, others.registry)
    assert not guest.instance.exists()
    until(lambda: not _left(others), "everything to be deleted")


def _lose(guest: Environment, kind: str, *, and_later: bool = False) -> None:
    """As after a kill between making an object and recording it: the engine does not know of it."""
    state = guest.workspace(ensure("context", Progress(quiet=True))).folder / "state"
    (file,) = state.glob(f".pulumi/stacks/*/{STACK}.json")
    told = json.loads(file.read_text())
    latest = told["checkpoint"]["latest"]
    (place,) = (number for number, each in enumerate(latest["resources"]) if each["type"] == kind)
    del latest["resources"][place : None if and_later else place + 1]
    file.write_text(json.dumps(told))


def _left(others: Others) -> list[str]:
    return [each for each in objects(others.patient.kubernetes()) if f" {NAMESPACE}" in each]


def test_a_cluster_that_does_not_answer_is_said_and_can_be_abandoned(others: Others, guest: Environment) -> None:
    door = others.patient.instance.supervisor
    door.stop("door")
    try:
        with pytest.raises(InstanceError, match="cannot be asked") as refused:
            guest.down()
        assert f"slipway down {guest.instance.arguments} --abandon" in refused.value.remedy
        assert guest.instance.is_up
        guest.down(abandon=True)
        assert not guest.instance.exists()
    finally:
        others.patient.run("up")
    with others.patient.kubernetes() as client:
        assert _image(client)  # as was said


def test_a_context_that_is_none_is_refused_with_those_there_are(others: Others) -> None:
    guest = others.guest(context="kind-absent")
    with pytest.raises(InstanceError, match=rf"no context 'kind-absent' \(it has {CONTEXT}\)"):
        guest.up()
    assert not guest.instance.exists()


def _write_stack(checkout: Path, namespace: str, registry: str) -> None:
    stack = {
        "slipway:cluster": {"context": "theirs", "namespace": namespace, "registry": f"{registry}/slipway"},
        "slipway:models": {
            "digits": {
                "image": "built",
                "replicas": 1,
                "resources": {"cpu": "500m", "memory": "512Mi"},
                "serving": {"objective": 500},
            }
        },
    }
    (checkout / "stacks" / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump({"config": stack}))


def _registry(instance: Instance, program: Path, folder: Path, port: int) -> None:
    """A registry that is `localhost:PORT` for this machine and for the node: as people have it beside kind."""
    address = f"127.0.0.1:{port}"
    config = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}},
        "http": {"addr": address},
    }
    (folder / "registry.yml").write_text(yaml.safe_dump(config))
    words = [str(program), "serve", str(folder / "registry.yml")]
    instance.supervisor.start(ProcessSpec(name="registry", argv=words, place=Place.INSIDE))
    door = [sys.executable, "-m", "slipway.embedded.door", f"{port}={address}"]
    instance.supervisor.start(ProcessSpec(name="registry-door", argv=door, place=Place.DOOR, tells_ready=True))
    until(_answering(f"http://{address}/v2/"), "the registry")


def _answering(url: str) -> Callable[[], bool]:
    def asks() -> bool:
        try:
            return httpx.get(url, trust_env=False).is_success
        except httpx.TransportError:
            return False

    return asks


def _image(client: Client) -> str:
    deployment = client.get(Deployment, "digits", namespace=NAMESPACE).to_dict()
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def _namespaces(client: Client) -> set[str]:
    return {each.to_dict()["metadata"]["name"] for each in client.list(Namespace)}
