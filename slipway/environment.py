"""From nothing to a prediction, and back: what `slipway up` and `slipway down` do, in order."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import tenacity
from lightkube.resources.core_v1 import Node, Pod

from infra.catalog import Catalog
from infra.models.planning import BUILT, NAME_LABEL, NAMESPACE
from infra.settings import Settings, load_file
from slipway import paths, stacks
from slipway.building import bento
from slipway.building.elsewhere import held_elsewhere
from slipway.embedded import preflight
from slipway.embedded.aws import endpoint
from slipway.embedded.cluster import Bought, Cluster
from slipway.embedded.fleet.delays import Delays
from slipway.embedded.fleet.placed import Placed, placed
from slipway.embedded.instance import Instance, instances
from slipway.engines import build as engines
from slipway.engines.locate import Programs
from slipway.errors import CommandError, InstanceError
from slipway.plugins.workspace import Workspace
from slipway.progress import Phase, Progress

_ANSWER_SECONDS = 180.0
"""After a restart of the machine, the cluster believes for a while in pods that are only now made again."""


@dataclass(frozen=True)
class Answer:
    """What a model answered.

    Attributes:
        model: Its name.
        url: Its address on this machine.
        path: What was asked for; empty when the bento ships no example.
        request: The request's body.
        answer: The part of the answer that the example tells.
    """

    model: str
    url: str
    path: str
    request: dict[str, Any]
    answer: dict[str, Any]


@dataclass(frozen=True)
class Summary:
    """What `up` ended with; printed on one screen, or as JSON.

    Attributes:
        instance: The instance's name.
        arguments: What other commands are told to mean it.
        stack: The stack that was brought up.
        answers: What every model answered, and where.
        placed: Where the pods of models on bought nodes are, which are simulated here: these models cannot answer.
        context: The kubeconfig context.
        kubeconfig: Path of the kubeconfig.
        programs: Every program with its version, where it came from, and what it is for.
        seconds: Time of every phase.
    """

    instance: str
    arguments: str
    stack: str
    answers: list[Answer]
    placed: list[Placed]
    context: str
    kubeconfig: str
    programs: list[dict[str, str]]
    seconds: dict[str, float]


class Environment:
    """A stack on this machine.

    Args:
        instance: Where it runs.
        stack: Which stack.
        progress: Where phases are told.
        checkout: The repository.
        delays: Modelled times of bought nodes; as in the cloud when none are given.
    """

    def __init__(
        self,
        instance: Instance,
        stack: str,
        progress: Progress,
        *,
        checkout: Path = paths.REPOSITORY,
        delays: Delays | None = None,
    ) -> None:
        """Nothing is started."""
        self.instance = instance
        self.stack = stack
        self.progress = progress
        self.checkout = checkout
        self.delays = delays or Delays()

    def up(self) -> Summary:
        """Bring everything up, or back up, and answer once per model that runs here.

        Raises:
            SettingsError: The stack file is wrong; nothing was started.
            SlipwayError: A phase failed; the message says what to do.
        """
        settings = self.settings()
        with self.progress.phase("this machine"):
            preflight.check(self.instance)
        bought = bought_of(settings, self.delays)
        programs = engines.ensure("up", self.progress)
        if bought is not None:
            programs |= engines.ensure("capacity", self.progress)
        with self.progress.phase("this kernel"):
            preflight.check_kernel(programs)
        with self.instance.exclusively("up"):
            self.instance.claim(self.checkout, self.stack)
            builds = self._builds(settings, programs)
            cluster = Cluster(self.instance, programs, self.progress)
            account = settings.account or self.instance.account
            running = [name for name, model in settings.models.items() if not model.pool]
            cluster.up(running, context=settings.context, account=account, bought=bought)
            self._tell_images(held_elsewhere(settings, account=account))
            for build in builds:
                deliver(build, cluster, self.progress)
            with self.progress.phase("pulumi up") as phase:
                workspace = self.workspace(programs)
                workspace.prepare(self.stack)
                self._pulumi_up(workspace, phase)
            answers = self._answers() if running else []
            simulated = [name for name in settings.models if name not in running]
            on_bought = self._placed(simulated, cluster) if simulated else []
        return Summary(
            instance=self.instance.name,
            arguments=self.instance.arguments,
            stack=self.stack,
            answers=answers,
            placed=on_bought,
            context=settings.context,
            kubeconfig=str(self.instance.kubeconfig),
            programs=[
                {
                    "name": engine.name,
                    "version": found.version,
                    "origin": found.origin,
                    "path": str(found.path),
                    "purpose": engine.purpose,
                }
                for engine, found in programs
            ],
            seconds={phase.name: round(phase.seconds, 1) for phase in self.progress.phases},
        )

    def down(self) -> None:
        """Remove everything the instance has on this machine; caches stay.

        Raises:
            InstanceError: Something could not be ended or removed.
        """
        with self.instance.exclusively("down"):
            Cluster(self.instance, Programs(), self.progress).down()

    def settings(self) -> Settings:
        """The stack file, checked."""
        return load_file(stacks.file_of(self.stack, self.checkout, fault=InstanceError))

    def workspace(self, programs: Programs) -> Workspace:
        """The Pulumi side of the instance."""
        pulumi, executor = programs.path("pulumi"), programs.path("pulumi-language-python-exec")
        return Workspace(self.instance, pulumi=pulumi, executor=executor, checkout=self.checkout)

    def _builds(self, settings: Settings, programs: Programs) -> list[bento.Build]:
        models = [name for name, model in settings.models.items() if model.image == BUILT]
        if not models:
            return []
        return [bento.ensure(model, programs, self.progress, checkout=self.checkout) for model in models]

    def _tell_images(self, images: dict[str, dict[str, str]]) -> None:
        """Let the AWS endpoint hold what the registries of other accounts hold."""
        try:
            endpoint.tell_images(f"http://127.0.0.1:{self.instance.ports()['aws']}", images)
        except (httpx.HTTPError, ValueError) as error:
            msg = f"the AWS endpoint did not take the images of other registries: {error}"
            down = f"`slipway down {self.instance.arguments}`"
            remedy = f"look at {self.instance.logs / 'aws.log'}; one that an older version started ends with {down}"
            raise InstanceError(msg, remedy=remedy) from error

    def _pulumi_up(self, workspace: Workspace, phase: Phase) -> None:
        words = ("up", "--yes", "--skip-preview", "--stack", self.stack, "--color", "never")
        workspace.wait_for_engines(phase.note)
        try:
            said = workspace.pulumi_command(*words, on_line=phase.note)
        except CommandError as error:
            msg = f"`pulumi up` failed:\n{_diagnostics(error.output)}"
            shell = f'eval "$(slipway env {self.instance.arguments})"'
            remedy = f"to look closer, run `{shell}` and `pulumi up --stack {self.stack}`"
            raise InstanceError(msg, remedy=remedy) from error
        counts = said.rpartition("Resources:\n")[2].split("\n\n")[0]
        phase.detail = ", ".join(" ".join(line.split()) for line in counts.splitlines())

    def _answers(self) -> list[Answer]:
        """Ask every model its example at its address on this machine, and hold it to the answer."""
        ports = self.instance.model_ports()
        with self.progress.phase("first answer") as phase:
            return [self._answer(name, f"http://127.0.0.1:{port}", phase) for name, port in ports.items()]

    def _placed(self, models: list[str], cluster: Cluster) -> list[Placed]:
        """Where the pods of models are that no node here executes."""
        with self.progress.phase("pods on bought nodes") as phase, cluster.client() as client:
            nodes = list(client.list(Node))
            found = [
                placed(name, client.list(Pod, namespace=NAMESPACE, labels={NAME_LABEL: name}), nodes) for name in models
            ]
            phase.detail = f"{sum(each.pods for each in found)} placed, none executed"
        return found

    def _answer(self, model: str, url: str, phase: Phase) -> Answer:
        phase.note(model)
        example = load_example(model, self.checkout)
        # The Service's endpoints are ready; the node's packet filter follows them within a second or two.
        # A machine that is busy coming up may be too late for the model's objective: that is told, and asked again.
        patiently = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(httpx.TransportError) | tenacity.retry_if_result(_asks_again),
            retry_error_callback=_last,
            wait=tenacity.wait_fixed(0.2),
            stop=tenacity.stop_after_delay(_ANSWER_SECONDS),
        )
        try:
            with httpx.Client(timeout=30, trust_env=False) as client:
                if example is None:
                    patiently(client.get, f"{url}/readyz").raise_for_status()
                    return Answer(model, url, "", {}, {})
                reply = patiently(client.post, f"{url}{example['path']}", json=example["request"])
                said = reply.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            msg = f"{model} does not answer at {url}: {error}"
            raise InstanceError(msg, remedy=f"look at {self.instance.logs}") from error
        answer = {key: said.get(key) for key in example["answer"]}
        if answer != example["answer"]:
            msg = f"{model} answered {answer} to its example, and {example['answer']} is right"
            raise InstanceError(msg, remedy=f"look at bentos/{model}")
        phase.detail = f"{model}: {json.dumps(answer)}"
        return Answer(model, url, example["path"], example["request"], answer)


def _asks_again(reply: httpx.Response) -> bool:
    return reply.status_code in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)


def _last(state: tenacity.RetryCallState) -> httpx.Response:
    """What was said last; raises what was raised."""
    return cast("tenacity.Future", state.outcome).result()  # type: ignore[no-any-return]


def bought_of(settings: Settings, delays: Delays) -> Bought | None:
    """What a stack's own nodes need; none where it buys none."""
    if not settings.capacity:
        return None
    known = Catalog.load().prices_json(settings.region)
    prices = {key: known[key] for key in ("on_demand", "spot")}
    return Bought(cluster=settings.context, region=settings.region, prices=prices, delays=delays)


def deliver(build: bento.Build, cluster: Cluster, progress: Progress) -> None:
    """Give the node of an instance the image of a build."""
    with progress.phase(f"image of {build.model} for {cluster.instance.name}") as phase:
        done = cluster.import_image(Path(build.archive), build.image)
        phase.detail = "imported into the node" if done else "in the node already"


def running_clusters(programs: Programs, progress: Progress, *, checkout: Path = paths.REPOSITORY) -> list[Cluster]:
    """The clusters of a checkout's instances that run now."""
    found: list[Cluster] = []
    for instance in instances():
        containerd = instance.supervisor.process("containerd")
        owner = instance.folder / "checkout"
        if containerd is not None and containerd.pid and owner.exists() and owner.read_text() == str(checkout):
            found.append(Cluster(instance, programs, progress))
    return found


def load_example(model: str, checkout: Path = paths.REPOSITORY) -> dict[str, Any] | None:
    """A request for a model with the answer it should get, where its bento ships one (`example.json`)."""
    file = checkout / "bentos" / model / "example.json"
    return dict(json.loads(file.read_text())) if file.exists() else None


def _diagnostics(output: str) -> str:
    """The part of the engine's output that says what went wrong."""
    tail = output.partition("Diagnostics:")[2] or output
    return "\n".join(f"  | {line}" for line in tail.strip().splitlines()[:40])
