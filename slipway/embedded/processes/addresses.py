"""Where pods are: Kubernetes takes no endpoint of the loopback, so that a pod says another address for it. Pure.

A pod that says 198.19.1.2 listens at 127.77.1.2, where 127.77 is its instance's part of the loopback.
"""

from collections.abc import Iterable, Iterator
from itertools import count

_SAID = "198.19"
"""Of a range that belongs to nobody (RFC 2544); pods that are simulated take the other half of it."""
_FIRST = 256
"""The last two numbers as one: 0.1 is the instance's own."""


def said(number: int) -> str:
    """What the pod of a number says."""
    return f"{_SAID}.{number // 256}.{number % 256}"


def is_said(address: str) -> bool:
    """Whether an address stands for one of the loopback."""
    return address.startswith(f"{_SAID}.")


def real(address: str, network: str) -> str:
    """Where a pod listens that says an address.

    Args:
        address: What it says.
        network: The instance's part of the loopback, such as `127.77`.
    """
    return address.replace(_SAID, network, 1) if is_said(address) else address


def free(taken: Iterable[str]) -> Iterator[str]:
    """Addresses that no pod says."""
    others = set(taken)
    return (address for number in count(_FIRST) if (address := said(number)) not in others and number % 256)
