"""What `slipway up` tells the AWS endpoint of other registries, where the endpoint is of no help."""

import pytest

from slipway.embedded.instance import Instance
from slipway.environment import Environment
from slipway.errors import InstanceError
from slipway.progress import Progress
from tests.ports import free_port


def test_an_endpoint_that_does_not_take_it_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setattr(Instance, "ports", lambda _: {"aws": port})
    environment = Environment(Instance("nowhere"), "dev", Progress(quiet=True))
    with pytest.raises(InstanceError, match="did not take the images of other registries") as refused:
        environment._tell_images({})
    assert "slipway down nowhere" in refused.value.remedy
