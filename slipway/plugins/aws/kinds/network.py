"""Networks: VPCs and what is in them."""

from collections.abc import Mapping
from typing import Any

from slipway.plugins.aws.expressions import Expression
from slipway.plugins.aws.table import Call, Kind, Setting, Tagging

_TAGGING = Tagging(
    tag=Call(operation="create_tags", params={"Resources": ["id"], "Tags": "tags(tagged, 'Key', 'Value')"}),
    untag=Call(operation="delete_tags", params={"Resources": ["id"], "Tags": "untagged[].{Key: @}"}),
)
_TAGS: dict[str, Expression] = {
    "tags": "untag(item.Tags, 'Key', 'Value')",
    "tagsAll": "untag(item.Tags, 'Key', 'Value')",
}


def _specification(resource: str) -> Expression:
    """Tags in the request that makes a resource."""
    tags = "tags(tags, 'Key', 'Value')"
    return f"{tags} && [{{ResourceType: '{resource}', Tags: {tags}}}]"


def _arn(resource: str) -> str:
    return f"join('', ['arn:', partition, ':ec2:', region, ':', account, ':{resource}/', id])"


def _vpc_attribute(name: str, member: str) -> Setting:
    params: dict[str, Expression] = {"VpcId": "id", member: {"Value": name}}
    return Setting(on=(name,), call=Call(operation="modify_vpc_attribute", params=params))


VPC = Kind(
    token="aws:ec2/vpc:Vpc",
    service="ec2",
    create=Call(
        operation="create_vpc",
        params={
            "CidrBlock": "cidrBlock",
            "InstanceTenancy": "instanceTenancy",
            "AmazonProvidedIpv6CidrBlock": "assignGeneratedIpv6CidrBlock",
            "TagSpecifications": _specification("vpc"),
        },
    ),
    identity="reply.Vpc.VpcId",
    read=Call(operation="describe_vpcs", params={"VpcIds": ["id"]}),
    item="Vpcs[0]",
    more={
        "support": Call(operation="describe_vpc_attribute", params={"VpcId": "id", "Attribute": "'enableDnsSupport'"}),
        "hostnames": Call(
            operation="describe_vpc_attribute", params={"VpcId": "id", "Attribute": "'enableDnsHostnames'"}
        ),
        "tables": Call(
            operation="describe_route_tables",
            params={"Filters": "[{Name: 'vpc-id', Values: [id]}, {Name: 'association.main', Values: ['true']}]"},
        ),
        "groups": Call(
            operation="describe_security_groups",
            params={"Filters": "[{Name: 'vpc-id', Values: [id]}, {Name: 'group-name', Values: ['default']}]"},
        ),
    },
    gone=("InvalidVpcID.NotFound",),
    outputs={
        "arn": _arn("vpc"),
        "cidrBlock": "item.CidrBlock",
        "instanceTenancy": "item.InstanceTenancy",
        "ownerId": "item.OwnerId || account",
        "dhcpOptionsId": "item.DhcpOptionsId",
        "enableDnsSupport": "support.EnableDnsSupport.Value",
        "enableDnsHostnames": "hostnames.EnableDnsHostnames.Value",
        "mainRouteTableId": "tables.RouteTables[0].RouteTableId",
        "defaultRouteTableId": "tables.RouteTables[0].RouteTableId",
        "defaultSecurityGroupId": "groups.SecurityGroups[0].GroupId",
        **_TAGS,
    },
    settings=(
        _vpc_attribute("enableDnsSupport", "EnableDnsSupport"),
        _vpc_attribute("enableDnsHostnames", "EnableDnsHostnames"),
    ),
    tagging=_TAGGING,
    defaults={"enableDnsSupport": True, "instanceTenancy": "default"},
    computed=("enableDnsHostnames",),
    delete=Call(operation="delete_vpc", params={"VpcId": "id"}),
)

SUBNET = Kind(
    token="aws:ec2/subnet:Subnet",
    service="ec2",
    create=Call(
        operation="create_subnet",
        params={
            "VpcId": "vpcId",
            "CidrBlock": "cidrBlock",
            "AvailabilityZone": "availabilityZone",
            "AvailabilityZoneId": "availabilityZoneId",
            "TagSpecifications": _specification("subnet"),
        },
    ),
    identity="reply.Subnet.SubnetId",
    read=Call(operation="describe_subnets", params={"SubnetIds": ["id"]}),
    item="Subnets[0]",
    gone=("InvalidSubnetID.NotFound",),
    outputs={
        "arn": "item.SubnetArn",
        "availabilityZone": "item.AvailabilityZone",
        "availabilityZoneId": "item.AvailabilityZoneId",
        "cidrBlock": "item.CidrBlock",
        "mapPublicIpOnLaunch": "item.MapPublicIpOnLaunch",
        "ownerId": "item.OwnerId",
        "vpcId": "item.VpcId",
        **_TAGS,
    },
    settings=(
        Setting(
            on=("mapPublicIpOnLaunch",),
            call=Call(
                operation="modify_subnet_attribute",
                params={"SubnetId": "id", "MapPublicIpOnLaunch": {"Value": "mapPublicIpOnLaunch"}},
            ),
        ),
    ),
    tagging=_TAGGING,
    defaults={"mapPublicIpOnLaunch": False},
    computed=("availabilityZone", "availabilityZoneId"),
    delete=Call(operation="delete_subnet", params={"SubnetId": "id"}),
)

INTERNET_GATEWAY = Kind(
    token="aws:ec2/internetGateway:InternetGateway",
    service="ec2",
    create=Call(operation="create_internet_gateway", params={"TagSpecifications": _specification("internet-gateway")}),
    identity="reply.InternetGateway.InternetGatewayId",
    read=Call(operation="describe_internet_gateways", params={"InternetGatewayIds": ["id"]}),
    item="InternetGateways[0]",
    gone=("InvalidInternetGatewayID.NotFound",),
    outputs={
        "arn": _arn("internet-gateway"),
        "ownerId": "item.OwnerId",
        "vpcId": "item.Attachments[0].VpcId",
        **_TAGS,
    },
    settings=(
        Setting(
            on=("vpcId",),
            call=Call(operation="attach_internet_gateway", params={"InternetGatewayId": "id", "VpcId": "vpcId"}),
            undo=Call(operation="detach_internet_gateway", params={"InternetGatewayId": "id", "VpcId": "old.vpcId"}),
        ),
    ),
    tagging=_TAGGING,
    computed=("vpcId",),
    before_delete=lambda client, it: (
        client.detach_internet_gateway(InternetGatewayId=it["id"], VpcId=it["vpcId"]) if it.get("vpcId") else None
    ),
    delete=Call(operation="delete_internet_gateway", params={"InternetGatewayId": "id"}),
)

EIP = Kind(
    token="aws:ec2/eip:Eip",
    service="ec2",
    create=Call(
        operation="allocate_address",
        params={"Domain": "domain || 'vpc'", "TagSpecifications": _specification("elastic-ip")},
    ),
    identity="reply.AllocationId",
    read=Call(operation="describe_addresses", params={"AllocationIds": ["id"]}),
    item="Addresses[0]",
    gone=("InvalidAllocationID.NotFound",),
    outputs={
        "allocationId": "item.AllocationId",
        "domain": "item.Domain",
        "publicIp": "item.PublicIp",
        "associationId": "item.AssociationId",
        **_TAGS,
    },
    tagging=_TAGGING,
    computed=("domain",),
    delete=Call(operation="release_address", params={"AllocationId": "id"}),
)

NAT_GATEWAY = Kind(
    token="aws:ec2/natGateway:NatGateway",
    service="ec2",
    create=Call(
        operation="create_nat_gateway",
        params={
            "SubnetId": "subnetId",
            "AllocationId": "allocationId",
            "ConnectivityType": "connectivityType",
            "TagSpecifications": _specification("natgateway"),
        },
    ),
    identity="reply.NatGateway.NatGatewayId",
    read=Call(operation="describe_nat_gateways", params={"NatGatewayIds": ["id"]}),
    item="NatGateways[?State != 'deleted'] | [0]",
    gone=("NatGatewayNotFound",),
    outputs={
        "subnetId": "item.SubnetId",
        "allocationId": "item.NatGatewayAddresses[0].AllocationId",
        "publicIp": "item.NatGatewayAddresses[0].PublicIp",
        "privateIp": "item.NatGatewayAddresses[0].PrivateIp",
        "networkInterfaceId": "item.NatGatewayAddresses[0].NetworkInterfaceId",
        "connectivityType": "item.ConnectivityType",
        **_TAGS,
    },
    ready="item.State == 'available'",
    tagging=_TAGGING,
    defaults={"connectivityType": "public"},
    delete=Call(operation="delete_nat_gateway", params={"NatGatewayId": "id"}),
)

ROUTE_TABLE = Kind(
    token="aws:ec2/routeTable:RouteTable",
    service="ec2",
    create=Call(
        operation="create_route_table", params={"VpcId": "vpcId", "TagSpecifications": _specification("route-table")}
    ),
    identity="reply.RouteTable.RouteTableId",
    read=Call(operation="describe_route_tables", params={"RouteTableIds": ["id"]}),
    item="RouteTables[0]",
    gone=("InvalidRouteTableID.NotFound",),
    outputs={"arn": _arn("route-table"), "ownerId": "item.OwnerId", "vpcId": "item.VpcId", **_TAGS},
    tagging=_TAGGING,
    delete=Call(operation="delete_route_table", params={"RouteTableId": "id"}),
)

_ROUTE = {
    "RouteTableId": "routeTableId",
    "DestinationCidrBlock": "destinationCidrBlock",
    "GatewayId": "gatewayId",
    "NatGatewayId": "natGatewayId",
}
ROUTE = Kind(
    token="aws:ec2/route:Route",
    service="ec2",
    create=Call(operation="create_route", params=_ROUTE),
    identity="join('', ['r-', routeTableId, '/', destinationCidrBlock])",
    read=Call(operation="describe_route_tables", params={"RouteTableIds": ["routeTableId"]}),
    find=lambda reply, it: next(
        (
            route
            for table in reply["RouteTables"]
            for route in table["Routes"]
            if route.get("DestinationCidrBlock") == it["destinationCidrBlock"]
        ),
        None,
    ),
    gone=("InvalidRouteTableID.NotFound",),
    outputs={
        "destinationCidrBlock": "item.DestinationCidrBlock",
        "gatewayId": "item.GatewayId",
        "natGatewayId": "item.NatGatewayId",
        "origin": "item.Origin",
        "state": "item.State",
    },
    settings=(
        Setting(
            on=("gatewayId", "natGatewayId"),
            call=Call(operation="replace_route", params=_ROUTE),
            at_creation=False,
        ),
    ),
    delete=Call(
        operation="delete_route",
        params={"RouteTableId": "routeTableId", "DestinationCidrBlock": "destinationCidrBlock"},
    ),
    single=True,
)

ROUTE_TABLE_ASSOCIATION = Kind(
    token="aws:ec2/routeTableAssociation:RouteTableAssociation",
    service="ec2",
    create=Call(
        operation="associate_route_table",
        params={"RouteTableId": "routeTableId", "SubnetId": "subnetId", "GatewayId": "gatewayId"},
    ),
    identity="reply.AssociationId",
    read=Call(
        operation="describe_route_tables",
        params={"Filters": "[{Name: 'association.route-table-association-id', Values: [id]}]"},
    ),
    item="RouteTables[0]",
    outputs={"routeTableId": "item.RouteTableId", "subnetId": "subnetId"},
    delete=Call(operation="disassociate_route_table", params={"AssociationId": "id"}),
    single=True,
)


def _revoke_default_egress(client: Any, properties: Mapping[str, Any]) -> None:
    """AWS lets a new group send everywhere; the official plugin takes that back, so that only written rules hold."""
    (group,) = client.describe_security_groups(GroupIds=[properties["id"]])["SecurityGroups"]
    if group["IpPermissionsEgress"]:
        client.revoke_security_group_egress(GroupId=properties["id"], IpPermissions=group["IpPermissionsEgress"])


SECURITY_GROUP = Kind(
    token="aws:ec2/securityGroup:SecurityGroup",
    service="ec2",
    create=Call(
        operation="create_security_group",
        params={
            "GroupName": "name",
            "Description": "description",
            "VpcId": "vpcId",
            "TagSpecifications": _specification("security-group"),
        },
    ),
    identity="reply.GroupId",
    read=Call(operation="describe_security_groups", params={"GroupIds": ["id"]}),
    item="SecurityGroups[0]",
    gone=("InvalidGroup.NotFound",),
    outputs={
        "arn": _arn("security-group"),
        "name": "item.GroupName",
        "description": "item.Description",
        "ownerId": "item.OwnerId",
        "vpcId": "item.VpcId",
        **_TAGS,
    },
    tagging=_TAGGING,
    named="name",
    after_create=_revoke_default_egress,
    defaults={"description": "Managed by Pulumi", "revokeRulesOnDelete": False},
    computed=("vpcId",),
    free=("revokeRulesOnDelete",),
    delete=Call(operation="delete_security_group", params={"GroupId": "id"}),
)


def _rule_of(reply: Mapping[str, Any], properties: Mapping[str, Any]) -> Any:
    rules = reply["SecurityGroupRules"]
    return next((each for each in rules if each["SecurityGroupRuleId"] == properties["id"]), None)


def _rule(token: str, direction: str) -> Kind:
    """A rule of a security group, as a resource of its own."""
    permission = {
        "IpProtocol": "ipProtocol",
        "FromPort": "fromPort",
        "ToPort": "toPort",
        "IpRanges": "cidrIpv4 && [{CidrIp: cidrIpv4, Description: description || ''}]",
        "UserIdGroupPairs": "referencedSecurityGroupId && [{GroupId: referencedSecurityGroupId}]",
    }
    return Kind(
        token=token,
        service="ec2",
        create=Call(
            operation=f"authorize_security_group_{direction}",
            params={
                "GroupId": "securityGroupId",
                "IpPermissions": [permission],
                "TagSpecifications": _specification("security-group-rule"),
            },
        ),
        identity="reply.SecurityGroupRules[0].SecurityGroupRuleId",
        read=Call(operation="describe_security_group_rules", params={"SecurityGroupRuleIds": ["id"]}),
        # moto 5.2 answers with the rules of all groups, whichever is asked for.
        find=_rule_of,
        gone=("InvalidSecurityGroupRuleId.NotFound",),
        outputs={
            "arn": _arn("security-group-rule"),
            "securityGroupRuleId": "id",
            "securityGroupId": "item.GroupId",
            "ipProtocol": "item.IpProtocol",
            "cidrIpv4": "item.CidrIpv4",
            **_TAGS,
        },
        tagging=_TAGGING,
        delete=Call(
            operation=f"revoke_security_group_{direction}",
            params={"GroupId": "securityGroupId", "SecurityGroupRuleIds": ["id"]},
        ),
    )


KINDS = (
    VPC,
    SUBNET,
    INTERNET_GATEWAY,
    EIP,
    NAT_GATEWAY,
    ROUTE_TABLE,
    ROUTE,
    ROUTE_TABLE_ASSOCIATION,
    SECURITY_GROUP,
    _rule("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "ingress"),
    _rule("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "egress"),
)
