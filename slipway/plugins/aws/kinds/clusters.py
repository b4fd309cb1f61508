"""Clusters of EKS, their nodes and add-ons, and who may do what in them and from them."""

from slipway.plugins.aws.expressions import Expression
from slipway.plugins.aws.table import Call, Kind, Setting, Tagging

_GONE = ("ResourceNotFoundException",)
_TAGS: dict[str, Expression] = {"tags": "item.tags || `{}`", "tagsAll": "item.tags || `{}`"}


def _tagging(arn: str) -> Tagging:
    return Tagging(
        tag=Call(operation="tag_resource", params={"resourceArn": arn, "tags": "tagged"}),
        untag=Call(operation="untag_resource", params={"resourceArn": arn, "tagKeys": "untagged"}),
    )


_ENDPOINT: dict[str, Expression] = {
    "endpointPrivateAccess": "vpcConfig.endpointPrivateAccess",
    "endpointPublicAccess": "vpcConfig.endpointPublicAccess",
    "publicAccessCidrs": "vpcConfig.publicAccessCidrs",
    "securityGroupIds": "vpcConfig.securityGroupIds",
    "subnetIds": "vpcConfig.subnetIds",
}
_LOGS: dict[str, Expression] = {
    "clusterLogging": "enabledClusterLogTypes && [{types: enabledClusterLogTypes, enabled: `true`}]"
}
CLUSTER = Kind(
    token="aws:eks/cluster:Cluster",
    service="eks",
    create=Call(
        operation="create_cluster",
        params={
            "name": "name",
            "version": "version",
            "roleArn": "roleArn",
            "resourcesVpcConfig": _ENDPOINT,
            "kubernetesNetworkConfig": {
                "serviceIpv4Cidr": "kubernetesNetworkConfig.serviceIpv4Cidr",
                "ipFamily": "kubernetesNetworkConfig.ipFamily",
            },
            "logging": _LOGS,
            "encryptionConfig": (
                "encryptionConfig && [{resources: encryptionConfig.resources, "
                "provider: {keyArn: encryptionConfig.provider.keyArn}}]"
            ),
            "accessConfig": {
                "authenticationMode": "accessConfig.authenticationMode",
                "bootstrapClusterCreatorAdminPermissions": "accessConfig.bootstrapClusterCreatorAdminPermissions",
            },
            "bootstrapSelfManagedAddons": "bootstrapSelfManagedAddons",
            "upgradePolicy": {"supportType": "upgradePolicy.supportType"},
            "deletionProtection": "deletionProtection",
            "tags": "tags",
        },
    ),
    identity="reply.cluster.name",
    read=Call(operation="describe_cluster", params={"name": "id"}),
    item="cluster",
    gone=_GONE,
    outputs={
        "arn": "item.arn",
        "name": "item.name",
        "version": "item.version",
        "endpoint": "item.endpoint",
        "status": "item.status",
        "platformVersion": "item.platformVersion",
        "createdAt": "text(item.createdAt)",
        "roleArn": "item.roleArn",
        "certificateAuthority": "{data: item.certificateAuthority.data}",
        "identities": "[{oidcs: [{issuer: item.identity.oidc.issuer}]}]",
        "vpcConfig": (
            "item.resourcesVpcConfig.{subnetIds: subnetIds, securityGroupIds: securityGroupIds, vpcId: vpcId, "
            "clusterSecurityGroupId: clusterSecurityGroupId, endpointPublicAccess: endpointPublicAccess, "
            "endpointPrivateAccess: endpointPrivateAccess, publicAccessCidrs: publicAccessCidrs}"
        ),
        "accessConfig": (
            "{authenticationMode: item.accessConfig.authenticationMode, bootstrapClusterCreatorAdminPermissions: "
            "accessConfig.bootstrapClusterCreatorAdminPermissions}"
        ),
        "enabledClusterLogTypes": "item.logging.clusterLogging[?enabled].types | [0]",
        "upgradePolicy": "item.upgradePolicy",
        "deletionProtection": "item.deletionProtection",
        **_TAGS,
    },
    settings=(
        Setting(
            on=("version",),
            call=Call(operation="update_cluster_version", params={"name": "id", "version": "version"}),
            at_creation=False,
        ),
        Setting(
            on=("vpcConfig",),
            call=Call(operation="update_cluster_config", params={"name": "id", "resourcesVpcConfig": _ENDPOINT}),
            at_creation=False,
        ),
        Setting(
            on=("enabledClusterLogTypes",),
            call=Call(operation="update_cluster_config", params={"name": "id", "logging": _LOGS}),
            at_creation=False,
        ),
        Setting(
            on=("upgradePolicy",),
            call=Call(
                operation="update_cluster_config",
                params={"name": "id", "upgradePolicy": {"supportType": "upgradePolicy.supportType"}},
            ),
            at_creation=False,
        ),
        Setting(
            on=("deletionProtection",),
            call=Call(
                operation="update_cluster_config", params={"name": "id", "deletionProtection": "deletionProtection"}
            ),
            at_creation=False,
        ),
    ),
    tagging=_tagging("arn"),
    named="name",
    computed=("version", "upgradePolicy", "deletionProtection", "kubernetesNetworkConfig", "accessConfig"),
    defaults={"bootstrapSelfManagedAddons": True},
    ready="item.status == 'ACTIVE'",
    delete=Call(operation="delete_cluster", params={"name": "id"}),
)

_SCALING = {name: f"scalingConfig.{name}" for name in ("minSize", "maxSize", "desiredSize")}
_LAUNCH: dict[str, Expression] = {
    "id": "launchTemplate.id",
    "name": "launchTemplate.name",
    "version": "launchTemplate.version",
}
_TAINTS = "taints[].{key: key, value: value, effect: effect}"
_UPDATING: dict[str, Expression] = {
    "maxUnavailable": "updateConfig.maxUnavailable",
    "maxUnavailablePercentage": "updateConfig.maxUnavailablePercentage",
}


# What was imported has an id alone.
_OF_CLUSTER = "clusterName || part(id, ':', `0`)"
_GROUP: dict[str, Expression] = {
    "clusterName": _OF_CLUSTER,
    "nodegroupName": "nodeGroupName || part(id, ':', `1`)",
}
NODE_GROUP = Kind(
    token="aws:eks/nodeGroup:NodeGroup",
    service="eks",
    create=Call(
        operation="create_nodegroup",
        params={
            "clusterName": "clusterName",
            "nodegroupName": "nodeGroupName",
            "nodeRole": "nodeRoleArn",
            "subnets": "subnetIds",
            "scalingConfig": _SCALING,
            "amiType": "amiType",
            "capacityType": "capacityType",
            "diskSize": "diskSize",
            "instanceTypes": "instanceTypes",
            "labels": "labels",
            "launchTemplate": _LAUNCH,
            "releaseVersion": "releaseVersion",
            "taints": _TAINTS,
            "updateConfig": _UPDATING,
            "version": "version",
            "tags": "tags",
        },
    ),
    identity="join(':', [clusterName, nodeGroupName])",
    read=Call(operation="describe_nodegroup", params=_GROUP),
    item="nodegroup",
    gone=_GONE,
    outputs={
        "arn": "item.nodegroupArn",
        "clusterName": "item.clusterName",
        "nodeGroupName": "item.nodegroupName",
        "nodeRoleArn": "item.nodeRole",
        "status": "item.status",
        "subnetIds": "item.subnets",
        "amiType": "item.amiType",
        "capacityType": "item.capacityType",
        "instanceTypes": "item.instanceTypes",
        "labels": "item.labels",
        "scalingConfig": "item.scalingConfig.{minSize: minSize, maxSize: maxSize, desiredSize: desiredSize}",
        "taints": "item.taints && item.taints[].{key: key, value: value, effect: effect}",
        "updateConfig": "item.updateConfig",
        "launchTemplate": "item.launchTemplate.{id: id, name: name, version: version}",
        "version": "item.version",
        "releaseVersion": "item.releaseVersion",
        "resources": "[{autoscalingGroups: item.resources.autoScalingGroups[].{name: name}}]",
        **_TAGS,
    },
    settings=(
        Setting(
            on=("scalingConfig", "updateConfig"),
            call=Call(
                operation="update_nodegroup_config",
                params={
                    **_GROUP,
                    "scalingConfig": _SCALING,
                    "updateConfig": _UPDATING,
                },
            ),
            at_creation=False,
        ),
        Setting(
            on=("labels",),
            call=Call(
                operation="update_nodegroup_config",
                params={
                    **_GROUP,
                    "labels": {"addOrUpdateLabels": "labels"},
                },
            ),
            undo=Call(
                operation="update_nodegroup_config",
                params={
                    **_GROUP,
                    "labels": {"removeLabels": "keys(old.labels)"},
                },
            ),
            at_creation=False,
        ),
        Setting(
            on=("taints",),
            call=Call(
                operation="update_nodegroup_config",
                params={
                    **_GROUP,
                    "taints": {"addOrUpdateTaints": _TAINTS},
                },
            ),
            undo=Call(
                operation="update_nodegroup_config",
                params={
                    **_GROUP,
                    "taints": {"removeTaints": "old.taints"},
                },
            ),
            at_creation=False,
        ),
        Setting(
            on=("version", "releaseVersion", "launchTemplate"),
            call=Call(
                operation="update_nodegroup_version",
                params={
                    **_GROUP,
                    "version": "version",
                    "releaseVersion": "releaseVersion",
                    "launchTemplate": _LAUNCH,
                },
            ),
            at_creation=False,
        ),
    ),
    tagging=_tagging("arn"),
    named="nodeGroupName",
    computed=("amiType", "capacityType", "diskSize", "instanceTypes", "releaseVersion", "updateConfig", "version"),
    ready="item.status == 'ACTIVE'",
    delete=Call(operation="delete_nodegroup", params=_GROUP),
)

_ADD_ON: dict[str, Expression] = {
    "clusterName": "clusterName",
    "addonName": "addonName",
    "addonVersion": "addonVersion",
    "configurationValues": "configurationValues",
    "serviceAccountRoleArn": "serviceAccountRoleArn",
}
_ONE: dict[str, Expression] = {"clusterName": _OF_CLUSTER, "addonName": "addonName || part(id, ':', `1`)"}
ADD_ON = Kind(
    token="aws:eks/addon:Addon",
    service="eks",
    create=Call(
        operation="create_addon",
        params={**_ADD_ON, "resolveConflicts": "resolveConflictsOnCreate", "tags": "tags"},
    ),
    identity="join(':', [clusterName, addonName])",
    read=Call(operation="describe_addon", params=_ONE),
    item="addon",
    gone=_GONE,
    outputs={
        "arn": "item.addonArn",
        "clusterName": "item.clusterName",
        "addonName": "item.addonName",
        "addonVersion": "item.addonVersion",
        "configurationValues": "item.configurationValues",
        "serviceAccountRoleArn": "item.serviceAccountRoleArn",
        "createdAt": "text(item.createdAt)",
        "modifiedAt": "text(item.modifiedAt)",
        **_TAGS,
    },
    settings=(
        Setting(
            on=("addonVersion", "configurationValues", "serviceAccountRoleArn"),
            call=Call(
                operation="update_addon",
                params={
                    **_ADD_ON,
                    # What is left out stays as it is: EKS takes nothing back unless it is told of nothing.
                    "configurationValues": "configurationValues || ''",
                    "resolveConflicts": "resolveConflictsOnUpdate",
                },
            ),
            at_creation=False,
        ),
    ),
    tagging=_tagging("arn"),
    computed=("addonVersion", "configurationValues"),
    free=("preserve", "resolveConflictsOnCreate", "resolveConflictsOnUpdate"),
    ready="item.status == 'ACTIVE'",
    delete=Call(
        operation="delete_addon",
        params={**_ONE, "preserve": "preserve"},
    ),
)

_ENTRY: dict[str, Expression] = {"clusterName": "clusterName", "principalArn": "principalArn"}
ACCESS_ENTRY = Kind(
    token="aws:eks/accessEntry:AccessEntry",
    service="eks",
    create=Call(
        operation="create_access_entry",
        params={
            **_ENTRY,
            "kubernetesGroups": "kubernetesGroups",
            "username": "userName",
            "type": "type",
            "tags": "tags",
        },
    ),
    identity="join(':', [clusterName, principalArn])",
    read=Call(operation="describe_access_entry", params=_ENTRY),
    item="accessEntry",
    gone=_GONE,
    outputs={
        "accessEntryArn": "item.accessEntryArn",
        "clusterName": "item.clusterName",
        "principalArn": "item.principalArn",
        "kubernetesGroups": "item.kubernetesGroups",
        "userName": "item.username",
        "type": "item.type",
        "createdAt": "text(item.createdAt)",
        "modifiedAt": "text(item.modifiedAt)",
        **_TAGS,
    },
    settings=(
        Setting(
            on=("kubernetesGroups", "userName"),
            call=Call(
                operation="update_access_entry",
                params={**_ENTRY, "kubernetesGroups": "kubernetesGroups || `[]`", "username": "userName"},
            ),
            at_creation=False,
        ),
    ),
    tagging=_tagging("accessEntryArn"),
    defaults={"type": "STANDARD"},
    computed=("kubernetesGroups", "userName"),
    delete=Call(operation="delete_access_entry", params=_ENTRY),
)

_ASSOCIATION: dict[str, Expression] = {**_ENTRY, "policyArn": "policyArn"}
ACCESS_POLICY_ASSOCIATION = Kind(
    token="aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    service="eks",
    create=Call(
        operation="associate_access_policy",
        params={
            **_ASSOCIATION,
            "accessScope": {"type": "accessScope.type", "namespaces": "accessScope.namespaces"},
        },
    ),
    identity="join('#', [clusterName, principalArn, policyArn])",
    read=Call(operation="list_associated_access_policies", params=_ENTRY),
    find=lambda reply, it: next(
        (each for each in reply["associatedAccessPolicies"] if each["policyArn"] == it["policyArn"]), None
    ),
    gone=_GONE,
    outputs={
        "policyArn": "item.policyArn",
        "accessScope": "item.accessScope.{type: type, namespaces: namespaces || `null`}",
        "associatedAt": "text(item.associatedAt)",
        "modifiedAt": "text(item.modifiedAt)",
    },
    delete=Call(operation="disassociate_access_policy", params=_ASSOCIATION),
    single=True,
)

_IDENTITY: dict[str, Expression] = {"clusterName": "clusterName", "associationId": "id"}
_GIVEN: dict[str, Expression] = {
    "roleArn": "roleArn",
    "disableSessionTags": "disableSessionTags",
    "targetRoleArn": "targetRoleArn",
}
POD_IDENTITY_ASSOCIATION = Kind(
    token="aws:eks/podIdentityAssociation:PodIdentityAssociation",
    service="eks",
    create=Call(
        operation="create_pod_identity_association",
        params={
            "clusterName": "clusterName",
            "namespace": "namespace",
            "serviceAccount": "serviceAccount",
            **_GIVEN,
            "tags": "tags",
        },
    ),
    identity="reply.association.associationId",
    read=Call(operation="describe_pod_identity_association", params=_IDENTITY),
    item="association",
    gone=_GONE,
    outputs={
        "associationArn": "item.associationArn",
        "associationId": "item.associationId",
        "clusterName": "item.clusterName",
        "namespace": "item.namespace",
        "serviceAccount": "item.serviceAccount",
        "roleArn": "item.roleArn",
        "disableSessionTags": "item.disableSessionTags",
        "externalId": "item.externalId",
        "targetRoleArn": "item.targetRoleArn",
        **_TAGS,
    },
    settings=(
        Setting(
            on=("roleArn", "disableSessionTags", "targetRoleArn"),
            call=Call(operation="update_pod_identity_association", params={**_IDENTITY, **_GIVEN}),
            at_creation=False,
        ),
    ),
    tagging=_tagging("associationArn"),
    computed=("disableSessionTags",),
    delete=Call(operation="delete_pod_identity_association", params=_IDENTITY),
    single=True,
)

KINDS = (CLUSTER, NODE_GROUP, ADD_ON, ACCESS_ENTRY, ACCESS_POLICY_ASSOCIATION, POD_IDENTITY_ASSOCIATION)
