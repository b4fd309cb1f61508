"""What Kubernetes asks of a pod in a namespace that takes restricted ones alone.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from pulumi_kubernetes.core.v1 import PodSecurityContextArgsDict, SecurityContextArgsDict

ONLY = {"pod-security.kubernetes.io/enforce": "restricted"}
"""Label of such a namespace: Kubernetes itself refuses other pods there."""
CONTAINER: SecurityContextArgsDict = {
    "allow_privilege_escalation": False,
    "capabilities": {"drop": ["ALL"]},
    "read_only_root_filesystem": True,
}
"""Of each of its containers; the file system is our own addition."""


def pod(user: int) -> PodSecurityContextArgsDict:
    """Of the pod.

    Args:
        user: Numeric user and group that its containers run as.
    """
    return {
        "run_as_non_root": True,
        "run_as_user": user,
        "run_as_group": user,
        "seccomp_profile": {"type": "RuntimeDefault"},
    }
