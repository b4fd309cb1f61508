"""Turns running instances of the AWS endpoint into Nodes of the cluster, and keeps at it.

Run by the supervisor as `python -m slipway.embedded.fleet.controller FILE`, where FILE holds `Settings` as JSON.
"""

import json
import logging
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from httpx2 import HTTPError  # what lightkube raises when there is no answer
from lightkube import ApiError, Client, KubeConfig
from lightkube.core.exceptions import ConfigError
from lightkube.generic_resource import create_global_resource
from lightkube.resources.apps_v1 import DaemonSet
from lightkube.resources.core_v1 import Node, NodeStatus
from lightkube.types import PatchType

from slipway.embedded.aws import DUMMY_KEY
from slipway.embedded.fleet.deciding import Action, Join, Plug, Register, Remove, Seen, Untaint, decide
from slipway.embedded.fleet.delays import Delays
from slipway.embedded.fleet.planning import FAKE, MARK, Bought, Manifest
from slipway.embedded.fleet.sizing import InstanceType
from slipway.embedded.told import Told, keep_at

LOG = logging.getLogger("fleet")

_NODE_CLAIM = create_global_resource("karpenter.sh", "v1", "NodeClaim", "nodeclaims")
_FAILURES = (ApiError, HTTPError, ConfigError, ClientError, BotoCoreError)
"""What passes: an API server or endpoint that starts again, a Node that somebody else has just changed."""
_TAGS = ("eks:cluster-name", "eks:eks-cluster-name")


@dataclass(frozen=True, kw_only=True)
class Settings(Told):
    """What the controller is told.

    Attributes:
        cluster: The EKS cluster's name, by which instances say that they are of it.
        region: The AWS region.
        endpoint: URL of the AWS endpoint.
        kubeconfig: Path of the access to the cluster.
        poll_seconds: Time between two looks.
        delays: Modelled times.
    """

    cluster: str
    region: str
    endpoint: str
    kubeconfig: str
    poll_seconds: float = 1.0
    delays: Delays = field(default_factory=Delays)

    @classmethod
    def parsed(cls, raw: dict[str, Any]) -> dict[str, Any]:
        """The modelled times are an object of their own."""
        return {**raw, "delays": Delays.from_json(raw["delays"])}


class Cloud:
    """What the controller asks of AWS; what cannot change is asked once.

    Args:
        settings: Where, and for which cluster.
    """

    def __init__(self, settings: Settings) -> None:
        self._cluster = settings.cluster
        access: dict[str, Any] = {
            "region_name": settings.region,
            "endpoint_url": settings.endpoint,
            "aws_access_key_id": DUMMY_KEY,
            "aws_secret_access_key": DUMMY_KEY,
            "config": Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=30),
        }
        self._ec2: Any = boto3.client("ec2", **access)
        self._eks: Any = boto3.client("eks", **access)
        self._types: dict[str, InstanceType] = {}
        self._groups: dict[str, dict[str, Any]] = {}

    def instances(self) -> list[Bought]:
        """The cluster's instances, ended ones included as long as EC2 lists them."""
        keys = [f"kubernetes.io/cluster/{self._cluster}", *_TAGS]
        pages = self._ec2.get_paginator("describe_instances").paginate(Filters=[{"Name": "tag-key", "Values": keys}])
        listed = (raw for page in pages for group in page["Reservations"] for raw in group["Instances"])
        return [bought for bought in map(Bought.from_ec2, listed) if bought.is_of(self._cluster)]

    def types(self, names: set[str]) -> dict[str, InstanceType]:
        """Instance types by name."""
        missing = sorted(names - set(self._types))
        if missing:
            answer = self._ec2.describe_instance_types(InstanceTypes=missing)
            self._types |= {kind["InstanceType"]: kind for kind in answer["InstanceTypes"]}
        return self._types

    def groups(self, names: set[str]) -> dict[str, dict[str, Any]]:
        """Managed node groups by name."""
        for name in names - set(self._groups):
            answer = self._eks.describe_nodegroup(clusterName=self._cluster, nodegroupName=name)
            self._groups[name] = answer["nodegroup"]
        return self._groups


class Controller:
    """Looks, decides, acts.

    It forgets with its process which kubelets have registered: a Node that was deleted by hand while its instance
    runs comes back when the controller is started again, as it would when the machine is.

    Args:
        settings: What it is told.
        cloud: What it asks of AWS.
        client: The cluster.
    """

    def __init__(self, settings: Settings, cloud: Cloud, client: Client) -> None:
        self._settings, self._cloud, self._client = settings, cloud, client
        self._joined: set[str] = set()

    def round(self, now: datetime) -> list[Action]:
        """Look once, and do what is due.

        Returns:
            What was done; what failed is tried again in the next round.
        """
        instances = self._cloud.instances()
        nodes: list[Manifest] = [_as_json(node) for node in self._client.list(Node)]
        running = [each for each in instances if each.state == "running"]
        self._joined |= {node.get("spec", {}).get("providerID", "").rpartition("/")[2] for node in nodes}
        seen = Seen(
            cluster=self._settings.cluster,
            instances=instances,
            nodes=nodes,
            claims=self._claims() if any(each.claimed for each in running) else {},
            groups=self._cloud.groups({each.group for each in running if each.group}),
            types=self._cloud.types({each.type for each in running}),
            daemons=self._daemons() if running else "",
            joined=frozenset(self._joined),
        )
        done: list[Action] = []
        for action in decide(seen, self._settings.delays, now):
            try:
                self._act(action)
            except _FAILURES as error:
                LOG.warning("%s: %s", told(action), error)
            else:
                LOG.info("%s", told(action))
                done.append(action)
        return done

    def _claims(self) -> dict[str, Manifest]:
        found: dict[str, Manifest] = {}
        try:
            for each in self._client.list(_NODE_CLAIM):
                claim = _as_json(each)
                provider_id = claim.get("status", {}).get("providerID")
                if provider_id:
                    found[provider_id] = claim
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:  # Karpenter's schema is not there: not yet, or no longer
                raise
        return found

    def _daemons(self) -> str:
        sets = map(_as_json, self._client.list(DaemonSet, namespace="*"))
        return "\n".join(json.dumps(each["spec"]["template"]) for each in sets)

    def _act(self, action: Action) -> None:
        match action:
            case Join():
                self._client.create(cast("Node", Node.from_dict(action.node)))
                self._joined.add(action.instance)
            case Untaint():
                self._patch(
                    action.name, {"metadata": {"resourceVersion": action.version}, "spec": {"taints": action.left}}
                )
            case Register():
                status = {"capacity": action.devices, "allocatable": action.devices}
                self._client.patch(NodeStatus, action.name, {"status": status}, patch_type=PatchType.MERGE)
            case Plug():
                self._patch(action.name, {"metadata": {"labels": {MARK: FAKE if action.alive else None}}})
            case Remove():
                self._client.delete(Node, action.name)

    def _patch(self, name: str, change: Manifest) -> None:
        self._client.patch(Node, name, change, patch_type=PatchType.MERGE)


def _as_json(resource: Any) -> Manifest:
    return dict(resource.to_dict())


def told(action: Action) -> str:
    """An action in words, for the log."""
    match action:
        case Join():
            return f"{action.node['metadata']['name']} joins, as {action.instance} is up"
        case Untaint():
            return f"{action.name}: the owners of {', '.join(action.gone)} are ready"
        case Register():
            return f"{action.name}: {', '.join(f'{count} {name}' for name, count in action.devices.items())}"
        case Plug():
            return f"{action.name}: kubelet {'speaks again' if action.alive else 'falls silent'}"
        case Remove():
            return f"{action.name} is deleted: it is NotReady, and its instance is gone"


def main() -> None:
    """Look, decide and act until told to end."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stdout)
    LOG.setLevel(logging.INFO)
    settings = Settings.from_json(Path(sys.argv[1]).read_text())
    client = Client(config=KubeConfig.from_file(settings.kubeconfig), trust_env=False, field_manager="slipway-fleet")
    controller = Controller(settings, Cloud(settings), client)
    keep_at(lambda: controller.round(datetime.now(UTC)), seconds=settings.poll_seconds, passing=_FAILURES, log=LOG)


if __name__ == "__main__":
    main()
