"""From nothing to a prediction, and back: what `slipway up` and `slipway down` do, in order."""

import json
from dataclasses import dataclass
from pathlib import Path

import httpx
from lightkube.resources.core_v1 import Node, Pod

from infra.addons.gateway import port
from infra.catalog import Catalog
from infra.models.planning import BUILT, NAME_LABEL
from infra.settings import ExistingCluster, Settings, load_file
from slipway import paths, stacks
from slipway.answers import Answer, ask, doors
from slipway.borrowed import asking, images, remains
from slipway.borrowed import way as ways
from slipway.borrowed.cluster import BorrowedCluster
from slipway.borrowed.record import Record, find_again, forget, leading_back
from slipway.borrowed.way import Way
from slipway.building import bento, unpacked
from slipway.building.elsewhere import held_elsewhere
from slipway.embedded import preflight
from slipway.embedded.aws import endpoint
from slipway.embedded.choosing import NOT_SHOWN, choose
from slipway.embedded.cluster import Bought, Cluster
from slipway.embedded.fleet.delays import Delays
from slipway.embedded.fleet.placed import Placed, placed
from slipway.embedded.instance import Instance, instances
from slipway.embedded.modes import Mode
from slipway.embedded.plane import Plane
from slipway.embedded.processes.cluster import ProcessCluster
from slipway.engines import build as engines
from slipway.engines.entries import Command
from slipway.engines.locate import Programs, needed
from slipway.errors import CommandError, InstanceError, SlipwayError
from slipway.plugins.kubernetes.cluster import ClusterError
from slipway.plugins.kubernetes.waiting import NotReadyError
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
        mode: How the instance is on this machine.
        why: Why it is in that mode.
        not_shown: What this mode is no evidence of.
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
    mode: str = Mode.NODE
    why: str = ""
    not_shown: tuple[str, ...] = ()


class Environment:
    """A stack on this machine.

    Args:
        instance: Where it runs.
        stack: Which stack.
        progress: Where phases are told.
        checkout: The repository.
        delays: Modelled times of bought nodes; as in the cloud when none are given.
        mode: How the instance must be on this machine; chosen when none is given.
        context: The kubeconfig context of a cluster of others that it must be in, if any; that is a mode of its own.
    """

    def __init__(
        self,
        instance: Instance,
        stack: str,
        progress: Progress,
        *,
        checkout: Path = paths.REPOSITORY,
        delays: Delays | None = None,
        mode: Mode | None = None,
        context: str = "",
    ) -> None:
        """Nothing is started."""
        self.instance = instance
        self.stack = stack
        self.progress = progress
        self.checkout = checkout
        self.delays = delays or Delays()
        self.asked = Mode.CONTEXT if context else mode
        self.context = context

    def up(self) -> Summary:
        """Bring everything up, or back up, and answer once per model that runs here.

        Raises:
            SettingsError: The stack file is wrong; nothing was started.
            SlipwayError: A phase failed; the message says what to do.
        """
        settings = self.settings()
        with self.progress.phase("this machine") as phase:
            preflight.check(self.instance)
            choice = choose(self.instance, settings, stack=self.stack, asked=self.asked)
            way = self._way() if choice.mode is Mode.CONTEXT else None
            phase.detail = f"mode {choice.mode}: {choice.why}"
        programs = self._programs(settings, choice.mode)
        running = [name for name, model in settings.models.items() if not model.pool]
        record = self._look_around(settings, way) if way is not None else None
        with self.instance.exclusively("up"):
            self.instance.claim(self.checkout, self.stack)
            if record is not None and (not self.instance.settled or self.instance.mode is Mode.CONTEXT):
                record = record.keep(self.instance)  # before the mode: one without it would be in nobody's cluster
            self.instance.settle(choice.mode)
            if way is not None and record is not None:
                cluster: Plane = self._up_in_a_context(settings, programs, way, record)
            elif choice.mode is Mode.PROCESSES:
                cluster = self._up_as_processes(settings, programs, running)
            else:
                cluster = self._up_with_a_node(settings, programs, running)
            with self.progress.phase("pulumi up") as phase:
                workspace = self.workspace(programs)
                workspace.prepare(self.stack)
                self._pulumi_up(workspace, phase)
            answers = self._answers(settings, running, cluster, way) if running else []
            simulated = [name for name in settings.models if name not in running]
            on_bought = self._placed(simulated, cluster, settings.namespace) if simulated else []
        return Summary(
            instance=self.instance.name,
            arguments=self.instance.arguments,
            stack=self.stack,
            answers=answers,
            placed=on_bought,
            mode=choice.mode,
            why=choice.why,
            not_shown=NOT_SHOWN.get(choice.mode, ()),
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

    def down(self, *, abandon: bool = False) -> None:
        """Remove everything the instance has on this machine, and in a cluster of others; caches stay.

        Args:
            abandon: Whether what it has in a cluster of others stays there.

        Raises:
            InstanceError: Something could not be ended or removed.
        """
        with self.instance.exclusively("down"):
            if self.instance.mode is Mode.CONTEXT and not abandon:
                self._destroy()
            Plane(self.instance, Programs(), self.progress).down()

    def settings(self) -> Settings:
        """The stack file, checked."""
        return load_file(stacks.file_of(self.stack, self.checkout, fault=InstanceError))

    def workspace(self, programs: Programs) -> Workspace:
        """The Pulumi side of the instance."""
        pulumi, executor = programs.path("pulumi"), programs.path("pulumi-language-python-exec")
        return Workspace(self.instance, pulumi=pulumi, executor=executor, checkout=self.checkout)

    def _way(self) -> Way:
        """The way into the cluster of others: of the context that is asked for, or of the one it is in."""
        record = None if self.context else Record.of(self.instance)
        if record is None:
            return ways.find(self.context)
        return next(find_again(record, self.instance), None) or ways.find(record.context)

    def _programs(self, settings: Settings, mode: Mode) -> Programs:
        """Everything that the stack is run with in a mode."""
        wanted: dict[Command, object] = {
            "up": True,
            "capacity": settings.capacity,
            "gateway": settings.gateway,
            "cache": settings.cache,
            "serving": settings.scales,
        }
        if mode is Mode.PROCESSES:
            wanted = {"processes": True, "processes-gateway": settings.gateway}
        if mode is Mode.CONTEXT:
            wanted = {"context": True, "context-images": _built_here(settings), "build": _built_here(settings)}
        programs = Programs()
        for command, is_wanted in wanted.items():
            if is_wanted:
                programs |= engines.ensure(command, self.progress)
        return programs

    def _up_with_a_node(self, settings: Settings, programs: Programs, running: list[str]) -> Cluster:
        with self.progress.phase("this kernel"):
            preflight.check_kernel(programs)
        builds = [
            bento.ensure(model, programs, self.progress, checkout=self.checkout) for model in _built_here(settings)
        ]
        cluster = Cluster(self.instance, programs, self.progress)
        account = settings.account or self.instance.account
        cluster.up(
            running,
            context=settings.context,
            account=account,
            namespace=settings.namespace,
            bought=bought_of(settings, self.delays),
            gateway=port(settings.gateway) if settings.gateway else 0,
            caches=settings.cache is not None,
            scales=settings.scales,
        )
        self._tell_images(held_elsewhere(settings, account=account))
        for build in builds:
            deliver(build, cluster, self.progress)
        return cluster

    def _up_as_processes(self, settings: Settings, programs: Programs, running: list[str]) -> ProcessCluster:
        builds = [unpacked.ensure(model, self.progress, checkout=self.checkout) for model in _built_here(settings)]
        cluster = ProcessCluster(self.instance, programs, self.progress)
        cluster.up(
            running,
            context=settings.context,
            account=settings.account or self.instance.account,
            region=settings.region,
            gateway=port(settings.gateway) if settings.gateway else 0,
        )
        cluster.deliver(builds)
        return cluster

    def _up_in_a_context(self, settings: Settings, programs: Programs, way: Way, record: Record) -> BorrowedCluster:
        cluster = BorrowedCluster(self.instance, programs, self.progress)
        cluster.up(way, record)
        self._tell_images(held_elsewhere(settings, account=record.account))
        for model in _built_here(settings):
            build = bento.ensure(model, programs, self.progress, checkout=self.checkout)
            pushed = images.push(build, _registry(settings), programs, self.progress)
            bento.write_lock(pushed, self.instance.builds)
        return cluster

    def _look_around(self, settings: Settings, way: Way) -> Record:
        """See that the cluster of others and its registry would take the stack, before anything is started."""
        with self.progress.phase(f"the cluster of {way.context}"):
            namespace, before = settings.namespace, Record.of(self.instance)
            record = Record(
                context=way.context,
                kubeconfig=str(way.kubeconfig),
                cluster=way.cluster(),
                called=(settings.context,),
                account=settings.account or self.instance.account,
                namespaces=(namespace,),
            )
            if before is not None:
                before.hold_to(record.context, record.cluster, self.instance)
            is_ours = before is not None and namespace in before.namespaces
            if not is_ours and way.namespace(namespace) is not None:
                msg = f"the cluster of {way.context} has a namespace {namespace}, which others made"
                where = f"slipway:cluster.namespace in stacks/Pulumi.{self.stack}.yaml"
                raise InstanceError(msg, remedy=f"write another one as {where}; nothing was started")
            if _built_here(settings):
                images.check(_registry(settings))
        return record

    def _destroy(self) -> None:
        """Delete what the stack has in a cluster of others; what was never deployed needs nothing."""
        record = Record.of(self.instance)
        if record is None:
            return
        self.stack = self.instance.stack
        anyway = f"or, to leave there what it has, run `slipway down {self.instance.arguments} --abandon`"
        try:
            with self.progress.phase(f"the cluster of {record.context}"):
                way = leading_back(record, self.instance)
            workspace = self.workspace(Programs(needed("context")))
            BorrowedCluster(self.instance, Programs(), self.progress).up(way, record)
            with self.progress.phase("pulumi destroy") as phase:
                project = workspace.project_name()
                if workspace.has(self.stack):
                    workspace.wait_for_engines(phase.note)
                    words = ("destroy", "--yes", "--skip-preview", "--remove", "--stack", self.stack)
                    said = workspace.pulumi_command(*words, "--color", "never", on_line=phase.note, as_it_was=True)
                    phase.detail = _counts(said)
                mark = self.instance.mark
                more = remains.remove(way, record, stack=self.stack, project=project, mark=mark) if project else []
                if more:
                    phase.detail += f"; namespace {', '.join(more)}, which was not recorded"
        except CommandError as error:
            lines = _diagnostics(error.output)
            msg = f"`pulumi destroy` failed, so that what is in the cluster is still there:\n{lines}"
            raise InstanceError(msg, remedy=f"see that the cluster runs, and run this again,\n    {anyway}") from error
        except (ClusterError, NotReadyError) as error:
            msg = f"not all of it could be deleted: {error}"
            raise InstanceError(msg, remedy=f"see that the cluster runs, and run this again,\n    {anyway}") from error
        except SlipwayError as error:
            raise InstanceError(error.what, remedy=f"{error.remedy}\n    {anyway}") from error
        forget(self.instance)

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
        phase.detail = _counts(said)

    def _answers(self, settings: Settings, running: list[str], cluster: Plane, way: Way | None) -> list[Answer]:
        """Ask every model its example as a client would, and hold it to the answer."""
        found: list[Answer] = []
        with self.progress.phase("first answer") as phase:
            if way is not None:
                where = asking.doors(settings, running, self.instance, way)
            else:
                where = doors(settings, running, self.instance, cluster.client)
            for door in where:
                phase.note(door.model)
                answer = ask(door, logs=self.instance.logs, checkout=self.checkout)
                phase.detail = f"{door.model}: {json.dumps(answer.answer)}"
                found.append(answer)
        return found

    def _placed(self, models: list[str], cluster: Plane, namespace: str) -> list[Placed]:
        """Where the pods of models are that no node here executes."""
        with self.progress.phase("pods on bought nodes") as phase, cluster.client() as client:
            nodes = list(client.list(Node))
            found = [
                placed(name, client.list(Pod, namespace=namespace, labels={NAME_LABEL: name}), nodes) for name in models
            ]
            phase.detail = f"{sum(each.pods for each in found)} placed, none executed"
        return found


def _built_here(settings: Settings) -> list[str]:
    """The models whose image is what was built last on this machine."""
    return [name for name, model in settings.models.items() if model.image == BUILT]


def _registry(settings: Settings) -> str:
    """Where the nodes of a cluster of others pull from; empty where the stack file does not say."""
    return (settings.cluster.registry if isinstance(settings.cluster, ExistingCluster) else None) or ""


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


def deliver_images(models: list[str], progress: Progress) -> list[bento.Build]:
    """Make images of bentos, and give them to the instances with a node that run."""
    programs = engines.ensure("build", progress)
    builds = [bento.ensure(model, programs, progress) for model in models]
    for instance in running_in(Mode.NODE):
        for made in builds:
            deliver(made, Cluster(instance, programs, progress), progress)
    return builds


def deliver_unpacked(models: list[str], progress: Progress, *, is_wanted: bool) -> list[unpacked.Build]:
    """Unpack bentos, and tell the instances of processes that run; without any, only if it is wanted."""
    there = running_in(Mode.PROCESSES)
    builds = [unpacked.ensure(model, progress) for model in models] if there or is_wanted else []
    for instance in there:
        ProcessCluster(instance, Programs(), progress).deliver(builds)
    return builds


def running_in(mode: Mode, *, checkout: Path = paths.REPOSITORY) -> list[Instance]:
    """The instances of a checkout that run now in a mode."""
    there = (instance for instance in instances() if instance.mode is mode)
    return [instance for instance in there if instance.is_up and instance.checkout == str(checkout)]


def _counts(said: str) -> str:
    """How many resources the engine says it has made, changed, deleted, or left as they were."""
    counts = said.rpartition("Resources:\n")[2].split("\n\n")[0]
    return ", ".join(" ".join(line.split()) for line in counts.splitlines())


def _diagnostics(output: str) -> str:
    """The part of the engine's output that says what went wrong."""
    tail = output.partition("Diagnostics:")[2] or output
    return "\n".join(f"  | {line}" for line in tail.strip().splitlines()[:40])
