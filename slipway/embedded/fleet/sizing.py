"""How much a node of an instance type has, and what of it is left for pods, on EKS with AL2023.

Kubelet is told these figures by nodeadm (awslabs/amazon-eks-ami, nodeadm/internal/kubelet/config.go), and Karpenter
plans with them (aws/karpenter-provider-aws v1.14.0, pkg/providers/instancetype/types.go).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

GPU = "nvidia.com/gpu"
GPU_STARTUP = "nvidia.com/gpu-not-ready"
"""The startup taint of pools with GPUs (infra/capacity): it goes once kubelet knows them."""
ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}
"""EC2's names of architectures, and Kubernetes' (`AWSToKubeArchitectures`)."""

_MIB = 2**20
_GIB = 2**30
_HYPERVISOR = Fraction(75, 1000)
"""Part of the stated memory that the operating system does not see: Karpenter's VM_MEMORY_OVERHEAD_PERCENT."""
_GRAVITON_MIB = 64
"""Contiguous memory that Graviton's kernels keep back."""
_EVICTION_MIB = 100
_RESERVED_DISK = 1 * _GIB
_EVICTED_DISK = Fraction(10, 100)
# Upper end of a band in millicores, and the part of the band that kubelet reserves.
_CPU_BANDS = (
    (1000, Fraction(6, 100)),
    (2000, Fraction(1, 100)),
    (4000, Fraction(5, 1000)),
    (2**31, Fraction(25, 10000)),
)
# Managed node groups allow no more pods than these, by vCPUs:
# https://docs.aws.amazon.com/eks/latest/userguide/choosing-instance-type.html#determine-max-pods
_SMALL_VCPUS = 30
_SMALL_PODS, _LARGE_PODS = 110, 250

InstanceType = Mapping[str, Any]
"""One of `DescribeInstanceTypes`."""


@dataclass(frozen=True)
class Size:
    """What a Node says it has; quantities as Kubernetes writes them.

    Attributes:
        capacity: All of it.
        allocatable: What is left for pods.
    """

    capacity: dict[str, str]
    allocatable: dict[str, str]


def architecture(kind: InstanceType) -> str:
    """As the label `kubernetes.io/arch` says it.

    Raises:
        LookupError: None that Kubernetes runs on.
    """
    for name in kind["ProcessorInfo"]["SupportedArchitectures"]:
        if name in ARCHITECTURES:
            return ARCHITECTURES[name]
    raise LookupError(f"{kind['InstanceType']} has no architecture that nodes here have")


def gpus(kind: InstanceType) -> int:
    """NVIDIA GPUs of a type: what its device plugin would register."""
    devices = kind.get("GpuInfo", {}).get("Gpus", [])
    return sum(int(device["Count"]) for device in devices if device["Manufacturer"] == "NVIDIA")


def pods_by_addresses(kind: InstanceType) -> int:
    """Pods that the VPC CNI has addresses for: interfaces x (addresses of each - 1) + 2.

    https://github.com/awslabs/amazon-eks-ami/blob/main/templates/shared/runtime/eni-max-pods.txt
    """
    network = kind["NetworkInfo"]
    cards = network.get("NetworkCards") or [network]
    interfaces = int(cards[network.get("DefaultNetworkCardIndex", 0)]["MaximumNetworkInterfaces"])
    return interfaces * (int(network["Ipv4AddressesPerInterface"]) - 1) + 2


def pods_of_managed_group(kind: InstanceType) -> int:
    """The same, bounded as EKS bounds it for its managed node groups."""
    most = _SMALL_PODS if int(kind["VCpuInfo"]["DefaultVCpus"]) < _SMALL_VCPUS else _LARGE_PODS
    return min(pods_by_addresses(kind), most)


def size(kind: InstanceType, *, pods: int | None = None, disk_gib: int = 20) -> Size:
    """What a node of a type has, without what device plugins add later.

    Args:
        kind: The instance type.
        pods: How many pods kubelet allows; those the VPC CNI has addresses for when none are given.
        disk_gib: Its root volume, in GiB; Karpenter's and EKS's default is 20.
    """
    vcpus = int(kind["VCpuInfo"]["DefaultVCpus"])
    memory = int(kind["MemoryInfo"]["SizeInMiB"]) - (_GRAVITON_MIB if architecture(kind) == "arm64" else 0)
    memory -= math.ceil(memory * _HYPERVISOR)
    # nodeadm reserves memory for the CNI's number of pods, whatever number kubelet is told.
    reserved = 255 + 11 * pods_by_addresses(kind)
    disk = disk_gib * _GIB
    count = str(pods_by_addresses(kind) if pods is None else pods)
    return Size(
        capacity={"cpu": str(vcpus), "memory": f"{memory}Mi", "ephemeral-storage": f"{disk_gib}Gi", "pods": count},
        allocatable={
            "cpu": f"{vcpus * 1000 - _reserved_millicores(vcpus * 1000)}m",
            "memory": f"{max(0, memory - reserved - _EVICTION_MIB)}Mi",
            "ephemeral-storage": str(max(0, disk - _RESERVED_DISK - math.ceil(disk * _EVICTED_DISK))),
            "pods": count,
        },
    )


def _reserved_millicores(millicores: int) -> int:
    """6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of all others; each band rounded down."""
    reserved, start = 0, 0
    for end, part in _CPU_BANDS:
        reserved += int(max(0, min(millicores, end) - start) * part)
        start = end
    return reserved
