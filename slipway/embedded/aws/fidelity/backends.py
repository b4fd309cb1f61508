"""A backend comes into being the same way whichever request is its first one.

moto makes the backend of a service and region when it is first asked for something there, and draws the identifiers of
what is there from the start (the default VPC, its subnets, the snapshots of images) from the generator that the request
itself draws from. When the first request is one that only reads, a recording does not hold it: the replay makes the
backend during a later request, whose identifiers come out differently. Here a backend has a seed of its own.
https://docs.getmoto.org/en/latest/docs/configuration/recorder/index.html
"""

from typing import Any

from moto.core.base_backend import AccountSpecificBackend
from moto.moto_api._internal import mock_random

from slipway.embedded.aws.fidelity.amending import replace


def amend() -> None:
    """Amend moto in this process."""
    original = AccountSpecificBackend.__getitem__

    def get(self: Any, region: str) -> Any:
        name = "aws" if region == "global" else region
        if name in self.keys():  # `in self` asks for known regions
            return original(self, region)
        state = mock_random.getstate()
        mock_random.seed(f"{self.service_name}/{self.account_id}/{name}")
        try:
            return original(self, region)
        finally:
            mock_random.setstate(state)

    replace(AccountSpecificBackend, "__getitem__", get)
