"""What Karpenter may do, statement by statement as its own documents have it, held to one cluster.

https://karpenter.sh/docs/reference/cloudformation/ for v1.14; the calls are those of its `pkg/aws/sdk.go`.
"""

from typing import Any

from infra.iam import Statement, allow
from infra.place import Place

_ANY = "*"


def karpenter(place: Place, *, cluster: str, node_role: str, queue: str) -> dict[str, list[Statement]]:
    """The statements, by what they are for.

    Args:
        place: Where it is.
        cluster: The cluster's name.
        node_role: Name of the role of the nodes it buys.
        queue: ARN of the queue it reads.
    """
    return {
        "nodes": _nodes(place, cluster),
        "profiles": _profiles(place, cluster, node_role),
        "sight": _sight(place, cluster),
        "interruptions": [
            allow(["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"], queue, sid="ReadsItsQueue"),
        ],
    }


def _nodes(place: Place, cluster: str) -> list[Statement]:
    makes, owned = ["ec2:RunInstances", "ec2:CreateFleet"], {f"kubernetes.io/cluster/{cluster}": "owned"}
    new = _of_ec2(
        place, "fleet", "instance", "volume", "network-interface", "launch-template", "spot-instances-request"
    )
    images = [place.arn("ec2", f"{kind}/*", account="") for kind in ("image", "snapshot")]
    given = _of_ec2(place, "security-group", "subnet", "capacity-reservation", "placement-group")
    by_pool = {"aws:RequestTag/karpenter.sh/nodepool": _ANY}
    named = {**_tags("Request", owned), "aws:RequestTag/eks:eks-cluster-name": cluster}
    ours = {"StringEquals": _tags("Resource", owned), "StringLike": {"aws:ResourceTag/karpenter.sh/nodepool": _ANY}}
    return [
        allow(makes, [*images, *given], sid="StartsFromWhatThereIs"),
        allow(makes, _of_ec2(place, "launch-template"), sid="StartsFromItsTemplates", when=ours),
        allow(
            [*makes, "ec2:CreateLaunchTemplate"],
            [*new, *_of_ec2(place, "capacity-reservation")],
            sid="MakesWhatItTags",
            when={"StringEquals": named, "StringLike": by_pool},
        ),
        allow(
            "ec2:CreateTags",
            new,
            sid="TagsWhatItMakes",
            when={
                "StringEquals": {**named, "ec2:CreateAction": ["RunInstances", "CreateFleet", "CreateLaunchTemplate"]},
                "StringLike": by_pool,
            },
        ),
        allow(
            "ec2:CreateTags",
            _of_ec2(place, "instance"),
            sid="NamesItsInstances",
            when={
                **ours,
                "StringEqualsIfExists": {"aws:RequestTag/eks:eks-cluster-name": cluster},
                "ForAllValues:StringEquals": {
                    "aws:TagKeys": ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"],
                },
            },
        ),
        allow(
            ["ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"],
            _of_ec2(place, "instance", "launch-template"),
            sid="DeletesItsOwn",
            when=ours,
        ),
    ]


def _profiles(place: Place, cluster: str, node_role: str) -> list[Statement]:
    profiles = place.arn("iam", "instance-profile/*", region="")
    held = {f"kubernetes.io/cluster/{cluster}": "owned", "topology.kubernetes.io/region": place.region}
    request = {**_tags("Request", held), "aws:RequestTag/eks:eks-cluster-name": cluster}
    of_class = "karpenter.k8s.aws/ec2nodeclass"
    by_class = {f"aws:RequestTag/{of_class}": _ANY}
    has_class = {f"aws:ResourceTag/{of_class}": _ANY}
    return [
        allow(
            "iam:PassRole",
            place.role(node_role),
            sid="GivesNodesTheirRole",
            when={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
        ),
        allow(
            "iam:CreateInstanceProfile",
            profiles,
            sid="MakesProfiles",
            when={"StringEquals": request, "StringLike": by_class},
        ),
        allow(
            "iam:TagInstanceProfile",
            profiles,
            sid="TagsProfiles",
            when={
                "StringEquals": {**_tags("Resource", held), **request},
                "StringLike": {**has_class, **by_class},
            },
        ),
        allow(
            ["iam:AddRoleToInstanceProfile", "iam:RemoveRoleFromInstanceProfile", "iam:DeleteInstanceProfile"],
            profiles,
            sid="ChangesItsProfiles",
            when={"StringEquals": _tags("Resource", held), "StringLike": has_class},
        ),
        allow("iam:GetInstanceProfile", profiles, sid="SeesProfiles"),
        allow("iam:ListInstanceProfiles", _ANY, sid="ProfilesAreListed"),
    ]


def _sight(place: Place, cluster: str) -> list[Statement]:
    seen = (
        "CapacityReservations",
        "Images",
        "InstanceStatus",
        "InstanceTypeOfferings",
        "InstanceTypes",
        "Instances",
        "LaunchTemplates",
        "PlacementGroups",
        "SecurityGroups",
        "SpotPriceHistory",
        "Subnets",
    )
    here = {"StringEquals": {"aws:RequestedRegion": place.region}}
    return [
        allow([f"ec2:Describe{each}" for each in seen], _ANY, sid="InstancesAreSeen", when=here),
        allow("ssm:GetParameter", place.arn("ssm", "parameter/aws/service/*", account=""), sid="SeesImages"),
        allow("pricing:GetProducts", _ANY, sid="PricesAreSeen"),
        allow("eks:DescribeCluster", place.arn("eks", f"cluster/{cluster}"), sid="SeesItsCluster"),
    ]


def _of_ec2(place: Place, *kinds: str) -> list[str]:
    return [place.arn("ec2", f"{kind}/*") for kind in kinds]


def _tags(where: str, tags: dict[str, str]) -> dict[str, Any]:
    return {f"aws:{where}Tag/{key}": value for key, value in tags.items()}
