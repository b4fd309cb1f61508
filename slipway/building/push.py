"""Pushes images through ECR's own API: nothing but an account is needed, and where AWS is simulated it is the same.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_InitiateLayerUpload.html
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from slipway.addresses import is_this_machine
from slipway.building.archive import Archive, Blob
from slipway.building.bento import Build
from slipway.building.registry import Pushed, Registry
from slipway.errors import PushError
from slipway.progress import Phase, Progress

_LOG_IN = "log in (`aws sso login`, AWS_PROFILE=…); on one machine, run it in the shell of `slipway env {stack}`"
_THERE_ALREADY = {"ImageAlreadyExistsException", "ImageTagAlreadyExistsException"}
_NEEDED = (
    "ecr:BatchCheckLayerAvailability, ecr:CompleteLayerUpload, ecr:DescribeImages, ecr:InitiateLayerUpload, "
    "ecr:PutImage, ecr:UploadLayerPart"
)


class Pusher:
    """Pushes to one registry, with the credentials and to the endpoint of the shell.

    Args:
        registry: Where to.
        progress: Where it is told.
        environ: Of the shell.
        session: A boto3 session; by default that of the shell.
    """

    def __init__(
        self, registry: Registry, progress: Progress, *, environ: Mapping[str, str] = os.environ, session: Any = None
    ) -> None:
        self._registry, self._progress = registry, progress
        with self._told():
            self._session = session or boto3.Session()
            config = Config(
                region_name=registry.region,
                retries={"mode": "standard", "max_attempts": 5},
                read_timeout=300,  # seconds; a part is up to 20 MiB
                **({"proxies": {}} if is_this_machine(environ.get("AWS_ENDPOINT_URL", "")) else {}),
            )
            self._sts, self._ecr = (self._session.client(name, config=config) for name in ("sts", "ecr"))

    def check(self, models: list[str]) -> None:
        """See that models could be pushed, before anything is built.

        Raises:
            PushError: This is nobody, or another account, or a repository is absent.
        """
        registry = self._registry
        unlisted = [model for model in models if model not in registry.repositories]
        if unlisted:
            what = f"stacks/Pulumi.{registry.stack}.yaml has no repository for {', '.join(unlisted)}"
            remedy = f"add it to slipway:registry.repositories, and `pulumi up --stack {registry.stack}`"
            raise PushError(what, remedy=remedy)
        with self._progress.phase(f"registry of {registry.stack}") as phase, self._told():
            account = self._sts.get_caller_identity()["Account"]
            if account != registry.account:
                what = f"this is account {account}, and the registry of {registry.stack} is in {registry.account}"
                raise PushError(f"{what}; nothing was built", remedy=_LOG_IN.format(stack=registry.stack))
            for model in models:
                self._found(model, {"imageTag": "slipway-absent"})
            phase.detail = registry.address

    def push(self, build: Build) -> Pushed:
        """Push the image of a build, unless it is there.

        Raises:
            PushError: It could not be pushed.
        """
        archive = Archive(Path(build.archive))
        with self._progress.phase(f"push {build.model}") as phase, self._told():
            there = self._found(build.model, {"imageTag": build.source})
            if there is None:
                uploaded = sum(
                    self._upload(build.model, archive, blob, phase) for blob in self._lacking(build, archive)
                )
                there = self._put(build, archive)
                phase.detail = f"{uploaded / 1e6:.0f} MB uploaded"
            else:
                uploaded = 0
                phase.detail = "there already, nothing uploaded"
            if there != archive.digest:
                phase.detail = "these sources are there already, from another build: nothing uploaded, take that one"
            image = f"{self._registry.address}/{build.model}@{there}"
            return Pushed(build.model, image, build.source, uploaded, is_other_build=there != archive.digest)

    def _found(self, model: str, image: Mapping[str, str]) -> str | None:
        """The digest of an image in the registry; None where there is none.

        Raises:
            PushError: The repository is absent.
        """
        try:
            (found,) = self._ecr.describe_images(**self._repository(model), imageIds=[image])["imageDetails"]
        except self._ecr.exceptions.ImageNotFoundException:
            return None
        except self._ecr.exceptions.RepositoryNotFoundException as error:
            registry = self._registry
            what = f"the registry of {registry.account} in {registry.region} has no repository {model!r}"
            raise PushError(what, remedy=f"run `pulumi up --stack {registry.stack}` first: it makes them") from error
        return str(found["imageDigest"])

    def _lacking(self, build: Build, archive: Archive) -> list[Blob]:
        blobs = {blob.digest: blob for blob in archive.blobs()}
        said = self._ecr.batch_check_layer_availability(**self._repository(build.model), layerDigests=list(blobs))
        there = {each["layerDigest"] for each in said["layers"] if each["layerAvailability"] == "AVAILABLE"}
        return [blob for digest, blob in blobs.items() if digest not in there]

    def _upload(self, model: str, archive: Archive, blob: Blob, phase: Phase) -> int:
        """Upload a part of an image, in pieces of the size that ECR asks for; its size in bytes."""
        where = self._repository(model)
        begun = self._ecr.initiate_layer_upload(**where)
        upload, sent = begun["uploadId"], 0
        with archive.blob(blob.digest) as content:
            while piece := content.read(begun["partSize"]):
                self._ecr.upload_layer_part(
                    **where,
                    uploadId=upload,
                    partFirstByte=sent,
                    partLastByte=sent + len(piece) - 1,
                    layerPartBlob=piece,
                )
                sent += len(piece)
                phase.note(f"{blob.digest[:19]}: {sent / 1e6:.0f} of {blob.size / 1e6:.0f} MB")
        with suppress(self._ecr.exceptions.LayerAlreadyExistsException):  # somebody else pushed it meanwhile
            self._ecr.complete_layer_upload(**where, uploadId=upload, layerDigests=[blob.digest])
        return sent

    def _put(self, build: Build, archive: Archive) -> str:
        """Make what was uploaded an image; the digest of the one that has the tag then."""
        try:
            self._ecr.put_image(
                **self._repository(build.model),
                imageManifest=archive.manifest(),
                imageManifestMediaType=archive.media_type,
                imageTag=build.source,
                imageDigest=archive.digest,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _THERE_ALREADY:
                raise
        return self._found(build.model, {"imageTag": build.source}) or archive.digest

    def _repository(self, model: str) -> dict[str, str]:
        return {"registryId": self._registry.account, "repositoryName": model}

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what AWS's faults mean."""
        log_in = _LOG_IN.format(stack=self._registry.stack)
        try:
            yield
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise PushError(f"no AWS account is at hand ({str(error).lower()})", remedy=log_in) from error
        except ClientError as error:
            said = error.response["Error"]
            what = f"AWS refused {error.operation_name}: {said.get('Message') or said.get('Code')}"
            raise PushError(what, remedy=f"{log_in}; who pushes needs {_NEEDED}") from error
        except BotoCoreError as error:
            raise PushError(
                f"AWS could not be asked: {error}", remedy=f"check the network and the profile; {log_in}"
            ) from error
