"""Images in ECR: their layers, digests and tags, and the registries they are in."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto.ecr.models import ecr_backends

from slipway.embedded.aws import replaying
from slipway.embedded.aws.fidelity import (
    image_digests,
    image_layers,
    image_manifests,
    image_tags,
    registries,
    told_images,
)
from tests.slipway.embedded.aws.fidelity.proving import ACCOUNT, REGION, Aws, amended, proves
from tests.slipway.embedded.aws.fidelity.proving import account as fresh_account

OTHER = "999988887777"
PART = 2**20


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def upload(ecr: Any, *parts: bytes, claimed: str = "") -> str:
    """Upload a layer in parts, and say what its digest is."""
    identifier = ecr.initiate_layer_upload(repositoryName="digits")["uploadId"]
    first = 0
    for part in parts:
        ecr.upload_layer_part(
            repositoryName="digits",
            uploadId=identifier,
            partFirstByte=first,
            partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )
        first += len(part)
    done = ecr.complete_layer_upload(
        repositoryName="digits", uploadId=identifier, layerDigests=[claimed or digest(b"".join(parts))]
    )
    return str(done["layerDigest"])


def manifest(*contents: bytes, note: str = "") -> str:
    """A manifest of a configuration and layers; spaces and order of its own, as every builder has."""
    config, *layers = ({"digest": digest(each), "size": len(each)} for each in contents)
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config,
            "layers": layers,
            "annotations": {"note": note},
        },
        indent=3,
    )


def repository(aws: Aws) -> Any:
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="digits", imageTagMutability="IMMUTABLE")
    return ecr


@proves(image_layers)
def test_a_layer_is_what_its_digest_says(aws: Aws) -> None:
    ecr = repository(aws)
    whole = upload(ecr, b"a" * PART, b"b")
    assert whole == digest(b"a" * PART + b"b")
    (there,) = ecr.batch_check_layer_availability(repositoryName="digits", layerDigests=[whole])["layers"]
    assert (there["layerAvailability"], there["layerSize"]) == ("AVAILABLE", PART + 1)
    with pytest.raises(ecr.exceptions.InvalidLayerException):
        upload(ecr, b"damaged", claimed=digest(b"as it was"))
    with pytest.raises(ecr.exceptions.LayerAlreadyExistsException):
        upload(ecr, b"a" * PART, b"b")
    with pytest.raises(ecr.exceptions.EmptyUploadException):
        upload(ecr)


@proves(image_layers)
def test_a_part_is_as_long_as_it_says_and_begins_where_the_last_one_ended(aws: Aws) -> None:
    ecr = repository(aws)
    for first, last in ((0, 8), (3, 12), (0, 10)):
        identifier = ecr.initiate_layer_upload(repositoryName="digits")["uploadId"]
        with pytest.raises(ecr.exceptions.InvalidLayerPartException):
            ecr.upload_layer_part(
                repositoryName="digits",
                uploadId=identifier,
                partFirstByte=first,
                partLastByte=last,
                layerPartBlob=b"ten bytes.",
            )


def test_what_a_replay_has_not_seen_can_be_ended_by_the_replay_alone() -> None:
    part = {"repositoryName": "digits", "partFirstByte": 0, "partLastByte": 99, "layerPartBlob": b""}
    with amended(), fresh_account() as aws:
        ecr = repository(aws)
        identifiers = [ecr.initiate_layer_upload(repositoryName="digits")["uploadId"] for _ in range(2)]
        done = {"repositoryName": "digits", "layerDigests": [digest(b"not kept")]}
        with replaying.replaying():
            for each in identifiers:
                ecr.upload_layer_part(**part, uploadId=each)
            ecr.complete_layer_upload(**done, uploadId=identifiers[0])
        (there,) = ecr.batch_check_layer_availability(**done)["layers"]
        assert (there["layerDigest"], there["layerSize"]) == (digest(b"not kept"), 100)
        with pytest.raises(ecr.exceptions.UploadNotFoundException):
            ecr.upload_layer_part(**{**part, "partFirstByte": 100, "partLastByte": 199}, uploadId=identifiers[1])
        with pytest.raises(ecr.exceptions.UploadNotFoundException):
            ecr.complete_layer_upload(**done, uploadId=identifiers[1])


@proves(image_digests)
def test_an_image_has_the_digest_of_its_manifests_bytes(aws: Aws) -> None:
    ecr = repository(aws)
    for each in (b"config", b"layer"):
        upload(ecr, each)
    texts = manifest(b"config", b"layer"), manifest(b"config", b"layer", note="another")
    for number, text in enumerate(texts):
        ecr.put_image(repositoryName="digits", imageManifest=text, imageTag=f"v{number}")
    shown = ecr.describe_images(repositoryName="digits")["imageDetails"]
    assert {one["imageDigest"] for one in shown} == {digest(text.encode()) for text in texts}
    (got,) = ecr.batch_get_image(repositoryName="digits", imageIds=[{"imageTag": "v1"}])["images"]
    assert got["imageManifest"] == texts[1]
    with pytest.raises(ecr.exceptions.ImageDigestDoesNotMatchException):
        ecr.put_image(
            repositoryName="digits",
            imageManifest=manifest(b"config", b"layer", note="third"),
            imageTag="v2",
            imageDigest=digest(b"x"),
        )


@proves(image_manifests)
def test_an_image_whose_layers_are_absent_is_refused(aws: Aws) -> None:
    ecr = repository(aws)
    text = manifest(b"config", b"layer")
    for content in (b"config", b"layer"):
        with pytest.raises(ecr.exceptions.LayersNotFoundException, match=digest(b"layer")):
            ecr.put_image(repositoryName="digits", imageManifest=text, imageTag="v1")
        upload(ecr, content)
    ecr.put_image(repositoryName="digits", imageManifest=text, imageTag="v1")
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.put_image(repositoryName="other", imageManifest=text, imageTag="v1")


@proves(image_tags)
def test_a_tag_that_may_not_move_is_refused_by_its_name(aws: Aws) -> None:
    ecr = repository(aws)
    for each in (b"config", b"layer"):
        upload(ecr, each)
    first, second = (manifest(b"config", b"layer", note=note) for note in ("first", "second"))
    ecr.put_image(repositoryName="digits", imageManifest=first, imageTag="v1")
    with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
        ecr.put_image(repositoryName="digits", imageManifest=first, imageTag="v1")
    with pytest.raises(ecr.exceptions.ImageTagAlreadyExistsException):
        ecr.put_image(repositoryName="digits", imageManifest=second, imageTag="v1")
    assert len(ecr.describe_images(repositoryName="digits")["imageDetails"]) == 1


TEXT = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []})
REFERENCE = f"{OTHER}.dkr.ecr.{REGION}.amazonaws.com/digits@{digest(TEXT.encode())}"


@pytest.fixture
def told() -> Iterator[None]:
    yield
    told_images._told.clear()


@proves(registries)
def test_another_accounts_registry_answers_for_itself(aws: Aws) -> None:
    told_images._told.clear()
    told_images.tell({REFERENCE: {"tag": "v1", "manifest": TEXT}})
    told_images._told.clear()
    ecr = repository(aws)
    wanted = {"registryId": OTHER, "repositoryName": "digits", "imageIds": [{"imageDigest": digest(TEXT.encode())}]}
    (shown,) = ecr.describe_images(**wanted)["imageDetails"]
    assert (shown["registryId"], shown["imageTags"]) == (OTHER, ["v1"])
    (got,) = ecr.batch_get_image(**wanted)["images"]
    assert got["imageManifest"] == TEXT
    (its,) = ecr.describe_repositories(registryId=OTHER)["repositories"]
    assert its["repositoryUri"] == REFERENCE.partition("@")[0]
    with pytest.raises(ecr.exceptions.ImageNotFoundException):
        ecr.describe_images(**{**wanted, "registryId": ACCOUNT})


@pytest.mark.usefixtures("told")
def test_what_is_told_anew_replaces_what_was_told() -> None:
    with amended(), fresh_account() as aws:
        ecr, wanted = repository(aws), {"registryId": OTHER, "repositoryName": "digits"}
        told_images.accept({"images": {REFERENCE: {"tag": "v1", "manifest": TEXT}}})
        told_images.accept({"images": {REFERENCE: {"tag": "v2", "manifest": TEXT}}})
        assert [one["imageTags"] for one in ecr.describe_images(**wanted)["imageDetails"]] == [["v2"]]
        assert told_images.shown() == {"images": {REFERENCE: {"tag": "v2", "manifest": TEXT}}}
        told_images.accept({"images": {}})
        assert ecr.describe_images(**wanted)["imageDetails"] == []
        assert ecr_backends[ACCOUNT][REGION].repositories["digits"].images == []


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "expected"),
        ({}, "expected"),
        ({"images": {"digits@sha256:0": {"tag": "", "manifest": TEXT}}}, "ACCOUNT.dkr.ecr.REGION"),
        ({"images": {REFERENCE: {"tag": "v1"}}}, "expected `tag` and `manifest`"),
        ({"images": {REFERENCE: {"tag": "v1", "manifest": TEXT + " "}}}, "its manifest has the digest sha256:"),
    ],
)
def test_what_is_no_image_of_another_registry_is_refused(document: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        told_images.accept(document)
    assert told_images.shown() == {"images": {}}
