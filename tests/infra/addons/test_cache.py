"""The cache that models share: whom it lets in, where it is found, and that the real Valkey takes what it is told."""

import subprocess
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NoConnection

from infra.addons.cache import arguments
from infra.settings import SettingsError, load
from infra.settings.cache import SharedCache
from infra.settings.quantities import bytes_of
from slipway.engines.locate import locate
from slipway.engines.table import engine
from tests.infra import program
from tests.infra.graphs import BUILT
from tests.infra.settings.stackfiles import VALID, as_engine, changed
from tests.ports import free_port

AT = ("slipway:models", "digits", "serving")
WITH_CACHE: dict[str, Any] = {**changed(AT, {"cache": {"shared": "cluster"}}, of=VALID), "slipway:cache": {}}


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """Inputs by kind and Pulumi name."""
    outcome = program.run(as_engine(WITH_CACHE), stack="local", built=BUILT)
    assert outcome.error == ""
    return {
        f"{of_it['type'].rpartition(':')[2]} {name.rpartition('::')[2]}": of_it
        for name, of_it in outcome.resources.items()
    }


def pod(of_it: dict[str, Any]) -> dict[str, Any]:
    template: dict[str, Any] = of_it["inputs"]["spec"]["template"]
    return template


def test_a_model_is_told_the_address_that_the_service_has(made: dict[str, Any]) -> None:
    (container,) = pod(made["Deployment digits"])["spec"]["containers"]
    (url,) = (each["value"] for each in container["env"] if each["name"] == "SLIPWAY_CACHE_URL")
    service = made["Service cache"]["inputs"]
    (port,) = service["spec"]["ports"]
    named = service["metadata"]
    assert urlsplit(url).hostname == f"{named['name']}.{named['namespace']}.svc"
    assert urlsplit(url).port == port["port"]
    assert service["spec"]["selector"].items() <= pod(made["Deployment cache"])["metadata"]["labels"].items()


def test_pods_of_models_come_in_and_nobody_else(made: dict[str, Any]) -> None:
    policy = made["NetworkPolicy cache"]["inputs"]
    spec = policy["spec"]
    (rule,) = spec["ingress"]
    (who,) = rule["from"]
    model = made["Deployment digits"]
    assert who["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": model["inputs"]["metadata"]["namespace"]
    }
    assert who["podSelector"]["matchLabels"].items() <= pod(model)["metadata"]["labels"].items()
    cache = pod(made["Deployment cache"])
    assert spec["podSelector"]["matchLabels"].items() <= cache["metadata"]["labels"].items()
    assert rule["ports"][0]["port"] in {port["name"] for port in cache["spec"]["containers"][0]["ports"]}
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert not spec.get("egress")


def test_models_come_after_it(made: dict[str, Any]) -> None:
    assert any("ModelCache" in each for each in made["ModelNamespace models"]["waits for"])


def test_one_that_no_stack_has_is_no_place_to_keep_answers() -> None:
    with pytest.raises(SettingsError) as caught:
        load(as_engine(changed(AT, {"cache": {"shared": "cluster"}}, of=VALID)), stack="x")
    what = "is that of slipway:cache, which is missing; write `slipway:cache: {}`, or the URL of a Redis"
    assert [(fault.key, fault.what) for fault in caught.value.faults] == [
        ("slipway:models.digits.serving.cache.shared", what)
    ]


def test_a_cache_is_in_a_cluster() -> None:
    with pytest.raises(SettingsError) as caught:
        load(as_engine({"slipway:cache": {}}), stack="x")
    assert [(fault.key, fault.what) for fault in caught.value.faults] == [
        ("slipway:cluster", "is missing; slipway:cache is in it")
    ]


@pytest.fixture
def valkey() -> Iterator[Redis]:
    """The program of the pod, told what the pod tells it, on a port of this machine."""
    found = locate(engine("valkey-server")).found
    assert found is not None, "run `slipway engines build`"
    told = arguments(SharedCache(memory="64Mi"))
    port = free_port()
    here = ["--port", str(port), "--bind", "127.0.0.1"]
    process = subprocess.Popen([found.path, *told, *here], stdout=subprocess.DEVNULL)
    client = Redis(port=port, socket_timeout=20)
    try:
        answers = False
        deadline = time.monotonic() + 20
        while not answers:
            assert process.poll() is None, "it does not take what it is told"
            assert time.monotonic() < deadline
            try:
                answers = bool(client.ping())
            except NoConnection:
                time.sleep(0.02)
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(timeout=20)


def test_it_forgets_what_is_old_before_its_pod_is_full(valkey: Redis) -> None:
    for index in range(128):
        valkey.set(f"answer-{index}", b"x" * 2**20, px=60_000)
    kept = [index for index in range(128) if valkey.exists(f"answer-{index}")]
    assert 127 in kept
    assert 0 not in kept
    told: Any = valkey.info("memory")
    assert told["used_memory"] < 0.75 * bytes_of("64Mi")
    stats: Any = valkey.info("persistence")
    assert stats["rdb_bgsave_in_progress"] == stats["aof_enabled"] == 0
