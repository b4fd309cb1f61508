"""Pushes images to whatever registry the nodes of a cluster of others pull from.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

import ipaddress
from dataclasses import replace
from pathlib import Path

from slipway.building.archive import Archive
from slipway.building.bento import Build
from slipway.engines.locate import Programs
from slipway.errors import CommandError, PushError
from slipway.progress import Progress
from slipway.running import run

_SECONDS = 1800.0


def push(build: Build, registry: str, programs: Programs, progress: Progress) -> Build:
    """Push the image of a build, unless it is there; the build as the cluster knows it.

    Args:
        build: What was built.
        registry: HOST[:PORT]/PATH.
        programs: Must have `skopeo`.
        progress: Where it is told.

    Raises:
        PushError: It could not be pushed.
    """
    archive, repository = Archive(Path(build.archive)), f"{registry}/{build.model}"
    image = f"{repository}@{archive.digest}"
    skopeo, plain = programs.path("skopeo"), is_here(registry)
    with progress.phase(f"push {build.model} to {registry}") as phase:
        if _is_there(skopeo, image, plain=plain):
            phase.detail = "there already"
            return replace(build, image=image)
        # What is pushed was built here: there is no signature that a policy could ask for.
        words: tuple[str | Path, ...] = (skopeo, "--insecure-policy", "copy", "--quiet", "--preserve-digests")
        ways = ("--dest-tls-verify=false",) if plain else ()
        try:
            run(
                [*words, *ways, f"oci-archive:{build.archive}", f"docker://{repository}:{build.source}"],
                timeout=_SECONDS,
            )
        except CommandError as error:
            msg = f"{build.model} could not be pushed to {registry}:\n{_told(error.output)}"
            host = registry.partition("/")[0]
            remedy = f"see that the registry answers at {host}, and log in if it asks (`skopeo login {host}`)"
            raise PushError(msg, remedy=remedy) from error
        phase.detail = f"{Path(build.archive).stat().st_size / 1e6:.0f} MB"
    return replace(build, image=image)


def is_here(registry: str) -> bool:
    """Whether a registry is on this machine's loopback, where nobody listens in: it is spoken to without TLS."""
    host = registry.partition("/")[0].rpartition(":")[0] or registry.partition("/")[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_there(skopeo: Path, image: str, *, plain: bool) -> bool:
    ways = ("--tls-verify=false",) if plain else ()
    try:
        run([skopeo, "--insecure-policy", "inspect", "--raw", *ways, f"docker://{image}"], timeout=_SECONDS)
    except CommandError:
        return False
    return True


def _told(output: str) -> str:
    return "\n".join(f"  | {line}" for line in output.strip().splitlines()[-5:])
