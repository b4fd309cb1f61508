"""Images of programs that were built here, under the names their charts ask for.

What is in them follows upstream's image: the same entrypoint, user and places, on an empty base.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from slipway.embedded.oci import File, Image, write
from slipway.engines.locate import Programs

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
    """

    repository: str
    program: str
    tag: str = "{version}"
    user: int = 65532
    env: Mapping[str, str] = field(default_factory=dict)


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
    certificates = _certificates()
    image = _image(recipe, found.version, found.path, certificates)
    made_of = hashlib.sha256(repr((_RECIPE, recipe)).encode() + certificates).hexdigest()[:12]
    archive = found.path.with_name(f"{engine}-{made_of}.oci.tar")
    if not archive.exists():
        write(archive, image)
    return ImageFile(image.name, archive)


def _image(recipe: Recipe, version: str, program: Path, certificates: bytes) -> Image:
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
            **({_CERTIFICATES: File(content=certificates)} if certificates else {}),
        },
    )


def _certificates() -> bytes:
    """What this machine trusts: with a proxy that signs for others, the image must trust it as well."""
    bundle = Path(os.environ.get("SSL_CERT_FILE") or f"/{_CERTIFICATES}")
    return bundle.read_bytes() if bundle.is_file() else b""
