"""What the commands show a person."""

import json
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from slipway.answers import Answer
from slipway.building.registry import Pushed
from slipway.embedded.fleet.placed import Placed
from slipway.embedded.instance import Instance
from slipway.embedded.modes import Mode
from slipway.embedded.supervisor.spec import Status
from slipway.engines.locate import Located
from slipway.engines.pack import Pack
from slipway.engines.source import VARIABLE
from slipway.environment import Summary


def show(out: Console, summary: Summary) -> None:
    """The one screen that `up` ends with."""
    for answer in summary.answers:
        out.print(f"\n[bold]{answer.model}[/]  {answer.url}")
        # Unwrapped and without a frame: it is there to be copied.
        out.print(_answer(answer), soft_wrap=True)
    for each in summary.placed:
        out.print(f"\n[bold]{each.model}[/]  {_placed(each)}", soft_wrap=True)
    out.print()
    built = [f"{p['name']} {p['version']}" for p in summary.programs if p["origin"] == "built"]
    packed = [f"{p['name']} {p['version']}" for p in summary.programs if p["origin"] == "pack"]
    found = [f"{p['path']} {p['version']}".strip() for p in summary.programs if p["origin"] == "path"]
    out.print(f"[bold]Built from pins[/] {', '.join(built) or 'nothing'}", soft_wrap=False)
    if packed:
        out.print(f"[bold]From a pack, built elsewhere[/] {', '.join(packed)}", soft_wrap=False)
    out.print(f"[bold]Found on this machine, and used[/] {', '.join(found) or 'nothing'}", soft_wrap=False)
    if summary.mode == Mode.PROCESSES:
        _processes(out, summary)
    elif summary.mode == Mode.CONTEXT:
        _context(out, summary)
    else:
        _node(out, summary)
    times = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in summary.seconds.items() if seconds >= 0.5)
    out.print(f"[bold]Time[/] {sum(summary.seconds.values()):.0f} s: {times}", soft_wrap=False)
    out.print(f'[bold]Next[/] eval "$({command()} env {summary.arguments})"')
    out.print(f"     pulumi preview --stack {summary.stack}")
    out.print(f"     {command()} ps · {command()} logs PROCESS · {command()} down {summary.arguments}")


def _processes(out: Console, summary: Summary) -> None:
    out.print(f"[bold]Mode[/] processes, on the loopback: {summary.why}", soft_wrap=False)
    out.print(
        "[bold]Real[/] the Pulumi engine, the Kubernetes control plane, Envoy, the models (their Bento, and what it "
        "requires). [bold]Stand-ins[/] the Pulumi plugins (offline ones of this project), AWS (moto, mended), the one "
        "Node (KWOK; pods that are no model's read Running, and nothing runs).",
        soft_wrap=False,
    )
    out.print(f"[bold]Not shown by this mode[/] {'; '.join(summary.not_shown)}", soft_wrap=False)


def _context(out: Console, summary: Summary) -> None:
    out.print(f"[bold]Mode[/] context, in a cluster of others: {summary.why}", soft_wrap=False)
    out.print(
        "[bold]Real[/] the Pulumi engine, that cluster and all that runs in it. [bold]Stand-ins[/] the Pulumi plugins "
        "(offline ones of this project), AWS (moto, mended).",
        soft_wrap=False,
    )
    out.print(f"[bold]Not shown by this mode[/] {'; '.join(summary.not_shown)}", soft_wrap=False)


def _node(out: Console, summary: Summary) -> None:
    simulated = ", the bought nodes (KWOK: pods are placed there, never executed)" if summary.placed else ""
    out.print(
        "[bold]Real[/] the Pulumi engine, the Kubernetes control plane, one node, the pods on it. "
        f"[bold]Stand-ins[/] the Pulumi plugins (offline ones of this project), AWS (moto, mended){simulated}. "
        "[bold]Not here[/] a cloud.",
        soft_wrap=False,
    )


def command() -> str:
    """How this command is called in the user's shell."""
    found = shutil.which("slipway")
    here = Path(sys.executable).parent / "slipway"
    if found and Path(found).resolve() == here.resolve():
        return "slipway"
    return str(here.relative_to(Path.cwd())) if here.is_relative_to(Path.cwd()) else str(here)


def _answer(answer: Answer) -> Text:
    if not answer.path:
        return Text("ready")
    body = json.dumps(answer.request, separators=(",", ":"))
    if answer.kubeconfig:
        path = httpx.URL(answer.url).path + answer.path
        command = f"echo '{body}' | kubectl --kubeconfig {answer.kubeconfig} create --raw {path} -f -"
        return Text.assemble((command, "cyan"), "\n→ ", (json.dumps(answer.answer), "bold green"))
    url, options = answer.url, "-s"
    if answer.url.startswith("https:"):
        options = "-sk"  # the certificate is signed by itself
    if answer.hostname:
        address = httpx.URL(url)
        url = url.replace(address.host, answer.hostname, 1)
        options += f" --resolve {answer.hostname}:{address.port}:{address.host}"
    headers = "".join(
        f" -H '{name}: {value}'" for name, value in {"content-type": "application/json", **answer.headers}.items()
    )
    command = f"curl {options} {url}{answer.path}{headers} -d '{body}'"
    return Text.assemble((command, "cyan"), "\n→ ", (json.dumps(answer.answer), "bold green"))


def _placed(placed: Placed) -> str:
    nodes = ", ".join(f"{count} × {kind}" for kind, count in placed.nodes.items()) or "no node"
    pods = f"{placed.pods} pod{'s' * (placed.pods != 1)}"
    return f"{pods} placed on {nodes}; not executed here, as bought nodes are simulated, so nothing was asked"


def pushed(out: Console, images: list[Pushed]) -> None:
    """What was pushed, each with its line for the stack file."""
    for each in images:
        if each.is_other_build:
            said = "the registry had these sources already, from another build; its image is"
        else:
            done = f"{each.uploaded_bytes / 1e6:.0f} MB uploaded" if each.uploaded_bytes else "already there"
            said = f"{done}; for the stack file:"
        out.print(f"{each.model}: {said}", soft_wrap=True)
        out.print(f"image: {each.image}", markup=False, soft_wrap=True)


def processes(out: Console, found: Mapping[Instance, list[Status]]) -> None:
    """Instances with their processes."""
    if not found:
        out.print("no instance is on this machine")
    for instance, all_of_it in found.items():
        ports = ", ".join(
            f"{what} http{'s' if what == 'api' else ''}://127.0.0.1:{port}" for what, port in instance.ports().items()
        )
        table = Table(title=f"{instance.name}  {ports}", title_justify="left", box=None, padding=(0, 2, 0, 0))
        for column in ("process", "pid", "state", "restarts"):
            table.add_column(column)
        for status in all_of_it:
            table.add_row(status.name, str(status.pid or "–"), status.state, str(status.restarts))
        out.print(
            table if all_of_it else f"{instance.name}: its supervisor does not run; `slipway up` or `slipway down` it"
        )


def engines(out: Console, located: list[Located]) -> None:
    """Every program, found or not."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("program", "version", "from", "for"):
        table.add_column(column)
    for each in located:
        if each.found is not None:
            where = str(each.found.path)
            version = each.found.version
        else:
            module = each.engine.module
            version = module.version if module else ""
            where = (
                f"[yellow]to be built from {module.name}[/]" if module else f"[yellow]Debian: {each.engine.debian}[/]"
            )
        table.add_row(each.engine.name, version, where, each.engine.purpose)
        for passed in each.passed:
            table.add_row("", "", f"[dim]passed over {passed.path}: {passed.reason}[/]", "")
    out.print(table)
    packs: dict[str, list[str]] = {}
    for each in located:
        if each.found is not None and each.found.pack:
            packs.setdefault(each.found.pack, []).append(each.engine.name)
    for pack_, names in packs.items():
        out.print(escape(f"from {pack_}: {', '.join(names)}"), soft_wrap=False)


def pack(out: Console, written: Pack) -> None:
    """A pack, and how others use it."""
    out.print(f"{written.file}  {written.size / 1e6:.0f} MB", markup=False)
    out.print(f"SHA-256 {written.sha256}")
    out.print(", ".join(f"{each.name} {each.version}" for each in written.manifest.engines), soft_wrap=False)
    for name, path in written.left_out.items():
        out.print(f"not in it: {name}, as this machine has its own ({path})", style="yellow", markup=False)
    out.print("not in it: Debian packages (`slipway engines list` names them); every machine installs its own")
    out.print(f"\nexport {VARIABLE}={shlex.quote(f'{written.file.absolute()}#sha256={written.sha256}')}", markup=False)
