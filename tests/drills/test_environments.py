"""Each environment as its stack file has it: from nothing through every kind of change to nothing."""

from pathlib import Path
from typing import Any

import pytest
from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Service
from lightkube.types import PatchType

from infra.caching import CACHE_NAMESPACE
from infra.settings import load_file
from infra.settings.cluster import NAMESPACE
from infra.traffic import GATEWAY_NAMESPACE, GATEWAY_SERVICE
from slipway.embedded.cluster import Cluster
from slipway.embedded.fleet.delays import Delays
from slipway.engines import build as engines
from slipway.environment import bought_of
from slipway.progress import Progress
from tests.drills.everything import NODE_POOL, in_aws, in_cluster
from tests.drills.rehearsal import Rehearsal, image_of
from tests.live import until

pytestmark = pytest.mark.drill
POOL = "cpu-serving"
KUBELETS = "Service kube-system/kubelet"
HTTP_ROUTE: Any = create_namespaced_resource("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes")


def with_a_model(rehearsal: Rehearsal) -> None:
    """Deploy the model that the stack file shows as a comment."""
    with rehearsal.changed() as config:
        config["slipway:models"] = {
            "digits": {
                "pool": POOL,
                "image": image_of("digits"),
                "replicas": 2,
                "resources": {"cpu": "1", "memory": "1Gi"},
            }
        }


def there(rehearsal: Rehearsal) -> tuple[set[str], set[str]]:
    """What is in AWS and in the cluster."""
    return in_aws(rehearsal.aws), in_cluster(rehearsal.kubernetes)


def machine_up(rehearsal: Rehearsal) -> None:
    """Bring the machine up without the stack."""
    settings, progress = load_file(rehearsal.file), Progress(quiet=True)
    programs = engines.ensure("up", progress) | engines.ensure("capacity", progress)
    rehearsal.instance.claim(rehearsal.checkout, rehearsal.stack)
    Cluster(rehearsal.instance, programs, progress).up(
        [],
        context=settings.context,
        account=settings.account or rehearsal.instance.account,
        namespace=settings.namespace,
        bought=bought_of(settings, Delays()),
    )


def more_than(before: tuple[set[str], set[str]], after: tuple[set[str], set[str]]) -> list[str]:
    """What was left."""
    return sorted(one for there_was, there_is in zip(before, after, strict=True) for one in there_is - there_was)


@pytest.mark.parametrize("stack", ["shared", "dev", "staging", "prod"])
def test_an_environment_lives_through_every_kind_of_change(stack: str, tmp_path: Path) -> None:
    rehearsal = Rehearsal.of(stack, tmp_path)
    if stack != "shared":
        with_a_model(rehearsal)
    try:
        machine_up(rehearsal)
        before = there(rehearsal)
        summary = rehearsal.up()
        assert not [answer for answer in summary.answers if answer.path]  # nothing runs that could answer
        assert rehearsal.run("up", "--yes", "--skip-preview", told="a second pulumi up").steps() == []
        assert rehearsal.run("preview", "--expect-no-changes", told="preview of no change").steps() == []
        if stack == "shared":
            _registry_changes(rehearsal)
        else:
            _platform_changes(rehearsal)
        rehearsal.run("destroy", "--yes", "--skip-preview", told="destroy")
        assert rehearsal.state() == []
        until(lambda: not more_than(before, there(rehearsal)), f"what is left: {more_than(before, there(rehearsal))}")
    finally:
        rehearsal.down()


def test_an_environment_with_a_gateway_scaling_and_a_cache_comes_and_goes(tmp_path: Path) -> None:
    rehearsal = Rehearsal.of("dev", tmp_path)
    with_a_model(rehearsal)
    with rehearsal.changed() as config:
        config["slipway:gateway"] = {"exposure": "load-balancer", "keys": {"secret": "clients"}}
        config["slipway:cache"] = {"memory": "64Mi"}
        model = config["slipway:models"]["digits"]
        del model["replicas"]
        model["scaling"] = {"min": 2, "max": 4, "in-flight": 8, "cpu": "80%"}
        model["serving"] = {"cache": {"shared": "cluster"}}
    try:
        machine_up(rehearsal)
        before = there(rehearsal)
        rehearsal.up()
        assert rehearsal.run("up", "--yes", "--skip-preview", told="a second pulumi up").steps() == []
        assert rehearsal.run("preview", "--expect-no-changes").steps() == []
        client = rehearsal.kubernetes
        programs = ("envoy-gateway-system", "keda", "monitoring", CACHE_NAMESPACE)
        until(lambda: all(_is_ready(rehearsal, each) for each in programs), f"{programs} to be ready", 300)
        envoys = client.get(Service, GATEWAY_SERVICE, namespace=GATEWAY_NAMESPACE)
        assert envoys.spec is not None
        assert (envoys.spec.type, envoys.spec.loadBalancerClass) == ("LoadBalancer", "service.k8s.aws/nlb")
        until(lambda: _conditions(client.get(HTTP_ROUTE, "digits", namespace=NAMESPACE)) >= {"Accepted"}, "the route")
        rehearsal.run("destroy", "--yes", "--skip-preview", told="destroy with a gateway")
        assert rehearsal.state() == []

        def left() -> list[str]:
            # Helm leaves the definitions that came with a chart. Here the operator's manifests stand for its chart, of
            # which a value turns the Service for kubelets off.
            found = more_than(before, there(rehearsal))
            return [each for each in found if not each.startswith("CustomResource") and each != KUBELETS]

        until(lambda: not left(), f"what is left: {left()}")
    finally:
        rehearsal.down()


def _is_ready(rehearsal: Rehearsal, namespace: str) -> bool:
    found = list(rehearsal.kubernetes.list(Deployment, namespace=namespace))
    return bool(found) and all(
        each.spec and each.status and (each.status.readyReplicas or 0) == each.spec.replicas for each in found
    )


def _conditions(route: Any) -> set[str]:
    parents = (route.get("status") or {}).get("parents", [])
    return {each["type"] for parent in parents for each in parent["conditions"] if each["status"] == "True"}


def _platform_changes(rehearsal: Rehearsal) -> None:
    original = rehearsal.settings()
    with rehearsal.changed() as config:
        config["slipway:capacity"][POOL]["limits"]["cpu"] = 40
    pools = {name for name in _names(rehearsal, "NodePool") if name.startswith(POOL)}
    assert rehearsal.run("preview").by_step() == {"update": pools}
    rehearsal.write(original)

    with rehearsal.changed() as config:
        config["slipway:models"]["digits"]["replicas"] = 3
    assert rehearsal.run("preview").by_step() == {"update": {"digits"}}
    rehearsal.write(original)

    sqs, queue = rehearsal.aws("sqs"), rehearsal.recorded("interruptions", "Queue")["url"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"MessageRetentionPeriod": "60"})
    spoilt, changed = min(pools), {"spec": {"limits": {"cpu": "1"}}}
    client = rehearsal.kubernetes
    client.patch(NODE_POOL, spoilt, changed, patch_type=PatchType.MERGE, field_manager="kubectl-edit")
    refresh = rehearsal.run("refresh", "--yes", "--skip-preview", told="refresh")
    assert refresh.seen() == {"interruptions": "update", spoilt: "update"}
    repair = rehearsal.run("up", "--yes", "--skip-preview")
    assert repair.by_step() == {"update": {"interruptions", spoilt}}
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert attributes["MessageRetentionPeriod"] != "60"
    assert client.get(NODE_POOL, spoilt)["spec"]["limits"]["cpu"] != "1"


def _registry_changes(rehearsal: Rehearsal) -> None:
    original = rehearsal.settings()
    with rehearsal.changed() as config:
        config["slipway:budget"]["monthly"] = "123 USD"
    changed = rehearsal.run("preview").by_step()
    assert changed.keys() == {"update"}
    assert len(changed["update"]) == 1
    rehearsal.write(original)

    ecr = rehearsal.aws("ecr")
    ecr.put_image_tag_mutability(repositoryName="digits", imageTagMutability="MUTABLE")
    assert rehearsal.run("refresh", "--yes", "--skip-preview", told="refresh").seen() == {"digits": "update"}
    assert rehearsal.run("up", "--yes", "--skip-preview").by_step() == {"update": {"digits"}}
    repositories: list[dict[str, Any]] = ecr.describe_repositories(repositoryNames=["digits"])["repositories"]
    assert repositories[0]["imageTagMutability"] == "IMMUTABLE"


def _names(rehearsal: Rehearsal, kind: str) -> set[str]:
    return {each["urn"].rpartition("::")[2] for each in rehearsal.state() if each["type"].endswith(f":{kind}")}
