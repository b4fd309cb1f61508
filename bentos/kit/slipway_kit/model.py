"""What an author writes, and what is read from it: the types of `predict_batch`."""

from __future__ import annotations

import inspect
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import msgspec

_Input = TypeVar("_Input")
_Output_co = TypeVar("_Output_co", covariant=True)


class Model(Protocol, Generic[_Input, _Output_co]):
    """What a model must have. More, if it likes: `model`, `load`, `close`, `example`, `size`, `version`.

    `model` is the tag of a saved model (`digits:latest`); `load` is then given the folder of its files, and the version
    is that of the saved model.
    """

    def predict_batch(self, items: list[_Input], /) -> typing.Sequence[_Output_co]:
        """Answer every item, in the order they came."""
        ...


class ItemError(Exception):
    """In place of an output: this item has no answer, and the others of its batch do."""

    def __init__(self, message: str, *, status: int = 422, reason: str = "item_refused") -> None:
        if not 400 <= status <= 599:
            raise ValueError(f"an ItemError has a status from 400 to 599, not {status}")
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason


class ContractError(TypeError):
    """A class that cannot be served; it says what is missing."""


class OutputsError(Exception):
    """The model broke its contract: it gave another number of outputs than it got items, or something else entirely."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What goes in and what comes out of a model, as its annotations say."""

    name: str
    documentation: str
    input: type[msgspec.Struct]
    output: type[msgspec.Struct]

    @classmethod
    def of(cls, model: type) -> Contract:
        """Read a class.

        Raises:
            ContractError: It has no `predict_batch(self, items: list[Input]) -> list[Output]` of structs.
        """
        function = getattr(model, "predict_batch", None)
        wanted = f"{model.__qualname__}.predict_batch(self, items: list[Input]) -> list[Output]"
        if not inspect.isfunction(function):
            raise ContractError(f"{model.__qualname__} has no predict_batch; write `{wanted}`")
        if inspect.iscoroutinefunction(function):
            raise ContractError(f"{model.__qualname__}.predict_batch is async; it runs in a thread: write it without")
        hints = typing.get_type_hints(function)
        parameters = list(inspect.signature(function).parameters)[1:]
        tag, loads = tag_of(model), getattr(model, "load", None)
        if tag is not None and not isinstance(tag, str):
            raise ContractError(f"{model.__qualname__}.model must be a tag such as 'digits:latest', and is {tag!r}")
        if loads is not None and len(inspect.signature(loads).parameters) != 1 + (tag is not None):
            takes = (
                "load(self, folder), as the class names a `model`" if tag else "load(self): the class names no `model`"
            )
            raise ContractError(f"{model.__qualname__} must have {takes}")
        if len(parameters) != 1:
            raise ContractError(f"predict_batch takes {parameters}; it is given one list: `{wanted}`")
        return cls(
            name=model.__name__,
            documentation=inspect.getdoc(model) or "",
            input=_struct(hints.get(parameters[0]), f"the items of {model.__qualname__}.predict_batch", wanted),
            output=_struct(hints.get("return"), f"what {model.__qualname__}.predict_batch returns", wanted),
        )


def _struct(hint: Any, what: str, wanted: str) -> type[msgspec.Struct]:
    inner = typing.get_args(hint)
    if typing.get_origin(hint) is not list or len(inner) != 1:
        raise ContractError(f"{what} must be annotated as a list, and is {hint!r}: `{wanted}`")
    choices = typing.get_args(inner[0]) if isinstance(inner[0], types.UnionType) else inner
    structs = [choice for choice in choices if choice is not ItemError]
    if len(structs) != 1 or not (isinstance(structs[0], type) and issubclass(structs[0], msgspec.Struct)):
        raise ContractError(f"{what} must be a list of one msgspec.Struct, and is {hint!r}")
    return structs[0]


def units_of(model: Any, item: msgspec.Struct) -> int:
    """What an item costs: what the model's `size` says, one without it.

    Raises:
        OutputsError: `size` gave something else than a whole number above zero.
    """
    size = getattr(model, "size", None)
    if size is None:
        return 1
    units = size(item)
    if not isinstance(units, int) or units < 1:
        raise OutputsError(f"{type(model).__qualname__}.size gave {units!r}; it must give a whole number above zero")
    return units


def tag_of(model: Any) -> str | None:
    """Tag of the saved model that a class serves, if it names one."""
    return typing.cast("str | None", getattr(model, "model", None))


def load(model: Any, folder: Path | None) -> None:
    """Let the model load, if it has to."""
    loads = getattr(model, "load", None)
    if loads is not None:
        loads(folder) if folder is not None else loads()


def version_of(model: Any, folder: Path | None) -> str:
    """What its author calls it, or else the store."""
    return str(getattr(model, "version", folder.name if folder is not None else "0"))


def example_of(model: Any) -> msgspec.Struct | None:
    """The item that the model is warmed up with, if its author gave one."""
    example = getattr(model, "example", None)
    return typing.cast("msgspec.Struct | None", example() if callable(example) else example)


def checked(model: Any, items: list[msgspec.Struct], contract: Contract) -> list[Any]:
    """Let the model answer, and hold it to its contract.

    Raises:
        OutputsError: What came is no answer for each item.
        Exception: What the model raised.
    """
    outputs = model.predict_batch(items)
    if not isinstance(outputs, list | tuple):
        raise OutputsError(f"{contract.name}.predict_batch gave {type(outputs).__name__}; it must give a list")
    if len(outputs) != len(items):
        raise OutputsError(f"{contract.name}.predict_batch gave {len(outputs)} outputs for {len(items)} items")
    for output in outputs:
        if not isinstance(output, contract.output | ItemError):
            raise OutputsError(
                f"{contract.name}.predict_batch gave a {type(output).__name__} where it promises "
                f"{contract.output.__name__}"
            )
    return list(outputs)
