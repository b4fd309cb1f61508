"""What people are to see: queues, keys, what a model's role may do, and all of it in the graph of a whole stack."""

import json
from typing import Any

import botocore.session
import pytest

from infra.foundation.planning.identities import plan_identities
from infra.foundation.planning.keys import plan_keys
from infra.foundation.planning.plan import plan_foundation
from infra.foundation.planning.review import ReviewQueueSpec, plan_reviews
from infra.settings import Settings
from infra.settings.aws import queues_of
from tests.infra import program
from tests.infra.builders import WHOLE, place, settings
from tests.infra.graphs import config_of
from tests.infra.settings.stackfiles import as_engine

IMAGE, OTHER = (f"{name}@sha256:{'0' * 64}" for name in ("risk", "digits"))
NAMED = "https://sqs.us-east-1.amazonaws.com/111122223333/people"
QUEUE = "slipway-prod-review-risk"
ARN = f"arn:aws:sqs:us-east-1:111122223333:{QUEUE}"


def stack(review: dict[str, Any], **sections: Any) -> Settings:
    """A whole environment with two models, of which one sends what it is not sure of."""
    risk = {"image": IMAGE, "resources": {"cpu": 1, "memory": "1Gi"}, "serving": {"review": review}}
    return settings(models={**WHOLE["slipway:models"], "risk": risk}, **sections)


def statements(review: dict[str, Any], model: str = "risk", **sections: Any) -> dict[str, Any]:
    """What a model's role may do because of it."""
    plans = {each.name: each for each in plan_identities(stack(review, **sections), place())}
    policy = plans[f"model-{model}"].policies.get("review", {"Statement": []})
    return {each["Sid"]: each for each in policy["Statement"]}


def test_a_model_that_names_no_queue_has_one_of_its_own() -> None:
    assert plan_reviews(stack({"below": 0.75}), place()) == [
        ReviewQueueSpec(
            model="risk",
            queue=QUEUE,
            arn=ARN,
            url=f"https://sqs.us-east-1.amazonaws.com/111122223333/{QUEUE}",
            kept_seconds=1_209_600,
            policy={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "OnlyOverTls",
                        "Effect": "Deny",
                        "Principal": {"AWS": "*"},
                        "Action": "sqs:*",
                        "Resource": ARN,
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            },
            tags=place().tags("review-risk", model="risk"),
        )
    ]


def test_a_queue_that_is_named_is_not_made_and_neither_is_a_key() -> None:
    named = stack({"below": 0.75, "queue": NAMED})
    assert plan_reviews(named, place()) == []
    assert [key.name for key in plan_keys(named, place())] == ["logs", "secrets", "data"]
    assert plan_foundation(named, place()).review_urls == {}


def test_queues_have_a_key_of_their_own_that_the_account_decides_about() -> None:
    keys = {key.name: key for key in plan_keys(stack({"below": 0.75}), place())}
    assert [*keys] == ["logs", "secrets", "data", "review"]
    assert keys["review"].alias == "alias/slipway-prod-review"
    assert [each["Sid"] for each in keys["review"].policy["Statement"]] == ["AccountDecides"]


def test_a_model_sends_to_its_queue_and_may_do_nothing_else() -> None:
    assert statements({"below": 0.75}, stores=None) == {
        "SendsForReview": {"Sid": "SendsForReview", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": ARN},
        "UsesReviewKey": {
            "Sid": "UsesReviewKey",
            "Effect": "Allow",
            "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
            "Resource": "arn:aws:kms:us-east-1:111122223333:key/*",
            "Condition": {
                "ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/slipway-prod-review"},
                "StringEquals": {"kms:ViaService": "sqs.us-east-1.amazonaws.com"},
            },
        },
    }
    (risk,) = (each for each in plan_identities(stack({"below": 0.75}, stores=None), place()) if "risk" in each.name)
    assert [*risk.policies] == ["review"]
    assert risk.aws_policies == ()


def test_a_model_without_review_sends_nothing() -> None:
    assert statements({"below": 0.75}, "digits") == {}


def test_to_a_queue_that_is_named_a_model_sends_and_uses_no_key_of_the_stack() -> None:
    (sends,) = statements({"below": 0.75, "queue": NAMED}).values()
    assert (sends["Action"], sends["Resource"]) == ("sqs:SendMessage", "arn:aws:sqs:us-east-1:111122223333:people")


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1", "us-gov-west-1"])
def test_a_queue_is_where_botocore_asks_for_it(region: str) -> None:
    client = botocore.session.get_session().create_client("sqs", region_name=region)
    assert queues_of(region, "111122223333") == f"{client.meta.endpoint_url}/111122223333/"


def graph(review: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Every resource of `dev` with two models, of which one may send what it is not sure of."""
    model: dict[str, Any] = {"pool": "cpu-serving", "resources": {"cpu": "500m", "memory": "512Mi"}}
    serving = {"serving": {"review": review}} if review else {}
    models = {"risk": {**model, "image": IMAGE, **serving}, "digits": {**model, "image": OTHER}}
    outcome = program.run({**config_of("dev"), **as_engine({"slipway:models": models})}, stack="dev")
    assert outcome.error == ""
    return outcome.resources


def variables(resources: dict[str, dict[str, Any]], model: str) -> dict[str, str]:
    """What the container of a model is told."""
    (deployment,) = (
        each["inputs"]
        for name, each in resources.items()
        if each["type"] == "kubernetes:apps/v1:Deployment" and name.endswith(f"::{model}")
    )
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"]}


def test_the_graph_has_a_queue_its_policy_a_key_and_a_right_more_and_nothing_else_changes() -> None:
    before, after = graph(None), graph({"below": 0.75})
    new = {name.rpartition("$")[2]: after[name]["inputs"] for name in after.keys() - before.keys()}
    dev = "slipway-dev-review-risk"
    arn = f"arn:aws:sqs:us-east-1:222233334444:{dev}"
    assert new.keys() == {
        "aws:kms/key:Key::keys-review",
        "aws:kms/alias:Alias::keys-review",
        "slipway:foundation:ReviewQueues::reviews",
        "aws:sqs/queue:Queue::reviews-risk",
        "aws:sqs/queuePolicy:QueuePolicy::reviews-risk",
        "aws:iam/rolePolicy:RolePolicy::identities-model-risk-review",
    }
    assert new["aws:sqs/queue:Queue::reviews-risk"] == {
        "name": dev,
        "messageRetentionSeconds": 1_209_600,
        "kmsMasterKeyId": "arn of the key of keys-review",
        "tags": {
            "Name": dev,
            "stack": "dev",
            "owner": "platform",
            "cost-center": "ml-dev",
            "managed-by": "pulumi",
            "model": "risk",
        },
    }
    policy = new["aws:sqs/queuePolicy:QueuePolicy::reviews-risk"]
    assert policy["queueUrl"] == "https://sqs.example/reviews-risk"
    assert [(each["Effect"], each["Resource"]) for each in policy["policy"]["JSON"]["Statement"]] == [("Deny", arn)]
    right = new["aws:iam/rolePolicy:RolePolicy::identities-model-risk-review"]
    assert right["role"] == "slipway-dev-model-risk"
    assert [(each["Sid"], each["Action"]) for each in right["policy"]["JSON"]["Statement"]] == [
        ("SendsForReview", "sqs:SendMessage"),
        ("UsesReviewKey", ["kms:GenerateDataKey", "kms:Decrypt"]),
    ]
    assert variables(after, "digits") == variables(before, "digits")
    told = variables(after, "risk")
    assert {name: told[name] for name in told.keys() - variables(before, "risk").keys()} == {
        "SLIPWAY_REVIEW_BELOW": "0.75",
        "SLIPWAY_REVIEW_QUEUE_URL": f"https://sqs.us-east-1.amazonaws.com/222233334444/{dev}",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    changed = {name for name in before if json.dumps(before[name]["inputs"]) != json.dumps(after[name]["inputs"])}
    assert changed == {name for name in before if name.endswith("kubernetes:apps/v1:Deployment::risk")}


def test_pods_wait_for_their_queue() -> None:
    resources = graph({"below": 0.75})
    (namespace,) = (each for each in resources.values() if each["type"] == "slipway:models:ModelNamespace")
    (queues,) = (name for name, each in resources.items() if each["type"] == "slipway:foundation:ReviewQueues")
    assert f"{queues} (all of it)" in namespace["waits for"]
