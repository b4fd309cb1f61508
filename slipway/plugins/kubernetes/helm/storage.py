"""What Helm keeps of its releases: one Secret for each revision, as its default driver writes them.

Read from the API server at once instead of by one run of helm for each fact
(https://helm.sh/docs/topics/advanced/#storage-backends). Nothing is written here: that is helm's.
"""

import base64
import gzip
import json
from dataclasses import dataclass
from typing import Any

from slipway.plugins.kubernetes.cluster import KubernetesCluster, Object
from slipway.plugins.kubernetes.kinds import SECRET

OWNER = "slipway-manager"
"""A label by which the resource that made a release is known again."""


@dataclass(frozen=True)
class Revision:
    """One revision of a release.

    Attributes:
        number: Counted from 1.
        status: `deployed`, `failed`, `pending-install`, `pending-upgrade`, `pending-rollback`, `uninstalling`,
            `superseded` …
        description: What helm says of it.
        owner: The resource that wrote it; empty where none did.
        chart: The chart's name.
        version: The chart's version.
        app_version: The version of what the chart installs.
        values: What was given as values.
        manifest: What was rendered, without hooks.
        hooks: What was rendered to be run before or after.
    """

    number: int
    status: str
    description: str
    owner: str
    chart: str
    version: str
    app_version: str
    values: dict[str, Any]
    manifest: str
    hooks: str

    @property
    def is_unfinished(self) -> bool:
        """Whether helm was at work on it when it was written last, and refuses to begin anew."""
        return self.status.startswith("pending-") or self.status == "uninstalling"


def revisions(cluster: KubernetesCluster, name: str, namespace: str) -> list[Revision]:
    """What is kept of a release, oldest first; nothing, where there is none."""
    held = cluster.list(SECRET, namespace, {"owner": "helm", "name": name})
    return sorted((_revision(each) for each in held), key=lambda revision: revision.number)


def newest(cluster: KubernetesCluster, name: str, namespace: str) -> Revision | None:
    """The last revision of a release, if there is one."""
    return next(reversed(revisions(cluster, name, namespace)), None)


def _revision(secret: Object) -> Revision:
    packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
    release = json.loads(gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed)
    chart = release["chart"]["metadata"]
    return Revision(
        number=release["version"],
        status=release["info"]["status"],
        description=release["info"].get("description", ""),
        owner=(secret["metadata"].get("labels") or {}).get(OWNER, ""),
        chart=chart["name"],
        version=chart["version"],
        app_version=chart.get("appVersion", ""),
        values=release.get("config") or {},
        manifest=release.get("manifest", ""),
        hooks="\n---\n".join(hook["manifest"] for hook in release.get("hooks") or []),
    )
