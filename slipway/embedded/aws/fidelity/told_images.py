"""Images in the registries of other accounts: on one machine each environment has an endpoint, and an account, alone.

`GET` and `PUT /slipway/images`, outside AWS's operations, read and replace what those registries hold, by reference:

    {"images": {"111122223333.dkr.ecr.us-east-1.amazonaws.com/digits@sha256:…": {"tag": "…", "manifest": "{…}"}}}

The digest is that of the manifest's bytes; anything else is refused. A PUT goes through the journal like a request to
AWS, so a replay meets the same images.
"""

import json
from collections.abc import Mapping
from typing import Any

from moto.ecr.models import Image, Repository, ecr_backends

from infra.models.images import EcrImage
from slipway.embedded.aws.fidelity.image_digests import digest_of

_told: dict[str, dict[str, str]] = {}


def shown() -> dict[str, Any]:
    """What was told."""
    return {"images": dict(_told)}


def accept(document: Any) -> None:
    """Let the registries of other accounts hold these images, and no others that were told.

    Raises:
        ValueError: It is not what is expected.
    """
    if not isinstance(document, dict) or document.keys() != {"images"}:
        raise ValueError('expected {"images": {REFERENCE: {"tag": …, "manifest": …}}}')
    tell(document["images"])


def tell(images: Mapping[str, dict[str, str]]) -> None:
    """Replace what was told.

    Raises:
        ValueError: A reference is not one of ECR, or its manifest another's; nothing was replaced.
    """
    new = [(_checked(reference, image), image) for reference, image in images.items()]
    for before in (_checked(reference, image) for reference, image in _told.items()):
        held = _repository(before)
        held.images = [one for one in held.images if one.image_digest != before.digest]
    for place, image in new:
        manifest = image["manifest"]
        media_type = json.loads(manifest).get("mediaType")
        made = Image(place.account, image["tag"], manifest, place.repository, media_type, place.digest)
        _repository(place).images.append(made)
    _told.clear()
    _told.update(images)


def _checked(reference: str, image: Any) -> EcrImage:
    place = EcrImage.of(reference)
    if place is None:
        raise ValueError(f"{reference}: expected ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:…")
    if not isinstance(image, dict) or not all(isinstance(image.get(key), str) for key in ("tag", "manifest")):
        raise ValueError(f"{reference}: expected `tag` and `manifest`")
    digest = digest_of(image["manifest"])
    if digest != place.digest:
        raise ValueError(f"{reference}: its manifest has the digest {digest}")
    return place


def _repository(place: EcrImage) -> Repository:
    backend = ecr_backends[place.account][place.region]
    if place.repository not in backend.repositories:
        backend.create_repository(
            repository_name=place.repository,
            registry_id=place.account,
            encryption_config={},
            image_scan_config=None,
            image_tag_mutability="IMMUTABLE",
            tags=[],
        )
    return backend.repositories[place.repository]
