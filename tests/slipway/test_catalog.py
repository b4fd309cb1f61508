"""`slipway catalog`: renewed from AWS into the same files each time, refused where it would lie, and looked up."""

import io
import json
import shutil
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from moto import mock_aws
from rich.console import Console

from infra.catalog import DATA, Catalog, files
from slipway.catalog import CatalogError, aws, refresh, renewal, show
from slipway.catalog.aws import ACTIONS, shape
from slipway.embedded.aws import DUMMY_KEY
from slipway.paths import REPOSITORY
from slipway.progress import Progress
from tests.live import SLIPWAY

QUIET = Progress(quiet=True)
DAY = date(2027, 1, 2)
NOON, ONE = datetime(2027, 1, 2, 12, tzinfo=UTC), datetime(2027, 1, 2, 13, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test ever reaches an account, whatever this shell has."""
    for key in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


class Session:
    """A session whose clients answer what a test has put down for them."""

    def __init__(self) -> None:
        self.clients = {name: boto3.client(name, region_name="eu-north-1") for name in ("ec2", "pricing")}
        self.stubs = {name: Stubber(client) for name, client in self.clients.items()}
        for stub in self.stubs.values():
            stub.activate()

    def client(self, name: str, region_name: str) -> Any:
        assert region_name == {"ec2": "eu-north-1", "pricing": "us-east-1"}[name]
        return self.clients[name]

    @staticmethod
    def get_available_regions(service: str) -> list[str]:
        return list(boto3.Session().get_available_regions(service))


def described(name: str, **changed: Any) -> dict[str, Any]:
    card = {"NetworkCardIndex": 0, "MaximumNetworkInterfaces": 3, "BaselineBandwidthInGbps": 0.781}
    return {
        "InstanceType": name,
        "VCpuInfo": {"DefaultVCpus": 2},
        "MemoryInfo": {"SizeInMiB": 8192},
        "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
        "NetworkInfo": {
            "NetworkPerformance": "Up to 12.5 Gigabit",
            "DefaultNetworkCardIndex": 0,
            "NetworkCards": [card],
            "Ipv4AddressesPerInterface": 10,
        },
        "Hypervisor": "nitro",
        "BurstablePerformanceSupported": False,
        **changed,
    }


def product(name: str, usd: str, unit: str = "Hrs") -> str:
    terms = {"OnDemand": {"t": {"priceDimensions": {"d": {"unit": unit, "pricePerUnit": {"USD": usd}}}}}}
    return json.dumps({"product": {"attributes": {"instanceType": name}}, "terms": terms})


def spot(name: str, zone: str, usd: str, at: datetime = NOON) -> dict[str, Any]:
    return {"InstanceType": name, "AvailabilityZone": zone, "SpotPrice": usd, "Timestamp": at}


def answering(**changed: Any) -> Session:
    """A session of eu-north-1, with two pages where AWS gives several."""
    session, ec2, pricing = Session(), "ec2", "pricing"
    types = [described("m7i.large"), described("m7i.metal-24xl"), described("u7i-12tb.224xlarge")]
    zones = [
        {"ZoneName": "eu-north-1b", "ZoneId": "eun1-az2", "ZoneType": "availability-zone"},
        {"ZoneName": "eu-north-1a", "ZoneId": "eun1-az1", "ZoneType": "availability-zone"},
        {"ZoneName": "eu-north-1-hel-1a", "ZoneId": "eun1-hel1-az1", "ZoneType": "local-zone"},
    ]
    offered = [
        {"InstanceType": name, "Location": zone}
        for name in ("m7i.large", "m7i.metal-24xl")
        for zone in ("eu-north-1b", "eu-north-1a", "eu-north-1-hel-1a")
    ]
    told = {
        "products": [product("m7i.large", "0.1070000000"), product("c1.medium", "0.13"), product("m7i.large", "0.0")],
        "spot": [
            spot("m7i.large", "eu-north-1a", "0.0310", NOON),
            spot("m7i.large", "eu-north-1a", "0.0320", ONE),
            spot("m7i.large", "eu-north-1-hel-1a", "0.09"),
            spot("m7i.metal-24xl", "eu-north-1a", "2.0"),
        ],
        **changed,
    }
    stub = session.stubs[ec2]
    stub.add_response("describe_instance_types", {"InstanceTypes": types[:1], "NextToken": "more"}, {})
    stub.add_response("describe_instance_types", {"InstanceTypes": types[1:]}, {"NextToken": "more"})
    stub.add_response("describe_availability_zones", {"AvailabilityZones": zones})
    stub.add_response(
        "describe_instance_type_offerings", {"InstanceTypeOfferings": offered}, {"LocationType": "availability-zone"}
    )
    session.stubs[pricing].add_response(
        "get_products", {"PriceList": told["products"]}, {"ServiceCode": "AmazonEC2", "Filters": ANY}
    )
    stub.add_response(
        "describe_spot_price_history",
        {"SpotPriceHistory": told["spot"]},
        {"ProductDescriptions": ["Linux/UNIX"], "StartTime": ANY},
    )
    return session


def renewed(folder: Path, session: Any) -> list[str]:
    return refresh(["eu-north-1"], QUIET, folder=folder, session=session, today=DAY)


def test_a_region_is_added(folder: Path) -> None:
    changed = renewed(folder, answering())
    assert set(changed) == {
        *("offerings-eu-north-1.csv", "prices-eu-north-1.csv"),
        *("zones.csv", "sources.json"),
    }
    catalog = Catalog(folder)
    assert [(zone.name, zone.id) for zone in catalog.zones("eu-north-1")] == [
        ("eu-north-1a", "eun1-az1"),
        ("eu-north-1b", "eun1-az2"),
    ]
    assert catalog.offered("m7i.large", "eu-north-1") == ("eu-north-1a", "eu-north-1b")
    assert (folder / "prices-eu-north-1.csv").read_text() == (
        "type,capacity,zone,usd_per_hour\nm7i.large,on-demand,,0.107\nm7i.large,spot,eu-north-1a,0.032\n"
    )


def test_what_is_said_of_other_regions_stays(folder: Path) -> None:
    renewed(folder, answering())
    catalog = Catalog(folder)
    assert catalog.types == Catalog.load().types
    assert catalog.zones("us-east-1") == Catalog.load().zones("us-east-1")
    assert catalog.prices_json("us-east-1") == Catalog.load().prices_json("us-east-1")
    assert {each.name: (folder / each.name).read_bytes() for each in DATA.glob("*us-east-1.csv")} == {
        each.name: each.read_bytes() for each in DATA.glob("*us-east-1.csv")
    }


def test_the_source_the_day_and_the_checksums_are_put_down(folder: Path) -> None:
    renewed(folder, answering())
    sources, taken, digests = files.read_sources(folder)
    assert taken["prices-eu-north-1.csv"] == taken["offerings-eu-north-1.csv"] == ("aws-eu-north-1",)
    assert taken["types.csv"] == tuple(sorted({"aws-eu-north-1", *files.read_sources(DATA)[1]["types.csv"]}))
    assert sources["aws-eu-north-1"].date == "2027-01-02"
    assert digests == {each.name: files.digest(each.read_text()) for each in folder.glob("*.csv")}


def test_the_same_answers_make_the_same_bytes(folder: Path) -> None:
    renewed(folder, answering())
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    shuffled = answering(
        products=[product("m7i.large", "0.107")],
        spot=[
            spot("m7i.large", "eu-north-1a", "0.032", ONE),
            spot("m7i.large", "eu-north-1a", "0.0310", NOON),
        ],
    )
    assert renewed(folder, shuffled) == []
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


def test_a_changed_shape_is_taken_over(folder: Path) -> None:
    session = Session()
    stub = session.stubs["ec2"]
    told = described("m7i.large", MemoryInfo={"SizeInMiB": 16384})
    stub.add_response("describe_instance_types", {"InstanceTypes": [told]})
    stub.add_response("describe_availability_zones", {"AvailabilityZones": []})
    stub.add_response("describe_instance_type_offerings", {"InstanceTypeOfferings": []})
    session.stubs["pricing"].add_response("get_products", {"PriceList": []})
    stub.add_response("describe_spot_price_history", {"SpotPriceHistory": []})
    assert "types.csv" in renewed(folder, session)
    assert Catalog(folder).type("m7i.large").memory_bytes == 16 * 2**30


def test_only_linux_without_a_licence_and_shared_is_priced() -> None:
    session = Session()
    asked: dict[str, Any] = {}
    session.stubs["pricing"].add_response("get_products", {"PriceList": []})
    session.clients["pricing"].meta.events.register(
        "before-parameter-build.pricing.GetProducts", lambda params, **_: asked.update(params)
    )
    aws._on_demand(session.clients["pricing"], "eu-north-1", {"m7i.large"})
    assert {each["Field"]: each["Value"] for each in asked["Filters"]} == {
        "regionCode": "eu-north-1",
        "operatingSystem": "Linux",
        "preInstalledSw": "NA",
        "tenancy": "Shared",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
    }
    assert {each["Type"] for each in asked["Filters"]} == {"TERM_MATCH"}


def test_it_works_with_the_api_as_moto_serves_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "_on_demand", lambda *_: {})
    with mock_aws():
        assert refresh(["eu-west-1"], QUIET, folder=folder, today=DAY)
    told = Catalog(folder)
    assert told.types == Catalog.load().types
    assert told.zones("eu-west-1") == Catalog.load().zones("eu-west-1")
    assert told.offered("g6.xlarge", "eu-west-1") == Catalog.load().offered("g6.xlarge", "eu-west-1")
    assert files.read_sources(folder)[1]["types.csv"] == ("aws-eu-west-1",)


def test_a_shape_as_aws_describes_it() -> None:
    gpu = {"Name": "RTX PRO Server 6000", "Manufacturer": "NVIDIA", "Count": 0, "MemoryInfo": {"SizeInMiB": 2048}}
    found = shape(
        described(
            "g7e.large",
            GpuInfo={"Gpus": [{**gpu, "LogicalGpuCount": 1, "GpuPartitionSize": 0.125}]},
            ProcessorInfo={"SupportedArchitectures": ["arm64"]},
            InstanceStorageInfo={"TotalSizeInGB": 250, "NvmeSupport": "required"},
            BurstablePerformanceSupported=True,
        )
    )
    assert found is not None
    assert found.accelerator is not None
    assert (found.accelerator.model, found.accelerator.count) == ("rtx-pro-server-6000", 1)
    assert (found.accelerator.fraction, found.accelerator.memory_bytes) == (0.125, 2 * 2**30)
    assert (found.architecture, found.nvme_bytes, found.burstable) == ("arm64", 250 * 10**9, True)
    assert (found.vcpus, found.memory_bytes, found.max_pods, found.network_gbps) == (2, 8 * 2**30, 29, 0.781)


def test_pods_get_addresses_from_the_default_card_and_traffic_uses_all() -> None:
    few = {"NetworkCardIndex": 0, "MaximumNetworkInterfaces": 2, "BaselineBandwidthInGbps": 100.0}
    cards = [few, {**few, "NetworkCardIndex": 1, "MaximumNetworkInterfaces": 4}, {**few, "NetworkCardIndex": 2}]
    network = {"DefaultNetworkCardIndex": 1, "NetworkCards": cards, "Ipv4AddressesPerInterface": 50}
    found = shape(described("p5.48xlarge", NetworkInfo={**network, "NetworkPerformance": "Up to 400 Gigabit"}))
    assert found is not None
    assert (found.network_interfaces, found.max_pods, found.network_gbps) == (4, 198, 300.0)
    definite = shape(described("p5.48xlarge", NetworkInfo={**network, "NetworkPerformance": "200 Gigabit"}))
    assert definite is not None
    assert definite.network_gbps == 200.0


def test_families_that_no_platform_serves_on_are_left_out() -> None:
    assert shape(described("m7i.metal-24xl")) is None
    assert shape(described("x2idn.16xlarge")) is None


def test_without_an_account_it_says_so_and_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    with pytest.raises(CatalogError) as refused:
        refresh(["eu-north-1"], QUIET, folder=folder)
    assert "no AWS account is at hand" in refused.value.what
    assert "aws sso login" in refused.value.remedy
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


def test_a_profile_that_there_is_not_is_no_account(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(CatalogError, match=r"no AWS account is at hand .*nobody"):
        refresh(["eu-north-1"], QUIET, folder=folder)


def test_a_refusal_names_what_the_account_must_allow(folder: Path) -> None:
    session = Session()
    session.stubs["ec2"].add_client_error("describe_instance_types", "UnauthorizedOperation", "You are not authorized")
    with pytest.raises(CatalogError) as refused:
        renewed(folder, session)
    assert refused.value.what == "AWS refused DescribeInstanceTypes: You are not authorized"
    assert all(action in refused.value.remedy for action in ACTIONS)


def test_nothing_is_written_when_the_last_question_fails(folder: Path) -> None:
    session = answering()
    session.stubs["pricing"].deactivate()
    with_a_refusal = Stubber(session.clients["pricing"])
    with_a_refusal.add_client_error("get_products", "AccessDeniedException", "no")
    with_a_refusal.activate()
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    with pytest.raises(CatalogError, match="GetProducts"):
        renewed(folder, session)
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


def test_a_region_that_aws_has_not_is_refused_before_anything_is_asked(folder: Path) -> None:
    with pytest.raises(CatalogError, match="AWS has no region `eu-nort-1`: did you mean `eu-north-1`"):
        refresh(["eu-nort-1"], QUIET, folder=folder, session=Session())


def test_without_regions_it_asks_about_all_it_has(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(region: str, _: Any) -> aws.Answers:
        asked.append(region)
        return aws.Answers({}, (), {}, {})

    monkeypatch.setattr(renewal, "ask", ask)
    refresh([], QUIET, folder=folder, session=boto3.Session())
    assert tuple(asked) == Catalog.load().regions


@pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_a_shell_of_an_instance_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, DUMMY_KEY)
    with pytest.raises(CatalogError, match="this shell belongs to an instance"):
        refresh(["eu-north-1"], QUIET, folder=folder, session=answering())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_an_emulator_is_not_taken_for_aws(folder: Path, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:4566")
    with pytest.raises(CatalogError, match="this machine, not AWS"):
        refresh(["eu-north-1"], QUIET, folder=folder)


def test_a_type_is_shown_with_its_price_and_where_that_is_from() -> None:
    listing = show(["m5.large", "l40s"], "us-east-1")
    assert listing.rows[0]["type"] == "m5.large"
    assert listing.rows[0]["on_demand_usd"] == 0.096
    assert listing.rows[0]["allocatable"]["millicores"] == 1930
    assert {row["type"].partition(".")[0] for row in listing.rows[1:]} == {"g6e"}
    shown = drawn(listing)
    assert "1 × l40s" in shown
    for source in listing.sources:
        assert source.date in shown
        assert source.licence in shown


def test_a_region_without_prices_says_how_to_get_them(folder: Path) -> None:
    (folder / files.prices_file("us-west-2")).unlink(missing_ok=True)
    shown = drawn(show(["m5.large"], "us-west-2", catalog=Catalog(folder)))
    assert "slipway catalog refresh us-west-2" in shown
    assert "?" in shown


def test_an_unknown_type_is_an_error_with_what_is_near() -> None:
    with pytest.raises(CatalogError, match=r"did you mean `m7i\.large`"):
        show(["m7i.larg"])


def test_the_command_shows_and_refuses_without_a_traceback() -> None:
    done = slipway("show", "g6.xlarge", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"][0]["accelerator"]["model"] == "l4"
    refused = slipway("show", "g6.xlarg")
    assert refused.returncode == 1
    assert "did you mean `g6.xlarge`" in " ".join(refused.stderr.split())
    assert "Traceback" not in refused.stderr
    offline = slipway("refresh", "eu-north-1", AWS_ACCESS_KEY_ID=DUMMY_KEY)
    assert offline.returncode == 1
    assert "this shell belongs to an instance" in offline.stderr


@pytest.mark.parametrize("command", ["show", "refresh"])
def test_help_shows_examples(command: str) -> None:
    assert f"slipway catalog {command}" in slipway(command, "--help").stdout


def slipway(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SLIPWAY, "catalog", *words],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=120,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environment},
    )


def drawn(listing: Any) -> str:
    text = io.StringIO()
    Console(width=80, file=text).print(listing.table(), soft_wrap=True)
    return text.getvalue()
