"""The control plane as processes: etcd, API server, controller manager, scheduler; TLS and RBAC as kubeadm sets them.

Flags follow the static pods that kubeadm writes (`cmd/kubeadm/app/phases/controlplane`). Everything listens inside
the instance's network namespace, or where it has none, at its own addresses on the loopback.
"""

from pathlib import Path

import yaml

from slipway.embedded.instance import API_PORT, SERVICE_CIDR, Instance
from slipway.embedded.modes import Mode
from slipway.embedded.supervisor.spec import ProcessSpec
from slipway.files import write


def etcd_url(instance: Instance) -> str:
    """Where the cluster's store listens."""
    return f"https://{instance.loopback}:2379"


def etcd(instance: Instance, program: Path) -> ProcessSpec:
    """The cluster's store."""
    pki = instance.pki / "etcd"
    url, peers = etcd_url(instance), f"https://{instance.loopback}:2380"
    return ProcessSpec(
        name="etcd",
        argv=[
            str(program),
            f"--name={instance.node_name}",
            f"--data-dir={instance.folder / 'etcd'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster={instance.node_name}={peers}",
            "--client-cert-auth",
            f"--cert-file={pki / 'server.crt'}",
            f"--key-file={pki / 'server.key'}",
            f"--trusted-ca-file={pki / 'ca.crt'}",
            "--peer-client-cert-auth",
            f"--peer-cert-file={pki / 'peer.crt'}",
            f"--peer-key-file={pki / 'peer.key'}",
            f"--peer-trusted-ca-file={pki / 'ca.crt'}",
            "--snapshot-count=10000",
            "--auto-compaction-retention=1h",
        ],
    )


def apiserver(instance: Instance, program: Path) -> ProcessSpec:
    """The Kubernetes API."""
    pki = instance.pki
    return ProcessSpec(
        name="kube-apiserver",
        argv=[
            str(program),
            f"--advertise-address={instance.address}",
            f"--bind-address={instance.address}",
            f"--secure-port={API_PORT}",
            "--allow-privileged=true",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--client-ca-file={pki / 'ca.crt'}",
            f"--tls-cert-file={pki / 'apiserver.crt'}",
            f"--tls-private-key-file={pki / 'apiserver.key'}",
            f"--etcd-servers={etcd_url(instance)}",
            f"--etcd-cafile={pki / 'etcd' / 'ca.crt'}",
            f"--etcd-certfile={pki / 'apiserver-etcd-client.crt'}",
            f"--etcd-keyfile={pki / 'apiserver-etcd-client.key'}",
            f"--kubelet-client-certificate={pki / 'apiserver-kubelet-client.crt'}",
            f"--kubelet-client-key={pki / 'apiserver-kubelet-client.key'}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--proxy-client-cert-file={pki / 'front-proxy-client.crt'}",
            f"--proxy-client-key-file={pki / 'front-proxy-client.key'}",
            f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-username-headers=X-Remote-User",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki / 'sa.pub'}",
            f"--service-account-signing-key-file={pki / 'sa.key'}",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            "--profiling=false",
            *(_alone(instance) if instance.mode is Mode.PROCESSES else ()),
        ],
        stop_seconds=20.0,
    )


def _alone(instance: Instance) -> tuple[str, ...]:
    """What an API server is told that is alone with its Nodes' and Services' addresses: they lead nowhere, or out."""
    config = instance.etc / "egress.yaml"
    nowhere = {"proxyProtocol": "HTTPConnect", "transport": {"uds": {"udsName": str(instance.etc / "nowhere.sock")}}}
    content = {
        "apiVersion": "apiserver.k8s.io/v1beta1",
        "kind": "EgressSelectorConfiguration",
        "egressSelections": [{"name": "cluster", "connection": nowhere}],
    }
    write(config, yaml.safe_dump(content))
    # It cannot be an endpoint of its own Service: those may not be of the loopback.
    return f"--egress-selector-config-file={config}", "--endpoint-reconciler-type=none"


def controller_manager(instance: Instance, program: Path) -> ProcessSpec:
    """The built-in controllers."""
    config = str(instance.etc / "controller-manager.conf")
    return ProcessSpec(
        name="kube-controller-manager",
        argv=[
            str(program),
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            f"--bind-address={instance.loopback}",
            "--leader-elect=false",
            f"--client-ca-file={instance.pki / 'ca.crt'}",
            f"--cluster-signing-cert-file={instance.pki / 'ca.crt'}",
            f"--cluster-signing-key-file={instance.pki / 'ca.key'}",
            f"--root-ca-file={instance.pki / 'ca.crt'}",
            f"--requestheader-client-ca-file={instance.pki / 'front-proxy-ca.crt'}",
            f"--service-account-private-key-file={instance.pki / 'sa.key'}",
            "--use-service-account-credentials=true",
            "--profiling=false",
        ],
    )


def scheduler(instance: Instance, program: Path) -> ProcessSpec:
    """Pod placement."""
    config = str(instance.etc / "scheduler.conf")
    return ProcessSpec(
        name="kube-scheduler",
        argv=[
            str(program),
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            f"--bind-address={instance.loopback}",
            "--leader-elect=false",
            "--profiling=false",
        ],
    )
