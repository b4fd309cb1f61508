"""Runs the real `infra/__main__.py` under Pulumi's mocks, in a process of its own, and tells what it registered.

Run as `python -m tests.infra.program`, with `{"stack", "config", "built"}` as JSON on standard input.
"""

import json
import os
import runpy
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from slipway.paths import REPOSITORY

PROGRAM = REPOSITORY / "infra" / "__main__.py"


@dataclass(frozen=True)
class Outcome:
    """What a run of the program came to.

    Attributes:
        resources: Every registered resource, by `type::name`: inputs, parent, provider.
        error: What it raised; empty when it ended well.
    """

    resources: dict[str, dict[str, Any]]
    error: str


def run(config: dict[str, str], *, stack: str, built: dict[str, str] | None = None) -> Outcome:
    """Run the program for a configuration as the engine gives it."""
    request = json.dumps({"stack": stack, "config": config, "built": built or {}})
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.infra.program"],
        input=request,
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))


def _main() -> None:
    import pulumi  # noqa: PLC0415  # only in the process of its own
    from pulumi.runtime.settings import get_monitor  # noqa: PLC0415

    from infra.models import builds  # noqa: PLC0415

    request = json.loads(sys.stdin.read())
    os.environ["PULUMI_CONFIG"] = json.dumps(request["config"])
    builds.read = lambda *_: dict(request["built"])

    class Mocks(pulumi.runtime.Mocks):
        def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
            return f"{args.name}-id", dict(args.inputs)

        def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
            msg = f"the program calls {args.token}"
            raise AssertionError(msg)

    pulumi.runtime.set_mocks(Mocks(), project="slipway", stack=request["stack"], preview=False)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> None:
        runpy.run_path(str(PROGRAM), run_name="__main__")

    error = ""
    try:
        program()
    except Exception as raised:  # noqa: BLE001  # whatever it is, it is the outcome
        error = f"{type(raised).__name__}: {raised}"
    monitor: Any = get_monitor()
    resources = {
        "::".join(urn.split("::")[2:]): _plain(registration)
        for urn, registration in monitor.get_registered_resources().items()
    }
    print(json.dumps({"resources": resources, "error": error}))  # noqa: T201


def _plain(registration: Any) -> dict[str, Any]:
    return {"inputs": _integers(registration.state)}


def _integers(value: Any) -> Any:
    """Mocks carry numbers as doubles; manifests do not."""
    if isinstance(value, dict):
        return {key: _integers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_integers(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


if __name__ == "__main__":
    _main()
