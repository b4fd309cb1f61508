"""The digest of an image is that of its manifest's bytes, as everywhere.

moto 5.2 makes one of the layers' digests, and takes any that is told. ECR refuses one that is not the manifest's.
https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests and
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
"""

import hashlib
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ecr.models import ECRBackend, Image

from slipway.embedded.aws.fidelity.amending import replace


class _ImageDigestDoesNotMatchError(ServiceException):
    code = "ImageDigestDoesNotMatchException"


def amend() -> None:
    """Amend moto in this process."""
    original = ECRBackend.put_image

    def create_digest(self: Any) -> None:
        self._image_digest = digest_of(self.image_manifest)

    def put_image(self: Any, *args: Any, digest: str | None = None) -> Image:
        told = args[4] if len(args) > 4 else digest  # moto itself gives all five
        found = digest_of(args[1])
        if told not in (None, found):
            raise _ImageDigestDoesNotMatchError(f"the manifest has the digest {found}, not {told}")
        return original(self, *args[:4])

    replace(Image, "_create_digest", create_digest)
    replace(ECRBackend, "put_image", put_image)


def digest_of(manifest: str) -> str:
    """The digest of an image, `sha256:…`."""
    return f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
