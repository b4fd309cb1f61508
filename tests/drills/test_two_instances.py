"""Two instances of two stacks on one machine do not notice each other."""

import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest
import yaml

from slipway.embedded.instance import Instance, instances
from slipway.environment import Environment
from slipway.progress import Progress
from tests.drills.patient import Patient, left_by, predict
from tests.live import copy_of_checkout, until
from tests.snapshot import Snapshot

pytestmark = pytest.mark.drill


@dataclass
class Asking:
    """Asks a model its example, one request after another, until told to end."""

    instance: Instance
    right: int = 0
    wrong: list[str] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._end.is_set():
            try:
                if predict(self.instance):
                    self.right += 1
                else:
                    self.wrong.append("a wrong answer")
            except Exception as error:  # noqa: BLE001  # whatever it is, it is what the test looks for
                self.wrong.append(repr(error))


@pytest.fixture
def first() -> Iterator[Patient]:
    before = Snapshot.take()
    made = Patient(f"drill-{secrets.token_hex(3)}")
    made.run("up")
    yield made
    made.run("down")
    assert left_by(made, before) == {}


def test_one_comes_and_goes_and_the_other_does_not_notice(first: Patient, tmp_path: Path) -> None:
    checkout = copy_of_checkout(tmp_path / "checkout")
    content = yaml.safe_load((checkout / "stacks" / "Pulumi.local.yaml").read_text())
    content["config"]["slipway:cluster"]["context"] = "slipway-other"
    (checkout / "stacks" / "Pulumi.other.yaml").write_text(yaml.safe_dump(content))
    second = Patient(f"drill-{secrets.token_hex(3)}")
    environment = Environment(second.instance, "other", Progress(quiet=True), checkout=checkout)
    first.remember()
    pids = first.pids()
    with Asking(first.instance) as asking:
        try:
            environment.up()
            second.assert_answers()
            assert {first.instance, second.instance} <= set(instances())
            assert not set(first.instance.ports().values()) & set(second.instance.ports().values())
            accounts = {each.aws("sts").get_caller_identity()["Account"] for each in (first, second)}
            assert len(accounts) == 2
            assert second.aws("s3").list_buckets()["Buckets"] == []
            second.remember()  # the same names as in the first
            second.assert_well()
            count = asking.right
            until(lambda: asking.right > count + 20, "predictions of the first")
        finally:
            environment.down()
        count = asking.right
        until(lambda: asking.right > count + 20, "predictions of the first")
    assert asking.wrong == []
    assert first.pids() == pids
    first.assert_well()
    assert not second.instance.exists()
