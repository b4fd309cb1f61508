"""What asks for another account's registry is answered by that registry.

moto 5.2 looks into the caller's own, whichever `registryId` is given: BatchGetImage finds the caller's image, the
others find nothing. ECR answers from the registry that is meant (where its repositories' policies allow it, which are
not held here).
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
"""

from typing import Any

from moto.ecr.models import ECRBackend, ecr_backends
from moto.ecr.responses import ECRResponse

from slipway.embedded.aws.fidelity.amending import replace

_READING = ("DescribeRepositories", "DescribeImages", "BatchGetImage")


def amend() -> None:
    """Amend moto in this process."""

    def ecr_backend(self: Any) -> ECRBackend:
        registry = self._get_param("registryId") if self._get_action() in _READING else None
        return ecr_backends[registry or self.current_account][self.region]

    replace(ECRResponse, "ecr_backend", property(ecr_backend))
