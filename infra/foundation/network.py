"""Network: a VPC with public, private and intra subnets over two or three zones.

https://docs.aws.amazon.com/vpc/latest/userguide/
"""

import json

import pulumi
from pulumi_aws.cloudwatch.log_group import LogGroup
from pulumi_aws.ec2.eip import Eip
from pulumi_aws.ec2.flow_log import FlowLog
from pulumi_aws.ec2.internet_gateway import InternetGateway
from pulumi_aws.ec2.nat_gateway import NatGateway
from pulumi_aws.ec2.route import Route
from pulumi_aws.ec2.route_table import RouteTable
from pulumi_aws.ec2.route_table_association import RouteTableAssociation
from pulumi_aws.ec2.security_group import SecurityGroup
from pulumi_aws.ec2.subnet import Subnet
from pulumi_aws.ec2.vpc import Vpc
from pulumi_aws.ec2.vpc_endpoint import VpcEndpoint
from pulumi_aws.iam.role import Role
from pulumi_aws.iam.role_policy import RolePolicy
from pulumi_aws.vpc.security_group_ingress_rule import SecurityGroupIngressRule

from infra.foundation.planning.network import NetworkSpec
from infra.iam import allow, document, trusting_service

_EVERYWHERE = "0.0.0.0/0"


class Network(pulumi.ComponentResource):
    """The network of an environment.

    Args:
        name: Its name.
        spec: What it is made from.
        log_key: ARN of the key that its flow logs are encrypted with.
        opts: Options of the component.

    Attributes:
        vpc: Id of the VPC.
        subnets: Ids of the subnets, by name: `private-a`.
        ways_out: Routes of private subnets. What needs the internet, or an endpoint, waits for them.
    """

    def __init__(
        self, name: str, *, spec: NetworkSpec, log_key: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make the VPC, its subnets with their routes, endpoints, and the record of what goes through."""
        super().__init__("slipway:foundation:Network", name, {}, opts)
        self._name, self._spec = name, spec
        self._child = pulumi.ResourceOptions(parent=self)
        vpc = Vpc(
            name,
            cidr_block=spec.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=spec.place.tags("network"),
            opts=self._child,
        )
        self.vpc = vpc.id
        subnets = {
            each.name: Subnet(
                f"{name}-{each.name}",
                vpc_id=self.vpc,
                availability_zone=each.zone,
                cidr_block=each.cidr,
                map_public_ip_on_launch=False,
                tags=each.tags,
                opts=self._child,
            )
            for each in spec.subnets
        }
        self.subnets = {each: subnet.id for each, subnet in subnets.items()}
        self.ways_out: list[pulumi.Resource] = []
        tables = self._routes()
        self._endpoints(tables)
        self._flow_logs(log_key)
        self.register_outputs({"vpc": self.vpc, "subnets": self.subnets})

    def of_kind(self, kind: str) -> list[pulumi.Output[str]]:
        """Ids of the subnets of one kind, in the order of the zones."""
        return [self.subnets[subnet.name] for subnet in self._spec.subnets if subnet.kind == kind]

    def _routes(self) -> dict[str, RouteTable]:
        """One table for all public subnets, one for each private one, one for all intra ones, which lead nowhere."""
        name, spec = self._name, self._spec
        gateway = InternetGateway(name, vpc_id=self.vpc, tags=spec.place.tags("internet"), opts=self._child)
        public = self._table("public")
        out = Route(
            f"{name}-public",
            route_table_id=public.id,
            destination_cidr_block=_EVERYWHERE,
            gateway_id=gateway.id,
            opts=self._child,
        )
        nats = {subnet: self._nat(subnet, after=[gateway, out]) for subnet in spec.nats}
        tables = {"public": public, "intra": self._table("intra")}
        for subnet in spec.subnets:
            if subnet.kind == "private":
                tables[subnet.name] = self._table(subnet.name)
            table = tables[subnet.name if subnet.kind == "private" else subnet.kind]
            if subnet.nat:
                way = Route(
                    f"{name}-{subnet.name}",
                    route_table_id=table.id,
                    destination_cidr_block=_EVERYWHERE,
                    nat_gateway_id=nats[subnet.nat].id,
                    opts=self._child,
                )
                self.ways_out.append(way)
            association = RouteTableAssociation(
                f"{name}-{subnet.name}", route_table_id=table.id, subnet_id=self.subnets[subnet.name], opts=self._child
            )
            self.ways_out.append(association)
        return tables

    def _table(self, table: str) -> RouteTable:
        tags = self._spec.place.tags(f"routes-{table}")
        return RouteTable(f"{self._name}-{table}", vpc_id=self.vpc, tags=tags, opts=self._child)

    def _nat(self, subnet: str, *, after: list[pulumi.Resource]) -> NatGateway:
        name, tags = f"{self._name}-{subnet}", self._spec.place.tags(f"nat-{subnet}")
        address = Eip(name, domain="vpc", tags=tags, opts=self._child)
        # An address serves one gateway: the old one goes before a new one comes.
        opts = pulumi.ResourceOptions(parent=self, depends_on=after, delete_before_replace=True)
        return NatGateway(name, subnet_id=self.subnets[subnet], allocation_id=address.id, tags=tags, opts=opts)

    def _endpoints(self, tables: dict[str, RouteTable]) -> None:
        name, spec, region = self._name, self._spec, self._spec.place.region
        for service in spec.gateways:
            VpcEndpoint(
                f"{name}-{service}",
                vpc_id=self.vpc,
                service_name=f"com.amazonaws.{region}.{service}",
                vpc_endpoint_type="Gateway",
                route_table_ids=[table.id for table in tables.values()],
                tags=spec.place.tags(f"endpoint-{service}"),
                opts=self._child,
            )
        if not spec.interfaces:
            return
        group = SecurityGroup(
            f"{name}-endpoints",
            vpc_id=self.vpc,
            description="AWS services inside the network",
            tags=spec.place.tags("endpoints"),
            opts=self._child,
        )
        SecurityGroupIngressRule(
            f"{name}-endpoints",
            security_group_id=group.id,
            description="TLS from the network",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_ipv4=spec.cidr,
            tags=spec.place.tags("endpoints"),
            opts=self._child,
        )
        for service in spec.interfaces:
            endpoint = VpcEndpoint(
                f"{name}-{service}",
                vpc_id=self.vpc,
                service_name=f"com.amazonaws.{region}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=self.of_kind("intra"),
                security_group_ids=[group.id],
                tags=spec.place.tags(f"endpoint-{service}"),
                opts=self._child,
            )
            self.ways_out.append(endpoint)

    def _flow_logs(self, log_key: pulumi.Input[str]) -> None:
        """https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html."""
        name, place = f"{self._name}-flow-logs", self._spec.place
        group = LogGroup(
            name,
            name=f"/slipway/{place.stack}/flow-logs",
            retention_in_days=self._spec.flow_log_days,
            kms_key_id=log_key,
            tags=place.tags("flow-logs"),
            opts=self._child,
        )
        ours = {"StringEquals": {"aws:SourceAccount": place.account}}
        role = Role(
            name,
            name=place.role_name("flow-logs"),
            assume_role_policy=json.dumps(trusting_service("vpc-flow-logs.amazonaws.com", when=ours)),
            tags=place.tags("flow-logs"),
            opts=self._child,
        )
        streams = place.arn("logs", f"log-group:/slipway/{place.stack}/flow-logs:*")
        writes = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
        rights = RolePolicy(
            name,
            name="writes",
            role=role.name,
            policy=json.dumps(document(allow(writes, streams, sid="WritesFlowLogs"))),
            opts=self._child,
        )
        FlowLog(
            name,
            vpc_id=self.vpc,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=60,
            tags=place.tags("flow-logs"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[rights]),
        )
