"""Reads the stack, builds its layers in order, exports what people need."""

import pulumi

from infra.foundation.access import ClusterAccess
from infra.models import builds
from infra.models.planning import MissingBuildError, plan
from infra.models.service import ModelNamespace, ModelService
from infra.settings import SettingsError, load

try:
    settings = load(pulumi.runtime.get_config_env(), stack=pulumi.get_stack())
    models = plan(settings, builds.read())
except (SettingsError, MissingBuildError) as error:
    raise pulumi.RunError(str(error)) from None

access = ClusterAccess("cluster", cluster=settings.cluster)
in_cluster = pulumi.ResourceOptions(providers=[access.provider])

namespace = ModelNamespace("models", opts=in_cluster)
services = {
    spec.name: ModelService(
        spec.name,
        spec=spec,
        opts=pulumi.ResourceOptions.merge(in_cluster, pulumi.ResourceOptions(depends_on=[namespace])),
    )
    for spec in models
}

pulumi.export("models", {name: service.address for name, service in services.items()})
