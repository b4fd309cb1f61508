"""Where the offline aws plugin connects, and as whom: the instance's endpoint, and nobody real."""

import os
from collections.abc import Mapping
from threading import Lock
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import UnknownRegionError

from slipway.embedded.aws import DUMMY_KEY
from slipway.plugins.aws.refusals import RefusedError, refuse_real, structure
from slipway.plugins.aws.resource import AwsError, Place
from slipway.plugins.offline import instance_port


class Session:
    """Clients of one provider.

    Args:
        settings: The provider's, as Pulumi gives them: structures as JSON.

    Raises:
        NoInstanceError: This shell is that of no instance.
        RefusedError: Another endpoint than the instance's, or a credential that is not the dummy one.
        AwsError: The settings do not say which region is meant, or the account is not an allowed one.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        port = instance_port("aws")
        refuse_real(settings, os.environ, port)
        region = settings.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if not region:
            raise AwsError("no region: set `aws:region` in the stack file")
        self._endpoint = f"http://127.0.0.1:{port}"
        self._clients: dict[tuple[str, str], Any] = {}
        self._making = Lock()
        self._session = _session(region)
        self._session.events.register("before-send", self._stay_here)
        account = self.client("sts", region).get_caller_identity()["Account"]
        self.place = self.place_of(region, account)
        self.default_tags = dict((structure(settings.get("defaultTags")) or {}).get("tags") or {})
        self._guard(settings)

    def client(self, service: str, region: str = "") -> Any:
        """The client of a service; one for each region."""
        key = (service, region or self.place.region)
        with self._making:  # a boto3 session makes one client at a time; the clients themselves can be shared
            if key not in self._clients:
                self._clients[key] = self._session.client(service, endpoint_url=self._endpoint, config=_config(key[1]))
            return self._clients[key]

    def place_of(self, region: str, account: str = "") -> Place:
        """A region of an account; of this one, when none is given.

        Raises:
            AwsError: AWS has no such region.
        """
        try:
            partition = self._session.get_partition_for_region(region)
        except UnknownRegionError as error:
            raise AwsError(f"{region!r} is no region of AWS; one such as us-east-1 is expected (aws:region)") from error
        return Place(region=region, account=account or self.place.account, partition=partition)

    def _stay_here(self, request: Any, **_: Any) -> None:
        """Called by botocore with every request that it is about to send."""
        if not request.url.startswith(f"{self._endpoint}/"):
            raise RefusedError(f"a request to {request.url} was stopped: it is not the endpoint of this instance")

    def _guard(self, settings: Mapping[str, Any]) -> None:
        allowed = [str(each) for each in structure(settings.get("allowedAccountIds")) or []]
        forbidden = [str(each) for each in structure(settings.get("forbiddenAccountIds")) or []]
        account = self.place.account
        if allowed and account not in allowed:
            rule = f"allows {', '.join(allowed)} (aws:allowedAccountIds)"
        elif account in forbidden:
            rule = f"forbids {', '.join(forbidden)} (aws:forbiddenAccountIds)"
        else:
            return
        raise AwsError(f"this is account {account}, and the stack {rule}; nothing was changed")


def _session(region: str) -> Any:
    """A boto3 session that reads no file: a profile there could name another endpoint, or somebody's keys."""
    core = botocore.session.Session()
    core.set_config_variable("config_file", os.devnull)
    core.set_config_variable("credentials_file", os.devnull)
    return boto3.Session(
        aws_access_key_id=DUMMY_KEY, aws_secret_access_key=DUMMY_KEY, region_name=region, botocore_session=core
    )


def _config(region: str) -> Config:
    return Config(
        region_name=region,
        s3={"addressing_style": "path"},
        retries={"mode": "standard", "max_attempts": 4},
        connect_timeout=5,
        read_timeout=60,
        proxies={},  # none, whatever the environment says
        inject_host_prefix=False,
        user_agent_extra="slipway",
    )
