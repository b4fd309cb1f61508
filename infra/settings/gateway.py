"""The one door that clients come through: where it can be reached from, and who is let in.

What is written here becomes a Gateway of the Gateway API, kept by Envoy Gateway
(https://gateway.envoyproxy.io/docs/api/extension_types/), and a route of each model.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from infra.settings.network import Block
from infra.settings.section import Absent, Section
from infra.settings.texts import filled, matching, written
from infra.settings.wording import shown

_OBJECT = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOSTNAME = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}[a-z]{2,63}"
_URL = r"https://[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?/[A-Za-z0-9._~/?=&%-]{0,500}"
_ISSUER = r"[A-Za-z0-9._~:/?@%-]{1,500}"
_CLAIM = r"[A-Za-z0-9_.-]{1,100}"
_PATH = r"/|(?:/[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?){1,4}"

ObjectName = Annotated[
    str,
    matching(_OBJECT, "the name of an object in Kubernetes; use lower-case letters, digits and dashes"),
    written(_OBJECT),
]
Path = Annotated[
    str,
    matching(_PATH, "a path; write / or one such as /digits, in lower-case letters, digits, dashes and dots"),
    written(f"(?:{_PATH})"),
]


Audiences = Annotated[
    tuple[Annotated[str, matching(_ISSUER, "an audience, such as models"), written(_ISSUER)], ...],
    filled("write who a token has to be meant for, such as models"),
    Field(json_schema_extra={"minItems": 1}),
]


class Keys(Section):
    """Clients are known by keys, in the header `x-api-key`."""

    secret: ObjectName
    """The Secret that has them, in the namespace of the models: a client's name is the key in it, and the client's key
    the value. It is never in a stack file, and whoever owns it changes it without `pulumi up`."""


class Tokens(Section):
    """Clients are known by JSON Web Tokens, in the header `authorization: Bearer …`."""

    issuer: Annotated[str, matching(_ISSUER, "an issuer (`iss`), such as https://login.example.com/"), written(_ISSUER)]
    """Who signs them (`iss`)."""
    audiences: Audiences
    """Whom they are meant for (`aud`); one of these has to be among them."""
    jwks: Annotated[
        Annotated[
            str, matching(_URL, "an address of signing keys, such as https://login.example.com/jwks"), written(_URL)
        ]
        | None,
        Absent(),
    ] = None
    """Address of the keys that they are signed with; Envoy asks it every five minutes."""
    config_map: Annotated[ObjectName | None, Absent()] = None
    """The ConfigMap that has these keys instead, under `jwks`, in the namespace of the models."""
    client: Annotated[str, matching(_CLAIM, "a claim, such as sub"), written(_CLAIM)] = "sub"
    """The claim that says which client it is."""

    @model_validator(mode="after")
    def _has_one_source(self) -> "Tokens":
        if (self.jwks is None) == (self.config_map is None):
            msg = "needs the keys that tokens are signed with: write `jwks` (an address) or `config-map`, and not both"
            raise ValueError(msg)
        return self


class Tls(Section):
    """Requests come encrypted; the gateway has the certificate."""

    secret: ObjectName
    """The Secret of the type kubernetes.io/tls that has it, in the namespace envoy-gateway-system."""


class Limit(Section):
    """How often one client may ask a model, at each Envoy. An Envoy counts for the 20 clients that asked last."""

    requests: Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)]
    """So many are let through; the rest is refused with 429."""
    per: Literal["second", "minute", "hour"] = "second"
    """In such a time."""


class Route(Section):
    """How clients reach a model through the gateway."""

    path: Annotated[Path | None, Absent()] = None
    """What its addresses begin with; /NAME, if left out. The model itself does not see it."""
    open: Annotated[bool, Field(strict=True)] = False
    """Whether anybody may ask, without a key or a token."""
    limit: Annotated[Limit | None, Absent()] = None
    """How often one client may; without one, as often as the model can."""
    timeout: Annotated[Annotated[int, Field(ge=10, le=3_600_000, strict=True)] | None, Absent()] = None
    """Milliseconds until a client is told that nothing came back; ten times the objective, if left out, and 5 s at
    least. One attempt has 80% of them, or the objective where that is more."""
    retries: Annotated[int, Field(ge=0, le=10, strict=True)] = 3
    """Times that a request is sent to another replica when one was lost with it, or is only starting. 0 for a model
    whose answers have effects."""


class Gateway(Section):
    """The one door that clients come through to all models."""

    exposure: Literal["internal", "load-balancer"] = "internal"
    """`internal`: from inside the cluster alone (on one machine `slipway up` gives it a port).
    `load-balancer`: from the network, too, by a network load balancer of AWS."""
    public_from: tuple[Block, ...] = ()
    """Addresses of the internet that reach the load balancer: these alone, so that clients in the network come by the
    addresses of its NAT, which have to be among them. Only the network reaches it, when empty."""
    hostname: Annotated[
        Annotated[str, matching(_HOSTNAME, "a host's name, such as models.example.com"), written(_HOSTNAME)] | None,
        Absent(),
    ] = None
    """The only name that it answers to; any, if left out."""
    tls: Annotated[Tls | None, Absent()] = None
    """How requests are encrypted; without it they are not, and whatever stands before the gateway has to do it."""
    keys: Annotated[Keys | None, Absent()] = None
    """Clients with keys."""
    tokens: Annotated[Tokens | None, Absent()] = None
    """Clients with JSON Web Tokens; beside `keys`, either will do."""
    replicas: Annotated[int, Field(ge=1, le=50, strict=True)] = 2
    """Envoys that carry the requests."""

    @model_validator(mode="after")
    def _goes_together(self) -> "Gateway":
        if self.public_from and self.exposure != "load-balancer":
            msg = f"has `public-from`, and nothing of the internet reaches {shown(self.exposure)}; "
            raise ValueError(msg + "write `exposure: load-balancer`, or take it out")
        return self
