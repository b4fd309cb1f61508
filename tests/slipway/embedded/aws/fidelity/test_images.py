"""Images for nodes, and the parameters that name them."""

import pytest

from slipway.embedded.aws.fidelity import image_parameters, images
from tests.slipway.embedded.aws.fidelity.proving import Aws, proves


@proves(images)
def test_a_registered_image_keeps_its_architecture(aws: Aws) -> None:
    for architecture in ("arm64", "x86_64"):
        identifier = aws.ec2.register_image(
            Name=f"own-{architecture}",
            Architecture=architecture,
            RootDeviceName="/dev/xvda",
            VirtualizationType="hvm",
            TagSpecifications=[{"ResourceType": "image", "Tags": [{"Key": "a", "Value": "b"}]}],
        )["ImageId"]
        (shown,) = aws.ec2.describe_images(ImageIds=[identifier])["Images"]
        found = shown["Architecture"], shown["RootDeviceName"], shown["VirtualizationType"], shown["Tags"]
        assert found == (architecture, "/dev/xvda", "hvm", [{"Key": "a", "Value": "b"}])
    with pytest.raises(Exception, match=r"InvalidAMIName\.Duplicate"):
        aws.ec2.register_image(Name="own-arm64", Architecture="arm64")


@proves(images)
def test_eks_optimised_images_are_found_by_name(aws: Aws) -> None:
    for name, architecture in (
        ("amazon-eks-node-al2023-x86_64-standard-1.34-*", "x86_64"),
        ("amazon-eks-node-al2023-arm64-nvidia-1.35-v20260903", "arm64"),
        ("bottlerocket-aws-k8s-1.33-nvidia-x86_64-v1.65.0-*", "x86_64"),
    ):
        filters = [{"Name": "name", "Values": [name]}, {"Name": "state", "Values": ["available"]}]
        found = aws.ec2.describe_images(Owners=["self", "amazon"], Filters=filters)["Images"]
        assert {(one["Architecture"], one["ImageOwnerAlias"]) for one in found} == {(architecture, "amazon")}
        dates = [one["CreationDate"] for one in found]
        assert len(set(dates)) == len(dates)


@proves(image_parameters)
def test_parameters_name_the_newest_image_and_each_release(aws: Aws) -> None:
    ssm = aws.client("ssm")

    def value(name: str) -> str:
        found: str = ssm.get_parameter(Name=name)["Parameter"]["Value"]
        return found

    for kubernetes in images.KUBERNETES_VERSIONS:
        for architecture in ("x86_64", "arm64"):
            for variant in ("standard", "nvidia"):
                base = f"/aws/service/eks/optimized-ami/{kubernetes}/amazon-linux-2023/{architecture}/{variant}"
                pinned = f"amazon-eks-node-al2023-{architecture}-{variant}-{kubernetes}-v20260903"
                identifier = value(f"{base}/recommended/image_id")
                assert identifier == value(f"{base}/{pinned}/image_id")
                (shown,) = aws.ec2.describe_images(Filters=[{"Name": "image-id", "Values": [identifier]}])["Images"]
                assert (shown["Name"], shown["Architecture"]) == (pinned, architecture)
    base = "/aws/service/bottlerocket/aws-k8s-1.34-nvidia/arm64"
    assert value(f"{base}/latest/image_id") == value(f"{base}/1.65.0/image_id")
    listed = ssm.get_parameters_by_path(Path="/aws/service/eks/optimized-ami/1.34", Recursive=True)["Parameters"]
    assert all(one["Name"].startswith("/aws/service/eks/optimized-ami/1.34/") for one in listed)
    with pytest.raises(Exception, match="ParameterNotFound"):
        value("/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/nothing/image_id")


def test_releases_can_be_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(images.RELEASES_VARIABLE, "al2023@v20270101,bottlerocket@v2.0.1, al2023@latest")
    assert images.releases("al2023") == [*images.AL2023_RELEASES, "v20270101"]
    assert images.releases("bottlerocket") == [*images.BOTTLEROCKET_RELEASES, "2.0.1"]
    assert images.newest("al2023", "1.34", "x86_64", "standard").release == "v20270101"


def test_ids_of_images_differ_by_region_and_stay_the_same() -> None:
    image = images.newest("al2023", "1.34", "arm64", "standard", "v20260903")
    assert image.id_in("us-east-1") == "ami-f434df0de238bd4e7"
    assert image.id_in("eu-west-1") != "ami-f434df0de238bd4e7"
