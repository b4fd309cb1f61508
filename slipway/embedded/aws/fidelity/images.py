"""Images have the architecture they were registered with, and the EKS-optimised ones exist.

moto 5.2 registers every image without an architecture, root device or tags, lets two have one name, and knows no image
of EKS. On AWS, `RegisterImage` keeps what it is given, and Amazon publishes images for each Kubernetes version.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html
https://docs.aws.amazon.com/eks/latest/userguide/eks-optimized-ami.html

Karpenter takes a node's architecture from its image, and finds images by name, by id and by the SSM parameters that
`image_parameters` adds. Names and dates are those of real releases (see `AL2023_RELEASES`); the ids are made from
region and name, and are not those of AWS. The environment variable `SLIPWAY_AMI_RELEASES` adds releases, as aliases
write them: `al2023@v20251001,bottlerocket@v1.50.0`.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto import settings
from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.amis import Ami, AmiBackend
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.utils import convert_tag_spec, random_ami_id

from slipway.embedded.aws.fidelity.amending import replace

RELEASES_VARIABLE = "SLIPWAY_AMI_RELEASES"
KUBERNETES_VERSIONS = ("1.31", "1.32", "1.33", "1.34", "1.35")
AL2023_RELEASES = ("v20260505", "v20260512", "v20260818", "v20260903")
"""https://github.com/awslabs/amazon-eks-ami/releases, the newest last."""
BOTTLEROCKET_RELEASES = {"1.60.0": "c1f9ba0c", "1.61.0": "8ef015e0", "1.65.0": "0be31b34"}
"""Versions and the builds that are part of their names, https://github.com/bottlerocket-os/bottlerocket/releases."""
_BOTTLEROCKET_DATE = "20260903"  # by name and version they are told apart, not by date
_OWNERS = {"al2023": "602401143452", "bottlerocket": "651937483462"}  # both are called `amazon`


@dataclass(frozen=True)
class EksImage:
    """An image for nodes.

    Attributes:
        family: `al2023` or `bottlerocket`.
        kubernetes: Minor version.
        architecture: `x86_64` or `arm64`.
        variant: `standard` or `nvidia`.
        release: `v20260903`, or `1.65.0`.
        name: Its name.
        created: The day of its release.
    """

    family: str
    kubernetes: str
    architecture: str
    variant: str
    release: str
    name: str
    created: datetime

    def id_in(self, region: str) -> str:
        """Its id there."""
        return "ami-" + hashlib.sha256(f"{region}/{self.name}".encode()).hexdigest()[:17]


def releases(family: str) -> list[str]:
    """Releases of a family, the newest last."""
    known = AL2023_RELEASES if family == "al2023" else tuple(BOTTLEROCKET_RELEASES)
    asked = [one.strip().partition("@") for one in os.environ.get(RELEASES_VARIABLE, "").split(",")]
    added = [version for name, _, version in asked if name == family and version != "latest"]
    if family == "bottlerocket":
        added = [version.lstrip("v") for version in added]
        return sorted({*known, *added}, key=lambda version: [int(part) for part in version.split(".")])
    return sorted({*known, *added})


def eks_images() -> Iterator[EksImage]:
    """All of them, the newest of a kind last."""
    for kubernetes in KUBERNETES_VERSIONS:
        for architecture in ("x86_64", "arm64"):
            for variant in ("standard", "nvidia"):
                for release in releases("al2023"):
                    name = f"amazon-eks-node-al2023-{architecture}-{variant}-{kubernetes}-{release}"
                    day = datetime.strptime(release, "v%Y%m%d")  # noqa: DTZ007  # moto's dates have no zone
                    yield EksImage("al2023", kubernetes, architecture, variant, release, name, day)
                for release in releases("bottlerocket"):
                    suffix = "" if variant == "standard" else f"-{variant}"
                    build = BOTTLEROCKET_RELEASES.get(release, "00000000")
                    name = f"bottlerocket-aws-k8s-{kubernetes}{suffix}-{architecture}-v{release}-{build}"
                    day = datetime.strptime(_BOTTLEROCKET_DATE, "%Y%m%d")  # noqa: DTZ007
                    yield EksImage("bottlerocket", kubernetes, architecture, variant, release, name, day)


def newest(family: str, kubernetes: str, architecture: str, variant: str, release: str | None = None) -> EksImage:
    """The newest image of a kind, or that of one release.

    Raises:
        LookupError: There is none.
    """
    kind = (family, kubernetes, architecture, variant)
    found = [
        one
        for one in eks_images()
        if (one.family, one.kubernetes, one.architecture, one.variant) == kind and release in (None, one.release)
    ]
    if not found:
        raise LookupError(f"no {family} image for Kubernetes {kubernetes} on {architecture} ({variant})")
    return found[-1]


def amend() -> None:
    """Amend moto in this process."""
    load = AmiBackend._load_amis  # noqa: SLF001  # where moto makes the images that are there from the start

    def load_amis(self: Any) -> None:
        load(self)
        if not settings.ec2_load_default_amis():
            return
        for image in eks_images():
            self.amis[image.id_in(self.region_name)] = Ami(
                self,
                image.id_in(self.region_name),
                name=image.name,
                description=f"EKS-optimized node image for Kubernetes {image.kubernetes}",
                owner_id=_OWNERS[image.family],
                owner_alias="amazon",
                public=True,
                virtualization_type="hvm",
                architecture=image.architecture,
                creation_date=image.created,
                image_location=f"amazon/{image.name}",
                hypervisor="xen",
                root_device_type="ebs",
                root_device_name="/dev/xvda",
            )

    def register_image(self: Any) -> ActionResult:
        name = self._get_param("Name")
        if any(
            image.name == name and image.owner_id == self.current_account for image in self.ec2_backend.amis.values()
        ):
            raise EC2ClientError("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by another AMI")
        self.error_on_dryrun()
        root = self._get_param("RootDeviceName") or "/dev/sda1"
        image = Ami(
            self.ec2_backend,
            random_ami_id(),
            name=name,
            description=self._get_param("Description", ""),
            architecture=self._get_param("Architecture") or "i386",  # as EC2 documents it
            virtualization_type=self._get_param("VirtualizationType") or "paravirtual",
            image_location=self._get_param("ImageLocation"),
            hypervisor="xen",
            root_device_type="ebs" if self._get_param("RootDeviceName") else "instance-store",
            root_device_name=root,
            boot_mode=self._get_param("BootMode") or "uefi",
            tags=convert_tag_spec(self._get_param("TagSpecifications", [])).get("image"),
        )
        self.ec2_backend.amis[image.id] = image
        return ActionResult({"ImageId": image.id})

    replace(AmiBackend, "_load_amis", load_amis)
    replace(AmisResponse, "register_image", register_image)
