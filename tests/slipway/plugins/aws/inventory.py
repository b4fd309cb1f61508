"""What AWS itself has of one run, asked of every service past Pulumi."""

from collections.abc import Callable
from typing import Any

Client = Callable[[str], Any]


def of_run(client: Client, run: str) -> dict[str, list[str]]:
    """Everything that carries the run in its name or its tags, by what it is.

    Args:
        client: Makes the client of a service.
        run: The run's id.
    """
    ec2, iam, events, kms = client("ec2"), client("iam"), client("events"), client("kms")
    tagged: list[dict[str, Any]] = [{"Name": "tag:run", "Values": [run]}]
    tables = ec2.describe_route_tables(Filters=tagged)["RouteTables"]
    role = f"role-{run}"
    has_role = any(each["RoleName"] == role for each in iam.list_roles()["Roles"])
    has_rule = bool(events.list_rules(NamePrefix=f"rule-{run}")["Rules"])
    buckets = _having(run, client("s3").list_buckets()["Buckets"], "Name")
    repositories = _having(run, client("ecr").describe_repositories()["repositories"], "repositoryName")
    return {
        "VPCs": _ids(ec2.describe_vpcs(Filters=tagged)["Vpcs"], "VpcId"),
        "subnets": _ids(ec2.describe_subnets(Filters=tagged)["Subnets"], "SubnetId"),
        "internet gateways": _ids(
            ec2.describe_internet_gateways(Filters=tagged)["InternetGateways"], "InternetGatewayId"
        ),
        "addresses": _ids(ec2.describe_addresses(Filters=tagged)["Addresses"], "AllocationId"),
        "NAT gateways": [
            each["NatGatewayId"]
            for each in ec2.describe_nat_gateways()["NatGateways"]  # moto passes the filter over
            if {"Key": "run", "Value": run} in each.get("Tags", []) and each["State"] != "deleted"
        ],
        "route tables": _ids(tables, "RouteTableId"),
        "routes": [
            route["GatewayId"]
            for table in tables
            for route in table["Routes"]
            if route.get("DestinationCidrBlock") == "0.0.0.0/0"
        ],
        "associations": [each["SubnetId"] for table in tables for each in table["Associations"] if "SubnetId" in each],
        "security groups": _ids(ec2.describe_security_groups(Filters=tagged)["SecurityGroups"], "GroupId"),
        "security group rules": _ids(
            ec2.describe_security_group_rules(Filters=tagged)["SecurityGroupRules"], "SecurityGroupRuleId"
        ),
        "roles": [role] if has_role else [],
        "inline policies": iam.list_role_policies(RoleName=role)["PolicyNames"] if has_role else [],
        "attachments": _ids(iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"], "PolicyName")
        if has_role
        else [],
        "policies": _having(run, iam.list_policies(Scope="Local")["Policies"], "PolicyName"),
        "instance profiles": _having(run, iam.list_instance_profiles()["InstanceProfiles"], "InstanceProfileName"),
        "buckets": buckets,
        "queues": client("sqs").list_queues(QueueNamePrefix=f"queue-{run}").get("QueueUrls", []),
        "hidden queues": client("sqs").list_queues(QueueNamePrefix=f"hidden-{run}").get("QueueUrls", []),
        "adopted queues": client("sqs").list_queues(QueueNamePrefix=f"adopted-{run}").get("QueueUrls", []),
        "rules": _ids(events.list_rules(NamePrefix=f"rule-{run}")["Rules"], "Name"),
        "targets": _ids(events.list_targets_by_rule(Rule=f"rule-{run}")["Targets"], "Id") if has_rule else [],
        "repositories": repositories,
        "keys": [each["KeyId"] for each in kms.list_keys(Limit=1000)["Keys"] if _is_live_key(kms, each["KeyId"], run)],
        "aliases": _having(run, kms.list_aliases()["Aliases"], "AliasName"),
        "log groups": _having(
            f"/t/{run}", client("logs").describe_log_groups(logGroupNamePrefix="/t/")["logGroups"], "logGroupName"
        ),
    }


def _ids(found: list[dict[str, Any]], key: str) -> list[str]:
    return [each[key] for each in found]


def _having(run: str, found: list[dict[str, Any]], key: str) -> list[str]:
    return [each[key] for each in found if run in each[key]]


def _is_live_key(kms: Any, key: str, run: str) -> bool:
    metadata = kms.describe_key(KeyId=key)["KeyMetadata"]
    return run in metadata["Description"] and metadata["KeyState"] != "PendingDeletion"
