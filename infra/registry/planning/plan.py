"""Everything that a stack has for a team as a whole, planned at once."""

from dataclasses import dataclass

from infra.encryption import KeySpec
from infra.place import Place
from infra.registry.planning.audit import AuditSpec, plan_audit
from infra.registry.planning.ci import CiRoleSpec, plan_ci
from infra.registry.planning.images import RepositorySpec, image_key, plan_repositories
from infra.registry.planning.spending import BudgetSpec, plan_budget
from infra.settings import Settings


@dataclass(frozen=True, kw_only=True)
class RegistryPlan:
    """What a stack has for a team as a whole; a layer that is not planned is not built.

    Attributes:
        keys: What the rest is encrypted with.
        repositories: Where images are pushed to.
        ci: What workflows may do.
        audit: The record of what is done.
        budget: What it may cost.
    """

    keys: tuple[KeySpec, ...] = ()
    repositories: tuple[RepositorySpec, ...] = ()
    ci: tuple[CiRoleSpec, ...] = ()
    audit: AuditSpec | None = None
    budget: BudgetSpec | None = None


def plan_registry(settings: Settings, place: Place | None) -> RegistryPlan:
    """Plan all of it; nothing for a stack that has nothing in AWS."""
    if place is None:
        return RegistryPlan()
    repositories = plan_repositories(settings, place)
    audit, budget = plan_audit(settings, place), plan_budget(settings, place)
    keys = [image_key(place)] if repositories else []
    keys += [spec.key for spec in (audit, budget) if spec is not None]
    return RegistryPlan(
        keys=tuple(keys),
        repositories=tuple(repositories),
        ci=tuple(plan_ci(settings, place, repositories)),
        audit=audit,
        budget=budget,
    )
