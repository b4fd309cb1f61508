"""The same requests, each with its own seed, leave the same state: in another process, and whatever was read before."""

import json
import os
import subprocess
import sys

from moto.moto_api._internal import mock_random

from slipway.embedded.aws.fidelity import backends
from slipway.paths import REPOSITORY
from tests.slipway.embedded.aws.fidelity.proving import Aws, proves


def shown(*, reads: str, hashes: str) -> str:
    argv = [sys.executable, "-m", "tests.slipway.embedded.aws.fidelity.replaying", reads]
    env = {**os.environ, "PYTHONHASHSEED": hashes, "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    env.pop("AWS_ENDPOINT_URL", None)
    done = subprocess.run(argv, cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_a_replay_leaves_the_same_state() -> None:
    first, again = (json.loads(shown(reads=reads, hashes=hashes)) for reads, hashes in (("yes", "1"), ("no", "2")))
    assert len(first[0]) == 6 + 6 + 9 + 4
    assert first == again


@proves(backends)
def test_a_backend_is_the_same_whichever_request_is_the_first(aws: Aws) -> None:
    def vpcs(region: str, *, read_first: bool) -> list[str]:
        other = aws.client("ec2", region)
        mock_random.seed("before")
        if read_first:
            other.describe_vpcs()
        mock_random.seed("request")
        other.create_vpc(CidrBlock="10.9.0.0/16")
        return [one["VpcId"] for one in other.describe_vpcs()["Vpcs"]]

    made = vpcs("eu-west-1", read_first=True)[-1], vpcs("eu-west-2", read_first=False)[-1]
    assert made[0] == made[1]
