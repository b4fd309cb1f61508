"""Warnings that machines are about to go, and a watch over those that are there."""

import json
import threading
from dataclasses import dataclass, field
from typing import Self

from lightkube.resources.apps_v1 import Deployment

from tests.drills.fleet import Fleet, Machine
from tests.drills.rehearsal import Rehearsal


def warn(fleet: Fleet, machine: Machine) -> None:
    """A spot warning of EventBridge's shape, on the stack's own queue.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
    """
    queue = fleet.rehearsal.recorded("interruptions", "Queue")["url"]
    warning = {
        "version": "0",
        "id": "1e5527d7-bb36-4607-3370-4164db56a40e",
        "detail-type": "EC2 Spot Instance Interruption Warning",
        "source": "aws.ec2",
        "account": fleet.rehearsal.settings()["aws:allowedAccountIds"][0],
        "time": "2026-11-22T12:00:00Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:ec2:us-east-1b:instance/{machine.instance}"],
        "detail": {"instance-id": machine.instance, "instance-action": "terminate"},
    }
    fleet.rehearsal.aws("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(warning))


@dataclass
class Watch:
    """Looks all the while whether machines are there without those who would give them back."""

    rehearsal: Rehearsal
    wrong: list[str] = field(default_factory=list)
    looks: int = 0
    most: int = 0
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        ec2, eks = self.rehearsal.aws("ec2"), self.rehearsal.aws("eks")
        bought = [
            {"Name": "tag-key", "Values": ["karpenter.sh/nodepool"]},
            {"Name": "instance-state-name", "Values": ["pending", "running"]},
        ]
        while not self._end.wait(0.2):
            # In this order: what was there when they were counted must still have been there before.
            karpenter = any(
                each.metadata and each.metadata.name == "karpenter"
                for each in self.rehearsal.kubernetes.list(Deployment, namespace="kube-system")
            )
            cluster = bool(eks.list_clusters()["clusters"])
            count = sum(len(group["Instances"]) for group in ec2.describe_instances(Filters=bought)["Reservations"])
            self.looks += 1
            self.most = max(self.most, count)
            if count and not (karpenter and cluster):
                self.wrong.append(f"{count} machines, Karpenter {karpenter}, cluster {cluster}")
