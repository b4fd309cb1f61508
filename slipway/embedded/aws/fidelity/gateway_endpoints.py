"""A gateway endpoint's routes follow its route tables when they are changed, as in EC2.

moto 5.2 makes the routes of a gateway endpoint at its creation, and none for a table that is added later; deleting the
endpoint then fails, as it looks for a route in each of its tables.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcEndpoint.html
"""

from typing import Any

from moto.ec2.models import EC2Backend

from slipway.embedded.aws.fidelity.amending import replace


def amend() -> None:
    """Amend moto in this process."""
    original = EC2Backend.modify_vpc_endpoint

    def modify_vpc_endpoint(self: Any, vpc_id: str, *args: Any, **kwargs: Any) -> None:
        endpoint = self.describe_vpc_endpoints(vpc_end_point_ids=[vpc_id])[0]
        before = set(endpoint.route_table_ids or [])
        original(self, vpc_id, *args, **kwargs)
        prefixes, after = endpoint.destination_prefix_list_id, set(endpoint.route_table_ids or [])
        if not prefixes:
            return
        for table in before - after:
            self.delete_route(table, prefixes)
        for table in after - before:
            self.create_route(table, None, gateway_id=endpoint.id, destination_prefix_list_id=prefixes)

    replace(EC2Backend, "modify_vpc_endpoint", modify_vpc_endpoint)
