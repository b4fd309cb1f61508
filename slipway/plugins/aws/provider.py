"""The resource provider that the engine speaks to, for the tokens of the table."""

from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from slipway.errors import InstanceError
from slipway.plugins.aws.functions import UnknownFunctionError, function_of, unfollowed
from slipway.plugins.aws.kinds import UnknownTokenError, kind_of
from slipway.plugins.aws.resource import AwsError, NotReadyError, Resource
from slipway.plugins.aws.session import Session
from slipway.plugins.aws.table import Kind
from slipway.plugins.aws.validation import RequestFault
from slipway.plugins.diff import compare, drifted
from slipway.plugins.offline import (
    MARK,
    ForeignStateError,
    InitFailedError,
    NoInstanceError,
    OfflineProvider,
    Properties,
    answering,
    autoname,
    describe_changes,
    name_of,
    no_changes,
    own,
    token_of,
)
from slipway.plugins.properties import UNKNOWN, Secret, conceal, decode, encode, has_unknowns, reveal, secret_paths

_DEFAULTS = "__defaults"
"""Where the official plugin notes which inputs it gave itself."""


class Aws(OfflineProvider):
    """The provider."""

    VERSION = "7.51.1"
    SETTINGS = frozenset(
        {
            "accessKey",
            "allowedAccountIds",
            "assumeRoleWithWebIdentity",
            "assumeRoles",
            "defaultTags",
            "endpoints",
            "forbiddenAccountIds",
            "profile",
            "region",
            "s3UsePathStyle",
            "secretKey",
            "skipCredentialsValidation",
            "skipMetadataApiCheck",
            "skipRegionValidation",
            "skipRequestingAccountId",
            "token",
        }
    )

    def __init__(self, engine: str = "") -> None:
        super().__init__(engine)
        self._session: Session | None = None

    # -- configuration -------------------------------------------------------------------------------------------

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Another region means other resources: they are replaced."""
        old, new = reveal(decode(request.old_inputs)), reveal(decode(request.news))
        changed = ["region"] if old.get("region") != new.get("region") else []
        some = provider_pb2.DiffResponse.DIFF_SOME if old != new else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some, replaces=changed)

    @answering(AwsError, NoInstanceError, InstanceError)
    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Connect to the instance's endpoint, and see that the account is the one that is meant."""
        settings = reveal(decode(request.args))
        if not has_unknowns(settings):
            self._session = Session(settings)
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=False)

    # -- resources -----------------------------------------------------------------------------------------------

    @answering(AwsError, UnknownTokenError)
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Complete the inputs, and hold what they would ask of AWS to its own models."""
        kind = kind_of(token_of(request.urn))
        old, new = decode(request.olds), decode(request.news)
        new = self._with_defaults(kind, request, old, new)
        plain = reveal(new)
        asked = _given(plain)
        faults = self._resource(kind, asked).faults(asked, complete=not has_unknowns(asked))
        return provider_pb2.CheckResponse(
            inputs=encode(new),
            failures=[_told(fault, new) for fault in faults],
        )

    @answering(AwsError, UnknownTokenError, ForeignStateError)
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Say what changes, and whether it needs a new resource."""
        kind = kind_of(token_of(request.urn))
        own(decode(request.olds))
        old, new = decode(request.old_inputs), decode(request.news)
        # What the program has Pulumi ignore, the engine has set back before it asks.
        passed_over = {_DEFAULTS, *(name for name in kind.computed if name not in new)}
        changes = [each for each in compare(old, new) if each.path[0] not in passed_over]
        if not changes:
            return no_changes()
        forcing = {str(each.path[0]) for each in changes} - kind.changeable
        autonamed = kind.named in (reveal(new).get(_DEFAULTS) or [])
        same_name = bool(kind.named) and not autonamed and old.get(kind.named) == new.get(kind.named)
        return describe_changes(changes, forcing=forcing, delete_first=kind.single or same_name)

    @answering(AwsError, UnknownTokenError)
    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Make the resource and wait until it can be used."""
        kind = kind_of(token_of(request.urn))
        inputs = decode(request.properties)
        if request.preview:
            planned = {**dict.fromkeys(kind.outputs, UNKNOWN), **_given(inputs)}
            return provider_pb2.CreateResponse(id="", properties=encode(planned))
        plain = _given(reveal(inputs))
        resource = self._resource(kind, plain)
        try:
            identity, seen = resource.create(plain)
        except NotReadyError as error:
            properties = _checkpoint(kind, inputs, plain)
            raise InitFailedError(error.identity, properties, inputs, [str(error)]) from error
        return provider_pb2.CreateResponse(id=identity, properties=encode(_checkpoint(kind, inputs, seen)))

    @answering(AwsError, UnknownTokenError, ForeignStateError)
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """See what the resource is now (`refresh`), or take one that exists (`import`)."""
        kind = kind_of(token_of(request.urn))
        state, inputs = decode(request.properties), decode(request.inputs)
        if inputs:  # the state of a resource that is ours; what is imported, or only looked at, has none yet
            own(state)
        plain = reveal(state)
        seen = self._resource(kind, plain).read(request.id, {k: v for k, v in plain.items() if k != MARK})
        if seen is None:
            return provider_pb2.ReadResponse()
        if inputs:
            # Tags are compared whole: one that others added is as much a change as one that is gone.
            inputs = drifted(inputs, plain, seen)
            if "tags" in kind.outputs and reveal(state.get("tags") or {}) != seen.get("tags", {}):
                inputs["tags"] = seen.get("tags", {})
        else:
            seen = {**kind.defaults, **seen}
            inputs = {name: value for name, value in seen.items() if name in kind.inputs | {"tags"}}
        properties = _checkpoint(kind, inputs, seen)
        return provider_pb2.ReadResponse(id=request.id, properties=encode(properties), inputs=encode(inputs))

    @answering(AwsError, UnknownTokenError, ForeignStateError)
    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Change the resource."""
        kind = kind_of(token_of(request.urn))
        inputs, known = decode(request.news), own(decode(request.olds))
        if request.preview:
            planned = {**known, **_given(inputs), **({"tagsAll": inputs["tags"]} if "tags" in inputs else {})}
            return provider_pb2.UpdateResponse(properties=encode(planned))
        plain, state = _given(reveal(inputs)), reveal(known)
        try:
            seen = self._resource(kind, plain).update(request.id, state, plain)
        except NotReadyError as error:
            properties = _checkpoint(kind, inputs, {**state, **plain})
            raise InitFailedError(error.identity, properties, inputs, [str(error)]) from error
        return provider_pb2.UpdateResponse(properties=encode(_checkpoint(kind, inputs, seen)))

    @answering(AwsError, UnknownTokenError, ForeignStateError)
    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Delete the resource; one that is gone already is fine."""
        kind = kind_of(token_of(request.urn))
        state = reveal(own(decode(request.properties)))
        self._resource(kind, state).delete(request.id, state)
        return empty_pb2.Empty()

    @answering(AwsError, UnknownFunctionError, NoInstanceError)
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Call a function."""
        function, args = function_of(request.tok), reveal(decode(request.args))
        faults = unfollowed(request.tok, function, args)
        if faults:
            failures = [provider_pb2.CheckFailure(property=name, reason=reason) for name, reason in faults.items()]
            return provider_pb2.InvokeResponse(failures=failures)
        answer: Any = {"return": encode(function.call(self._connected(), args))}
        return provider_pb2.InvokeResponse(**answer)

    # -- tools ---------------------------------------------------------------------------------------------------

    def _connected(self) -> Session:
        if self._session is None:
            raise AwsError("the provider's settings are not known yet")
        return self._session

    def _resource(self, kind: Kind, properties: Properties) -> Resource:
        session = self._connected()
        region = properties.get("region")
        where = region if isinstance(region, str) and region else session.place.region
        place = session.place_of(where)
        return Resource(kind, session.client(kind.service, where), place, cancelled=self.cancelled.is_set)

    def _with_defaults(self, kind: Kind, request: Any, old: Properties, new: Properties) -> Properties:
        given: list[str] = []
        if kind.named and new.get(kind.named) is None:
            kept = old.get(kind.named) if kind.named in (reveal(old).get(_DEFAULTS) or []) else None
            made = autoname(kind.prefix + name_of(request.urn), bytes(request.randomSeed), 7)
            new = {**new, kind.named: kept or made}
            given.append(kind.named)
        lacking = {name: value for name, value in kind.defaults.items() if name not in new}
        new, given = {**new, **lacking}, [*given, *lacking]
        tags = self._connected().default_tags
        if tags and (kind.tagging is not None or "tags" in kind.changeable):
            new = {**new, "tags": _below(new.get("tags") or {}, tags)}
        return {**new, _DEFAULTS: given}


def _told(fault: RequestFault, inputs: Properties) -> Any:
    """A fault as the engine shows it; what is secret is not repeated."""
    roots = {path[0] for path in secret_paths(inputs)}
    is_secret = fault.property.partition(".")[0].partition("[")[0] in roots
    reason = "is not what AWS takes (the value is secret, and not shown)" if is_secret else fault.reason
    return provider_pb2.CheckFailure(property=fault.property, reason=reason)


def _below(given: Any, defaults: Properties) -> Any:
    """Tags with defaults where they say nothing."""
    if isinstance(given, Secret):
        return Secret(_below(given.value, defaults))
    return {**defaults, **given} if isinstance(given, dict) else given


def _given(inputs: Properties) -> Properties:
    return {name: value for name, value in inputs.items() if name != _DEFAULTS}


def _checkpoint(kind: Kind, inputs: Properties, seen: Properties) -> Properties:
    hidden = [*secret_paths(inputs), *((name,) for name in kind.secret)]
    hidden += [("tagsAll", *path[1:]) for path in hidden if path[0] == "tags"]
    concealed: Properties = conceal({**_given(seen), MARK: True}, hidden)
    return concealed
