"""What Envoy reads: listeners on the instance's part of the loopback, and files where it would ask a server."""

from pathlib import Path
from typing import Any

from slipway.embedded.processes import routes

FOLDER = Path("/etc/envoy")


def test_endpoints_are_where_pods_really_listen() -> None:
    part: dict[str, Any] = {
        "metadata": {"name": "digits-x", "namespace": "models", "resourceVersion": "7", "managedFields": []},
        "endpoints": [{"addresses": ["198.19.1.2"], "conditions": {"ready": True}}],
    }
    classes = [{"metadata": {"name": "slipway"}, "spec": {"controllerName": "x"}, "status": {"conditions": []}}]
    read = routes.resources({"endpointSlices": [part], "gatewayClasses": classes}, "127.77")
    assert read["endpointSlices"][0]["endpoints"][0]["addresses"] == ["127.77.1.2"]
    assert read["endpointSlices"][0]["metadata"] == {"name": "digits-x", "namespace": "models"}
    assert read["gatewayClass"] == {"metadata": {"name": "slipway"}, "spec": {"controllerName": "x"}}
    assert part["endpoints"][0]["addresses"] == ["198.19.1.2"]  # what was read is not changed


def test_routes_wait_for_the_listeners_that_ask_for_keys() -> None:
    def told(version: str, warming: int) -> dict[str, Any]:
        return {
            "stats": [
                {"name": "listener_manager.lds.version_text", "value": version},
                {"name": "listener_manager.total_listeners_warming", "value": warming},
            ]
        }

    assert routes.has_taken(told("2", 0), "2")
    assert not routes.has_taken(told("1", 0), "2")
    assert not routes.has_taken(told("2", 1), "2")
    assert not routes.has_taken({}, "2")


def test_nothing_is_translated_before_there_is_a_gateway() -> None:
    assert "gatewayClass" not in routes.resources({"gatewayClasses": []}, "127.77")


def test_envoy_reads_files_where_it_would_ask() -> None:
    listener: dict[str, Any] = {
        "address": {"socketAddress": {"address": "::", "portValue": 10080}},
        "filter": {"rds": {"configSource": {"ads": {}}, "routeConfigName": "r"}},
        "tls": [{"sdsConfig": {"ads": {}}}],
    }
    cluster = {"edsClusterConfig": {"edsConfig": {"ads": {}}, "serviceName": "c"}}
    written = routes.files({"listeners": [listener], "clusters": [cluster]}, FOLDER, "127.77.0.1")
    # What is pointed at is there before what points at it.
    assert [each.name for each in written] == ["eds.json", "cds.json", "sds.json", "lds.json", "rds.json"]
    (here,) = written[FOLDER / "lds.json"]["resources"]
    assert here["address"]["socketAddress"] == {"address": "127.77.0.1", "portValue": 10080}
    assert here["filter"]["rds"]["configSource"]["pathConfigSource"] == {"path": "/etc/envoy/rds.json"}
    assert here["tls"][0]["sdsConfig"]["pathConfigSource"] == {"path": "/etc/envoy/sds.json"}
    (model,) = written[FOLDER / "cds.json"]["resources"]
    assert model["edsClusterConfig"]["edsConfig"]["pathConfigSource"] == {"path": "/etc/envoy/eds.json"}
    assert model["edsClusterConfig"]["serviceName"] == "c"
