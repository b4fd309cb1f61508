"""Clusters, node groups, add-ons, access and identities of EKS."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.embedded.aws.fidelity import (
    eks_access_entries,
    eks_addons,
    eks_clusters,
    eks_node_groups,
    eks_pod_identities,
    eks_tags,
    eks_updates,
    prices,
)
from slipway.embedded.aws.fidelity.images import newest
from slipway.embedded.aws.fidelity.scarcity import Rule, tell
from tests.slipway.embedded.aws.fidelity.proving import ACCOUNT, IMAGE, REGION, ZONES, Aws, account, amended, proves

API = {"authenticationMode": "API_AND_CONFIG_MAP"}
ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


def node_group(aws: Aws, **asked: Any) -> Any:
    """Make a node group; what the request answers."""
    role = f"arn:aws:iam::{ACCOUNT}:role/nodes"
    names = [one["RoleName"] for one in aws.client("iam").list_roles()["Roles"]]
    if "nodes" not in names:
        aws.role("nodes")
    request = {"clusterName": "k", "nodegroupName": "system", "nodeRole": role, "subnets": aws.subnets}
    scaling = {"minSize": 0, "maxSize": 5, "desiredSize": 3}
    return aws.eks.create_nodegroup(**{**request, "scalingConfig": scaling, **asked})["nodegroup"]


def described(aws: Aws) -> Any:
    return aws.eks.describe_nodegroup(clusterName="k", nodegroupName="system")["nodegroup"]


def running(aws: Aws) -> list[Any]:
    return aws.instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])


def scale(aws: Aws, count: int) -> Any:
    scaling = {"minSize": 0, "maxSize": 5, "desiredSize": count}
    return aws.eks.update_nodegroup_config(clusterName="k", nodegroupName="system", scalingConfig=scaling)["update"]


@proves(eks_clusters)
def test_a_cluster_is_what_was_asked_for(aws: Aws) -> None:
    key = {"keyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"}
    made = aws.eks.create_cluster(
        name="k",
        version="1.34",
        roleArn=aws.role("eks"),
        resourcesVpcConfig={"subnetIds": aws.subnets, "endpointPrivateAccess": True},
        accessConfig=API,
        upgradePolicy={"supportType": "STANDARD"},
        logging={"clusterLogging": [{"types": ["audit", "api"], "enabled": True}]},
        encryptionConfig=[{"resources": ["secrets"], "provider": key}],
        tags={"team": "ml"},
    )["cluster"]
    assert made["status"] == "CREATING"
    shown = aws.eks.describe_cluster(name="k")["cluster"]
    assert (shown["status"], shown["version"], shown["tags"]) == ("ACTIVE", "1.34", {"team": "ml"})
    assert shown["accessConfig"]["authenticationMode"] == "API_AND_CONFIG_MAP"
    assert shown["upgradePolicy"] == {"supportType": "STANDARD"}
    assert shown["encryptionConfig"] == [{"resources": ["secrets"], "provider": key}]
    assert shown["kubernetesNetworkConfig"] == {"ipFamily": "ipv4", "serviceIpv4Cidr": "172.20.0.0/16"}
    assert {tuple(one["types"]): one["enabled"] for one in shown["logging"]["clusterLogging"]} == {
        ("api", "audit"): True,
        ("authenticator", "controllerManager", "scheduler"): False,
    }
    network = shown["resourcesVpcConfig"]
    assert (network["vpcId"], network["endpointPublicAccess"], network["endpointPrivateAccess"]) == (
        aws.vpc,
        True,
        True,
    )
    group = aws.ec2.describe_security_groups(GroupIds=[network["clusterSecurityGroupId"]])["SecurityGroups"][0]
    assert {"Key": "kubernetes.io/cluster/k", "Value": "owned"} in group["Tags"]


@proves(eks_clusters)
def test_the_endpoint_is_the_real_one(aws: Aws) -> None:
    file = Path(__file__).parent / "__init__.py"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLIPWAY_CLUSTER_ENDPOINT", "https://10.88.0.1:6443")
        patch.setenv("SLIPWAY_CLUSTER_CA", str(file))
        cluster = aws.cluster()
        assert cluster["endpoint"] == "https://10.88.0.1:6443"
        assert base64.b64decode(cluster["certificateAuthority"]["data"]) == file.read_bytes()


@proves(eks_clusters)
def test_what_is_updated_is_merged(aws: Aws) -> None:
    aws.cluster()
    changes: list[tuple[dict[str, Any], str]] = [
        (
            {"resourcesVpcConfig": {"endpointPublicAccess": False, "endpointPrivateAccess": True}},
            "EndpointAccessUpdate",
        ),
        ({"logging": {"clusterLogging": [{"types": ["audit"], "enabled": True}]}}, "LoggingUpdate"),
        ({"accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"}}, "AccessConfigUpdate"),
        ({"upgradePolicy": {"supportType": "STANDARD"}}, "UpgradePolicyUpdate"),
        ({"deletionProtection": True}, "DeletionProtectionUpdate"),
    ]
    for change, kind in changes:
        update = aws.eks.update_cluster_config(name="k", **change)["update"]
        assert (update["type"], update["status"]) == (kind, "InProgress")
    shown = aws.eks.describe_cluster(name="k")["cluster"]
    network = shown["resourcesVpcConfig"]
    assert (network["subnetIds"], network["endpointPublicAccess"]) == (aws.subnets, False)
    assert network["publicAccessCidrs"] == ["0.0.0.0/0"]
    assert shown["accessConfig"]["authenticationMode"] == "API_AND_CONFIG_MAP"
    with pytest.raises(Exception, match="Unsupported authentication mode update"):
        aws.eks.update_cluster_config(name="k", accessConfig={"authenticationMode": "CONFIG_MAP"})
    with pytest.raises(Exception, match="deletion protection"):
        aws.eks.delete_cluster(name="k")
    aws.eks.update_cluster_config(name="k", deletionProtection=False)
    assert aws.eks.delete_cluster(name="k")["cluster"]["status"] == "DELETING"
    groups = aws.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [aws.vpc]}])["SecurityGroups"]
    assert [group["GroupName"] for group in groups] == ["default"]


@proves(eks_clusters)
def test_a_cluster_goes_from_one_minor_version_to_the_next(aws: Aws) -> None:
    aws.cluster(version="1.33")
    with pytest.raises(Exception, match="Unsupported Kubernetes minor version update"):
        aws.eks.update_cluster_version(name="k", version="1.35")
    assert aws.eks.update_cluster_version(name="k", version="1.34")["update"]["type"] == "VersionUpdate"
    assert aws.eks.describe_cluster(name="k")["cluster"]["version"] == "1.34"


@proves(eks_clusters)
def test_encryption_can_be_added_once(aws: Aws) -> None:
    aws.cluster()
    config = [{"resources": ["secrets"], "provider": {"keyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"}}]
    aws.eks.associate_encryption_config(clusterName="k", encryptionConfig=config)
    assert aws.eks.describe_cluster(name="k")["cluster"]["encryptionConfig"] == config
    with pytest.raises(Exception, match="ResourceInUseException"):
        aws.eks.associate_encryption_config(clusterName="k", encryptionConfig=config)


@proves(eks_updates)
def test_updates_are_described_and_listed_by_what_they_are_of(aws: Aws) -> None:
    aws.cluster(version="1.33")
    node_group(aws)
    update = aws.eks.update_cluster_version(name="k", version="1.34")["update"]
    of_group = scale(aws, 1)
    shown = aws.eks.describe_update(name="k", updateId=update["id"])["update"]
    assert (shown["status"], shown["type"]) == ("Successful", "VersionUpdate")
    assert {"type": "Version", "value": "1.34"} in shown["params"]
    assert aws.eks.list_updates(name="k")["updateIds"] == [update["id"]]
    assert aws.eks.list_updates(name="k", nodegroupName="system")["updateIds"] == [of_group["id"]]
    found = aws.eks.describe_update(name="k", nodegroupName="system", updateId=of_group["id"])["update"]
    assert {"type": "DesiredSize", "value": "1"} in found["params"]
    with pytest.raises(Exception, match="No update found"):
        aws.eks.describe_update(name="k", updateId="00000000-0000-0000-0000-000000000000")


@proves(eks_node_groups)
def test_a_node_group_launches_scales_and_ends_its_instances(aws: Aws) -> None:
    cluster = aws.cluster(version="1.34", accessConfig=API)
    assert node_group(aws, instanceTypes=["m7i.large"], amiType="AL2023_x86_64_STANDARD")["status"] == "CREATING"
    shown = described(aws)
    assert (shown["status"], shown["version"]) == ("ACTIVE", "1.34")
    assert shown["health"] == {"issues": []}
    assert shown["resources"]["autoScalingGroups"][0]["name"].startswith("eks-system-")
    assert sorted(one["Placement"]["AvailabilityZone"] for one in running(aws)) == list(ZONES)
    for one in running(aws):
        tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        assert (tags["eks:nodegroup-name"], tags["kubernetes.io/cluster/k"]) == ("system", "owned")
        assert one["ImageId"] == newest("al2023", "1.34", "x86_64", "standard").id_in(REGION)
        assert one["InstanceType"] == "m7i.large"
        own = cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]
        assert [group["GroupId"] for group in one["SecurityGroups"]] == [own]
        assert ":instance-profile/eks-" in one["IamInstanceProfile"]["Arn"]
    entries = aws.eks.list_access_entries(clusterName="k")["accessEntries"]
    assert entries == [f"arn:aws:iam::{ACCOUNT}:role/nodes"]
    first = {one["InstanceId"] for one in running(aws)}
    scale(aws, 5)
    assert len(running(aws)) == 5
    scale(aws, 1)
    assert len(running(aws)) == 1
    assert not first & {one["InstanceId"] for one in running(aws)}
    with pytest.raises(Exception, match="desired size"):
        scale(aws, 9)
    with pytest.raises(Exception, match="ResourceInUseException"):
        aws.eks.delete_cluster(name="k")
    deleted = aws.eks.delete_nodegroup(clusterName="k", nodegroupName="system")["nodegroup"]
    assert deleted["status"] == "DELETING"
    assert running(aws) == []
    assert aws.client("iam").list_instance_profiles()["InstanceProfiles"] == []
    aws.eks.delete_cluster(name="k")


@proves(eks_node_groups)
def test_a_node_group_follows_its_launch_template(aws: Aws) -> None:
    aws.cluster()
    group = aws.group("nodes")
    aws.template(
        InstanceType="c7i.large",
        SecurityGroupIds=[group],
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "ml"}]}],
    )
    node_group(aws, launchTemplate={"name": "nodes", "version": "1"})
    shown = described(aws)
    assert (shown["amiType"], shown["launchTemplate"]["version"]) == ("CUSTOM", "1")
    for one in running(aws):
        assert (one["ImageId"], one["InstanceType"]) == (IMAGE, "c7i.large")
        assert [found["GroupId"] for found in one["SecurityGroups"]] == [group]
        assert {"Key": "team", "Value": "ml"} in one["Tags"]
    aws.ec2.create_launch_template_version(
        LaunchTemplateName="nodes", SourceVersion="1", LaunchTemplateData={"InstanceType": "c7i.xlarge"}
    )
    before = {one["InstanceId"] for one in running(aws)}
    update = aws.eks.update_nodegroup_version(
        clusterName="k", nodegroupName="system", launchTemplate={"name": "nodes", "version": "2"}
    )["update"]
    assert update["type"] == "VersionUpdate"
    assert {one["InstanceType"] for one in running(aws)} == {"c7i.xlarge"}
    assert not before & {one["InstanceId"] for one in running(aws)}


@proves(eks_node_groups)
def test_a_new_version_brings_the_image_of_it(aws: Aws) -> None:
    aws.cluster(version="1.34")
    node_group(aws, version="1.33", amiType="BOTTLEROCKET_ARM_64", instanceTypes=["m7g.large"])
    assert {one["ImageId"] for one in running(aws)} == {
        newest("bottlerocket", "1.33", "arm64", "standard").id_in(REGION)
    }
    aws.eks.update_nodegroup_version(clusterName="k", nodegroupName="system")
    assert described(aws)["version"] == "1.34"
    assert {one["ImageId"] for one in running(aws)} == {
        newest("bottlerocket", "1.34", "arm64", "standard").id_in(REGION)
    }


@proves(eks_node_groups)
def test_a_spot_node_group_buys_the_cheapest_of_its_types(aws: Aws) -> None:
    prices.tell(prices.PriceTable({}, {"m7i.large": 0.05, "m7a.large": 0.03}))
    aws.cluster()
    node_group(aws, capacityType="SPOT", instanceTypes=["m7i.large", "m7a.large"])
    assert {(one["InstanceType"], one["InstanceLifecycle"]) for one in running(aws)} == {("m7a.large", "spot")}


@proves(eks_node_groups)
def test_a_node_group_that_finds_no_capacity_says_so(aws: Aws) -> None:
    aws.cluster()
    tell([Rule("on-demand", "m7i.*", "*", remaining=1)])
    node_group(aws, instanceTypes=["m7i.large"])
    shown = described(aws)
    assert shown["status"] == "DEGRADED"
    (issue,) = shown["health"]["issues"]
    assert issue["code"] == "AsgInstanceLaunchFailures"
    assert "InsufficientInstanceCapacity" in issue["message"]
    assert len(running(aws)) == 1
    scaling = {"minSize": 1, "maxSize": 1, "desiredSize": 1}
    node_group(aws, nodegroupName="none", instanceTypes=["m7i.large"], scalingConfig=scaling)
    none = aws.eks.describe_nodegroup(clusterName="k", nodegroupName="none")["nodegroup"]
    assert none["status"] == "CREATE_FAILED"
    tell([])
    scale(aws, 3)
    assert described(aws)["status"] == "ACTIVE"
    assert len(running(aws)) == 3


@proves(eks_addons)
def test_an_add_on_is_made_changed_and_deleted(aws: Aws) -> None:
    aws.cluster(version="1.34")
    role = aws.role("cni")
    made = aws.eks.create_addon(
        clusterName="k",
        addonName="vpc-cni",
        addonVersion="v1.19.0-eksbuild.1",
        configurationValues='{"env": {"ENABLE_PREFIX_DELEGATION": "true"}}',
        podIdentityAssociations=[{"serviceAccount": "aws-node", "roleArn": role}],
        tags={"a": "b"},
    )["addon"]
    assert made["status"] == "CREATING"
    shown = aws.eks.describe_addon(clusterName="k", addonName="vpc-cni")["addon"]
    assert (shown["status"], shown["addonVersion"], shown["tags"]) == ("ACTIVE", "v1.19.0-eksbuild.1", {"a": "b"})
    assert len(shown["podIdentityAssociations"]) == 1
    aws.eks.create_addon(clusterName="k", addonName="kube-proxy")
    default = aws.eks.describe_addon(clusterName="k", addonName="kube-proxy")["addon"]["addonVersion"]
    assert default.startswith("v1.34.")
    assert aws.eks.list_addons(clusterName="k")["addons"] == ["kube-proxy", "vpc-cni"]
    update = aws.eks.update_addon(
        clusterName="k", addonName="vpc-cni", addonVersion="v1.20.1-eksbuild.3", resolveConflicts="OVERWRITE"
    )["update"]
    found = aws.eks.describe_update(name="k", addonName="vpc-cni", updateId=update["id"])["update"]
    assert (found["type"], found["status"]) == ("AddonUpdate", "Successful")
    shown = aws.eks.describe_addon(clusterName="k", addonName="vpc-cni")["addon"]
    assert (shown["addonVersion"], shown["configurationValues"]) == ("v1.20.1-eksbuild.3", made["configurationValues"])
    with pytest.raises(Exception, match="ResourceInUseException"):
        aws.eks.create_addon(clusterName="k", addonName="vpc-cni")
    with pytest.raises(Exception, match="not supported"):
        aws.eks.update_addon(clusterName="k", addonName="vpc-cni", addonVersion="newest")
    assert aws.eks.delete_addon(clusterName="k", addonName="vpc-cni")["addon"]["status"] == "DELETING"
    assert aws.eks.list_pod_identity_associations(clusterName="k")["associations"] == []
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        aws.eks.describe_addon(clusterName="k", addonName="vpc-cni")


@proves(eks_addons)
def test_versions_of_add_ons_are_those_of_the_cluster(aws: Aws) -> None:
    (one,) = aws.eks.describe_addon_versions(addonName="kube-proxy", kubernetesVersion="1.33")["addons"]
    assert [version["addonVersion"] for version in one["addonVersions"]] == ["v1.33.0-eksbuild.2"]
    names = {one["addonName"] for one in aws.eks.describe_addon_versions()["addons"]}
    assert names == set(eks_addons.VERSIONS)


@proves(eks_access_entries)
def test_access_entries_and_their_policies(aws: Aws) -> None:
    aws.cluster(accessConfig=API)
    principal = aws.role("admin")
    made = aws.eks.create_access_entry(
        clusterName="k", principalArn=principal, kubernetesGroups=["ops"], tags={"a": "b"}
    )["accessEntry"]
    assert (made["type"], made["kubernetesGroups"]) == ("STANDARD", ["ops"])
    with pytest.raises(Exception, match="ResourceInUseException"):
        aws.eks.create_access_entry(clusterName="k", principalArn=principal)
    nodes = aws.role("karpenter-nodes")
    entry = aws.eks.create_access_entry(clusterName="k", principalArn=nodes, type="EC2_LINUX")["accessEntry"]
    assert entry["username"] == "system:node:{{EC2PrivateDNSName}}"
    aws.eks.associate_access_policy(
        clusterName="k", principalArn=principal, policyArn=ADMIN, accessScope={"type": "cluster"}
    )
    (policy,) = aws.eks.list_associated_access_policies(clusterName="k", principalArn=principal)[
        "associatedAccessPolicies"
    ]
    assert (policy["policyArn"], policy["accessScope"]) == (ADMIN, {"type": "cluster"})
    assert aws.eks.list_access_entries(clusterName="k")["accessEntries"] == [principal, nodes]
    by_policy = aws.eks.list_access_entries(clusterName="k", associatedPolicyArn=ADMIN)["accessEntries"]
    assert by_policy == [principal]
    aws.eks.update_access_entry(clusterName="k", principalArn=principal, kubernetesGroups=["dev"])
    shown = aws.eks.describe_access_entry(clusterName="k", principalArn=principal)["accessEntry"]
    assert (shown["kubernetesGroups"], shown["tags"]) == (["dev"], {"a": "b"})
    aws.eks.disassociate_access_policy(clusterName="k", principalArn=principal, policyArn=ADMIN)
    left = aws.eks.list_associated_access_policies(clusterName="k", principalArn=principal)
    assert left["associatedAccessPolicies"] == []
    aws.eks.delete_access_entry(clusterName="k", principalArn=principal)
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        aws.eks.describe_access_entry(clusterName="k", principalArn=principal)
    assert ADMIN in {one["arn"] for one in aws.eks.list_access_policies()["accessPolicies"]}


@proves(eks_access_entries)
def test_access_entries_need_the_authentication_mode_for_them(aws: Aws) -> None:
    aws.cluster()
    with pytest.raises(Exception, match="authentication mode must be set"):
        aws.eks.create_access_entry(clusterName="k", principalArn=aws.role("admin"))


@proves(eks_pod_identities)
def test_pod_identity_associations(aws: Aws) -> None:
    aws.cluster()
    role, other = aws.role("karpenter"), aws.role("other")
    names = {"namespace": "kube-system", "serviceAccount": "karpenter"}
    made = aws.eks.create_pod_identity_association(clusterName="k", **names, roleArn=role)["association"]
    assert made["associationArn"].endswith(f":podidentityassociation/k/{made['associationId']}")
    with pytest.raises(Exception, match="ResourceInUseException"):
        aws.eks.create_pod_identity_association(clusterName="k", **names, roleArn=role)
    one = {"clusterName": "k", "associationId": made["associationId"]}
    aws.eks.update_pod_identity_association(**one, roleArn=other)
    assert aws.eks.describe_pod_identity_association(**one)["association"]["roleArn"] == other
    listed = aws.eks.list_pod_identity_associations(clusterName="k", namespace="kube-system")["associations"]
    assert [found["associationId"] for found in listed] == [made["associationId"]]
    assert aws.eks.list_pod_identity_associations(clusterName="k", namespace="x")["associations"] == []
    aws.eks.delete_pod_identity_association(**one)
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        aws.eks.describe_pod_identity_association(**one)


@proves(eks_tags)
def test_everything_that_has_an_arn_is_tagged(aws: Aws) -> None:
    cluster = aws.cluster(accessConfig=API)
    node_group(aws)
    arns = [
        cluster["arn"],
        described(aws)["nodegroupArn"],
        aws.eks.create_addon(clusterName="k", addonName="coredns")["addon"]["addonArn"],
        aws.eks.create_access_entry(clusterName="k", principalArn=aws.role("a"))["accessEntry"]["accessEntryArn"],
    ]
    for arn in arns:
        aws.eks.tag_resource(resourceArn=arn, tags={"a": "b", "c": "d"})
        aws.eks.untag_resource(resourceArn=arn, tagKeys=["a"])
        assert aws.eks.list_tags_for_resource(resourceArn=arn)["tags"].get("c") == "d", arn
        assert "a" not in aws.eks.list_tags_for_resource(resourceArn=arn)["tags"], arn
    assert described(aws)["tags"] == {"c": "d"}


NOWHERE: dict[str, Callable[[Any], Any]] = {
    "node groups": lambda eks: eks.list_nodegroups(clusterName="nowhere"),
    "add-ons": lambda eks: eks.list_addons(clusterName="nowhere"),
    "updates": lambda eks: eks.list_updates(name="nowhere"),
    "access entries": lambda eks: eks.list_access_entries(clusterName="nowhere"),
}


def test_a_cluster_that_is_not_there_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with amended(), account() as aws:
        for name, ask in NOWHERE.items():
            with pytest.raises(Exception, match="ResourceNotFoundException"):
                ask(aws.eks)
            assert name
