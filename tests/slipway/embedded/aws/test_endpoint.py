"""The AWS endpoint: an account of its own, and a memory that survives being killed."""

import contextlib
import hashlib
import json
import os
import signal
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from slipway.embedded.aws.endpoint import tell_images
from slipway.embedded.aws.operations import Operation, operation_of, take_wait, without_bytes
from tests.slipway.embedded.aws.serving import ACCOUNT, Endpoint


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    made = Endpoint(tmp_path_factory.mktemp("aws") / "journal.jsonl")
    made.start()
    yield made
    assert made.stop() == 0


def everything(endpoint: Endpoint, names: dict[str, Any]) -> dict[str, Any]:
    """What AWS would show of everything that the test makes."""
    asked: dict[str, tuple[str, str, dict[str, Any]]] = {
        "vpcs": ("ec2", "describe_vpcs", {}),
        "subnets": ("ec2", "describe_subnets", {}),
        "instances": ("ec2", "describe_instances", {}),
        "roles": ("iam", "list_roles", {}),
        "cluster": ("eks", "describe_cluster", {"name": "k"}),
        "key": ("kms", "describe_key", {"KeyId": names["key"]}),
        "repositories": ("ecr", "describe_repositories", {}),
        "objects": ("s3", "list_objects_v2", {"Bucket": "models"}),
        "queue": ("sqs", "get_queue_attributes", {"QueueUrl": names["queue"], "AttributeNames": ["All"]}),
        "rules": ("events", "list_rules", {}),
        "secrets": ("secretsmanager", "list_secrets", {}),
    }
    shown: dict[str, Any] = {}
    for name, (service, operation, arguments) in asked.items():
        reply = getattr(endpoint.client(service), operation)(**arguments)
        reply.pop("ResponseMetadata")
        shown[name] = json.loads(json.dumps(reply, default=str))
    return shown


def test_a_killed_endpoint_remembers_everything_as_it_was(endpoint: Endpoint) -> None:
    ec2, s3, sqs = endpoint.client("ec2"), endpoint.client("s3"), endpoint.client("sqs")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"] for n in range(2)]
    ec2.run_instances(ImageId="ami-12345678", MinCount=2, MaxCount=2, SubnetId=subnets[0])
    s3.create_bucket(Bucket="models")
    s3.put_object(Bucket="models", Key="a folder/ünïcode+plus", Body=b"weights" * 1000)
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    for body in ("one", "two"):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    taken = sqs.receive_message(QueueUrl=queue)["Messages"][0]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=taken["ReceiptHandle"])
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = endpoint.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    endpoint.client("eks").create_cluster(name="k", roleArn=role, resourcesVpcConfig={"subnetIds": subnets})
    key = endpoint.client("kms").create_key()["KeyMetadata"]["KeyId"]
    secret = endpoint.client("kms").encrypt(KeyId=key, Plaintext=b"open sesame")["CiphertextBlob"]
    endpoint.client("ecr").create_repository(repositoryName="digits")
    endpoint.client("events").put_rule(Name="rule", EventPattern='{"source": ["aws.ec2"]}')
    endpoint.client("secretsmanager").create_secret(Name="token", SecretString="x")
    names = {"key": key, "queue": queue}
    before = everything(endpoint, names)
    assert ACCOUNT in role

    endpoint.stop(signal.SIGKILL)
    endpoint.start()

    assert everything(endpoint, names) == before
    assert endpoint.client("kms").decrypt(CiphertextBlob=secret)["Plaintext"] == b"open sesame"
    stored = endpoint.client("s3").get_object(Bucket="models", Key="a folder/ünïcode+plus")
    assert stored["Body"].read() == b"weights" * 1000
    left = endpoint.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in left] == ["two"]


def test_a_message_that_speaks_of_receiving_is_remembered_as_any_other(endpoint: Endpoint) -> None:
    queue = endpoint.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    endpoint.client("sqs").send_message(QueueUrl=queue, MessageBody="ReceiveMessage")
    endpoint.stop(signal.SIGKILL)
    endpoint.start()
    (message,) = endpoint.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == "ReceiveMessage"


def test_a_line_that_was_cut_short_is_forgotten_and_the_rest_kept(tmp_path: Path) -> None:
    endpoint = Endpoint(tmp_path / "journal.jsonl")
    endpoint.start()
    endpoint.client("s3").create_bucket(Bucket="kept")
    endpoint.stop(signal.SIGKILL)
    with endpoint.memory.open("a") as file:
        file.write('{"at": 1, "seed": "')
    endpoint.start()
    endpoint.client("s3").create_bucket(Bucket="later")
    endpoint.stop(signal.SIGKILL)
    endpoint.start()
    names = {bucket["Name"] for bucket in endpoint.client("s3").list_buckets()["Buckets"]}
    endpoint.stop()
    assert names == {"kept", "later"}


def test_a_whole_line_without_an_end_was_never_confirmed_and_is_forgotten(tmp_path: Path) -> None:
    """Were it kept, the next entry would be written onto the same line, and both be lost."""
    endpoint = Endpoint(tmp_path / "journal.jsonl")
    endpoint.start()
    endpoint.client("s3").create_bucket(Bucket="kept")
    endpoint.client("s3").create_bucket(Bucket="torn")
    endpoint.stop(signal.SIGKILL)
    endpoint.memory.write_bytes(endpoint.memory.read_bytes().removesuffix(b"\n"))
    endpoint.start()
    endpoint.client("s3").create_bucket(Bucket="later")
    endpoint.stop(signal.SIGKILL)
    endpoint.start()
    names = {bucket["Name"] for bucket in endpoint.client("s3").list_buckets()["Buckets"]}
    assert endpoint.health()["failed"] == 0
    endpoint.stop()
    assert names == {"kept", "later"}


def test_what_cannot_be_answered_again_is_told_and_does_not_keep_it_from_starting(tmp_path: Path) -> None:
    endpoint = Endpoint(tmp_path / "journal.jsonl")
    endpoint.start()
    endpoint.client("s3").create_bucket(Bucket="first")
    endpoint.client("s3").create_bucket(Bucket="second")
    endpoint.stop()
    first, second = endpoint.memory.read_text().splitlines()
    impossible = json.dumps({**json.loads(first), "method": "DELETE", "url": "/absent"})
    endpoint.memory.write_text(f'{first}\n{{not json\n{impossible}\n{{"at": 1}}\n{second}\n')
    endpoint.start()
    names = [bucket["Name"] for bucket in endpoint.client("s3").list_buckets()["Buckets"]]
    health, log = endpoint.health(), endpoint.log()
    endpoint.stop()
    assert names == ["first", "second"]
    assert health == {"remembered": 5, "failed": 3, "bytes": endpoint.memory.stat().st_size}
    for number, reason in (
        (2, "JSONDecodeError"),
        (3, "DELETE /absent was answered with status 404"),
        (4, "TypeError"),
    ):
        assert f"{endpoint.memory}:{number}: passed over: {reason}" in log
    assert len(endpoint.memory.read_text().splitlines()) == 5


def test_a_kill_at_any_moment_loses_nothing_that_was_confirmed(tmp_path: Path) -> None:
    endpoint = Endpoint(tmp_path / "journal.jsonl")
    endpoint.start()
    confirmed: list[str] = []

    def write(first: int) -> None:
        sqs = endpoint.client("sqs")
        with contextlib.suppress(BotoCoreError, ClientError):
            for number in range(first, first + 300):
                sqs.create_queue(QueueName=f"q{number}")
                confirmed.append(f"q{number}")

    for round_ in range(2):
        before = len(confirmed)
        writing = threading.Thread(target=write, args=(round_ * 300,))
        writing.start()
        while len(confirmed) < before + 5:
            assert writing.is_alive()
        endpoint.stop(signal.SIGKILL)
        writing.join(timeout=30)
        endpoint.start()
    urls = endpoint.client("sqs").list_queues(MaxResults=1000)["QueueUrls"]
    failed = endpoint.health()["failed"]
    endpoint.stop()
    assert {url.rpartition("/")[2] for url in urls} >= set(confirmed)
    assert failed == 0


def test_objects_in_parts_and_with_versions_survive(endpoint: Endpoint) -> None:
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="parts")
    s3.put_bucket_versioning(Bucket="parts", VersioningConfiguration={"Status": "Enabled"})
    upload = s3.create_multipart_upload(Bucket="parts", Key="big")["UploadId"]
    bodies = [bytes([n]) * (5 * 2**20) for n in (1, 2)]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(Bucket="parts", Key="big", UploadId=upload, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in enumerate(bodies, 1)
    ]
    s3.complete_multipart_upload(Bucket="parts", Key="big", UploadId=upload, MultipartUpload={"Parts": parts})
    versions = [s3.put_object(Bucket="parts", Key="small", Body=body)["VersionId"] for body in (b"\x00\xff", b"new")]
    before = s3.head_object(Bucket="parts", Key="big")

    endpoint.stop(signal.SIGKILL)
    endpoint.start()

    after = s3.head_object(Bucket="parts", Key="big")
    assert {key: after[key] for key in ("ETag", "LastModified", "VersionId", "ContentLength")} == {
        key: before[key] for key in ("ETag", "LastModified", "VersionId", "ContentLength")
    }
    assert s3.get_object(Bucket="parts", Key="big")["Body"].read() == b"".join(bodies)
    old = s3.get_object(Bucket="parts", Key="small", VersionId=versions[0])
    assert old["Body"].read() == b"\x00\xff"


def test_an_image_survives_and_no_bytes_of_its_layers_are_written_down(tmp_path: Path) -> None:
    endpoint = Endpoint(tmp_path / "journal.jsonl")
    endpoint.start()
    endpoint.client("ecr").create_repository(repositoryName="digits")
    config, layer = b"{}", os.urandom(3 * 2**20)
    parts = [{"digest": f"sha256:{hashlib.sha256(each).hexdigest()}", "size": len(each)} for each in (config, layer)]
    ecr = endpoint.client("ecr")
    uploads = [ecr.initiate_layer_upload(repositoryName="digits")["uploadId"] for _ in range(3)]
    for upload, content in zip(uploads, (config, layer, layer), strict=True):
        ecr.upload_layer_part(
            repositoryName="digits",
            uploadId=upload,
            partFirstByte=0,
            partLastByte=len(content) - 1,
            layerPartBlob=content,
        )
    for upload, part in zip(uploads[:2], parts, strict=True):
        ecr.complete_layer_upload(repositoryName="digits", uploadId=upload, layerDigests=[part["digest"]])
    text = json.dumps({"schemaVersion": 2, "mediaType": "x/y", "config": parts[0], "layers": parts[1:]})
    ecr.put_image(repositoryName="digits", imageManifest=text, imageTag="v1")
    asked = {"repositoryName": "digits", "layerDigests": [part["digest"] for part in parts]}

    def shown() -> list[Any]:
        ecr = endpoint.client("ecr")
        return [ecr.describe_images(repositoryName="digits")["imageDetails"], *layers(ecr)]

    def layers(ecr: Any) -> list[Any]:
        found: list[Any] = ecr.batch_check_layer_availability(**asked)["layers"]
        return found

    before = shown()
    assert [each["layerSize"] for each in before[1:]] == [2, 3 * 2**20]
    assert endpoint.memory.stat().st_size < 30_000

    endpoint.stop(signal.SIGKILL)
    endpoint.start()

    assert shown() == before
    assert endpoint.health()["failed"] == 0
    ecr = endpoint.client("ecr")
    with pytest.raises(ecr.exceptions.UploadNotFoundException):  # what of it arrived is not known any more
        ecr.complete_layer_upload(repositoryName="digits", uploadId=uploads[2], layerDigests=[parts[1]["digest"]])
    endpoint.stop()


def test_images_that_other_registries_hold_are_told_once_and_remembered(tmp_path: Path) -> None:
    endpoint = Endpoint(tmp_path / "journal.jsonl")
    endpoint.start()
    manifest = '{"schemaVersion": 2, "mediaType": "x/y"}'
    digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
    reference = f"444455556666.dkr.ecr.us-east-1.amazonaws.com/digits@{digest}"
    for _ in range(2):
        tell_images(endpoint.url, {reference: {"tag": "v1", "manifest": manifest}})
    assert endpoint.health()["remembered"] == 1
    endpoint.stop(signal.SIGKILL)
    endpoint.start()
    wanted = {"repositoryName": "digits", "imageIds": [{"imageDigest": digest}]}
    ecr = endpoint.client("ecr")
    (found,) = ecr.describe_images(registryId="444455556666", **wanted)["imageDetails"]
    assert found["imageTags"] == ["v1"]
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_images(registryId=ACCOUNT, **wanted)
    with pytest.raises(httpx.HTTPStatusError, match="400"):
        tell_images(endpoint.url, {reference: {"tag": "v1", "manifest": "{}"}})
    endpoint.stop()


def test_nobody_else_can_read_what_is_remembered(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.client("secretsmanager").create_secret(Name="hidden", SecretString="open sesame")
    assert stat.S_IMODE(endpoint.memory.stat().st_mode) == 0o600
    found = Endpoint(tmp_path / "new" / "journal.jsonl")
    (tmp_path / "new").mkdir(mode=0o700)
    found.memory.touch(mode=0o644)
    found.start()
    found.stop()
    assert stat.S_IMODE(found.memory.stat().st_mode) == 0o600


def test_its_health_tells_what_is_remembered(endpoint: Endpoint) -> None:
    before = endpoint.health()
    endpoint.client("sqs").create_queue(QueueName="counted")
    after = endpoint.health()
    assert after["remembered"] == before["remembered"] + 1
    assert after["bytes"] == endpoint.memory.stat().st_size > before["bytes"]
    assert after["failed"] == 0


def test_what_changes_nothing_and_what_fails_is_not_remembered(endpoint: Endpoint) -> None:
    before = len(endpoint.memory.read_text().splitlines())
    endpoint.client("ec2").describe_vpcs()
    endpoint.client("s3").list_buckets()
    with pytest.raises(Exception, match="NoSuchBucket"):
        endpoint.client("s3").put_object(Bucket="nowhere", Key="x", Body=b"")
    queue = endpoint.client("sqs").create_queue(QueueName="empty")["QueueUrl"]
    assert "Messages" not in endpoint.client("sqs").receive_message(QueueUrl=queue)
    assert len(endpoint.memory.read_text().splitlines()) == before + 1


def test_one_who_waits_for_a_message_does_not_hold_up_the_others(endpoint: Endpoint) -> None:
    sqs = endpoint.client("sqs")
    queue = sqs.create_queue(QueueName="slow")["QueueUrl"]
    received: list[Any] = []
    waiting = threading.Thread(
        target=lambda: received.append(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20).get("Messages"))
    )
    waiting.start()
    time.sleep(0.5)
    endpoint.client("ec2").describe_vpcs()
    assert waiting.is_alive()
    endpoint.client("sqs").send_message(QueueUrl=queue, MessageBody="here")
    waiting.join(timeout=15)
    assert received[0][0]["Body"] == "here"


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (("POST", "/", FORM, b"Action=CreateVpc&X=1"), Operation("CreateVpc", changes=True)),
        (("POST", "/", FORM, b"Action=DescribeVpcs"), Operation("DescribeVpcs", changes=False)),
        (("POST", "/", {"X-Amz-Target": "AmazonSQS.SendMessage"}, b"{}"), Operation("SendMessage", changes=True)),
        (("POST", "/", {"X-Amz-Target": "AWSEvents.ListRules"}, b"{}"), Operation("ListRules", changes=False)),
        (("POST", "/service/X/operation/PutMetricData", {}, b""), Operation("PutMetricData", changes=True)),
        (("PUT", "/bucket/key", {}, b"x"), Operation("PUT", changes=True)),
        (("GET", "/bucket/key", {}, b""), Operation("GET", changes=False)),
        (("DELETE", "/clusters/k", {}, b""), Operation("DELETE", changes=True)),
    ],
)
def test_what_a_request_asks_for_is_known_in_every_protocol(
    request_: tuple[str, str, dict[str, str], bytes], expected: Operation
) -> None:
    assert operation_of(*request_) == expected


def test_waiting_is_taken_out_of_a_request_in_both_protocols() -> None:
    body, seconds = take_wait(
        {"Content-Type": "application/x-amz-json-1.0"}, b'{"QueueUrl": "q", "WaitTimeSeconds": 7}'
    )
    assert (json.loads(body), seconds) == ({"QueueUrl": "q", "WaitTimeSeconds": 0}, 7)
    body, seconds = take_wait({"Content-Type": "x"}, b"Action=ReceiveMessage&WaitTimeSeconds=3")
    assert (body, seconds) == (b"Action=ReceiveMessage&WaitTimeSeconds=0", 3)


def test_only_the_bytes_of_a_layer_are_not_written_down() -> None:
    part = b'{"repositoryName": "digits", "partFirstByte": 0, "layerPartBlob": "AAAA"}'
    kept = without_bytes(Operation("UploadLayerPart", changes=True), part)
    assert json.loads(kept) == {"repositoryName": "digits", "partFirstByte": 0, "layerPartBlob": ""}
    assert without_bytes(Operation("PutImage", changes=True), part) == part
