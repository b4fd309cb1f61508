"""Instances, types, claims and Nodes for tests; types are those of moto, which took them from EC2."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
from moto import mock_aws

from slipway.embedded.aws import DUMMY_KEY
from slipway.embedded.fleet.planning import FAKE, MARK, Bought, node

CLUSTER = "demo"
LAUNCHED = datetime(2026, 11, 22, 12, tzinfo=UTC)


@cache
def _ec2() -> Any:
    keys = {"aws_access_key_id": DUMMY_KEY, "aws_secret_access_key": DUMMY_KEY}
    return boto3.client("ec2", region_name="us-east-1", **keys)


@cache
def kind(name: str) -> dict[str, Any]:
    """An instance type, as `DescribeInstanceTypes` shows it."""
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        return dict(_ec2().describe_instance_types(InstanceTypes=[name])["InstanceTypes"][0])


def kinds(*names: str) -> dict[str, dict[str, Any]]:
    return {name: kind(name) for name in names}


def bought(
    type_: str = "m5.large", *, state: str = "running", tags: dict[str, str] | None = None, number: int = 1
) -> Bought:
    return Bought(
        id=f"i-{number:017d}",
        type=type_,
        zone="us-east-1a",
        zone_id="use1-az1",
        name=f"ip-10-40-0-{number}.ec2.internal",
        address=f"10.40.0.{number}",
        state=state,
        launched=LAUNCHED,
        image="ami-1",
        tags=tags if tags is not None else {"kubernetes.io/cluster/demo": "owned"},
    )


def pool_tags(pool: str = "gpu") -> dict[str, str]:
    return {"kubernetes.io/cluster/demo": "owned", "karpenter.sh/nodepool": pool}


def claim(instance: Bought, **spec: Any) -> dict[str, Any]:
    """The NodeClaim that an instance answers."""
    labels = {"karpenter.sh/nodepool": "gpu", "karpenter.sh/capacity-type": "spot"}
    status = {"providerID": instance.provider_id, "capacity": {}, "allocatable": {}}
    return {"metadata": {"name": "gpu-abcde", "labels": labels}, "spec": spec, "status": status}


def made(instance: Bought, type_: dict[str, Any], *, cluster: str = CLUSTER, **more: Any) -> dict[str, Any]:
    """The Node of an instance of the tests' cluster."""
    return node(instance, type_, cluster=cluster, **more)


def joined(
    manifest: dict[str, Any],
    *,
    ready: str = "True",
    labels: dict[str, str] | None = None,
    taints: Iterable[dict[str, str]] | None = None,
    at: timedelta = timedelta(),
) -> dict[str, Any]:
    """A Node as the API server shows it some time after it joined."""
    metadata = manifest["metadata"]
    return {
        **manifest,
        "metadata": {
            **metadata,
            "labels": {**metadata["labels"], **(labels or {})},
            "uid": f"uid-of-{metadata['name']}",
            "resourceVersion": "7",
            "creationTimestamp": (LAUNCHED + at).isoformat(),
        },
        "spec": {**manifest["spec"], **({"taints": list(taints)} if taints is not None else {})},
        "status": {**manifest["status"], "conditions": [{"type": "Ready", "status": ready}]},
    }


def silent(node: dict[str, Any]) -> dict[str, Any]:
    """A Node whose kubelet says nothing any more."""
    labels = {key: value for key, value in node["metadata"]["labels"].items() if (key, value) != (MARK, FAKE)}
    return {**node, "metadata": {**node["metadata"], "labels": labels}}
