"""The way into a cluster of others: a context of the user's kubeconfig that means a server of this machine."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import httpx2
import msgspec
from lightkube import ApiError, Client
from lightkube.config.kubeconfig import SingleConfig
from lightkube.core.exceptions import ConfigError
from lightkube.resources.core_v1 import Namespace

from slipway.embedded.instance import Instance
from slipway.errors import InstanceError
from slipway.files import write
from slipway.plugins.kubernetes import access
from slipway.plugins.kubernetes.cluster import ClusterError
from slipway.plugins.offline import leads_to

_HERE = ("localhost", "0.0.0.0")  # noqa: S104  # what k3d and others write for this machine
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Way:
    """A context, and where it was found.

    Attributes:
        config: The context's cluster and user.
        kubeconfig: The file that has it.
        port: Where the cluster's API server answers on this machine.
    """

    config: SingleConfig
    kubeconfig: Path
    port: int

    @property
    def context(self) -> str:
        """Its name there."""
        return str(self.config.context_name)

    def has(self, namespace: str) -> bool:
        """Whether the cluster has a namespace.

        Raises:
            InstanceError: It does not say.
        """
        try:
            with Client(config=self.config, trust_env=False) as client:
                client.get(Namespace, namespace)
        except ApiError as error:
            if error.status.code == 404:
                return False
            self._refuse(error.status.message or str(error))
        except (httpx2.HTTPError, ConfigError, OSError, ValueError) as error:
            self._refuse(str(error))
        return True

    def _refuse(self, said: str) -> NoReturn:
        msg = f"the cluster of the context {self.context}, {self.config.cluster.server}, cannot be asked: {said}"
        raise InstanceError(msg, remedy=f"see that it runs, and that {self.kubeconfig} has a user of it that may ask")

    def text(self, context: str) -> str:
        """A kubeconfig of its own for the same access, under another name. It holds keys."""
        return access.as_text(self.config._replace(context_name=context))


def find(context: str, *, environ: Mapping[str, str] = os.environ) -> Way:
    """The way that a context means, in the files of KUBECONFIG or in ~/.kube/config.

    Nothing is connected to.

    Args:
        context: Its name.
        environ: Of the shell.

    Raises:
        InstanceError: There is no such context, or it is none that this mode can use; with everything against it.
    """
    named = [Path(each).expanduser() for each in environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    files = named or [Path("~/.kube/config").expanduser()]
    refusals: list[str] = []
    for file in files:
        try:
            return _usable(access.named_by({"kubeconfig": str(file), "context": context}), file)
        except ClusterError as error:
            refusals.append(str(error))
        except (OSError, ValueError) as error:
            refusals.append(f"{file} cannot be read: {error}")
    remedy = "correct `--context`, or let KUBECONFIG name the file that has it"
    raise InstanceError("\n".join(refusals), remedy=remedy)


def remember(instance: Instance, way: Way) -> None:
    """Keep the way of an instance.

    Raises:
        InstanceError: It goes another one.
    """
    before = remembered(instance)
    if before is not None and before[0] != way.context:
        msg = f"the instance {instance.name} is in the cluster of the context {before[0]}, not in that of {way.context}"
        raise InstanceError(msg, remedy=f"run `slipway down {instance.arguments}` first, or take another name (`--as`)")
    write(_record(instance), json.dumps({"context": way.context, "kubeconfig": str(way.kubeconfig)}))


def remembered(instance: Instance) -> tuple[str, str] | None:
    """Context and kubeconfig of an instance; none where it has none."""
    record = _record(instance)
    if not record.exists():
        return None
    told = json.loads(record.read_text())
    return told["context"], told["kubeconfig"]


def _record(instance: Instance) -> Path:
    return instance.folder / "way.json"


def _usable(config: SingleConfig, file: Path) -> Way:
    server = urlsplit(config.cluster.server)
    if server.hostname in _HERE:
        cluster = msgspec.structs.replace(
            config.cluster, server=server._replace(netloc=f"{_LOOPBACK}:{server.port or 443}").geturl()
        )
        config = config._replace(cluster=cluster)
        server = urlsplit(cluster.server)
    faults = list(_faults(config, server.port or 443))
    if faults:
        what = f"the context {config.context_name} of {file} is of no use here:"
        remedy = (
            "take a cluster of this machine, such as one of kind, k3d or minikube; a cluster elsewhere is deployed to "
            "by `pulumi up` itself, with the official plugins"
        )
        raise InstanceError("\n".join([what, *(f"  - {fault}" for fault in faults)]), remedy=remedy)
    return Way(config, file, server.port or 443)


def _faults(config: SingleConfig, port: int) -> Iterator[str]:
    if not leads_to(config.cluster.server, "https", port):
        yield f"its server is {config.cluster.server}, and only https on the loopback of this machine is spoken to"
    user = config.user
    if user is None:
        yield "it names no user"
    elif user.exec or user.auth_provider:
        yield "its user is known by a program (`exec` or `auth-provider`), which is not run"
    elif not (user.client_cert or user.client_cert_data or user.token or user.token_file):
        yield "its user has neither a client certificate nor a token"
