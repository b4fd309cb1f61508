"""Named ways to break the aws plugin, and the test that each must fail."""

from typing import Any

import pytest
import tenacity
from botocore.config import Config
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from slipway.plugins import offline, properties
from slipway.plugins.aws import kinds, provider, refusals, resource, session
from slipway.plugins.aws.table import Kind
from tests.faults.fault import Fault


def _no_delete(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(provider.Aws, "Delete", lambda *_: empty_pb2.Empty())


def _empty_diff(patch: pytest.MonkeyPatch) -> None:
    none = provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE, hasDetailedDiff=True)
    patch.setattr(provider.Aws, "Diff", lambda *_: none)


def _forgetful_update(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(resource.Resource, "update", lambda _self, _identity, old, new: {**old, **new})


def _everything_changeable(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Kind, "changeable", property(lambda kind: kind.inputs | {"tags"}))


def _nothing_changeable(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Kind, "changeable", property(lambda _: frozenset()))


def _new_comes_first(patch: pytest.MonkeyPatch) -> None:
    original = offline.describe_changes
    patch.setattr(
        provider, "describe_changes", lambda changes, **options: original(changes, **{**options, "delete_first": False})
    )


def _no_wait(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(resource.Resource, "_is_ready", lambda *_: True)


def _no_patience(patch: pytest.MonkeyPatch) -> None:
    def at_once(*_: Any, **__: Any) -> Any:
        return lambda function: function

    patch.setattr(tenacity, "retry", at_once)


def _no_default_tags(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(provider, "_below", lambda given, _defaults: given)


def _no_defaults(patch: pytest.MonkeyPatch) -> None:
    for token, kind in kinds.KINDS.items():
        patch.setitem(kinds.KINDS, token, Kind(**{**vars(kind), "defaults": {}}))


def _nothing_computed(patch: pytest.MonkeyPatch) -> None:
    for token, kind in kinds.KINDS.items():
        patch.setitem(kinds.KINDS, token, Kind(**{**vars(kind), "computed": ()}))


def _blind_refresh(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(provider, "drifted", lambda inputs, _recorded, _live: inputs)


def _lost_tags(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(resource.Resource, "_retag", lambda *_: None)


def _forgotten_half(patch: pytest.MonkeyPatch) -> None:
    class Forgetful(Exception):  # noqa: N818
        def __init__(self, *_: Any) -> None:
            super().__init__("it failed: ResourceNotFound")

    patch.setattr(provider, "InitFailedError", Forgetful)


def _writing_previews(patch: pytest.MonkeyPatch) -> None:
    original = provider.Aws.Create

    def create(self: Any, request: Any, context: Any) -> Any:
        request.preview = False
        return original(self, request, context)

    patch.setattr(provider.Aws, "Create", create)


def _one_name_for_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(provider, "autoname", lambda name, *_: name)


def _plain_secrets(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(provider, "conceal", lambda value, _paths: properties.reveal(value))


def _told_secrets(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        provider,
        "_told",
        lambda fault, _inputs: provider_pb2.CheckFailure(property=fault.property, reason=f"sesame: {fault.reason}"),
    )


def _no_validation(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(resource, "faults_of", lambda *_, **__: iter(()))


def _any_cidr(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(resource, "cidr_faults", lambda _: iter(()))


def _passed_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(resource, "passed_over", lambda *_: iter(()))


def _nameless_refusals(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(resource, "_meant", lambda *_: "")


def _no_guard(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(session.Session, "_guard", lambda *_: None)


def _any_endpoint(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(refusals, "leads_to", lambda *_: True)


def _any_loopback(patch: pytest.MonkeyPatch) -> None:
    def without_port(endpoint: str, scheme: str, port: int) -> bool:
        return "@" not in endpoint and offline.leads_to(f"{endpoint.rpartition(':')[0]}:{port}", scheme, port)

    patch.setattr(refusals, "leads_to", without_port)


def _any_key(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(refusals, "KEY_VARIABLES", ())


def _any_profile(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(refusals, "_CREDENTIALS", ())


def _any_shell(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(session, "instance_port", lambda _: 1)


def _through_proxies(patch: pytest.MonkeyPatch) -> None:
    original = Config
    patch.setattr(session, "Config", lambda **options: original(**{**options, "proxies": None}))


def _leaving(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(session.Session, "_stay_here", lambda *_, **__: None)


def _foreign_state(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(provider, "own", lambda state: state)


_PLUGIN = "tests/slipway/plugins/aws/test_plugin.py::"
_VALIDATION = "tests/slipway/plugins/aws/test_validation.py::"
_SAFETY = "tests/slipway/plugins/aws/test_safety.py::"
_INPUT = f"{_VALIDATION}test_wrong_input_is_refused_by_the_name_of_the_property"
_ELSEWHERE = f"{_SAFETY}test_any_other_endpoint_is_refused_before_a_connection"
AWS = {
    "aws: delete does nothing": Fault(
        f"{_PLUGIN}test_delete_removes_it_and_deleting_what_is_gone_is_fine",
        _no_delete,
    ),
    "aws: diff is always empty": Fault(f"{_PLUGIN}test_a_change_is_an_update_that_names_the_property", _empty_diff),
    "aws: update does nothing": Fault(f"{_PLUGIN}test_an_update_reaches_aws_and_the_state", _forgetful_update),
    "aws: what is given at creation only is changed in place": Fault(
        f"{_PLUGIN}test_a_property_that_can_only_be_given_at_creation_means_a_new_resource",
        _everything_changeable,
    ),
    "aws: every change means a new resource": Fault(
        f"{_PLUGIN}test_a_change_is_an_update_that_names_the_property",
        _nothing_changeable,
    ),
    "aws: two may have one name": Fault(
        f"{_PLUGIN}test_what_has_a_fixed_name_is_deleted_before_it_is_replaced",
        _new_comes_first,
    ),
    "aws: creation does not wait": Fault(f"{_PLUGIN}test_creation_waits_until_it_can_be_used", _no_wait),
    "aws: deletion does not wait for what is still in use": Fault(
        f"{_PLUGIN}test_what_is_in_use_for_a_moment_is_waited_for",
        _no_patience,
    ),
    "aws: default tags are forgotten": Fault(
        f"{_PLUGIN}test_default_tags_of_the_provider_are_put_on_everything",
        _no_default_tags,
    ),
    "aws: what is taken out of the program stays": Fault(
        f"{_PLUGIN}test_a_property_taken_out_of_the_program_goes_back_to_its_default",
        _no_defaults,
    ),
    "aws: what AWS fills in is a change": Fault(f"{_PLUGIN}test_what_aws_fills_in_is_no_change", _nothing_computed),
    "aws: refresh sees nothing": Fault(
        f"{_PLUGIN}test_a_refresh_sees_what_others_changed_and_nothing_else",
        _blind_refresh,
    ),
    "aws: tags cannot be taken away": Fault(f"{_PLUGIN}test_tags_that_are_taken_out_are_taken_away", _lost_tags),
    "aws: what failed half-way is forgotten": Fault(
        f"{_PLUGIN}test_what_was_made_and_then_failed_is_recorded_with_the_reason",
        _forgotten_half,
    ),
    "aws: previews make things": Fault(
        f"{_PLUGIN}test_a_preview_makes_nothing_and_leaves_open_what_only_aws_knows",
        _writing_previews,
    ),
    "aws: names are not made unique": Fault(
        f"{_PLUGIN}test_a_resource_without_a_name_is_given_one_of_its_own_that_stays",
        _one_name_for_all,
    ),
    "aws: secrets are stored in the open": Fault(
        f"{_PLUGIN}test_secret_inputs_are_secret_wherever_the_state_repeats_them",
        _plain_secrets,
    ),
    "aws: refusals repeat secrets": Fault(
        f"{_VALIDATION}test_what_is_wrong_with_a_secret_does_not_repeat_it",
        _told_secrets,
    ),
    "aws: nothing is held to AWS's models": Fault(f"{_INPUT}[enumeration]", _no_validation),
    "aws: any text is a CIDR block": Fault(f"{_INPUT}[CIDR]", _any_cidr),
    "aws: what is not followed is passed over": Fault(f"{_INPUT}[not followed below a property]", _passed_over),
    "aws: AWS's refusals name no property": Fault(
        f"{_VALIDATION}test_what_only_aws_can_judge_names_the_property_too[CIDR]",
        _nameless_refusals,
    ),
    "aws: any account will do": Fault(f"{_SAFETY}test_the_account_is_the_one_that_is_meant[allowed]", _no_guard),
    "aws: any endpoint will do": Fault(f"{_ELSEWHERE}[another machine]", _any_endpoint),
    "aws: any port of the loopback will do": Fault(f"{_ELSEWHERE}[another port]", _any_loopback),
    "aws: any key in the shell will do": Fault(
        f"{_SAFETY}test_a_real_credential_in_the_shell_is_refused_before_a_connection[AWS_ACCESS_KEY_ID]",
        _any_key,
    ),
    "aws: any profile of the provider will do": Fault(
        f"{_SAFETY}test_a_real_credential_in_the_provider_is_refused_before_a_connection[profile]",
        _any_profile,
    ),
    "aws: any shell will do": Fault(f"{_SAFETY}test_a_shell_of_no_instance_is_refused_before_a_connection", _any_shell),
    "aws: proxies are asked": Fault(
        f"{_SAFETY}test_variables_and_files_of_the_sdk_lead_nowhere_else",
        _through_proxies,
    ),
    "aws: requests may leave": Fault(f"{_SAFETY}test_a_request_that_is_about_to_leave_is_stopped", _leaving),
    "aws: anybody's state is changed": Fault(
        f"{_SAFETY}test_state_that_the_offline_plugins_did_not_write_is_left_alone[delete]",
        _foreign_state,
    ),
}
