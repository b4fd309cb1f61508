"""Serves the AWS endpoint. Run by the supervisor as `python -m slipway.embedded.aws.endpoint ADDRESS PORT FILE`."""

import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from slipway.embedded.aws import variables
from slipway.embedded.instance import AWS_PORT, Instance
from slipway.embedded.supervisor.spec import ProcessSpec

HEALTH = "/slipway/health"
"""Answered without moto, as JSON: requests `remembered`, of them `failed` at the last start, `bytes` of journal."""
PRICES = "/slipway/prices"
"""Not AWS's either: what capacity costs (`slipway.embedded.aws.fidelity.administration`)."""
IMAGES = "/slipway/images"
"""Not AWS's either: the images in registries of other accounts (`slipway.embedded.aws.fidelity.told_images`)."""


def process(instance: Instance, account: str, *, api_port: int) -> ProcessSpec:
    """The endpoint of an instance, as a process to keep running.

    Args:
        instance: Which one.
        account: The AWS account that it is, twelve digits.
        api_port: Where on this machine the instance's API server answers: what an EKS cluster's endpoint is here.
    """
    memory = instance.folder / "aws" / "journal.jsonl"
    argv = [sys.executable, "-m", "slipway.embedded.aws.endpoint", instance.address, str(AWS_PORT), str(memory)]
    env = {
        "MOTO_ACCOUNT_ID": account,
        variables.CLUSTER_ENDPOINT: f"https://127.0.0.1:{api_port}",
        variables.CLUSTER_CA: str(instance.pki / "ca.crt"),
    }
    return ProcessSpec(name="aws", argv=argv, env=env)


def tell_prices(url: str, prices: Mapping[str, Any]) -> None:
    """Tell the endpoint what capacity costs, unless it knows: part of its journal, so that a replay buys the same.

    Args:
        url: The endpoint.
        prices: As `slipway.embedded.aws.fidelity.prices` has them.

    Raises:
        httpx.HTTPError: It did not take them.
    """
    _tell(url, PRICES, prices)


def tell_images(url: str, images: Mapping[str, Any]) -> None:
    """Tell the endpoint which images the registries of other accounts hold, unless it knows.

    Args:
        url: The endpoint.
        images: As `slipway.embedded.aws.fidelity.told_images` has them.

    Raises:
        httpx.HTTPError: It did not take them.
    """
    _tell(url, IMAGES, {"images": dict(images)})


def _tell(url: str, path: str, document: Mapping[str, Any]) -> None:
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        if client.get(path).raise_for_status().json() != document:
            client.put(path, json=document).raise_for_status()


def main() -> None:
    """Remember, listen, and end when told, after the request that is being answered."""
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415  # reads its settings when it is imported
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415

    from slipway.embedded.aws.fidelity import amend_all  # noqa: PLC0415
    from slipway.embedded.aws.fidelity.administration import serving  # noqa: PLC0415
    from slipway.embedded.aws.journal import Journal  # noqa: PLC0415

    address, port, file = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    # Roles are given policies that AWS itself keeps.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    amend_all()
    journal = Journal(serving(DomainDispatcherApplication(create_backend_app)), file)
    server = make_server(address, port, journal, threaded=True, request_handler=MotoRequestHandler)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    journal.close()


if __name__ == "__main__":
    main()
