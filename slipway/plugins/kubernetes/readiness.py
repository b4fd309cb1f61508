"""When an object is what it was asked to be: the rules of the official plugin's awaiters. Pure functions.

https://www.pulumi.com/registry/packages/kubernetes/api-docs/apps/v1/deployment/ and `.../core/v1/service/` say them.
"""

from dataclasses import dataclass
from typing import Any

_REVISION = "deployment.kubernetes.io/revision"
Object = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What an object is still waited for; nothing, when it is ready.

    Attributes:
        waiting_for: What is missing.
        told: What its controller says is wrong.
        failed: Whether it will never come, so that waiting is of no use.
    """

    waiting_for: str = ""
    told: tuple[str, ...] = ()
    failed: bool = False

    @property
    def ready(self) -> bool:
        """Whether nothing is missing."""
        return not self.waiting_for


def judge_deployment(live: Object) -> Verdict:
    """A Deployment is ready when its newest ReplicaSet runs every replica and the controller says so.

    A rollout past its deadline is told, and waited for: it can still come through.
    """
    metadata, spec, status = live["metadata"], live.get("spec", {}), live.get("status", {})
    if status.get("observedGeneration", 0) < metadata.get("generation", 1):
        return Verdict("the controller to see the change")
    conditions = status.get("conditions", [])
    told = tuple(
        f"[{condition.get('reason', '')}] {condition.get('message', '')}"
        for condition in conditions
        if condition["type"] in {"Progressing", "Available"} and condition["status"] != "True"
    )
    wanted = spec.get("replicas", 1)
    if spec.get("paused"):
        # The pods of a first revision are all it will have; a later one stands still half way.
        first = (metadata.get("annotations") or {}).get(_REVISION) == "1"
        done = first and status.get("availableReplicas", 0) >= wanted
        return Verdict() if done else Verdict("the rollout to be resumed: it is paused (`spec.paused`)", told)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated < wanted:
        return Verdict(f"new replicas to be made ({updated} of {wanted})", told)
    if status.get("replicas", 0) > updated:
        return Verdict(f"old replicas to end ({status['replicas'] - updated} left)", told)
    if available < wanted:
        return Verdict(f"replicas to be available ({available} of {wanted})", told)
    return Verdict()


def judge_stateful_set(live: Object) -> Verdict:
    """A StatefulSet is ready when all its replicas are, and of the newest revision.

    With the strategy `OnDelete` somebody deletes the old ones in his own time: after the first, revisions are not
    waited for.
    """
    metadata, spec, status = live["metadata"], live.get("spec", {}), live.get("status", {})
    if status.get("observedGeneration", 0) < metadata.get("generation", 1):
        return Verdict("the controller to see the change")
    wanted = spec.get("replicas", 1)
    if status.get("replicas", 0) != wanted or status.get("readyReplicas", 0) != wanted:
        return Verdict(f"replicas to be ready ({status.get('readyReplicas', 0)} of {wanted})")
    if metadata.get("generation", 1) > 1 and spec.get("updateStrategy", {}).get("type") == "OnDelete":
        return Verdict()
    current, newest = status.get("currentRevision", ""), status.get("updateRevision", "")
    if not current or current != newest or status.get("currentReplicas", 0) != wanted:
        return Verdict(f"the revision {newest} to replace {current} ({status.get('updatedReplicas', 0)} of {wanted})")
    return Verdict()


def judge_daemon_set(live: Object) -> Verdict:
    """A DaemonSet is ready when every node that should has an updated pod that is available."""
    status = live.get("status", {})
    if status.get("observedGeneration", 0) < live["metadata"].get("generation", 1):
        return Verdict("the controller to see the change")
    wanted = status.get("desiredNumberScheduled", 0)
    for count, what in (
        ("currentNumberScheduled", "to be made"),
        ("updatedNumberScheduled", "to be updated"),
        ("numberAvailable", "to be available"),
        ("numberReady", "to be ready"),
    ):
        if status.get(count, 0) < wanted:
            return Verdict(f"pods {what} ({status.get(count, 0)} of {wanted} nodes)")
    return Verdict()


def judge_job(live: Object) -> Verdict:
    """A Job is ready when it is complete. One that failed stays so."""
    status = live.get("status", {})
    for condition in status.get("conditions", []):
        if condition["type"] == "Failed" and condition["status"] == "True":
            reason = f"[{condition.get('reason', '')}] {condition.get('message', '')}"
            return Verdict("it to be complete, which it will not be", (reason,), failed=True)
    if any(each["type"] == "Complete" and each["status"] == "True" for each in status.get("conditions", [])):
        return Verdict()
    counts = ", ".join(f"{status.get(count, 0)} {count}" for count in ("active", "succeeded", "failed"))
    return Verdict(f"it to be complete ({counts})" if status.get("startTime") else "it to start")


def judge_definition(live: Object, unserved: list[str]) -> Verdict:
    """A CustomResourceDefinition is ready when its names are its own and the server serves all it defines.

    Args:
        live: The definition.
        unserved: Versions that it defines and discovery does not know.
    """
    conditions = {each["type"]: each for each in live.get("status", {}).get("conditions") or []}
    told = tuple(
        f"[{each.get('reason', '')}] {each.get('message', '')}"
        for kind, each in conditions.items()
        if (kind in {"Established", "NamesAccepted"}) is (each["status"] == "False") and kind != "Terminating"
    )
    if conditions.get("Established", {}).get("status") != "True":
        return Verdict("it to be established", told)
    return Verdict(f"the API server to serve {', '.join(unserved)}", told) if unserved else Verdict()


def judge_ingress(ingress: Object) -> Verdict:
    """An Ingress is ready when its load balancer has an address."""
    if ingress.get("status", {}).get("loadBalancer", {}).get("ingress"):
        return Verdict()
    return Verdict("an address for its load balancer; does this cluster have an ingress controller?")


def judge_volume_claim(claim: Object, binding: str) -> Verdict:
    """A PersistentVolumeClaim is ready when it is bound, or when only a pod could bind it.

    Args:
        claim: The claim.
        binding: The `volumeBindingMode` of its storage class; empty where that is not known.
    """
    phase = claim.get("status", {}).get("phase", "")
    if phase == "Bound" or (phase == "Pending" and binding == "WaitForFirstConsumer"):
        return Verdict()
    return Verdict(f"it to be bound (it is {phase or 'new'})")


def judge_quota(quota: Object) -> Verdict:
    """A ResourceQuota is ready when its controller has taken over what it limits."""
    hard = quota.get("spec", {}).get("hard") or {}
    return Verdict() if (quota.get("status", {}).get("hard") or {}) == hard else Verdict("its controller to see it")


def judge_secret(secret: Object) -> Verdict:
    """A Secret is ready; one for a service account's token when the token is in it."""
    if secret.get("type") == "kubernetes.io/service-account-token" and not secret.get("data"):
        return Verdict("the token of its service account")
    return Verdict()


def selects_pods(service: Object) -> bool:
    """Whether a Service is expected to have endpoints of the cluster's making."""
    spec = service.get("spec", {})
    return bool(spec.get("selector")) and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None"


def judge_service(service: Object, slices: list[Object]) -> Verdict:
    """A Service is ready when no pod it selects is unready, and its load balancer has an address.

    One that selects no pod is ready too: they may come later. The pause of ten seconds in which the official plugin
    lets stragglers appear is left out.
    """
    if selects_pods(service):
        if not slices:
            return Verdict("its endpoints to be looked for")
        conditions = [endpoint.get("conditions") or {} for each in slices for endpoint in each.get("endpoints") or []]
        unready = sum(each.get("ready") is False and not each.get("terminating") for each in conditions)
        if unready:
            return Verdict(f"the pods it selects to be ready ({unready} are not)")
    balancer = service.get("status", {}).get("loadBalancer", {})
    if service.get("spec", {}).get("type") == "LoadBalancer" and not balancer.get("ingress"):
        return Verdict("an address for its load balancer; does this cluster have any?")
    return Verdict()


def pod_faults(pods: list[Object]) -> list[str]:
    """What keeps pods from running, in the kubelet's and the scheduler's words."""
    faults: list[str] = []
    for pod in pods:
        name, status = pod["metadata"]["name"], pod.get("status", {})
        faults += [
            f"pod {name} is not scheduled: {condition.get('message', '')}"
            for condition in status.get("conditions", [])
            if condition["type"] == "PodScheduled" and condition["status"] != "True"
        ]
        for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
            waiting = container.get("state", {}).get("waiting", {})
            if waiting.get("reason") not in {None, "ContainerCreating", "PodInitializing"}:
                faults.append(f"pod {name}: {waiting['reason']}: {waiting.get('message', '')}".rstrip(": "))
            ended = container.get("lastState", {}).get("terminated") or container.get("state", {}).get("terminated")
            if ended and ended.get("exitCode"):
                faults.append(f"pod {name}: container {container['name']} ended with status {ended['exitCode']}")
    return sorted(set(faults))
