"""The public SSM parameters that say which image is the EKS-optimised one.

moto 5.2 has those of Amazon Linux and ECS only.
https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id.html
https://docs.aws.amazon.com/eks/latest/userguide/retrieve-ami-id-bottlerocket.html

Karpenter resolves `al2023@latest`, `al2023@v20260903` and `bottlerocket@1.65.0` by them.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from moto.ssm.models import Parameter, ParameterDict

from slipway.embedded.aws.fidelity.amending import replace
from slipway.embedded.aws.fidelity.images import eks_images

_PREFIXES = ("/aws/service/eks/optimized-ami", "/aws/service/bottlerocket")


def parameters(region: str) -> Iterator[tuple[str, str]]:
    """Names and values; the newest of a kind comes last, and is what `recommended` and `latest` keep."""
    for image in eks_images():
        identifier = image.id_in(region)
        if image.family == "al2023":
            base = f"/aws/service/eks/optimized-ami/{image.kubernetes}/amazon-linux-2023"
            kind = f"{base}/{image.architecture}/{image.variant}"
            for name in (image.name, "recommended"):
                yield f"{kind}/{name}/image_id", identifier
                yield f"{kind}/{name}/image_name", image.name
                yield f"{kind}/{name}/release_version", f"{image.kubernetes}-{image.release[1:]}"
        else:
            suffix = "" if image.variant == "standard" else f"-{image.variant}"
            kind = f"/aws/service/bottlerocket/aws-k8s-{image.kubernetes}{suffix}/{image.architecture}"
            for version in (image.release, "latest"):
                yield f"{kind}/{version}/image_id", identifier
                yield f"{kind}/{version}/image_version", image.release


def amend() -> None:
    """Amend moto in this process."""
    original = ParameterDict._check_loading_status  # noqa: SLF001  # where moto loads public parameters when asked

    def check_loading_status(self: Any, key: str) -> None:
        original(self, key)
        if str(key or "").startswith(_PREFIXES) and not self.__dict__.get("eks_images_loaded"):
            self.__dict__["eks_images_loaded"] = True
            for name, value in dict(parameters(self.region_name)).items():
                dict.__setitem__(self, name, [_parameter(self, name, value)])

    replace(ParameterDict, "_check_loading_status", check_loading_status)


def _parameter(owner: Any, name: str, value: str) -> Parameter:
    made: Any = Parameter  # it lacks two methods that only CloudFormation calls
    found: Parameter = made(
        account_id=owner.account_id,
        name=name,
        value=value,
        parameter_type="String",
        description=None,
        allowed_pattern=None,
        keyid=None,
        last_modified_date=datetime(2026, 9, 3),  # noqa: DTZ001  # moto's dates have no zone
        version=1,
        data_type="aws:ec2:image" if name.endswith("/image_id") else "text",
    )
    return found
