"""The way into the cluster: which server a provider's settings mean, and that it is the instance of this shell.

The one seam between the embedded environment and EKS is here: there, a user is known by what `aws eks get-token` prints
(https://docs.aws.amazon.com/eks/latest/userguide/create-kubeconfig.html), here as the instance's administrator.
"""

import base64
import binascii
import ssl
from pathlib import Path, PurePath
from typing import Any

import msgspec
import yaml
from lightkube import KubeConfig
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster, UserExec

from slipway.plugins.kubernetes.cluster import ClusterError
from slipway.plugins.offline import instance_port, leads_to, this_instance

_FILES_OF_CLUSTERS = ("certificate-authority",)
_FILES_OF_USERS = ("client-certificate", "client-key", "tokenFile")
Settings = dict[str, Any]
"""The provider's settings, as plain values."""


class RefusedEndpointError(ClusterError):
    """The server is not that of the instance, or the way in is not one for it."""


def named_by(settings: Settings) -> SingleConfig:
    """What a provider's settings mean: the context, its cluster (or the one named instead), its user.

    Args:
        settings: `kubeconfig` (content or path), `context`, `cluster`.

    Raises:
        ClusterError: There is no such kubeconfig, context or cluster; the message says which there are.
    """
    config, where = _read(str(settings.get("kubeconfig") or ""))
    name = settings.get("context") or config.current_context
    context = config.contexts.get(name or "")
    if context is None:
        raise ClusterError(f"{where} has no context {name!r} (it has {_listed(config.contexts)})")
    cluster = config.clusters.get(settings.get("cluster") or context.cluster)
    if cluster is None:
        missing = settings.get("cluster") or context.cluster
        raise ClusterError(f"{where} has no cluster {missing!r} (it has {_listed(config.clusters)})")
    user = config.users.get(context.user or "")
    if context.user and user is None:
        raise ClusterError(f"{where} has no user {context.user!r} (it has {_listed(config.users)})")
    return SingleConfig(context_name=str(name), context=context, cluster=cluster, user=user, fname=config.fname)


def of_the_instance(config: SingleConfig) -> SingleConfig:
    """The same access, seen to lead to the API server of this shell's instance and to run no other program.

    Nothing is connected to before this is known. A user that would be known by `aws eks get-token` is the instance's
    administrator instead.

    Raises:
        RefusedEndpointError: It leads elsewhere.
        NoInstanceError: This shell is that of no instance.
    """
    port = instance_port("api")
    if not leads_to(config.cluster.server, "https", port):
        raise RefusedEndpointError(
            f"the offline kubernetes plugin works for the embedded environment of this shell only, whose API server is "
            f"https://127.0.0.1:{port}; the context {config.context_name} means {config.cluster.server}: run "
            '`eval "$(slipway env STACK)"` for the environment you mean, or use the official plugin for real clusters'
        )
    administrator = named_by({"kubeconfig": str(this_instance().kubeconfig)})
    if _authority(config) != _authority(administrator):
        raise RefusedEndpointError(
            f"the context {config.context_name} trusts another certificate authority than that of the embedded "
            "environment of this shell, so that it means another cluster: take the endpoint and the authority from "
            "the same cluster, or use the official plugin"
        )
    if config.user is None or not (config.user.exec or config.user.auth_provider):
        return config
    if config.user.exec is None or not _is_eks_token(config.user.exec):
        raise RefusedEndpointError(
            f"the user of the context {config.context_name} is known by a program of a cloud's (`exec` or "
            "`auth-provider`), which is not run offline; only `aws eks get-token` is understood, and not run either: "
            "use the kubeconfig of the embedded environment, or the official plugin"
        )
    return config._replace(user=administrator.user)


def as_text(config: SingleConfig) -> str:
    """The same access as a kubeconfig of its own, for programs that read one. It holds keys."""
    cluster, user = (msgspec.to_builtins(each) if each is not None else {} for each in (config.cluster, config.user))
    for item, names in ((cluster, _FILES_OF_CLUSTERS), (user, _FILES_OF_USERS)):
        item.update({name: str(config.abs_file(item[name])) for name in names if item.get(name)})
    name = config.context_name
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
    )


def _authority(config: SingleConfig) -> bytes | None:
    """The certificate of the authority that a cluster's server must be certified by; none where any would do.

    Raises:
        ClusterError: What is given is no certificate.
    """
    cluster: Cluster = config.cluster
    if cluster.insecure:
        return None
    try:
        if cluster.certificate_auth_data:
            text = base64.b64decode(cluster.certificate_auth_data, validate=True).decode()
        elif cluster.certificate_auth:
            text = Path(config.abs_file(cluster.certificate_auth)).read_text()
        else:
            return None
        return ssl.PEM_cert_to_DER_cert(text.strip())
    except (OSError, ValueError, binascii.Error) as error:
        raise ClusterError(f"the certificate authority of the context {config.context_name}: {error}") from error


def _is_eks_token(program: UserExec) -> bool:
    """Whether a program is `aws … eks get-token …`, the one whose place the instance's own credential takes."""
    arguments = list(program.args or ())
    is_asked = "eks" in arguments and "get-token" in arguments[arguments.index("eks") :]
    return is_asked and PurePath(program.command or "").name == "aws"


def _read(kubeconfig: str) -> tuple[KubeConfig, str]:
    """A kubeconfig, and what to call it in messages."""
    if not kubeconfig:
        raise ClusterError('no kubeconfig: run `eval "$(slipway env STACK)"` in this shell first')
    where, file = "the kubeconfig given", None
    if "\n" not in kubeconfig.strip() and not kubeconfig.lstrip().startswith("{"):
        file = Path(kubeconfig).expanduser()
        if not file.is_file():
            raise ClusterError(f"there is no kubeconfig at {file}")
        where, kubeconfig = str(file), file.read_text()
    try:
        return KubeConfig.from_dict(yaml.safe_load(kubeconfig), fname=file), where
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ClusterError(f"{where} is not a kubeconfig: {error}") from error


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"
