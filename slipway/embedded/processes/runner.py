"""Runs the pods of models as processes: what kubelet does on a node, where there is none.

Run by the supervisor as `python -m slipway.embedded.processes.runner FILE`, where FILE holds `Settings` as JSON. The
supervisor starts, restarts and ends the processes; this says which there should be, and says in the pods' status what
becomes of them.
"""

import json
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from httpx2 import HTTPError  # what lightkube raises when there is no answer
from lightkube import ApiError, Client, KubeConfig
from lightkube.core.exceptions import ConfigError
from lightkube.resources.core_v1 import Pod, PodStatus
from lightkube.types import PatchType

from infra.models.planning import NAME_LABEL
from infra.traffic import MODEL_PODS
from slipway.embedded.instance import Instance
from slipway.embedded.processes import addresses, pods
from slipway.embedded.processes.pods import Health, Manifest, Unpacked
from slipway.embedded.processes.probing import Probing, answers
from slipway.embedded.supervisor.client import SupervisorClient
from slipway.embedded.supervisor.spec import Status
from slipway.embedded.told import Told
from slipway.errors import SlipwayError
from slipway.files import write

LOG = logging.getLogger("runner")
_FAILURES = (ApiError, HTTPError, ConfigError, OSError, SlipwayError)
"""What passes: an API server or a supervisor that starts again, a pod that is gone."""
_PROBES_AT_ONCE = 16


@dataclass(frozen=True, kw_only=True)
class Settings(Told):
    """What the runner is told.

    Attributes:
        instance: The instance's name.
        node: The Node whose pods it runs.
        address: The Node's address.
        network: The instance's part of the loopback.
        kubeconfig: Path of the access to the cluster.
        images: Path of a file of `Unpacked`, by image; it may change.
        services: Path of a file of where models answer, by name, which this keeps.
        folder: Where pods may write.
        poll_seconds: Time between two looks.
    """

    instance: str
    node: str
    address: str
    network: str
    kubeconfig: str
    images: str
    services: str
    folder: str
    poll_seconds: float = 0.25


class Runner:
    """Looks, and does what is due.

    Args:
        settings: What it is told.
        client: The cluster.
        supervisor: What keeps the processes.
        ask: Whether an address answers well, in so many seconds.
    """

    def __init__(
        self,
        settings: Settings,
        client: Client,
        supervisor: SupervisorClient,
        ask: Callable[[str, float], bool] = answers,
    ) -> None:
        self._settings, self._client, self._supervisor, self._ask = settings, client, supervisor, ask
        self._probing: dict[str, Probing] = {}
        self._ending: dict[str, Future[None]] = {}
        self._given: dict[str, str] = {}
        self._at: dict[str, str] = {}
        """Where a process was told to listen, until it is gone: its pod may be gone before."""
        self._pool = ThreadPoolExecutor(_PROBES_AT_ONCE)

    def round(self) -> None:
        """Look once: start, ask, end, and say."""
        labels: Any = MODEL_PODS
        on_node: Any = {"spec.nodeName": self._settings.node}
        found: list[Manifest] = [
            dict(pod.to_dict()) for pod in self._client.list(Pod, namespace="*", labels=labels, fields=on_node)
        ]
        processes = {each.name: each for each in self._supervisor.processes() if each.name.startswith(pods.PREFIX)}
        self._give_addresses(found, processes)
        images = self._images()
        there = {pods.name_of(pod): pod for pod in found}
        leaving = {name for name, pod in there.items() if pod["metadata"].get("deletionTimestamp")}
        for name in (set(processes) - set(there)) | leaving:
            self._end(name, there.get(name))
        for name, pod in there.items():
            if name in leaving or pod["status"].get("phase") in ("Succeeded", "Failed"):
                continue
            try:
                self._keep(pod, processes.get(name), images)
            except _FAILURES as error:
                LOG.warning("%s: %s", name, error)  # the others are kept all the same
        self._probing = {name: each for name, each in self._probing.items() if name in there}
        self._publish(found)
        self._ending = {name: each for name, each in self._ending.items() if not each.done()}

    def _give_addresses(self, found: list[Manifest], processes: Mapping[str, Status]) -> None:
        said = {pod["metadata"]["uid"]: (pod.get("status") or {}).get("podIP", "") for pod in found}
        # What was given counts, be it told or not: the process may listen there already.
        self._given = {uid: said[uid] or self._given.get(uid, "") for uid in said}
        self._at = {name: address for name, address in self._at.items() if name in processes}
        left = addresses.free([*self._given.values(), *self._at.values()])
        for pod in found:
            uid = pod["metadata"]["uid"]
            self._given[uid] = self._given[uid] or next(left)
            pod.setdefault("status", {})["podIP"] = self._given[uid]

    def _keep(self, pod: Manifest, running: Status | None, images: Mapping[str, Unpacked]) -> None:
        """Have a pod's process run, and its status say how it is."""
        said, host = pod["status"]["podIP"], self._settings.address
        unpacked, why, health = images.get(pods.container_of(pod)["image"]), "", Health()
        reason = "ErrImageNeverPull"
        if unpacked is None:
            model = pod["metadata"].get("labels", {}).get(NAME_LABEL, "")
            why = f"the image is none that was built here for this mode; run `slipway build {model}`"
        elif unknown := pods.unsupported(pod):
            why = f"{', '.join(unknown)}: not known in the mode `processes`, which needs none of it for models"
            reason = "CreateContainerConfigError"
        elif running is None or running.state == "ended":
            spec = pods.process(
                pod, unpacked, address=addresses.real(said, self._settings.network), scratch=self._scratch(pod)
            )
            for volume in pod["spec"].get("volumes") or []:
                (self._scratch(pod) / volume["name"]).mkdir(parents=True, exist_ok=True)
            self._at[spec.name] = said
            try:
                self._supervisor.start(spec)
            except SlipwayError as error:
                failed = pods.status(
                    pod, None, health, address=said, host=host, why=error.what, reason="CreateContainerError"
                )
                self._tell(pod, failed)
                raise
            LOG.info("%s: started", spec.name)
            running = self._supervisor.process(spec.name)
        if running is not None and running.pid:
            health = self._health(pod, running)
        else:
            self._probing.pop(pods.name_of(pod), None)  # nobody answers there
        self._tell(pod, pods.status(pod, running, health, address=said, host=host, why=why, reason=reason))

    def _health(self, pod: Manifest, running: Status) -> Health:
        name, process = pods.name_of(pod), (running.pid, running.started)
        known = self._probing.get(name)
        if known is None or known.process != process:
            real = addresses.real(pod["status"]["podIP"], self._settings.network)
            url = f"http://{real}:{pods.port_of(pod)}"
            known = self._probing[name] = Probing(pod, url, process, pods.told_health(pod, running.restarts))
        health = known.round(self._pool, self._ask)
        if known.is_lost and name not in self._ending:
            LOG.warning("%s: it does not answer, and is started again", name)
            self._ending[name] = self._pool.submit(self._restarted, name)
        return health

    def _restarted(self, name: str) -> None:
        try:
            self._supervisor.restart(name)
        except _FAILURES as error:
            LOG.warning("%s: %s", name, error)

    def _end(self, name: str, pod: Manifest | None) -> None:
        """End a process, in its own time; and then its pod."""
        if name not in self._ending:
            self._ending[name] = self._pool.submit(self._ended, name, pod)

    def _ended(self, name: str, pod: Manifest | None) -> None:
        try:
            metadata = pod["metadata"] if pod is not None else {}
            self._supervisor.stop(name, seconds=metadata.get("deletionGracePeriodSeconds"))
            LOG.info("%s: ended", name)
            if pod is not None:
                shutil.rmtree(self._scratch(pod), ignore_errors=True)
                self._client.delete(Pod, metadata["name"], namespace=metadata["namespace"], grace_period=0)
        except _FAILURES as error:
            LOG.warning("%s: %s", name, error)

    def _publish(self, found: list[Manifest]) -> None:
        """Say where the ready pods of each model answer."""
        there: dict[str, list[str]] = {}
        for pod in found:
            known = self._probing.get(pods.name_of(pod))
            if known is not None and known.health.ready and not pod["metadata"].get("deletionTimestamp"):
                model = pod["metadata"].get("labels", {}).get(NAME_LABEL, "")
                there.setdefault(model, []).append(known.url.removeprefix("http://"))
        write(Path(self._settings.services), json.dumps(there, indent=1, sort_keys=True))

    def _scratch(self, pod: Manifest) -> Path:
        return Path(self._settings.folder, pod["metadata"]["uid"])

    def _images(self) -> dict[str, Unpacked]:
        file = Path(self._settings.images)
        told = json.loads(file.read_text()) if file.exists() else []
        return {each["image"]: Unpacked(**each) for each in told}

    def _tell(self, pod: Manifest, status: Manifest) -> None:
        if status != pod["status"]:
            metadata = pod["metadata"]
            self._client.patch(
                PodStatus,
                metadata["name"],
                {"status": status},
                namespace=metadata["namespace"],
                patch_type=PatchType.MERGE,
            )


def _stop(*_: object) -> NoReturn:
    os._exit(0)  # threads that wait for something would keep the interpreter from ending


def main() -> None:
    """Look and act until told to end, even in the middle of a request."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stdout)
    LOG.setLevel(logging.INFO)
    settings = Settings.from_json(Path(sys.argv[1]).read_text())
    client = Client(config=KubeConfig.from_file(settings.kubeconfig), trust_env=False, field_manager="slipway-runner")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    runner = Runner(settings, client, Instance(settings.instance).supervisor)
    while True:
        try:
            runner.round()
        except _FAILURES as error:
            LOG.warning("nothing could be seen: %s", error)
        time.sleep(settings.poll_seconds)


if __name__ == "__main__":
    main()
