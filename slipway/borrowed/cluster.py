"""Brings up what an instance in a cluster of others has of its own: the AWS endpoint, and a door to it."""

import sys

from slipway.borrowed.record import Record
from slipway.borrowed.way import Way
from slipway.embedded.aws import endpoint
from slipway.embedded.instance import AWS_PORT
from slipway.embedded.plane import Plane
from slipway.embedded.supervisor.spec import ProcessSpec
from slipway.files import write


class BorrowedCluster(Plane):
    """The few processes of an instance in a cluster of others."""

    def up(self, way: Way, record: Record) -> None:
        """Bring up what is the instance's own; what runs as it should is not touched.

        Args:
            way: Into the cluster.
            record: What the instance remembers of it.
        """
        self._folders()
        self.instance.supervisor.ensure()
        ports = self.instance.assign_ports([], api=way.port)
        write(self.instance.kubeconfig, way.text(*record.called), mode=0o600)
        self._endpoint(record.account, ports)
        argv = [sys.executable, "-m", "slipway.embedded.door", "--here"]
        target = f"{ports['aws']}={self.instance.address}:{AWS_PORT}"
        self.start(ProcessSpec(name="door", argv=[*argv, target], tells_ready=True))
        self._wait(f"http://{self.instance.address}:{AWS_PORT}{endpoint.HEALTH}")
