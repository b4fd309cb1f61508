"""What the tests of the real server serve, in a process of its own."""

import time
from pathlib import Path

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
