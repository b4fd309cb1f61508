"""Keys, certificates and kubeconfigs of the cluster, made by kubeadm as in production.

https://kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-init-phase/
"""

from pathlib import Path
from typing import Any

import yaml

from slipway.embedded.instance import API_PORT, BRIDGE_ADDRESS, CLUSTER_DOMAIN, POD_CIDR, SERVICE_CIDR, Instance
from slipway.embedded.modes import Mode
from slipway.files import write
from slipway.running import run

_VALID = "87600h0m0s"
"""Ten years: an instance is not meant to outlive them, and none should die of an expired certificate."""


def ensure(instance: Instance, *, kubeadm: Path, version: str) -> None:
    """Make what is missing; what is there is kept."""
    instance.etc.mkdir(parents=True, exist_ok=True)
    config = instance.etc / "kubeadm.yaml"
    write(config, yaml.safe_dump_all(_kubeadm(instance, version)))
    run([kubeadm, "init", "phase", "certs", "all", "--config", config])
    # A phase of kubeadm writes a kubeconfig for the address that the API server advertises, which cannot be one of the
    # loopback.
    phases = ("controller-manager", "scheduler", "kubelet") if instance.mode is Mode.NODE else ()
    for who in phases:
        run([kubeadm, "init", "phase", "kubeconfig", who, "--config", config, "--kubeconfig-dir", instance.etc])
    users = {
        Mode.NODE: (("kube-proxy", "system:kube-proxy", ""), ("coredns", "system:coredns", "")),
        Mode.PROCESSES: tuple((name, f"system:kube-{name}", "") for name in ("controller-manager", "scheduler")),
    }
    for name, client, organisation in (*users[instance.mode], ("admin", "slipway-admin", "system:masters")):
        file = instance.etc / f"{name}.conf"
        if not file.exists():
            groups = ["--org", organisation] if organisation else []
            said = run([kubeadm, "kubeconfig", "user", "--config", config, "--client-name", client, *groups])
            write(file, said[said.index("apiVersion:") :])


def write_kubeconfig(instance: Instance, *, port: int, context: str) -> None:
    """Write the administrator's kubeconfig for this machine, where the API server is a port of the loopback.

    Args:
        instance: Whose.
        port: The port.
        context: What the stack file calls the cluster; empty where it has none, which is then called as the instance.
    """
    admin = yaml.safe_load((instance.etc / "admin.conf").read_text())
    name = context or instance.name
    cluster = {**admin["clusters"][0]["cluster"], "server": f"https://127.0.0.1:{port}"}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": admin["users"][0]["user"]}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    write(instance.kubeconfig, yaml.safe_dump(content))


def _kubeadm(instance: Instance, version: str) -> list[dict[str, Any]]:
    api = "kubeadm.k8s.io/v1beta4"
    return [
        {
            "apiVersion": api,
            "kind": "InitConfiguration",
            "localAPIEndpoint": {"advertiseAddress": BRIDGE_ADDRESS, "bindPort": API_PORT},
            "nodeRegistration": {"name": instance.node_name, "criSocket": "unix:///run/containerd/containerd.sock"},
        },
        {
            "apiVersion": api,
            "kind": "ClusterConfiguration",
            "clusterName": f"slipway-{instance.name}",
            "kubernetesVersion": f"v{version}",
            "certificatesDir": str(instance.pki),
            "certificateValidityPeriod": _VALID,
            "controlPlaneEndpoint": f"{instance.address}:{API_PORT}",
            "apiServer": {"certSANs": list(dict.fromkeys(("127.0.0.1", "localhost", instance.address)))},
            "etcd": {"local": {"serverCertSANs": [instance.loopback], "peerCertSANs": [instance.loopback]}},
            "networking": {"serviceSubnet": SERVICE_CIDR, "podSubnet": POD_CIDR, "dnsDomain": CLUSTER_DOMAIN},
        },
    ]
