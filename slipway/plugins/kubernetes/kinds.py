"""The one table of built-in kinds the offline plugin knows. A kind the program starts to use is a line here.

What is waited for and what forces a replacement follow the official plugin
(`provider/pkg/await/awaiters.go`, `provider/pkg/metadata/overrides.go` and `provider/pkg/provider/diff.go` of
pulumi/pulumi-kubernetes). Where that replaces nothing and the server calls a property immutable (the `value` of a
PriorityClass), a change is an error in both, told by the preview: `replace_on_changes` says what is meant.
"""

import re

from slipway.plugins.kubernetes.kind import Kind, Wait

_TOKEN = re.compile(r"kubernetes:(?P<group>[^/:]+)/(?P<version>[^/:]+):(?P<kind>[^/:]+)")
_BUILT_IN = frozenset(
    f"{group}.k8s.io"
    for group in (
        "admissionregistration",
        "apiextensions",
        "apiregistration",
        "authentication",
        "authorization",
        "certificates",
        "coordination",
        "discovery",
        "events",
        "flowcontrol.apiserver",
        "internal.apiserver",
        "networking",
        "node",
        "rbac.authorization",
        "resource",
        "scheduling",
        "storage",
        "storagemigration",
    )
)
"""Groups of the API server's own whose names have a dot. Any other group with one belongs to somebody's definitions."""

NAMESPACE = Kind(group="", version="v1", kind="Namespace", plural="namespaces", namespaced=False, leaves_unawaited=True)
SECRET = Kind(
    group="",
    version="v1",
    kind="Secret",
    plural="secrets",
    wait=Wait.SECRET,
    replace_on=("data", "stringData", "type"),
    secret=("data", "stringData"),
)

_CORE = (
    NAMESPACE,
    # The official plugin treats these two as immutable, so that pods that read them are rolled.
    SECRET,
    Kind(group="", version="v1", kind="ConfigMap", plural="configmaps", replace_on=("data", "binaryData")),
    Kind(group="", version="v1", kind="LimitRange", plural="limitranges"),
    Kind(
        group="",
        version="v1",
        kind="PersistentVolumeClaim",
        plural="persistentvolumeclaims",
        wait=Wait.VOLUME_CLAIM,
        replace_on=("spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"),
    ),
    Kind(
        group="",
        version="v1",
        kind="ResourceQuota",
        plural="resourcequotas",
        wait=Wait.QUOTA,
        replace_on=("spec.scopes",),
    ),
    Kind(group="", version="v1", kind="Service", plural="services", wait=Wait.SERVICE, replace_on=("spec.clusterIP",)),
    Kind(group="", version="v1", kind="ServiceAccount", plural="serviceaccounts"),
)
_WORKLOADS = (
    Kind(
        group="apps",
        version="v1",
        kind="DaemonSet",
        plural="daemonsets",
        wait=Wait.DAEMON_SET,
        replace_on=("spec.selector",),
        leaves_unawaited=True,
    ),
    Kind(
        group="apps",
        version="v1",
        kind="Deployment",
        plural="deployments",
        wait=Wait.DEPLOYMENT,
        replace_on=("spec.selector",),
        leaves_unawaited=True,
    ),
    Kind(
        group="apps",
        version="v1",
        kind="StatefulSet",
        plural="statefulsets",
        wait=Wait.STATEFUL_SET,
        replace_on=(
            "spec.podManagementPolicy",
            "spec.revisionHistoryLimit",
            "spec.selector",
            "spec.serviceName",
            "spec.volumeClaimTemplates",
        ),
        leaves_unawaited=True,
    ),
    Kind(group="batch", version="v1", kind="CronJob", plural="cronjobs"),
    Kind(
        group="batch",
        version="v1",
        kind="Job",
        plural="jobs",
        wait=Wait.JOB,
        replace_on=("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
        leaves_unawaited=True,
    ),
    Kind(group="autoscaling", version="v2", kind="HorizontalPodAutoscaler", plural="horizontalpodautoscalers"),
    Kind(group="policy", version="v1", kind="PodDisruptionBudget", plural="poddisruptionbudgets"),
    Kind(
        group="scheduling.k8s.io",
        version="v1",
        kind="PriorityClass",
        plural="priorityclasses",
        namespaced=False,
    ),
    Kind(
        group="storage.k8s.io",
        version="v1",
        kind="StorageClass",
        plural="storageclasses",
        namespaced=False,
        replace_on=("parameters", "provisioner"),
    ),
)
_NETWORK = (
    Kind(group="networking.k8s.io", version="v1", kind="Ingress", plural="ingresses", wait=Wait.INGRESS),
    Kind(group="networking.k8s.io", version="v1", kind="IngressClass", plural="ingressclasses", namespaced=False),
    Kind(group="networking.k8s.io", version="v1", kind="NetworkPolicy", plural="networkpolicies"),
)


def _rbac(name: str, *, namespaced: bool, replace_on: tuple[str, ...] = ()) -> Kind:
    return Kind(
        group="rbac.authorization.k8s.io",
        version="v1",
        kind=name,
        plural=f"{name.lower()}s",
        namespaced=namespaced,
        replace_on=replace_on,
    )


_ACCESS = (
    _rbac("ClusterRole", namespaced=False),
    _rbac("ClusterRoleBinding", namespaced=False, replace_on=("roleRef",)),
    _rbac("Role", namespaced=True),
    _rbac("RoleBinding", namespaced=True, replace_on=("roleRef",)),
)
_EXTENSIONS = (
    # Changed as `kubectl replace` does, as by the official plugin; which does not wait for what is defined to be
    # served, and retries the creation of its objects instead. Both is done here.
    Kind(
        group="apiextensions.k8s.io",
        version="v1",
        kind="CustomResourceDefinition",
        plural="customresourcedefinitions",
        namespaced=False,
        wait=Wait.DEFINITION,
        is_put=True,
    ),
    Kind(group="apiregistration.k8s.io", version="v1", kind="APIService", plural="apiservices", namespaced=False),
    *(
        Kind(
            group="admissionregistration.k8s.io",
            version="v1",
            kind=f"{what}WebhookConfiguration",
            plural=f"{what.lower()}webhookconfigurations",
            namespaced=False,
        )
        for what in ("Mutating", "Validating")
    ),
)

KINDS: dict[str, Kind] = {kind.token: kind for kind in (*_CORE, *_WORKLOADS, *_NETWORK, *_ACCESS, *_EXTENSIONS)}
"""By token."""


class UnknownKindError(Exception):
    """The program uses a built-in kind that the table above does not have."""

    def __init__(self, token: str) -> None:
        """Say what is missing and where it goes."""
        known = ", ".join(sorted(KINDS))
        super().__init__(
            f"the offline kubernetes plugin does not know {token}; "
            f"add it to KINDS in slipway/plugins/kubernetes/kinds.py (it knows {known}, and custom resources)"
        )


def kind_of(token: str) -> Kind:
    """The entry of a token; for one of a custom resource, what its name says: a server must be asked for the rest.

    While it is not asked, its objects are taken to live in namespaces, as by the official plugin.

    Raises:
        UnknownKindError: There is none.
    """
    if token in KINDS:
        return KINDS[token]
    parts = _TOKEN.fullmatch(token)
    if parts is None or "." not in parts["group"] or parts["group"] in _BUILT_IN or parts["group"] == "helm.sh":
        raise UnknownKindError(token)
    return Kind(group=parts["group"], version=parts["version"], kind=parts["kind"], plural="")
