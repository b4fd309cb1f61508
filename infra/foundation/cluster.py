"""Cluster: a control plane of EKS, and who may do what in it.

https://docs.aws.amazon.com/eks/latest/userguide/clusters.html
"""

import json
from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi_aws.cloudwatch.log_group import LogGroup
from pulumi_aws.ec2.tag import Tag
from pulumi_aws.eks.access_entry import AccessEntry
from pulumi_aws.eks.access_policy_association import AccessPolicyAssociation
from pulumi_aws.eks.cluster import Cluster as EksControlPlane
from pulumi_aws.iam.role import Role
from pulumi_aws.iam.role_policy import RolePolicy
from pulumi_aws.iam.role_policy_attachment import RolePolicyAttachment
from pulumi_kubernetes import Provider

from infra.foundation.planning.cluster import LOG_TYPES, ClusterSpec
from infra.foundation.planning.network import DISCOVERY

_ADMIN = "eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


class Cluster(pulumi.ComponentResource):
    """A cluster of EKS.

    Args:
        name: Its name in the program.
        spec: What it is made from.
        subnets: Ids of the subnets in which EKS puts its own interfaces.
        secrets_key: ARN of the key that Secrets are encrypted with.
        log_key: ARN of the key that its logs are encrypted with.
        bought_nodes: ARN of the role of nodes that Karpenter buys: they may join.
        opts: Options of the component.

    Attributes:
        name: Its name in AWS.
        provider: The kubernetes provider that everything in it is made with; usable once admins are let in.
        kubeconfig: The same for people and programs: its endpoint, and a credential asked of `aws` each time.
    """

    def __init__(
        self,
        name: str,
        *,
        spec: ClusterSpec,
        subnets: Sequence[pulumi.Input[str]],
        secrets_key: pulumi.Input[str],
        log_key: pulumi.Input[str],
        bought_nodes: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the control plane, then let nodes and admins in."""
        super().__init__("slipway:foundation:Cluster", name, {}, opts)
        self._name, self._spec = name, spec
        # EKS would make the group itself, without end and without a key, and again while the cluster is deleted.
        logs = LogGroup(
            name,
            name=spec.log_group,
            retention_in_days=spec.log_days,
            kms_key_id=log_key,
            tags=spec.place.tags("cluster-logs"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        role, rights = self._role()
        cluster = EksControlPlane(
            name,
            name=spec.name,
            version=spec.version,
            role_arn=role.arn,
            access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": False},
            bootstrap_self_managed_addons=False,
            enabled_cluster_log_types=list(LOG_TYPES),
            encryption_config={"provider": {"key_arn": secrets_key}, "resources": ["secrets"]},
            kubernetes_network_config={"ip_family": "ipv4", "service_ipv4_cidr": spec.services_cidr},
            # When support ends, EKS upgrades it, rather than charge sixfold for an old version.
            upgrade_policy={"support_type": "STANDARD"},
            vpc_config={
                "subnet_ids": list(subnets),
                "endpoint_private_access": spec.private,
                "endpoint_public_access": bool(spec.public_from),
                "public_access_cidrs": list(spec.public_from) or None,
            },
            tags=spec.tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs, *rights]),
        )
        self.name = cluster.name
        # Node classes find the group of the cluster by it, and bought nodes are in that group.
        Tag(
            name,
            resource_id=cluster.vpc_config.cluster_security_group_id.apply(str),
            key=DISCOVERY,
            value=spec.name,
            opts=pulumi.ResourceOptions(parent=self),
        )
        admitted = self._admit(bought_nodes)
        self.kubeconfig = kubeconfig(
            name=spec.name,
            region=spec.place.region,
            endpoint=cluster.endpoint,
            authority=cluster.certificate_authority.data,
        )
        self.provider = Provider(
            name,
            kubeconfig=self.kubeconfig,
            context=spec.name,
            opts=pulumi.ResourceOptions(parent=self, depends_on=admitted),
        )
        self.register_outputs({"name": self.name, "kubeconfig": self.kubeconfig})

    def _role(self) -> tuple[Role, list[pulumi.Resource]]:
        name, spec, child = self._name, self._spec, pulumi.ResourceOptions(parent=self)
        role = Role(
            name,
            name=spec.role,
            assume_role_policy=json.dumps(spec.trust),
            tags=spec.tags,
            opts=child,
        )
        attached = RolePolicyAttachment(
            name, role=role.name, policy_arn=spec.place.aws_policy("AmazonEKSClusterPolicy"), opts=child
        )
        encrypts = RolePolicy(name, name="encrypts", role=role.name, policy=json.dumps(spec.encrypts), opts=child)
        return role, [attached, encrypts]

    def _admit(self, bought_nodes: pulumi.Input[str]) -> list[pulumi.Resource]:
        """https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html."""
        partition, child = self._spec.place.partition, pulumi.ResourceOptions(parent=self)
        # Bought nodes may join; for those of a node group EKS sees to it itself.
        AccessEntry(
            f"{self._name}-bought-nodes",
            cluster_name=self.name,
            principal_arn=bought_nodes,
            type="EC2_LINUX",
            tags=self._spec.bought.tags,
            opts=child,
        )
        admitted: list[pulumi.Resource] = []
        for principal in self._spec.admins:
            name = f"{self._name}-{principal.rpartition('/')[2]}"
            entry = AccessEntry(name, cluster_name=self.name, principal_arn=principal, tags=self._spec.tags, opts=child)
            association = AccessPolicyAssociation(
                name,
                cluster_name=self.name,
                principal_arn=entry.principal_arn,
                policy_arn=f"arn:{partition}:{_ADMIN}",
                access_scope={"type": "cluster"},
                opts=child,
            )
            admitted.append(association)
        return admitted


def kubeconfig(
    *, name: str, region: str, endpoint: pulumi.Input[str], authority: pulumi.Input[str]
) -> pulumi.Output[str]:
    """A kubeconfig whose context is called like the cluster, and whose credential `aws` gives.

    https://docs.aws.amazon.com/eks/latest/userguide/create-kubeconfig.html

    Args:
        name: The cluster's name.
        region: Its region.
        endpoint: URL of its API.
        authority: The certificate that signs it, in base64.
    """
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": ["--region", region, "eks", "get-token", "--cluster-name", name, "--output", "json"],
        "interactiveMode": "Never",
    }
    content: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": {"server": endpoint, "certificate-authority-data": authority}}],
        "users": [{"name": name, "user": {"exec": credential}}],
    }
    return pulumi.Output.json_dumps(content)
