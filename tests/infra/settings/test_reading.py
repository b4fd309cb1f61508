"""What a stack file may say, and in which ways."""

from pathlib import Path

import pytest

from infra.settings import Settings, load, parse_file
from tests.infra.settings.stackfiles import TEXT, VALID, as_engine, read, replaced


def valid(folder: Path) -> Settings:
    return read(TEXT, folder)


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("slipway:", ""),
        replaced("slipway:models", "models"),
        replaced("somewhere", "'somewhere'"),
        replaced("somewhere", '"some\\x77here"'),
        replaced("somewhere", "!!str somewhere"),
        replaced("replicas: 2", "replicas: +2"),
        replaced("{cpu: 500m, memory: 512Mi}", "{<<: {cpu: 500m, memory: 1Gi}, memory: 512Mi}"),
        replaced("{cpu: 500m, memory: 512Mi}", "{memory: 512Mi, <<: [{cpu: 500m}, {cpu: 2, memory: 1Gi}]}"),
        f"\ufeff{TEXT}",
        TEXT.replace("\n", "\r\n"),
        f"%YAML 1.2\n---\n{TEXT}...\n",
        f"{TEXT}encryptionsalt: v1:abc=\nsecretsprovider: passphrase\nencryptedkey: abc\nimports: [base]\n",
        f"{TEXT}environment: [shared/base]\n",
        f"{TEXT}environment:\n  values: {{pulumiConfig: {{'aws:region': eu-central-1}}}}\n",
        f"{TEXT}  kubernetes:context: other\n  pulumi:tags: {{team: serving, secure: {{}}}}\n",
    ],
)
def test_ways_to_say_the_same(text: str, tmp_path: Path) -> None:
    assert read(text, tmp_path) == valid(tmp_path)


def test_an_alias_is_what_it_stands_for(tmp_path: Path) -> None:
    text = TEXT.replace("{cpu", "&small {cpu") + "    other: {image: built, resources: *small}\n"
    models = read(text, tmp_path).models
    assert models["other"].resources == models["digits"].resources
    assert models["other"].replicas == 1


def test_what_is_written_comes_before_what_is_merged(tmp_path: Path) -> None:
    text = TEXT.replace("digits:\n", "digits: &base\n") + "    other: {replicas: 5, <<: *base}\n"
    models = read(text, tmp_path).models
    assert models["other"].replicas == 5
    assert models["other"].image == "built"


def test_a_model_may_be_called_secure(tmp_path: Path) -> None:
    assert list(read(replaced("digits:", "secure:"), tmp_path).models) == ["secure"]


@pytest.mark.parametrize("amount", ["1", "0.5", "1.125", "'2'", "250m"])
def test_processors_are_whole_or_parts(amount: str, tmp_path: Path) -> None:
    assert read(replaced("500m", amount), tmp_path).models["digits"].resources.cpu == amount.strip("'")


def test_the_keys_of_aws_are_read_from_a_file_and_from_the_engine(tmp_path: Path) -> None:
    text = (
        f"{TEXT}  aws:region: eu-central-1\n"
        "  aws:allowedAccountIds: ['012345678901']\n"
        "  aws:forbiddenAccountIds: ['111122223333']\n"
        "  aws:defaultTags: {tags: {team: serving, empty: ''}}\n"
    )
    engine = {
        **as_engine({**VALID, "slipway:models": {}}),
        "aws:region": "eu-central-1",
        "aws:allowedAccountIds": '["012345678901"]',
        "aws:forbiddenAccountIds": '["111122223333"]',
        "aws:defaultTags": '{"tags":{"empty":"","team":"serving"}}',
    }
    for settings in (read(text, tmp_path), load(engine, stack="x")):
        assert settings.region == "eu-central-1"
        assert settings.allowed_account_ids == ("012345678901",)
        assert settings.forbidden_account_ids == ("111122223333",)
        assert settings.default_tags.tags == {"team": "serving", "empty": ""}


@pytest.mark.parametrize(
    ("ids", "account"),
    [("", None), ("['012345678901']", "012345678901"), ("['111122223333', '012345678901']", None)],
)
def test_the_account_is_the_only_one_that_is_allowed(ids: str, account: str | None, tmp_path: Path) -> None:
    text = f"{TEXT}  aws:allowedAccountIds: {ids}\n" if ids else TEXT
    assert read(text, tmp_path).account == account


@pytest.mark.parametrize(
    "region", ["eu-central-1", "us-gov-west-1", "us-iso-east-1", "ap-southeast-5", "eusc-de-east-1", "mx-central-1"]
)
def test_regions_of_every_partition_are_known_by_their_form(region: str, tmp_path: Path) -> None:
    assert read(f"{TEXT}  aws:region: {region}\n", tmp_path).region == region


def test_a_fault_beyond_the_file_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(TEXT.replace("slipway:models", "models"))
    fault = parse_file(file).fault(("config", "slipway:models", "digits", "image"), "is not there")
    assert fault.told("stacks/Pulumi.x.yaml") == ("stacks/Pulumi.x.yaml:6: slipway:models.digits.image: is not there")
