"""The one table of kinds the offline plugin knows. A kind the program starts to use is a line here.

What is waited for and what forces a replacement follow the official plugin
(`provider/pkg/await/awaiters.go` and `provider/pkg/provider/diff.go` of pulumi/pulumi-kubernetes).
"""

from dataclasses import dataclass
from enum import Enum, auto


class Wait(Enum):
    """What a resource must reach before it counts as made."""

    NOTHING = auto()
    DEPLOYMENT = auto()
    """Every replica is updated and available."""
    SERVICE = auto()
    """It has a ready endpoint, where it selects pods at all."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of Kubernetes object.

    Attributes:
        group: API group; empty for the core group.
        version: API version.
        kind: Its name.
        plural: Its name in URLs.
        namespaced: Whether its objects live in namespaces.
        wait: What it must reach.
        replace_on: Properties whose change means a new object; a change below one counts.
        secret: Properties that are always secret.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    wait: Wait = Wait.NOTHING
    replace_on: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """As written in a manifest."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def token(self) -> str:
        """Pulumi's name of it."""
        return f"kubernetes:{self.group or 'core'}/{self.version}:{self.kind}"


KINDS: dict[str, Kind] = {
    kind.token: kind
    for kind in (
        Kind(group="", version="v1", kind="Namespace", plural="namespaces", namespaced=False),
        # The official plugin treats them as immutable, so that pods that read them are rolled.
        Kind(
            group="",
            version="v1",
            kind="ConfigMap",
            plural="configmaps",
            replace_on=("data", "binaryData"),
        ),
        Kind(
            group="",
            version="v1",
            kind="Secret",
            plural="secrets",
            replace_on=("data", "stringData", "type"),
            secret=("data", "stringData"),
        ),
        Kind(
            group="",
            version="v1",
            kind="Service",
            plural="services",
            wait=Wait.SERVICE,
            replace_on=("spec.clusterIP",),
        ),
        Kind(group="", version="v1", kind="ServiceAccount", plural="serviceaccounts"),
        Kind(
            group="apps",
            version="v1",
            kind="Deployment",
            plural="deployments",
            wait=Wait.DEPLOYMENT,
            replace_on=("spec.selector",),
        ),
    )
}
"""By token."""


class UnknownKindError(Exception):
    """The program uses a kind that the table above does not have."""

    def __init__(self, token: str) -> None:
        """Say what is missing and where it goes."""
        known = ", ".join(sorted(KINDS))
        super().__init__(
            f"the offline kubernetes plugin does not know {token}; "
            f"add it to KINDS in slipway/plugins/kubernetes/kinds.py (it knows {known})"
        )


def kind_of(token: str) -> Kind:
    """The entry of a token.

    Raises:
        UnknownKindError: There is none.
    """
    try:
        return KINDS[token]
    except KeyError:
        raise UnknownKindError(token) from None
