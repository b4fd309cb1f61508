"""What wakes a sleeping model, as Prometheus itself reckons it: by its own unit tests of queries.

https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
"""

import json
from pathlib import Path

import pytest

from infra.models.scaling import scaled
from infra.settings.scaling import Scaling
from infra.traffic import GATEWAY_NAMESPACE
from slipway.engines.locate import Programs, locate
from slipway.engines.table import engine
from slipway.errors import CommandError
from slipway.running import run

UP = f'up{{namespace="{GATEWAY_NAMESPACE}",pod="gateway-1"}}'
CLUSTER = "httproute/models/digits/rule/1"
"""Of the awake model; of the sleeping one there is one for each backend (docs/decisions/0007)."""
NOBODY = f"{CLUSTER}/backend/1"
EVERY = 5
"""Seconds between two samples."""


def counter(cluster: str, kind: str = "total") -> str:
    return f'envoy_cluster_upstream_rq_{kind}{{envoy_cluster_name="{cluster}",pod="gateway-1"}}'


SEEN = {
    "nobody has ever asked": ({UP: "1x60"}, 100, [0]),
    "the first request": ({UP: "1x60", counter(NOBODY, "pending_total"): "_x20 1x20"}, 105, [1]),
    "the first one, half a minute later": ({UP: "1x60", counter(NOBODY, "pending_total"): "_x20 1x20"}, 145, [0]),
    "another, after a while": ({UP: "1x60", counter(NOBODY, "pending_total"): "1x20 2x20"}, 110, [1]),
    "one that found a connection": ({UP: "1x60", counter(CLUSTER): "5x20 6x20"}, 110, [1]),
    "a moment after it fell asleep": (
        {UP: "1x60", counter(CLUSTER): "280000x20 stale", counter(NOBODY, "pending_total"): "_x22 1x20"},
        115,
        [1],
    ),
    "asleep for a moment, and nobody asks": ({UP: "1x60", counter(CLUSTER): "280000x20 stale"}, 115, [0]),
    "asleep and awake again, so that it counts from the start": (
        {UP: "1x60", counter(CLUSTER): "280000x18 stale _x2 1x20"},
        115,
        [1],
    ),
    "the Envoys do not answer": ({UP: "1x20 0x20", counter(NOBODY): "7x20 stale"}, 110, []),
    "another model is asked": ({UP: "1x60", counter("httproute/models/risk/rule/1"): "1+1x60"}, 110, [0]),
}
"""Series as promtool writes them, when one looks, and whether somebody asks; nothing where nobody knows."""


@pytest.mark.parametrize("what", SEEN)
def test_a_model_is_asked_for_when_somebody_asks(what: str, tmp_path: Path) -> None:
    series, at, expected = SEEN[what]
    spec = scaled("digits", "models", Scaling.model_validate({"min": 0, "max": 3, "in-flight": 2})).spec
    (query,) = (each["metadata"]["query"] for each in spec["triggers"] if each.get("name") == "asked")
    test = {
        "interval": f"{EVERY}s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f"({query}) > bool 0",
                "eval_time": f"{at}s",
                "exp_samples": [{"labels": "{}", "value": value} for value in expected],
            }
        ],
    }
    (tmp_path / "query.json").write_text(json.dumps({"evaluation_interval": f"{EVERY}s", "tests": [test]}))
    try:
        run([Programs([locate(engine("promtool"))]).path("promtool"), "test", "rules", tmp_path / "query.json"])
    except CommandError as error:
        pytest.fail(error.output)
