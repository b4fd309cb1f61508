"""The models of a stack: which image, how many, and what each is given."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from infra.settings.quantities import BYTES, CPU, bytes_of, millicores
from infra.settings.section import Section
from infra.settings.texts import written
from infra.settings.wording import shown

_DIGEST = r"[a-z0-9]+(?:[._/-][a-z0-9]+)*@sha256:[0-9a-f]{64}"
_TAG = re.compile(r"[^@\s]+:[\w.-]+")
_DNS_LABEL = r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?"
_LEAST_MEMORY = 64 * 2**20


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


def _cpu(text: str) -> str:
    millicores(text)
    return text


def _memory(text: str) -> str:
    if bytes_of(text) < _LEAST_MEMORY:
        msg = f"{shown(text)} is less than a Python process needs; give it 64Mi or more"
        raise ValueError(msg)
    return text


def _bytes(text: str) -> str:
    bytes_of(text)
    return text


def _text(value: Any) -> Any:
    """YAML reads `1` as a number where a quantity is meant."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _quantity(pattern: str) -> WithJsonSchema:
    return WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": f"^(?:{pattern})$"}, {"type": "number", "exclusiveMinimum": 0}]}
    )


Image = Annotated[str, AfterValidator(_image), WithJsonSchema({"type": "string", "pattern": f"^(?:built|{_DIGEST})$"})]
ModelName = Annotated[str, AfterValidator(_name), written(_DNS_LABEL)]
Cpu = Annotated[str, BeforeValidator(_text), AfterValidator(_cpu), _quantity(CPU)]
Memory = Annotated[str, BeforeValidator(_text), AfterValidator(_memory), _quantity(BYTES)]


Bytes = Annotated[str, BeforeValidator(_text), AfterValidator(_bytes), _quantity(BYTES)]


class Resources(Section):
    """What one replica of a model is given: requests and limits alike, so that its speed does not depend on others."""

    cpu: Cpu
    """Processors: `2`, `0.5` or `500m`."""
    memory: Memory
    """Bytes: `512Mi`, `2Gi`."""
    gpus: Annotated[int, Field(ge=0, le=16, strict=True)] = 0
    """Accelerators, of the kind that the pool's nodes have."""


class Serving(Section):
    """What slipway-kit plans to, in every replica of a model. The defaults are the kit's own."""

    objective: Annotated[int, Field(ge=1, le=3_600_000, strict=True)] = 100
    """Milliseconds from a request's arrival to its answer: what cannot be answered within is refused."""
    max_batch: Annotated[int, Field(ge=1, le=65536, strict=True)] = 64
    """Units in a batch at most; an item is one, unless the model says what its items cost."""
    concurrency: Annotated[int, Field(ge=1, le=64, strict=True)] = 1
    """Batches that are computed at the same time."""
    queue: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = 1024
    """Items that may wait."""
    queue_memory: Bytes = "64Mi"
    """Bytes of request bodies that may wait."""
    largest_request: Bytes = "1Mi"
    """Bytes of one request's body."""


class Model(Section):
    """A model that is served."""

    image: Image
    """`name@sha256:…`, or `built` for what the last `slipway build` on this machine made."""
    replicas: Annotated[int, Field(ge=1, le=200, strict=True)] = 1
    """Pods that serve it."""
    resources: Resources
    """What one pod is given."""
    server: Literal["slipway-kit", "bentoml"] = "slipway-kit"
    """What answers in its container: the kit, or BentoML's own server for a bento that is not made for the kit."""
    serving: Serving = Serving()
    """What the kit plans to."""
    pool: str = ""
    """The pool of slipway:capacity that it runs on. Needed where the stack has pools."""
