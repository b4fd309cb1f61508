"""Every named way to break something of ours. A family of faults is a module beside this one, and a line below."""

from tests.faults.aws import AWS
from tests.faults.fault import Fault
from tests.faults.kubernetes import KUBERNETES

FAULTS: dict[str, Fault] = {**KUBERNETES, **AWS}


def node_id(fault: str) -> str:
    """The test of a fault, as pytest names it."""
    return FAULTS[fault].test
