"""What the tests of the real server serve, in a process of its own."""

import datetime as dt
import time
from pathlib import Path
from typing import Annotated

import msgspec


class Wait(msgspec.Struct):
    ms: float
    note: str = ""


class Waited(msgspec.Struct):
    note: str


class Waiting:
    """Takes as long as the longest item says, and writes down what it computed."""

    example = Wait(0.0)

    def predict_batch(self, items: list[Wait]) -> list[Waited]:
        time.sleep(max(item.ms for item in items) / 1000)
        with Path("computed").open("a") as file:
            file.writelines(f"{item.note}\n" for item in items if item.note)
        return [Waited(item.note) for item in items]


class Slow(Waiting):
    """Takes its time to load."""

    def load(self) -> None:
        time.sleep(1.0)


class Broken(Waiting):
    """Cannot be loaded."""

    def load(self) -> None:
        raise FileNotFoundError("model.onnx")


class Drawing(msgspec.Struct, forbid_unknown_fields=True):
    rows: Annotated[list[Annotated[list[float], msgspec.Meta(max_length=8)]], msgspec.Meta(max_length=8)]


class Ink(msgspec.Struct):
    most: float


class Drawings:
    """Numbers in lists of lists."""

    example = Drawing([[0.0] * 8] * 8)

    def predict_batch(self, items: list[Drawing]) -> list[Ink]:
        return [Ink(max((value for row in item.rows for value in row), default=0.0)) for item in items]


class ByCard(msgspec.Struct, tag="card"):
    digits: Annotated[str, msgspec.Meta(pattern="^[0-9]{4}$")]


class ByTransfer(msgspec.Struct, tag="transfer"):
    account: str


class Line(msgspec.Struct):
    article: str
    count: int
    price: float | None = None


class Order(msgspec.Struct):
    lines: list[Line]
    payment: ByCard | ByTransfer
    due: dt.datetime
    notes: dict[str, str | int | list[str]] = {}
    parts: "list[Order]" = []


class Orders:
    """Structs in structs, unions, dates and text, all of it said back."""

    example = Order([Line("a", 1)], ByTransfer("b"), dt.datetime(2026, 1, 1, tzinfo=dt.UTC))

    def predict_batch(self, items: list[Order]) -> list[Order]:
        return items


class Scroll(msgspec.Struct):
    ms: float

    def __post_init__(self) -> None:
        time.sleep(self.ms / 1000)


class Scrolls:
    """Takes longer to read than to compute."""

    example = Scroll(0.0)

    def predict_batch(self, items: list[Scroll]) -> list[Waited]:
        return [Waited("read") for _ in items]
