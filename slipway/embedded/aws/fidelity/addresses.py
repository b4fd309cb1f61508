"""An instance that is terminated gives its private addresses back.

moto 5.2 keeps the network interface of a terminated instance unless the launch asked for its deletion, so the subnet
runs out of addresses; what comes back it hands out again in an order that differs from process to process, which a
replay cannot repeat; and terminating an instance twice would delete the interface twice. EC2 deletes interfaces that it
made at launch by default, and lets an instance be terminated again.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceNetworkInterfaceSpecification.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html

Karpenter sorts subnets by their free addresses, and leaves those that have none.
"""

import copy
import ipaddress
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance
from moto.ec2.models.subnets import Subnet

from slipway.embedded.aws.fidelity.amending import replace


def amend() -> None:
    """Amend moto in this process."""
    prep_nics, terminate, next_address = Instance.prep_nics, Instance.terminate, Subnet.get_available_subnet_ip

    def prepare(self: Any, nic_spec: list[dict[str, Any]], *args: Any, **kwargs: Any) -> None:
        asked = {int(one.get("DeviceIndex") or 0): dict(one) for one in nic_spec}
        prep_nics(self, nic_spec, *args, **kwargs)
        for index, interface in self.nics.items():
            spec = asked.get(index, {})
            if "NetworkInterfaceId" not in spec:
                interface.delete_on_termination = spec.get("DeleteOnTermination", True)

    def end(self: Any) -> Any:
        return copy.copy(self._state) if self.state == "terminated" else terminate(self)

    def take(self: Any, instance: Any) -> str:
        if self._unused_ips:
            address: str = min(self._unused_ips, key=ipaddress.ip_address)
            self._unused_ips.remove(address)
            self._subnet_ips[address] = instance
            return address
        try:
            return next_address(self, instance)
        except (StopIteration, RuntimeError) as error:
            raise EC2ClientError(
                "InsufficientFreeAddressesInSubnet",
                f"There are not enough free addresses in subnet '{self.id}' to satisfy the requested number of "
                "instances.",
            ) from error

    replace(Instance, "prep_nics", prepare)
    replace(Instance, "terminate", end)
    replace(Subnet, "get_available_subnet_ip", take)
