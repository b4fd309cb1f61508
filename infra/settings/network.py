"""The network of an environment: its addresses, its zones, and how what is private reaches out.

https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
"""

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from infra.settings.retention import LogDays
from infra.settings.section import Section
from infra.settings.texts import matching, written
from infra.settings.wording import listed, shown

_BLOCK = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}/[0-9]{1,2}"
_ZONE = r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2}[a-z]"
_LARGEST, _SMALLEST = 16, 20
_PRIVATE = tuple(ipaddress.ip_network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def block_of(text: str) -> ipaddress.IPv4Network:
    """A CIDR block.

    Raises:
        ValueError: It is none; the message says what one is.
    """
    try:
        if not re.fullmatch(_BLOCK, text, re.ASCII):
            raise ValueError  # noqa: TRY301  # told in one place
        return ipaddress.IPv4Network(text)
    except ValueError:
        msg = f"{shown(text)} is not a block of addresses; write its first address and length, such as 10.40.0.0/16"
        raise ValueError(msg) from None


def _block(text: str) -> str:
    block_of(text)
    return text


def private_block(text: str) -> str:
    """A CIDR block for private use (RFC 1918).

    Raises:
        ValueError: It is none.
    """
    block = block_of(text)
    if not any(block.subnet_of(each) for each in _PRIVATE if isinstance(each, ipaddress.IPv4Network)):
        msg = f"{shown(text)} is not for private use; take a part of {listed(map(str, _PRIVATE))}"
        raise ValueError(msg)
    return text


def _of_network(text: str) -> str:
    length = block_of(private_block(text)).prefixlen
    if not _LARGEST <= length <= _SMALLEST:
        msg = f"{shown(text)} has /{length}; every pod takes an address of it, so write /{_LARGEST} to /{_SMALLEST}"
        raise ValueError(msg)
    return text


def _zones(zones: tuple[str, ...]) -> tuple[str, ...]:
    if not 2 <= len(zones) <= 3 or len({*zones}) < len(zones):
        msg = "names no two or three different zones; EKS needs two, and a third is what a production wants"
        raise ValueError(msg)
    return zones


_BLOCK_SCHEMA = written(_BLOCK)
Block = Annotated[str, AfterValidator(_block), _BLOCK_SCHEMA]
"""A CIDR block."""
PrivateBlock = Annotated[str, AfterValidator(private_block), _BLOCK_SCHEMA]
"""A CIDR block for private use."""
Zone = Annotated[str, matching(_ZONE, "an availability zone; write its name, such as us-east-1a"), written(_ZONE)]
"""The name of an availability zone."""


class FlowLogs(Section):
    """The record of who speaks to whom in the network."""

    retention_days: LogDays = 30
    """How long it is kept."""


class Network(Section):
    """The network: public subnets for load balancers, private ones for nodes and pods, intra ones for EKS itself."""

    cidr: Annotated[str, AfterValidator(_of_network), _BLOCK_SCHEMA]
    """Its addresses, /16 to /20. They cannot be changed later without a new network."""
    zones: Annotated[
        tuple[Zone, ...],
        AfterValidator(_zones),
        Field(json_schema_extra={"minItems": 2, "maxItems": 3, "uniqueItems": True}),
    ]
    """Two or three zones of the region. A third one can be added later at the end of the list."""
    nat: Literal["none", "single", "per-zone"] = "per-zone"
    """How nodes and pods reach out: `per-zone` outlives the loss of a zone, `single` costs less, `none` is closed."""
    private_endpoints: Annotated[bool, Field(strict=True)] = True
    """Ways to the AWS services that nodes call (images, logs, keys …) inside the network: paid by the hour and zone,
    where NAT is paid by the byte. Those to S3 and DynamoDB cost nothing, and are always there."""
    flow_logs: FlowLogs = Field(default_factory=FlowLogs)
    """The record of who speaks to whom in the network."""
