"""What a network has besides subnets: ways to AWS's services inside it, and the record of what goes through."""

from collections.abc import Mapping
from typing import Any

from slipway.plugins.aws.expressions import Expression
from slipway.plugins.aws.table import Call, Kind, Setting, Tagging

_TAGS = "tags(tags, 'Key', 'Value')"
_TAGGING = Tagging(
    tag=Call(operation="create_tags", params={"Resources": ["id"], "Tags": "tags(tagged, 'Key', 'Value')"}),
    untag=Call(operation="delete_tags", params={"Resources": ["id"], "Tags": "untagged[].{Key: @}"}),
)
_SEEN: dict[str, Expression] = {
    "tags": "untag(item.Tags, 'Key', 'Value')",
    "tagsAll": "untag(item.Tags, 'Key', 'Value')",
}


def _members(name: str, member: str) -> Setting:
    """A set of ids, which is changed by saying what comes and what goes."""
    return Setting(
        on=(name,),
        call=Call(operation="modify_vpc_endpoint", params={"VpcEndpointId": "id", f"Add{member}": name}),
        undo=Call(operation="modify_vpc_endpoint", params={"VpcEndpointId": "id", f"Remove{member}": f"old.{name}"}),
        at_creation=False,
    )


VPC_ENDPOINT = Kind(
    token="aws:ec2/vpcEndpoint:VpcEndpoint",
    service="ec2",
    create=Call(
        operation="create_vpc_endpoint",
        params={
            "VpcId": "vpcId",
            "ServiceName": "serviceName",
            "VpcEndpointType": "vpcEndpointType",
            "RouteTableIds": "routeTableIds",
            "SubnetIds": "subnetIds",
            "SecurityGroupIds": "securityGroupIds",
            "PrivateDnsEnabled": "privateDnsEnabled",
            "PolicyDocument": "policy",
            "TagSpecifications": f"{_TAGS} && [{{ResourceType: 'vpc-endpoint', Tags: {_TAGS}}}]",
        },
    ),
    identity="reply.VpcEndpoint.VpcEndpointId",
    read=Call(operation="describe_vpc_endpoints", params={"VpcEndpointIds": ["id"]}),
    item="VpcEndpoints[?State != 'deleted'] | [0]",
    # The second is what moto 5.2 says of a gateway endpoint that is deleted already.
    gone=("InvalidVpcEndpointId.NotFound", "InvalidRoute.NotFound"),
    outputs={
        "arn": "join('', ['arn:', partition, ':ec2:', region, ':', account, ':vpc-endpoint/', id])",
        "vpcId": "item.VpcId",
        "serviceName": "item.ServiceName",
        "vpcEndpointType": "item.VpcEndpointType",
        "state": "item.State",
        "ownerId": "item.OwnerId || account",
        "routeTableIds": "item.RouteTableIds",
        "subnetIds": "item.SubnetIds",
        "securityGroupIds": "item.Groups[].GroupId",
        "networkInterfaceIds": "item.NetworkInterfaceIds",
        "privateDnsEnabled": "item.PrivateDnsEnabled",
        **_SEEN,
    },
    settings=(
        _members("routeTableIds", "RouteTableIds"),
        _members("subnetIds", "SubnetIds"),
        _members("securityGroupIds", "SecurityGroupIds"),
        Setting(
            on=("policy",),
            call=Call(operation="modify_vpc_endpoint", params={"VpcEndpointId": "id", "PolicyDocument": "policy"}),
            unset=Call(operation="modify_vpc_endpoint", params={"VpcEndpointId": "id", "ResetPolicy": True}),
            at_creation=False,
        ),
    ),
    tagging=_TAGGING,
    defaults={"vpcEndpointType": "Gateway"},
    computed=("policy", "privateDnsEnabled", "routeTableIds", "securityGroupIds", "subnetIds"),
    ready="item.State == 'available'",
    delete=Call(operation="delete_vpc_endpoints", params={"VpcEndpointIds": ["id"]}),
)


def _log_of(reply: Mapping[str, Any], properties: Mapping[str, Any]) -> Any:
    return next((each for each in reply["FlowLogs"] if each["FlowLogId"] == properties["id"]), None)


FLOW_LOG = Kind(
    token="aws:ec2/flowLog:FlowLog",
    service="ec2",
    create=Call(
        operation="create_flow_logs",
        params={
            "ResourceIds": "[vpcId]",
            "ResourceType": "vpcId && 'VPC'",
            "TrafficType": "trafficType",
            "LogDestinationType": "logDestinationType",
            "LogDestination": "logDestination",
            "DeliverLogsPermissionArn": "iamRoleArn",
            "MaxAggregationInterval": "maxAggregationInterval",
            "TagSpecifications": f"{_TAGS} && [{{ResourceType: 'vpc-flow-log', Tags: {_TAGS}}}]",
        },
    ),
    identity="reply.FlowLogIds[0]",
    read=Call(operation="describe_flow_logs", params={"FlowLogIds": ["id"]}),
    find=_log_of,
    gone=("InvalidFlowLogId.NotFound",),
    outputs={
        "arn": "join('', ['arn:', partition, ':ec2:', region, ':', account, ':vpc-flow-log/', id])",
        "vpcId": "item.ResourceId",
        "trafficType": "item.TrafficType",
        "logDestinationType": "item.LogDestinationType",
        "logDestination": "item.LogDestination || logDestination",
        "iamRoleArn": "item.DeliverLogsPermissionArn",
        "maxAggregationInterval": "item.MaxAggregationInterval",
        **_SEEN,
    },
    tagging=_TAGGING,
    defaults={"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600},
    numbers={"maxAggregationInterval": (60, 600)},
    delete=Call(operation="delete_flow_logs", params={"FlowLogIds": ["id"]}),
    single=True,
)

KINDS = (VPC_ENDPOINT, FLOW_LOG)
