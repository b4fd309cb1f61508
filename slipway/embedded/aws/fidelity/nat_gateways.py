"""A NAT gateway that is deleted gives its address and its interface back, as EC2 does.

moto 5.2 only marks it as deleted: its Elastic IP stays associated and can never be used again.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNatGateway.html
"""

from typing import Any

from moto.ec2.models import EC2Backend


def amend() -> None:
    """Amend moto in this process."""
    original = EC2Backend.delete_nat_gateway

    def delete_nat_gateway(self: Any, nat_gateway_id: str) -> Any:
        gateway = original(self, nat_gateway_id)
        interface = gateway._eni  # noqa: SLF001  # moto keeps it nowhere else
        for address in list(self.addresses):
            if address.eni is not None and address.eni.id == interface.id:
                self.disassociate_address(association_id=address.association_id)
        if interface.id in self.enis:
            self.delete_network_interface(interface.id)
        return gateway

    EC2Backend.delete_nat_gateway = delete_nat_gateway  # type: ignore[method-assign]
