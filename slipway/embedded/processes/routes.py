"""From what the cluster says of its gateway to files that Envoy reads. Pure, but for the translation itself.

Envoy Gateway's own translator makes xDS of the objects (`slipway/engines/modules/envoy-gateway/main.go`). What it says
is meant for pods and for an xDS server: here, listeners are on the instance's part of the loopback, endpoints are where
pods really listen, and what Envoy would ask the server for lies in files beside each other, which it watches
(https://www.envoyproxy.io/docs/envoy/v1.39.3/configuration/overview/examples, "dynamic from file system").
"""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slipway.embedded.processes import addresses
from slipway.files import fingerprint

Manifest = dict[str, Any]
FILES = {
    "endpoints": "eds.json",
    "clusters": "cds.json",
    "secrets": "sds.json",
    "listeners": "lds.json",
    "routes": "rds.json",
}
"""Of what the translator says, the file of each part, in the order in which Envoy should learn of them: a route that
asks for a key comes after the filter that asks."""
_ASKED = {"edsConfig": "endpoints", "configSource": "routes", "sdsConfig": "secrets", "sdsSecretConfig": "secrets"}
"""Where Envoy is told where to ask, and which part that is."""
_UNSAID = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")


def resources(objects: Mapping[str, list[Manifest]], network: str) -> Manifest:
    """What the translator reads: the objects of the cluster that a gateway is made of.

    Args:
        objects: By what the translator calls their kinds (`httpRoutes`, …), as the API server has them.
        network: The instance's part of the loopback.
    """
    said = {kind: [_said(each) for each in each_of_kind] for kind, each_of_kind in objects.items()}
    for part in said.get("endpointSlices", []):
        for endpoint in part.get("endpoints") or []:
            endpoint["addresses"] = [addresses.real(each, network) for each in endpoint["addresses"]]
    classes = said.pop("gatewayClasses", [])
    return {**said, **({"gatewayClass": classes[0]} if classes else {})}


def _said(each: Manifest) -> Manifest:
    """An object without what its controllers say of it, so that it changes only when it is changed."""
    kept = {key: copy.deepcopy(value) for key, value in each.items() if key != "status"}
    kept["metadata"] = {key: value for key, value in kept["metadata"].items() if key not in _UNSAID}
    return kept


def files(translated: Mapping[str, list[Manifest]], folder: Path, address: str) -> dict[Path, Manifest]:
    """What Envoy reads, by file, in the order in which they are to be written.

    Args:
        translated: What the translator said.
        folder: Where the files lie.
        address: Where listeners listen.
    """
    found: dict[Path, Manifest] = {}
    for part, name in FILES.items():
        items = [_from_files(item, folder) for item in translated.get(part, [])]
        if part == "listeners":
            for listener in items:
                listener["address"]["socketAddress"]["address"] = address
        written = json.dumps(items, sort_keys=True)
        found[folder / name] = {"versionInfo": fingerprint(written), "resources": items}
    return found


STATISTICS = r"/stats?format=json&filter=listener_manager\.(lds\.version_text|total_listeners_warming)"
"""What Envoy is asked, to know which listeners it has."""


def has_taken(statistics: Manifest, version: str) -> bool:
    """Whether Envoy listens as a version of its listeners says.

    Args:
        statistics: What it answers to `STATISTICS`.
        version: The version.
    """
    said = {each["name"].rpartition(".")[2]: each["value"] for each in statistics.get("stats") or [] if "name" in each}
    return said == {"version_text": version, "total_listeners_warming": 0}


def _from_files(value: Any, folder: Path, key: str = "") -> Any:
    if isinstance(value, list):
        return [_from_files(each, folder, key) for each in value]
    if not isinstance(value, dict):
        return value
    if key in _ASKED and "ads" in value:
        path = folder / FILES[_ASKED[key]]
        return {"pathConfigSource": {"path": str(path)}, "resourceApiVersion": "V3"}
    return {name: _from_files(each, folder, name) for name, each in value.items()}


def bootstrap(folder: Path, admin: Path) -> Manifest:
    """What Envoy is started with.

    Args:
        folder: Where its files lie.
        admin: The socket where it tells of itself, which includes clients' keys: nobody else may ask.
    """
    return {
        "node": {"id": "slipway", "cluster": "slipway"},
        "admin": {"address": {"pipe": {"path": str(admin), "mode": 0o600}}},
        "dynamic_resources": {
            kind: {"path_config_source": {"path": str(folder / FILES[part])}, "resource_api_version": "V3"}
            for kind, part in (("lds_config", "listeners"), ("cds_config", "clusters"))
        },
        "layered_runtime": {
            "layers": [{"name": "static", "static_layer": {"overload.global_downstream_max_connections": 50000}}]
        },
    }
