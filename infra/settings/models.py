"""The models of a stack: which image, how many, and what each is given."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from infra.settings.amounts import Bytes, Cpu, Memory, up_to
from infra.settings.around import Breaker, Cache, Fallback, Review
from infra.settings.gateway import Route
from infra.settings.scaling import Scaling
from infra.settings.section import Absent, Section
from infra.settings.texts import written
from infra.settings.wording import shown

_DIGEST = r"[a-z0-9]+(?:[._/-][a-z0-9]+)*@sha256:[0-9a-f]{64}"
_TAG = re.compile(r"[^@\s]+:[\w.-]+")
_DNS_LABEL = r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?"


def _image(text: str) -> str:
    if text == "built" or re.fullmatch(_DIGEST, text):
        return text
    hint = "; a tag may mean another image tomorrow" if _TAG.fullmatch(text) else ""
    msg = f"{shown(text)} is not an image; write `name@sha256:…` (64 hex digits), or `built` for a local build{hint}"
    raise ValueError(msg)


def _name(text: str) -> str:
    if not re.fullmatch(_DNS_LABEL, text):
        msg = f"{shown(text)} cannot name a model; use at most 40 lower-case letters, digits and dashes, a letter first"
        raise ValueError(msg)
    return text


Image = Annotated[str, AfterValidator(_image), WithJsonSchema({"type": "string", "pattern": f"^(?:built|{_DIGEST})$"})]
ModelName = Annotated[str, AfterValidator(_name), written(_DNS_LABEL)]


class Resources(Section):
    """What one replica of a model is given: requests and limits alike, so that its speed does not depend on others."""

    cpu: Cpu
    """Processors: `2`, `0.5` or `500m`."""
    memory: Memory
    """Bytes: `512Mi`, `2Gi`."""
    scratch: Bytes = "1Gi"
    """Bytes of the node's disk for temporary files and logs; a replica that takes more is evicted."""
    gpus: Annotated[int, Field(ge=0, le=16, strict=True)] = 0
    """Accelerators, of the kind that the pool's nodes have."""


class Serving(Section):
    """What slipway-kit plans to in every replica of a model, and what stands around. The defaults are the kit's own."""

    objective: Annotated[int, Field(ge=1, le=3_600_000, strict=True)] = 100
    """Milliseconds from a request's arrival to its answer: what cannot be answered within is refused."""
    max_batch: Annotated[int, Field(ge=1, le=65536, strict=True)] = 64
    """Units in a batch at most; an item is one, unless the model says what its items cost."""
    concurrency: Annotated[int, Field(ge=1, le=64, strict=True)] = 1
    """Batches that are computed at the same time."""
    queue: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = 1024
    """Items that may wait."""
    queue_memory: Annotated[Bytes, up_to("1Ti")] = "64Mi"
    """Bytes of request bodies that may wait."""
    largest_request: Annotated[Bytes, up_to("16Gi")] = "1Mi"
    """Bytes of one request's body."""
    cache: Annotated[Cache | None, Absent()] = None
    """Answers that are kept, and given again to the same item."""
    fallback: Fallback = ()
    """Who answers when the model fails, in this order: `smaller` and `default` are the class's own, `cached` is an
    earlier answer to the same item, however old."""
    breaker: Annotated[Breaker | None, Absent()] = None
    """When a model that fails is left alone for a while; only beside `fallback`."""
    review: Annotated[Review | None, Absent()] = None
    """What the model is not sure of goes to people, on a queue of SQS."""


class Model(Section):
    """A model that is served."""

    image: Image
    """`name@sha256:…`, or `built` for what the last `slipway build` on this machine made."""
    replicas: Annotated[int, Field(ge=1, le=200, strict=True)] = 1
    """Pods that serve it; left out where it has `scaling`."""
    scaling: Annotated[Scaling | None, Absent()] = None
    """How their number follows what is asked of them."""
    resources: Resources
    """What one pod is given."""
    server: Literal["slipway-kit", "bentoml"] = "slipway-kit"
    """What answers in its container: the kit, or BentoML's own server for a bento that is not made for the kit."""
    serving: Serving = Field(default_factory=Serving)
    """What the kit plans to, and what stands around it."""
    route: Route = Field(default_factory=Route)
    """How clients reach it, where the stack has a gateway (slipway:gateway)."""
    pool: str = ""
    """The pool of slipway:capacity that it runs on. Needed where the stack has pools."""
