"""Releases as resources: what the engine asks of each."""

import threading
from pathlib import Path
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from slipway.embedded.charts import Treatment
from slipway.errors import SlipwayError
from slipway.plugins import diff
from slipway.plugins.kubernetes import access, ownership
from slipway.plugins.kubernetes.applying import AlreadyExistsError
from slipway.plugins.kubernetes.cluster import Object
from slipway.plugins.kubernetes.helm import inputs as releases
from slipway.plugins.kubernetes.helm import installed, origin, overlay
from slipway.plugins.kubernetes.helm.command import Helm, HelmError
from slipway.plugins.kubernetes.helm.installed import Installed
from slipway.plugins.kubernetes.helm.live import FailedError, Form, Live, Order
from slipway.plugins.kubernetes.helm.origin import Origin
from slipway.plugins.kubernetes.helm.recorded import Recorded
from slipway.plugins.kubernetes.session import Session
from slipway.plugins.offline import (
    MARK,
    InitFailedError,
    autoname,
    describe_changes,
    name_of,
    no_changes,
    own,
    this_instance,
)
from slipway.plugins.properties import UNKNOWN, conceal, decode, encode, has_unknowns, reveal, secret_paths

RELEASE = "kubernetes:helm.sh/v3:Release"
_TREATMENT = "__treatment"
"""Where the state keeps in which way a release was made."""


class Releases:
    """Helm releases of one provider.

    Args:
        session: The provider.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._recorded: set[str] = set()
        self._lock = threading.Lock()
        self._helm: Helm | None = None
        self._kubeconfig: Path | None = None

    def close(self) -> None:
        """Remove what helm was given, and what it kept."""
        if self._helm is not None:
            self._helm.close()

    def check(self, request: Any) -> Any:
        """Complete the inputs; refuse what would be passed over, and values that the chart does not take."""
        old, new = decode(request.olds), decode(request.news)
        if old:
            self._recorded.add(request.urn)
        name = autoname(name_of(request.urn), bytes(request.randomSeed), 8)
        inputs = releases.completed(new, old, name=name, namespace=self._session.namespace or "default")
        found = releases.faults(new)
        if not found and not any(has_unknowns(inputs.get(key)) for key in ("chart", "version", "repositoryOpts")):
            try:
                chart = origin.of(inputs)
                inputs = {**inputs, **({"version": chart.version} if chart.version else {})}
                found = self._refusals(inputs, chart)
            except SlipwayError as error:
                found = [("chart", str(error))]
        failures = [provider_pb2.CheckFailure(property=where, reason=reason) for where, reason in found]
        return provider_pb2.CheckResponse(inputs=encode(inputs), failures=failures)

    def diff(self, request: Any) -> Any:
        """Say what changes; another name or namespace is another release."""
        own(decode(request.olds))
        ignored = [diff.parse(path) for path in request.ignoreChanges]
        changes = [
            change
            for change in diff.compare(decode(request.old_inputs), decode(request.news))
            if not any(diff.covers(path, change.path) for path in ignored)
        ]
        if not changes:
            return no_changes()
        return describe_changes(changes, forcing=releases.FORCING, delete_first=False)

    def create(self, request: Any) -> Any:
        """Install a release and wait until it is ready; in a preview, only what is not known before is left open."""
        inputs = decode(request.properties)
        if request.preview:
            self._explain(request.urn, inputs)
            return provider_pb2.CreateResponse(id="", properties=encode(_planned(inputs)))
        order = self._order(request, inputs, {})
        form = self._form(order.origin.known.treatment)
        name, namespace = _place(inputs)
        found = form.find(name, namespace)
        if found is not None and (found.owner != order.owner or request.urn in self._recorded):
            raise AlreadyExistsError(
                f"cannot re-use a name that is still in use: the release {namespace}/{name} is there. If others made "
                "it, take it over with the resource option `import_`; else give this one another name"
            )
        properties = self._written(form, order)
        return provider_pb2.CreateResponse(id=f"{namespace}/{name}", properties=encode(properties))

    def update(self, request: Any) -> Any:
        """Upgrade a release and wait until it is ready again."""
        inputs, state = decode(request.news), own(decode(request.olds))
        if request.preview:
            self._explain(request.urn, inputs)
            return provider_pb2.UpdateResponse(properties=encode(_planned(inputs)))
        order = self._order(request, inputs, state)
        treatment = order.origin.known.treatment
        if _treatment_in(state) is not treatment:
            self._form(_treatment_in(state)).remove(*_place(state), state, order.seconds)
        return provider_pb2.UpdateResponse(properties=encode(self._written(self._form(treatment), order)))

    def read(self, request: Any) -> Any:
        """See what a release is now, or take over one that exists.

        One that was made here and is not as it should be is recorded as such; the next update then sees to it.
        """
        inputs, state = decode(request.inputs), own(decode(request.properties))
        namespace, _, name = request.id.rpartition("/")
        form = self._form(_treatment_in(state))
        live = form.find(name, namespace or "default")
        if live is None:
            return provider_pb2.ReadResponse()
        seen = _seen(inputs, live) if inputs else _taken_over(live)
        manager = self._session.manager_of(request.urn, state)
        properties = _recorded(seen, live, manager, _treatment_in(state))
        if inputs and not live.is_ready:
            reasons = [f"it is {live.status}: {live.description}", *form.faults(live.name, live.namespace)]
            raise InitFailedError(request.id, properties, seen, reasons)
        return provider_pb2.ReadResponse(id=request.id, properties=encode(properties), inputs=encode(seen))

    def delete(self, request: Any) -> Any:
        """Uninstall a release and wait until all of it is gone; one that is gone already is fine."""
        state = own(decode(request.properties))
        namespace, _, name = request.id.rpartition("/")
        seconds = releases.seconds(state, request.timeout)
        self._form(_treatment_in(state)).remove(name, namespace or "default", state, seconds)
        return empty_pb2.Empty()

    # -- tools ---------------------------------------------------------------------------------------------------

    def _refusals(self, inputs: Object, chart: Origin) -> list[tuple[str, str]]:
        """What the chart has against the values, as property and reason; what is not known yet it cannot refuse."""
        if has_unknowns(inputs):
            return []
        found = [("values", fault) for fault in chart.known.faults(releases.values(inputs))]
        try:
            installed.render(self._tool(), inputs, chart)
        except HelmError as error:
            found.append(("values", releases.redacted(str(error), inputs)))
        return found

    def _order(self, request: Any, inputs: Object, state: Object) -> Order:
        self._explain(request.urn, inputs)
        return Order(
            inputs=inputs,
            origin=origin.of(inputs),
            owner=self._session.manager_of(request.urn, state),
            seconds=releases.seconds(inputs, request.timeout),
            tell=lambda text: self._session.tell(request.urn, text),
        )

    def _explain(self, urn: str, inputs: Object) -> None:
        """Say of a chart that helm does not install here what becomes of it."""
        if has_unknowns(inputs.get("chart")):
            return
        known = origin.of(inputs).known
        if known.treatment is Treatment.RECORDED:
            self._session.warn(urn, f"the chart {known.reference} is not run here, only recorded: {known.reason}")
        elif known.treatment is Treatment.SUPERVISED:
            self._session.tell(urn, f"the work of the chart {known.reference} is done elsewhere: {known.reason}")

    def _written(self, form: Form, order: Order) -> Object:
        manager, treatment = order.owner, order.origin.known.treatment
        try:
            return _recorded(order.inputs, form.write(order), manager, treatment)
        except FailedError as error:
            properties = _recorded(order.inputs, error.live, manager, treatment)
            reasons = [releases.redacted(reason, order.inputs) for reason in error.reasons]
            identity = f"{error.live.namespace}/{error.live.name}"
            raise InitFailedError(identity, properties, order.inputs, reasons) from error
        except HelmError as error:
            raise HelmError(releases.redacted(str(error), order.inputs)) from None

    def _form(self, treatment: Treatment) -> Form:
        cluster = self._session.connected()
        if treatment is not Treatment.REAL:
            return Recorded(cluster, self._session.cancelled)
        helm = self._tool()
        with self._lock:
            if self._kubeconfig is None:
                self._kubeconfig = helm.file("kubeconfig", access.as_text(cluster.config))
            return Installed(cluster, helm, self._kubeconfig)

    def _tool(self) -> Helm:
        with self._lock:
            if self._helm is None:
                self._helm = Helm(this_instance().folder / "helm", self._session.cancelled)
            return self._helm


def _place(item: Object) -> tuple[str, str]:
    return str(reveal(item["name"])), str(reveal(item["namespace"]))


def _treatment_in(state: Object) -> Treatment:
    return Treatment(state.get(_TREATMENT, Treatment.REAL.value))


def _planned(inputs: Object) -> Object:
    return {**inputs, "status": UNKNOWN, "resourceNames": UNKNOWN}


def _recorded(inputs: Object, live: Live, manager: str, treatment: Treatment) -> Object:
    """What is recorded: what was asked for, what came of it, and what later operations need to know."""
    return {
        **inputs,
        "status": live.told(),
        "resourceNames": live.resource_names,
        ownership.RECORDED: manager,
        _TREATMENT: treatment.value,
        MARK: True,
    }


def _seen(inputs: Object, live: Live) -> Object:
    """What the inputs of a release would have to be for it to be as it is."""
    seen = dict(inputs)
    if live.chart != str(reveal(inputs["chart"])).rpartition("/")[2]:
        seen["chart"] = live.chart
    if inputs.get("version") and live.version != reveal(inputs["version"]):
        seen["version"] = live.version
    if live.values != overlay.effective(inputs) and not reveal(inputs.get("reuseValues")):
        seen["values"] = conceal({"values": live.values}, secret_paths({"values": inputs.get("values")}))["values"]
    return seen


def _taken_over(live: Live) -> Object:
    """What a program would have to say for a release to be as it is."""
    return {
        "chart": live.chart,
        "name": live.name,
        "namespace": live.namespace,
        "timeout": releases.DEFAULT_SECONDS,
        "version": live.version,
        **({"values": live.values} if live.values else {}),
    }
