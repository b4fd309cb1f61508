"""The sections of a stack file. A docstring here is what an editor shows beside the key."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from infra.settings.quantities import bytes_of, millicores

_DIGEST = re.compile(r"[a-z0-9]+(?:[._/-][a-z0-9]+)*@sha256:[0-9a-f]{64}")
_TAG = re.compile(r"[^@\s]+:[\w.-]+")
_DNS_LABEL = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?")
_LEAST_MEMORY = 64 * 2**20


def _image(text: str) -> str:
    if text == "built" or _DIGEST.fullmatch(text):
        return text
    hint = "; a tag may mean another image tomorrow" if _TAG.fullmatch(text) else ""
    msg = f"{text!r} is not an image; write `name@sha256:…` (64 hex digits), or `built` for a local build{hint}"
    raise ValueError(msg)


def _name(text: str) -> str:
    if not _DNS_LABEL.fullmatch(text):
        msg = f"{text!r} cannot name a model; use at most 40 lower-case letters, digits and dashes, a letter first"
        raise ValueError(msg)
    return text


def _cpu(text: str) -> str:
    millicores(text)
    return text


def _memory(text: str) -> str:
    if bytes_of(text) < _LEAST_MEMORY:
        msg = f"{text!r} is less than a Python process needs; give it 64Mi or more"
        raise ValueError(msg)
    return text


def _text(value: Any) -> Any:
    """YAML reads `1` as a number where a quantity is meant."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Image = Annotated[str, AfterValidator(_image)]
ModelName = Annotated[str, AfterValidator(_name)]
Cpu = Annotated[str, BeforeValidator(_text), AfterValidator(_cpu)]
Memory = Annotated[str, BeforeValidator(_text), AfterValidator(_memory)]


class Section(BaseModel):
    """What every section has in common: no unknown keys, dashes as in the stack file, nothing changed afterwards."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=lambda name: name.replace("_", "-"), populate_by_name=True
    )


class Cluster(Section):
    """The cluster that models are deployed to."""

    context: Annotated[str, Field(min_length=1)]
    """Context of the kubeconfig in the environment. It is named so that no other cluster is ever meant by accident."""


class Resources(Section):
    """What one replica of a model is given: requests and limits alike, so that its speed does not depend on others."""

    cpu: Cpu
    """Processors: `2`, `0.5` or `500m`."""
    memory: Memory
    """Bytes: `512Mi`, `2Gi`."""


class Model(Section):
    """A model that is served."""

    image: Image
    """`name@sha256:…`, or `built` for what the last `slipway build` on this machine made."""
    replicas: Annotated[int, Field(ge=1, le=200, strict=True)] = 1
    """Pods that serve it."""
    resources: Resources
    """What one pod is given."""


class Settings(Section):
    """A stack file: the keys of `config` that begin with `slipway:`."""

    cluster: Cluster
    models: dict[ModelName, Model] = Field(default_factory=dict)
