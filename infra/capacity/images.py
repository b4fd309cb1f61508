"""Machine images and disks: which release nodes boot, where it keeps container images, how large that is.

https://karpenter.sh/docs/concepts/nodeclasses/#specamiselectorterms
"""

from collections.abc import Iterable, Mapping

from infra.capacity.specs import VolumeSpec
from infra.catalog import InstanceType
from infra.settings.capacity import Volumes

AMI = "al2023@v20260903"
"""The release that nodes boot, for CPUs and NVIDIA GPUs alike: Karpenter takes the variant that a type needs.

Pinned, because `latest` replaces the whole fleet on the day of a release. https://github.com/awslabs/amazon-eks-ami/releases
"""
CPU_DISK, GPU_DISK = "80Gi", "200Gi"
"""A serving image is 1–2 GB on CPUs and 10–20 GB with CUDA; three generations of each and the system fit."""
KUBELET: Mapping[str, int] = {"imageGCHighThresholdPercent": 75, "imageGCLowThresholdPercent": 60}
"""kubelet's own 85 and 80 leave no room to pull the next image of tens of gigabytes while pods run."""
_GPU_THROUGHPUT = 500
_BOTTLEROCKET_SYSTEM = VolumeSpec(device="/dev/xvda", size="4Gi")


def volumes(ami: str, types: Iterable[InstanceType], wanted: Volumes | None) -> tuple[VolumeSpec, ...]:
    """The disks of a node; Bottlerocket keeps images on a second one.

    Args:
        ami: Alias of the machine image.
        types: What the node may be.
        wanted: What the stack file says.
    """
    gpu = any(each.accelerator for each in types)
    size = wanted.size if wanted else GPU_DISK if gpu else CPU_DISK
    iops = wanted.iops if wanted else None
    throughput = wanted.throughput if wanted else _GPU_THROUGHPUT if gpu else None
    bottlerocket = ami.startswith("bottlerocket@")
    device = "/dev/xvdb" if bottlerocket else "/dev/xvda"
    disk = VolumeSpec(device=device, size=size, iops=iops, throughput=throughput)
    return (_BOTTLEROCKET_SYSTEM, disk) if bottlerocket else (disk,)


def raid(types: Iterable[InstanceType], wanted: Volumes | None) -> bool:
    """Whether instance stores become scratch space: where every type has one and the stack file asks for no disk."""
    return wanted is None and all(each.nvme_bytes > 0 for each in types)
