"""What the gateway and the routes of models call each other, and the objects that both are declared by. Pure."""

from dataclasses import dataclass
from typing import Any

GATEWAY = "models"
"""Of the Gateway, and its one listener's owner."""
GATEWAY_NAMESPACE = "envoy-gateway-system"
"""Where it is, and its Envoys with it."""
GATEWAY_SERVICE = "gateway"
"""Of its Envoys."""
GATEWAY_PODS = {"gateway.envoyproxy.io/owning-gateway-name": GATEWAY}
"""What finds its Envoys, by the labels that Envoy Gateway gives them."""
MODEL_PODS = {"app.kubernetes.io/component": "model"}
"""What finds the pods of all models."""
NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""What Kubernetes labels each namespace with: its name."""
CLIENT_HEADER = "x-client-id"
"""What tells a model and the rate limit who asks: set by the gateway from the key or the token, and by nobody else."""
KEY_HEADER = "x-api-key"
"""What clients with keys say them in."""
GATEWAY_API = "gateway.networking.k8s.io"
"""API group of Gateway and HTTPRoute."""
ENVOY = "gateway.envoyproxy.io"
"""API group of what Envoy Gateway adds to them."""
MONITORING = "monitoring.coreos.com"
"""API group of PodMonitor."""
_VERSIONS = {GATEWAY_API: "v1", ENVOY: "v1alpha1", MONITORING: "v1"}


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One object, as the API has it.

    Attributes:
        group: Its API group.
        kind: Such as `Gateway`.
        name: Its name.
        namespace: Where it is; empty where it is in none.
        spec: Its spec.
    """

    group: str
    kind: str
    name: str
    namespace: str
    spec: dict[str, Any]

    @property
    def api_version(self) -> str:
        """Such as `gateway.networking.k8s.io/v1`."""
        return f"{self.group}/{_VERSIONS[self.group]}"


def pods_of(namespace: str, labels: dict[str, str]) -> dict[str, Any]:
    """How a NetworkPolicy names whom it lets in.

    Args:
        namespace: Where they are.
        labels: What finds them there.
    """
    return {
        "namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: namespace}},
        "podSelector": {"matchLabels": labels},
    }


def target(kind: str, name: str) -> dict[str, str]:
    """How a policy names what it holds for."""
    return {"group": GATEWAY_API, "kind": kind, "name": name}
