"""Run a function as tasks of Ray, of an instance that is started here or of a cluster that runs."""

from __future__ import annotations

import logging
import pickle
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field

from snnfw import Lost, SnnfwError
from snnfw.launching import UnreachableError, count_cores
from snnfw_plugins.launchers.workers import import_library, make_worker, require_fit

Given = TypeVar("Given")
Returned = TypeVar("Returned")


@dataclass(frozen=True, slots=True)
class Ray:
    """Run on Ray: one that is started here, or a cluster that is running."""

    name: ClassVar[str] = "ray"

    address: Annotated[
        str | None,
        Field(description="a running cluster: HOST:PORT, ray://HOST:PORT, or auto; without it, one is started here"),
    ] = None
    workers: Annotated[
        int | None, Field(ge=1, description="tasks at once; without it, as many as there is room for")
    ] = None
    cpus: Annotated[float, Field(ge=0, allow_inf_nan=False, description="cores that each task takes")] = 1
    gpus: Annotated[float, Field(ge=0, allow_inf_nan=False, description="GPUs that each task takes")] = 0
    wait: Annotated[float, Field(gt=0, allow_inf_nan=False, description="seconds until a cluster has to answer")] = 30

    def require(self) -> None:
        """Refuse to begin without the library, and where nothing listens at the address."""
        if not import_library("ray").is_initialized():
            _await_port(self)

    def map(
        self, function: Callable[[Given], Returned], items: Sequence[Given], /
    ) -> Iterator[tuple[int, Returned | Lost]]:
        """Yield what comes of each item."""
        return map_on_ray(self, function, items)


def map_on_ray(launcher: Ray, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """Yield what comes of each item; the function lies once in each node's store."""
    ray = import_library("ray")
    began = _connect(ray, launcher, len(items))
    try:
        _require_room(ray, launcher)
        yield from _map(ray, launcher, function, items)
    finally:
        if began:
            ray.shutdown()


def _connect(ray: Any, launcher: Ray, items: int) -> bool:
    """Join a cluster, start one here, or use what this program has joined; return whether it is ours to leave."""
    if ray.is_initialized():
        return False
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        if launcher.address is None:
            workers = min(launcher.workers or count_cores(), max(1, items))
            cores = max(1, round(workers * launcher.cpus))
            ray.init(num_cpus=cores, include_dashboard=False, configure_logging=True, **quiet)
        else:
            _await_port(launcher)
            ray.init(address=launcher.address, **quiet)
    except Exception as error:  # ray raises what it likes: ConnectionError, RuntimeError, ValueError, its own
        where = f"the cluster at {launcher.address}" if launcher.address else "an instance on this machine"
        if isinstance(error, SnnfwError):
            raise
        reason = " ".join(str(error).split())[:300]
        raise UnreachableError(f"launcher=ray cannot use {where}: {type(error).__name__}: {reason}") from error
    return True


def _await_port(launcher: Ray) -> None:
    """Wait a while until something listens at an address."""
    host, _, port = (launcher.address or "").removeprefix("ray://").rpartition(":")
    if not (host and port.isdigit()):
        return  # auto, local, or what ray alone knows
    until = time.monotonic() + launcher.wait
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=max(0.1, until - time.monotonic())).close()
        except OSError as error:
            if time.monotonic() < until - 1:
                time.sleep(0.5)
                continue
            raise UnreachableError(
                f"launcher=ray reaches nothing at {launcher.address} within {launcher.wait:g} seconds ({error}): see "
                "that the cluster runs ('ray status' on its head) and the address is right, or leave "
                "launcher.address out to start Ray here."
            ) from error
        return


def _require_room(ray: Any, launcher: Ray) -> None:
    """Wait a while until a node has what one task takes."""
    asked = {"CPU": launcher.cpus, "GPU": launcher.gpus}
    until = time.monotonic() + launcher.wait
    while True:
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if any(all(node.get(kind, 0) >= amount for kind, amount in asked.items()) for node in nodes):
            return
        if launcher.address is None or time.monotonic() > until:
            there = "; ".join(f"{node.get('CPU', 0):g} cores, {node.get('GPU', 0):g} GPUs" for node in nodes)
            raise SnnfwError(
                f"launcher.cpus={launcher.cpus:g} launcher.gpus={launcher.gpus:g} is more than any node of Ray has "
                f"({there or 'there is none'}): ask for less."
            )
        time.sleep(0.5)


def _map(ray: Any, launcher: Ray, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    try:
        stored = [ray.put(pickle.dumps(function))]  # in a list, so that ray does not send it with each task
    except ray.exceptions.RayError as error:
        raise SnnfwError(f"launcher=ray cannot store what workers read ({error}): make room.") from error

    def fetch(place: list[Any]) -> bytes:
        import ray

        return bytes(ray.get(place[0]))

    work = make_worker(fetch, max(1, int(launcher.cpus)))
    task = ray.remote(num_cpus=launcher.cpus, num_gpus=launcher.gpus, max_retries=0)(work)
    waiting, running = list(enumerate(items)), dict[Any, int]()
    try:
        while waiting or running:
            while waiting and len(running) < (launcher.workers or len(items)):
                at, item = waiting.pop(0)
                running[task.remote(item, stored)] = at
            for reference in ray.wait(list(running), num_returns=1)[0]:
                yield running.pop(reference), _outcome(ray, reference)
    finally:
        for reference in running:
            ray.cancel(reference, force=True)


def _outcome(ray: Any, reference: Any) -> Any:
    """Return what a task returned, ``Lost`` where its worker or node is gone, and raise what else went wrong."""
    gone = ray.exceptions
    try:
        return require_fit("ray", ray.get(reference))
    except (gone.WorkerCrashedError, gone.NodeDiedError, gone.OutOfMemoryError, gone.ObjectLostError) as error:
        return Lost(f"a worker of Ray died ({type(error).__name__}: {_first_line(error)})")
    except gone.RayTaskError as error:
        raise error.cause if isinstance(error.cause, Exception) else error from None


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")
