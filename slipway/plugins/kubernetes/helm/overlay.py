"""Values that this machine lays over those of a release: what the table of charts says is so here and nowhere else."""

import json
import os
from collections.abc import Mapping
from typing import Any

from slipway.embedded.charts import additions
from slipway.embedded.instance import Instance
from slipway.plugins.kubernetes.helm import inputs as releases
from slipway.plugins.kubernetes.helm import origin
from slipway.plugins.kubernetes.helm.inputs import Inputs


def effective(inputs: Inputs) -> dict[str, Any]:
    """The values that helm is given: the program's, with this machine's over them.

    Raises:
        InstanceError: The chart is not in the table, or not at this version.
    """
    return laid_over(releases.values(inputs), additions(origin.of(inputs).known, _region()))


def laid_over(values: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """Values with others over them: maps are merged, lists are added at the end, anything else takes the place."""
    result = dict(values)
    for key, value in added.items():
        before = result.get(key)
        if isinstance(value, Mapping):
            result[key] = laid_over(before if isinstance(before, Mapping) else {}, value)
        elif isinstance(value, list):
            result[key] = [*(before if isinstance(before, list) else []), *value]
        else:
            result[key] = value
    return result


def _region() -> str:
    """The AWS region of the instance's bought nodes; empty where it buys none."""
    file = Instance(os.environ["SLIPWAY_INSTANCE"]).etc / "fleet.json"
    return str(json.loads(file.read_text())["region"]) if file.exists() else ""
