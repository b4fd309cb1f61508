"""What an instance remembers of the cluster of others that it is in: enough to remove from it what it made there."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from slipway.borrowed.way import Way, find
from slipway.embedded.instance import Instance
from slipway.errors import InstanceError
from slipway.files import write


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is kept.

    Attributes:
        context: The context by which the cluster was named.
        kubeconfig: The file that had it.
        cluster: What the cluster is known by, whatever its context is called.
        called: What the stack file has called it, the latest last: the engine's state may still name earlier ones.
        account: The AWS account of the endpoint.
        namespaces: Those that the stack file has named for its models, the latest last.
    """

    context: str
    kubeconfig: str
    cluster: str
    called: tuple[str, ...]
    account: str
    namespaces: tuple[str, ...]

    @classmethod
    def of(cls, instance: Instance) -> Self | None:
        """What an instance remembers; none where it is in no cluster of others."""
        file = _file(instance)
        if not file.exists():
            return None
        told = json.loads(file.read_text())
        return cls(**{**told, "called": tuple(told["called"]), "namespaces": tuple(told["namespaces"])})

    def keep(self, instance: Instance) -> Self:
        """Remember this, and the names of before; what is remembered then.

        Raises:
            InstanceError: The instance is in another cluster.
        """
        before = self.of(instance)
        kept = self
        if before is not None:
            before.hold_to(self.context, self.cluster, instance)
            kept = replace(
                self,
                called=_latest(before.called, self.called),
                namespaces=_latest(before.namespaces, self.namespaces),
            )
        write(_file(instance), json.dumps(asdict(kept)))
        return kept

    def hold_to(self, context: str, cluster: str, instance: Instance) -> None:
        """See that a cluster is the one that is remembered.

        Args:
            context: By which it was named now.
            cluster: What it is known by.
            instance: Whose record this is.

        Raises:
            InstanceError: It is another one.
        """
        if cluster == self.cluster:
            return
        msg = (
            f"the context {context} means another cluster than the one that {instance.name} was deployed to "
            f"({self.context} of {self.kubeconfig})"
        )
        remedy = (
            f"take another name for another cluster (`--as NAME`); where the one of before is gone for good, "
            f"`slipway down {instance.arguments} --abandon` forgets it"
        )
        raise InstanceError(msg, remedy=remedy)


def find_again(record: Record, instance: Instance) -> Iterator[Way]:
    """Ways that may lead back: as it was named, as this shell names it, and as the instance itself has kept it."""
    shells: tuple[tuple[str, Mapping[str, str]], ...] = (
        (record.context, {"KUBECONFIG": record.kubeconfig}),
        (record.context, os.environ),
        (record.called[-1], {"KUBECONFIG": str(instance.kubeconfig)}),
    )
    for context, environ in shells:
        with suppress(InstanceError):
            yield find(context, environ=environ)


def leading_back(record: Record, instance: Instance) -> Way:
    """A way to the very cluster that is remembered.

    Raises:
        InstanceError: None leads there; with what was found instead.
    """
    refusals: dict[str, None] = {}
    for way in find_again(record, instance):
        try:
            record.hold_to(way.context, way.cluster(), instance)
        except InstanceError as error:
            refusals[error.what] = None
        else:
            return way
    what = "\n".join(refusals) or f"no kubeconfig has the context {record.context} any more"
    remedy = f"see that its cluster runs, and that {record.context} means it in a file that KUBECONFIG names;"
    raise InstanceError(what, remedy=remedy)


def forget(instance: Instance) -> None:
    """Nothing of the instance is in the cluster any more."""
    _file(instance).unlink(missing_ok=True)


def _latest(before: tuple[str, ...], now: tuple[str, ...]) -> tuple[str, ...]:
    return (*(each for each in before if each not in now), *now)


def _file(instance: Instance) -> Path:
    return instance.folder / "way.json"
