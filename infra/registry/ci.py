"""Ci: what workflows of GitHub may do in the account."""

import json
from collections.abc import Sequence

import pulumi
from pulumi_aws.iam.open_id_connect_provider import OpenIdConnectProvider
from pulumi_aws.iam.role import Role
from pulumi_aws.iam.role_policy import RolePolicy
from pulumi_aws.iam.role_policy_attachment import RolePolicyAttachment

from infra.iam import trusting_github
from infra.registry.planning.ci import AUDIENCE, ISSUER, CiRoleSpec


class Ci(pulumi.ComponentResource):
    """The trust in GitHub, and the roles that its workflows take.

    Args:
        name: Its name.
        specs: One for each role.
        tags: Tags of the trust.
        opts: Options of the component.

    Attributes:
        roles: ARNs by what they are for.
    """

    def __init__(
        self,
        name: str,
        *,
        specs: Sequence[CiRoleSpec],
        tags: dict[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the trust, then the roles."""
        super().__init__("slipway:registry:Ci", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        github = OpenIdConnectProvider(name, url=ISSUER, client_id_lists=[AUDIENCE], tags=tags, opts=child)
        self.roles: dict[str, pulumi.Output[str]] = {}
        for spec in specs:
            full = f"{name}-{spec.name}"
            role = Role(
                full,
                name=spec.role,
                assume_role_policy=pulumi.Output.json_dumps(trusting_github(github.arn, spec.subjects)),
                max_session_duration=spec.seconds,
                tags=spec.tags,
                opts=child,
            )
            if spec.policy is not None:
                RolePolicy(full, name=spec.name, role=role.name, policy=json.dumps(spec.policy), opts=child)
            if spec.aws_policy:
                RolePolicyAttachment(full, role=role.name, policy_arn=spec.aws_policy, opts=child)
            self.roles[spec.name] = role.arn
        self.register_outputs({"roles": self.roles})
