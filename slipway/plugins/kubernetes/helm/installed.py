"""Releases that helm installs."""

from collections.abc import Iterator
from pathlib import Path

from slipway.plugins.kubernetes import judging
from slipway.plugins.kubernetes.cluster import ClusterError, KubernetesCluster
from slipway.plugins.kubernetes.helm import overlay, storage
from slipway.plugins.kubernetes.helm.command import Helm, HelmError
from slipway.plugins.kubernetes.helm.inputs import Inputs
from slipway.plugins.kubernetes.helm.live import DEPLOYED, FailedError, Live, Order
from slipway.plugins.kubernetes.helm.manifest import objects_in, resource_names
from slipway.plugins.kubernetes.helm.origin import Origin
from slipway.plugins.kubernetes.helm.storage import Revision
from slipway.plugins.kubernetes.kind import Wait
from slipway.plugins.kubernetes.kinds import KINDS
from slipway.plugins.properties import reveal

_SWITCHES = {
    "atomic": "--atomic",
    "cleanupOnFail": "--cleanup-on-fail",
    "createNamespace": "--create-namespace",
    "disableOpenapiValidation": "--disable-openapi-validation",
    "forceUpdate": "--force",
    "renderSubchartNotes": "--render-subchart-notes",
    "resetValues": "--reset-values",
    "reuseValues": "--reuse-values",
    "skipCrds": "--skip-crds",
}
_WORKLOADS = {
    (kind.api_version, kind.kind): kind
    for kind in KINDS.values()
    if kind.wait in {Wait.DAEMON_SET, Wait.DEPLOYMENT, Wait.JOB, Wait.STATEFUL_SET}
}
"""What runs pods, and can say why they do not run."""


def render(helm: Helm, inputs: Inputs, origin: Origin) -> None:
    """See that the values fit the chart's schema and its templates can be rendered; no server is asked.

    Raises:
        HelmError: They do not, or cannot; in helm's words.
    """
    if origin.archive is not None:
        values = helm.values(overlay.effective(inputs))
        name, namespace = str(reveal(inputs["name"])), str(reveal(inputs["namespace"]))
        try:
            helm.run("template", name, origin.archive.path, "--namespace", namespace, "--values", values)
        finally:
            values.unlink(missing_ok=True)


class Installed:
    """Releases as helm makes and keeps them.

    Args:
        cluster: Where.
        helm: What does it.
        kubeconfig: The way into the cluster.
    """

    def __init__(self, cluster: KubernetesCluster, helm: Helm, kubeconfig: Path) -> None:
        self._cluster, self._helm, self._kubeconfig = cluster, helm, kubeconfig

    def find(self, name: str, namespace: str) -> Live | None:
        """What there is of a release; what only its history tells of is gone."""
        revision = storage.newest(self._cluster, name, namespace)
        return _live(revision, name, namespace) if revision and revision.status != "uninstalled" else None

    def write(self, order: Order) -> Live:
        """`helm upgrade --install`, once what a killed helm has left is put in order.

        Raises:
            FailedError: The release is there, and not as it should be.
            HelmError: Nothing was written; in helm's words.
        """
        name, namespace = str(reveal(order.inputs["name"])), str(reveal(order.inputs["namespace"]))
        self._put_in_order(name, namespace, order)
        before = storage.newest(self._cluster, name, namespace)
        seen: list[str] = []

        def meanwhile() -> None:
            faults = self.faults(name, namespace)
            if faults and faults != seen:
                seen[:] = faults
                order.tell(faults[0])

        values = self._helm.values(overlay.effective(order.inputs))
        try:
            self._run("upgrade", "--install", *self._arguments(order, values), meanwhile=meanwhile)
        except HelmError as error:
            after = storage.newest(self._cluster, name, namespace)
            reasons = [str(error), *(self.faults(name, namespace) or seen)]
            if after is None or (before is not None and after.number == before.number):
                raise HelmError("; ".join(reasons)) from error
            raise FailedError(_live(after, name, namespace), reasons) from error
        finally:
            values.unlink(missing_ok=True)
        made = storage.newest(self._cluster, name, namespace)
        if made is None:
            raise HelmError(f"helm says that it installed {namespace}/{name}, and nothing is there")
        return _live(made, name, namespace)

    def remove(self, name: str, namespace: str, inputs: Inputs, seconds: int) -> None:
        """`helm uninstall`, which waits unless the program asks for it not to.

        Raises:
            HelmError: It failed, or not all was gone in time; in helm's words.
        """
        if self.find(name, namespace) is not None:
            awaited = reveal(inputs.get("atomic")) or not reveal(inputs.get("skipAwait"))
            wait = ("--wait", "--timeout", f"{seconds}s") if awaited else ()
            self._run("uninstall", name, "--namespace", namespace, "--ignore-not-found", *wait)

    def faults(self, name: str, namespace: str) -> list[str]:
        """What its workloads, and those of its hooks, wait for."""
        try:
            revision = storage.newest(self._cluster, name, namespace)
            return sorted(set(self._faults(revision, namespace))) if revision else []
        except ClusterError:
            return []

    def _faults(self, revision: Revision, namespace: str) -> Iterator[str]:
        for each in objects_in(f"{revision.manifest}\n---\n{revision.hooks}"):
            kind, metadata = _WORKLOADS.get((each["apiVersion"], each["kind"])), each.get("metadata") or {}
            if kind is None:
                continue
            live = self._cluster.find(kind, str(metadata.get("name")), metadata.get("namespace") or namespace)
            verdict = judging.judge(self._cluster, kind, live) if live else None
            if live and verdict and not verdict.ready:
                what = f"{kind.kind} {metadata['name']}"
                yield f"{what} waits for {verdict.waiting_for}"
                yield from (f"{what}: {told}" for told in verdict.told)
                yield from judging.pod_faults(self._cluster, kind, live)

    def _put_in_order(self, name: str, namespace: str, order: Order) -> None:
        """What a killed helm left half done is taken back; what others are at, helm itself refuses to touch."""
        revisions = storage.revisions(self._cluster, name, namespace)
        if not revisions or not revisions[-1].is_unfinished or revisions[-1].owner != order.owner:
            return
        good = [revision.number for revision in revisions if revision.status == DEPLOYED]
        order.tell(f"an interrupted helm left it {revisions[-1].status}: that is put in order first")
        if good and revisions[-1].status != "uninstalling":
            self._run("rollback", name, str(good[-1]), "--namespace", namespace)
        else:
            self._run("uninstall", name, "--namespace", namespace, "--wait", "--timeout", f"{order.seconds}s")

    def _arguments(self, order: Order, values: Path) -> Iterator[str | Path]:
        inputs, archive = {key: reveal(value) for key, value in order.inputs.items()}, order.origin.archive
        if archive is None:
            raise HelmError(f"the chart {order.origin.known.reference} is not one that is installed here")
        yield from (str(inputs["name"]), archive.path, "--namespace", str(inputs["namespace"]), "--values", values)
        yield from ("--timeout", f"{order.seconds}s", "--labels", f"{storage.OWNER}={order.owner}")
        yield from (switch for name, switch in _SWITCHES.items() if inputs.get(name))
        if not inputs.get("skipAwait"):
            yield "--wait"
            if inputs.get("waitForJobs"):
                yield "--wait-for-jobs"
        if inputs.get("disableWebhooks") or inputs.get("disableCRDHooks"):
            yield "--no-hooks"
        if inputs.get("description"):
            yield from ("--description", str(inputs["description"]))
        # The official plugin keeps every revision unless told otherwise.
        yield from ("--history-max", str(inputs.get("maxHistory") or 0))

    def _run(self, *arguments: str | Path, **options: object) -> str:
        return self._helm.run(*arguments, "--kubeconfig", self._kubeconfig, **options)  # type: ignore[arg-type]


def _live(revision: Revision, name: str, namespace: str) -> Live:
    return Live(
        name=name,
        namespace=namespace,
        revision=revision.number,
        status=revision.status,
        is_ready=revision.status == DEPLOYED,
        description=revision.description,
        owner=revision.owner,
        chart=revision.chart,
        version=revision.version,
        app_version=revision.app_version,
        values=revision.values,
        resource_names=resource_names(revision.manifest),
    )
