"""`python -m tests.bench.serving`: measures, and writes a report as Markdown, JSON and one page."""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from slipway import paths
from slipway.errors import LoadError, SlipwayError
from slipway.load.program import GENERATE, program
from slipway.progress import CONSOLE, Progress
from tests.alone import alone
from tests.bench.serving.fixtures import fixture
from tests.bench.serving.pace import FULL, QUICK
from tests.bench.serving.peers.table import ENVIRONMENT, PEERS
from tests.bench.serving.report import Report
from tests.bench.serving.rounds import Outcomes, Place, generator_reach, measure
from tests.bench.serving.shape import SHAPES
from tests.bench.serving.spans import sink

ALONE = "BENCH_ALONE"
"""Set where this process is in a network namespace of its own."""
_FILES = 8192
"""Open files: servers keep a socket for each connection, and many systems allow 1024."""
_EXAMPLES = """\
examples:
  python -m tests.bench.serving                            everything: about an hour
  python -m tests.bench.serving --quick                    one round: about 8 minutes
  python -m tests.bench.serving --only light --peers ours,greedy --rounds 2 --json
  python -m tests.bench.serving --only heavy --peers ours --steady-only --out /tmp/heavy
"""


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.serving",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [peer.name for peer in PEERS]
    parser.add_argument("--quick", action="store_true", help="one short round, which shows that it works")
    parser.add_argument("--only", choices=sorted(SHAPES), help="one workload instead of both")
    parser.add_argument("--peers", help=f"some of {','.join(names)}")
    parser.add_argument("--rounds", type=int, help="how often everything is measured")
    parser.add_argument("--steady-only", action="store_true", help="without bursts, trace, priorities and overload")
    parser.add_argument("--seed", type=int, default=20261122, help="of arrivals and of the order")
    parser.add_argument("--server-core", type=int, default=0, help="core of the servers")
    parser.add_argument("--load-core", type=int, default=1, help="core of the generator")
    parser.add_argument("--out", type=Path, help="folder of the report; .bench/serving/TIME by default")
    parser.add_argument("--json", action="store_true", help="print the JSON instead of the Markdown")
    arguments = parser.parse_args(words)
    if arguments.peers is not None:
        chosen = arguments.peers.split(",")
        unknown = sorted(set(chosen) - set(names))
        if unknown:
            parser.error(f"--peers has {', '.join(unknown)}; there are {', '.join(names)}")
        arguments.peers = chosen
    if arguments.rounds is not None and arguments.rounds < 1:
        parser.error("--rounds is at least 1")
    return arguments


def _alone(words: Sequence[str]) -> None:
    """Go into a network namespace that has a loopback and nothing else: some peers listen on every address there is."""
    if os.environ.get(ALONE):
        return
    for command, package in (("unshare", "util-linux"), ("ip", "iproute2"), ("taskset", "util-linux")):
        if shutil.which(command) is None:
            msg = f"{command} is not on PATH"
            raise LoadError(msg, remedy=f"install {package} (on Debian: `apt-get install {package}`)")
    program(GENERATE)  # what it is built of can't be fetched there
    again = alone(sys.executable, "-m", "tests.bench.serving", *words)
    os.environ[ALONE] = "1"
    os.execvp(again[0], again)  # noqa: S606


def _prepared(arguments: argparse.Namespace) -> Path:
    """See that this machine can do it, and make the folder of the report.

    Raises:
        LoadError: It cannot.
    """
    if not (ENVIRONMENT / "bin" / "python").exists():
        msg = f"{ENVIRONMENT} has no peers"
        raise LoadError(msg, remedy="run `make bench-serving`, which installs them")
    cores = os.sched_getaffinity(0)
    wanted = {arguments.server_core, arguments.load_core}
    if len(wanted) < 2 or not wanted <= cores:
        msg = (
            f"two different cores are needed of {sorted(cores)}, not {arguments.server_core} and {arguments.load_core}"
        )
        raise LoadError(msg, remedy="choose them with --server-core and --load-core")
    os.sched_setaffinity(0, {arguments.load_core})  # the server's core is the server's
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, hard), hard))
    now = datetime.now(tz=UTC).strftime("%Y%m%d-%H%M%S")
    folder: Path = arguments.out or paths.REPOSITORY / ".bench" / "serving" / now
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def main(words: Sequence[str]) -> int:
    """Measure and report, anew after each round.

    Returns:
        0 once the report is written, whatever it says; 1 if nothing could be measured; 130 if it was interrupted.
    """
    arguments = _arguments(words)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended then, too
    report: Report | None = None
    try:
        _alone(words)
        folder = _prepared(arguments)
        for report in _measured(arguments, folder):
            report.write(folder)
    except SlipwayError as error:
        CONSOLE.print(f"error: {error}", markup=False)
        return 1
    except KeyboardInterrupt:
        there_is = "the report has the rounds that were whole" if report else "there is no report"
        CONSOLE.print(f"interrupted; every server has ended, and {there_is}", markup=False)
        return 130
    if report is not None:
        CONSOLE.print(f"  report: {folder / 'report.html'}", markup=False)
        sys.stdout.write(report.json() + "\n" if arguments.json else report.markdown())
    return 0


def _measured(arguments: argparse.Namespace, folder: Path) -> Iterator[Report]:
    """What is known after each round of both workloads."""
    pace = QUICK if arguments.quick else FULL
    if arguments.rounds:
        pace = replace(pace, rounds=arguments.rounds)
    progress = Progress()
    begun = time.monotonic()
    with sink() as spans:
        place = Place(server_core=arguments.server_core, load_core=arguments.load_core, folder=folder, spans=spans)
        reached = generator_reach(place, progress, pace.probe)
        rounds: dict[str, Iterator[Outcomes]] = {}
        for shape in SHAPES.values():
            if arguments.only not in (None, shape.name):
                continue
            few = pace.heavy_peers if shape.name == "heavy" else ()
            chosen = arguments.peers or few or [peer.name for peer in PEERS]
            rounds[shape.name] = measure(
                fixture(shape, progress),
                [peer for peer in PEERS if peer.name in chosen],
                pace,
                place,
                progress,
                seed=arguments.seed,
                scenarios=not arguments.steady_only,
            )
        for number, found in enumerate(zip(*rounds.values(), strict=True), start=1):
            outcomes = dict(zip(rounds, found, strict=True))
            seconds = time.monotonic() - begun
            yield Report(pace=pace.name, rounds=number, seconds=seconds, generator=reached.rate, outcomes=outcomes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
