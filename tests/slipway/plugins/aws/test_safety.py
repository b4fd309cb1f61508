"""The offline aws plugin reaches nothing but the endpoint of its instance, as nobody but the dummy."""

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slipway.plugins.aws.refusals import RefusedError, refuse_real
from slipway.plugins.aws.session import Session
from slipway.plugins.credentials import KEY_VARIABLES, REAL_VARIABLES
from slipway.plugins.offline import MARK
from tests.live import Live
from tests.slipway.plugins.aws.conftest import Connect, plugin
from tests.slipway.plugins.aws.project import REGION
from tests.slipway.plugins.plugin_client import Plugin, PluginError, Resource

REAL_KEY = "AKIAIOSFODNN7EXAMPLE"  # from AWS's documentation
QUEUE = "aws:sqs/queue:Queue"


class ConnectedError(AssertionError):
    """Something opened a connection."""


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Connections that were tried: none can be made. (gRPC, which asks the plugin, has sockets of its own.)"""
    tried: list[Any] = []

    def connect(_self: Any, address: Any) -> None:
        tried.append(address)
        raise ConnectedError(f"a connection to {address} was tried")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: connect(None, address))
    return tried


def refused(match: str, **settings: Any) -> None:
    with pytest.raises(PluginError, match=match), plugin(**settings):
        pass


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "https://sqs.us-east-1.amazonaws.com",
        pytest.param("http://203.0.113.7:{port}", id="another machine"),
        "http://localhost:{port}",
        "http://[::ffff:203.0.113.7]:{port}",
        "http://127.0.0.1@203.0.113.7:{port}",
        "http://127.0.0.1:{port}@203.0.113.7",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1",
        pytest.param("http://127.0.0.1:1", id="another port"),
        "http://127.0.0.1:not-a-port",
    ],
)
def test_any_other_endpoint_is_refused_before_a_connection(
    shell: str, monkeypatch: pytest.MonkeyPatch, sealed: list[Any], endpoint: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.replace("{port}", shell.rpartition(":")[2]))
    refused("is not that of this instance, http://127.0.0.1")
    assert sealed == []


def test_another_endpoint_in_the_provider_is_refused_before_a_connection(shell: str, sealed: list[Any]) -> None:
    endpoints = json.dumps([{"s3": shell, "sqs": "http://203.0.113.7:4566"}])
    refused(r"203\.0\.113\.7:4566 \(aws:endpoints, sqs\) is not that of this instance", endpoints=endpoints)
    assert sealed == []


@pytest.mark.parametrize("variable", [*KEY_VARIABLES, *REAL_VARIABLES])
def test_a_real_credential_in_the_shell_is_refused_before_a_connection(
    shell: str, monkeypatch: pytest.MonkeyPatch, sealed: list[Any], variable: str
) -> None:
    assert shell
    monkeypatch.setenv(variable, REAL_KEY)
    refused(rf"{variable} is set, and the offline aws plugin works without credentials.*slipway env")
    assert sealed == []


REAL_SETTINGS = {
    "accessKey": REAL_KEY,
    "secretKey": "wJalrXUtnFEMI",
    "token": "FwoGZXIvYXdz",
    "profile": "production",
    "assumeRoles": json.dumps([{"roleArn": "arn:aws:iam::111122223333:role/admin"}]),
    "assumeRoleWithWebIdentity": json.dumps({"roleArn": "arn:aws:iam::111122223333:role/ci"}),
}


@pytest.mark.parametrize("setting", REAL_SETTINGS)
def test_a_real_credential_in_the_provider_is_refused_before_a_connection(
    shell: str, sealed: list[Any], setting: str
) -> None:
    assert shell
    said = rf"aws:{setting} is set, and the offline aws plugin takes no credentials"
    refused(said, **{setting: REAL_SETTINGS[setting]})
    assert sealed == []


def test_a_shell_of_no_instance_is_refused_before_a_connection(
    shell: str, monkeypatch: pytest.MonkeyPatch, sealed: list[Any]
) -> None:
    assert shell
    monkeypatch.delenv("SLIPWAY_INSTANCE")
    refused("work for an embedded environment only")
    monkeypatch.setenv("SLIPWAY_INSTANCE", "not-there")
    refused("work for an embedded environment only")
    assert sealed == []


def test_what_is_empty_is_not_set(shell: str) -> None:
    variables = {"AWS_ENDPOINT_URL": shell, "AWS_PROFILE": ""}
    refuse_real({"profile": "", "assumeRoles": "[]"}, variables, int(shell.rpartition(":")[2]))


class Listener:
    """A server that somebody's settings lead to: it counts who comes."""

    def __init__(self) -> None:
        count: list[str] = []

        class Counting(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                count.append(self.path)
                self.send_error(500)

            do_POST = do_PUT = do_CONNECT = do_HEAD = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None: ...

        self.count = count
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counting)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def elsewhere() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


def test_variables_and_files_of_the_sdk_lead_nowhere_else(
    shell: str, live: Live, monkeypatch: pytest.MonkeyPatch, elsewhere: Listener, tmp_path: Path
) -> None:
    assert shell
    file = tmp_path / "config"
    file.write_text(
        f"[default]\nendpoint_url = {elsewhere.url}\ncredential_process = /bin/false\nservices = all\n"
        f"[services all]\nsqs =\n  endpoint_url = {elsewhere.url}\n"
    )
    for service in ("SQS", "STS", "S3", "EC2", "IAM"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", elsewhere.url)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, elsewhere.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "absent.pem"))
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    session = Session({"region": REGION})
    assert session.place.account == live.instance.account
    session.client("sqs").list_queues()
    session.client("s3").list_buckets()
    session.client("ec2", "eu-west-1").describe_vpcs()
    assert elsewhere.count == []


def test_a_request_that_is_about_to_leave_is_stopped(shell: str, elsewhere: Listener) -> None:
    assert shell
    session = Session({"region": REGION})
    client = session.client("sqs")
    client.meta.events.register(
        "before-call", lambda params, **_: params.update(url=f"{elsewhere.url}/?x=1"), unique_id="diverted"
    )
    with pytest.raises(RefusedError, match="was stopped: it is not the endpoint of this instance"):
        client.list_queues()
    assert elsewhere.count == []


@pytest.mark.parametrize("method", ["diff", "update", "read", "delete"])
def test_state_that_the_offline_plugins_did_not_write_is_left_alone(
    aws: Plugin, connect: Connect, name: str, method: str
) -> None:
    queue = aws.create(QUEUE, "q", {"name": name})
    assert queue.outputs[MARK] is True
    outputs = {key: value for key, value in queue.outputs.items() if key != MARK}
    foreign = Resource(queue.urn, queue.identity, queue.inputs, outputs)
    arguments = [foreign, {"name": name, "delaySeconds": 9}] if method in {"diff", "update"} else [foreign]
    with pytest.raises(PluginError, match="was not written by the offline plugins"):
        getattr(aws, method)(*arguments)
    seen = connect("sqs").get_queue_attributes(QueueUrl=queue.identity, AttributeNames=["All"])["Attributes"]
    assert seen["DelaySeconds"] == "0"
    aws.delete(queue)


def test_what_is_imported_or_looked_at_has_no_state_yet(aws: Plugin, name: str) -> None:
    queue = aws.create(QUEUE, "q", {"name": name})
    found = aws.read(Resource(queue.urn, queue.identity, {}, {}))
    assert found is not None
    assert found.outputs[MARK] is True
    assert found.inputs["name"] == name
    aws.delete(queue)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param(
            {"allowedAccountIds": '["111122223333"]'},
            "allows 111122223333 (aws:allowedAccountIds); nothing was changed",
            id="allowed",
        ),
        pytest.param(
            {"forbiddenAccountIds": '["ACCOUNT", "1"]'},
            "forbids ACCOUNT, 1 (aws:forbiddenAccountIds); nothing was changed",
            id="forbidden",
        ),
    ],
)
def test_the_account_is_the_one_that_is_meant(shell: str, live: Live, settings: dict[str, str], said: str) -> None:
    assert shell
    account = live.instance.account
    with (
        pytest.raises(PluginError) as failed,
        plugin(**{key: value.replace("ACCOUNT", account) for key, value in settings.items()}),
    ):
        pass
    assert said.replace("ACCOUNT", account) in str(failed.value)
    with plugin(allowedAccountIds=json.dumps([account]), forbiddenAccountIds='["111122223333"]'):
        pass


def test_a_region_that_there_is_not_is_refused(shell: str) -> None:
    assert shell
    refused("'mars-central-1' is no region of AWS", region="mars-central-1")
