"""Named ways to break the kubernetes plugin, and the test that each must fail."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from slipway.plugins import properties
from slipway.plugins.kubernetes import cluster, diff, kinds, provider, waiting

Break = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Fault:
    """A way to be broken.

    Attributes:
        test: The test that is there to notice.
        apply: Breaks the plugin for as long as the monkeypatch lasts.
    """

    test: str
    apply: Break


def _no_delete(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(provider.Kubernetes, "Delete", lambda *_: empty_pb2.Empty())


def _no_wait_for_deletion(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(waiting, "wait_until_gone", lambda *_, **__: None)


def _empty_diff(patch: pytest.MonkeyPatch) -> None:
    none = provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE, hasDetailedDiff=True)
    patch.setattr(provider.Kubernetes, "Diff", lambda *_: none)


def _no_readiness(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(waiting, "judge_deployment", lambda _: waiting.Verdict(ready=True))


def _no_endpoints(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(waiting, "judge_service", lambda _: waiting.Verdict(ready=True))


def _nothing_replaces(patch: pytest.MonkeyPatch) -> None:
    for kind in kinds.KINDS.values():
        patch.setitem(kinds.KINDS, kind.token, kinds.Kind(**{**vars(kind), "replace_on": ()}))


def _deaf_to_immutability(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(provider.Kubernetes, "_ask_server", lambda *_: ((), False))


def _everything_replaces(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(diff, "is_below", lambda *_: True)


def _no_delete_before_replace(patch: pytest.MonkeyPatch) -> None:
    original = provider._diff_response

    def forgetful(*args: Any) -> Any:
        response = original(*args)
        response.deleteBeforeReplace = False
        return response

    patch.setattr(provider, "_diff_response", forgetful)


def _writing_previews(patch: pytest.MonkeyPatch) -> None:
    original = cluster.KubernetesCluster.apply

    def wet(self: Any, *args: Any, **options: Any) -> Any:
        return original(self, *args, **{**options, "dry_run": False})

    patch.setattr(cluster.KubernetesCluster, "apply", wet)


def _guessing_previews(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(provider.Kubernetes, "_planned", lambda _self, _kind, inputs, _state: inputs)


def _one_name_for_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(provider, "_autoname", lambda name, _: f"{name}-00000000")


def _new_name_every_time(patch: pytest.MonkeyPatch) -> None:
    original = provider._autoname
    patch.setattr(provider, "_kept_name", lambda _: None)
    count = iter(range(1000))
    patch.setattr(provider, "_autoname", lambda name, seed: original(f"{name}-{next(count)}", seed))


def _blind_refresh(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(diff, "drifted", lambda inputs, _recorded, _live: inputs)


def _seeing_ghosts(patch: pytest.MonkeyPatch) -> None:
    original = diff.drifted
    patch.setattr(diff, "drifted", lambda inputs, _recorded, live: original(inputs, _inverted(live), live))


def _inverted(value: Any) -> Any:
    """The same shape with other values: as if everything had been something else when it was recorded."""
    if isinstance(value, dict):
        return {key: _inverted(each) for key, each in value.items()}
    return [_inverted(each) for each in value] if isinstance(value, list) else f"not {value}"


def _gone_is_still_there(patch: pytest.MonkeyPatch) -> None:
    def read(_self: Any, request: Any, _context: Any) -> Any:
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    patch.setattr(provider.Kubernetes, "Read", read)


def _forgotten_half(patch: pytest.MonkeyPatch) -> None:
    class Forgetful(Exception):  # noqa: N818
        def __init__(self, *_: Any) -> None:
            super().__init__("it failed")

    patch.setattr(provider, "InitFailedError", Forgetful)


def _plain_secrets(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(provider, "conceal", lambda value, _paths: properties.reveal(value))


def _taking_by_force(patch: pytest.MonkeyPatch) -> None:
    original = cluster.KubernetesCluster.apply

    def forced(self: Any, *args: Any, **options: Any) -> Any:
        return original(self, *args, **{**options, "force": True})

    patch.setattr(cluster.KubernetesCluster, "apply", forced)


def _any_kind(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        provider, "kind_of", lambda token: kinds.KINDS.get(token, kinds.KINDS["kubernetes:core/v1:ConfigMap"])
    )


def _any_endpoint(patch: pytest.MonkeyPatch) -> None:
    class Everywhere:
        is_loopback = True

    patch.setattr("slipway.plugins.kubernetes.cluster.ipaddress.ip_address", lambda _: Everywhere())


_HERE = "tests/slipway/plugins/test_kubernetes.py::"
FAULTS = {
    "delete does nothing": Fault("test_delete_removes_the_object", _no_delete),
    "delete does not wait": Fault("test_delete_waits_until_the_object_is_gone", _no_wait_for_deletion),
    "diff is always empty": Fault("test_a_change_is_an_update_that_names_the_property", _empty_diff),
    "create does not wait for replicas": Fault("test_create_waits_until_every_replica_is_available", _no_readiness),
    "create does not wait for endpoints": Fault("test_a_service_waits_for_a_ready_pod", _no_endpoints),
    "no property forces a new object": Fault(
        "test_a_property_of_the_table_that_changes_means_a_new_object", _nothing_replaces
    ),
    "the server's refusal to change is not heard": Fault(
        "test_what_the_server_calls_immutable_means_a_new_object", _deaf_to_immutability
    ),
    "another spelling is a change": Fault(
        "test_another_spelling_of_the_same_value_is_no_change", _deaf_to_immutability
    ),
    "everything forces a new object": Fault("test_a_change_is_an_update_that_names_the_property", _everything_replaces),
    "two objects may have one name": Fault(
        "test_an_object_with_a_fixed_name_is_deleted_before_it_is_replaced", _no_delete_before_replace
    ),
    "previews write": Fault("test_a_preview_writes_nothing", _writing_previews),
    "previews do not ask the server": Fault(
        "test_what_the_server_refuses_is_an_error_in_its_words", _guessing_previews
    ),
    "names are not unique": Fault("test_an_object_without_a_name_is_given_one_of_its_own", _one_name_for_all),
    "names change with every update": Fault("test_a_given_name_stays_over_updates", _new_name_every_time),
    "refresh sees nothing": Fault("test_a_refresh_sees_what_others_changed_and_nothing_else", _blind_refresh),
    "refresh sees what is not there": Fault(
        "test_a_value_that_the_server_writes_otherwise_is_no_drift", _seeing_ghosts
    ),
    "refresh does not look": Fault("test_an_object_that_is_gone_is_seen_to_be_gone", _gone_is_still_there),
    "what failed to start is forgotten": Fault(
        "test_an_object_that_does_not_become_ready_is_recorded_with_the_reason", _forgotten_half
    ),
    "secrets are stored in the open": Fault("test_secret_values_are_hidden_in_the_state", _plain_secrets),
    "fields are taken by force": Fault(
        "test_a_field_of_another_manager_is_a_conflict_unless_taken_by_force", _taking_by_force
    ),
    "unknown kinds pass": Fault("test_an_unknown_kind_is_an_error_that_says_where_to_add_it", _any_kind),
    "any endpoint will do": Fault("test_an_endpoint_beyond_the_loopback_is_refused", _any_endpoint),
}


def node_id(fault: str) -> str:
    """The test of a fault, as pytest names it."""
    return _HERE + FAULTS[fault].test
