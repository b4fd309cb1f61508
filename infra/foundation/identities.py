"""Identities: who the pods of a cluster are in AWS."""

import json
from collections.abc import Sequence

import pulumi
from pulumi_aws.eks.pod_identity_association import PodIdentityAssociation
from pulumi_aws.iam.role import Role
from pulumi_aws.iam.role_policy import RolePolicy
from pulumi_aws.iam.role_policy_attachment import RolePolicyAttachment

from infra.foundation.planning.identities import IdentitySpec


class PodIdentity(pulumi.ComponentResource):
    """The role of the pods of one service account.

    Args:
        name: Whose.
        spec: What it is made from.
        cluster: The cluster's name in AWS.
        opts: Options of the component.

    Attributes:
        ready: What has to be there before the pods start, as they are given credentials when they do.
    """

    def __init__(
        self,
        name: str,
        *,
        spec: IdentitySpec,
        cluster: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the role, then give it to the pods."""
        super().__init__("slipway:foundation:PodIdentity", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = Role(name, name=spec.role, assume_role_policy=json.dumps(spec.trust), tags=spec.tags, opts=child)
        self.ready: list[pulumi.Resource] = [
            RolePolicy(f"{name}-{part}", name=part, role=role.name, policy=json.dumps(policy), opts=child)
            for part, policy in spec.policies.items()
        ]
        self.ready += [
            RolePolicyAttachment(f"{name}-{arn.rpartition('/')[2]}", role=role.name, policy_arn=arn, opts=child)
            for arn in spec.aws_policies
        ]
        association = PodIdentityAssociation(
            name,
            cluster_name=cluster,
            namespace=spec.namespace,
            service_account=spec.account,
            role_arn=role.arn,
            tags=spec.tags,
            opts=child,
        )
        self.ready.append(association)
        self.register_outputs({})


class Identities(pulumi.ComponentResource):
    """All identities of a cluster.

    Args:
        name: Their name.
        specs: One for each service account.
        cluster: The cluster's name in AWS.
        opts: Options of the component.

    Attributes:
        of: The identities by name.
    """

    def __init__(
        self,
        name: str,
        *,
        specs: Sequence[IdentitySpec],
        cluster: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make them."""
        super().__init__("slipway:foundation:Identities", name, {}, opts)
        self.of = {
            spec.name: PodIdentity(
                f"{name}-{spec.name}", spec=spec, cluster=cluster, opts=pulumi.ResourceOptions(parent=self)
            )
            for spec in specs
        }
        self.register_outputs({})
