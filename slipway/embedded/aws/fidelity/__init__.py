"""Where moto stops: small amendments, fit to be sent upstream, each with a test that fails on plain moto."""

from slipway.embedded.aws.fidelity import (
    addresses,
    backends,
    capacity_reservations,
    eks_access_entries,
    eks_addons,
    eks_clusters,
    eks_node_groups,
    eks_pod_identities,
    eks_tags,
    eks_updates,
    filters,
    fleets,
    gateway_endpoints,
    image_digests,
    image_layers,
    image_manifests,
    image_parameters,
    image_tags,
    images,
    instance_profiles,
    instance_types,
    launch_template_ids,
    launches,
    nat_gateways,
    placement_groups,
    queues,
    registries,
    spot_prices,
)

_AMENDMENTS = (
    nat_gateways.amend,
    gateway_endpoints.amend,
    queues.amend,
    backends.amend,
    filters.amend,
    addresses.amend,
    launch_template_ids.amend,
    launches.amend,
    fleets.amend,
    spot_prices.amend,
    capacity_reservations.amend,
    placement_groups.amend,
    images.amend,
    image_parameters.amend,
    image_layers.amend,
    image_tags.amend,
    image_digests.amend,
    image_manifests.amend,
    registries.amend,
    instance_profiles.amend,
    instance_types.amend,
    eks_clusters.amend,
    eks_updates.amend,
    eks_node_groups.amend,
    eks_addons.amend,
    eks_access_entries.amend,
    eks_pod_identities.amend,
    eks_tags.amend,
)


def amend_all() -> None:
    """Amend moto in this process."""
    for amend in _AMENDMENTS:
        amend()
