"""The gateway: a Gateway of the Gateway API, the Envoys behind it, and what holds for every client. Pure.

https://gateway.envoyproxy.io/docs/api/extension_types/
"""

from collections.abc import Iterator
from typing import Any

from infra.addons.values import SYSTEM, UNBOUGHT
from infra.settings.gateway import Gateway
from infra.traffic import (
    CLIENT_HEADER,
    ENVOY,
    GATEWAY,
    GATEWAY_API,
    GATEWAY_NAMESPACE,
    GATEWAY_PODS,
    GATEWAY_SERVICE,
    MONITORING,
    NAMESPACE_LABEL,
    Manifest,
    target,
)

CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
"""Whose GatewayClass it is: Envoy Gateway's, as its chart calls it."""
IMAGE = "docker.io/envoyproxy/envoy:distroless-v1.39.3"
"""What carries requests: the newest patch, which Envoy Gateway's default is not."""
_CLASS = "slipway"


def manifests(settings: Gateway, *, models: str, is_monitored: bool) -> Iterator[Manifest]:
    """Everything of the gateway, in the order in which it is made.

    Args:
        settings: slipway:gateway.
        models: The namespace whose routes it takes.
        is_monitored: Whether Prometheus asks the Envoys.
    """
    yield Manifest(group=ENVOY, kind="EnvoyProxy", name=GATEWAY, namespace=GATEWAY_NAMESPACE, spec=envoys(settings))
    yield Manifest(
        group=GATEWAY_API, kind="GatewayClass", name=_CLASS, namespace="", spec={"controllerName": CONTROLLER}
    )
    yield Manifest(
        group=GATEWAY_API,
        kind="Gateway",
        name=GATEWAY,
        namespace=GATEWAY_NAMESPACE,
        spec={
            "gatewayClassName": _CLASS,
            "infrastructure": {"parametersRef": {"group": ENVOY, "kind": "EnvoyProxy", "name": GATEWAY}},
            "listeners": [listener(settings, models)],
        },
    )
    yield Manifest(group=ENVOY, kind="ClientTrafficPolicy", name=GATEWAY, namespace=GATEWAY_NAMESPACE, spec=clients())
    if is_monitored:
        yield Manifest(
            group=MONITORING, kind="PodMonitor", name=GATEWAY, namespace=GATEWAY_NAMESPACE, spec=pod_monitor()
        )


def pod_monitor() -> dict[str, Any]:
    """What wakes a model is asked often."""
    return {
        "selector": {"matchLabels": GATEWAY_PODS},
        "podMetricsEndpoints": [
            {"port": "metrics", "path": "/stats/prometheus", "interval": "5s", "scrapeTimeout": "4s"}
        ],
    }


def port(settings: Gateway) -> int:
    """Where the gateway's Service listens."""
    return 443 if settings.tls else 80


def listener(settings: Gateway, models: str) -> dict[str, Any]:
    """The one listener: encrypted or not, and for routes of the models' namespace alone."""
    certificate = [{"kind": "Secret", "name": settings.tls.secret}] if settings.tls else []
    return {
        "name": "https" if settings.tls else "http",
        "protocol": "HTTPS" if settings.tls else "HTTP",
        "port": port(settings),
        **({"hostname": settings.hostname} if settings.hostname else {}),
        **({"tls": {"mode": "Terminate", "certificateRefs": certificate}} if certificate else {}),
        "allowedRoutes": {
            "namespaces": {
                "from": "Selector",
                "selector": {"matchLabels": {NAMESPACE_LABEL: models}},
            }
        },
    }


def clients() -> dict[str, Any]:
    """What holds for every client, before it is known who it is."""
    return {
        "targetRefs": [target("Gateway", GATEWAY)],
        "headers": {
            "requestID": "PreserveOrGenerate",
            # Only the gateway says who asks.
            "earlyRequestHeaders": {"remove": [CLIENT_HEADER]},
            # `x_client_id` is `x-client-id` to many a server.
            "withUnderscoresAction": "RejectRequest",
        },
        "path": {"escapedSlashesAction": "RejectRequest"},
        "timeout": {
            # Who sends slowly keeps a connection, and nothing of a model.
            "http": {
                "requestHeadersReceivedTimeout": "10s",
                "requestReceivedTimeout": "30s",
                "idleTimeout": "300s",
            }
        },
    }


def envoys(settings: Gateway) -> dict[str, Any]:
    """The spec of the EnvoyProxy: pods, Service, and what is told of every request."""
    return {
        "provider": {
            "type": "Kubernetes",
            "kubernetes": {
                "envoyDeployment": {
                    "name": GATEWAY_SERVICE,
                    "replicas": settings.replicas,
                    "container": {
                        "image": IMAGE,
                        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
                    },
                    "pod": {"tolerations": SYSTEM, "affinity": UNBOUGHT},
                    # A new one serves before an old one goes.
                    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                },
                "envoyService": {"name": GATEWAY_SERVICE, **_service(settings)},
                **({"envoyPDB": {"maxUnavailable": 1}} if settings.replicas > 1 else {}),
            },
        },
        "telemetry": {"accessLog": {"settings": [_ACCESS_LOG]}},
        # It answers until whoever sends to it has learnt that it goes (a load balancer of AWS takes its time), and then
        # what it has in hand.
        "shutdown": {"minDrainDuration": "10s" if settings.exposure == "internal" else "60s", "drainTimeout": "120s"},
    }


def _service(settings: Gateway) -> dict[str, Any]:
    if settings.exposure == "internal":
        return {"type": "ClusterIP"}
    # https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/
    prefix = "service.beta.kubernetes.io/aws-load-balancer-"
    return {
        "type": "LoadBalancer",
        "loadBalancerClass": "service.k8s.aws/nlb",
        "externalTrafficPolicy": "Cluster",
        "annotations": {
            f"{prefix}nlb-target-type": "ip",
            f"{prefix}scheme": "internet-facing" if settings.public_from else "internal",
            # Limits, logs and policies see the client's own address.
            f"{prefix}target-group-attributes": "preserve_client_ip.enabled=true",
        },
        **({"loadBalancerSourceRanges": list(settings.public_from)} if settings.public_from else {}),
    }


_ACCESS_LOG: dict[str, Any] = {
    # https://www.envoyproxy.io/docs/envoy/v1.39.3/configuration/observability/access_log/usage
    "format": {
        "type": "JSON",
        "json": {
            "time": "%START_TIME%",
            "request": "%REQ(X-REQUEST-ID)%",
            "trace": "%REQ(TRACEPARENT)%",
            "client": f"%REQ({CLIENT_HEADER.upper()})%",
            "address": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
            "method": "%REQ(:METHOD)%",
            "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
            "status": "%RESPONSE_CODE%",
            "why": "%RESPONSE_CODE_DETAILS%",
            "flags": "%RESPONSE_FLAGS%",
            "milliseconds": "%DURATION%",
            "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
            "pod": "%UPSTREAM_HOST%",
            "route": "%ROUTE_NAME%",
            "received_bytes": "%BYTES_RECEIVED%",
            "sent_bytes": "%BYTES_SENT%",
        },
    },
    "sinks": [{"type": "File", "file": {"path": "/dev/stdout"}}],
}
