"""A program with every token of the table. Written to a project of a test's own, and run there by the engine."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws

config = pulumi.Config("t")
run = config.require("run")
shade = config.get("shade") or "pale"


def policy(action: str, resource: Any, service: str = "") -> pulumi.Output[str]:
    statement = aws.iam.GetPolicyDocumentStatementArgs(
        actions=[action],
        resources=[resource] if not service else [],
        principals=[aws.iam.GetPolicyDocumentStatementPrincipalArgs(type="Service", identifiers=[service])]
        if service
        else [],
    )
    return aws.iam.get_policy_document_output(statements=[statement]).json


# Network
vpc = aws.ec2.Vpc(
    "vpc",
    cidr_block="10.90.0.0/16",
    enable_dns_hostnames=config.get_bool("hostnames") or False,
    tags={"shade": shade},
)
zones = aws.get_availability_zones(state="available")
subnet = aws.ec2.Subnet(
    "subnet",
    vpc_id=vpc.id,
    cidr_block=config.get("subnet") or "10.90.1.0/24",
    availability_zone=zones.names[0],
    map_public_ip_on_launch=True,
)
gateway = aws.ec2.InternetGateway("gateway", vpc_id=vpc.id)
address = aws.ec2.Eip("address", domain="vpc")
nat = aws.ec2.NatGateway(
    "nat",
    subnet_id=subnet.id,
    allocation_id=address.id,
    # One address serves one gateway: the old one has to go first.
    opts=pulumi.ResourceOptions(delete_before_replace=True, depends_on=[gateway]),
)
table = aws.ec2.RouteTable("table", vpc_id=vpc.id)
aws.ec2.Route("route", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", gateway_id=gateway.id)
aws.ec2.RouteTableAssociation("association", route_table_id=table.id, subnet_id=subnet.id)
group = aws.ec2.SecurityGroup("group", name=f"group-{run}", vpc_id=vpc.id, description="from the test")
aws.vpc.SecurityGroupIngressRule(
    "in", security_group_id=group.id, ip_protocol="tcp", from_port=443, to_port=443, cidr_ipv4="10.0.0.0/8"
)
aws.vpc.SecurityGroupEgressRule("out", security_group_id=group.id, ip_protocol="-1", cidr_ipv4="0.0.0.0/0")

# Keys
key = aws.kms.Key("key", description=f"key of {run}", enable_key_rotation=True, deletion_window_in_days=7)
aws.kms.Alias("alias", name=f"alias/{run}", target_key_id=key.key_id)
logs = aws.cloudwatch.LogGroup(
    "logs", name=f"/t/{run}", retention_in_days=config.get_int("retention") or 7, tags={"shade": shade}
)

# Storage
bucket = aws.s3.Bucket("bucket", bucket=f"bucket-{run}", force_destroy=True)
aws.s3.BucketPublicAccessBlock("blocks", bucket=bucket.id, block_public_acls=True, block_public_policy=True)
aws.s3.BucketVersioning(
    "versions",
    bucket=bucket.id,
    versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
)
aws.s3.BucketServerSideEncryptionConfiguration(
    "encryption",
    bucket=bucket.id,
    rules=[
        aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
            apply_server_side_encryption_by_default=aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                sse_algorithm="aws:kms", kms_master_key_id=key.arn
            )
        )
    ],
)
aws.s3.BucketPolicy("bucket-policy", bucket=bucket.id, policy=policy("s3:GetObject", bucket.arn.apply("{}/*".format)))

# Identity
role = aws.iam.Role(
    "role",
    name=f"role-{run}",
    assume_role_policy=policy("sts:AssumeRole", "", "ec2.amazonaws.com"),
    description=f"a {shade} role",
)
rights = aws.iam.Policy("rights", name=f"rights-{run}", policy=policy(f"s3:{shade.title()}Object", bucket.arn))
aws.iam.RolePolicyAttachment("attachment", role=role.name, policy_arn=rights.arn)
aws.iam.RolePolicy("inline", role=role.name, policy=policy("sqs:ReceiveMessage", "*"))
aws.iam.InstanceProfile("profile", name=f"profile-{run}", role=role.name)

# Messages
queue = aws.sqs.Queue(
    "queue", name=f"queue-{run}", visibility_timeout_seconds=config.get_int("seconds") or 30, tags={"shade": shade}
)
aws.sqs.QueuePolicy("queue-policy", queue_url=queue.url, policy=policy("sqs:SendMessage", queue.arn))
rule = aws.cloudwatch.EventRule(
    "rule", name=f"rule-{run}", event_pattern=json.dumps({"source": ["aws.ec2"]}), description=f"a {shade} rule"
)
aws.cloudwatch.EventTarget("target", rule=rule.name, arn=queue.arn)

# Images
images = aws.ecr.Repository(
    "images",
    name=f"images-{run}",
    image_tag_mutability=config.get("mutability") or "IMMUTABLE",
    image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
    force_delete=True,
)
expire = {
    "rulePriority": 1,
    "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5},
    "action": {"type": "expire"},
}
aws.ecr.LifecyclePolicy("expiry", repository=images.name, policy=json.dumps({"rules": [expire]}))

pulumi.export("vpc", vpc.id)
pulumi.export("subnet", subnet.id)
pulumi.export("nat", nat.id)
pulumi.export("queue", queue.url)

# Another region, with tags of its own; a secret; what exists already
west = aws.Provider(
    "west",
    region="eu-west-1",
    default_tags=aws.ProviderDefaultTagsArgs(tags={"run": run, "where": "west"}),
)
far = aws.sqs.Queue("far", name=f"far-{run}", tags={"own": "yes"}, opts=pulumi.ResourceOptions(provider=west))
hidden = aws.sqs.Queue("hidden", name=f"hidden-{run}", tags={"word": pulumi.Output.secret(config.require("word"))})
adopted = aws.sqs.Queue(
    "adopted", name=f"adopted-{run}", opts=pulumi.ResourceOptions(import_=config.require("adopted"))
)
seen = aws.cloudwatch.LogGroup.get("seen", f"/seen/{run}")

pulumi.export("far", far.arn)
pulumi.export("word", hidden.tags_all.apply(lambda tags: (tags or {}).get("word")))
pulumi.export("adopted", adopted.id)
pulumi.export("seen", seen.retention_in_days)
pulumi.export("account", aws.get_caller_identity().account_id)
pulumi.export("region", aws.get_region().region)
pulumi.export("partition", aws.get_partition().dns_suffix)
pulumi.export("zones", zones.names)
