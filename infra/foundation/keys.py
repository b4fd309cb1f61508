"""Keys: the stack's keys of KMS, by purpose."""

import json
from collections.abc import Sequence

import pulumi
from pulumi_aws.kms.alias import Alias
from pulumi_aws.kms.key import Key

from infra.encryption import KeySpec

_DELETION_DAYS = 30
"""How long a deleted key can be had back, and what is encrypted with it: the most that AWS takes."""


class Keys(pulumi.ComponentResource):
    """The keys that a stack's layers are encrypted with.

    Args:
        name: Their name.
        specs: One for each purpose.
        opts: Options of the component.

    Attributes:
        arns: ARNs by purpose. A key's alias is there before its ARN is told, as policies mean it by that.
    """

    def __init__(self, name: str, *, specs: Sequence[KeySpec], opts: pulumi.ResourceOptions | None = None) -> None:
        """Make them."""
        super().__init__("slipway:foundation:Keys", name, {}, opts)
        self.arns: dict[str, pulumi.Output[str]] = {}
        for spec in specs:
            key = Key(
                f"{name}-{spec.name}",
                description=spec.description,
                enable_key_rotation=True,
                deletion_window_in_days=_DELETION_DAYS,
                policy=json.dumps(spec.policy),
                tags=spec.tags,
                opts=pulumi.ResourceOptions(parent=self),
            )
            alias = Alias(
                f"{name}-{spec.name}",
                name=spec.alias,
                target_key_id=key.key_id,
                opts=pulumi.ResourceOptions(parent=self),
            )
            self.arns[spec.name] = alias.target_key_arn
        self.register_outputs({"arns": self.arns})
