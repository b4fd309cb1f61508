"""What a kind of Kubernetes object is, as far as the offline plugin needs to know."""

from dataclasses import dataclass
from enum import Enum, auto


class Wait(Enum):
    """What a resource must reach before it counts as made."""

    NOTHING = auto()
    DAEMON_SET = auto()
    """Every node that should has an updated, available pod."""
    DEFINITION = auto()
    """It is established, and discovery serves what it defines."""
    DEPLOYMENT = auto()
    """Every replica is updated and available."""
    INGRESS = auto()
    """Its load balancer has an address."""
    JOB = auto()
    """It is complete. One that failed is not waited for any longer."""
    QUOTA = auto()
    """Its controller has taken it over."""
    SECRET = auto()
    """It has data, where that is the server's to make: the token of a service account."""
    SERVICE = auto()
    """No pod it selects is unready, and its load balancer, where it has one, has an address."""
    STATEFUL_SET = auto()
    """Every replica is of the newest revision and ready."""
    VOLUME_CLAIM = auto()
    """It is bound, or its storage class waits for a pod."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of Kubernetes object.

    Attributes:
        group: API group; empty for the core group.
        version: API version.
        kind: Its name.
        plural: Its name in URLs; empty while no server is known to serve it.
        namespaced: Whether its objects live in namespaces.
        wait: What it must reach.
        replace_on: Properties whose change means a new object; a change below one counts.
        secret: Properties that are always secret.
        leaves_unawaited: Whether with `pulumi.com/skipAwait` its deletion is not waited for either.
        is_put: Whether it is changed by writing it as a whole, not by server-side apply.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    wait: Wait = Wait.NOTHING
    replace_on: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    leaves_unawaited: bool = False
    is_put: bool = False

    @property
    def api_version(self) -> str:
        """As written in a manifest."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def token(self) -> str:
        """Pulumi's name of it."""
        return f"kubernetes:{self.group or 'core'}/{self.version}:{self.kind}"

    @property
    def is_served(self) -> bool:
        """Whether a server is known to serve it."""
        return bool(self.plural)
