"""The way into a cluster of others: a context of the user's kubeconfig that means a server of this machine."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx2
import msgspec
import yaml
from lightkube import ApiError, Client
from lightkube.config.kubeconfig import SingleConfig
from lightkube.core.exceptions import ConfigError
from lightkube.resources.core_v1 import Namespace

from slipway.errors import InstanceError
from slipway.plugins.kubernetes import access
from slipway.plugins.kubernetes.cluster import ClusterError
from slipway.plugins.offline import leads_to

_HERE = ("localhost", "0.0.0.0")  # noqa: S104  # what k3d and others write for this machine
_LOOPBACK = "127.0.0.1"
_KNOWN_BY = "kube-system"
"""The namespace by whose UID a cluster is known: every cluster has one, for as long as it is there
(https://opentelemetry.io/docs/specs/semconv/resource/k8s/#cluster)."""
_DROPPED = {
    "cluster": ("proxy-url", "tls-server-name"),
    "user": ("as", "as-uid", "as-groups", "as-user-extra"),
}
"""What the client does not know of, and would pass over: another way, and other rights."""


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

    def cluster(self) -> str:
        """What the cluster is known by, whatever its context is called.

        Raises:
            InstanceError: It does not say.
        """
        found = self.namespace(_KNOWN_BY)
        if found is None:
            self._refuse(f"it has no namespace {_KNOWN_BY}")
        return str(found["metadata"]["uid"])

    def namespace(self, name: str) -> dict[str, Any] | None:
        """A namespace of the cluster; none where there is none.

        Raises:
            InstanceError: It does not say.
        """
        try:
            with Client(config=self.config, trust_env=False) as client:
                return dict(client.get(Namespace, name).to_dict())
        except ApiError as error:
            if error.status.code == httpx2.codes.NOT_FOUND:
                return None
            self._refuse(error.status.message or str(error))
        except (httpx2.HTTPError, ConfigError, OSError, ValueError) as error:
            self._refuse(str(error))

    def text(self, *names: str) -> str:
        """A kubeconfig of its own for the same access, under other names; the last one is current. It holds keys."""
        told = yaml.safe_load(access.as_text(self.config._replace(context_name=names[-1])))
        (context,) = told["contexts"]
        told["contexts"] += [{**context, "name": name} for name in names[:-1]]
        return yaml.safe_dump(told)

    def _refuse(self, said: str) -> NoReturn:
        msg = f"the cluster of the context {self.context}, {self.config.cluster.server}, cannot be asked: {said}"
        raise InstanceError(msg, remedy=f"see that it runs, and that {self.kubeconfig} has a user of it that may ask")


def find(context: str, *, environ: Mapping[str, str] = os.environ) -> Way:
    """The way that a context means, in the files of KUBECONFIG or in ~/.kube/config.

    Nothing is connected to.

    Args:
        context: Its name.
        environ: Of the shell.

    Raises:
        InstanceError: There is no such context, or it is none that this mode can use; with everything against it.
    """
    remedy = "correct `--context`, or let KUBECONFIG name the file that has it"
    if not context:
        raise InstanceError("no context of a cluster is named", remedy="say which is meant: `--context NAME`")
    named = [Path(each).expanduser().absolute() for each in environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    files = named or [Path("~/.kube/config").expanduser()]
    refusals: list[str] = []
    for file in files:
        try:
            return _usable(access.named_by({"kubeconfig": str(file), "context": context}), file)
        except ClusterError as error:
            refusals.append(str(error))
        except (OSError, ValueError) as error:
            refusals.append(f"{file} cannot be read: {error}")
    raise InstanceError("\n".join(refusals), remedy=remedy)


def _usable(config: SingleConfig, file: Path) -> Way:
    server = urlsplit(config.cluster.server)
    port = server.port or 443
    if server.hostname in _HERE:
        here = server._replace(netloc=f"{_LOOPBACK}:{port}").geturl()
        config = config._replace(cluster=msgspec.structs.replace(config.cluster, server=here))
    config = _with_plain_token(config)
    faults = list(_faults(config, file, port))
    if faults:
        what = f"the context {config.context_name} of {file} is of no use here:"
        remedy = (
            "take a cluster of this machine, such as one of kind or k3d; a cluster elsewhere is deployed to by "
            "`pulumi up` itself, with the official plugins"
        )
        raise InstanceError("\n".join([what, *(f"  - {fault}" for fault in faults)]), remedy=remedy)
    return Way(config, file, port)


def _faults(config: SingleConfig, file: Path, port: int) -> Iterator[str]:
    if not leads_to(config.cluster.server, "https", port):
        yield f"its server is {config.cluster.server}, and only https on the loopback of this machine is spoken to"
    user = config.user
    if user is None:
        yield "it names no user"
    elif user.exec or user.auth_provider:
        yield "its user is known by a program (`exec` or `auth-provider`), which is not run"
    elif not (user.client_cert or user.client_cert_data or user.token or user.token_file):
        yield "its user has neither a client certificate nor a token"
    elif not (user.token or "").isprintable():
        yield "the token of its user has characters that no header takes"
    names = {"cluster": config.context.cluster, "user": config.context.user}
    told = yaml.safe_load(file.read_text())
    for part, keys in _DROPPED.items():
        for entry in told.get(f"{part}s") or []:
            given = [key for key in keys if entry["name"] == names[part] and key in (entry.get(part) or {})]
            yield from (f"its {part} has `{key}`, which is not followed" for key in given)


def _with_plain_token(config: SingleConfig) -> SingleConfig:
    """The same with the token of its user itself, be it in a file, and without the end of line that a file has."""
    user = config.user
    if user is None:
        return config
    written = Path(config.abs_file(user.token_file)).read_text() if user.token_file else user.token or ""
    if not (token := written.strip()):
        return config
    return config._replace(user=msgspec.structs.replace(user, token=token, token_file=None))
