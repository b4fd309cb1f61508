"""Releases of charts that helm does not install on this machine: kept in the cluster, for their work to be seen to.

Each is one Secret in the release's namespace, labelled with what becomes of it (`slipway.embedded.charts`).
"""

import base64
import json
import threading
from typing import Any

from slipway.embedded.charts import Treatment
from slipway.plugins.kubernetes import waiting
from slipway.plugins.kubernetes.applying import Applying
from slipway.plugins.kubernetes.cluster import KubernetesCluster, NotFoundError, Object
from slipway.plugins.kubernetes.helm import inputs as releases
from slipway.plugins.kubernetes.helm.inputs import Inputs
from slipway.plugins.kubernetes.helm.live import Live, Order
from slipway.plugins.kubernetes.kinds import NAMESPACE, SECRET
from slipway.plugins.properties import reveal

RELEASE = "slipway.dev/release"
"""A label whose value is the release's name."""
TREATMENT = "slipway.dev/treatment"
"""A label that says what becomes of it: `supervised`, or `not-run-here`."""
_PREFIX = "slipway.release."


class Recorded:
    """Releases as records.

    Args:
        cluster: Where.
        cancelled: Set when the engine gives up.
    """

    def __init__(self, cluster: KubernetesCluster, cancelled: threading.Event) -> None:
        self._cluster, self._cancelled = cluster, cancelled

    def find(self, name: str, namespace: str) -> Live | None:
        """What is recorded of a release."""
        secret = self._cluster.find(SECRET, f"{_PREFIX}{name}", namespace)
        return _read(secret) if secret else None

    def write(self, order: Order) -> Live:
        """Record a release, or what has changed of it."""
        inputs = reveal(order.inputs)
        name, namespace = str(inputs["name"]), str(inputs["namespace"])
        if inputs.get("createNamespace") and self._cluster.find(NAMESPACE, namespace, None) is None:
            room: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            self._cluster.apply(NAMESPACE, room, manager="helm")
        before = self.find(name, namespace)
        known = order.origin.known
        record = {
            "name": name,
            "namespace": namespace,
            "revision": before.revision + 1 if before else 1,
            "status": known.treatment.value,
            "owner": order.owner,
            "chart": known.name,
            "reference": known.reference,
            "version": order.origin.version,
            "values": releases.values(order.inputs),
        }
        wanted = _secret(record, known.treatment)
        applying = Applying(self._cluster, SECRET, order.owner)
        made = (
            applying.update(wanted) if before else applying.create(wanted, adopts_own=True, cancelled=self._cancelled)
        )
        return _read(made)

    def remove(self, name: str, namespace: str, inputs: Inputs, seconds: int) -> None:
        """Forget a release."""
        del inputs
        place = (f"{_PREFIX}{name}", namespace)
        try:
            self._cluster.delete(SECRET, *place)
        except NotFoundError:
            return
        waiting.wait_until_gone(self._cluster, SECRET, *place, seconds=seconds, cancelled=self._cancelled)

    def faults(self, name: str, namespace: str) -> list[str]:
        """None: nothing of it is the cluster's to run."""
        del name, namespace
        return []


def _secret(record: dict[str, Any], treatment: Treatment) -> Object:
    labels = {RELEASE: record["name"], TREATMENT: treatment.value.replace(" ", "-")}
    metadata = {"name": f"{_PREFIX}{record['name']}", "namespace": record["namespace"], "labels": labels}
    data = {"release": base64.b64encode(json.dumps(record).encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "slipway.dev/release", "data": data}


def _read(secret: Object) -> Live:
    record = json.loads(base64.b64decode(secret["data"]["release"]))
    fields = ("name", "namespace", "revision", "status", "owner", "chart", "version", "values")
    return Live(**{field: record[field] for field in fields})
