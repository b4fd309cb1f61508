"""Renews the catalog's files from AWS: everything is asked before anything is written."""

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from infra.catalog import Catalog, Source, UnknownNameError, files
from slipway.catalog.aws import ACTIONS, Answers, ask
from slipway.catalog.faults import CatalogError
from slipway.embedded.aws import DUMMY_KEY
from slipway.files import write
from slipway.plugins.credentials import KEY_VARIABLES
from slipway.progress import Progress

_LOG_IN = "log in (`aws sso login`, AWS_PROFILE=…) and run it again; the catalog stays as it is"


def refresh(
    regions: Iterable[str],
    progress: Progress,
    *,
    folder: Path = files.DATA,
    session: Any = None,
    today: date | None = None,
) -> list[str]:
    """Renew the catalog's files for some regions, or for all it knows; the same answers make the same bytes.

    Everything is asked before anything is written. What other regions' files say stays as it is.

    Args:
        regions: Region codes; none for those the catalog has.
        progress: Told which region is asked.
        folder: The catalog's files.
        session: A boto3 session; by default that of the environment.
        today: The date to put down; by default today in UTC.

    Returns:
        Names of the files that changed.

    Raises:
        CatalogError: A region does not exist, no account is at hand, it refuses, or it cannot be reached.
    """
    _refuse_offline(os.environ)
    session = session or _session()
    wanted = list(dict.fromkeys(regions)) or list(Catalog(folder).regions)
    _check(wanted, session)
    told: dict[str, Answers] = {}
    for region in wanted:
        with progress.phase(f"Asking AWS about {region}"):
            told[region] = _asked(region, session)
    return _keep(folder, told, today or datetime.now(tz=UTC).date())


def _keep(folder: Path, told: Mapping[str, Answers], today: date) -> list[str]:
    sources, taken, _ = files.read_sources(folder)
    types = files.read_types(folder)
    fresh = {name: each for answers in told.values() for name, each in answers.types.items()}
    every = {**types, **fresh}
    zones = {**files.read_zones(folder), **{region: answers.zones for region, answers in told.items()}}
    mine: dict[str, tuple[str, ...]] = {}
    contents = {files.TYPES: files.types_text(every.values()), files.ZONES: files.zones_text(zones)}
    for region, answers in told.items():
        name = f"aws-{region}"
        sources[name] = _source(region, today)
        contents[files.offerings_file(region)] = files.offerings_text(answers.offerings, every)
        contents[files.prices_file(region)] = files.prices_text(answers.prices, every)
        mine |= {files.offerings_file(region): (name,), files.prices_file(region): (name,)}
    names = tuple(f"aws-{region}" for region in told)
    # Where something of the file was not asked this time, it is still owed to who told it.
    mine[files.TYPES] = names if fresh.keys() >= types.keys() else tuple(sorted({*taken[files.TYPES], *names}))
    mine[files.ZONES] = names if told.keys() >= zones.keys() else tuple(sorted({*taken[files.ZONES], *names}))
    taken = {**taken, **mine}
    all_ = {name: contents[name] if name in contents else (folder / name).read_text() for name in taken}
    all_written = {**contents, files.SOURCES: files.sources_text(sources, taken, all_)}
    return [name for name, content in all_written.items() if write(folder / name, content, mode=0o644)]


def _source(region: str, today: date) -> Source:
    return Source(
        title=f"AWS, asked about {region}",
        url="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html",
        date=today.isoformat(),
        licence="facts that AWS publishes; no code",
        facts=", ".join(ACTIONS),
    )


def _check(regions: Iterable[str], session: Any) -> None:
    known = session.get_available_regions("ec2")
    for region in regions:
        if region not in known:
            raise CatalogError(str(UnknownNameError("region", region, known, whose="AWS")))


def _refuse_offline(environ: Mapping[str, str]) -> None:
    if any(environ.get(key) == DUMMY_KEY for key in KEY_VARIABLES):
        raise CatalogError(
            "this shell belongs to an instance: it asks the local stand-in, whose prices are these very files",
            remedy="run it in a shell without `slipway env`, with an account's credentials",
        )


def _session() -> Any:
    try:
        return boto3.Session()
    except BotoCoreError as error:  # such as a profile that there is not
        raise CatalogError(f"no AWS account is at hand ({error})", remedy=_LOG_IN) from error


def _asked(region: str, session: Any) -> Answers:
    try:
        return ask(region, session)
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise CatalogError(
            f"no AWS account is at hand ({str(error).lower()})",
            remedy=_LOG_IN,
        ) from error
    except ClientError as error:
        told = error.response["Error"]
        raise CatalogError(
            f"AWS refused {error.operation_name}: {told.get('Message') or told.get('Code')}",
            remedy=f"the account needs {', '.join(ACTIONS)}; a region that is not opted in cannot be asked",
        ) from error
    except BotoCoreError as error:
        raise CatalogError(f"AWS could not be asked: {error}", remedy="check the network and the profile") from error
