"""What the AWS Load Balancer Controller may do, held to what carries the tag of its cluster.

https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/installation/; its own policy lets it touch
the security groups and load balancers of every cluster in the account.
"""

from infra.iam import Statement, allow
from infra.place import Place

_TAG = "elbv2.k8s.aws/cluster"
_CHANGES = (
    "DeleteLoadBalancer",
    "DeleteTargetGroup",
    "ModifyLoadBalancerAttributes",
    "ModifyTargetGroup",
    "ModifyTargetGroupAttributes",
    "SetIpAddressType",
    "SetSecurityGroups",
    "SetSubnets",
)
_OF_LISTENERS = (
    "AddListenerCertificates",
    "CreateListener",
    "CreateRule",
    "DeleteListener",
    "DeleteRule",
    "ModifyListener",
    "ModifyListenerAttributes",
    "ModifyRule",
    "RemoveListenerCertificates",
    "SetRulePriorities",
    "SetWebAcl",
)
_SEEN_OF_EC2 = (
    "AccountAttributes",
    "Addresses",
    "AvailabilityZones",
    "Instances",
    "InternetGateways",
    "NetworkInterfaces",
    "RouteTables",
    "SecurityGroups",
    "Subnets",
    "Tags",
    "VpcPeeringConnections",
    "Vpcs",
)
_SEEN = (
    "CapacityReservation",
    "ListenerAttributes",
    "ListenerCertificates",
    "Listeners",
    "LoadBalancerAttributes",
    "LoadBalancers",
    "Rules",
    "SSLPolicies",
    "Tags",
    "TargetGroupAttributes",
    "TargetGroups",
    "TargetHealth",
    "TrustStores",
)


def load_balancer_controller(place: Place, *, cluster: str) -> dict[str, list[Statement]]:
    """The statements, by what they are for."""
    return {"sight": _sight(place), "groups": _groups(place, cluster), "balancers": _balancers(place, cluster)}


def _sight(place: Place) -> list[Statement]:
    here = {"StringEquals": {"aws:RequestedRegion": place.region}}
    seen = [*(f"ec2:Describe{each}" for each in _SEEN_OF_EC2), "ec2:GetSecurityGroupsForVpc"]
    seen += [f"elasticloadbalancing:Describe{each}" for each in _SEEN]
    service = "elasticloadbalancing.amazonaws.com"
    return [
        allow(seen, "*", sid="LoadBalancersAreSeen", when=here),
        allow(["acm:ListCertificates", "acm:DescribeCertificate"], "*", sid="CertificatesAreSeen", when=here),
        allow(
            [
                f"wafv2:{each}"
                for each in ("GetWebACL", "GetWebACLForResource", "AssociateWebACL", "DisassociateWebACL")
            ],
            "*",
            sid="FirewallsAreUsed",
            when=here,
        ),
        allow(
            "iam:CreateServiceLinkedRole",
            place.role(f"aws-service-role/{service}/AWSServiceRoleForElasticLoadBalancing"),
            sid="FirstOfTheAccount",
            when={"StringEquals": {"iam:AWSServiceName": service}},
        ),
    ]


def _groups(place: Place, cluster: str) -> list[Statement]:
    groups, vpcs = place.arn("ec2", "security-group/*"), place.arn("ec2", "vpc/*")
    asked = {f"aws:RequestTag/{_TAG}": cluster}
    has = {"StringEquals": {f"aws:ResourceTag/{_TAG}": cluster}}
    # The cluster's own group, which EKS tags, lets load balancers in.
    of_cluster = {"StringEquals": {f"aws:ResourceTag/kubernetes.io/cluster/{cluster}": "owned"}}
    rules = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"]
    return [
        allow("ec2:CreateSecurityGroup", vpcs, sid="GroupsInNetworks"),
        allow("ec2:CreateSecurityGroup", groups, sid="MakesGroups", when={"StringEquals": asked}),
        allow(
            "ec2:CreateTags",
            groups,
            sid="TagsNewGroups",
            when={"StringEquals": {"ec2:CreateAction": "CreateSecurityGroup", **asked}},
        ),
        allow(["ec2:CreateTags", "ec2:DeleteTags"], groups, sid="TagsItsGroups", when=has),
        allow([*rules, "ec2:DeleteSecurityGroup"], groups, sid="ChangesItsGroups", when=has),
        allow(rules, groups, sid="OpensNodes", when=of_cluster),
    ]


def _balancers(place: Place, cluster: str) -> list[Statement]:
    def of(*kinds: str) -> list[str]:
        return [place.arn("elasticloadbalancing", f"{kind}/*") for kind in kinds]

    asked = {f"aws:RequestTag/{_TAG}": cluster}
    has = {"StringEquals": {f"aws:ResourceTag/{_TAG}": cluster}}
    both = of("loadbalancer", "targetgroup")
    made = ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"]
    action = {"elasticloadbalancing:CreateAction": ["CreateLoadBalancer", "CreateTargetGroup"]}
    return [
        allow(made, both, sid="MakesBalancers", when={"StringEquals": asked}),
        allow("elasticloadbalancing:AddTags", both, sid="TagsNew", when={"StringEquals": {**action, **asked}}),
        allow(
            ["elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"],
            [*both, *of("listener", "listener-rule")],
            sid="TagsItsOwn",
            when=has,
        ),
        allow([f"elasticloadbalancing:{each}" for each in _CHANGES], both, sid="ChangesItsOwn", when=has),
        allow(
            [f"elasticloadbalancing:{each}" for each in _OF_LISTENERS],
            of("loadbalancer", "listener", "listener-rule"),
            sid="Listens",
        ),
        allow(
            ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"],
            of("targetgroup"),
            sid="PointsAtPods",
        ),
    ]
