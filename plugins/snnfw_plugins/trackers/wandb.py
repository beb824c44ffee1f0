"""Log with Weights & Biases: one run for each, the methods of a comparison in one group."""

from __future__ import annotations

import netrc
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field

from snnfw import SnnfwError, Tracked
from snnfw_plugins.trackers.libraries import import_library, silence, variables


@dataclass(frozen=True, slots=True)
class WandB:
    """Log to Weights & Biases, or offline into a folder that ``wandb sync`` sends later.

    Configuration, numbers by timestep, and the files of the run's folder as an artifact; the methods of a comparison
    are a group.
    """

    name: ClassVar[str] = "wandb"

    project: Annotated[str, Field(min_length=1, description="the project")] = "snnfw"
    entity: Annotated[str | None, Field(description="the user or team; without it, the account's own")] = None
    group: Annotated[str | None, Field(description="the group, for runs that belong together")] = None
    mode: Annotated[
        Literal["online", "offline"] | None,
        Field(description="where to log; without it what the variable WANDB_MODE says, or online"),
    ] = None
    folder: Annotated[Path, Field(description="the folder in which wandb keeps its own files, under wandb/")] = Path()
    artifacts: Annotated[bool, Field(description="keep the files of the run's folder too")] = True

    def require(self) -> None:
        """Refuse to log online without an account: nobody sits there to be asked when a run is over."""
        with _quietly():
            settings = import_library("wandb", self.name).setup().settings
            mode = self.mode or settings.mode
            known = settings.api_key or getattr(settings, "identity_token_file", None) or _is_kept(settings.base_url)
        if mode in ("online", "shared") and not known:
            raise SnnfwError(
                "tracker=wandb has no account to log to: say 'wandb login' once, or tracker.mode=offline, which "
                "'wandb sync' sends later."
            )

    def log(self, whole: Tracked, parts: Sequence[Tracked]) -> str:
        """Log a run, and what belongs to it in its group."""
        group = self.group or (whole.name if parts else None)
        with _quietly():
            wandb = import_library("wandb", self.name)
            try:
                places = [self._log(wandb, told, group) for told in (whole, *parts)]
            finally:
                # Its service and threads would stay; but the program around may have a run of its own.
                if wandb.setup().most_recent_active_run is None:
                    wandb.teardown()
        return places[0]

    def _log(self, wandb: Any, told: Tracked, group: str | None) -> str:
        settings = wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            save_code=False,
            x_disable_stats=True,
            x_save_requirements=False,
        )
        run = wandb.init(
            project=self.project,
            entity=self.entity,
            name=told.name,
            group=group,
            job_type=told.kind,
            mode=self.mode,
            dir=self.folder,
            config={**told.parameters, "tags": dict(told.tags)},
            reinit="create_new",
            settings=settings,
        )
        code = 1
        try:
            run.define_metric("*", step_metric=told.axis)
            for step, numbers in sorted(told.points.items()):
                run.log({**numbers, told.axis: step})
            run.summary.update({**told.numbers, **({"error": told.error} if told.error else {})})
            if self.artifacts and told.folder:
                run.log_artifact(_artifact(wandb, told, told.folder))
            place = run.url or f"'{Path(run.dir).parent}', which 'wandb sync' sends"
            code = 1 if told.error else 0
        finally:
            run.finish(exit_code=code)
        return str(place)


def _artifact(wandb: Any, told: Tracked, folder: Path) -> Any:
    """Return the folder's files as an artifact, where they lie, without a copy."""
    artifact = wandb.Artifact(re.sub(r"[^\w.-]", "_", told.name)[:128], type=told.kind)
    for path in told.files:
        artifact.add_file(str(path), name=path.relative_to(folder).as_posix(), policy="immutable")
    return artifact


def _is_kept(server: str) -> bool:
    """Tell whether ``wandb login`` left a key for a server, which may go by the name of the service behind it."""
    try:
        kept = netrc.netrc(os.environ.get("NETRC"))
    except (OSError, netrc.NetrcParseError):
        return False
    return any(kept.authenticators(host) for host in (urlsplit(server).netloc, "api.wandb.ai"))


@contextmanager
def _quietly() -> Iterator[None]:
    """Let wandb neither tell what it does nor report its errors to its makers."""
    with variables(WANDB_ERROR_REPORTING="false", WANDB_SILENT="true"), silence("wandb"):
        yield
