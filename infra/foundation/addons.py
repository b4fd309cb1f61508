"""AddOns: programs that EKS installs in a cluster and keeps, at pinned versions."""

import json
from collections.abc import Sequence

import pulumi
from pulumi_aws.eks.addon import Addon

from infra.foundation.planning.addons import AddOnSpec


class AddOns(pulumi.ComponentResource):
    """Add-ons of EKS.

    Args:
        name: Their name.
        specs: Which.
        cluster: The cluster's name in AWS.
        after: What must be there before any of them works.
        opts: Options of the component.

    Attributes:
        made: The add-ons, for what waits for them.
    """

    def __init__(
        self,
        name: str,
        *,
        specs: Sequence[AddOnSpec],
        cluster: pulumi.Input[str],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Have EKS install them."""
        super().__init__("slipway:foundation:AddOns", name, {}, opts)
        self.made = [
            Addon(
                f"{name}-{spec.name}",
                cluster_name=cluster,
                addon_name=spec.name,
                addon_version=spec.version,
                configuration_values=json.dumps(spec.values) if spec.values else None,
                # What the stack says holds, whoever has changed it meanwhile.
                resolve_conflicts_on_create="OVERWRITE",
                resolve_conflicts_on_update="OVERWRITE",
                tags=spec.tags,
                opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
            )
            for spec in specs
        ]
        self.register_outputs({})
