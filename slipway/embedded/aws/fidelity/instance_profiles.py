"""Instance profiles are listed by their path.

moto 5.2 ignores `PathPrefix` and answers all of them.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfiles.html

Karpenter keeps its instance profiles under `/karpenter/REGION/CLUSTER/…` and deletes those there that it no longer
needs: with moto's answer it would see everybody's.
"""

from typing import Any

from moto.core.responses import ActionResult
from moto.iam.responses import IamResponse

from slipway.embedded.aws.fidelity.amending import replace
from slipway.embedded.aws.fidelity.paging import page


def amend() -> None:
    """Amend moto in this process."""

    def list_instance_profiles(self: Any) -> ActionResult:
        prefix = self._get_param("PathPrefix") or "/"
        found = [profile for profile in self.backend.get_instance_profiles() if profile.path.startswith(prefix)]
        part, marker = page(found, self._get_param("MaxItems"), self._get_param("Marker"))
        return ActionResult({"InstanceProfiles": part, "IsTruncated": marker is not None, "Marker": marker})

    replace(IamResponse, "list_instance_profiles", list_instance_profiles)
