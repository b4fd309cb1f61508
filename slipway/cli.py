"""The `slipway` command. Thin: every command is a few calls into the rooms behind it."""

import json
import os
import shlex
import signal
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, ParamSpec

import typer
from rich.console import Console

from infra.settings import SettingsError
from slipway import screens
from slipway.errors import InstanceError, SlipwayError
from slipway.progress import CONSOLE, Progress

if TYPE_CHECKING:
    from slipway.building import unpacked as unpacking
    from slipway.building.push import Pusher

P = ParamSpec("P")
OUT = Console(highlight=False, soft_wrap=True)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Prove a stack on one machine before it meets a cloud.",
)
engines_app = typer.Typer(no_args_is_help=True, help="The real programs Slipway runs.")
app.add_typer(engines_app, name="engines")
catalog_app = typer.Typer(no_args_is_help=True, help="Instance types, zones and prices.")
app.add_typer(catalog_app, name="catalog")

Stack = Annotated[str, typer.Argument(help="The stack: stacks/Pulumi.<STACK>.yaml.")]
Name = Annotated[str, typer.Option("--as", help="Name of the instance; by default the stack's.", metavar="NAME")]
ModeOption = Annotated[
    Literal["node", "processes"] | None,
    typer.Option(
        "--mode", help="How it is on this machine: with a real node, or as ordinary processes; chosen if absent."
    ),
]
ContextOption = Annotated[
    str,
    typer.Option(help="Use the cluster of this kubeconfig context, on this machine, instead.", metavar="NAME"),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def _told(command: Callable[P, None]) -> Callable[P, None]:
    """Say what went wrong without a traceback; exit 1 for a fault, 2 for a wrong stack file, 130 when interrupted."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        # However a command is told to end, it ends as with Ctrl-C: what it began is put in order.
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        try:
            command(*args, **kwargs)
        except SettingsError as error:
            CONSOLE.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
            raise typer.Exit(2) from error
        except SlipwayError as error:
            CONSOLE.print(f"error: {error}", style="red", markup=False, soft_wrap=True)
            raise typer.Exit(1) from error
        except KeyboardInterrupt as error:
            CONSOLE.print("interrupted; run the same command again to go on, or `slipway down` with the same arguments")
            raise typer.Exit(130) from error

    return run


@app.command()
@_told
def up(
    stack: Stack = "local",
    name: Name = "",
    mode: ModeOption = None,
    context: ContextOption = "",
    as_json: Json = False,
) -> None:
    """Bring a stack up on this machine, to a prediction. Repeating it mends what is not as it should be.

    As root, where namespaces and mounts are allowed, it has a real node, and pods are containers. Elsewhere the same
    programs are ordinary processes on the loopback, and so are the models; what that does not show is said.

    With --context, the stack is deployed to a cluster that this machine has already, as of kind or k3d, or
    to that of another instance: nothing but the AWS endpoint is started, images go to slipway:cluster.registry, and
    `slipway down` removes from the cluster what was made there. What others made there is never changed.

    Examples:
      slipway up                          the local stack
      slipway up --mode processes         without a node, also where there could be one
      slipway up local --as second        the same stack a second time, apart from the first
      slipway up team --context kind-dev  the stack `team`, in a cluster of kind
      slipway up --json                   for scripts
    """
    from slipway.embedded.instance import Instance
    from slipway.embedded.modes import Mode
    from slipway.environment import Environment

    if mode and context:
        msg = "--mode and --context are given, and a cluster that exists is a mode of its own"
        raise InstanceError(msg, remedy="leave one of them out")
    asked = Mode(mode) if mode else None
    summary = Environment(Instance(name or stack), stack, Progress(quiet=as_json), mode=asked, context=context).up()
    if as_json:
        OUT.print_json(json.dumps(asdict(summary)))
    else:
        screens.show(OUT, summary)


@app.command()
@_told
def down(
    stack: Stack = "local",
    name: Name = "",
    everything: Annotated[bool, typer.Option("--all", help="Every instance on this machine.")] = False,
    abandon: Annotated[bool, typer.Option("--abandon", help="Leave what it made in a cluster of others.")] = False,
) -> None:
    """Remove an instance: processes, network, mounts, files. Engines and images stay in the cache.

    Of one in a cluster of others (`slipway up --context`), what it made there is deleted first. Where that cluster is
    gone, or does not answer any more, --abandon removes the instance alone.

    Examples:
      slipway down                   what `slipway up` started
      slipway down local --as second
      slipway down --all             every instance that `slipway ps` lists
      slipway down team --abandon    without its cluster
    """
    from slipway.embedded.instance import Instance, instances
    from slipway.embedded.modes import Mode
    from slipway.environment import Environment

    wanted = instances() if everything else [Instance(name or stack)]
    # An instance in a cluster of others may be in that of one of these.
    wanted.sort(key=lambda instance: instance.mode is not Mode.CONTEXT)
    faults: list[SlipwayError] = []
    kept: set[int] = set()
    for instance in wanted:
        if not instance.exists():
            CONSOLE.print(f"nothing of {instance.name} is on this machine")
            continue
        if instance.mode is not Mode.CONTEXT and instance.ports().get("api") in kept:
            msg = f"{instance.name} stays, as another instance is in its cluster, and could not be removed from it"
            faults.append(InstanceError(msg, remedy=f"then run `slipway down {instance.arguments}`"))
            continue
        abandoned = abandon and instance.mode is Mode.CONTEXT
        try:
            Environment(instance, stack, Progress()).down(abandon=abandon)
        except SlipwayError as error:
            faults.append(error)
            if instance.mode is Mode.CONTEXT:
                kept.add(instance.ports().get("api", 0))
            continue
        if abandoned:
            CONSOLE.print(f"{instance.name} is gone; what it made in its cluster is still there, and nobody's any more")
            continue
        CONSOLE.print(f"{instance.name} is gone; this machine is as it was, but for caches and installed packages")
    if everything and not wanted:
        CONSOLE.print("no instance is on this machine")
    if faults:
        remedies = dict.fromkeys(fault.remedy for fault in faults)
        raise InstanceError("\n".join(fault.what for fault in faults), remedy="\n    ".join(remedies))


@app.command()
@_told
def env(stack: Stack = "local", name: Name = "") -> None:
    """Print what a shell needs for a literal `pulumi up` against an instance.

    Examples:
      eval "$(slipway env local)"
      pulumi preview --stack local
    """
    from slipway.embedded.instance import Instance
    from slipway.engines.locate import Programs, needed
    from slipway.environment import Environment
    from slipway.plugins.credentials import REAL_VARIABLES

    instance = Instance(name or stack)
    if instance.supervisor.process("aws") is None:
        typer.echo("false")  # so that the shell's `eval` fails, too
        msg = f"the instance {instance.name} does not run"
        raise InstanceError(msg, remedy=f"run `slipway up {stack}{f' --as {name}' if name else ''}`")
    workspace = Environment(instance, stack, Progress(quiet=True)).workspace(Programs(needed("up")))
    typer.echo(f"unset {' '.join(REAL_VARIABLES)}")
    for key, value in workspace.environment().items():
        typer.echo(f"export {key}={shlex.quote(value)}")


@app.command()
@_told
def build(
    models: Annotated[list[str], typer.Argument(help="Bentos: folders of bentos/.", metavar="BENTO...")],
    push: Annotated[bool, typer.Option("--push", help="Push the images to the registry of the stack that has one.")] = (
        False
    ),
    stack: Annotated[str, typer.Option(help="Whose registry, where several stacks have one.", metavar="NAME")] = "",
    as_json: Json = False,
) -> None:
    """Train bentos to their gates, build them, make their images, and give them to the instances that run.

    Where this user cannot make images, and for instances without a node, a built Bento is unpacked beside what it
    requires, and run as it lies.

    With --push, the images go to the registry of the stack with `slipway:registry`, with the credentials at hand, and
    the line for the stack file of an environment is printed. In the shell of `slipway env shared` that is the
    registry of the instance.

    Examples:
      slipway build digits
      slipway build digits --push            builds, pushes, and prints the line: image: …/digits@sha256:…
      slipway build digits --push --json     for scripts
    """
    from slipway.embedded.choosing import of_machine
    from slipway.embedded.modes import Mode
    from slipway.environment import deliver_images, deliver_unpacked

    progress = Progress(quiet=as_json)
    pusher = _pusher(models, stack, progress) if push else None
    makes_images = push or of_machine() is Mode.NODE
    unpacked = deliver_unpacked(models, progress, is_wanted=not makes_images)
    if not makes_images:
        _told_unpacked(unpacked, as_json=as_json)
        return
    builds = deliver_images(models, progress)
    if pusher is not None:
        pushed = [pusher.push(made) for made in builds]
        if as_json:
            OUT.print_json(json.dumps([asdict(each) for each in pushed]))
        else:
            screens.pushed(OUT, pushed)
        return
    if as_json:
        OUT.print_json(json.dumps([asdict(each) for each in builds]))
        return
    for each in builds:
        OUT.print(f"{each.model}: {each.image} ({each.unpacked_bytes / 1e6:.0f} MB unpacked)")


def _told_unpacked(builds: "list[unpacking.Build]", *, as_json: bool) -> None:
    if as_json:
        OUT.print_json(json.dumps([asdict(each) for each in builds]))
        return
    for each in builds:
        OUT.print(f"{each.model}: {each.image} (unpacked in {each.folder}: images cannot be made here)")


def _pusher(models: list[str], stack: str, progress: Progress) -> "Pusher":
    """What pushes these models: nothing is built for a registry that would not take it."""
    from slipway.building.bento import bentofile
    from slipway.building.push import Pusher
    from slipway.building.registry import registry_of

    for model in models:
        bentofile(model)  # refuses a name that is none
    pusher = Pusher(registry_of(stack), progress)
    pusher.check(models)
    return pusher


@app.command()
@_told
def check(
    stack: Annotated[str, typer.Argument(help="Only this stack; by default all that stacks/ has.")] = "",
    as_json: Json = False,
) -> None:
    """Say everything that is wrong with the stack files, without running anything. Exit 1 when something is.

    Examples:
      slipway check                  every stack file, what it refers to, and the editors' schema
      slipway check local            one of them
      slipway check --json           for scripts
    """
    from slipway.checking import check as look

    report = look(stack)
    if as_json:
        OUT.print_json(json.dumps(asdict(report)))
    else:
        for each in report.found:
            typer.echo(str(each))
        CONSOLE.print(report.sum, markup=False)
    if report.found:
        raise typer.Exit(1)


@app.command()
@_told
def ps(as_json: Json = False) -> None:
    """List instances and their processes."""
    from slipway.embedded.instance import instances

    found = {instance: instance.supervisor.processes() for instance in instances()}
    if as_json:
        OUT.print_json(json.dumps({i.name: [asdict(each) for each in all_] for i, all_ in found.items()}))
    else:
        screens.processes(OUT, found)


@app.command()
@_told
def logs(
    process: Annotated[str, typer.Argument(help="As in `slipway ps`.")], stack: Stack = "local", name: Name = ""
) -> None:
    """Print the last lines of a process's log, and where the rest is."""
    from slipway.embedded.instance import Instance

    folder = Instance(name or stack).logs
    file = folder / f"{process}.log"
    if not file.exists():
        have = ", ".join(sorted(each.stem for each in folder.glob("*.log"))) or "none"
        msg = f"there is no log of {process!r}"
        raise InstanceError(msg, remedy=f"logs here: {have}")
    typer.echo("".join(file.read_text(errors="replace").splitlines(keepends=True)[-100:]), nl=False)
    CONSOLE.print(f"({file})", style="dim")


@engines_app.command("list")
@_told
def engines_list(as_json: Json = False) -> None:
    """Show every program: what is found, what would be built, what was passed over and why."""
    from slipway.engines.locate import locate
    from slipway.engines.table import ENGINES

    located = [locate(entry) for entry in ENGINES]
    if as_json:
        rows: list[dict[str, Any]] = [
            {
                "name": each.engine.name,
                "purpose": each.engine.purpose,
                "needed_by": sorted(each.engine.needed_by),
                "found": None if each.found is None else {k: str(v) for k, v in asdict(each.found).items()},
                "passed": [{"path": str(p.path), "reason": p.reason} for p in each.passed],
            }
            for each in located
        ]
        OUT.print_json(json.dumps(rows))
    else:
        screens.engines(OUT, located)


@engines_app.command("build")
@_told
def engines_build() -> None:
    """Install or build every program that is missing. Without root, what only Debian has is named and left out.

    With SLIPWAY_ENGINES naming a pack (`slipway engines pack`) by path or URL, what fits this checkout's pins is taken
    from it, after its checksums were checked, and only the rest is built; `slipway up` does the same. The checksums
    find damage on the way; only #sha256=, from somebody you trust, says which pack is meant.

    Examples:
      slipway engines build
      SLIPWAY_ENGINES=/mnt/team/engines.tar.xz slipway engines build
      SLIPWAY_ENGINES=https://HOST/engines.tar.xz#sha256=HEX slipway up
    """
    from slipway.engines.build import ensure
    from slipway.engines.entries import OF_SOME_STACKS
    from slipway.engines.locate import needed

    progress = Progress()
    installs = os.geteuid() == 0
    lacking: set[str] = set()
    for command in ("up", *OF_SOME_STACKS, "test"):
        ensure(command, progress, installs=installs)
        lacking |= {each.engine.debian for each in needed(command) if each.found is None}
    if lacking:
        CONSOLE.print(f"not installed, as only root may: {', '.join(sorted(lacking))}; what needs them is left out")


@engines_app.command("pack")
@_told
def engines_pack(
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The file to write, or the folder to write it into.", metavar="FILE"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Pack the built programs into one archive, so that a team builds once.

    The same programs make the same bytes. Give the others the printed line: SLIPWAY_ENGINES makes their `slipway up`
    use the pack, and its #sha256= holds them to this very one. Without it they trust whoever can write where it lies.

    Examples:
      slipway engines pack
      slipway engines pack -o /mnt/team/engines.tar.xz
      slipway engines pack --json    for scripts
    """
    from slipway.engines import pack

    written = pack.write(output or Path(pack.default_name()), Progress(quiet=as_json))
    if as_json:
        OUT.print_json(json.dumps(written.to_json()))
    else:
        screens.pack(OUT, written)


@engines_app.command("clean")
@_told
def engines_clean() -> None:
    """Remove built programs that no pin names any more, and what killed builds and downloads left."""
    from slipway.engines.cache import clean

    for each in clean():
        CONSOLE.print(f"removed {each}")


@catalog_app.command("show")
@_told
def catalog_show(
    names: Annotated[list[str], typer.Argument(help="Types, families or GPU models.", metavar="TYPE...")],
    region: Annotated[str, typer.Option(help="Whose zones and prices; by default the first with prices.")] = "",
    as_json: Json = False,
) -> None:
    """Show what the catalog has of instance types: shape, what is left for pods, zones, prices and their dates.

    Examples:
      slipway catalog show m7i.large
      slipway catalog show g6 l40s --region us-west-2
      slipway catalog show h100 --json
    """
    from slipway.catalog import show

    listing = show(names, region)
    if as_json:
        OUT.print_json(json.dumps(asdict(listing)))
    else:
        OUT.print(listing.table())


@catalog_app.command("refresh")
@_told
def catalog_refresh(
    regions: Annotated[
        list[str] | None, typer.Argument(help="Regions; by default all it has.", metavar="[REGION]...")
    ] = None,
) -> None:
    """Renew the catalog from AWS, with the credentials at hand. It reads only; review the difference and commit it.

    Examples:
      slipway catalog refresh
      slipway catalog refresh eu-north-1     adds a region, or renews it
    """
    from slipway.catalog import refresh

    changed = refresh(regions or (), Progress())
    CONSOLE.print(f"changed: {', '.join(changed)}" if changed else "nothing has changed")


def main() -> None:
    """Run the command line."""
    app(prog_name="slipway")
