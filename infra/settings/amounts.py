"""Amounts of processor and memory as the values of keys: text with a unit, or a number where YAML reads one."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from infra.settings.quantities import BYTES, CPU, bytes_of, millicores
from infra.settings.wording import shown

_LEAST_MEMORY = 64 * 2**20


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


def up_to(most: str) -> AfterValidator:
    """Of an amount of memory that is not more than another one."""

    def check(text: str) -> str:
        if bytes_of(text) > bytes_of(most):
            msg = f"{shown(text)} is more than slipway-kit takes; write {most} or less"
            raise ValueError(msg)
        return text

    return AfterValidator(check)


Cpu = Annotated[str, BeforeValidator(_text), AfterValidator(_cpu), _quantity(CPU)]
Memory = Annotated[str, BeforeValidator(_text), AfterValidator(_memory), _quantity(BYTES)]
Bytes = Annotated[str, BeforeValidator(_text), AfterValidator(_bytes), _quantity(BYTES)]
