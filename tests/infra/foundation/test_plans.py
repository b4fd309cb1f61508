"""The plans of keys, stores, cluster, identities and interruptions."""

from typing import Any

import pytest

from infra.capacity import names as capacity
from infra.foundation.planning import identities
from infra.foundation.planning.addons import PINS
from infra.foundation.planning.cluster import SYSTEM_TAINT, ClusterSpec, bought_role, plan_cluster
from infra.foundation.planning.identities import IdentitySpec, plan_identities
from infra.foundation.planning.interruptions import plan_interruptions
from infra.foundation.planning.keys import plan_keys
from infra.foundation.planning.network import DISCOVERY
from infra.foundation.planning.plan import FoundationPlan, plan_foundation
from infra.foundation.planning.stores import plan_stores
from infra.place import place_of
from infra.settings.cluster import NAMESPACE
from tests.infra.builders import WHOLE, place, settings


def cluster(**given: Any) -> ClusterSpec:
    plan = plan_cluster(settings(cluster={**WHOLE["slipway:cluster"], **given}), place())
    assert plan is not None
    return plan


def identity(name: str, **sections: Any) -> IdentitySpec:
    return {each.name: each for each in plan_identities(settings(**sections), place())}[name]


def statements(spec: IdentitySpec) -> dict[str, Any]:
    return {each["Sid"]: each for policy in spec.policies.values() for each in policy["Statement"]}


def test_nothing_is_planned_for_a_stack_that_has_nothing_in_aws() -> None:
    local = settings(**dict.fromkeys(("tags", "network", "stores", "models")), cluster={"context": "here"})
    assert plan_foundation(local, place_of(local, "local")) == FoundationPlan()


def test_each_layer_has_the_keys_it_needs() -> None:
    def names(**sections: Any) -> list[str]:
        return [key.name for key in plan_keys(settings(**sections), place())]

    assert names() == ["logs", "secrets", "data"]
    assert names(cluster=None, models=None) == ["logs", "data"]
    assert names(cluster=None, models=None, network=None) == ["data"]
    assert names(stores=None) == ["logs", "secrets"]


def test_the_key_of_logs_is_for_log_groups_of_the_account_alone() -> None:
    (logs,) = (key for key in plan_keys(settings(), place()) if key.name == "logs")
    by_logs = logs.policy["Statement"][1]
    assert by_logs["Principal"] == {"Service": "logs.us-east-1.amazonaws.com"}
    assert by_logs["Condition"] == {
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:us-east-1:111122223333:log-group:*"}
    }


def test_stores_record_who_reads_them_and_keep_what_was_overwritten() -> None:
    logs, models, data = plan_stores(settings(stores={"versions-days": 30, "logs-days": 60}), place())
    assert [each.bucket for each in (logs, models, data)] == [
        f"slipway-prod-{name}-111122223333-us-east-1" for name in ("logs", "models", "data")
    ]
    assert (logs.logs_to, models.logs_to, data.logs_to) == ("", logs.bucket, logs.bucket)
    assert {rule["id"]: rule for rule in models.rules}["old-versions"]["noncurrent_version_expiration"] == {
        "noncurrent_days": 30
    }
    assert {rule["id"]: rule for rule in logs.rules}["old-logs"]["expiration"] == {"days": 60}
    written = [each for each in logs.policy["Statement"] if each["Effect"] == "Allow"]
    assert [each["Resource"] for each in written] == [f"{logs.arn}/access/models/*", f"{logs.arn}/access/data/*"]
    assert [each["Condition"]["ArnLike"]["aws:SourceArn"] for each in written] == [models.arn, data.arn]


def test_content_goes_with_the_stack_only_where_the_stack_file_says_so() -> None:
    def goes(*, discard: bool) -> list[bool]:
        return [each.discard for each in plan_stores(settings(stores={"discard-with-stack": discard}), place())]

    assert goes(discard=False) == [True, False, False]
    assert goes(discard=True) == [True, True, True]


def test_a_cluster_is_private_and_pins_its_add_ons() -> None:
    spec = cluster()
    assert (spec.private, spec.public_from) == (True, ())
    assert spec.log_group == "/aws/eks/k/cluster"
    assert {each.name for each in spec.add_ons} == set(PINS)
    versions = {each.name: each.version for each in spec.add_ons}
    assert versions["kube-proxy"].startswith("v1.34.")
    assert {each.name for each in spec.add_ons if each.before_nodes} == {
        "vpc-cni",
        "kube-proxy",
        "eks-pod-identity-agent",
    }
    assert {each.name: each.values for each in spec.add_ons}["vpc-cni"] == {"enableNetworkPolicy": "true"}


@pytest.mark.parametrize("version", ["1.33", "1.34"])
def test_kube_proxy_follows_the_version_of_kubernetes(version: str) -> None:
    versions = {each.name: each.version for each in cluster(version=version).add_ons}
    assert versions["kube-proxy"].startswith(f"v{version}.")


def test_a_pin_of_the_stack_file_comes_before_that_of_the_table() -> None:
    pinned = cluster(**{"add-ons": {"coredns": "v1.13.0-eksbuild.1"}})
    assert {each.name: each.version for each in pinned.add_ons}["coredns"] == "v1.13.0-eksbuild.1"


def test_a_model_reads_its_own_artifacts_and_nothing_else() -> None:
    digits = identity("model-digits")
    assert (digits.namespace, digits.account, digits.tags["model"]) == (NAMESPACE, "digits", "digits")
    found = statements(digits)
    bucket = "arn:aws:s3:::slipway-prod-models-111122223333-us-east-1"
    assert found.keys() == {"ReadsItsArtifacts", "ListsItsArtifacts", "UsesDataKey"}
    assert (found["ReadsItsArtifacts"]["Action"], found["ReadsItsArtifacts"]["Resource"]) == (
        "s3:GetObject",
        f"{bucket}/digits/*",
    )
    assert found["ListsItsArtifacts"]["Condition"] == {"StringLike": {"s3:prefix": ["digits/*"]}}
    assert found["UsesDataKey"]["Condition"] == {
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/slipway-prod-data"},
        "StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"},
    }


def test_a_model_of_a_stack_without_stores_may_do_nothing() -> None:
    assert identity("model-digits", stores=None).policies == {}


def test_roles_are_taken_by_pods_of_this_cluster_alone() -> None:
    for spec in plan_identities(settings(), place()):
        (trust,) = spec.trust["Statement"]
        assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
        assert trust["Condition"] == {
            "StringEquals": {"aws:SourceAccount": "111122223333"},
            "ArnEquals": {"aws:SourceArn": "arn:aws:eks:us-east-1:111122223333:cluster/k"},
        }


def test_karpenter_makes_tags_and_ends_only_nodes_of_its_cluster() -> None:
    found = statements(identity("karpenter"))
    owned = {"aws:RequestTag/kubernetes.io/cluster/k": "owned", "aws:RequestTag/eks:eks-cluster-name": "k"}
    assert found["MakesWhatItTags"]["Condition"]["StringEquals"] == owned
    for sid in ("DeletesItsOwn", "NamesItsInstances", "StartsFromItsTemplates"):
        assert found[sid]["Condition"]["StringEquals"] == {"aws:ResourceTag/kubernetes.io/cluster/k": "owned"}
        assert found[sid]["Condition"]["StringLike"] == {"aws:ResourceTag/karpenter.sh/nodepool": "*"}
    assert found["GivesNodesTheirRole"]["Resource"] == f"arn:aws:iam::111122223333:role/{bought_role(place())}"
    assert found["ReadsItsQueue"]["Resource"] == "arn:aws:sqs:us-east-1:111122223333:k"
    assert "ec2:DescribeCapacityReservations" in found["InstancesAreSeen"]["Action"]


def test_load_balancers_of_other_clusters_are_left_alone() -> None:
    found = statements(identity("load-balancers"))
    mine = {"aws:ResourceTag/elbv2.k8s.aws/cluster": "k"}
    for sid in ("ChangesItsOwn", "ChangesItsGroups", "TagsItsGroups", "TagsItsOwn"):
        assert found[sid]["Condition"]["StringEquals"] == mine
    for sid in ("MakesBalancers", "MakesGroups"):
        assert found[sid]["Condition"]["StringEquals"] == {"aws:RequestTag/elbv2.k8s.aws/cluster": "k"}


def test_the_queue_hears_what_karpenter_acts_on_from_these_rules_alone() -> None:
    plan = plan_interruptions(settings(), place())
    assert plan is not None
    kinds = {kind for rule in plan.rules for kind in rule.pattern["detail-type"]}
    assert kinds == {
        "EC2 Spot Instance Interruption Warning",
        "EC2 Instance State-change Notification",
        "AWS Health Event",
        "EC2 Capacity Reservation Instance Interruption Warning",
    }
    events = plan.policy["Statement"][0]
    assert events["Condition"] == {"ArnEquals": {"aws:SourceArn": [rule.arn for rule in plan.rules]}}
    assert plan.queue == "k"


def test_rooms_agree_about_names() -> None:
    assert (capacity.DISCOVERY, capacity.SYSTEM_TAINT) == (DISCOVERY, SYSTEM_TAINT)
    assert identities.MODELS_NAMESPACE == NAMESPACE
