"""The plans of repositories, CI, audit and budget."""

from typing import Any

from infra.registry.planning.plan import RegistryPlan, plan_registry
from tests.infra.builders import place, settings

REGISTRY: dict[str, Any] = {
    "repositories": ["digits", "letters"],
    "pull-from": ["222233334444", "333344445555"],
    "ci": {"github": "acme/slipway", "push-from": ["main", "release/1"]},
}


def planned(budget: Any = None, **registry: Any) -> RegistryPlan:
    return plan_registry(settings(registry={**REGISTRY, **registry}, budget=budget), place("shared"))


def test_environments_may_pull_and_look_and_nothing_more() -> None:
    for repository in planned().repositories:
        assert repository.pull is not None
        (pull,) = repository.pull["Statement"]
        assert pull["Principal"] == {"AWS": ["arn:aws:iam::222233334444:root", "arn:aws:iam::333344445555:root"]}
        assert all(action.split(":")[1].startswith(("Batch", "Get", "Describe")) for action in pull["Action"])
        # What `pulumi up` asks before it deploys an image: the official plugin looks for the repository, too.
        assert {"ecr:DescribeImages", "ecr:DescribeRepositories"} <= {*pull["Action"]}


def test_a_repository_that_nobody_else_pulls_from_has_no_policy() -> None:
    assert [each.pull for each in planned(**{"pull-from": []}).repositories] == [None, None]


def test_images_go_by_age_without_a_tag_and_by_number_with_one() -> None:
    (first, *_) = planned(keep={"untagged-days": 3, "images": 50}).repositories
    counts = [(rule["selection"]["tagStatus"], rule["selection"]["countNumber"]) for rule in first.lifecycle["rules"]]
    assert counts == [("untagged", 3), ("any", 50)]


def test_only_named_branches_push_and_pull_requests_look() -> None:
    push, preview = planned().ci
    assert push.subjects == (
        "repo:acme/slipway:ref:refs/heads/main",
        "repo:acme/slipway:ref:refs/heads/release/1",
    )
    assert push.policy is not None
    pushes = {each["Sid"]: each for each in push.policy["Statement"]}["Pushes"]
    assert pushes["Resource"] == [
        f"arn:aws:ecr:us-east-1:111122223333:repository/{name}" for name in ("digits", "letters")
    ]
    assert not any("Delete" in action for action in pushes["Action"])
    assert preview.subjects == ("repo:acme/slipway:pull_request",)
    assert (preview.policy, preview.aws_policy) == (None, "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess")


def test_the_audit_trail_is_locked_and_goes_by_itself_later() -> None:
    audit = planned(audit={"retention-days": 100}).audit
    assert audit is not None
    assert (audit.locked_days, audit.kept_days) == (100, 130)
    trail = "arn:aws:cloudtrail:us-east-1:111122223333:trail/slipway-shared-audit"
    writes = {each["Sid"]: each for each in audit.policy["Statement"]}["TrailWrites"]
    assert writes["Condition"]["StringEquals"]["aws:SourceArn"] == trail
    assert writes["Resource"] == f"arn:aws:s3:::{audit.bucket}/AWSLogs/111122223333/*"


def test_a_budget_tells_people_at_its_shares() -> None:
    budget = planned({"monthly": "20000 USD", "alert": ["50%", "120%"], "notify": ["a@example.com"]}).budget
    assert budget is not None
    assert (budget.dollars, budget.shares, budget.notify) == ("20000", (50, 120), ("a@example.com",))
    (publish,) = budget.topic_policy["Statement"]
    assert publish["Condition"]["StringEquals"] == {"aws:SourceAccount": "111122223333"}


def test_each_layer_has_the_key_it_needs() -> None:
    assert [key.name for key in planned().keys] == ["images", "audit"]
    assert [key.name for key in planned({"monthly": "1 USD"}).keys] == ["images", "audit", "alerts"]
    only_budget = plan_registry(settings(budget={"monthly": "1 USD"}), place())
    assert [key.name for key in only_budget.keys] == ["alerts"]
    assert (only_budget.repositories, only_budget.ci, only_budget.audit) == ((), (), None)


def test_nothing_is_planned_for_a_stack_that_has_nothing_in_aws() -> None:
    assert plan_registry(settings(), None) == RegistryPlan()
