"""The gateway of the local stack: the real Envoy Gateway and Envoy, asked as clients ask."""

import json
import socket
from collections.abc import Iterator
from itertools import product
from typing import Any

import httpx
import pytest
from lightkube.generic_resource import create_global_resource, create_namespaced_resource
from lightkube.resources.core_v1 import Namespace, Pod
from lightkube.resources.networking_v1 import NetworkPolicy

from infra.addons.gateway import manifests
from infra.models.routing import route
from infra.settings.cluster import NAMESPACE
from infra.settings.gateway import Gateway
from infra.settings.models import Model
from infra.traffic import CLIENT_HEADER, GATEWAY_NAMESPACE, GATEWAY_SERVICE, KEY_HEADER, MONITORING, Manifest
from slipway.answers import Answer
from slipway.embedded.modes import Mode
from tests.live import Live, until

KEYS: dict[str, Any] = {"keys": {"secret": "clients"}}
TOKENS: dict[str, Any] = {"tokens": {"issuer": "https://login.example.com/", "audiences": ["a", "b"]}}
GATEWAYS: dict[str, dict[str, Any]] = {
    "keys": KEYS,
    "everything": {
        **KEYS,
        "tokens": {**TOKENS["tokens"], "jwks": "https://login.example.com/jwks"},
        "tls": {"secret": "certificate"},
        "hostname": "models.example.com",
        "exposure": "load-balancer",
        "public-from": ["203.0.113.0/24"],
    },
    "own keys of tokens": {"tokens": {**TOKENS["tokens"], "config-map": "signers"}, "exposure": "load-balancer"},
}
MODELS: dict[str, dict[str, Any]] = {
    "plain": {},
    "everything": {"route": {"path": "/v2/it", "limit": {"requests": 5, "per": "hour"}, "timeout": 500, "retries": 0}},
    "open": {"route": {"path": "/", "open": True, "limit": {"requests": 5}}},
    "asleep": {"scaling": {"min": 0, "max": 2, "in-flight": 8}},
}


@pytest.fixture(scope="module")
def answer(live: Live) -> Answer:
    """What `up` asked, and was told: its address, and its key."""
    summary = live.summary or live.up()
    (found,) = summary.answers
    return found


@pytest.fixture
def client(answer: Answer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=answer.url, headers=answer.headers, timeout=30, trust_env=False) as made:
        yield made


def test_the_first_answer_came_through_the_gateway_with_a_key(answer: Answer, live: Live) -> None:
    assert answer.url == f"http://127.0.0.1:{live.instance.ports()['gateway']}/digits"
    assert answer.headers.keys() == {KEY_HEADER}
    assert answer.answer == {"digit": 7}


@pytest.mark.parametrize(
    "headers", [{}, {KEY_HEADER: "wrong"}, {"authorization": "Bearer abc"}, {CLIENT_HEADER: "local"}]
)
def test_who_has_no_key_is_refused(headers: dict[str, str], answer: Answer) -> None:
    reply = httpx.post(f"{answer.url}/predict", json=answer.request, headers=headers, timeout=30, trust_env=False)
    assert reply.status_code == 401


def test_what_is_no_client_s_is_not_there(client: httpx.Client, answer: Answer) -> None:
    for path in ("/metrics", "/metrics/", "/metrics?x=1", "/x/../metrics", "//metrics", "/%6detrics", "/./metrics"):
        assert as_written(answer, path) == 404, path
    for path in ("/x%2f..%2fmetrics", "/%2e%2e/digits/metrics", "/metrics%00", "/metrics;x"):
        assert as_written(answer, path) in (400, 404), path
    assert client.get("/readyz").status_code == 200
    nowhere = answer.url.replace("/digits", "/nowhere")
    assert httpx.get(nowhere, headers=answer.headers, timeout=30, trust_env=False).status_code == 404


def as_written(answer: Answer, path: str) -> int:
    """The status of a path that no client tidies up before it is sent."""
    address = httpx.URL(answer.url)
    lines = [f"GET {address.path}{path} HTTP/1.1", "host: any", "connection: close"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    with socket.create_connection((address.host, address.port or 80), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(connection.makefile("rb").readline().split()[1])


def test_what_is_too_large_is_refused_by_the_gateway(client: httpx.Client) -> None:
    def endless() -> Iterator[bytes]:
        yield from (b" " * 65536 for _ in range(17))

    assert client.post("/predict", content=b" " * (2**20 + 1)).status_code == 413
    assert client.post("/predict", content=endless()).status_code == 413


def test_a_client_cannot_say_who_it_is(client: httpx.Client, answer: Answer, live: Live) -> None:
    said = f"forged-{live.name}"
    reply = client.post("/predict", json=answer.request, headers={CLIENT_HEADER: said, "x-request-id": said})
    assert reply.status_code == 200
    assert client.post("/predict", json=answer.request, headers={"x_client_id": said}).status_code == 400
    logged: list[dict[str, Any]] = []

    def told() -> bool:
        logged[:] = [each for each in access_log(live) if each.get("request") == said]
        return bool(logged)

    until(told, "the access log")
    (line,) = logged
    assert (line["client"], line["status"], line["attempts"]) == ("local", 200, 1)


def access_log(live: Live) -> list[dict[str, Any]]:
    """Every request that the Envoys have told of."""
    logs = live.instance.logs
    files = (logs / "pods").glob(f"{GATEWAY_NAMESPACE}_{GATEWAY_SERVICE}-*/envoy/0.log")
    lines = [line.partition(" F ")[2] for file in files for line in file.read_text().splitlines()]
    if live.instance.mode is Mode.PROCESSES:
        lines = (logs / "envoy.log").read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.mark.parametrize(("gateway", "model"), list(product(GATEWAYS, MODELS)))
def test_what_settings_become_is_valid_to_the_api_server(gateway: str, model: str, live: Live) -> None:
    given = Gateway.model_validate(GATEWAYS[gateway])
    base = {"image": "built", "resources": {"cpu": 1, "memory": "1Gi"}}
    spec = route("other", NAMESPACE, Model.model_validate({**base, **MODELS[model]}), given)
    everything = [*manifests(given, models=NAMESPACE, is_monitored=True), *spec.manifests]
    for each in everything:
        if each.group != MONITORING:  # its CRD comes with what scales
            live.client.apply(_object(each), field_manager="dry", force=True, dry_run=True)


def _object(manifest: Manifest) -> Any:
    plural = manifest.kind.lower().removesuffix("y") + ("ies" if manifest.kind.endswith("y") else "s")
    plural = {"Gateway": "gateways", "GatewayClass": "gatewayclasses"}.get(manifest.kind, plural)
    version = manifest.api_version.partition("/")[2]
    create = create_namespaced_resource if manifest.namespace else create_global_resource
    kind: Any = create(manifest.group, version, manifest.kind, plural)
    metadata = {"name": manifest.name, **({"namespace": manifest.namespace} if manifest.namespace else {})}
    return kind(apiVersion=manifest.api_version, kind=manifest.kind, metadata=metadata, spec=manifest.spec)


@pytest.mark.node
def test_the_policy_of_the_network_names_the_pods_that_are_there(live: Live) -> None:
    policy = live.client.get(NetworkPolicy, "models", namespace=NAMESPACE)
    assert policy.spec is not None
    pods = list(live.client.list(Pod, namespace=NAMESPACE))
    assert pods
    for pod in pods:
        assert (policy.spec.podSelector.matchLabels or {}).items() <= (pod.metadata.labels or {}).items()  # type: ignore[union-attr]
        ports = {port.name for each in pod.spec.containers for port in each.ports or []}  # type: ignore[union-attr]
        assert {port.port for rule in policy.spec.ingress or [] for port in rule.ports or []} <= ports
    (peer,) = (policy.spec.ingress or [])[0].from_ or []
    (name,) = (peer.namespaceSelector.matchLabels or {}).values()  # type: ignore[union-attr]
    (found,) = live.client.list(Namespace, labels={"kubernetes.io/metadata.name": name})
    assert found.metadata is not None
    assert found.metadata.name == name
    wanted = {**(peer.podSelector.matchLabels or {})}  # type: ignore[union-attr]
    envoys = list(live.client.list(Pod, namespace=name, labels=wanted))
    assert [pod.metadata.name for pod in envoys if pod.metadata.name.startswith(GATEWAY_SERVICE)]  # type: ignore[union-attr]
