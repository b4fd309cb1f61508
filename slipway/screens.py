"""What the commands show a person."""

import json
from collections.abc import Mapping

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from slipway.embedded.instance import Instance
from slipway.embedded.supervisor.spec import Status
from slipway.engines.locate import Located
from slipway.environment import Answer, Summary


def show(out: Console, summary: Summary) -> None:
    """The one screen that `up` ends with."""
    for answer in summary.answers:
        out.print(Panel(_answer(answer), title=f"{answer.model}: {answer.url}", title_align="left"))
    real = Table(title="What runs", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in ("program", "version", "from", "for"):
        real.add_column(column, style="dim" if column == "for" else "")
    for program in summary.programs:
        where = "built from its pin" if program["origin"] == "built" else program["path"]
        real.add_row(program["name"], program["version"], where, program["purpose"])
    out.print(real)
    out.print(
        "\n[bold]Real[/] the Pulumi engine, the Kubernetes control plane, one node, the pods. "
        "[bold]Stand-ins[/] the Pulumi plugins (offline ones of this project). "
        "[bold]Not here[/] a cloud: no AWS, no bought nodes."
    )
    times = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in summary.seconds.items() if seconds >= 0.5)
    out.print(f"[bold]Time[/] {sum(summary.seconds.values()):.0f} s: {times}")
    out.print(
        f'[bold]Next[/] eval "$(slipway env {summary.stack})" then pulumi preview --stack {summary.stack} · '
        f"slipway ps · slipway down {summary.stack}"
    )


def _answer(answer: Answer) -> Text:
    if not answer.path:
        return Text("ready")
    body = json.dumps(answer.request, separators=(",", ":"))
    command = f"curl -s {answer.url}{answer.path} -H 'content-type: application/json' -d '{body}'"
    return Text.assemble((command, "cyan"), "\n→ ", (json.dumps(answer.answer), "bold green"))


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
