"""What an instance carries, where it is, and what becomes of its addresses."""

import pytest

from slipway.embedded.aws.fidelity import addresses, filters, launch_template_ids, launches
from slipway.embedded.aws.fidelity.scarcity import Rule, rules, tell
from tests.slipway.embedded.aws.fidelity.proving import IMAGE, ZONES, Aws, account, amended, proves

USER_DATA = "aGVsbG8="


@proves(launches)
def test_an_instance_carries_what_its_launch_template_says(aws: Aws) -> None:
    group = aws.group("nodes")
    aws.client("iam").create_instance_profile(InstanceProfileName="nodes")
    aws.template(
        InstanceType="m7i.large",
        UserData=USER_DATA,
        IamInstanceProfile={"Name": "nodes"},
        NetworkInterfaces=[{"DeviceIndex": 0, "Groups": [group]}],
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        Monitoring={"Enabled": True},
        Placement={"Tenancy": "default"},
        BlockDeviceMappings=[
            {
                "DeviceName": "/dev/sda1",
                "Ebs": {"VolumeSize": 100, "VolumeType": "gp3", "Iops": 4000, "DeleteOnTermination": True},
            },
            {"DeviceName": "/dev/xvdb", "Ebs": {"VolumeSize": 50, "VolumeType": "gp3", "Encrypted": True}},
        ],
        TagSpecifications=[
            {"ResourceType": kind, "Tags": [{"Key": "from", "Value": "template"}]}
            for kind in ("instance", "volume", "network-interface")
        ],
    )
    launched = aws.ec2.run_instances(
        LaunchTemplate={"LaunchTemplateName": "nodes"},
        SubnetId=aws.subnets[1],
        MinCount=1,
        MaxCount=2,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "own", "Value": "1"}]}],
    )["Instances"]
    assert len(launched) == 2
    for one in aws.instances():
        assert one["ImageId"] == IMAGE
        assert one["InstanceType"] == "m7i.large"
        assert [group_["GroupId"] for group_ in one["SecurityGroups"]] == [group]
        assert one["IamInstanceProfile"]["Arn"].endswith(":instance-profile/nodes")
        assert one["MetadataOptions"]["HttpTokens"] == "required"
        assert one["Monitoring"]["State"] == "enabled"
        assert one["Placement"]["AvailabilityZone"] == ZONES[1]
        assert one["Placement"]["AvailabilityZoneId"].startswith("use1-az")
        assert one["SubnetId"] == aws.subnets[1]
        assert one["PrivateDnsName"] == f"ip-{one['PrivateIpAddress'].replace('.', '-')}.ec2.internal"
        assert {tag["Key"] for tag in one["Tags"]} >= {"from", "own", "aws:ec2launchtemplate:id"}
        data = aws.ec2.describe_instance_attribute(InstanceId=one["InstanceId"], Attribute="userData")
        assert data["UserData"]["Value"] == USER_DATA
        assert "InstanceLifecycle" not in one
    sizes = sorted((volume["Size"], volume["Encrypted"]) for volume in aws.ec2.describe_volumes()["Volumes"])
    assert sizes == [(50, True), (50, True), (100, False), (100, False)]
    assert all(
        {"Key": "from", "Value": "template"} in volume["Tags"] for volume in aws.ec2.describe_volumes()["Volumes"]
    )
    interfaces = aws.ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert [one["TagSet"] for one in interfaces] == [[{"Key": "from", "Value": "template"}]] * 2
    assert {one["Groups"][0]["GroupId"] for one in interfaces} == {group}


@proves(launches)
def test_the_request_overrides_the_template_parameter_by_parameter(aws: Aws) -> None:
    group, other = aws.group("nodes"), aws.group("other")
    aws.template(InstanceType="m7i.large", SecurityGroupIds=[group], MetadataOptions={"HttpTokens": "required"})
    aws.ec2.run_instances(
        LaunchTemplate={"LaunchTemplateName": "nodes"},
        InstanceType="c7i.large",
        SecurityGroupIds=[other],
        SubnetId=aws.subnets[0],
        MinCount=1,
        MaxCount=1,
    )
    (one,) = aws.instances()
    assert one["InstanceType"] == "c7i.large"
    assert [group_["GroupId"] for group_ in one["SecurityGroups"]] == [other]
    assert one["MetadataOptions"]["HttpTokens"] == "required"


@proves(launches)
def test_without_groups_an_instance_has_the_default_one_of_its_vpc(aws: Aws) -> None:
    aws.ec2.run_instances(ImageId=IMAGE, SubnetId=aws.subnets[0], MinCount=1, MaxCount=1)
    (one,) = aws.instances()
    assert [group["GroupName"] for group in one["SecurityGroups"]] == ["default"]


@proves(launches)
def test_a_spot_instance_has_a_request(aws: Aws) -> None:
    aws.ec2.run_instances(
        ImageId=IMAGE,
        InstanceType="m7i.large",
        SubnetId=aws.subnets[0],
        MinCount=1,
        MaxCount=1,
        InstanceMarketOptions={"MarketType": "spot"},
        TagSpecifications=[{"ResourceType": "spot-instances-request", "Tags": [{"Key": "a", "Value": "b"}]}],
    )
    (one,) = aws.instances()
    assert one["InstanceLifecycle"] == "spot"
    (request,) = aws.ec2.describe_spot_instance_requests(SpotInstanceRequestIds=[one["SpotInstanceRequestId"]])[
        "SpotInstanceRequests"
    ]
    assert request["InstanceId"] == one["InstanceId"]
    assert request["Tags"] == [{"Key": "a", "Value": "b"}]
    assert len(aws.instances()) == 1


@proves(launches)
def test_interfaces_on_several_network_cards_are_all_there(aws: Aws) -> None:
    group = aws.group("nodes")
    aws.template(
        InstanceType="p5.48xlarge",
        NetworkInterfaces=[
            {"NetworkCardIndex": card, "DeviceIndex": int(card > 0), "InterfaceType": "efa", "Groups": [group]}
            for card in range(4)
        ],
    )
    aws.ec2.run_instances(
        LaunchTemplate={"LaunchTemplateName": "nodes"}, SubnetId=aws.subnets[0], MinCount=1, MaxCount=1
    )
    (one,) = aws.instances()
    assert [interface["InterfaceType"] for interface in one["NetworkInterfaces"]] == ["efa"] * 4


@proves(launches)
def test_a_profile_that_does_not_exist_is_named(aws: Aws) -> None:
    aws.template(InstanceType="m7i.large", IamInstanceProfile={"Name": "nowhere"})
    with pytest.raises(Exception, match="Invalid IAM Instance Profile name"):
        aws.ec2.run_instances(
            LaunchTemplate={"LaunchTemplateName": "nodes"}, SubnetId=aws.subnets[0], MinCount=1, MaxCount=1
        )


@proves(launches)
def test_run_instances_lacks_capacity_when_told_and_takes_nothing(aws: Aws) -> None:
    def run(least: int, most: int) -> int:
        asked = {"ImageId": IMAGE, "InstanceType": "g6.xlarge", "SubnetId": aws.subnets[0]}
        return len(aws.ec2.run_instances(**asked, MinCount=least, MaxCount=most)["Instances"])

    tell([Rule("on-demand", "g6.*", ZONES[0], remaining=3)])
    with pytest.raises(Exception, match="InsufficientInstanceCapacity") as refused:
        run(4, 4)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500  # type: ignore[attr-defined]
    assert rules()[0].remaining == 3
    assert run(1, 2) == 2
    assert run(1, 5) == 1
    with pytest.raises(Exception, match="InsufficientInstanceCapacity"):
        run(1, 1)
    assert len(aws.instances()) == 3


@proves(launches)
def test_a_subnet_without_free_addresses_says_so(aws: Aws) -> None:
    small = aws.ec2.create_subnet(VpcId=aws.vpc, CidrBlock="10.0.200.0/28", AvailabilityZone=ZONES[0])["Subnet"]
    asked = {"ImageId": IMAGE, "SubnetId": small["SubnetId"]}
    with pytest.raises(Exception, match="InsufficientFreeAddressesInSubnet"):
        aws.ec2.run_instances(**asked, MinCount=12, MaxCount=12)
    assert len(aws.ec2.run_instances(**asked, MinCount=1, MaxCount=50)["Instances"]) == 11


@proves(launches)
def test_versions_of_a_launch_template_build_on_each_other(aws: Aws) -> None:
    aws.template(InstanceType="m7i.large")
    version = aws.ec2.create_launch_template_version(
        LaunchTemplateName="nodes", SourceVersion="1", LaunchTemplateData={"UserData": USER_DATA}
    )["LaunchTemplateVersion"]
    assert version["LaunchTemplateData"]["InstanceType"] == "m7i.large"
    for name, kept in (("$Latest", USER_DATA), ("$Default", None), ("2", USER_DATA)):
        launched = aws.ec2.run_instances(
            LaunchTemplate={"LaunchTemplateName": "nodes", "Version": name},
            SubnetId=aws.subnets[0],
            MinCount=1,
            MaxCount=1,
        )["Instances"][0]
        data = aws.ec2.describe_instance_attribute(InstanceId=launched["InstanceId"], Attribute="userData")
        assert data["UserData"].get("Value") == kept
        assert launched["ImageId"] == IMAGE


def test_a_launch_that_would_succeed_says_so_when_it_is_only_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with amended(), account() as aws:
        aws.template(InstanceType="m7i.large")
        asked = {"LaunchTemplate": {"LaunchTemplateName": "nodes", "Version": "$Latest"}, "MinCount": 1, "MaxCount": 1}
        with pytest.raises(Exception, match="DryRunOperation"):
            aws.ec2.run_instances(**asked, DryRun=True)
        with pytest.raises(Exception, match="DryRunOperation"):
            aws.fleet(aws.overrides("m7i.large"), DryRun=True)
        assert aws.instances() == []


@proves(addresses)
def test_a_terminated_instance_gives_its_addresses_back(aws: Aws) -> None:
    def free() -> int:
        count: int = aws.ec2.describe_subnets(SubnetIds=aws.subnets[:1])["Subnets"][0]["AvailableIpAddressCount"]
        return count

    before = free()
    launched = aws.ec2.run_instances(ImageId=IMAGE, SubnetId=aws.subnets[0], MinCount=4, MaxCount=4)["Instances"]
    assert free() == before - 4
    ids = [one["InstanceId"] for one in launched]
    aws.ec2.terminate_instances(InstanceIds=ids[:3])
    assert free() == before - 1
    aws.ec2.terminate_instances(InstanceIds=ids)
    assert free() == before
    assert aws.ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    again = aws.ec2.run_instances(ImageId=IMAGE, SubnetId=aws.subnets[0], MinCount=4, MaxCount=4)["Instances"]
    assert [one["PrivateIpAddress"] for one in again] == [one["PrivateIpAddress"] for one in launched]


@proves(filters)
def test_all_filters_of_one_name_hold(aws: Aws) -> None:
    for tags in (("pool",), ("pool", "class"), ("class",)):
        aws.ec2.run_instances(
            ImageId=IMAGE,
            SubnetId=aws.subnets[0],
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": key, "Value": key} for key in tags]}],
        )
    both = [{"Name": "tag-key", "Values": ["pool"]}, {"Name": "tag-key", "Values": ["class"]}]
    state = {"Name": "instance-state-name", "Values": ["pending", "running"]}
    assert len(aws.instances(Filters=[*both, {"Name": "tag:pool", "Values": ["pool"]}, state])) == 1
    assert len(aws.instances(Filters=[*reversed(both), state])) == 1


@proves(filters)
def test_values_of_a_filter_are_alternatives(aws: Aws) -> None:
    found = aws.ec2.describe_instance_types(
        InstanceTypes=["m7i.large", "m7g.large", "c3.large"],
        Filters=[{"Name": "processor-info.supported-architecture", "Values": ["x86_64", "arm64"]}],
    )["InstanceTypes"]
    assert {one["InstanceType"] for one in found} == {"m7i.large", "m7g.large", "c3.large"}


@proves(filters)
def test_healthy_instances_are_not_found_as_impaired(aws: Aws) -> None:
    aws.ec2.run_instances(ImageId=IMAGE, SubnetId=aws.subnets[0], MinCount=1, MaxCount=1)
    for name, value, count in (
        ("event.code", "instance-stop", 0),
        ("system-status.status", "impaired", 0),
        ("instance-status.status", "ok", 1),
    ):
        found = aws.ec2.describe_instance_status(Filters=[{"Name": name, "Values": [value]}])["InstanceStatuses"]
        assert len(found) == count, name


@proves(launch_template_ids)
def test_an_unknown_launch_template_is_not_found_by_its_id(aws: Aws) -> None:
    with pytest.raises(Exception, match=r"InvalidLaunchTemplateId\.NotFound"):
        aws.ec2.describe_launch_templates(LaunchTemplateIds=["lt-0123456789abcdef0"])
