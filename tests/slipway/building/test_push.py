"""Pushing: what is uploaded, what is not, and what is refused before anything is built."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import moto.ecr.models
import pytest
from botocore.exceptions import ClientError

from slipway.addresses import is_this_machine
from slipway.building.archive import Archive
from slipway.building.push import Pusher
from slipway.building.registry import Registry
from slipway.errors import PushError
from slipway.progress import Phase, Progress
from tests.slipway.building.archives import build, digest
from tests.slipway.embedded.aws.fidelity.proving import ACCOUNT, REGION, Aws, account, amended

REGISTRY = Registry("shared", ACCOUNT, REGION, ("digits", "words"))
LAYERS = b"lowest" * 50, b"middle" * 40


class Recorded:
    """A session that tells what was asked of ECR."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        keys = dict.fromkeys(("aws_access_key_id", "aws_secret_access_key"), "x")
        self._session = boto3.Session(**keys)

    def client(self, service: str, **options: Any) -> Any:
        made = self._session.client(service, **options)
        made.meta.events.register("provide-client-params.ecr", self._ask)
        return made

    def _ask(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.asked.append((model.name, params))

    def of(self, name: str) -> list[dict[str, Any]]:
        return [params for asked, params in self.asked if asked == name]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with amended(), account() as fresh:
        yield fresh


@pytest.fixture
def ecr(aws: Aws) -> Any:
    """The registry, with the repository of one of its two bentos."""
    made = aws.client("ecr")
    made.create_repository(repositoryName="digits", imageTagMutability="IMMUTABLE")
    return made


@pytest.fixture
def session() -> Recorded:
    return Recorded()


def pusher(session: Any, registry: Registry = REGISTRY) -> Pusher:
    return Pusher(registry, Progress(quiet=True), session=session)


@pytest.mark.usefixtures("ecr")
def test_what_is_pushed_is_byte_by_byte_what_was_built(tmp_path: Path, ecr: Any, session: Recorded) -> None:
    made = build(tmp_path, *LAYERS)
    pushed = pusher(session).push(made)
    wanted = made.image.partition("@")[2]
    assert pushed.image == f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/digits@{wanted}"
    assert pushed.uploaded_bytes == sum(blob.size for blob in Archive(Path(made.archive)).blobs())
    assert not pushed.is_other_build
    (shown,) = ecr.describe_images(repositoryName="digits")["imageDetails"]
    assert (shown["imageDigest"], shown["imageTags"]) == (wanted, [made.source])
    (got,) = ecr.batch_get_image(repositoryName="digits", imageIds=[{"imageDigest": wanted}])["images"]
    assert digest(got["imageManifest"].encode()) == wanted


def test_a_layer_goes_in_parts_of_the_size_that_ecr_asks_for(
    tmp_path: Path, ecr: Any, session: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moto.ecr.models, "DEFAULT_LAYER_PART_SIZE", 128)
    notes: list[str] = []
    monkeypatch.setattr(Phase, "note", lambda _, text: notes.append(text))
    pusher(session).push(build(tmp_path, b"x" * 300))
    parts = [part for part in session.of("UploadLayerPart") if part["layerPartBlob"].startswith(b"x")]
    assert [(part["partFirstByte"], part["partLastByte"]) for part in parts] == [(0, 127), (128, 255), (256, 299)]
    assert len(notes) == 4  # one for each part, so that a long upload is seen to move
    (there,) = ecr.batch_check_layer_availability(repositoryName="digits", layerDigests=[digest(b"x" * 300)])["layers"]
    assert there["layerSize"] == 300


@pytest.mark.usefixtures("ecr")
def test_what_is_there_is_not_uploaded_again(tmp_path: Path, session: Recorded) -> None:
    made = build(tmp_path, *LAYERS)
    first = pusher(session).push(made)
    session.asked.clear()
    again = pusher(session).push(made)
    assert (again.image, again.uploaded_bytes, again.is_other_build) == (first.image, 0, False)
    assert {name for name, _ in session.asked} == {"DescribeImages"}


@pytest.mark.usefixtures("ecr")
def test_layers_that_another_image_brought_are_not_uploaded_again(tmp_path: Path, session: Recorded) -> None:
    pusher(session).push(build(tmp_path / "old", *LAYERS))
    session.asked.clear()
    pushed = pusher(session).push(build(tmp_path / "new", *LAYERS, b"a third", source="f" * 16))
    assert pushed.uploaded_bytes == len(b"a third")
    assert len(session.of("InitiateLayerUpload")) == 1


def test_an_image_of_the_same_sources_that_another_machine_pushed_is_the_one_to_take(
    tmp_path: Path, ecr: Any, session: Recorded
) -> None:
    theirs = pusher(session).push(build(tmp_path / "theirs", b"their layer"))
    ours = pusher(session).push(build(tmp_path / "ours", b"our layer"))
    assert (ours.image, ours.uploaded_bytes, ours.is_other_build) == (theirs.image, 0, True)
    assert len(ecr.describe_images(repositoryName="digits")["imageDetails"]) == 1


@pytest.mark.parametrize("is_same", [True, False])
def test_somebody_who_pushed_meanwhile_is_no_fault(
    tmp_path: Path, ecr: Any, session: Recorded, monkeypatch: pytest.MonkeyPatch, *, is_same: bool
) -> None:
    made = build(tmp_path / "ours", *LAYERS)
    theirs = made if is_same else build(tmp_path / "theirs", *LAYERS, b"more")
    late = pusher(session)
    pusher(Recorded()).push(theirs)
    original, asked = late._found, []

    def found(model: str, image: dict[str, str]) -> str | None:
        asked.append(image)
        return None if len(asked) == 1 else original(model, image)

    monkeypatch.setattr(late, "_found", found)
    pushed = late.push(made)
    assert pushed.image.endswith(theirs.image.partition("@")[2])
    assert pushed.is_other_build != is_same
    assert len(ecr.describe_images(repositoryName="digits")["imageDetails"]) == 1


@pytest.mark.usefixtures("ecr")
def test_all_is_well_before_a_build() -> None:
    pusher(Recorded()).check(["digits"])


REFUSED: dict[str, tuple[Registry, str, str, str]] = {
    "no repository in the stack file": (REGISTRY, "other", "has no repository for other", "slipway:registry.repos"),
    "no repository in AWS": (REGISTRY, "words", "has no repository 'words'", "pulumi up --stack shared"),
    "another account": (
        Registry("shared", "999988887777", REGION, ("digits",)),
        "digits",
        f"this is account {ACCOUNT}, and the registry of shared is in 999988887777",
        "slipway env shared",
    ),
}


@pytest.mark.usefixtures("ecr")
@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_before_a_build(name: str) -> None:
    registry, model, what, remedy = REFUSED[name]
    with pytest.raises(PushError) as refused:
        pusher(Recorded(), registry).check([model])
    assert what in refused.value.what
    assert remedy in refused.value.remedy


def test_without_credentials_nothing_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    core = botocore.session.Session()
    for name in ("config_file", "credentials_file"):
        core.set_config_variable(name, "/dev/null")
    with pytest.raises(PushError, match="no AWS account is at hand") as refused:
        pusher(boto3.Session(botocore_session=core)).check(["digits"])
    assert "aws sso login" in refused.value.remedy


@pytest.mark.usefixtures("ecr")
def test_what_aws_refuses_is_told_with_what_is_needed(tmp_path: Path) -> None:
    late = pusher(Recorded())
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "UploadLayerPart")

    def refuse(**_: Any) -> None:
        raise denied

    late._ecr.meta.events.register("before-parameter-build.ecr.UploadLayerPart", refuse)
    with pytest.raises(PushError, match="AWS refused UploadLayerPart: not you") as refused:
        late.push(build(tmp_path, *LAYERS))
    assert "ecr:UploadLayerPart" in refused.value.remedy


@pytest.mark.parametrize(
    ("endpoint", "is_here"),
    [
        ("http://127.0.0.1:15000", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("https://ecr.us-east-1.amazonaws.com", False),
        ("", False),
    ],
)
def test_no_proxy_leads_to_an_endpoint_on_this_machine(endpoint: str, *, is_here: bool) -> None:
    assert is_this_machine(endpoint) == is_here
