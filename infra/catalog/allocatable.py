"""What of a node is left for pods on EKS with AL2023: capacity, less what kubelet reserves and keeps back.

The figures are those that nodeadm gives kubelet (awslabs/amazon-eks-ami, nodeadm/internal/kubelet/config.go:
getCPUMillicoresToReserve, getMemoryMebibytesToReserve), and those that Karpenter plans with (aws/karpenter-provider-aws
v1.14.0, pkg/providers/instancetype/types.go: memory, kubeReservedResources, evictionThreshold). Both agree.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from infra.catalog.shapes import MIB, InstanceType

VM_MEMORY_OVERHEAD = 0.075
"""Part of the stated memory that Karpenter takes to be the hypervisor's (its VM_MEMORY_OVERHEAD_PERCENT)."""
EVICTION_BYTES = 100 * MIB
"""kubelet evicts pods when less than this is free (`memory.available`); so it is not allocatable."""
_GRAVITON_CMA = 64 * MIB
# Upper end of a band in millicores, and the part of the band that is reserved.
_CPU_BANDS = ((1000, Fraction(6, 100)), (2000, Fraction(1, 100)), (4000, Fraction(5, 1000)))
_CPU_BEYOND = Fraction(25, 10000)


@dataclass(frozen=True, slots=True)
class Allocatable:
    """What pods can ask for on one node, daemons included.

    Attributes:
        millicores: Thousandths of a processor.
        memory_bytes: Memory.
        pods: How many.
        accelerators: GPUs or Neuron devices.
    """

    millicores: int
    memory_bytes: int
    pods: int
    accelerators: int


def kube_reserved_millicores(vcpus: int) -> int:
    """Processor that kubelet reserves, in thousandths: 6 % of the first, 1 % of the second, 0.5 %, then 0.25 %."""
    total, start, reserved = vcpus * 1000, 0, 0
    for end, part in _CPU_BANDS:
        reserved += int(max(0, min(total, end) - start) * part)
        start = end
    return reserved + int(max(0, total - start) * _CPU_BEYOND)


def kube_reserved_bytes(max_pods: int) -> int:
    """Memory that kubelet reserves: 255 MiB, and 11 MiB for each pod there could be."""
    return (255 + 11 * max_pods) * MIB


def capacity_bytes(instance: InstanceType, vm_memory_overhead: float = VM_MEMORY_OVERHEAD) -> int:
    """Memory that Karpenter expects the node to report: Graviton's reserve and the hypervisor's part taken off.

    Args:
        instance: The type.
        vm_memory_overhead: A part of the memory, from 0 to 1; rounded up to whole MiB.
    """
    memory = instance.memory_bytes - (_GRAVITON_CMA if instance.architecture == "arm64" else 0)
    return memory - math.ceil(memory * vm_memory_overhead / MIB) * MIB


def allocatable(
    instance: InstanceType, *, max_pods: int | None = None, vm_memory_overhead: float = VM_MEMORY_OVERHEAD
) -> Allocatable:
    """What is left for pods on a node of this type, as Karpenter plans it for AL2023.

    Args:
        instance: The type.
        max_pods: Where kubelet is told another number than the CNI's. Memory is reserved for the CNI's number all
            the same, as nodeadm does it.
        vm_memory_overhead: As in `capacity_bytes`.
    """
    reserved = kube_reserved_bytes(instance.max_pods) + EVICTION_BYTES
    return Allocatable(
        millicores=instance.vcpus * 1000 - kube_reserved_millicores(instance.vcpus),
        memory_bytes=max(0, capacity_bytes(instance, vm_memory_overhead) - reserved),
        pods=instance.max_pods if max_pods is None else max_pods,
        accelerators=instance.accelerator.count if instance.accelerator else 0,
    )
