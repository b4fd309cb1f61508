"""Named ways to break the kubernetes plugin, and the test that each must fail."""

import ipaddress
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from slipway.embedded import charts
from slipway.plugins import diff, offline, properties
from slipway.plugins.kubernetes import (
    access,
    applied,
    applying,
    awaited,
    cluster,
    judging,
    kinds,
    objects,
    ownership,
    provider,
    readiness,
    waiting,
)
from slipway.plugins.kubernetes.helm import command, installed, overlay, releases
from slipway.plugins.kubernetes.helm import inputs as release_inputs
from tests.faults.fault import Fault

Break = Callable[[pytest.MonkeyPatch], None]
_READY = readiness.Verdict()


def _replacing(where: object, name: str, value: object) -> Break:
    """A fault that puts another value in the place of one."""
    return lambda patch: patch.setattr(where, name, value)


def _answering(where: object, name: str, value: object) -> Break:
    """A fault that has a function always return the same."""
    return _replacing(where, name, lambda *_, **__: value)


def _wrapping(where: Any, name: str, around: Callable[..., Any]) -> Break:
    """A fault that is given the original, and its arguments."""
    original = getattr(where, name)
    return _replacing(where, name, lambda *args, **options: around(original, *args, **options))


def _empty_diff(*_: Any) -> Any:
    return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE, hasDetailedDiff=True)


def _nothing_replaces(patch: pytest.MonkeyPatch) -> None:
    for kind in kinds.KINDS.values():
        patch.setitem(kinds.KINDS, kind.token, replace(kind, replace_on=()))


def _wet(original: Any, *args: Any, **options: Any) -> Any:
    return original(*args, **{**options, "dry_run": False})


def _forced(original: Any, *args: Any, **options: Any) -> Any:
    return original(*args, **{**options, "force": True})


def _guessed(original: Any, self: Any, wanted: Any, **options: Any) -> Any:
    return wanted if options.get("dry_run") else original(self, wanted, **options)


def _new_name_every_time(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(objects, "kept_name", lambda _: None)
    count = iter(range(1000))
    patch.setattr(applied, "autoname", lambda name, *rest: offline.autoname(f"{name}-{next(count)}", *rest))


def _new_manager_every_time(patch: pytest.MonkeyPatch) -> None:
    count = iter(range(1000))
    patch.setattr(ownership, "manager_of", lambda *_: f"pulumi-kubernetes-{next(count):08x}")


def _inverted(value: Any) -> Any:
    """The same shape with other values: as if everything had been something else when it was recorded."""
    if isinstance(value, dict):
        return {key: _inverted(each) for key, each in value.items()}
    return [_inverted(each) for each in value] if isinstance(value, list) else f"not {value}"


def _still_there(_self: Any, request: Any, _context: Any) -> Any:
    return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)


class _ForgetfulError(Exception):
    def __init__(self, *_: Any) -> None:
        super().__init__("it failed")


class _NeverError(Exception):
    """What nothing raises."""


class _Everywhere:
    is_loopback = True


class _AnyPort(int):
    __hash__ = int.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int)


def _unrecorded(original: Any, self: Any, request: Any) -> Any:
    reply = original(self, request)
    self._recorded.clear()
    return reply


def _unbalanced(original: Any, service: Any, slices: Any) -> Any:
    return original({**service, "spec": {**service["spec"], "type": "ClusterIP"}}, slices)


def _resumed(original: Any, live: Any) -> Any:
    return original({**live, "spec": {**live["spec"], "paused": False}})


def _at_home(original: Any, *args: Any, name: str, namespace: str | None) -> Any:
    return original(*args, name=name, namespace=namespace and "default")


def _recorded_as_planned(original: Any, changes: Any, planned: Any, _recorded: Any) -> Any:
    return original(changes, planned, planned)


def _without(setting: str) -> Break:
    return _wrapping(access, "named_by", lambda original, settings: original({**settings, setting: None}))


def _applied_not_put(patch: pytest.MonkeyPatch) -> None:
    token = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
    patch.setitem(kinds.KINDS, token, replace(kinds.KINDS[token], is_put=False))


def _hopeful(original: Any, live: Any) -> Any:
    return replace(original(live), failed=False)


def _into_any_cluster(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ipaddress, "ip_address", lambda *_: _Everywhere())
    patch.setattr(access, "instance_port", lambda *_: None)  # that of an https address without one


_HERE = "tests/slipway/plugins/kubernetes"
_LIFE, _READINESS = f"{_HERE}/test_life.py::", f"{_HERE}/test_readiness.py::"
_OWNERSHIP, _ACCESS = f"{_HERE}/test_ownership.py::", f"{_HERE}/test_access.py::"
_CUSTOM, _KINDS, _RELEASES = f"{_HERE}/test_custom.py::", f"{_HERE}/test_kinds.py::", f"{_HERE}/test_releases.py::"
_plugin, _cluster, _applying = provider.Kubernetes, cluster.KubernetesCluster, applying.Applying

_MAKING = {
    "names are not unique": Fault(
        f"{_LIFE}test_an_object_without_a_name_is_given_one_of_its_own",
        _replacing(applied, "autoname", lambda name, *_: f"{name}-00000000"),
    ),
    "names change with every update": Fault(f"{_LIFE}test_a_given_name_stays_over_updates", _new_name_every_time),
    "what others made is taken": Fault(
        f"{_LIFE}test_an_object_that_others_made_is_not_taken", _answering(_cluster, "find", None)
    ),
    "what was made unheard of is refused": Fault(
        f"{_LIFE}test_an_object_whose_making_was_not_heard_of_is_taken_up",
        _answering(ownership, "is_managed_by", value=False),
    ),
    "what is replaced is taken up": Fault(
        f"{_LIFE}test_a_new_object_does_not_take_up_the_one_it_replaces",
        _wrapping(applied.AppliedObjects, "check", _unrecorded),
    ),
    "a namespace is not waited for": Fault(
        f"{_LIFE}test_an_object_waits_for_its_namespace", _replacing(applying, "_RETRY_SECONDS", ())
    ),
    "previews write": Fault(f"{_LIFE}test_a_preview_writes_nothing", _wrapping(_cluster, "apply", _wet)),
    "previews of new objects do not ask the server": Fault(
        f"{_LIFE}test_what_the_server_refuses_is_an_error_in_its_words", _answering(_applying, "plan", None)
    ),
    "previews of changes do not ask the server": Fault(
        f"{_LIFE}test_what_the_server_calls_immutable_is_refused_by_the_preview",
        _wrapping(_applying, "update", _guessed),
    ),
    "previews promise what they cannot know": Fault(
        f"{_LIFE}test_what_is_only_known_once_an_object_is_made_is_unknown_before",
        _replacing(objects, "to_be_made", lambda planned: planned),
    ),
}
_CHANGING = {
    "diff is always empty": Fault(
        f"{_LIFE}test_a_change_is_an_update_that_names_the_property", _replacing(_plugin, "Diff", _empty_diff)
    ),
    "no property forces a new object": Fault(
        f"{_LIFE}test_a_property_of_the_table_that_changes_means_a_new_object", _nothing_replaces
    ),
    "everything forces a new object": Fault(
        f"{_LIFE}test_what_can_be_changed_is_not_replaced", _answering(offline, "is_below", value=True)
    ),
    "another spelling is a change": Fault(
        f"{_LIFE}test_another_spelling_of_the_same_value_is_no_change",
        _replacing(objects, "is_other_spelling", lambda changes, *_: not changes),
    ),
    "a change is another spelling": Fault(
        f"{_LIFE}test_a_change_is_an_update_that_names_the_property",
        _answering(objects, "is_other_spelling", value=True),
    ),
    "a value that others set already is another spelling": Fault(
        f"{_LIFE}test_another_value_is_a_change_even_where_others_made_it_already",
        _wrapping(objects, "is_other_spelling", _recorded_as_planned),
    ),
    "two objects may have one name": Fault(
        f"{_LIFE}test_an_object_with_a_fixed_name_is_deleted_before_it_is_replaced",
        _answering(objects, "must_go_first", value=False),
    ),
    "refresh sees nothing": Fault(
        f"{_LIFE}test_a_refresh_sees_what_others_changed_and_nothing_else",
        _replacing(diff, "drifted", lambda inputs, *_: inputs),
    ),
    "refresh sees what is not there": Fault(
        f"{_LIFE}test_a_value_that_the_server_writes_otherwise_is_no_drift",
        _wrapping(diff, "drifted", lambda original, inputs, _, live: original(inputs, _inverted(live), live)),
    ),
    "refresh does not look": Fault(
        f"{_LIFE}test_an_object_that_is_gone_is_seen_to_be_gone", _replacing(_plugin, "Read", _still_there)
    ),
    "import takes what is no input": Fault(
        f"{_LIFE}test_an_object_can_be_taken_over_by_its_id", _replacing(objects, "_CONTROLLERS_OWN", ())
    ),
    "secrets are stored in the open": Fault(
        f"{_LIFE}test_secret_values_are_hidden_in_the_state",
        _replacing(objects, "conceal", lambda value, _: properties.reveal(value)),
    ),
    "secret inputs are stored in the open": Fault(
        f"{_LIFE}test_secret_values_are_hidden_in_the_state", _replacing(objects, "Secret", lambda value: value)
    ),
    "unknown kinds pass": Fault(
        f"{_LIFE}test_an_unknown_kind_is_an_error_that_says_where_to_add_it",
        _replacing(applied, "kind_of", lambda token: kinds.KINDS.get(token, kinds.KINDS["kubernetes:core/v1:Secret"])),
    ),
    "names for the server to make pass": Fault(
        f"{_LIFE}test_what_would_be_passed_over_is_refused_by_name[generateName]", _answering(objects, "faults", [])
    ),
    "annotations that are not followed pass": Fault(
        f"{_LIFE}test_what_would_be_passed_over_is_refused_by_name[replaceUnready]",
        _answering(objects, "unfollowed", []),
    ),
}
_DELETING = {
    "delete does nothing": Fault(
        f"{_LIFE}test_delete_removes_the_object", _answering(_plugin, "Delete", empty_pb2.Empty())
    ),
    "delete does not wait": Fault(
        f"{_LIFE}test_delete_waits_until_the_object_is_gone", _answering(waiting, "wait_until_gone", None)
    ),
    "what an object owns goes with it": Fault(
        f"{_LIFE}test_what_a_deleted_object_owns_can_be_left", _replacing(cluster, "_CASCADES", {})
    ),
    "what may not be deleted keeps what was set on it": Fault(
        f"{_LIFE}test_an_object_that_may_not_be_deleted_is_left_without_what_was_set_on_it",
        _answering(_applying, "relinquish", None),
    ),
}
_WAITING = {
    "create does not wait for replicas": Fault(
        f"{_READINESS}test_create_waits_until_every_replica_is_available",
        _answering(readiness, "judge_deployment", _READY),
    ),
    "create does not wait for selected pods": Fault(
        f"{_READINESS}test_a_service_waits_for_the_pods_it_selects", _answering(readiness, "judge_service", _READY)
    ),
    "load balancers are not waited for": Fault(
        f"{_READINESS}test_a_load_balancer_is_waited_for_until_it_has_an_address",
        _wrapping(readiness, "judge_service", _unbalanced),
    ),
    "a pause is not seen": Fault(
        f"{_READINESS}test_a_paused_rollout_is_waited_for_until_it_is_resumed",
        _wrapping(readiness, "judge_deployment", _resumed),
    ),
    "what failed to start is forgotten": Fault(
        f"{_READINESS}test_an_object_that_does_not_become_ready_is_recorded_with_the_reason",
        _replacing(applied, "InitFailedError", _ForgetfulError),
    ),
    "an answer that fails to come ends the wait": Fault(
        f"{_READINESS}test_a_server_that_is_away_for_a_while_is_waited_for",
        _replacing(waiting, "ClusterError", _NeverError),
    ),
    "refresh does not judge": Fault(
        f"{_READINESS}test_a_refresh_says_of_an_object_that_is_not_ready_that_it_is_not",
        _answering(waiting, "check_ready", None),
    ),
    "annotations do not steer the wait": Fault(
        f"{_READINESS}test_an_annotation_says_how_long_to_wait_and_another_not_to",
        _answering(judging, "is_set", value=False),
    ),
}
_OWNING = {
    "the manager's name is not kept": Fault(f"{_OWNERSHIP}test_the_name_in_the_state_is_kept", _new_manager_every_time),
    "fields are taken by force": Fault(
        f"{_OWNERSHIP}test_a_field_of_another_manager_is_a_conflict_unless_taken_by_force",
        _wrapping(_cluster, "apply", _forced),
    ),
    "what is ignored is taken back": Fault(
        f"{_OWNERSHIP}test_what_a_program_leaves_to_others_stays_theirs",
        _replacing(ownership, "without_ignored", lambda wanted, *_: wanted),
    ),
    "a change of what is ignored is one": Fault(
        f"{_OWNERSHIP}test_a_change_below_what_is_ignored_is_none", _answering(diff, "covers", value=False)
    ),
    "what kubectl set is not taken over": Fault(
        f"{_OWNERSHIP}test_what_kubectl_and_older_plugins_set_is_taken_over[kubectl-edit]",
        _answering(ownership, "absorb", None),
    ),
    "previews do not foresee what is taken over": Fault(
        f"{_OWNERSHIP}test_what_kubectl_and_older_plugins_set_is_taken_over[kubectl-edit]",
        _answering(ownership, "taken_over", set()),
    ),
}
_REACHING = {
    "any endpoint will do": Fault(
        f"{_ACCESS}test_an_endpoint_beyond_the_loopback_is_refused",
        _answering(ipaddress, "ip_address", _Everywhere()),
    ),
    "any server of this machine will do": Fault(
        f"{_ACCESS}test_another_server_of_this_machine_is_refused_before_it_is_spoken_to",
        _answering(access, "instance_port", _AnyPort()),
    ),
    "a shell of no instance will do": Fault(
        f"{_ACCESS}test_a_shell_of_no_instance_is_told_what_to_run[nobody]",
        _answering(access, "instance_port", _AnyPort()),
    ),
    "any authority will do": Fault(
        f"{_ACCESS}test_another_authority_than_that_of_the_instance_is_refused[another]",
        _answering(access, "_authority", b""),
    ),
    "programs of clouds are run to be let in": Fault(
        f"{_ACCESS}test_no_other_program_is_understood_or_run_to_be_let_in[aws-arguments1]",
        _replacing(access, "of_the_instance", lambda config: config),
    ),
    "any program is taken for that of EKS": Fault(
        f"{_ACCESS}test_no_other_program_is_understood_or_run_to_be_let_in[aws-arguments1]",
        _answering(access, "_is_eks_token", value=True),
    ),
    "the program of EKS is run": Fault(
        f"{_ACCESS}test_a_user_of_eks_is_the_administrator_and_no_program_is_run",
        _replacing(access, "of_the_instance", lambda config: config),
    ),
    "users of EKS are let in anywhere": Fault(f"{_ACCESS}test_a_user_of_eks_is_let_in_nowhere_else", _into_any_cluster),
    "the cluster setting is passed over": Fault(
        f"{_ACCESS}test_the_cluster_setting_overrides_that_of_the_context", _without("cluster")
    ),
    "the namespace setting is passed over": Fault(
        f"{_ACCESS}test_an_object_without_a_namespace_is_made_in_that_of_the_provider_or_the_context",
        _wrapping(objects, "completed", _at_home),
    ),
    "unknown settings pass": Fault(
        f"{_ACCESS}test_a_setting_that_is_not_followed_is_refused_by_name",
        _replacing(_plugin, "SETTINGS", frozenset({"enableConfigMapMutable", "kubeClientSettings"})),
    ),
    "every new setting replaces everything": Fault(
        f"{_ACCESS}test_another_cluster_replaces_and_another_way_into_the_same_one_does_not",
        _answering(provider, "_cluster_meant", None),
    ),
    "foreign state passes": Fault(
        f"{_ACCESS}test_state_that_was_not_written_offline_is_left_alone",
        _replacing(applied, "own", lambda state: state),
    ),
}

_DEFINING = {
    "definitions are not waited for": Fault(
        f"{_CUSTOM}test_a_definition_is_waited_for_until_its_objects_can_be_made",
        _answering(readiness, "judge_definition", _READY),
    ),
    "objects do not wait for their definition": Fault(
        f"{_CUSTOM}test_an_object_waits_for_its_definition", _replacing(applying, "_RETRY_SECONDS", ())
    ),
    "previews need definitions": Fault(
        f"{_CUSTOM}test_a_preview_works_before_the_definition_exists",
        _wrapping(_applying, "plan", lambda _, self, wanted: self.update(wanted, dry_run=True)),
    ),
    "a namespace that was assumed stays": Fault(
        f"{_CUSTOM}test_an_object_of_no_namespace_is_made_in_none_though_that_was_not_known_before",
        _replacing(objects, "placed", lambda _, item: item),
    ),
    "definitions are changed in parts": Fault(
        f"{_CUSTOM}test_a_definition_is_changed_as_a_whole_and_keeps_its_objects", _applied_not_put
    ),
    "the end of a custom object is not waited for": Fault(
        f"{_CUSTOM}test_the_end_of_an_object_is_waited_for_until_its_finalizers_are_gone",
        _answering(waiting, "wait_until_gone", None),
    ),
    "what a program asks to be waited for is not": Fault(
        f"{_CUSTOM}test_an_object_is_waited_for_as_its_annotation_says", _answering(awaited, "judge", _READY)
    ),
    "everything is waited for": Fault(
        f"{_CUSTOM}test_an_object_is_not_waited_for_unless_that_is_asked_for",
        _wrapping(judging, "judge", lambda _, __, ___, live: readiness.Verdict("" if "status" in live else "a status")),
    ),
}
_RUNNING = {
    "jobs are not waited for": Fault(
        f"{_KINDS}test_a_job_is_waited_for_until_it_is_complete_and_made_anew_when_its_pods_change",
        _answering(readiness, "judge_job", _READY),
    ),
    "jobs that failed are waited for": Fault(
        f"{_KINDS}test_a_job_that_fails_is_recorded_at_once_with_the_reason",
        _wrapping(readiness, "judge_job", _hopeful),
    ),
    "stateful sets are not waited for": Fault(
        f"{_KINDS}test_sets_are_waited_for_until_every_pod_is_there_and_updated",
        _answering(readiness, "judge_stateful_set", _READY),
    ),
    "daemon sets are not waited for": Fault(
        f"{_KINDS}test_sets_are_waited_for_until_every_pod_is_there_and_updated",
        _answering(readiness, "judge_daemon_set", _READY),
    ),
    "an ingress needs no address": Fault(
        f"{_KINDS}test_an_ingress_is_waited_for_until_it_has_an_address",
        _answering(readiness, "judge_ingress", _READY),
    ),
    "claims are not waited for": Fault(
        f"{_KINDS}test_a_volume_claim_is_waited_for_until_it_is_bound_unless_it_waits_for_a_pod",
        _answering(readiness, "judge_volume_claim", _READY),
    ),
    "quotas are not waited for": Fault(
        f"{_HERE}/test_rules.py::test_what_controllers_add_is_missing_until_it_is_there",
        _answering(readiness, "judge_quota", _READY),
    ),
    "bindings keep their role": Fault(f"{_KINDS}test_another_role_means_another_binding", _nothing_replaces),
}
_life = f"{_RELEASES}test_a_release_lives_through_every_kind_of_change"
_RELEASING = {
    "values are ignored": Fault(_life, _wrapping(command.Helm, "values", lambda original, self, _: original(self, {}))),
    "uninstalling is skipped": Fault(_life, _answering(installed.Installed, "remove", None)),
    "names of a release's objects are not told": Fault(_life, _answering(installed, "resource_names", {})),
    "values are not checked": Fault(
        f"{_RELEASES}test_values_that_the_chart_does_not_take_are_refused_before_anything_is_done",
        _answering(installed, "render", None),
    ),
    "inputs that are not followed pass": Fault(
        f"{_RELEASES}test_what_is_not_followed_is_refused_by_name", _answering(release_inputs, "faults", [])
    ),
    "releases of others are taken": Fault(
        f"{_RELEASES}test_a_release_of_others_is_not_taken_and_one_whose_making_was_not_heard_of_is",
        _answering(installed.Installed, "find", None),
    ),
    "a release that failed is forgotten": Fault(
        f"{_RELEASES}test_a_release_that_does_not_become_ready_is_recorded_with_the_reason_and_mended_by_the_next_update",
        _replacing(installed, "FailedError", lambda _, reasons: command.HelmError("; ".join(reasons))),
    ),
    "why pods do not run is not told": Fault(
        f"{_RELEASES}test_a_release_that_is_taken_back_when_it_fails_leaves_nothing_but_the_reason",
        _answering(installed.Installed, "faults", []),
    ),
    "what a killed helm left stays": Fault(
        f"{_RELEASES}test_what_a_killed_helm_left_is_put_in_order_first[upgrade]",
        _answering(installed.Installed, "_put_in_order", None),
    ),
    "refresh sees nothing of a release": Fault(
        f"{_RELEASES}test_a_refresh_sees_what_others_did_to_a_release",
        _replacing(releases, "_seen", lambda inputs, _: inputs),
    ),
    "what this machine adds is drift": Fault(
        f"{_RELEASES}test_what_this_machine_adds_reaches_the_chart_and_is_no_drift",
        _replacing(overlay, "effective", release_inputs.values),
    ),
    "errors tell secrets": Fault(
        f"{_RELEASES}test_secret_values_reach_the_chart_and_nobody_else",
        _replacing(release_inputs, "redacted", lambda text, _: text),
    ),
    "helm is given what is the user's": Fault(
        f"{_RELEASES}test_helm_is_given_nothing_of_the_user",
        _replacing(command.Helm, "_environment", lambda _: dict(os.environ)),
    ),
    "values that nobody heeds pass": Fault(
        f"{_RELEASES}test_a_release_that_is_supervised_is_recorded_with_its_values",
        _answering(charts.KnownChart, "faults", []),
    ),
    "what is not run here is not told": Fault(
        f"{_RELEASES}test_a_release_that_is_not_run_here_is_recorded_with_a_warning",
        _answering(releases.Releases, "_explain", None),
    ),
}

KUBERNETES: dict[str, Fault] = {
    **_MAKING,
    **_CHANGING,
    **_DELETING,
    **_WAITING,
    **_OWNING,
    **_REACHING,
    **_DEFINING,
    **_RUNNING,
    **_RELEASING,
}
