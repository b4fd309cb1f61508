"""Asking the models of an instance, each where clients would, and holding them to their examples."""

import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import tenacity
from lightkube import Client

from infra.models.routing import path_of
from infra.settings import Settings
from infra.settings.gateway import Gateway
from infra.traffic import GATEWAY_NAMESPACE, KEY_HEADER
from slipway import bentofiles, paths
from slipway.embedded import clients
from slipway.embedded.instance import GATEWAY, Instance
from slipway.errors import InstanceError

_SECONDS = 180.0
"""After a restart of the machine, the cluster believes for a while in pods that are only now made again."""
_LATER = frozenset({httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE})
"""What a model says that is busy, or only starts."""
_SOON = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.NOT_FOUND, httpx.codes.INTERNAL_SERVER_ERROR})
"""What a gateway says that has not heard of a route, a key or a Secret yet."""


@dataclass(frozen=True)
class Door:
    """Where a model is asked.

    Attributes:
        model: Its name.
        url: Its address on this machine.
        headers: What every request carries.
        hostname: The name that is meant by the address; empty where any will do.
        trusts: Whose certificates are believed; None where nothing is encrypted.
        is_gateway: Whether it is the gateway, or the model itself.
        untold: What every request carries besides, and nobody is shown.
        kubeconfig: Whose API server the address is; empty where it is none.
    """

    model: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    hostname: str = ""
    trusts: ssl.SSLContext | None = None
    is_gateway: bool = False
    untold: dict[str, str] = field(default_factory=dict, repr=False)
    kubeconfig: str = ""


@dataclass(frozen=True)
class Answer:
    """What a model answered.

    Attributes:
        model: Its name.
        url: Its address on this machine.
        path: What was asked for; empty when the bento ships no example.
        request: The request's body.
        answer: The part of the answer that the example tells.
        headers: What the request carried besides, such as a client's key.
        hostname: The name that is meant by the address; empty where any will do.
        kubeconfig: Whose API server the address is; empty where it is none.
    """

    model: str
    url: str
    path: str
    request: dict[str, Any]
    answer: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    hostname: str = ""
    kubeconfig: str = ""


def doors(settings: Settings, models: list[str], instance: Instance, client: Callable[[], Client]) -> list[Door]:
    """Where the models of an instance are asked: through the gateway as a client, or without one, themselves.

    A gateway that has no client yet gets one, and a certificate.

    Args:
        settings: The stack.
        models: Those that run here.
        instance: Which one.
        client: The Kubernetes API; only asked where there is a gateway.
    """
    if settings.gateway is None:
        return [Door(name, f"http://127.0.0.1:{port}") for name, port in instance.model_ports().items()]
    with client() as kubernetes:
        return list(_through(settings.gateway, settings, models, instance, kubernetes))


def _through(
    gateway: Gateway, settings: Settings, models: list[str], instance: Instance, client: Client
) -> Iterator[Door]:
    trusts = None
    if gateway.tls:
        trusts = clients.ensure_certificate(
            client, secret=gateway.tls.secret, namespace=GATEWAY_NAMESPACE, hostname=gateway.hostname or ""
        )
    key = clients.ensure_key(client, secret=gateway.keys.secret, namespace=settings.namespace) if gateway.keys else ""
    base = f"{'https' if gateway.tls else 'http'}://127.0.0.1:{instance.ports()[GATEWAY]}"
    # Without a name, a certificate that is made here is this machine's.
    hostname = gateway.hostname or ("localhost" if gateway.tls else "")
    for name in models:
        model = settings.models[name]
        if not model.route.open and not key:
            # Tokens are signed by somebody who is not here.
            yield Door(name, f"http://127.0.0.1:{instance.model_ports()[name]}")
            continue
        headers = {} if model.route.open else {KEY_HEADER: key}
        url = f"{base}{path_of(name, model).rstrip('/')}"
        yield Door(name, url, headers, hostname, trusts, is_gateway=True)


def ask(door: Door, *, logs: Path, checkout: Path = paths.REPOSITORY) -> Answer:
    """Ask a model its example, and hold it to the answer; it is given time to come up.

    Args:
        door: Where.
        logs: What an error says to look at.
        checkout: The repository, with its bentos.

    Raises:
        InstanceError: It does not answer, or is wrong.
    """
    example = load_example(door.model, checkout)
    # The Service's endpoints are ready; the node's packet filter follows them within a second or two.
    # A machine that is busy coming up may be too late for the model's objective: that is told, and asked again.
    later = _LATER | _SOON if door.is_gateway else _LATER
    patiently = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(httpx.TransportError)
        | tenacity.retry_if_result(lambda reply: reply.status_code in later),
        retry_error_callback=_last,
        wait=tenacity.wait_fixed(0.2),
        stop=tenacity.stop_after_delay(_SECONDS),
    )
    try:
        headers = {**door.headers, **door.untold, **({"host": door.hostname} if door.hostname else {})}
        named = {"sni_hostname": door.hostname} if door.hostname and door.trusts else {}
        with httpx.Client(timeout=30, trust_env=False, verify=door.trusts or True, headers=headers) as client:
            if example is None:
                patiently(client.get, f"{door.url}/readyz", extensions=named).raise_for_status()
                return _told(door, "", {}, {})
            where = f"{door.url}{example['path']}"
            reply = patiently(client.post, where, json=example["request"], extensions=named)
            said = reply.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        msg = f"{door.model} does not answer at {door.url}: {error}"
        raise InstanceError(msg, remedy=f"look at {logs}") from error
    answer = {key: said.get(key) for key in example["answer"]}
    if answer != example["answer"]:
        msg = f"{door.model} answered {answer} to its example, and {example['answer']} is right"
        raise InstanceError(msg, remedy=f"look at bentos/{door.model}")
    return _told(door, example["path"], example["request"], answer)


def _told(door: Door, path: str, request: dict[str, Any], answer: dict[str, Any]) -> Answer:
    return Answer(door.model, door.url, path, request, answer, door.headers, door.hostname, door.kubeconfig)


def load_example(model: str, checkout: Path = paths.REPOSITORY) -> dict[str, Any] | None:
    """A request for a model with the answer it should get, where its bento ships one (`example.json`)."""
    file = bentofiles.folder(model, checkout) / "example.json"
    return dict(json.loads(file.read_text())) if file.exists() else None


def _last(state: tenacity.RetryCallState) -> httpx.Response:
    """What was said last; raises what was raised."""
    return cast("tenacity.Future", state.outcome).result()  # type: ignore[no-any-return]
