"""Runs the real `infra/__main__.py` under Pulumi's mocks, in a process of its own, and tells what it registered.

The SDK keeps its state in the process. Each is forked from one that has loaded the SDK and done nothing with it.
"""

import json
import os
import runpy
import subprocess
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from slipway.paths import REPOSITORY
from tests.forked import FORKED
from tests.infra.computed import computed

PROGRAM = REPOSITORY / "infra" / "__main__.py"
_SECONDS = 120


@dataclass(frozen=True)
class Outcome:
    """What a run of the program came to.

    Attributes:
        resources: Every registered resource, by the types above it and its own and its name: type, parent, provider,
            what it waits for, inputs.
        error: What it raised; empty when it ended well.
        lookups: Every image that it looked up in a registry.
    """

    resources: dict[str, dict[str, Any]]
    error: str
    lookups: list[dict[str, Any]]


def run(
    config: dict[str, str],
    *,
    stack: str,
    built: dict[str, str] | None = None,
    secrets: list[str] | None = None,
    registry: dict[str, str] | None = None,
) -> Outcome:
    """Run the program for a configuration as the engine gives it.

    Args:
        config: The configuration.
        stack: The stack's name.
        built: Images of local builds.
        secrets: Keys that the engine had to decrypt.
        registry: What the aws plugin says of an image in a registry, by digest; nothing, where it is there.
    """
    asked = {"stack": stack, "config": config, "built": built, "secrets": secrets, "registry": registry}
    request = {name: value for name, value in asked.items() if value is not None}
    with ProcessPoolExecutor(1, mp_context=FORKED) as one:
        return one.submit(_outcome, request).result(timeout=_SECONDS)


def said_by(module: str) -> str:
    """What a module writes when it is run by itself, where warnings are errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", module],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _outcome(request: dict[str, Any]) -> Outcome:
    warnings.simplefilter("error")
    # The SDK warns of modules of its own when they are used.
    warnings.filterwarnings("ignore", r".* has been deprecated in favor of", DeprecationWarning)

    import pulumi  # noqa: PLC0415  # only in the process of its own
    from pulumi.runtime.mocks import MockMonitor  # noqa: PLC0415
    from pulumi.runtime.rpc import deserialize_properties  # noqa: PLC0415

    from infra.models import builds  # noqa: PLC0415

    os.environ["PULUMI_CONFIG"] = json.dumps(request["config"])
    os.environ["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(request.get("secrets", []))
    builds.read = lambda *_: dict(request.get("built", {}))
    builds.one_item = lambda *_: dict(request.get("one_item", {}))

    class Mocks(pulumi.runtime.Mocks):
        def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
            return f"{args.name}-id", computed(args.typ, args.name, args.inputs)

        def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
            fault = request.get("registry", {}).get(args.args.get("imageDigest"))
            if args.token != "aws:ecr/getImage:getImage" or fault is None:
                msg = f"the program calls {args.token}"
                raise AssertionError(msg)
            lookups.append(args.args)
            return {}, [("", fault)] if fault else []

    class Monitor(MockMonitor):
        """Keeps what a registration says beyond its inputs."""

        def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # gRPC's name
            response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
            if request.type != "pulumi:pulumi:Stack":
                registered[_short(response.urn)] = {
                    "type": request.type,
                    "parent": _short(request.parent),
                    "provider": _short(request.provider),
                    "waits for": sorted(map(_short, request.dependencies)),
                    "inputs": _readable(deserialize_properties(request.object)),
                }
            return response

    registered: dict[str, dict[str, Any]] = {}
    lookups: list[dict[str, Any]] = []
    mocks = Mocks()
    pulumi.runtime.set_mocks(mocks, project="slipway", stack=request["stack"], preview=False, monitor=Monitor(mocks))

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> None:
        runpy.run_path(str(PROGRAM), run_name="__main__")

    error = ""
    try:
        program()
    except Exception as raised:  # noqa: BLE001  # whatever it is, it is the outcome
        error = f"{type(raised).__name__}: {raised}"
    groups = _groups(registered)
    for resource in registered.values():
        resource["waits for"] = _together(resource["waits for"], groups)
    return Outcome(registered, error, lookups)


def _short(urn: str) -> str:
    """A URN without stack and project; of a provider's reference (`urn::id`), its URN."""
    return "::".join(urn.split("::")[2:4])


def _groups(registered: dict[str, dict[str, Any]]) -> dict[str, tuple[set[str], set[str]]]:
    """Components of several resources: everything in each, and of that what is made. Those above come first."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for component in registered:  # those above are registered before those below
        inside = {name for name in registered if _is_below(name, component, registered)}
        made = {name for name in inside if not registered[name]["type"].startswith("slipway:")}
        if len(made) > 1:
            found[component] = inside, made
    return found


def _together(names: list[str], groups: dict[str, tuple[set[str], set[str]]]) -> list[str]:
    """Names of resources, with a component's in place of everything in it: so it was said, and so it reads."""
    left, found = set(names), []
    for component, (inside, made) in groups.items():
        if made <= left:
            left -= inside
            found.append(f"{component} (all of it)")
    return sorted([*found, *left])


def _is_below(name: str, above: str, registered: dict[str, dict[str, Any]]) -> bool:
    parent = registered[name]["parent"] if name in registered else ""
    return bool(parent) and (parent == above or _is_below(parent, above, registered))


def _readable(value: Any) -> Any:
    """Numbers as manifests have them, where mocks carry doubles; documents as structures, where AWS takes text."""
    if isinstance(value, dict):
        return {key: _readable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_readable(each) for each in value]
    if isinstance(value, str) and value.startswith("{"):
        return {"JSON": json.loads(value)}
    return int(value) if isinstance(value, float) and value.is_integer() else value
