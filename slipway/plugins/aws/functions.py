"""Functions (`Invoke`) of the aws provider that the program uses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from slipway.plugins.aws.policies import policy_document
from slipway.plugins.aws.resource import AwsError
from slipway.plugins.aws.session import Session

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Function:
    """A function of the provider.

    Attributes:
        call: Answers it.
        follows: The arguments it follows; others are refused, as what they ask for would not happen.
    """

    call: Callable[[Session, Arguments], dict[str, Any]]
    follows: frozenset[str] = frozenset()


class UnknownFunctionError(Exception):
    """The program calls a function that is not here."""


def function_of(token: str) -> Function:
    """The function with a token.

    Raises:
        UnknownFunctionError: There is none.
    """
    if token not in FUNCTIONS:
        raise UnknownFunctionError(
            f"the offline aws plugin does not know the function {token}; add it to FUNCTIONS in "
            f"slipway/plugins/aws/functions.py (it knows {', '.join(sorted(FUNCTIONS))})"
        )
    return FUNCTIONS[token]


def unfollowed(token: str, function: Function, args: Arguments) -> dict[str, str]:
    """Arguments that would be passed over, and what to say of each."""
    known = f"it follows {', '.join(sorted(function.follows))}" if function.follows else "it follows none"
    reason = (
        f"the offline aws plugin does not follow this argument of {token} ({known}); "
        "add it to slipway/plugins/aws/functions.py"
    )
    return dict.fromkeys(sorted(args.keys() - function.follows), reason)


def _caller_identity(session: Session, _: Arguments) -> dict[str, Any]:
    said = session.client("sts").get_caller_identity()
    return {"accountId": said["Account"], "arn": said["Arn"], "userId": said["UserId"], "id": said["Account"]}


def _region(session: Session, args: Arguments) -> dict[str, Any]:
    name = args.get("region") or args.get("name") or session.place.region
    session.place_of(name)
    return {"region": name, "name": name, "id": name, "description": name, "endpoint": f"ec2.{name}.amazonaws.com"}


def _partition(session: Session, _: Arguments) -> dict[str, Any]:
    name = session.place.partition
    suffix = "amazonaws.com.cn" if name == "aws-cn" else "amazonaws.com"
    reverse = ".".join(reversed(suffix.split(".")))
    return {"partition": name, "id": name, "dnsSuffix": suffix, "reverseDnsPrefix": reverse}


def _availability_zones(session: Session, args: Arguments) -> dict[str, Any]:
    region = args.get("region") or session.place.region
    filters = [{"Name": each["name"], "Values": each["values"]} for each in args.get("filters") or []]
    zones = session.client("ec2", region).describe_availability_zones(Filters=filters)["AvailabilityZones"]
    found = [
        zone
        for zone in zones
        if args.get("state") in {None, zone["State"]}
        and zone["ZoneName"] not in (args.get("excludeNames") or [])
        and zone["ZoneId"] not in (args.get("excludeZoneIds") or [])
    ]
    found.sort(key=lambda zone: zone["ZoneName"])
    return {
        **args,
        "id": region,
        "region": region,
        "names": [zone["ZoneName"] for zone in found],
        "zoneIds": [zone["ZoneId"] for zone in found],
        "groupNames": sorted({zone.get("GroupName", region) for zone in found}),
    }


def _image(session: Session, args: Arguments) -> dict[str, Any]:
    """As the official plugin, which asks for the image and then for its repository.

    https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/ecr/image_data_source.go
    """
    region = args.get("region") or session.place.region
    session.place_of(region)
    ecr = session.client("ecr", region)
    names = {"imageDigest": args.get("imageDigest"), "imageTag": args.get("imageTag")}
    identifiers = [{name: value for name, value in names.items() if value}]
    registry = {"registryId": args["registryId"]} if args.get("registryId") else {}
    try:
        asked = {**registry, "repositoryName": args["repositoryName"], "imageIds": identifiers}
        (image,) = ecr.describe_images(**asked)["imageDetails"]
        (repository,) = ecr.describe_repositories(**registry, repositoryNames=[args["repositoryName"]])["repositories"]
    except ecr.exceptions.RepositoryNotFoundException as error:
        raise AwsError("reading ECR Images: couldn't find resource") from error
    except (ClientError, ParamValidationError) as error:
        raise AwsError(f"reading ECR Images: {error}") from error
    return {
        **args,
        "id": image["imageDigest"],
        "imageDigest": image["imageDigest"],
        "imagePushedAt": int(image["imagePushedAt"].timestamp()),
        "imageSizeInBytes": image["imageSizeInBytes"],
        "imageTags": image.get("imageTags", []),
        "imageUri": f"{repository['repositoryUri']}@{image['imageDigest']}",
        "region": region,
        "registryId": image["registryId"],
        "repositoryName": image["repositoryName"],
    }


FUNCTIONS: dict[str, Function] = {
    "aws:index/getCallerIdentity:getCallerIdentity": Function(_caller_identity),
    "aws:index/getRegion:getRegion": Function(_region, frozenset({"region", "name"})),
    "aws:index/getPartition:getPartition": Function(_partition),
    "aws:index/getAvailabilityZones:getAvailabilityZones": Function(
        _availability_zones, frozenset({"region", "state", "excludeNames", "excludeZoneIds", "filters"})
    ),
    "aws:ecr/getImage:getImage": Function(
        _image, frozenset({"region", "registryId", "repositoryName", "imageDigest", "imageTag"})
    ),
    "aws:iam/getPolicyDocument:getPolicyDocument": Function(
        lambda _, args: policy_document(args), frozenset({"policyId", "statements", "version"})
    ),
}
"""By token."""
