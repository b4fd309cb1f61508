"""The layers of the `shared` stack, and the budget that every account has."""

from collections.abc import Mapping

import pulumi

from infra.registry.audit import Audit
from infra.registry.ci import Ci
from infra.registry.planning import audit, images, spending
from infra.registry.planning.plan import RegistryPlan
from infra.registry.repository import Repository
from infra.registry.spending import Spending


def build(plan: RegistryPlan, keys: Mapping[str, pulumi.Output[str]]) -> None:
    """Make what a stack has for a team as a whole, and export what CI is told.

    Args:
        plan: What there is.
        keys: ARNs of keys by purpose.
    """
    repositories = {spec.name: Repository(spec.name, spec=spec, key=keys[images.KEY]) for spec in plan.repositories}
    if repositories:
        pulumi.export("repositories", {name: repository.url for name, repository in repositories.items()})
    if plan.ci:
        pulumi.export("ci", Ci("ci", specs=plan.ci, tags=plan.ci[0].tags).roles)
    if plan.audit is not None:
        Audit("audit", spec=plan.audit, key=keys[audit.KEY])
    if plan.budget is not None:
        Spending("spending", spec=plan.budget, key=keys[spending.KEY])
