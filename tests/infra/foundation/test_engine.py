"""The foundation of `dev`, and a registry, through the real engine: up from nothing, no change, nothing left."""

import json
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.paths import REPOSITORY
from slipway.plugins.workspace import Workspace
from tests.live import Live, client_of

REGION = "us-east-1"


@dataclass
class Project:
    """The stack files `dev` and `shared` as one, under another name and in the instance's account."""

    workspace: Workspace
    stack: str
    live: Live

    def pulumi(self, *arguments: str) -> str:
        return self.workspace.pulumi_command(*arguments, "--stack", self.stack, "--color", "never", "--non-interactive")

    def client(self, service: str) -> Any:
        return client_of(self.live.instance, service, REGION)

    def left(self) -> dict[str, list[str]]:
        """What there is in AWS by the stack's name, by kind; kinds without anything are left out."""
        ec2 = self.client("ec2")
        tagged = [{"Name": "tag:stack", "Values": [self.stack]}]
        found = {
            "VPCs": [each["VpcId"] for each in ec2.describe_vpcs(Filters=tagged)["Vpcs"]],
            "addresses": [each["AllocationId"] for each in ec2.describe_addresses(Filters=tagged)["Addresses"]],
            "templates": self._named(ec2.describe_launch_templates()["LaunchTemplates"], "LaunchTemplateName"),
            "instances": [
                instance["InstanceId"]
                for reservation in ec2.describe_instances(Filters=tagged)["Reservations"]
                for instance in reservation["Instances"]
                if instance["State"]["Name"] != "terminated"
            ],
            "roles": self._named(self.client("iam").list_roles(MaxItems=1000)["Roles"], "RoleName"),
            "buckets": self._named(self.client("s3").list_buckets()["Buckets"], "Name"),
            "clusters": [each for each in self.client("eks").list_clusters()["clusters"] if self.stack in each],
            "queues": self.client("sqs").list_queues(QueueNamePrefix=f"slipway-{self.stack}").get("QueueUrls", []),
            "rules": self._named(self.client("events").list_rules()["Rules"], "Name"),
            "aliases": self._named(self.client("kms").list_aliases()["Aliases"], "AliasName"),
            "log groups": self._named(self.client("logs").describe_log_groups()["logGroups"], "logGroupName"),
            "topics": self._named(self.client("sns").list_topics()["Topics"], "TopicArn"),
            "trails": self._named(self.client("cloudtrail").list_trails()["Trails"], "Name"),
            "repositories": self._named(self.client("ecr").describe_repositories()["repositories"], "repositoryName"),
        }
        return {kind: names for kind, names in found.items() if names}

    def _named(self, items: list[dict[str, Any]], key: str) -> list[str]:
        return [each[key] for each in items if self.stack in each[key]]

    def exported(self) -> list[dict[str, Any]]:
        """The resources of the stack as they are stored."""
        file = self.workspace.folder / "state" / ".pulumi" / "stacks" / "slipway" / f"{self.stack}.json"
        return list(json.loads(file.read_text())["checkpoint"]["latest"].get("resources") or [])


def _config(stack: str, account: str) -> dict[str, Any]:
    def of(name: str) -> dict[str, Any]:
        text = (REPOSITORY / "stacks" / f"Pulumi.{name}.yaml").read_text()
        return dict(yaml.safe_load(text)["config"])

    dev, shared = of("dev"), of("shared")
    kept = ("aws:region", "slipway:tags", "slipway:network", "slipway:cluster", "slipway:stores", "slipway:budget")
    return {
        **{key: dev[key] for key in kept},
        "aws:allowedAccountIds": [account],
        "slipway:cluster": {**dev["slipway:cluster"], "name": f"slipway-{stack}"},
        "slipway:registry": {**shared["slipway:registry"], "repositories": [f"bento-{stack}"]},
    }


@pytest.fixture
def project(live: Live, tmp_path: Path) -> Iterator[Project]:
    stack = f"t{secrets.token_hex(4)}"
    account = client_of(live.instance, "sts", REGION).get_caller_identity()["Account"]
    checkout = tmp_path / "project"
    (checkout / "infra").mkdir(parents=True)
    (checkout / "stacks").mkdir()
    shutil.copy(Path(__file__).parent / "below_cluster.py", checkout / "infra" / "__main__.py")
    shutil.copy(REPOSITORY / "Pulumi.yaml", checkout)
    file = checkout / "stacks" / f"Pulumi.{stack}.yaml"
    file.write_text(yaml.safe_dump({"config": _config(stack, account)}))
    made = Project(live.workspace(checkout, tmp_path / "pulumi"), stack, live)
    made.workspace.prepare(stack)
    yield made
    if made.exported():  # a test that failed halfway leaves nothing in an endpoint that others use
        made.pulumi("destroy", "--yes", "--skip-preview")


def test_everything_below_the_cluster_comes_up_stays_as_it_is_and_goes(project: Project) -> None:
    assert project.left() == {}

    project.pulumi("up", "--yes", "--skip-preview")
    there = project.left()
    assert len(there["instances"]) == 2
    assert len(there["roles"]) == 10
    assert {len(there[kind]) for kind in ("VPCs", "addresses", "clusters", "trails", "topics", "repositories")} == {1}
    nodes = project.client("eks").describe_nodegroup(
        clusterName=f"slipway-{project.stack}", nodegroupName=f"slipway-{project.stack}-system"
    )["nodegroup"]
    assert nodes["scalingConfig"] == {"minSize": 2, "desiredSize": 2, "maxSize": 3}

    project.pulumi("preview", "--expect-no-changes", "--refresh")

    project.pulumi("destroy", "--yes", "--skip-preview")
    assert project.left() == {}
    assert project.exported() == []
