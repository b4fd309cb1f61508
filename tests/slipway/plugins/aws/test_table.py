"""The table against the official SDK: what it calls things, what it requires, what it would pass over."""

import importlib
import inspect
import re
import sys
import typing
from typing import Any

import pytest
from pulumi import _types

from slipway.plugins.aws.expressions import EACH
from slipway.plugins.aws.functions import FUNCTIONS
from slipway.plugins.aws.kinds import KINDS, UnknownTokenError, kind_of
from slipway.plugins.aws.table import Kind
from slipway.plugins.aws.validation import passed_over
from slipway.plugins.properties import render

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK warns of its own modules


def official(token: str) -> Any:
    """The SDK's class or function of a token: `aws:ec2/vpc:Vpc`."""
    _, module, name = token.split(":")
    package = module.partition("/")[0]
    if name.startswith("get"):
        file = importlib.import_module(
            f"pulumi_aws.{module.removeprefix('index/').replace('/', '.')}".replace(name, _snake(name))
        )
        return getattr(file, _snake(name))
    return getattr(importlib.import_module(f"pulumi_aws.{package}"), name)


def _snake(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name)


def arguments(token: str) -> Any:
    """The SDK's class of a resource's inputs; `…InitArgs` where a structure has the plain name."""
    made = official(token)
    module = sys.modules[made.__module__]
    return getattr(module, f"{made.__name__}InitArgs", None) or getattr(module, f"{made.__name__}Args")


def inputs(token: str) -> dict[str, str]:
    """Names of the inputs, by their Python names."""
    return dict(_types.input_type_py_to_pulumi_names(arguments(token)))


def required(token: str) -> set[str]:
    names = inputs(token)
    parameters = inspect.signature(arguments(token).__init__).parameters
    return {
        names[name] for name, each in parameters.items() if name in names and each.default is inspect.Parameter.empty
    }


def getters(cls: Any) -> dict[str, Any]:
    """Properties of a class of the SDK, by their Pulumi names (`@pulumi.getter(name=…)` keeps them on the getter)."""
    found = [each.fget for each in vars(cls).values() if isinstance(each, property)]
    return {str(name): getter for getter in found if (name := getattr(getter, "_pulumi_name", None))}


def structure(token: str, getter: Any) -> Any:
    """The SDK's class of a structure that an input is made of (`Optional[Input['XArgs']]`); none for a plain one."""
    named = re.search(r"'(\w+Args)'", str(getter.__annotations__["return"]))
    package = official(token).__module__.rpartition(".")[0]
    return getattr(importlib.import_module(f"{package}._inputs"), named[1]) if named else None


@pytest.mark.parametrize("token", KINDS)
def test_an_entry_speaks_of_the_official_properties_only(token: str) -> None:
    kind = KINDS[token]
    assert kind.inputs <= set(inputs(token).values())
    assert kind.outputs.keys() <= getters(official(token)).keys() | set(inputs(token).values())
    assert required(token) <= kind.inputs
    assert set(kind.computed) | kind.defaults.keys() | kind.numbers.keys() | set(kind.free) <= kind.inputs
    assert not set(kind.computed) & kind.defaults.keys()
    assert not required(token) & kind.defaults.keys()


@pytest.mark.parametrize("token", [token for token, kind in KINDS.items() if any(len(p) > 1 for p in kind.followed)])
def test_what_it_follows_below_a_property_is_official_too(token: str) -> None:
    deep = [path for path in KINDS[token].followed if len(path) > 1]
    assert deep
    for path in deep:
        cls = arguments(token)
        for step in (each for each in path if isinstance(each, str) and each != EACH):
            assert step in getters(cls), path
            cls = structure(token, getters(cls)[step])


@pytest.mark.parametrize("token", KINDS)
def test_an_official_property_that_is_not_followed_is_refused_by_name(token: str) -> None:
    kind = KINDS[token]
    given = dict.fromkeys(inputs(token).values(), "x")
    refused = {fault.property for fault in passed_over(kind, given)}
    assert refused == given.keys() - kind.inputs - {"tags", "region"}


def test_positions_that_are_not_followed_are_refused() -> None:
    token = "aws:ecr/repository:Repository"
    given = {"encryptionConfigurations": [{"encryptionType": "AES256"}, {"encryptionType": "KMS"}]}
    assert [fault.property for fault in passed_over(KINDS[token], given)] == [render(("encryptionConfigurations", 1))]


@pytest.mark.parametrize("token", KINDS)
def test_tags_are_followed_where_there_are_any(token: str) -> None:
    kind = KINDS[token]
    assert ("tags" in inputs(token).values()) == (kind.tagging is not None or "tags" in kind.changeable)


@pytest.mark.parametrize("token", FUNCTIONS)
def test_a_function_takes_and_gives_what_the_official_one_does(token: str) -> None:
    function = official(token)
    taken = {_camel(name) for name in inspect.signature(function).parameters if name not in {"opts", "id"}}
    assert FUNCTIONS[token].follows <= taken
    result = next(
        each
        for name, each in vars(sys.modules[function.__module__]).items()
        if name.startswith("Get") and name.endswith("Result")
    )
    assert getters(result).keys() >= RESULTS[token]
    plain = {name for name, getter in getters(result).items() if not _is_optional(getter)}
    assert plain <= RESULTS[token]


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(each.title() for each in rest)


def _is_optional(getter: Any) -> bool:
    return type(None) in typing.get_args(inspect.signature(getter).return_annotation)


RESULTS = {
    "aws:index/getCallerIdentity:getCallerIdentity": {"accountId", "arn", "id", "userId"},
    "aws:index/getRegion:getRegion": {"description", "endpoint", "id", "name", "region"},
    "aws:index/getPartition:getPartition": {"dnsSuffix", "id", "partition", "reverseDnsPrefix"},
    "aws:index/getAvailabilityZones:getAvailabilityZones": {"groupNames", "id", "names", "region", "zoneIds"},
    "aws:iam/getPolicyDocument:getPolicyDocument": {"id", "json", "minifiedJson", "version"},
    "aws:ecr/getImage:getImage": {
        *("id", "imageDigest", "imagePushedAt", "imageSizeInBytes", "imageTags", "imageUri"),
        *("region", "registryId", "repositoryName"),
    },
}
"""What ours give when asked with the least that they need (test_functions_give_what_is_promised)."""


def test_an_unknown_token_is_named_with_the_place_of_the_table() -> None:
    with pytest.raises(UnknownTokenError, match=r"aws:ec2/instance:Instance.*slipway/plugins/aws/kinds/"):
        kind_of("aws:ec2/instance:Instance")


def test_every_kind_can_be_read_and_deleted() -> None:
    assert [token for token, kind in KINDS.items() if kind.read is None or kind.delete is None] == []
    assert all(isinstance(kind, Kind) for kind in KINDS.values())
