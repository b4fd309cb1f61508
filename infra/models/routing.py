"""From a model's `route` to what Envoy Gateway is told: where it is, who may ask, how often, and what is tried again.

Pure. https://gateway.envoyproxy.io/docs/api/extension_types/
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.settings.gateway import Gateway, Limit, Tokens
from infra.settings.models import Model
from infra.settings.quantities import bytes_of
from infra.traffic import (
    CLIENT_HEADER,
    ENVOY,
    GATEWAY,
    GATEWAY_API,
    GATEWAY_NAMESPACE,
    KEY_HEADER,
    Manifest,
    target,
)

_SERVICE_PORT = 80
_WHOLE = 100
"""What the weights of a route's backends come to."""
_LEAST_TIMEOUT = 5000
"""Milliseconds: below it, a busy moment would look like a pod that hangs."""
_TIMES_OBJECTIVE = 10
_ATTEMPT = 0.8
_UNBOUNDED = 2**32 - 1
_METRICS = "metrics"
"""What a model tells Prometheus, and no client."""


@dataclass(frozen=True, kw_only=True)
class Backend:
    """Who answers a part of a route's requests.

    Attributes:
        service: The Service's name.
        weight: Its share.
    """

    service: str
    weight: int = _WHOLE

    def ref(self) -> dict[str, Any]:
        """As a route names it."""
        return {"group": "", "kind": "Service", "name": self.service, "port": _SERVICE_PORT, "weight": self.weight}


@dataclass(frozen=True, kw_only=True)
class RouteSpec:
    """How clients reach one model.

    Attributes:
        path: What its addresses begin with.
        manifests: Its objects, in the order in which they are made.
    """

    path: str
    manifests: tuple[Manifest, ...]


def route(name: str, namespace: str, model: Model, gateway: Gateway) -> RouteSpec:
    """How clients reach a model.

    Args:
        name: The model's.
        namespace: Where it is.
        model: Its entry.
        gateway: slipway:gateway.
    """
    path = path_of(name, model)
    return RouteSpec(path=path, manifests=tuple(_manifests(name, namespace, path, model, gateway)))


def path_of(name: str, model: Model) -> str:
    """What a model's addresses begin with at the gateway."""
    return model.route.path or f"/{name}"


def _manifests(name: str, namespace: str, path: str, model: Model, gateway: Gateway) -> Iterator[Manifest]:
    def made(kind: str, called: str, spec: dict[str, Any], group: str = ENVOY) -> Manifest:
        return Manifest(group=group, kind=kind, name=called, namespace=namespace, spec=spec)

    backends = [Backend(service=name).ref()]
    if sleeps(model):
        yield made("Backend", f"{name}-asleep", _NOBODY)
        backends = [Backend(service=name, weight=1).ref(), _asleep(f"{name}-asleep")]
    open_to_all = model.route.open
    by_key = None if open_to_all else gateway.keys
    by_token = None if open_to_all else gateway.tokens
    # Who comes with a token is asked for it alone: one route of the two, chosen by the header.
    both = by_key is not None and by_token is not None
    routes = {name: False, **({f"{name}-tokens": True} if both else {})}
    yield made("HTTPRouteFilter", name, {"directResponse": {"statusCode": 404}})
    # Before the routes, and gone after them: at no moment is there a route that asks nobody.
    if by_key is not None:
        keys = {
            "credentialRefs": [{"group": "", "kind": "Secret", "name": by_key.secret}],
            "extractFrom": [{"headers": [KEY_HEADER]}],
            "forwardClientIDHeader": CLIENT_HEADER,
            "sanitize": True,
        }
        yield made("SecurityPolicy", name, {"targetRefs": [target("HTTPRoute", name)], "apiKeyAuth": keys})
    if by_token is not None:
        called = f"{name}-tokens" if both else name
        jwt = {"providers": [_provider(by_token)]}
        yield made("SecurityPolicy", called, {"targetRefs": [target("HTTPRoute", called)], "jwt": jwt})
    yield made("BackendTrafficPolicy", name, _traffic(model, [target("HTTPRoute", each) for each in routes]))
    for each, with_token in routes.items():
        yield made("HTTPRoute", each, _http_route(name, path, gateway, backends, with_token=with_token), GATEWAY_API)


def cluster_pattern(name: str, namespace: str) -> str:
    """A regular expression of what Envoy Gateway calls a model's Envoy clusters: one, or one for each backend."""
    return f"httproute/{namespace}/{name}(-tokens)?/rule/.*"


_NOBODY: dict[str, Any] = {
    # Envoy Gateway answers for a route without endpoints before any metric of the route counts the request. A backend
    # that is asked when there is no other, and never answers, makes it count: a connection to 0.0.0.0 ends at the Envoy
    # itself, where nothing listens on that port.
    "fallback": True,
    "endpoints": [{"ip": {"address": "0.0.0.0", "port": 9}}],  # noqa: S104  # nothing listens
}


def _asleep(name: str) -> dict[str, Any]:
    # With endpoints, it is a second priority of the model's own Envoy cluster, and weights mean nothing. Without, each
    # backend has a cluster of its own, chosen by weight: the first of them is empty, and counts nothing.
    return {"group": ENVOY, "kind": "Backend", "name": name, "weight": 1_000_000}


def _http_route(
    name: str, path: str, gateway: Gateway, backends: list[dict[str, Any]], *, with_token: bool
) -> dict[str, Any]:
    bearer = {"headers": [{"name": "authorization", "type": "RegularExpression", "value": "(?i)bearer .*"}]}
    rewrite = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
    hidden = {
        "name": _METRICS,
        "matches": [{"path": {"type": "PathPrefix", "value": f"{path.rstrip('/')}/{_METRICS}"}}],
        "filters": [
            {"type": "ExtensionRef", "extensionRef": {"group": ENVOY, "kind": "HTTPRouteFilter", "name": name}}
        ],
    }
    serving: dict[str, Any] = {
        "name": "model",
        "matches": [{"path": {"type": "PathPrefix", "value": path}, **(bearer if with_token else {})}],
        **({"filters": [rewrite]} if path != "/" else {}),
        "backendRefs": backends,
    }
    parent = {"group": GATEWAY_API, "kind": "Gateway", "name": GATEWAY, "namespace": GATEWAY_NAMESPACE}
    return {
        "parentRefs": [parent],
        **({"hostnames": [gateway.hostname]} if gateway.hostname else {}),
        "rules": [serving] if with_token else [hidden, serving],
    }


def _provider(tokens: Tokens) -> dict[str, Any]:
    local = {
        "localJWKS": {"type": "ValueRef", "valueRef": {"group": "", "kind": "ConfigMap", "name": tokens.config_map}}
    }
    return {
        "name": "tokens",
        "issuer": tokens.issuer,
        "audiences": list(tokens.audiences),
        "claimToHeaders": [{"claim": tokens.client, "header": CLIENT_HEADER}],
        **({"remoteJWKS": {"uri": tokens.jwks}} if tokens.jwks else local),
    }


def _traffic(model: Model, targets: list[dict[str, str]]) -> dict[str, Any]:
    timeout = whole_timeout(model)
    attempt = min(timeout, max(round(_ATTEMPT * timeout), model.serving.objective))
    return {
        "targetRefs": targets,
        "loadBalancer": {"type": "LeastRequest"},
        # It is read whole before a replica sees it: who sends slowly holds up none, and it can be sent again.
        "requestBuffer": {"limit": str(bytes_of(model.serving.largest_request))},
        "timeout": {"tcp": {"connectTimeout": "1s"}, "http": {"requestTimeout": f"{timeout}ms"}},
        **({"retry": _retry(model.route.retries, attempt)} if model.route.retries else {}),
        **({} if sleeps(model) else {"healthCheck": {"passive": _EJECTION}}),
        # A replica bounds its own queue, and says so with 429; Envoy's default of 1024 would say 503 before.
        "circuitBreaker": {
            "maxConnections": _UNBOUNDED,
            "maxPendingRequests": _UNBOUNDED,
            "maxParallelRequests": _UNBOUNDED,
            # Where everything is slow, more attempts make it slower: at most a fifth of what is in hand, or ten.
            "retryBudget": {"percent": {"numerator": 20, "denominator": 100}, "minRetryConcurrency": 10},
        },
        **({"rateLimit": _rate_limit(model.route.limit, is_open=model.route.open)} if model.route.limit else {}),
    }


_EJECTION: dict[str, Any] = {
    # 502, 503, 504, and connections that fail. A refusal for overload (429) is an answer; a model that raises (500)
    # does so everywhere. Not where a model may sleep: the backend that is nobody would get what is ejected.
    "consecutiveGatewayErrors": 3,
    "consecutive5XxErrors": 1000,
    "interval": "1s",
    "baseEjectionTime": "10s",
    "maxEjectionPercent": 50,
}


def sleeps(model: Model) -> bool:
    """Whether there may be no replica of a model."""
    return model.scaling is not None and model.scaling.min == 0


def whole_timeout(model: Model) -> int:
    """Milliseconds until a client is told that nothing came back."""
    return model.route.timeout or max(_LEAST_TIMEOUT, _TIMES_OBJECTIVE * model.serving.objective)


def _retry(times: int, attempt: int) -> dict[str, Any]:
    return {
        "numRetries": times,
        # 503 is said by what only starts or is about to go; an attempt that hangs is reset.
        "retryOn": {
            "triggers": ["connect-failure", "refused-stream", "reset", "retriable-status-codes"],
            "httpStatusCodes": [503],
        },
        "perRetry": {"timeout": f"{attempt}ms", "backOff": {"baseInterval": "25ms", "maxInterval": "250ms"}},
    }


def _rate_limit(limit: Limit, *, is_open: bool) -> dict[str, Any]:
    by_client = {"headers": [{"name": CLIENT_HEADER, "type": "Distinct"}]}
    by_address = {"sourceCIDR": {"type": "Distinct", "value": "0.0.0.0/0"}}
    # Tokens without the claim that says who it is share one limit.
    nameless = {"headers": [{"name": CLIENT_HEADER, "type": "RegularExpression", "value": ".+", "invert": True}]}
    amount = {"requests": limit.requests, "unit": limit.per.capitalize()}
    selectors = [by_address] if is_open else [by_client, nameless]
    return {"type": "Local", "local": {"rules": [{"clientSelectors": [each], "limit": amount} for each in selectors]}}
