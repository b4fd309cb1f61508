"""The one real node as processes: containerd, kubelet, kube-proxy, and CoreDNS beside them."""

import json
from pathlib import Path
from typing import Any

import yaml

from slipway.embedded.instance import (
    BRIDGE,
    BRIDGE_ADDRESS,
    CLUSTER_DOMAIN,
    POD_CIDR,
    Instance,
)
from slipway.embedded.supervisor.spec import ProcessSpec
from slipway.files import fingerprint, write

DNS_READY = "127.0.0.1:8181"
"""Where CoreDNS says that it knows the cluster."""
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
"""Its default place; `/run` is the instance's own."""
PAUSE_IMAGE = "localhost/slipway/pause:1"
"""Holds a pod's namespaces. The name has no registry: it is made here, and never pulled."""

REAL = "slipway.dev/real"
"""Label of this node: its pods run. Those of bought nodes do not."""


def containerd(instance: Instance, program: Path, *, shim: Path, runc: Path, cni: Path) -> ProcessSpec:
    """The container runtime."""
    config = instance.etc / "containerd.toml"
    cni_config = instance.etc / "cni"
    network = json.dumps(_cni(), indent=1)
    content = _containerd(instance, runc=runc, cni=cni, cni_config=cni_config)
    write(cni_config / "10-slipway.conflist", network)
    write(config, content)
    return ProcessSpec(
        name="containerd",
        argv=[str(program), "--config", str(config)],
        env={"PATH": f"{shim.parent}:{runc.parent}:/usr/sbin:/usr/bin:/sbin:/bin"},
        stop_seconds=20.0,
        config=fingerprint(network, content),
    )


def kubelet(instance: Instance, program: Path, *, region: str = "") -> ProcessSpec:
    """The node's agent.

    Args:
        instance: Where it runs.
        program: The kubelet.
        region: The AWS region that the stack means, where it means one: the node is in its first zone.
    """
    config = instance.etc / "kubelet.yaml"
    content = yaml.safe_dump(_kubelet(instance))
    write(config, content)
    labels = {REAL: "true"}
    if region:
        labels |= {"topology.kubernetes.io/region": region, "topology.kubernetes.io/zone": f"{region}a"}
    return ProcessSpec(
        name="kubelet",
        argv=[
            str(program),
            f"--config={config}",
            f"--kubeconfig={instance.etc / 'kubelet.conf'}",
            # Not where the instance keeps it, but where that is mounted: kubelet's sockets need a short path.
            "--root-dir=/var/lib/kubelet",
            f"--cert-dir={instance.node / 'kubelet-pki'}",
            f"--hostname-override={instance.node_name}",
            f"--node-ip={BRIDGE_ADDRESS}",
            f"--node-labels={','.join(f'{key}={value}' for key, value in labels.items())}",
        ],
        config=fingerprint(content),
    )


def kube_proxy(instance: Instance, program: Path, *, nft: Path) -> ProcessSpec:
    """Services on the node, by nftables."""
    config = instance.etc / "kube-proxy.yaml"
    content = yaml.safe_dump(_kube_proxy(instance))
    write(config, content)
    return ProcessSpec(
        name="kube-proxy",
        argv=[str(program), f"--config={config}"],
        env={"PATH": f"{nft.parent}:/usr/sbin:/usr/bin:/sbin:/bin"},
        config=fingerprint(content),
    )


def coredns(instance: Instance, program: Path) -> ProcessSpec:
    """Cluster DNS, on the bridge's address. It knows no names outside the cluster: nothing leaves the instance."""
    config = instance.etc / "Corefile"
    content = f"""\
.:53 {{
    bind {BRIDGE_ADDRESS}
    errors
    kubernetes {CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {{
        kubeconfig "{instance.etc / "coredns.conf"}"
        ttl 5
    }}
    cache 5
    ready {DNS_READY}
}}
"""
    write(config, content)
    return ProcessSpec(name="coredns", argv=[str(program), "-conf", str(config)], config=fingerprint(content))


def resolv_conf() -> str:
    """The resolver of the instance: its own DNS, searching where a pod of `default` would."""
    return f"nameserver {BRIDGE_ADDRESS}\nsearch svc.{CLUSTER_DOMAIN} {CLUSTER_DOMAIN}\noptions ndots:5\n"


def _cni() -> dict[str, Any]:
    return {
        "cniVersion": "0.4.0",
        "name": "slipway",
        "plugins": [
            {
                "type": "bridge",
                "bridge": BRIDGE,
                "isGateway": True,
                "ipMasq": False,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": POD_CIDR, "rangeStart": "10.88.1.0"}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                    # As long-lived as the pods' network namespaces: both end with /run.
                    "dataDir": "/run/cni/networks",
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def _containerd(instance: Instance, *, runc: Path, cni: Path, cni_config: Path) -> str:
    cri = "plugins.'io.containerd.grpc.v1.cri'"
    return f"""\
version = 2
root = "{instance.node / "containerd"}"
state = "/run/containerd"
# Read from no other place than this file.
imports = []

[grpc]
  address = "{CONTAINERD_SOCKET}"

[{cri}]
  sandbox_image = "{PAUSE_IMAGE}"
  # A machine without CAP_SYS_RESOURCE may not lower a score; without this, runc's message does not say so.
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [{cri}.cni]
    bin_dir = "{cni}"
    conf_dir = "{cni_config}"
  [{cri}.containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [{cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [{cri}.containerd.runtimes.runc.options]
        BinaryName = "{runc}"
        SystemdCgroup = false
"""


def _kube_proxy(instance: Instance) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "bindAddress": BRIDGE_ADDRESS,
        "clientConnection": {"kubeconfig": str(instance.etc / "kube-proxy.conf")},
        "clusterCIDR": POD_CIDR,
        "hostnameOverride": instance.node_name,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        # The connection table's size belongs to the whole machine: leave it alone.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }


def _kubelet(instance: Instance) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": BRIDGE_ADDRESS,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(instance.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "readOnlyPort": 0,
        "healthzBindAddress": "127.0.0.1",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": instance.cgroup,
        "cgroupsPerQOS": True,
        "enforceNodeAllocatable": ["pods"],
        "failCgroupV1": False,
        "failSwapOn": False,
        # The machine's settings are not ours to change (see machine.py); these files say what kubelet wants.
        "protectKernelDefaults": True,
        "clusterDomain": CLUSTER_DOMAIN,
        "clusterDNS": [BRIDGE_ADDRESS],
        "resolvConf": "/etc/resolv.conf",
        "podCIDR": POD_CIDR,
        "volumePluginDir": str(instance.node / "volume-plugins"),
        # The disk belongs to somebody else as well: only a nearly full one is ours to react to.
        "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "100Mi"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "runtimeRequestTimeout": "2m",
        "serializeImagePulls": False,
    }
