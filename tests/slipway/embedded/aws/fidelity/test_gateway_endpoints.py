"""Gateway endpoints whose route tables change."""

from typing import Any

from slipway.embedded.aws.fidelity import gateway_endpoints
from tests.slipway.embedded.aws.fidelity.proving import REGION, Aws, proves


def routes(aws: Aws, table: str) -> list[str]:
    (found,) = aws.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    return [each["GatewayId"] for each in found["Routes"] if each.get("DestinationPrefixListId")]


@proves(gateway_endpoints)
def test_routes_follow_the_tables_of_a_gateway_endpoint(aws: Aws) -> None:
    first, second = (aws.ec2.create_route_table(VpcId=aws.vpc)["RouteTable"]["RouteTableId"] for _ in range(2))
    made: dict[str, Any] = aws.ec2.create_vpc_endpoint(
        VpcId=aws.vpc, ServiceName=f"com.amazonaws.{REGION}.s3", VpcEndpointType="Gateway", RouteTableIds=[first]
    )
    endpoint = made["VpcEndpoint"]["VpcEndpointId"]
    aws.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddRouteTableIds=[second], RemoveRouteTableIds=[first])
    assert (routes(aws, first), routes(aws, second)) == ([], [endpoint])
    aws.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    assert routes(aws, second) == []
