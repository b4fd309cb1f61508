"""What an author's class must be, and what happens when it breaks its word."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from slipway_kit.application import Application
from slipway_kit.model import Contract, ContractError, ItemError, OutputsError, checked, units_of
from slipway_kit.store import StoreError, folder_of

from tests.bentos.kit.asked import ask, serving
from tests.bentos.kit.builders import Doubled, Doubling, Number


class Untyped:
    def predict_batch(self, items):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        return items


class OfDicts:
    def predict_batch(self, items: list[dict[str, int]]) -> list[Doubled]:  # noqa: ARG002
        return []


class Async:
    async def predict_batch(self, items: list[Number]) -> list[Doubled]:  # noqa: ARG002
        return []


class Partly:
    def predict_batch(self, items: list[Number]) -> list[Doubled | ItemError]:
        return [ItemError("negative") if item.value < 0 else Doubled(item.value) for item in items]


@pytest.mark.parametrize("model", [Doubling, Partly])
def test_input_and_output_are_read_from_the_annotations(model: type) -> None:
    contract = Contract.of(model)
    assert (contract.name, contract.input, contract.output) == (model.__name__, Number, Doubled)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (object, "object has no predict_batch"),
        (Untyped, "must be annotated as a list"),
        (OfDicts, r"must be a list of one msgspec.Struct, and is list\[dict"),
        (Async, "is async"),
    ],
)
def test_a_class_that_cannot_be_served_is_told_why(model: type, says: str) -> None:
    with pytest.raises(ContractError, match=says):
        Contract.of(model)


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        ([], "gave 0 outputs for 1 items"),
        (iter([]), "gave list_iterator; it must give a list"),
        ([Number(1.0)], "gave a Number where it promises Doubled"),
    ],
)
def test_outputs_that_are_none_are_named(outputs: Any, says: str) -> None:
    class Breaks(Doubling):
        def predict_batch(self, items: list[Number]) -> list[Doubled]:  # noqa: ARG002
            return outputs  # type: ignore[no-any-return]

    with pytest.raises(OutputsError, match=says):
        checked(Breaks(), [Number(1.0)], Contract.of(Breaks))


def test_an_item_is_one_unit_unless_the_model_says_otherwise() -> None:
    class Sized(Doubling):
        def size(self, item: Number) -> int:
            return int(item.value)

    assert units_of(Doubling(), Number(9.0)) == 1
    assert units_of(Sized(), Number(9.0)) == 9
    with pytest.raises(OutputsError, match=r"Sized\.size gave 0"):
        units_of(Sized(), Number(0.0))


def test_an_item_error_is_no_success() -> None:
    with pytest.raises(ValueError, match="400 to 599"):
        ItemError("fine", status=200)


def test_inputs_are_structs() -> None:
    assert issubclass(Contract.of(Doubling).input, msgspec.Struct)


class Saved:
    """Of the store."""

    model = "doubling:latest"

    def load(self, folder: Path) -> None:
        self.folder = folder

    def predict_batch(self, items: list[Number]) -> list[Doubled]:
        return Doubling().predict_batch(items)


class Unsaved(Doubling):
    def load(self, folder: Path) -> None: ...


class Folderless(Doubling):
    model = "doubling"

    def load(self) -> None: ...


@pytest.mark.parametrize(
    ("model", "says"),
    [(Unsaved, "must have load(self): the class names no `model`"), (Folderless, "must have load(self, folder)")],
)
def test_a_saved_model_and_its_loading_go_together(model: type, says: str) -> None:
    with pytest.raises(ContractError, match=re.escape(says)):
        Contract.of(model)


def test_a_saved_model_is_found_in_the_bento_or_in_the_store(tmp_path: Path) -> None:
    for place, version in (("bento", "inside"), ("store", "newer"), ("store", "older")):
        (tmp_path / place / "models" / "doubling" / version).mkdir(parents=True)
    (tmp_path / "bento" / "models" / "doubling" / "latest").write_text("inside\n")
    (tmp_path / "store" / "models" / "doubling" / "latest").write_text("newer")
    store = {"BENTOML_HOME": str(tmp_path / "store")}
    assert folder_of("doubling:latest", store).name == "newer"
    assert folder_of("doubling:older", store).name == "older"
    assert folder_of("doubling", {**store, "BENTO_PATH": str(tmp_path / "bento")}).name == "inside"
    with pytest.raises(StoreError, match="there are the versions newer, older: save it first"):
        folder_of("doubling:oldest", store)


def test_a_saved_model_gives_its_folder_and_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models" / "doubling" / "v7").mkdir(parents=True)
    (tmp_path / "models" / "doubling" / "latest").write_text("v7")
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path))

    async def scenario(application: Application) -> None:
        said = await ask(application, "/openapi.json")
        assert said.json["info"]["version"] == "v7"

    serving(Saved, scenario)
