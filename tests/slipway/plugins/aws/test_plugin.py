"""The offline aws plugin against the endpoint. One test for each promise: `make faults` breaks each."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from infra.models.lookup import _ABSENT
from slipway.embedded.aws.endpoint import tell_images
from slipway.plugins.aws import expressions, kinds, resource
from slipway.plugins.aws.policies import policy_document
from slipway.plugins.offline import MARK
from slipway.plugins.properties import UNKNOWN, Secret, decode, encode
from tests.slipway.plugins.aws.conftest import Connect, plugin
from tests.slipway.plugins.aws.test_table import RESULTS
from tests.slipway.plugins.plugin_client import Plugin, PluginError, Resource

IMAGE = "aws:ecr/getImage:getImage"
QUEUE = "aws:sqs/queue:Queue"
VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
NAT = "aws:ec2/natGateway:NatGateway"
ROLE = "aws:iam/role:Role"
LOGS = "aws:cloudwatch/logGroup:LogGroup"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def attributes(connect: Connect, queue: Resource) -> dict[str, str]:
    reply = connect("sqs").get_queue_attributes(QueueUrl=queue.identity, AttributeNames=["All"])
    return dict(reply["Attributes"])


def replaces(answer: Any) -> list[str]:
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
    return sorted(answer.replaces)


def test_delete_removes_it_and_deleting_what_is_gone_is_fine(aws: Plugin, connect: Connect, name: str) -> None:
    queue = aws.create(QUEUE, "q", {"name": name})
    aws.delete(queue)
    assert "QueueUrls" not in connect("sqs").list_queues(QueueNamePrefix=name)
    aws.delete(queue)


def test_a_change_is_an_update_that_names_the_property(aws: Plugin, name: str) -> None:
    queue = aws.create(QUEUE, "q", {"name": name, "delaySeconds": 5})
    answer = aws.diff(queue, {"name": name, "delaySeconds": 6})
    assert replaces(answer) == []
    assert dict(answer.detailedDiff).keys() == {"delaySeconds"}
    assert aws.diff(queue, {"name": name, "delaySeconds": 5}).changes == provider_pb2.DiffResponse.DIFF_NONE
    aws.delete(queue)


def test_an_update_reaches_aws_and_the_state(aws: Plugin, connect: Connect, name: str) -> None:
    queue = aws.create(QUEUE, "q", {"name": name, "delaySeconds": 5})
    updated = aws.update(queue, {"name": name, "delaySeconds": 6})
    assert attributes(connect, queue)["DelaySeconds"] == "6"
    assert updated.outputs["delaySeconds"] == 6
    aws.delete(updated)


def test_a_property_taken_out_of_the_program_goes_back_to_its_default(aws: Plugin, connect: Connect, name: str) -> None:
    queue = aws.create(QUEUE, "q", {"name": name, "visibilityTimeoutSeconds": 60})
    assert dict(aws.diff(queue, {"name": name}).detailedDiff).keys() == {"visibilityTimeoutSeconds"}
    updated = aws.update(queue, {"name": name})
    assert attributes(connect, queue)["VisibilityTimeout"] == "30"
    aws.delete(updated)


def test_what_aws_fills_in_is_no_change(aws: Plugin, name: str) -> None:
    queue = aws.create(QUEUE, "q", {"name": name})
    read = aws.read(queue)
    assert read is not None
    assert read.outputs["sqsManagedSseEnabled"] is True
    adopted = Resource(read.urn, read.identity, {**read.inputs, "sqsManagedSseEnabled": True}, read.outputs)
    assert aws.diff(adopted, {"name": name}).changes == provider_pb2.DiffResponse.DIFF_NONE
    aws.delete(queue)


def test_a_property_that_can_only_be_given_at_creation_means_a_new_resource(aws: Plugin) -> None:
    vpc = aws.create(VPC, "v", {"cidrBlock": "10.91.0.0/16"})
    assert replaces(aws.diff(vpc, {"cidrBlock": "10.92.0.0/16"})) == ["cidrBlock"]
    assert replaces(aws.diff(vpc, {"cidrBlock": "10.91.0.0/16", "enableDnsHostnames": True})) == []
    aws.delete(vpc)


def test_what_has_a_fixed_name_is_deleted_before_it_is_replaced(aws: Plugin, name: str) -> None:
    fixed = aws.create(QUEUE, "q", {"name": name})
    assert aws.diff(fixed, {"name": name, "fifoQueue": True}).deleteBeforeReplace is True
    named = aws.create(QUEUE, name, {})
    assert aws.diff(named, {"fifoQueue": True}).deleteBeforeReplace is False
    for each in (fixed, named):
        aws.delete(each)


def test_a_resource_without_a_name_is_given_one_of_its_own_that_stays(aws: Plugin, name: str) -> None:
    first = aws.create(QUEUE, name, {})
    assert first.outputs["name"].startswith(f"{name}-")
    assert len(first.outputs["name"]) == len(name) + 8
    assert aws.check(QUEUE, name, {"delaySeconds": 3}, first)["name"] == first.outputs["name"]
    aws.delete(first)


def test_a_preview_makes_nothing_and_leaves_open_what_only_aws_knows(aws: Plugin, connect: Connect, name: str) -> None:
    planned = aws.create(QUEUE, "q", {"name": name}, preview=True)
    assert "QueueUrls" not in connect("sqs").list_queues(QueueNamePrefix=name)
    assert planned.identity == ""
    assert planned.outputs["name"] == name
    assert planned.outputs["arn"] is UNKNOWN


def test_a_preview_of_an_update_changes_nothing_and_hides_secrets(aws: Plugin, connect: Connect, name: str) -> None:
    queue = aws.create(QUEUE, "q", {"name": name, "tags": {"word": Secret("sesame")}})
    planned = aws.update(queue, {"name": name, "delaySeconds": 9, "tags": {"word": Secret("sesame")}}, preview=True)
    assert attributes(connect, queue)["DelaySeconds"] == "0"
    assert planned.outputs["delaySeconds"] == 9
    assert planned.outputs["tagsAll"]["word"] == Secret("sesame")
    aws.delete(queue)


def test_creation_waits_until_it_can_be_used(
    aws: Plugin, connect: Connect, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    asked: list[str] = []
    original = expressions.search

    def slow(expression: str, context: Any) -> Any:
        if expression == "item.State == 'available'":
            asked.append(context["item"]["State"])
            return len(asked) > 2
        return original(expression, context)

    monkeypatch.setattr(resource, "search", slow)
    monkeypatch.setattr(resource, "_POLL_SECONDS", 0.01)
    vpc = aws.create(VPC, name, {"cidrBlock": "10.93.0.0/16"})
    subnet = aws.create(SUBNET, name, {"vpcId": vpc.identity, "cidrBlock": "10.93.0.0/24"})
    nat = aws.create(NAT, name, {"subnetId": subnet.identity, "connectivityType": "private"})
    assert len(asked) == 3
    assert connect("ec2").describe_nat_gateways(NatGatewayIds=[nat.identity])["NatGateways"][0]["State"] == "available"
    for each in (nat, subnet, vpc):
        aws.delete(each)


def test_what_was_made_and_then_failed_is_recorded_with_the_reason(
    aws: Plugin, connect: Connect, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kind = kinds.KINDS[LOGS]
    setting = kind.settings[0]
    broken = type(setting)(
        on=setting.on,
        call=type(setting.call)(
            operation="put_retention_policy",
            params={"logGroupName": "'/not/there'", "retentionInDays": "retentionInDays"},
        ),
    )
    monkeypatch.setitem(kinds.KINDS, LOGS, type(kind)(**{**vars(kind), "settings": (broken,)}))
    with pytest.raises(PluginError, match="ResourceNotFound") as failed:
        aws.create(LOGS, "l", {"name": f"/{name}", "retentionInDays": 7})
    assert failed.value.partial.id == f"/{name}"
    assert decode(failed.value.partial.properties)[MARK] is True
    connect("logs").delete_log_group(logGroupName=f"/{name}")


def test_default_tags_of_the_provider_are_put_on_everything(shell: str, connect: Connect, name: str) -> None:
    assert shell
    with plugin(defaultTags=json.dumps({"tags": {"team": "ml", "stage": "dev"}})) as aws:
        queue = aws.create(QUEUE, "q", {"name": name, "tags": {"stage": "prod"}})
    tags = connect("sqs").list_queue_tags(QueueUrl=queue.identity)["Tags"]
    assert tags == {"team": "ml", "stage": "prod"}
    assert queue.outputs["tagsAll"] == tags
    aws_tags_unknown(shell)
    connect("sqs").delete_queue(QueueUrl=queue.identity)


def aws_tags_unknown(shell: str) -> None:
    """Tags that are not known yet stay so."""
    assert shell
    with plugin(defaultTags=json.dumps({"tags": {"team": "ml"}})) as aws:
        assert aws.check(QUEUE, "q", {"tags": UNKNOWN})["tags"] is UNKNOWN


def test_tags_that_are_taken_out_are_taken_away(aws: Plugin, connect: Connect) -> None:
    vpc = aws.create(VPC, "v", {"cidrBlock": "10.94.0.0/16", "tags": {"a": "1", "b": "2"}})
    vpc = aws.update(vpc, {"cidrBlock": "10.94.0.0/16", "tags": {"b": "3"}})
    (seen,) = connect("ec2").describe_vpcs(VpcIds=[vpc.identity])["Vpcs"]
    assert seen["Tags"] == [{"Key": "b", "Value": "3"}]
    assert vpc.outputs["tagsAll"] == {"b": "3"}
    aws.delete(vpc)


def test_a_refresh_sees_what_others_changed_and_nothing_else(aws: Plugin, connect: Connect, name: str) -> None:
    queue = aws.create(QUEUE, "q", {"name": name, "delaySeconds": 5, "tags": {"a": "1"}})
    read = aws.read(queue)
    assert read is not None
    assert read.inputs == queue.inputs
    connect("sqs").set_queue_attributes(QueueUrl=queue.identity, Attributes={"DelaySeconds": "7"})
    connect("sqs").tag_queue(QueueUrl=queue.identity, Tags={"by": "hand"})
    read = aws.read(queue)
    assert read is not None
    assert read.inputs == {**queue.inputs, "delaySeconds": 7, "tags": {"a": "1", "by": "hand"}}
    aws.delete(queue)
    assert aws.read(queue) is None


def test_secret_inputs_are_secret_wherever_the_state_repeats_them(aws: Plugin, name: str) -> None:
    hidden = Secret(TRUST)
    role = aws.create(ROLE, "r", {"name": name, "assumeRolePolicy": hidden, "tags": Secret({"word": "sesame"})})
    assert role.outputs["assumeRolePolicy"] == hidden
    assert role.outputs["tags"] == role.outputs["tagsAll"] == Secret({"word": "sesame"})
    aws.delete(role)


def test_what_is_in_use_for_a_moment_is_waited_for(aws: Plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals: list[str] = []
    original = resource._InUseError

    class Counted(original):  # type: ignore[misc, valid-type]
        def __init__(self, message: str) -> None:
            refusals.append(message)
            super().__init__(message)
            if len(refusals) == 2:
                aws.delete(subnet)

    monkeypatch.setattr(resource, "_InUseError", Counted)
    monkeypatch.setattr(resource, "_POLL_SECONDS", 0.01)
    vpc = aws.create(VPC, "v", {"cidrBlock": "10.95.0.0/16"})
    subnet = aws.create(SUBNET, "s", {"vpcId": vpc.identity, "cidrBlock": "10.95.0.0/24"})
    aws.delete(vpc)
    assert len(refusals) == 2
    assert "DependencyViolation" in refusals[0]
    assert aws.read(vpc) is None


def test_what_stays_in_use_is_an_error_in_the_end(aws: Plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "_IN_USE_SECONDS", 0.1)
    monkeypatch.setattr(resource, "_POLL_SECONDS", 0.01)
    vpc = aws.create(VPC, "v", {"cidrBlock": "10.95.0.0/16"})
    subnet = aws.create(SUBNET, "s", {"vpcId": vpc.identity, "cidrBlock": "10.95.0.0/24"})
    with pytest.raises(PluginError, match="DependencyViolation"):
        aws.delete(vpc)
    for each in (subnet, vpc):
        aws.delete(each)


def test_an_unknown_token_is_an_error_that_says_where_to_add_it(aws: Plugin) -> None:
    with pytest.raises(PluginError, match=r"aws:lambda/function:Function.*slipway/plugins/aws/kinds/"):
        aws.check("aws:lambda/function:Function", "f", {})


def test_an_unknown_function_and_an_argument_that_is_not_followed_are_errors(aws: Plugin) -> None:
    with pytest.raises(PluginError, match=r"aws:ec2/getAmi:getAmi.*slipway/plugins/aws/functions.py"):
        aws.call("Invoke", provider_pb2.InvokeRequest(tok="aws:ec2/getAmi:getAmi"))
    token = "aws:index/getAvailabilityZones:getAvailabilityZones"
    reply = aws.call(
        "Invoke",
        provider_pb2.InvokeRequest(tok=token, args=encode({"allAvailabilityZones": True, "state": "available"})),
    )
    assert [failure.property for failure in reply.failures] == ["allAvailabilityZones"]
    assert "it follows excludeNames, excludeZoneIds, filters, region, state" in reply.failures[0].reason


@pytest.fixture
def image(shell: str) -> Iterator[dict[str, str]]:
    """An image in the registry of another account, as a program asks for it."""
    manifest = json.dumps({"schemaVersion": 2, "mediaType": "x/y", "layers": [], "config": {"size": 7}})
    digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
    reference = f"999988887777.dkr.ecr.eu-west-1.amazonaws.com/digits@{digest}"
    tell_images(shell, {reference: {"tag": "v1", "manifest": manifest}})
    yield {
        "registryId": "999988887777",
        "region": "eu-west-1",
        "repositoryName": "digits",
        "imageDigest": digest,
    }
    tell_images(shell, {})


@pytest.mark.parametrize("token", RESULTS)
def test_functions_give_what_is_promised(aws: Plugin, token: str, image: dict[str, str]) -> None:
    args = image if token == IMAGE else {}
    reply = aws.call("Invoke", provider_pb2.InvokeRequest(tok=token, args=encode(args)))
    assert decode(getattr(reply, "return")).keys() == RESULTS[token]


def test_an_image_of_another_account_and_region_is_found(aws: Plugin, image: dict[str, str]) -> None:
    reply = aws.call("Invoke", provider_pb2.InvokeRequest(tok=IMAGE, args=encode(image)))
    found = decode(getattr(reply, "return"))
    assert {name: found[name] for name in image} == image
    assert found["imageTags"] == ["v1"]
    assert found["imageUri"] == f"999988887777.dkr.ecr.eu-west-1.amazonaws.com/digits@{image['imageDigest']}"
    assert found["id"] == image["imageDigest"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"imageDigest": f"sha256:{'0' * 64}"}, "ImageNotFoundException"),
        ({"repositoryName": "nothing"}, "couldn't find resource"),
        ({"region": "us-east-1"}, "couldn't find resource"),
    ],
)
def test_an_image_that_is_absent_is_an_error_that_the_program_knows(
    aws: Plugin, image: dict[str, str], change: dict[str, str], said: str
) -> None:
    with pytest.raises(PluginError, match=f"reading ECR Images: .*{said}"):
        aws.call("Invoke", provider_pb2.InvokeRequest(tok=IMAGE, args=encode({**image, **change})))
    assert said in _ABSENT


def test_a_policy_is_written_as_the_official_plugin_writes_it() -> None:
    statement = {
        "sid": "Read",
        "actions": ["s3:GetObject", "s3:PutObject"],
        "resources": ["arn:aws:s3:::b/&{aws:username}"],
        "principals": [{"type": "Service", "identifiers": ["ec2.amazonaws.com"]}],
        "conditions": [{"test": "StringEquals", "variable": "aws:x", "values": ["b", "a"]}],
    }
    written = policy_document({"statements": [statement]})["json"]
    assert list(json.loads(written)) == ["Version", "Statement"]
    (read,) = json.loads(written)["Statement"]
    assert list(read) == ["Sid", "Effect", "Action", "Resource", "Principal", "Condition"]
    assert read["Action"] == ["s3:PutObject", "s3:GetObject"]
    assert read["Resource"] == "arn:aws:s3:::b/${aws:username}"
    assert read["Principal"] == {"Service": "ec2.amazonaws.com"}
    assert read["Condition"] == {"StringEquals": {"aws:x": ["b", "a"]}}


def test_another_region_of_the_provider_means_other_resources(aws: Plugin) -> None:
    request = provider_pb2.DiffRequest(old_inputs=encode({"region": "us-east-1"}), news=encode({"region": "eu-west-1"}))
    assert list(aws.call("DiffConfig", request).replaces) == ["region"]


def test_a_setting_of_the_provider_that_is_not_followed_is_refused(aws: Plugin) -> None:
    request = provider_pb2.CheckRequest(news=encode({"region": "us-east-1", "httpProxy": "http://x"}))
    (failure,) = aws.call("CheckConfig", request).failures
    assert failure.property == "httpProxy"
    assert "allowedAccountIds" in failure.reason
