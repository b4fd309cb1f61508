"""What an instance type is: processors, memory, accelerators, network and pods, as DescribeInstanceTypes tells it.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceTypeInfo.html
"""

import re
from dataclasses import dataclass
from typing import Literal

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Accelerator:
    """The accelerators of an instance, all of one model.

    Attributes:
        model: As people say it, and as Karpenter's label `karpenter.k8s.aws/instance-gpu-name` does: `l4`, `h100`.
        count: How many a pod can ask for; a fractional GPU counts as one.
        memory_bytes: Of each.
        fraction: The part of a physical GPU that each is: 1, or 1/8 to 1/2 in `g6f` and `gr6f`.
        vendor: `nvidia`, or `aws` for Inferentia and Trainium.
    """

    model: str
    count: int
    memory_bytes: int
    fraction: float = 1.0
    vendor: Literal["nvidia", "aws"] = "nvidia"

    @property
    def resource(self) -> str:
        """The extended resource that a pod asks for."""
        return "nvidia.com/gpu" if self.vendor == "nvidia" else "aws.amazon.com/neuron"


@dataclass(frozen=True, slots=True)
class InstanceType:
    """One EC2 instance type.

    Attributes:
        name: Such as `m7i.large`.
        architecture: As `kubernetes.io/arch` has it.
        vcpus: Virtual processors, which Kubernetes counts as cores.
        memory_bytes: What AWS states, before the hypervisor and the kernel take theirs.
        accelerator: GPUs or Neuron devices; None for most.
        network_gbps: Gigabits per second that are sustained; what AWS calls "up to" is a burst, and not this.
        network_interfaces: ENIs of the default network card, the only one that pods get addresses from.
        ipv4_per_interface: IPv4 addresses of each ENI.
        nvme_bytes: Instance store; 0 without.
        hypervisor: `nitro` for all of the catalog; `xen` before generation 5.
        burstable: Whether its processors are throttled once their credits are spent.
    """

    name: str
    architecture: Literal["amd64", "arm64"]
    vcpus: int
    memory_bytes: int
    accelerator: Accelerator | None
    network_gbps: float
    network_interfaces: int
    ipv4_per_interface: int
    nvme_bytes: int
    hypervisor: str
    burstable: bool

    @property
    def family(self) -> str:
        """The part before the dot: `m7i`."""
        return self.name.partition(".")[0]

    @property
    def size(self) -> str:
        """The part after the dot: `large`."""
        return self.name.partition(".")[2]

    @property
    def generation(self) -> int:
        """The first number in the family: 7 for `m7i`, 6 for `p6-b200`."""
        found = re.search(r"[0-9]+", self.family)
        return int(found[0]) if found else 0

    @property
    def max_pods(self) -> int:
        """Pods that the VPC CNI gives an address to, without prefix delegation.

        ENIs × (addresses - 1) + 2: each ENI keeps one address, and two pods use the host's network.
        https://github.com/aws/karpenter-provider-aws/blob/v1.14.0/pkg/providers/instancetype/types.go (ENILimitedPods)
        """
        return self.network_interfaces * (self.ipv4_per_interface - 1) + 2
