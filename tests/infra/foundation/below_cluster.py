"""What a stack has in AWS, without what is in its cluster. Written to a project of a test's own, and run there."""

import pulumi

from infra.foundation.build import build as build_foundation
from infra.foundation.keys import Keys
from infra.foundation.planning.plan import plan_foundation
from infra.place import place_of
from infra.registry.build import build as build_registry
from infra.registry.planning.plan import plan_registry
from infra.settings import load

settings = load(pulumi.runtime.get_config_env(), stack=pulumi.get_stack())
place = place_of(settings, pulumi.get_stack())
foundation, registry = plan_foundation(settings, place), plan_registry(settings, place)
keys = Keys("keys", specs=[*foundation.keys, *registry.keys])
build_registry(registry, keys.arns)
build_foundation(foundation, keys.arns)
