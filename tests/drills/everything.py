"""What there is in AWS and in a cluster, past Pulumi: to see that a destroyed stack has left nothing."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from lightkube import ApiError, Client
from lightkube.generic_resource import create_global_resource
from lightkube.resources.admissionregistration_v1 import MutatingWebhookConfiguration, ValidatingWebhookConfiguration
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.apps_v1 import DaemonSet, Deployment
from lightkube.resources.core_v1 import ConfigMap, Namespace, Node, Pod, Secret, Service, ServiceAccount
from lightkube.resources.policy_v1 import PodDisruptionBudget
from lightkube.resources.rbac_authorization_v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding
from lightkube.resources.scheduling_v1 import PriorityClass
from lightkube.resources.storage_v1 import StorageClass

NODE_POOL: Any = create_global_resource("karpenter.sh", "v1", "NodePool", "nodepools")
NODE_CLAIM: Any = create_global_resource("karpenter.sh", "v1", "NodeClaim", "nodeclaims")
NODE_CLASS: Any = create_global_resource("karpenter.k8s.aws", "v1", "EC2NodeClass", "ec2nodeclasses")
_GLOBAL: tuple[Any, ...] = (
    ClusterRole,
    ClusterRoleBinding,
    CustomResourceDefinition,
    MutatingWebhookConfiguration,
    Namespace,
    Node,
    PriorityClass,
    StorageClass,
    ValidatingWebhookConfiguration,
)
_NAMESPACED: tuple[Any, ...] = (
    ConfigMap,
    DaemonSet,
    Deployment,
    Pod,
    PodDisruptionBudget,
    Role,
    RoleBinding,
    Secret,
    Service,
    ServiceAccount,
)


def in_cluster(client: Client) -> set[str]:
    """Every object of the kinds that a stack makes, `Kind namespace/name`."""
    return set(_found(client))


def objects(client: Client) -> dict[str, str]:
    """The same objects with what they say, but for their status: two of these differ where somebody changed one.

    Pods of Jobs are left out: they come, and go some time after their work.
    """
    with client:
        told = {name: each.to_dict() for name, each in _found(client).items()}
    return {name: _lasting(item) for name, item in told.items() if not _is_of_a_job(item)}


def _found(client: Client) -> dict[str, Any]:
    found = {_told(kind, each): each for kind in _GLOBAL for each in client.list(kind)}
    return found | {_told(kind, each): each for kind in _NAMESPACED for each in client.list(kind, namespace="*")}


def _is_of_a_job(item: dict[str, Any]) -> bool:
    return any(owner["kind"] == "Job" for owner in item["metadata"].get("ownerReferences", []))


def _lasting(item: dict[str, Any]) -> str:
    passing = {"resourceVersion": None, "managedFields": None}
    return json.dumps(
        {**item, "metadata": {**item["metadata"], **passing}, "status": None}, sort_keys=True, default=str
    )


def _told(kind: Any, each: Any) -> str:
    place = f"{each.metadata.namespace}/" if each.metadata.namespace else ""
    return f"{kind.__name__} {place}{each.metadata.name}"


def in_aws(client: Callable[[str], Any]) -> set[str]:
    """Everything of the kinds that a stack makes, `kind id`; what AWS itself keeps of what is gone is left out.

    Args:
        client: Makes the client of a service.
    """
    ec2, iam, eks = client("ec2"), client("iam"), client("eks")
    clusters = eks.list_clusters()["clusters"]
    instances = (each for group in ec2.describe_instances()["Reservations"] for each in group["Instances"])
    found: dict[str, Iterable[str]] = {
        "instance": (each["InstanceId"] for each in instances if each["State"]["Name"] != "terminated"),
        "VPC": _ids(ec2.describe_vpcs()["Vpcs"], "VpcId"),
        "subnet": _ids(ec2.describe_subnets()["Subnets"], "SubnetId"),
        "route table": _ids(ec2.describe_route_tables()["RouteTables"], "RouteTableId"),
        "internet gateway": _ids(ec2.describe_internet_gateways()["InternetGateways"], "InternetGatewayId"),
        "NAT gateway": (
            each["NatGatewayId"] for each in ec2.describe_nat_gateways()["NatGateways"] if each["State"] != "deleted"
        ),
        "endpoint": (
            each["VpcEndpointId"]
            for each in ec2.describe_vpc_endpoints()["VpcEndpoints"]
            if each["State"].lower() != "deleted"
        ),
        "address": _ids(ec2.describe_addresses()["Addresses"], "AllocationId"),
        "security group": _ids(ec2.describe_security_groups()["SecurityGroups"], "GroupId"),
        "launch template": _ids(ec2.describe_launch_templates()["LaunchTemplates"], "LaunchTemplateName"),
        "flow log": _ids(ec2.describe_flow_logs()["FlowLogs"], "FlowLogId"),
        "role": _ids(iam.list_roles(MaxItems=1000)["Roles"], "RoleName"),
        "policy": _ids(iam.list_policies(Scope="Local", MaxItems=1000)["Policies"], "PolicyName"),
        "instance profile": _ids(iam.list_instance_profiles()["InstanceProfiles"], "InstanceProfileName"),
        "OIDC provider": _ids(iam.list_open_id_connect_providers()["OpenIDConnectProviderList"], "Arn"),
        "cluster": clusters,
        "bucket": _ids(client("s3").list_buckets()["Buckets"], "Name"),
        "queue": client("sqs").list_queues().get("QueueUrls", []),
        "rule": _ids(client("events").list_rules()["Rules"], "Name"),
        "alias": _ids(client("kms").list_aliases()["Aliases"], "AliasName"),
        "log group": _ids(client("logs").describe_log_groups()["logGroups"], "logGroupName"),
        "topic": _ids(client("sns").list_topics()["Topics"], "TopicArn"),
        "trail": _ids(client("cloudtrail").list_trails()["Trails"], "Name"),
        "repository": _ids(client("ecr").describe_repositories()["repositories"], "repositoryName"),
    }
    return {f"{kind} {name}" for kind, names in found.items() for name in names}


def _ids(listed: list[dict[str, Any]], key: str) -> Iterable[str]:
    return (str(each[key]) for each in listed)


def listed(client: Client, kind: Any) -> list[dict[str, Any]]:
    """Objects of a kind as JSON; none where its definition is not there."""
    try:
        return [dict(each.to_dict()) for each in client.list(kind)]
    except ApiError:
        return []
