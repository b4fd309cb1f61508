"""Which registry is pushed to: what the stack files say."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.building.registry import Registry, registry_of
from slipway.errors import PushError
from slipway.paths import REPOSITORY


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copytree(REPOSITORY / "stacks", tmp_path / "stacks")
    return tmp_path


def written(checkout: Path, stack: str, **changes: Any) -> None:
    """The file of `shared` as that of a stack, with other values for some keys; None takes one out."""
    content = yaml.safe_load((REPOSITORY / "stacks" / "Pulumi.shared.yaml").read_text())
    config = {**content["config"], **changes}
    content["config"] = {key: value for key, value in config.items() if value is not None}
    (checkout / "stacks" / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(content))


def test_it_is_that_of_the_one_stack_with_a_registry(checkout: Path) -> None:
    found = registry_of(checkout=checkout)
    assert found == Registry("shared", "111122223333", "us-east-1", ("digits",))
    assert found.address == "111122223333.dkr.ecr.us-east-1.amazonaws.com"


def test_in_china_an_address_ends_otherwise() -> None:
    assert Registry("s", "1" * 12, "cn-north-1", ()).address.endswith(".dkr.ecr.cn-north-1.amazonaws.com.cn")


def test_of_several_one_has_to_be_named(checkout: Path) -> None:
    written(checkout, "other", **{"aws:allowedAccountIds": ["999988887777"]})
    with pytest.raises(PushError, match="other, shared have slipway:registry") as refused:
        registry_of(checkout=checkout)
    assert "--stack NAME" in refused.value.remedy
    assert registry_of("other", checkout=checkout).account == "999988887777"


def test_a_stack_that_is_named_must_be_there_and_have_one(checkout: Path) -> None:
    with pytest.raises(PushError, match="there is no stack 'nowhere'; stacks/ has dev, local, prod, shared, staging"):
        registry_of("nowhere", checkout=checkout)
    with pytest.raises(PushError, match=r"Pulumi.dev.yaml has no slipway:registry"):
        registry_of("dev", checkout=checkout)


def test_without_any_registry_there_is_nowhere_to_push_to(checkout: Path) -> None:
    (checkout / "stacks" / "Pulumi.shared.yaml").unlink()
    with pytest.raises(PushError, match="no stack file has slipway:registry"):
        registry_of(checkout=checkout)
