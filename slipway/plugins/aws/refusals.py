"""What the offline aws plugin refuses before it opens any connection: everything that could mean a real account."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from slipway.embedded.aws import DUMMY_KEY
from slipway.plugins.aws.resource import AwsError
from slipway.plugins.credentials import KEY_VARIABLES, REAL_VARIABLES
from slipway.plugins.offline import leads_to

ENDPOINT = "AWS_ENDPOINT_URL"
_CREDENTIALS = ("accessKey", "secretKey", "token", "profile", "assumeRoles", "assumeRoleWithWebIdentity")


class RefusedError(AwsError):
    """A real endpoint or a real credential is at hand; offline, neither may be."""


def refuse_real(settings: Mapping[str, Any], environment: Mapping[str, str], port: int) -> None:
    """Stop where anything real could be meant.

    Args:
        settings: The provider's, as Pulumi gives them: structures as JSON.
        environment: The process's variables.
        port: Where on the loopback the instance's endpoint is. Another port may be a tunnel to anywhere.

    Raises:
        RefusedError: Saying what, and what to do.
    """
    for name in (*KEY_VARIABLES, *REAL_VARIABLES):
        if environment.get(name, "") not in {"", DUMMY_KEY}:
            raise RefusedError(
                f"{name} is set, and the offline aws plugin works without credentials; "
                'start from a shell with nothing but `eval "$(slipway env STACK)"`, or use the official plugin'
            )
    for name in _CREDENTIALS:
        if structure(settings.get(name)) not in (None, "", [], {}, DUMMY_KEY):
            raise RefusedError(
                f"aws:{name} is set, and the offline aws plugin takes no credentials; "
                "take it out of the stack file or the provider, or use the official plugin"
            )
    for where, endpoint in _endpoints(settings, environment):
        if not leads_to(endpoint, "http", port):
            raise RefusedError(
                f"the endpoint {endpoint or '(none)'} ({where}) is not that of this instance, http://127.0.0.1:{port}; "
                'the offline aws plugin speaks to nothing else: run `eval "$(slipway env STACK)"`, '
                "or use the official plugin"
            )


def structure(value: Any) -> Any:
    """Provider settings that are structures arrive as JSON; what is none is returned as it is."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _endpoints(settings: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield ENDPOINT, environment.get(ENDPOINT, "")
    for group in structure(settings.get("endpoints")) or []:
        for service, endpoint in group.items():
            yield f"aws:endpoints, {service}", str(endpoint)
