"""What the table's entries come to: making, seeing, changing and deleting a resource through a boto3 client."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import tenacity
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from slipway.plugins.aws.expressions import build, properties_in, search
from slipway.plugins.aws.table import CONTEXT, Call, Kind, Setting
from slipway.plugins.aws.validation import (
    RequestFault,
    cidr_faults,
    document_faults,
    faults_of,
    number_faults,
    passed_over,
)
from slipway.plugins.properties import UNKNOWN, has_unknowns

Properties = dict[str, Any]
_IN_USE = (
    "DependencyViolation",
    "DeleteConflict",
    "ResourceInUseException",
    "InvalidIPAddress.InUse",
    "OperationAborted",
)
"""What AWS answers while something that is on its way out still uses a resource."""
_IN_USE_SECONDS = 20.0
_READY_SECONDS = 600.0
_POLL_SECONDS = 0.5


class AwsError(Exception):
    """AWS refused, in its own words."""


class NotReadyError(AwsError):
    """The resource exists and did not become usable.

    Attributes:
        identity: Its id.
    """

    def __init__(self, identity: str, reason: str) -> None:
        """Keep the id, so that it can be recorded."""
        super().__init__(reason)
        self.identity = identity


@dataclass(frozen=True)
class Place:
    """Where a resource is.

    Attributes:
        region: AWS region.
        account: Account id.
        partition: `aws`, `aws-cn`, …
    """

    region: str
    account: str
    partition: str = "aws"


class Resource:
    """The resources of one kind, in one place.

    Args:
        kind: From the table.
        client: The boto3 client of its service.
        place: Region and account.
        cancelled: Whether the engine has given up.
    """

    def __init__(self, kind: Kind, client: Any, place: Place, *, cancelled: Callable[[], bool] = lambda: False) -> None:
        self._kind = kind
        self._client = client
        self._place = place
        self._cancelled = cancelled

    def faults(self, inputs: Mapping[str, Any], *, complete: bool) -> Iterator[RequestFault]:
        """Everything that AWS's models would not allow in the requests these properties lead to."""
        yield from passed_over(self._kind, inputs)
        yield from cidr_faults(inputs)
        yield from number_faults(self._kind, inputs)
        yield from document_faults(inputs)
        context = {**self._context(inputs), "id": UNKNOWN}
        for call in (self._kind.create, *(each.call for each in self._kind.settings if _given(each, inputs))):
            part = call if complete else _known_part(call, context)
            yield from faults_of(self._client, call, self._request(part, context), complete=complete)

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Make a resource; its id and its properties.

        Raises:
            AwsError: AWS refused.
            NotReadyError: It was made, and then something failed.
        """
        context = self._context(inputs)
        reply = self._call(self._kind.create, context)
        identity = str(search(self._kind.identity, {**context, "reply": reply}))
        try:
            if self._kind.after_create is not None:
                with _errors(self._kind):
                    self._kind.after_create(self._client, {**context, "id": identity})
            for setting in self._kind.settings:
                if setting.at_creation and _given(setting, inputs):
                    self._apply(setting, inputs, identity)
            return identity, self._when_ready(identity, inputs)
        except AwsError as error:
            raise NotReadyError(identity, str(error)) from error

    def read(self, identity: str, known: Properties) -> Properties | None:
        """The properties of a resource as they are now; none when it is gone.

        Args:
            identity: Its id.
            known: Its properties as they were, for what AWS does not tell.
        """
        context = self._context(known, identity)
        if self._kind.read is None:
            return known
        try:
            reply = self._call(self._kind.read, context)
        except _GoneError:
            return None
        item = self._kind.find(reply, context) if self._kind.find else search(self._kind.item, reply)
        if not item:
            return None
        context["item"] = item
        for name, call in self._kind.more.items():
            context[name] = self._call(call, context)
        seen = {name: build(each, context) for name, each in self._kind.outputs.items()}
        return {**known, **{name: value for name, value in seen.items() if value is not None}}

    def update(self, identity: str, old: Properties, new: Properties) -> Properties:
        """Change what can be changed.

        Args:
            identity: Its id.
            old: The properties it had, outputs included.
            new: The inputs it is to have.

        Raises:
            AwsError: AWS refused.
        """
        for setting in self._kind.settings:
            if any(old.get(name) != new.get(name) for name in setting.on if self._is_meant(name, new)):
                if setting.undo is not None and any(old.get(name) for name in setting.on):
                    self._call(setting.undo, {**self._context(old, identity), "old": old})
                self._apply(setting, {**_lasting(old, self._kind), **new}, identity)
        self._retag(identity, old, new)
        try:
            return self._when_ready(identity, {**_lasting(old, self._kind), **new})
        except AwsError as error:
            raise NotReadyError(identity, str(error)) from error

    def delete(self, identity: str, known: Properties) -> None:
        """Delete a resource; one that is gone already is fine.

        Raises:
            AwsError: AWS refused.
        """
        context = self._context(known, identity)
        if self._kind.delete is None:
            return

        @tenacity.retry(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, _InUseError) and not self._cancelled()),
            wait=tenacity.wait_fixed(_POLL_SECONDS),
            stop=tenacity.stop_after_delay(_IN_USE_SECONDS),
            reraise=True,
        )
        def attempt(call: Call) -> None:
            self._call(call, context)

        try:
            if self._kind.before_delete is not None:
                with _errors(self._kind):
                    self._kind.before_delete(self._client, context)
            attempt(self._kind.delete)
        except _GoneError:
            return

    def _is_meant(self, name: str, inputs: Properties) -> bool:
        """Whether the program says anything of a property, if only by leaving it out."""
        return name in inputs or name not in self._kind.computed

    # -- tools ---------------------------------------------------------------------------------------------------

    def _when_ready(self, identity: str, known: Properties) -> Properties:
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            seen = self.read(identity, known)
            if seen is None:
                raise AwsError(f"{identity} is gone right after it was made or changed")
            if not self._kind.ready or self._is_ready(identity, known):
                return seen
            if time.monotonic() > deadline or self._cancelled():
                raise AwsError(f"{identity} is not ready ({self._kind.ready})")
            time.sleep(_POLL_SECONDS)

    def _is_ready(self, identity: str, known: Properties) -> bool:
        context = self._context(known, identity)
        reply = self._call(self._kind.read or self._kind.create, context)
        item = self._kind.find(reply, context) if self._kind.find else search(self._kind.item, reply)
        return bool(search(self._kind.ready, {**context, "item": item}))

    def _apply(self, setting: Setting, properties: Properties, identity: str) -> None:
        context = self._context(properties, identity)
        wanted = search(setting.when, context) if setting.when else _given(setting, properties)
        if wanted:
            self._call(setting.call, context)
        elif setting.unset is not None:
            self._call(setting.unset, context)

    def _retag(self, identity: str, old: Properties, new: Properties) -> None:
        if self._kind.tagging is None:
            return
        before, after = old.get("tags") or {}, new.get("tags") or {}
        context = self._context({**old, **new}, identity)
        context["tagged"] = {key: value for key, value in after.items() if before.get(key) != value}
        context["untagged"] = sorted(before.keys() - after.keys())
        if context["tagged"]:
            self._call(self._kind.tagging.tag, context)
        if context["untagged"]:
            self._call(self._kind.tagging.untag, context)

    def _context(self, properties: Mapping[str, Any], identity: str = "") -> dict[str, Any]:
        place = {"region": self._place.region, "account": self._place.account, "partition": self._place.partition}
        return {**properties, **place, "id": identity}

    def _request(self, call: Call, context: Mapping[str, Any]) -> dict[str, Any]:
        built: dict[str, Any] = build(call.params, context) or {}
        return built

    def _call(self, call: Call, context: Mapping[str, Any]) -> Any:
        try:
            with _errors(self._kind, lambda message: _meant(call, context, message)):
                return getattr(self._client, call.operation)(**self._request(call, context))
        except AwsError as error:
            if isinstance(error.__cause__, ClientError) and error.__cause__.response["Error"]["Code"] in call.absent:
                return {}
            raise


class _GoneError(AwsError):
    """There is no such resource."""


class _InUseError(AwsError):
    """Something still uses it."""


class _errors:  # noqa: N801  # reads as a word of the `with` statement
    """Turns boto3's errors into those of this module."""

    def __init__(self, kind: Kind, meant: Callable[[str], str] = lambda _: "") -> None:
        self._kind = kind
        self._meant = meant

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ClientError):
            code = error.response["Error"]["Code"]
            properties = self._meant(error.response["Error"].get("Message", ""))
            message = f"{properties}: {error}" if properties else str(error)
            if code in self._kind.gone:
                raise _GoneError(message) from error
            if code in _IN_USE:
                raise _InUseError(message) from error
            raise AwsError(message) from error
        if isinstance(error, BotoCoreError | ResponseParserError):
            raise AwsError(f"the AWS endpoint answered what cannot be read: {error}") from error


def _meant(call: Call, context: Mapping[str, Any], message: str) -> str:
    """The properties that a refusal is about: AWS names a parameter, or repeats a value."""
    found: set[str] = set()
    for member, expression in call.params.items():
        for name in properties_in(expression) - CONTEXT:
            value = context.get(name)
            texts = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
            if any(len(text) > 1 and text in message for text in texts) or _has_word(message, member):
                found.add(name)
    return ", ".join(sorted(found))


def _has_word(message: str, word: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", message, re.IGNORECASE) is not None


def _known_part(call: Call, context: Mapping[str, Any]) -> Call:
    """A request without the parameters that read something not known yet."""
    unknown = {name for name, value in context.items() if has_unknowns(value)}
    params = {name: each for name, each in call.params.items() if not properties_in(each) & unknown}
    return Call(operation=call.operation, params=params)


def _given(setting: Setting, properties: Mapping[str, Any]) -> bool:
    return any(properties.get(name) is not None for name in setting.on)


def _lasting(old: Properties, kind: Kind) -> Properties:
    """What stays true of a resource when its inputs change: what was computed, not what was given."""
    return {name: value for name, value in old.items() if name not in kind.inputs | {"tags", "tagsAll"}}
