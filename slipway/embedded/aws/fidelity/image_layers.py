"""A layer is what its digest says, and its bytes are not kept.

moto 5.2 keeps what is uploaded in memory until the upload ends, and takes any digest for it. ECR holds the bytes to the
digest, and has a layer once. Here a digest is counted while parts arrive, and nothing is kept but that and the size:
no bytes are in the journal either (`slipway.embedded.aws.operations`), so an upload that a restart of the endpoint has
interrupted is not found any more, and begins anew.
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CompleteLayerUpload.html
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ecr.exceptions import InvalidLayerPartException, UploadNotFoundException
from moto.ecr.models import ECRBackend

from slipway.embedded.aws import replaying
from slipway.embedded.aws.fidelity.amending import kept, replace


class _InvalidLayerError(ServiceException):
    code = "InvalidLayerException"


class _LayerAlreadyExistsError(ServiceException):
    code = "LayerAlreadyExistsException"


class _EmptyUploadError(ServiceException):
    code = "EmptyUploadException"


@dataclass
class _Received:
    """What has arrived of a layer.

    Attributes:
        size: Bytes.
        digest: Of them.
        is_believed: Whether some of them are only in the journal's word.
    """

    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    is_believed: bool = False


def amend() -> None:
    """Amend moto in this process."""

    def upload_layer_part(
        self: Any, repository_name: str, upload_id: str, *part: Any, registry_id: str | None = None
    ) -> dict[str, Any]:
        part_first_byte, part_last_byte, layer_part_blob = part
        repository = self._get_repository(repository_name, registry_id)
        received, length = _received(repository, upload_id), part_last_byte - part_first_byte + 1
        is_whole = len(layer_part_blob or b"") == length or replaying.now()
        if part_first_byte != received.size or length < 1 or not is_whole:
            raise InvalidLayerPartException(repository.registry_id, repository_name, upload_id, received.size - 1)
        received.size += length
        received.digest.update(layer_part_blob or b"")
        received.is_believed = replaying.now()
        return {
            "registryId": repository.registry_id,
            "repositoryName": repository_name,
            "uploadId": upload_id,
            "lastByteReceived": received.size - 1,
        }

    def complete_layer_upload(
        self: Any, repository_name: str, upload_id: str, layer_digests: list[str], registry_id: str | None = None
    ) -> dict[str, Any]:
        repository = self._get_repository(repository_name, registry_id)
        received = _received(repository, upload_id)
        if not received.size:
            raise _EmptyUploadError(f"the upload {upload_id} has no parts")
        digest = layer_digests[0] if received.is_believed else f"sha256:{received.digest.hexdigest()}"
        if digest not in layer_digests:
            raise _InvalidLayerError(f"the bytes that were uploaded have the digest {digest}")
        del repository.uploads[upload_id]
        if digest in repository.layers:
            raise _LayerAlreadyExistsError(f"the layer {digest} is in the repository {repository_name} already")
        repository.layers[digest] = received.size
        return {
            "registryId": repository.registry_id,
            "repositoryName": repository_name,
            "uploadId": upload_id,
            "layerDigest": digest,
        }

    replace(ECRBackend, "upload_layer_part", upload_layer_part)
    replace(ECRBackend, "complete_layer_upload", complete_layer_upload)


def _received(repository: Any, upload_id: str) -> _Received:
    """What has arrived by an upload; what arrived before a restart cannot be gone on with."""
    upload = repository.uploads.get(upload_id)
    received = kept(upload, "_received", _Received) if upload is not None else None
    if received is None or (received.is_believed and not replaying.now()):
        raise UploadNotFoundException(upload_id, repository.name, repository.registry_id)
    return received
