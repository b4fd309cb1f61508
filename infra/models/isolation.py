"""Who may speak to a model: the gateway's Envoys, and the Prometheus that models are scaled by. Pure.

The VPC CNI holds clusters of EKS to it (https://docs.aws.amazon.com/eks/latest/userguide/cni-network-policy.html).
"""

from typing import Any

from infra.traffic import GATEWAY_NAMESPACE, GATEWAY_PODS, MODEL_PODS, pods_of

_PORT = "http"


def network_policy(*, is_monitored: bool) -> dict[str, Any]:
    """The spec of the one NetworkPolicy of a namespace of models; what it does not name is refused.

    Args:
        is_monitored: Whether Prometheus asks them.
    """
    allowed = [pods_of(GATEWAY_NAMESPACE, GATEWAY_PODS)]
    if is_monitored:
        allowed.append(pods_of("monitoring", {"app.kubernetes.io/name": "prometheus"}))
    return {
        "podSelector": {"matchLabels": MODEL_PODS},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": allowed, "ports": [{"port": _PORT, "protocol": "TCP"}]}],
    }
