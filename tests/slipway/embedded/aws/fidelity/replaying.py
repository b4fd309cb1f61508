"""Asks an amended moto for the same things in a process of its own, and prints what there is afterwards.

`python -m tests.slipway.embedded.aws.fidelity.replaying yes|no`: whether requests that only read come in between, as
they did when the requests were first answered, and do not when they are replayed.
"""

import itertools
import json
import sys
from typing import Any

import time_machine
from moto import mock_aws
from moto.moto_api._internal import mock_random

from slipway.embedded.aws.fidelity import amend_all, prices
from tests.slipway.embedded.aws.fidelity.proving import REGION, ZONES, Aws, client

NOW = 1790000000.0


def main() -> None:
    reads = sys.argv[1] == "yes"
    amend_all()
    prices.tell(prices.PriceTable({"m7i.large": 0.1, "c7i.large": 0.09}, {"m7i.large": 0.05, "c7i.large": 0.04}))
    numbers = itertools.count()

    def seed(model: Any, **_: Any) -> None:
        if not model.name.startswith(("Describe", "List", "Get")):
            mock_random.seed(f"{next(numbers)}")

    for service in ("ec2", "eks", "iam"):
        client(service, REGION).meta.events.register("before-call", seed)
    with time_machine.travel(NOW, tick=False), mock_aws():
        aws = Aws()
        if reads:
            aws.ec2.describe_vpcs()
            aws.eks.list_clusters()
            aws.client("iam").list_roles()
        aws.template(InstanceType="m7i.large")
        for kind in ("spot", "on-demand"):
            aws.fleet(aws.overrides("m7i.large", "c7i.large", zones=ZONES), kind=kind, count=6)
        aws.ec2.terminate_instances(InstanceIds=[one["InstanceId"] for one in aws.instances()][::2])
        aws.fleet(aws.overrides("m7i.large", zones=ZONES), count=9)
        aws.cluster(clientRequestToken="one")  # else botocore makes one
        scaling = {"minSize": 0, "maxSize": 5, "desiredSize": 4}
        role = aws.role("nodes")
        group = {"clusterName": "k", "nodegroupName": "system", "nodeRole": role, "subnets": aws.subnets}
        aws.eks.create_nodegroup(**group, scalingConfig=scaling)
        aws.eks.create_addon(clusterName="k", addonName="coredns")
        shown: list[Any] = [
            aws.instances(),
            aws.ec2.describe_vpcs(),
            aws.ec2.describe_subnets(),
            aws.ec2.describe_volumes(),
            aws.ec2.describe_spot_instance_requests(),
            aws.eks.describe_cluster(name="k"),
            aws.eks.describe_nodegroup(clusterName="k", nodegroupName="system"),
            aws.eks.describe_addon(clusterName="k", addonName="coredns"),
            aws.client("iam").list_instance_profiles(),
        ]
    for one in shown:
        if isinstance(one, dict):
            one.pop("ResponseMetadata")
    print(json.dumps(shown, default=str, sort_keys=True))  # noqa: T201


if __name__ == "__main__":
    main()
