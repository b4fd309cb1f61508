"""Images of programs that were built here, under the names their charts ask for.

What is in them follows upstream's image: the same program, user and places, on an empty base.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from slipway.embedded.oci import File, Image, write
from slipway.engines.locate import Programs
from slipway.running import run

_CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
"""Where Go and others look for them, in the image and on Debian."""
_USERS = "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:{user}:{user}:nonroot:/home/nonroot:/sbin/nologin\n"
_RECIPE = 1
"""Raised when the way images are made changes."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the image of a program is made.

    Attributes:
        repository: Its name without the tag.
        tag: `{version}` is the program's.
        program: The program's path in the image, which is the entrypoint.
        user: Numeric user and group.
        env: Its environment.
        folders: Folders it writes to, besides `/tmp`.
        linked: Whether it was linked to glibc: this machine's goes into the image, too.
    """

    repository: str
    program: str
    tag: str = "{version}"
    user: int = 65532
    env: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    linked: bool = False


_NOBODY = 65534
_DISTROLESS = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
"""Charts name some programs without their folder."""

RECIPES: dict[str, Recipe] = {
    # As ko makes it (.ko.yaml of the module): https://ko.build/features/static-assets/
    "karpenter": Recipe(
        repository="public.ecr.aws/karpenter/controller",
        program="/ko-app/controller",
        env={
            "KO_DATA_PATH": "/var/run/ko",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/ko-app",
        },
    ),
    # Dockerfile of the module.
    "descheduler": Recipe(
        repository="registry.k8s.io/descheduler/descheduler", tag="v{version}", program="/bin/descheduler", user=1000
    ),
    # Dockerfile, Dockerfile.adapter and Dockerfile.webhooks of the module; its manifests name program and flags.
    "keda": Recipe(repository="ghcr.io/kedacore/keda", program="/keda"),
    "keda-adapter": Recipe(repository="ghcr.io/kedacore/keda-metrics-apiserver", program="/keda-adapter"),
    "keda-admission-webhooks": Recipe(
        repository="ghcr.io/kedacore/keda-admission-webhooks", program="/keda-admission-webhooks"
    ),
    # Dockerfile of the module.
    "metrics-server": Recipe(
        repository="registry.k8s.io/metrics-server/metrics-server",
        tag="v{version}",
        program="/metrics-server",
        user=_NOBODY,
    ),
    # tools/docker/envoy-gateway/Dockerfile of the project; the chart and the proxies' pods say `envoy-gateway`.
    "envoy-gateway": Recipe(
        repository="docker.io/envoyproxy/gateway",
        tag="v{version}",
        program="/usr/local/bin/envoy-gateway",
        env=_DISTROLESS,
        folders=("var/lib/eg",),
    ),
    # The distroless stage of the project's Dockerfile; Envoy Gateway's pods say `envoy`.
    "envoy": Recipe(
        repository="docker.io/envoyproxy/envoy",
        tag="distroless-v{version}",
        program="/usr/local/bin/envoy",
        env=_DISTROLESS,
        linked=True,
    ),
    # Dockerfile of the project's container; its pods name program and settings.
    "valkey-server": Recipe(
        repository="docker.io/valkey/valkey", program="/usr/local/bin/valkey-server", user=999, linked=True
    ),
    # Dockerfile of the module. Upstream's has promtool as well, which no pod asks for.
    "prometheus": Recipe(
        repository="quay.io/prometheus/prometheus",
        tag="v{version}",
        program="/bin/prometheus",
        user=_NOBODY,
        folders=("prometheus",),
    ),
    # Dockerfile and cmd/prometheus-config-reloader/Dockerfile of the module.
    "prometheus-operator": Recipe(
        repository="quay.io/prometheus-operator/prometheus-operator",
        tag="v{version}",
        program="/bin/operator",
        user=_NOBODY,
    ),
    "prometheus-config-reloader": Recipe(
        repository="quay.io/prometheus-operator/prometheus-config-reloader",
        tag="v{version}",
        program="/bin/prometheus-config-reloader",
        user=_NOBODY,
    ),
}
"""By engine."""


@dataclass(frozen=True)
class ImageFile:
    """An image in a file.

    Attributes:
        name: Its full name with its tag.
        archive: The OCI archive, as `Cluster.import_image` takes it.
    """

    name: str
    archive: Path


def image_of(engine: str, programs: Programs) -> ImageFile:
    """The image of a program that was built here, made now if need be; it lies beside the program in the cache.

    Args:
        engine: The program's name in the table of engines.
        programs: Must have it.

    Raises:
        LookupError: There is no recipe for it.
        EngineError: It was not asked for, or not found.
    """
    recipe, found = RECIPES[engine], programs.found(engine)
    machines = {**_certificates(), **(_libraries(found.path) if recipe.linked else {})}
    image = _image(recipe, found.version, found.path, machines)
    made_of = _digest(recipe, machines)[:12]
    archive = found.path.with_name(f"{engine}-{made_of}.oci.tar")
    if not archive.exists():
        write(archive, image)
    return ImageFile(image.name, archive)


def _digest(recipe: Recipe, machines: Mapping[str, bytes]) -> str:
    """Of everything but the program that decides what an image is."""
    digest = hashlib.sha256(repr((_RECIPE, recipe)).encode())
    for name, content in sorted(machines.items()):
        digest.update(f"{name} {len(content)} ".encode())
        digest.update(content)
    return digest.hexdigest()


def _image(recipe: Recipe, version: str, program: Path, machines: Mapping[str, bytes]) -> Image:
    return Image(
        name=f"{recipe.repository}:{recipe.tag.format(version=version)}",
        entrypoint=recipe.program,
        user=f"{recipe.user}:{recipe.user}",
        env=recipe.env,
        files={
            recipe.program.lstrip("/"): File(content=program, mode=0o755),
            "etc/passwd": File(content=_USERS.format(user=recipe.user).encode()),
            "etc/group": File(content=f"root:x:0:\nnonroot:x:{recipe.user}:\n".encode()),
            "tmp": File(content=None, mode=0o1777),
            **{folder: File(content=None, mode=0o777) for folder in recipe.folders},
            **{name: File(content=content, mode=_mode(name)) for name, content in machines.items()},
        },
    )


def _mode(name: str) -> int:
    return 0o644 if name == _CERTIFICATES else 0o755


def _certificates() -> dict[str, bytes]:
    """What this machine trusts: with a proxy that signs for others, the image must trust it as well."""
    bundle = Path(os.environ.get("SSL_CERT_FILE") or f"/{_CERTIFICATES}")
    return {_CERTIFICATES: bundle.read_bytes()} if bundle.is_file() else {}


def _libraries(program: Path) -> dict[str, bytes]:
    """The libraries that a program links and their loader, where this machine's loader finds them."""
    found = re.findall(r"(?:^|=>)\s*(/\S+) \(0x", run(["ldd", program], timeout=30), re.MULTILINE)
    return {path.lstrip("/"): Path(path).read_bytes() for path in found}
