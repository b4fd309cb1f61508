"""Brings up what an instance in a cluster of others has of its own: the AWS endpoint, and a door to it."""

import sys

import httpx2
from lightkube import ApiError
from lightkube.resources.core_v1 import Namespace

from slipway.borrowed.way import Way
from slipway.embedded.aws import endpoint
from slipway.embedded.instance import AWS_PORT
from slipway.embedded.plane import Plane
from slipway.embedded.supervisor.spec import ProcessSpec
from slipway.errors import InstanceError
from slipway.files import write


class BorrowedCluster(Plane):
    """The few processes of an instance in a cluster of others, and that cluster."""

    def up(self, way: Way, *, context: str, account: str) -> None:
        """Bring up what is the instance's own; what runs as it should is not touched.

        Args:
            way: Into the cluster.
            context: What the stack file calls the cluster.
            account: The AWS account of the endpoint.
        """
        self._folders()
        self.instance.supervisor.ensure()
        ports = self.instance.assign_ports([], api=way.port)
        write(self.instance.kubeconfig, way.text(context), mode=0o600)
        self._endpoint(account, ports)
        argv = [sys.executable, "-m", "slipway.embedded.door", "--here"]
        target = f"{ports['aws']}={self.instance.address}:{AWS_PORT}"
        self.start(ProcessSpec(name="door", argv=[*argv, target], tells_ready=True))
        self._wait(f"http://{self.instance.address}:{AWS_PORT}{endpoint.HEALTH}")

    def has(self, namespace: str) -> bool:
        """Whether the cluster has a namespace.

        Raises:
            InstanceError: It does not say.
        """
        try:
            with self.client() as client:
                client.get(Namespace, namespace)
        except ApiError as error:
            if error.status.code == 404:
                return False
            self._refused(str(error.status.message or error))
        except httpx2.HTTPError as error:
            self._refused(str(error))
        return True

    def _refused(self, said: str) -> None:
        msg = f"the cluster cannot be asked: {said}"
        raise InstanceError(msg, remedy=f"see that it runs, and that the user of {self.instance.kubeconfig} may ask")
