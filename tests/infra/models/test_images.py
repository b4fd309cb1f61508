"""Images in ECR: which are, and what the program does when one is absent."""

import pytest

from infra.models.images import EcrImage, in_ecr
from tests.infra import program
from tests.infra.graphs import config_of
from tests.infra.settings.stackfiles import VALID, as_engine

DIGEST, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
REGISTRY = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
LOOKUP = {
    "registryId": "111122223333",
    "region": "us-east-1",
    "repositoryName": "digits",
    "imageDigest": DIGEST,
}


def test_the_parts_of_a_reference() -> None:
    assert EcrImage.of(f"111122223333.dkr.ecr.eu-central-1.amazonaws.com/team/digits@{DIGEST}") == EcrImage(
        account="111122223333", region="eu-central-1", repository="team/digits", digest=DIGEST
    )
    assert EcrImage.of(f"111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/digits@{DIGEST}") == EcrImage(
        account="111122223333", region="cn-north-1", repository="digits", digest=DIGEST
    )


@pytest.mark.parametrize(
    "reference",
    [
        f"localhost/slipway/digits@{DIGEST}",
        f"public.ecr.aws/team/digits@{DIGEST}",
        f"11112222333.dkr.ecr.us-east-1.amazonaws.com/digits@{DIGEST}",
        f"{REGISTRY}.example.com/digits@{DIGEST}",
        f"{REGISTRY}/digits:v1",
    ],
)
def test_what_is_in_no_registry_of_ecr(reference: str) -> None:
    assert in_ecr({"digits": reference}) == {}


def dev(**images: str) -> dict[str, str]:
    """The stack `dev` with models of these images."""
    models = {
        name: {"pool": "cpu-serving", "image": image, "resources": {"cpu": "1", "memory": "1Gi"}}
        for name, image in images.items()
    }
    return {**config_of("dev"), **as_engine({"slipway:models": models})}


def test_a_model_whose_image_is_there_is_deployed() -> None:
    outcome = program.run(dev(digits=f"{REGISTRY}/digits@{DIGEST}"), stack="dev", registry={DIGEST: ""})
    assert outcome.error == ""
    assert outcome.lookups == [LOOKUP]
    assert "slipway:models:ModelService" in {resource["type"] for resource in outcome.resources.values()}


@pytest.mark.parametrize(
    "said",
    [
        "reading ECR Images: couldn't find resource",
        "reading ECR Images: operation error ECR: DescribeImages, ImageNotFoundException: it does not exist",
    ],
)
def test_nothing_is_registered_when_images_are_absent(said: str) -> None:
    images = {"digits": f"{REGISTRY}/digits@{DIGEST}", "words": f"{REGISTRY}/words@{OTHER}"}
    outcome = program.run(dev(**images), stack="dev", registry={DIGEST: said, OTHER: said})
    assert outcome.resources == {}
    assert outcome.error == (
        "RunError: 2 images are absent, nothing was changed\n"
        f"  slipway:models.digits.image: digits@{DIGEST} is not in the registry of 111122223333 in us-east-1\n"
        f"  slipway:models.words.image: words@{OTHER} is not in the registry of 111122223333 in us-east-1\n"
        "  push with `slipway build digits words --push` and take the line that it prints; on one machine, "
        "`slipway build digits words`, take its digest, and `slipway up dev`"
    )


def test_one_that_is_absent_is_named_alone() -> None:
    images = {"digits": f"{REGISTRY}/digits@{DIGEST}", "words": f"{REGISTRY}/words@{OTHER}"}
    outcome = program.run(dev(**images), stack="dev", registry={DIGEST: "", OTHER: "ImageNotFoundException"})
    assert outcome.error.startswith("RunError: 1 image is absent, nothing was changed\n  slipway:models.words.image: ")
    assert "digits@" not in outcome.error


def test_a_registry_that_does_not_answer_is_another_fault() -> None:
    said = "AccessDeniedException: you may not"
    outcome = program.run(dev(digits=f"{REGISTRY}/digits@{DIGEST}"), stack="dev", registry={DIGEST: said})
    assert outcome.resources == {}
    assert outcome.error.startswith("RunError: slipway:models.digits.image could not be looked up in the registry of")
    assert said in outcome.error
    assert "ecr:DescribeImages" in outcome.error
    assert "absent" not in outcome.error


def test_images_elsewhere_are_not_looked_up() -> None:
    outcome = program.run(dev(digits=f"somewhere/digits@{DIGEST}"), stack="dev", registry={})
    assert (outcome.error, outcome.lookups) == ("", [])


def test_a_stack_that_is_not_in_aws_asks_nobody() -> None:
    config = {**VALID, "slipway:models": {"digits": {**VALID["slipway:models"]["digits"]}}}
    config["slipway:models"]["digits"]["image"] = f"{REGISTRY}/digits@{DIGEST}"
    outcome = program.run(as_engine(config), stack="local", registry={})
    assert (outcome.error, outcome.lookups) == ("", [])
