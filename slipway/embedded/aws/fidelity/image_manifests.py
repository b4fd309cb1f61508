"""An image is there when all that its manifest names is.

moto 5.2 takes any manifest, and has an error of its own where the repository is absent. ECR refuses one whose
configuration or layers were not uploaded before.
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
"""

import json
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ecr.models import ECRBackend, Image

from slipway.embedded.aws.fidelity.amending import replace


class _LayersNotFoundError(ServiceException):
    code = "LayersNotFoundException"


def amend() -> None:
    """Amend moto in this process."""
    original = ECRBackend.put_image

    def put_image(self: Any, repository_name: str, image_manifest: str, *args: Any, **kwargs: Any) -> Image:
        repository = self._get_repository(repository_name)
        absent = [digest for digest in _named(image_manifest) if digest not in repository.layers]
        if absent:
            raise _LayersNotFoundError(f"layers with digests {', '.join(absent)} were not found in {repository_name}")
        return original(self, repository_name, image_manifest, *args, **kwargs)

    replace(ECRBackend, "put_image", put_image)


def _named(manifest: str) -> list[str]:
    """What a manifest names; what is none is left to moto."""
    try:
        document = json.loads(manifest)
    except ValueError:
        return []
    parts = [*document.get("layers", []), *([document["config"]] if "config" in document else [])]
    return [part["digest"] for part in parts]
