"""Where a stack is in AWS: names, ARNs and tags."""

import pytest

from infra.place import Place, StackNameError, place_of
from tests.infra.builders import place, settings


def test_arns_are_of_the_place_unless_told_otherwise() -> None:
    here = place()
    assert here.arn("eks", "cluster/k") == "arn:aws:eks:us-east-1:111122223333:cluster/k"
    assert here.arn("s3", "bucket", region="", account="") == "arn:aws:s3:::bucket"
    assert here.role("r") == "arn:aws:iam::111122223333:role/r"
    assert here.aws_policy("job-function/ViewOnlyAccess") == "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_the_partition_is_that_of_the_region(region: str, partition: str) -> None:
    here = Place(stack="dev", region=region, account="111122223333", owner="o", cost_center="c")
    assert here.arn("kms", "key/x").split(":")[1] == partition


def test_tags_say_whose_it_is_and_of_which_model() -> None:
    assert place().tags("model-digits", model="digits") == {
        "Name": "slipway-prod-model-digits",
        "stack": "prod",
        "owner": "platform",
        "cost-center": "ml",
        "managed-by": "pulumi",
        "model": "digits",
    }


def test_a_long_role_name_is_cut_and_still_its_own() -> None:
    here = place("a-stack-with-20-char")
    names = [here.role_name(f"model-{'x' * 39}{last}") for last in "ab"]
    assert {len(name) for name in names} == {64}
    assert len({*names}) == 2
    assert here.role_name("cni") == "slipway-a-stack-with-20-char-cni"


def test_a_stack_without_anything_in_aws_has_no_place() -> None:
    assert place_of(settings(tags=None), "local") is None


@pytest.mark.parametrize("stack", ["Prod", "eu.prod", "a" * 21, "-dev", "dev-", "9"])
def test_a_stack_with_a_name_that_aws_does_not_take_is_refused(stack: str) -> None:
    with pytest.raises(StackNameError, match="at most 20 lower-case letters, digits and dashes") as refused:
        place_of(settings(), stack)
    assert repr(stack) in str(refused.value)


def test_a_long_region_leaves_less_for_the_stack_s_name() -> None:
    far = settings().model_copy(update={"region": "us-isof-south-1"})
    assert place_of(far, "a" * 19) is not None
    with pytest.raises(StackNameError, match="at most 19 lower-case letters"):
        place_of(far, "a" * 20)
