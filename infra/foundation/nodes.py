"""Nodes: the role of those that are bought, and the few system nodes that are always there.

https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html
"""

import json
from collections.abc import Sequence

import pulumi
from pulumi_aws.ec2.launch_template import LaunchTemplate
from pulumi_aws.eks.node_group import NodeGroup
from pulumi_aws.iam.role import Role
from pulumi_aws.iam.role_policy_attachment import RolePolicyAttachment

from infra.foundation.planning.cluster import NodeRoleSpec, SystemNodesSpec

_ROOT_DEVICE = "/dev/xvda"
"""Where Amazon Linux 2023 has its root volume."""


class NodeRole(pulumi.ComponentResource):
    """The role of nodes.

    Args:
        name: Its name.
        spec: What it is made from.
        opts: Options of the component.

    Attributes:
        arn: Its ARN.
        name: Its name in AWS.
        rights: What it may do, for what waits for it.
    """

    def __init__(self, name: str, *, spec: NodeRoleSpec, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make it."""
        super().__init__("slipway:foundation:NodeRole", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = Role(name, name=spec.name, assume_role_policy=json.dumps(spec.trust), tags=spec.tags, opts=child)
        self.rights = [
            RolePolicyAttachment(f"{name}-{arn.rpartition('/')[2]}", role=role.name, policy_arn=arn, opts=child)
            for arn in spec.policies
        ]
        self.arn, self.name = role.arn, role.name
        self.register_outputs({"arn": self.arn, "name": self.name})


class SystemNodes(pulumi.ComponentResource):
    """The nodes that carry what buys and configures all others: on demand, and for system pods alone.

    Args:
        name: Their name.
        spec: What they are made from.
        cluster: The cluster's name in AWS.
        subnets: Ids of the subnets they are in.
        after: What they need to become ready.
        opts: Options of the component.

    Attributes:
        group: The node group, for what waits for its nodes.
    """

    def __init__(
        self,
        name: str,
        *,
        spec: SystemNodesSpec,
        cluster: pulumi.Input[str],
        subnets: Sequence[pulumi.Input[str]],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make their role and template, then the group."""
        super().__init__("slipway:foundation:SystemNodes", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = NodeRole(f"{name}-role", spec=spec.role, opts=child)
        template = LaunchTemplate(
            name,
            name=spec.name,
            # Pods have roles of their own, and no business with those of the node: one hop does not reach them.
            metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
            block_device_mappings=[
                {
                    "device_name": _ROOT_DEVICE,
                    # With AWS's own key: one of ours would have to let in the role that grows node groups.
                    "ebs": {
                        "volume_type": "gp3",
                        "volume_size": spec.volume_gib,
                        "encrypted": "true",
                        "delete_on_termination": "true",
                    },
                }
            ],
            tag_specifications=[{"resource_type": each, "tags": spec.tags} for each in ("instance", "volume")],
            tags=spec.tags,
            opts=child,
        )
        self.group = NodeGroup(
            name,
            cluster_name=cluster,
            node_group_name=spec.name,
            node_role_arn=role.arn,
            subnet_ids=list(subnets),
            ami_type="AL2023_x86_64_STANDARD",
            capacity_type="ON_DEMAND",
            instance_types=list(spec.instances),
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            scaling_config={"min_size": spec.min, "desired_size": spec.size, "max_size": spec.max},
            update_config={"max_unavailable": 1},
            labels=spec.labels,
            taints=[{"key": spec.taint, "value": "true", "effect": "NO_SCHEDULE"}],
            tags=spec.tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*role.rights, *after]),
        )
        self.register_outputs({"group": self.group.node_group_name})
