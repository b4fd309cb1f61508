"""Pushes images to whatever registry the nodes of a cluster of others pull from.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

import ssl
from dataclasses import replace
from pathlib import Path

import httpx

from slipway.addresses import is_this_machine
from slipway.building.archive import Archive
from slipway.building.bento import Build
from slipway.engines.locate import Programs
from slipway.errors import CommandError, PushError
from slipway.progress import Progress
from slipway.running import run

_SECONDS = 1800.0
_DOCKER_HUB = "registry-1.docker.io"
"""Where docker.io's registry is."""
_ANSWER_SECONDS = 10.0
_CORRECT = "correct slipway:cluster.registry"


def check(registry: str) -> None:
    """See that a registry answers, before anything is built for it; who may push is only known when it is tried.

    Args:
        registry: HOST[:PORT]/PATH.

    Raises:
        PushError: It does not.
    """
    host = registry.partition("/")[0]
    host = _DOCKER_HUB if host == "docker.io" else host
    url = f"{'http' if is_here(registry) else 'https'}://{host}/v2/"
    try:
        # The proxies and authorities of this machine, as skopeo has them.
        authorities = ssl.create_default_context()
        said = httpx.get(url, timeout=_ANSWER_SECONDS, trust_env=not is_here(registry), verify=authorities)
        if said.status_code not in (httpx.codes.OK, httpx.codes.UNAUTHORIZED):
            msg = f"{url} answers {said.status_code}, as no registry does"
            raise PushError(msg, remedy=_CORRECT)
    except httpx.HTTPError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return  # it answers, and skopeo may know its authority (/etc/containers/certs.d)
        msg = f"the registry does not answer at {url}: {error}"
        raise PushError(msg, remedy=f"start it, or {_CORRECT}") from error


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
    return is_this_machine(f"//{registry}")


def _is_there(skopeo: Path, image: str, *, plain: bool) -> bool:
    ways = ("--tls-verify=false",) if plain else ()
    try:
        run([skopeo, "--insecure-policy", "inspect", "--raw", *ways, f"docker://{image}"], timeout=_SECONDS)
    except CommandError:
        return False
    return True


def _told(output: str) -> str:
    return "\n".join(f"  | {line}" for line in output.strip().splitlines()[-5:])
