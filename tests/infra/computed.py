"""What AWS would answer, as far as the program reads it: under mocks, nobody else says it."""

from typing import Any

_OF: dict[str, dict[str, Any]] = {
    "aws:eks/cluster:Cluster": {
        "endpoint": "https://{name}.eks.example",
        "certificateAuthority": {"data": "authority of {name}"},
        "vpcConfig": {"clusterSecurityGroupId": "sg-{name}"},
    },
    "aws:kms/alias:Alias": {"targetKeyArn": "arn of the key of {name}"},
    "aws:kms/key:Key": {"keyId": "{name}"},
    "aws:sqs/queue:Queue": {"url": "https://sqs.example/{name}"},
    "aws:ecr/repository:Repository": {"repositoryUrl": "registry.example/{name}"},
    "aws:ec2/launchTemplate:LaunchTemplate": {"latestVersion": 1},
}


def computed(token: str, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """A resource's properties, once it is there."""
    filled: dict[str, Any] = _filled(_OF.get(token, {}), name)
    arn = {"arn": f"arn of {token.rpartition(':')[2]} {name}"} if token.startswith("aws:") else {}
    joined = {key: {**inputs[key], **value} for key, value in filled.items() if isinstance(inputs.get(key), dict)}
    return {**arn, **filled, **inputs, **joined}


def _filled(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, name) for key, each in value.items()}
    return value.format(name=name) if isinstance(value, str) else value
