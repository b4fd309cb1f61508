"""Clients at the gateway while models are harmed: the real Envoy Gateway and Envoy, and the project's generator.

The tests follow each other on one stack, as long as nothing fails.
"""

import json
import random
import signal
import ssl
from collections.abc import Iterator
from time import monotonic, sleep, time
from typing import Any

import httpx
import numpy as np
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap

from infra.settings.cluster import NAMESPACE
from infra.traffic import KEY_HEADER
from slipway.answers import Answer
from tests.drills.figures import figure
from tests.drills.gate import SECRET, Gate
from tests.drills.rehearsal import Rehearsal
from tests.drills.report import keep
from tests.live import until

pytestmark = pytest.mark.drill

OBJECTIVE = 0.5
REPLICAS = 4
RATE = 100.0
"""Requests per second, while pods go."""
LATE = 0.001
"""Share of requests that may be later than the objective."""
ISSUER, AUDIENCE = "https://login.example.com/", "models"
LIMIT = 20


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """`local` with two models: one of which clients may ask so often, and one with several replicas."""
    made = Rehearsal.of("local", tmp_path_factory.mktemp("traffic"))
    with made.changed() as config:
        tokens = {"issuer": ISSUER, "audiences": [AUDIENCE], "config-map": "signers"}
        config["slipway:gateway"] = {"keys": {"secret": SECRET}, "tokens": tokens, "replicas": 1}
        models = config["slipway:models"]
        models["digits"] |= {"replicas": REPLICAS, "resources": {"cpu": "300m", "memory": "256Mi"}}
        models["risk"] = {
            "image": "built",
            "resources": {"cpu": "100m", "memory": "256Mi"},
            "serving": {"objective": 250},
        }
    with made.running():
        yield made


@pytest.fixture(scope="module")
def digits(rehearsal: Rehearsal) -> Gate:
    return Gate(rehearsal, "digits", objective=OBJECTIVE)


@pytest.fixture(scope="module")
def risk(rehearsal: Rehearsal) -> Gate:
    return Gate(rehearsal, "risk", objective=0.25)


@pytest.fixture(scope="module")
def signer(rehearsal: Rehearsal) -> ECKey:
    """Whose tokens are believed: its public key is where the stack file says."""
    key = ECKey.generate_key("P-256", {"kid": "one"}, auto_kid=False)
    public = json.dumps(KeySet([key]).as_dict(private=False))
    rehearsal.kubernetes.apply(
        ConfigMap(
            apiVersion="v1",
            kind="ConfigMap",
            metadata=ObjectMeta(name="signers", namespace=NAMESPACE),
            data={"jwks": public},
        ),
        field_manager="drill",
    )
    return key


def token(key: ECKey, **claims: Any) -> str:
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "mobile", "exp": int(time()) + 300, **claims}
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode({"alg": "ES256", "kid": "one"}, said, key)


def asked(gate: Gate, **headers: str) -> int:
    """The status of one request with these headers alone."""
    example = gate.example()
    where = f"{gate.url}{example['path']}"
    return httpx.post(where, json=example["request"], headers=headers, timeout=30, trust_env=False).status_code


def test_only_clients_with_a_key_come_in(digits: Gate) -> None:
    assert asked(digits) == 401
    assert asked(digits, **{KEY_HEADER: "wrong"}) == 401
    assert asked(digits, **{KEY_HEADER: digits.key}) == 200


def test_only_tokens_that_hold_come_in(digits: Gate, signer: ECKey) -> None:
    def bearer(text: str) -> int:
        return asked(digits, authorization=f"Bearer {text}")

    until(lambda: bearer(token(signer)) == 200, "the signer to be believed")
    stranger = ECKey.generate_key("P-256", {"kid": "one"}, auto_kid=False)
    wrong = {
        "expired": token(signer, exp=int(time()) - 120),
        "forged": token(stranger),
        "of another issuer": token(signer, iss="https://elsewhere.example.com/"),
        "for somebody else": token(signer, aud="others"),
        "no token": "abc",
    }
    assert {name: bearer(text) for name, text in wrong.items()} == dict.fromkeys(wrong, 401) | {
        "for somebody else": 403
    }


def test_a_slow_replica_is_left_alone_and_comes_back(digits: Gate) -> None:
    ejections = "envoy_cluster_outlier_detection_ejections_enforced_total"
    # The fewer are in hand everywhere, the less is sent to a replica that hangs: it takes more to see it.
    with digits.asked((4 * RATE, 60)) as load:
        sleep(10)
        before = digits.stats(ejections)
        (slow, *_) = digits.ready_pods()
        digits.signal(slow, signal.SIGSTOP)
        load.event("a replica hangs")
        stopped = load.seconds
        until(lambda: digits.stats(ejections) > before, "the replica to be ejected", 20)
        ejected = load.seconds
        load.event("it is ejected")
        figure("from a replica that hangs to its ejection", ejected - stopped)
        sleep(5)
        digits.signal(slow, signal.SIGCONT)
        load.event("it goes on")
        until(lambda: digits.replicas()[1] == REPLICAS, "it to be ready again", 60)
        until(lambda: digits.stats("envoy_cluster_outlier_detection_ejections_active") == 0, "it to be asked again", 60)
        load.event("it is asked again")
    results = load.results()
    told = keep(load.episode("a replica hangs, and goes on"))
    assert told["answered"] == told["requests"], told["lost"][:5]
    after = results.schedule.within(ejected + 1, 60)
    assert results.good(OBJECTIVE)[after].mean() >= 1 - LATE


def test_replicas_killed_under_load_cost_no_request(digits: Gate) -> None:
    chance = random.Random(1)  # noqa: S311  # it is to be the same again
    with digits.asked((RATE, 190)) as load:
        while load.seconds < 180:
            sleep(10)
            victim = chance.choice(digits.ready_pods())
            digits.kill(victim)
            load.event(f"{victim.metadata.name} is killed")  # type: ignore[union-attr]
    told = keep(load.episode("a replica is killed every ten seconds"))
    _nothing_lost(told)
    assert len(told["events"]) >= 15


def test_a_new_version_costs_no_request(digits: Gate) -> None:
    with digits.rehearsal.changed() as config:
        config["slipway:models"]["digits"].setdefault("serving", {})["queue"] = 1000
    with digits.asked((RATE, 150)) as load:
        sleep(10)
        load.event("pulumi up")
        begun = monotonic()
        run = digits.rehearsal.run("up", "--yes", "--skip-preview")
        load.event("it is done")
        figure("a rolling update of four replicas under load", monotonic() - begun)
        assert "digits" in run.by_step()["update"], run.steps()
    assert [what for second, what in load.events if second < 140] == ["pulumi up", "it is done"]
    _nothing_lost(keep(load.episode("a new version is rolled out")))


def test_a_drain_costs_no_request(digits: Gate) -> None:
    with digits.asked((RATE, 120)) as load:
        sleep(5)
        for pod in digits.ready_pods():
            digits.evict(pod)
            load.event(f"{pod.metadata.name} is evicted")  # type: ignore[union-attr]
        until(lambda: digits.replicas()[1] == REPLICAS, "its replicas elsewhere", 110)
    _nothing_lost(keep(load.episode("its node is drained")))


def _nothing_lost(told: dict[str, Any]) -> None:
    figure(f"{told['name']}: answered", f"{told['answered']} of {told['requests']}")
    figure(f"{told['name']}: late", f"{told['late'] / told['requests']:.3%}")
    figure(f"{told['name']}: p99", f"{1000 * told['latency_seconds']['p99']:.0f} ms")
    assert told["answered"] == told["requests"], told["lost"][:5]
    assert told["late"] <= LATE * told["requests"], told["late_ones"][:5]


def test_the_burst_of_one_model_is_none_of_the_other_s(digits: Gate, risk: Gate) -> None:
    with digits.asked((RATE, 40), seed=2) as calm:
        sleep(10)
        with risk.asked((1000, 20), seed=3) as burst:
            pass
    keep(burst.episode("risk is asked for far more than it can"))
    keep(calm.episode("digits, meanwhile"))
    refused = (burst.results().status == 429).mean()
    figure("risk in a burst: refused", f"{refused:.1%}")
    assert refused > 0.05, "no burst to speak of"
    good = calm.results().good(OBJECTIVE).mean()
    figure("digits during that: in time", f"{good:.2%}")
    assert good >= 0.99
    assert (calm.results().status == 200).all()


def test_a_client_over_its_rate_is_refused_and_others_are_not(rehearsal: Rehearsal, risk: Gate) -> None:
    with rehearsal.changed() as config:
        config["slipway:models"]["risk"]["route"] = {"limit": {"requests": LIMIT, "per": "second"}}
    rehearsal.run("up", "--yes", "--skip-preview")
    other = Gate(rehearsal, "risk", client="other", objective=0.25)
    until(lambda: other.post().status_code == 200, "the other client to be known")
    with risk.asked((5 * LIMIT, 20), seed=4) as greedy, other.asked((LIMIT / 4, 20), seed=5) as modest:
        pass
    keep(greedy.episode("a client asks five times as often as it may"))
    keep(modest.episode("another client, meanwhile"))
    late = greedy.results().schedule.within(2, 20)
    statuses = greedy.results().status[late]
    assert set(np.unique(statuses)) == {200, 429}
    let_through = (statuses == 200).sum() / 18
    figure("let through of a client over its rate", f"{let_through:.1f}/s of {LIMIT}/s")
    assert 0.8 * LIMIT <= let_through <= 1.2 * LIMIT
    assert (modest.results().status == 200).all()
    until(lambda: risk.post().status_code == 429 or risk.post().headers["x-ratelimit-limit"], "headers of the limit")


def test_a_token_that_names_nobody_is_counted_too(risk: Gate, signer: ECKey) -> None:
    nameless = token(signer, sub=None)
    until(lambda: asked(risk, authorization=f"Bearer {nameless}") in (200, 429), "the token to be believed")
    sleep(2)
    statuses = [asked(risk, authorization=f"Bearer {nameless}") for _ in range(3 * LIMIT)]
    assert {*statuses} == {200, 429}


def test_tls_with_a_name(rehearsal: Rehearsal) -> None:
    with rehearsal.changed() as config:
        config["slipway:gateway"] |= {"tls": {"secret": "certificate"}, "hostname": "models.example.com"}
    summary = rehearsal.up()
    found: dict[str, Answer] = {answer.model: answer for answer in summary.answers}
    assert found["digits"].url.startswith("https://127.0.0.1:")
    assert found["digits"].hostname == "models.example.com"
    trusts = ssl.create_default_context()
    trusts.check_hostname, trusts.verify_mode = False, ssl.CERT_NONE
    with pytest.raises(httpx.TransportError):  # no certificate for another name
        httpx.get(found["digits"].url, verify=trusts, headers=found["digits"].headers, trust_env=False)
