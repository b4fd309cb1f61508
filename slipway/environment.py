"""From nothing to a prediction, and back: what `slipway up` and `slipway down` do, in order."""

import json
from dataclasses import dataclass
from pathlib import Path

import httpx
from lightkube.resources.core_v1 import Node, Pod

from infra.addons.gateway import port
from infra.catalog import Catalog
from infra.models.planning import BUILT, NAME_LABEL, NAMESPACE
from infra.settings import Settings, load_file
from slipway import paths, stacks
from slipway.answers import Answer, ask, doors
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
        if settings.gateway is not None:
            programs |= engines.ensure("gateway", self.progress)
        if settings.cache is not None:
            programs |= engines.ensure("cache", self.progress)
        if settings.scales:
            programs |= engines.ensure("serving", self.progress)
        with self.progress.phase("this kernel"):
            preflight.check_kernel(programs)
        with self.instance.exclusively("up"):
            self.instance.claim(self.checkout, self.stack)
            builds = self._builds(settings, programs)
            cluster = Cluster(self.instance, programs, self.progress)
            account = settings.account or self.instance.account
            running = [name for name, model in settings.models.items() if not model.pool]
            cluster.up(
                running,
                context=settings.context,
                account=account,
                bought=bought,
                gateway=port(settings.gateway) if settings.gateway else 0,
                caches=settings.cache is not None,
                scales=settings.scales,
            )
            self._tell_images(held_elsewhere(settings, account=account))
            for build in builds:
                deliver(build, cluster, self.progress)
            with self.progress.phase("pulumi up") as phase:
                workspace = self.workspace(programs)
                workspace.prepare(self.stack)
                self._pulumi_up(workspace, phase)
            answers = self._answers(settings, running, cluster) if running else []
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

    def _answers(self, settings: Settings, running: list[str], cluster: Cluster) -> list[Answer]:
        """Ask every model its example as a client would, and hold it to the answer."""
        found: list[Answer] = []
        with self.progress.phase("first answer") as phase:
            for door in doors(settings, running, self.instance, cluster.client):
                phase.note(door.model)
                answer = ask(door, logs=self.instance.logs, checkout=self.checkout)
                phase.detail = f"{door.model}: {json.dumps(answer.answer)}"
                found.append(answer)
        return found

    def _placed(self, models: list[str], cluster: Cluster) -> list[Placed]:
        """Where the pods of models are that no node here executes."""
        with self.progress.phase("pods on bought nodes") as phase, cluster.client() as client:
            nodes = list(client.list(Node))
            found = [
                placed(name, client.list(Pod, namespace=NAMESPACE, labels={NAME_LABEL: name}), nodes) for name in models
            ]
            phase.detail = f"{sum(each.pods for each in found)} placed, none executed"
        return found


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


def _diagnostics(output: str) -> str:
    """The part of the engine's output that says what went wrong."""
    tail = output.partition("Diagnostics:")[2] or output
    return "\n".join(f"  | {line}" for line in tail.strip().splitlines()[:40])
