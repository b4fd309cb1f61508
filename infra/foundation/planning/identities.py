"""Who pods are in AWS: a role for each controller and each model, by EKS Pod Identity.

https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html
"""

from dataclasses import dataclass, field
from typing import Any

from infra.encryption import using
from infra.foundation.planning.cluster import bought_role
from infra.foundation.planning.interruptions import queue_arn
from infra.foundation.planning.karpenter import karpenter
from infra.foundation.planning.keys import DATA
from infra.foundation.planning.load_balancers import load_balancer_controller
from infra.foundation.planning.review import sends
from infra.foundation.planning.stores import MODELS, bucket_arn
from infra.iam import Statement, allow, document, trusting_pods
from infra.place import Place
from infra.settings import EksCluster, Settings
from infra.settings.around import Review

SYSTEM_NAMESPACE = "kube-system"
MODELS_NAMESPACE = "models"
"""Where models run; the same as in infra/models (a test holds it)."""
AWS_KEEPS = {
    "AmazonEKS_CNI_Policy": "what the CNI calls changes with its releases; AWS keeps the two together",
    "service-role/AmazonEBSCSIDriverPolicy": "the same for the volumes' driver: it is held to volumes with its tag",
}
"""Policies of AWS itself that pods have, with the reason why they are not written here."""


@dataclass(frozen=True, kw_only=True)
class IdentitySpec:
    """The identity of the pods of a service account.

    Attributes:
        name: Who it is.
        role: Name of its role.
        trust: Who takes it: pods of the cluster.
        namespace: Of the service account.
        account: The service account.
        policies: Documents by name, each part of the role.
        aws_policies: ARNs of policies that AWS keeps.
        tags: Tags of the role and of the association.
    """

    name: str
    role: str
    trust: dict[str, Any]
    namespace: str
    account: str
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    aws_policies: tuple[str, ...] = ()
    tags: dict[str, str]


def plan_identities(settings: Settings, place: Place) -> list[IdentitySpec]:
    """The identities of a stack's controllers and models; none where EKS does not make its cluster."""
    cluster = settings.cluster
    if not isinstance(cluster, EksCluster):
        return []
    name = cluster.name
    buys = karpenter(place, cluster=name, node_role=bought_role(place), queue=queue_arn(place, name))
    balances = load_balancer_controller(place, cluster=name)
    controllers = [
        _controller(place, name, "cni", account="aws-node", aws=("AmazonEKS_CNI_Policy",)),
        _controller(
            place, name, "volumes", account="ebs-csi-controller-sa", aws=("service-role/AmazonEBSCSIDriverPolicy",)
        ),
        _controller(place, name, "karpenter", account="karpenter", statements=buys),
        _controller(place, name, "load-balancers", account="aws-load-balancer-controller", statements=balances),
    ]
    return [
        *controllers,
        *(
            _model(place, name, model, review=entry.serving.review, has_stores=settings.stores is not None)
            for model, entry in settings.models.items()
        ),
    ]


def _controller(
    place: Place,
    cluster: str,
    name: str,
    *,
    account: str,
    statements: dict[str, list[Statement]] | None = None,
    aws: tuple[str, ...] = (),
) -> IdentitySpec:
    return IdentitySpec(
        name=name,
        role=place.role_name(name),
        trust=trusting_pods(place.account, place.arn("eks", f"cluster/{cluster}")),
        namespace=SYSTEM_NAMESPACE,
        account=account,
        policies={part: document(*each) for part, each in (statements or {}).items()},
        aws_policies=tuple(place.aws_policy(policy) for policy in aws),
        tags=place.tags(name),
    )


def _model(place: Place, cluster: str, model: str, *, review: Review | None, has_stores: bool) -> IdentitySpec:
    """A model reads its own artifacts, sends what it is not sure of to its queue, and nothing else."""
    bucket = bucket_arn(place, MODELS)
    reads = document(
        allow("s3:GetObject", f"{bucket}/{model}/*", sid="ReadsItsArtifacts"),
        allow(
            "s3:ListBucket",
            bucket,
            sid="ListsItsArtifacts",
            when={"StringLike": {"s3:prefix": [f"{model}/*"]}},
        ),
        using(place, DATA, "kms:Decrypt", via="s3"),
    )
    return IdentitySpec(
        name=f"model-{model}",
        role=place.role_name(f"model-{model}"),
        trust=trusting_pods(place.account, place.arn("eks", f"cluster/{cluster}")),
        namespace=MODELS_NAMESPACE,
        account=model,
        policies={
            **({"artifacts": reads} if has_stores else {}),
            **({"review": sends(place, model, review)} if review else {}),
        },
        tags=place.tags(f"model-{model}", model=model),
    )
