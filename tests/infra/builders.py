"""Settings for tests of planning: a whole environment, and ways to have another one."""

from typing import Any

from infra.place import Place, place_of
from infra.settings import Settings

WHOLE: dict[str, Any] = {
    "aws:region": "us-east-1",
    "aws:allowedAccountIds": ["111122223333"],
    "slipway:tags": {"owner": "platform", "cost-center": "ml"},
    "slipway:network": {"cidr": "10.40.0.0/16", "zones": ["us-east-1a", "us-east-1c"]},
    "slipway:cluster": {
        "name": "k",
        "version": "1.34",
        "admins": ["arn:aws:iam::111122223333:role/platform"],
    },
    "slipway:stores": {},
    "slipway:models": {"digits": {"image": f"digits@sha256:{'0' * 64}", "resources": {"cpu": 1, "memory": "1Gi"}}},
}


def settings(**sections: Any) -> Settings:
    """A whole environment with other sections; None leaves one out."""
    config = {**WHOLE, **{f"slipway:{name}": value for name, value in sections.items()}}
    return Settings.model_validate({key: value for key, value in config.items() if value is not None})


def place(stack: str = "prod") -> Place:
    """Where a whole environment is."""
    found = place_of(settings(), stack)
    assert found is not None
    return found
