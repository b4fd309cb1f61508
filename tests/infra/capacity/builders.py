"""Pools and stacks for tests."""

from typing import Any

from infra.capacity.planning import CapacityPlan, PoolPlan, plan
from infra.catalog import Catalog
from infra.settings import Settings
from infra.settings.capacity import Pool

REGION = "us-east-1"
CATALOG = Catalog.load()
CPU: dict[str, Any] = {
    "for": "serving",
    "instances": {"families": ["m7i", "m7a", "c7i"], "sizes": ["xlarge", "2xlarge"]},
    "mix": {"on-demand": "60%", "spot": "40%"},
    "limits": {"cpu": 400},
}
GPU: dict[str, Any] = {
    "for": "serving",
    "instances": {"gpu": {"models": ["l4", "l40s"], "count": 1}},
    "mix": {"reserved": "cr-0abc", "then": "on-demand"},
    "limits": {"gpus": 8},
}
TRAINING: dict[str, Any] = {
    "for": "training",
    "instances": {"gpu": {"models": ["l4"], "count": 4}},
    "mix": {"spot": "100%"},
    "limits": {"gpus": 16},
}
EKS: dict[str, Any] = {
    "name": "slipway",
    "version": "1.34",
    "admins": ["arn:aws:iam::111122223333:role/platform"],
}
IMAGE = f"digits@sha256:{'0' * 64}"


def model(pool: str = "cpu", **changed: Any) -> dict[str, Any]:
    return {"image": IMAGE, "resources": {"cpu": "1", "memory": "1Gi"}, "pool": pool, **changed}


def stack(
    capacity: dict[str, Any], models: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None
) -> Settings:
    return Settings.model_validate(
        {
            "slipway:cluster": cluster or EKS,
            "slipway:capacity": capacity,
            "slipway:models": models or {},
            "aws:region": REGION,
        }
    )


def planned(**pools: dict[str, Any]) -> CapacityPlan:
    return plan({name: Pool.model_validate(pool) for name, pool in pools.items()}, CATALOG, region=REGION)


def pool_plan(pool: dict[str, Any]) -> PoolPlan:
    return planned(cpu=pool).pools["cpu"]
