"""Reads the stack, plans all of it, builds its layers in order, exports what people need."""

import pulumi
from pulumi.runtime.config import get_config_secret_keys_env

from infra.addons.planning import plan_serving
from infra.capacity.checking import refuse
from infra.capacity.planning import plan as plan_capacity
from infra.catalog import Catalog
from infra.foundation.access import ClusterAccess
from infra.foundation.planning.plan import plan_foundation
from infra.models import builds, objectives
from infra.models.images import in_ecr
from infra.models.planning import MissingBuildError, plan
from infra.models.service import ModelNamespace, ModelService
from infra.place import StackNameError, place_of
from infra.registry.planning.plan import plan_registry
from infra.settings import ExistingCluster, SettingsError, load

try:
    settings = load(pulumi.runtime.get_config_env(), stack=pulumi.get_stack(), secrets=get_config_secret_keys_env())
    refuse(settings, Catalog.load(), stack=pulumi.get_stack())
    objectives.refuse(settings, builds.one_item(), stack=pulumi.get_stack())
    place = place_of(settings, pulumi.get_stack())
    foundation, registry = plan_foundation(settings, place), plan_registry(settings, place)
    tags = place.tags("bought-node") if place else {}
    capacity = plan_capacity(settings.capacity, Catalog.load(), region=settings.region, tags=tags)
    models = plan(settings, builds.read(), capacity, foundation.review_urls)
except (SettingsError, StackNameError, MissingBuildError) as error:
    raise pulumi.RunError(str(error)) from None

# What is below is only loaded where it is needed: the official SDK takes its time.
if settings.region and (images := in_ecr({spec.name: spec.image for spec in models})):
    from infra.models.lookup import refuse_absent

    refuse_absent(images, stack=pulumi.get_stack())

in_cluster = None
if place is not None:
    from infra.addons.build import build as build_addons
    from infra.addons.planning import plan as plan_addons
    from infra.addons.values import Surroundings
    from infra.capacity.build import build as build_capacity
    from infra.foundation.build import build as build_foundation
    from infra.foundation.keys import Keys
    from infra.registry.build import build as build_registry

    keys = Keys("keys", specs=[*foundation.keys, *registry.keys])
    build_registry(registry, keys.arns)
    platform = build_foundation(foundation, keys.arns)
    if platform is not None:
        pulumi.export("cluster", platform.name)
        pulumi.export("kubeconfig", platform.kubeconfig)
        on_platform = pulumi.ResourceOptions(providers=[platform.provider], depends_on=platform.ready)
        around = Surroundings(
            cluster=platform.name,
            region=settings.region,
            vpc=platform.vpc,
            queue=platform.queue,
            tags=place.tags("addon"),
        )
        addons = build_addons([*plan_addons(capacity, around), *plan_serving(settings)], opts=on_platform)
        bought = pulumi.ResourceOptions.merge(on_platform, pulumi.ResourceOptions(depends_on=addons))
        pools = build_capacity(capacity, cluster=platform.name, node_role=platform.node_role, opts=bought)
        in_cluster = pulumi.ResourceOptions.merge(bought, pulumi.ResourceOptions(depends_on=pools))

if isinstance(settings.cluster, ExistingCluster):
    access = ClusterAccess("cluster", cluster=settings.cluster)
    in_cluster = pulumi.ResourceOptions(providers=[access.provider])
    if serving := plan_serving(settings):
        from infra.addons.build import build as build_addons

        needs = pulumi.ResourceOptions(depends_on=build_addons(serving, opts=in_cluster))
        in_cluster = pulumi.ResourceOptions.merge(in_cluster, needs)

if in_cluster is not None and settings.gateway is not None:
    from infra.addons.build import ModelGateway

    gateway = ModelGateway(
        "gateway", settings=settings.gateway, models=settings.namespace, is_monitored=settings.scales, opts=in_cluster
    )
    in_cluster = pulumi.ResourceOptions.merge(in_cluster, pulumi.ResourceOptions(depends_on=[gateway]))
if in_cluster is not None and settings.cache is not None:
    from infra.addons.cache import ModelCache

    cache = ModelCache("cache", settings=settings.cache, models=settings.namespace, opts=in_cluster)
    in_cluster = pulumi.ResourceOptions.merge(in_cluster, pulumi.ResourceOptions(depends_on=[cache]))
if in_cluster is not None and models:
    namespace = ModelNamespace(
        settings.namespace, is_monitored=settings.scales, has_gateway=settings.gateway is not None, opts=in_cluster
    )
    after = pulumi.ResourceOptions.merge(in_cluster, pulumi.ResourceOptions(depends_on=[namespace]))
    services = {spec.name: ModelService(spec.name, spec=spec, opts=after) for spec in models}
    pulumi.export("models", {name: service.address for name, service in services.items()})
