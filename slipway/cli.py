"""The `slipway` command. Thin: every command is a few calls into the rooms behind it."""

import json
import shlex
import signal
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import Annotated, Any, ParamSpec

import typer
from rich.console import Console

from infra.settings import SettingsError
from slipway import screens
from slipway.errors import InstanceError, SlipwayError
from slipway.progress import CONSOLE, Progress

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

Stack = Annotated[str, typer.Argument(help="The stack: stacks/Pulumi.<STACK>.yaml.")]
Name = Annotated[str, typer.Option("--as", help="Name of the instance; by default the stack's.", metavar="NAME")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def _told(command: Callable[P, None]) -> Callable[P, None]:
    """Say what went wrong without a traceback; exit 1 for a fault, 2 for a wrong stack file, 130 when interrupted."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        # A terminal that goes away ends a command like Ctrl-C does: what it began is put in order.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            command(*args, **kwargs)
        except SettingsError as error:
            CONSOLE.print(f"error: {error}", style="red", markup=False)
            raise typer.Exit(2) from error
        except SlipwayError as error:
            CONSOLE.print(f"error: {error}", style="red", markup=False)
            raise typer.Exit(1) from error
        except KeyboardInterrupt as error:
            CONSOLE.print("interrupted; run the same command again to go on, or `slipway down` to remove everything")
            raise typer.Exit(130) from error

    return run


@app.command()
@_told
def up(stack: Stack = "local", name: Name = "", as_json: Json = False) -> None:
    """Bring a stack up on this machine, to a prediction. Repeating it mends what is not as it should be.

    Examples:
      slipway up                     the local stack
      slipway up local --as second   the same stack a second time, apart from the first
      slipway up --json              for scripts
    """
    from slipway.embedded.instance import Instance
    from slipway.environment import Environment

    summary = Environment(Instance(name or stack), stack, Progress(quiet=as_json)).up()
    if as_json:
        OUT.print_json(json.dumps(asdict(summary)))
    else:
        screens.show(OUT, summary)


@app.command()
@_told
def down(stack: Stack = "local", name: Name = "") -> None:
    """Remove an instance: processes, network, mounts, files. Engines and images stay in the cache.

    Examples:
      slipway down                   what `slipway up` started
      slipway down local --as second
    """
    from slipway.embedded.instance import Instance
    from slipway.environment import Environment

    instance = Instance(name or stack)
    if not instance.exists():
        CONSOLE.print(f"nothing of {instance.name} is on this machine")
        return
    Environment(instance, stack, Progress()).down()
    CONSOLE.print(f"{instance.name} is gone; this machine is as it was, but for caches and installed packages")


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

    instance = Instance(name or stack)
    if instance.supervisor.process("machine") is None:
        typer.echo("false")  # so that the shell's `eval` fails, too
        msg = f"the instance {instance.name} does not run"
        raise InstanceError(msg, remedy=f"run `slipway up {stack}`")
    workspace = Environment(instance, stack, Progress(quiet=True)).workspace(Programs(needed("up")))
    for key, value in workspace.environment().items():
        typer.echo(f"export {key}={shlex.quote(value)}")


@app.command()
@_told
def build(
    models: Annotated[list[str], typer.Argument(help="Bentos: folders of bentos/.", metavar="BENTO...")],
    as_json: Json = False,
) -> None:
    """Train bentos to their gates, build them, and make their images.

    Examples:
      slipway build digits
    """
    from slipway.building import bento
    from slipway.building.base import Builder
    from slipway.engines.build import ensure

    progress = Progress(quiet=as_json)
    builder = Builder(ensure("build", progress))
    builds = [bento.ensure(model, builder, progress) for model in models]
    if as_json:
        OUT.print_json(json.dumps([asdict(each) for each in builds]))
        return
    for each in builds:
        OUT.print(f"{each.model}: {each.image} ({each.unpacked_bytes / 1e6:.0f} MB unpacked)")


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
    """Install or build every program that is missing."""
    from slipway.engines.build import ensure

    ensure("up", Progress())


@engines_app.command("clean")
@_told
def engines_clean() -> None:
    """Remove built programs that no pin names any more."""
    from slipway.engines.build import clean

    for folder in clean():
        CONSOLE.print(f"removed {folder}")


def main() -> None:
    """Run the command line."""
    app(prog_name="slipway")
