"""Whether an object is what it should be now: picks the rule, and asks the server for what else the rule needs."""

import os

from slipway.plugins.kubernetes import awaited, readiness
from slipway.plugins.kubernetes.annotations import SKIP_AWAIT, WAIT_FOR, annotations_of, is_set
from slipway.plugins.kubernetes.cluster import ClusterError, KubernetesCluster, Object
from slipway.plugins.kubernetes.kind import Kind, Wait
from slipway.plugins.kubernetes.readiness import Verdict

POD = Kind(group="", version="v1", kind="Pod", plural="pods")
ENDPOINT_SLICE = Kind(group="discovery.k8s.io", version="v1", kind="EndpointSlice", plural="endpointslices")
STORAGE_CLASS = Kind(
    group="storage.k8s.io", version="v1", kind="StorageClass", plural="storageclasses", namespaced=False
)
AWAIT_ALL = "PULUMI_K8S_AWAIT_ALL"
"""The variable that has every kind without a rule of its own waited for: what it says of itself counts then."""
_OF_PODS = frozenset({Wait.DAEMON_SET, Wait.DEPLOYMENT, Wait.JOB, Wait.SERVICE, Wait.STATEFUL_SET})


def is_judged(kind: Kind, live: Object) -> bool:
    """Whether there is anything to wait for."""
    if is_set(live, SKIP_AWAIT):
        return False
    return kind.wait is not Wait.NOTHING or WAIT_FOR in annotations_of(live) or os.environ.get(AWAIT_ALL) == "true"


def judge(cluster: KubernetesCluster, kind: Kind, live: Object) -> Verdict:
    """What an object is waited for now. What the program asks for goes before what its kind says.

    Raises:
        ClusterError: The server does not say.
    """
    asked = annotations_of(live).get(WAIT_FOR)
    if asked:
        return awaited.judge(live, awaited.expressions(str(asked)))
    match kind.wait:
        case Wait.DAEMON_SET:
            verdict = readiness.judge_daemon_set(live)
        case Wait.DEFINITION:
            verdict = readiness.judge_definition(live, _unserved(cluster, live))
        case Wait.DEPLOYMENT:
            verdict = readiness.judge_deployment(live)
        case Wait.INGRESS:
            verdict = readiness.judge_ingress(live)
        case Wait.JOB:
            verdict = readiness.judge_job(live)
        case Wait.QUOTA:
            verdict = readiness.judge_quota(live)
        case Wait.SECRET:
            verdict = readiness.judge_secret(live)
        case Wait.SERVICE:
            verdict = readiness.judge_service(live, _slices(cluster, live))
        case Wait.STATEFUL_SET:
            verdict = readiness.judge_stateful_set(live)
        case Wait.VOLUME_CLAIM:
            verdict = readiness.judge_volume_claim(live, _binding(cluster, live))
        case Wait.NOTHING:
            verdict = awaited.judge_generally(live)
    return verdict


def pod_faults(cluster: KubernetesCluster, kind: Kind, live: Object) -> list[str]:
    """What keeps the object's pods from running, where the server says."""
    selector = live.get("spec", {}).get("selector") or {}
    labels = selector if kind.wait is Wait.SERVICE else selector.get("matchLabels")
    if kind.wait not in _OF_PODS or not labels:
        return []
    try:
        return readiness.pod_faults(list(cluster.list(POD, live["metadata"].get("namespace", "default"), labels)))
    except ClusterError:
        return []


def _slices(cluster: KubernetesCluster, service: Object) -> list[Object]:
    metadata = service["metadata"]
    labels = {"kubernetes.io/service-name": str(metadata["name"])}
    return list(cluster.list(ENDPOINT_SLICE, metadata.get("namespace", "default"), labels))


def _unserved(cluster: KubernetesCluster, definition: Object) -> list[str]:
    spec = definition["spec"]
    versions = [version["name"] for version in spec["versions"] if version.get("served")]
    kinds = [Kind(group=spec["group"], version=each, kind=spec["names"]["kind"], plural="") for each in versions]
    return [kind.api_version for kind in kinds if cluster.discover(kind) is None]


def _binding(cluster: KubernetesCluster, claim: Object) -> str:
    name = claim.get("spec", {}).get("storageClassName")
    found = cluster.find(STORAGE_CLASS, name, None) if name else None
    return str(found.get("volumeBindingMode", "")) if found else ""
