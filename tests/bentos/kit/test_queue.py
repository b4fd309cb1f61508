"""What is before an item that would come now."""

from slipway_kit.planning.entry import Entry, Priority
from slipway_kit.planning.queue import Queue


def entry(due: float, priority: Priority = Priority.NORMAL, units: int = 1) -> Entry:
    return Entry(
        arrival=0, deadline=due, due=due, priority=priority, units=units, bytes=0, sequence=int(due), payload=None
    )


def test_before_it_is_all_that_goes_first_and_of_its_own_kind_what_is_due_no_later() -> None:
    queue = Queue()
    for due in (3, 1, 2):
        queue.add(entry(due, units=10))
    queue.add(entry(9, Priority.HIGH, units=100))
    queue.add(entry(1, Priority.LOW, units=1000))
    assert [queue.units_before(Priority.NORMAL, due) for due in (0.5, 1, 2.5, 3)] == [100, 110, 120, 130]
    assert queue.units_before(Priority.HIGH, 5) == 0
