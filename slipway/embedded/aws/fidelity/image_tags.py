"""A tag that may not move is refused as ECR refuses it.

moto 5.2 says `ImageAlreadyExistsException`, which in ECR means that the very same image has this tag already.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
"""

from typing import Any

from moto.core.exceptions import ServiceException
from moto.ecr.exceptions import ImageAlreadyExistsException
from moto.ecr.models import ECRBackend, Image

from slipway.embedded.aws.fidelity.amending import replace


class _ImageTagAlreadyExistsError(ServiceException):
    code = "ImageTagAlreadyExistsException"


def amend() -> None:
    """Amend moto in this process."""
    original = ECRBackend.put_image

    def put_image(
        self: Any, repository_name: str, image_manifest: str, image_tag: str, *args: Any, **kwargs: Any
    ) -> Image:
        try:
            return original(self, repository_name, image_manifest, image_tag, *args, **kwargs)
        except ImageAlreadyExistsException:
            images = self.repositories[repository_name].images
            if any(image_tag in one.image_tags and one.image_manifest == image_manifest for one in images):
                raise
            raise _ImageTagAlreadyExistsError(
                f"the tag {image_tag} is in the repository {repository_name} already, and its tags are immutable"
            ) from None

    replace(ECRBackend, "put_image", put_image)
