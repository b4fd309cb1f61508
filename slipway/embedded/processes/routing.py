"""Keeps Envoy's files as the cluster's gateway is: what Envoy Gateway's controller does, where it cannot run.

Run by the supervisor as `python -m slipway.embedded.processes.routing FILE`, where FILE holds `Settings` as JSON.
"""

import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from httpx2 import HTTPError, HTTPStatusError  # what lightkube raises when there is no answer
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ConfigError
from lightkube.generic_resource import create_global_resource, create_namespaced_resource
from lightkube.resources.core_v1 import ConfigMap, Namespace, Secret, Service
from lightkube.resources.discovery_v1 import EndpointSlice

from infra.settings.cluster import NAMESPACE
from infra.traffic import ENVOY, GATEWAY_API, GATEWAY_NAMESPACE
from slipway.embedded.processes import routes
from slipway.embedded.processes.routes import Manifest
from slipway.embedded.told import Told, keep_at
from slipway.files import write

LOG = logging.getLogger("routing")
_FAILURES = (HTTPError, ConfigError, OSError, subprocess.SubprocessError, ValueError)
_TRANSLATION_SECONDS = 30
_LISTENER_SECONDS = 3.0
_NAMESPACES = (NAMESPACE, GATEWAY_NAMESPACE)


def _of_gateway_api(kind: str, plural: str) -> Any:
    return create_namespaced_resource(GATEWAY_API, "v1", kind, plural)


def _of_envoy(kind: str, plural: str) -> Any:
    return create_namespaced_resource(ENVOY, "v1alpha1", kind, plural)


_GLOBAL: dict[str, Any] = {
    "gatewayClasses": create_global_resource(GATEWAY_API, "v1", "GatewayClass", "gatewayclasses"),
    "namespaces": Namespace,
}
_NAMESPACED: dict[str, Any] = {
    "gateways": _of_gateway_api("Gateway", "gateways"),
    "httpRoutes": _of_gateway_api("HTTPRoute", "httproutes"),
    "envoyProxiesForGateways": _of_envoy("EnvoyProxy", "envoyproxies"),
    "clientTrafficPolicies": _of_envoy("ClientTrafficPolicy", "clienttrafficpolicies"),
    "backendTrafficPolicies": _of_envoy("BackendTrafficPolicy", "backendtrafficpolicies"),
    "securityPolicies": _of_envoy("SecurityPolicy", "securitypolicies"),
    "httpFilters": _of_envoy("HTTPRouteFilter", "httproutefilters"),
    "backends": _of_envoy("Backend", "backends"),
    "services": Service,
    "endpointSlices": EndpointSlice,
    "secrets": Secret,
    "configMaps": ConfigMap,
}
"""What a gateway is made of, by what the translator calls it."""


@dataclass(frozen=True, kw_only=True)
class Settings(Told):
    """What this is told.

    Attributes:
        translator: Path of the program that translates.
        kubeconfig: Path of the access to the cluster.
        network: The instance's part of the loopback.
        address: Where Envoy listens.
        admin: Path of the socket where Envoy tells of itself.
        folder: Where Envoy's files lie.
        poll_seconds: Time between two looks.
    """

    translator: str
    kubeconfig: str
    network: str
    address: str
    admin: str
    folder: str
    poll_seconds: float = 0.5


class Routing:
    """Looks, and translates what has changed.

    Args:
        settings: What it is told.
        client: The cluster.
    """

    def __init__(self, settings: Settings, client: Client) -> None:
        self._settings, self._client = settings, client
        self._translated = ""

    def round(self) -> bool:
        """Look once; returns whether something was new."""
        seen = routes.resources(dict(self._objects()), self._settings.network)
        wanted = json.dumps(seen, sort_keys=True, default=str)
        if wanted == self._translated or "gatewayClass" not in seen:
            return False
        done = subprocess.run(
            [self._settings.translator],
            input=wanted,
            capture_output=True,
            text=True,
            timeout=_TRANSLATION_SECONDS,
            check=False,
        )
        for line in done.stderr.splitlines():
            LOG.warning("%s", line)
        done.check_returncode()
        folder = Path(self._settings.folder)
        for file, content in routes.files(json.loads(done.stdout), folder, self._settings.address).items():
            write(file, json.dumps(content, indent=1, sort_keys=True))
            if file.name == routes.FILES["listeners"] and self._translated:
                self._await_listeners(content["versionInfo"])
        self._translated = wanted
        LOG.info("translated")
        return True

    def _await_listeners(self, version: str) -> None:
        """Wait until Envoy listens as it was told: routes reach those listeners, too, that are about to go."""
        deadline = time.monotonic() + _LISTENER_SECONDS
        with httpx.Client(transport=httpx.HTTPTransport(uds=self._settings.admin), base_url="http://envoy") as envoy:
            while time.monotonic() < deadline:
                try:
                    if routes.has_taken(envoy.get(routes.STATISTICS).json(), version):
                        return
                except (httpx.HTTPError, ValueError) as error:
                    LOG.warning("Envoy does not say what it listens for: %s", error)
                time.sleep(0.05)
        LOG.warning("Envoy does not listen as it was told after %.0f s; it may wait for routes", _LISTENER_SECONDS)

    def _objects(self) -> Iterator[tuple[str, list[Manifest]]]:
        for name, kind in _GLOBAL.items():
            yield name, self._listed(kind)
        for name, kind in _NAMESPACED.items():
            yield name, [each for namespace in _NAMESPACES for each in self._listed(kind, namespace=namespace)]

    def _listed(self, kind: Any, **where: Any) -> list[Manifest]:
        try:
            return [_manifest(each) for each in self._client.list(kind, **where)]
        except HTTPStatusError as error:
            if error.response.status_code == HTTPStatus.NOT_FOUND:  # its chart is not installed yet
                return []
            raise


def _manifest(each: Any) -> Manifest:
    found = dict(each.to_dict())
    info = type(each)._api_info.resource  # noqa: SLF001  # a list leaves out of its items what they are
    found["apiVersion"] = f"{info.group}/{info.version}" if info.group else info.version
    found["kind"] = info.kind
    return found


def main() -> None:
    """Look and translate until told to end."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stdout)
    LOG.setLevel(logging.INFO)
    settings = Settings.from_json(Path(sys.argv[1]).read_text())
    client = Client(config=KubeConfig.from_file(settings.kubeconfig), trust_env=False, field_manager="slipway-routing")
    keep_at(Routing(settings, client).round, seconds=settings.poll_seconds, passing=_FAILURES, log=LOG)


if __name__ == "__main__":
    main()
