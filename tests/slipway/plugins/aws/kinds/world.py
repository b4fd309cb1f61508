"""What the resources of a test stand on, made past the plugin."""

import json
from functools import cached_property
from typing import Any

from tests.slipway.plugins.aws.conftest import Connect
from tests.slipway.plugins.aws.project import REGION

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


class World:
    """Makes what is asked for, once, under a name of its own; `close` takes all of it away."""

    def __init__(self, connect: Connect, name: str) -> None:
        self._connect, self.name = connect, name
        self._undo: list[Any] = []

    def close(self) -> None:
        while self._undo:
            self._undo.pop()()

    @property
    def account(self) -> str:
        return str(self._connect("sts").get_caller_identity()["Account"])

    @cached_property
    def vpc(self) -> str:
        ec2 = self._connect("ec2")
        vpc: str = ec2.create_vpc(CidrBlock="10.93.0.0/16")["Vpc"]["VpcId"]
        self._undo.append(lambda: ec2.delete_vpc(VpcId=vpc))
        return vpc

    @cached_property
    def subnets(self) -> list[str]:
        ec2 = self._connect("ec2")
        made = [
            ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.93.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")[
                "Subnet"
            ]["SubnetId"]
            for n, zone in enumerate("ab")
        ]
        self._undo.append(lambda: [ec2.delete_subnet(SubnetId=each) for each in made])
        return made

    @cached_property
    def tables(self) -> list[str]:
        ec2 = self._connect("ec2")
        made = [ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"] for _ in range(2)]
        self._undo.append(lambda: [ec2.delete_route_table(RouteTableId=each) for each in made])
        return made

    @cached_property
    def roles(self) -> list[str]:
        iam = self._connect("iam")
        names = [f"{self.name}-{n}" for n in range(2)]
        made = [iam.create_role(RoleName=each, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"] for each in names]
        self._undo.append(lambda: [iam.delete_role(RoleName=each) for each in names])
        return made

    @cached_property
    def log_group(self) -> str:
        logs = self._connect("logs")
        logs.create_log_group(logGroupName=f"/{self.name}")
        self._undo.append(lambda: logs.delete_log_group(logGroupName=f"/{self.name}"))
        return f"arn:aws:logs:{REGION}:{self.account}:log-group:/{self.name}"

    @cached_property
    def cluster(self) -> str:
        eks = self._connect("eks")
        eks.create_cluster(
            name=self.name,
            version="1.33",
            roleArn=self.roles[0],
            resourcesVpcConfig={"subnetIds": self.subnets},
            accessConfig={"authenticationMode": "API"},
        )
        self._undo.append(lambda: eks.delete_cluster(name=self.name))
        return self.name

    @cached_property
    def principal(self) -> str:
        """Somebody who is let into the cluster."""
        eks, cluster = self._connect("eks"), self.cluster
        eks.create_access_entry(clusterName=cluster, principalArn=self.roles[1])
        self._undo.append(lambda: eks.delete_access_entry(clusterName=cluster, principalArn=self.roles[1]))
        return self.roles[1]

    @cached_property
    def buckets(self) -> list[str]:
        """One that locks objects, and one that takes logs and the trail."""
        s3 = self._connect("s3")
        names = [f"{self.name}-locks", f"{self.name}-logs"]
        for each in names:
            s3.create_bucket(
                Bucket=each,
                CreateBucketConfiguration={"LocationConstraint": REGION},
                ObjectLockEnabledForBucket=each.endswith("locks"),
            )
        everything = f"arn:aws:s3:::{names[1]}/*"
        may = {
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": everything,
        }
        s3.put_bucket_policy(Bucket=names[1], Policy=json.dumps({"Version": "2012-10-17", "Statement": [may]}))
        self._undo.append(lambda: self._empty_and_delete(names))
        return names

    def _empty_and_delete(self, buckets: list[str]) -> None:
        s3 = self._connect("s3")
        for bucket in buckets:
            for each in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
                s3.delete_object(Bucket=bucket, Key=each["Key"])
            s3.delete_bucket(Bucket=bucket)

    @cached_property
    def topic(self) -> str:
        sns = self._connect("sns")
        arn: str = sns.create_topic(Name=self.name)["TopicArn"]
        self._undo.append(lambda: sns.delete_topic(TopicArn=arn))
        return arn

    @cached_property
    def repository(self) -> str:
        ecr = self._connect("ecr")
        ecr.create_repository(repositoryName=self.name)
        self._undo.append(lambda: ecr.delete_repository(repositoryName=self.name, force=True))
        return self.name
