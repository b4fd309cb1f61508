"""Which operation a request asks for, and whether it changes anything. For all of AWS's protocols.

https://smithy.io/2.0/aws/protocols/index.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode

_READING = ("Describe", "List", "Get", "Head", "BatchGet", "Lookup", "Search", "Simulate", "Validate", "Preview")
_QUERY, _JSON = "application/x-www-form-urlencoded", "application/x-amz-json"
_LAYER_PART = "UploadLayerPart"


@dataclass(frozen=True)
class Operation:
    """What a request asks for.

    Attributes:
        name: The operation; for REST protocols, which do not carry it, the method.
        changes: Whether it may change anything.
    """

    name: str
    changes: bool


def operation_of(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Operation:
    """Find out what a request asks for."""
    target = headers.get("X-Amz-Target", "")
    content_type = headers.get("Content-Type", "")
    if target:
        name = target.rpartition(".")[2]
    elif "/operation/" in path and path.startswith("/service/"):
        name = path.rpartition("/")[2]
    elif content_type.startswith(_QUERY) and b"Action=" in body:
        name = parse_qs(body.decode(errors="replace")).get("Action", [""])[0]
    else:
        return Operation(method, method not in {"GET", "HEAD", "OPTIONS"})
    return Operation(name, not name.startswith(_READING))


def without_bytes(operation: Operation, body: bytes) -> bytes:
    """The body as it is written down: a part of an image's layer without its bytes, of which nothing is kept."""
    if operation.name != _LAYER_PART:
        return body
    return json.dumps({**json.loads(body), "layerPartBlob": ""}).encode()


def take_wait(headers: Mapping[str, str], body: bytes) -> tuple[bytes, float]:
    """The body of SQS's `ReceiveMessage` with its waiting taken out, and the seconds it asked to wait.

    Where it waits, moto would hold up every other request.
    """
    if headers.get("Content-Type", "").startswith(_JSON):
        request: dict[str, Any] = json.loads(body)
        seconds = float(request.get("WaitTimeSeconds") or 0)
        return json.dumps({**request, "WaitTimeSeconds": 0}).encode(), seconds
    form = parse_qs(body.decode())
    seconds = float(form.get("WaitTimeSeconds", ["0"])[0])
    return urlencode({**form, "WaitTimeSeconds": ["0"]}, doseq=True).encode(), seconds
