"""Which build of Mover a workflow belongs to, so that no running workflow is thought about by other code than began it.

Every runner announces its build to Temporal (docs.temporal.io/worker-versioning). New workflows go to the build that is
current there; running ones are pinned to theirs, and move on to the current one where they are continued as new. The
slices of runs are not versioned: they are told a run's number and all else is in the database, so any runner will do.

A build whose last runner has gone leaves workflows that nobody may go on with. They are ended here, and the reconciler
starts them anew from the database.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from pathlib import Path

from temporalio.api.enums.v1 import PendingActivityState, TaskQueueType, WorkerDeploymentVersionStatus
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client, WorkflowExecution
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig

from mover import __version__
from mover.errors import InvalidConfiguration, MoverError, SignInFailed
from mover.runner import names, records, workflows
from mover.runner.client import CALL_TIMEOUT, TemporalAccess, explained
from mover.runner.reconciler import Reconciler
from mover.settings import Settings

_log = logging.getLogger(__name__)

GONE_S = 90.0
"""Runners ask Temporal for work about every 60 s, however little there is: one that has not for so long has gone."""

_SURE_S = 3.0  # after a restart of Temporal it takes runners a moment to ask again
_FIRST_PAUSE_S = 0.1
_LOOK_S = 10.0
_SET_WITHIN = timedelta(seconds=30)  # Temporal tells all its parts before it answers
_NOT_YET = frozenset(
    {
        RPCStatusCode.NOT_FOUND,  # of this build no runner has asked for work yet
        RPCStatusCode.FAILED_PRECONDITION,  # the same, or another runner was faster
        RPCStatusCode.RESOURCE_EXHAUSTED,  # Temporal bears few questions a second about a deployment
    }
)
_PINNED = (
    f'ExecutionStatus = "Running" AND TaskQueue = "{names.DESK}" AND '
    f'TemporalWorkerDeployment = "{names.DEPLOYMENT}" AND TemporalWorkflowVersioningBehavior = "Pinned"'
)


def build_id() -> str:
    """What this build of Mover is called: its version, and a hash of the code that Temporal replays."""
    digest = hashlib.sha256()
    for module in (workflows, records, names):
        source = Path(str(module.__file__)).read_bytes()
        digest.update(len(source).to_bytes(8, "big") + source)
    return f"{__version__}-{digest.hexdigest()[:10]}"


def versions_from_settings(
    settings: Settings, access: TemporalAccess, reconciler: Reconciler, *, gone_s: float = GONE_S
) -> Versions | None:
    """What a runner does about builds; None if they are not told apart. Arguments are those of `Versions`."""

    async def wake() -> None:
        await reconciler.reconcile(tell=True)

    if settings.runner_versions == "off":
        return None
    return Versions(
        access,
        settings.temporal_namespace,
        settings.runner_build or build_id(),
        automatic=settings.runner_versions == "automatic",
        taken_over=wake,
        gone_s=gone_s,
    )


class Versions:
    """What one runner does about builds.

    Args:
        access: To Temporal.
        namespace: There.
        build: This runner's.
        automatic: Make it the current one when it should be; else an operator does.
        taken_over: Called when it has become so: wakes workflows, which then move on while runners of their build live.
        gone_s: A runner that has asked for nothing for so long has gone.
        sure_s: For so long a build has to be without runners, before it is believed.
        now_ns: Nanoseconds since 1970 UTC.
        clock: Seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        access: TemporalAccess,
        namespace: str,
        build: str,
        *,
        automatic: bool = True,
        taken_over: Callable[[], Awaitable[None]] | None = None,
        gone_s: float = GONE_S,
        sure_s: float = _SURE_S,
        now_ns: Callable[[], int] = time.time_ns,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access = access
        self._namespace = namespace
        self._build = build
        self._automatic = automatic
        self._taken_over = taken_over
        self._gone_ns = int(gone_s * 1e9)
        self._sure_s = sure_s
        self._now_ns = now_ns
        self._clock = clock
        self._missed: dict[str, float] = {}

    @property
    def config(self) -> WorkerDeploymentConfig:
        """For the worker that thinks about workflows."""
        return WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(names.DEPLOYMENT, self._build),
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior.PINNED,
        )

    async def keep(self, pause: Callable[[float], Awaitable[None]]) -> None:
        """Look now and then, at first often, until cancelled. What fails is logged, and tried again."""
        wait_s, told = _FIRST_PAUSE_S, False
        while True:
            try:
                settled = await self.look()
            except MoverError as error:
                settled = False
                if not told:
                    _log.warning("cannot look after builds now: %s", error)
                told = True
            except Exception:  # what it is must not end the looking
                settled = False
                _log.exception("unexpected error while looking after builds")
            told = told and not settled
            wait_s = _LOOK_S if settled else min(_LOOK_S, wait_s * 2)
            await pause(wait_s)

    async def look(self) -> bool:
        """Make this build the current one if it should be, and end the workflows of builds that have no runner.

        Returns whether all is as it should be; if not, look again soon. Raises TemporalUnreachable, SignInFailed,
        InvalidConfiguration.
        """
        client = await self._access.client()
        try:
            return await self._look(client)
        except RPCError as error:
            if error.status in _NOT_YET:
                return False
            if error.status is RPCStatusCode.UNIMPLEMENTED:
                raise InvalidConfiguration(
                    "this Temporal knows no worker deployments: set MOVER_RUNNER_VERSIONS to off"
                ) from None
            if error.status is RPCStatusCode.PERMISSION_DENIED:
                raise SignInFailed(
                    f"Temporal does not let this runner look after its build {self._build}: permit it, or set "
                    "MOVER_RUNNER_VERSIONS to by_hand, or to off if worker deployments are not enabled there"
                ) from None
            raise explained(error) from None

    async def _look(self, client: Client) -> bool:
        answer = await client.workflow_service.describe_worker_deployment(
            DescribeWorkerDeploymentRequest(namespace=self._namespace, deployment_name=names.DEPLOYMENT),
            timeout=CALL_TIMEOUT,
        )
        info = answer.worker_deployment_info
        known = {found.deployment_version.build_id: found for found in info.version_summaries}
        if self._build not in known:
            return False
        current = info.routing_config.current_deployment_version.build_id
        draining = {
            build
            for build, found in known.items()
            if found.status == WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING
        }
        gone = await self._gone(client, (draining | {current}) - {self._build, ""})
        if current == self._build:
            await self._release(client, gone & draining)
            return True
        newer = current not in known or (
            known[self._build].create_time.ToNanoseconds() > known[current].create_time.ToNanoseconds()
        )
        if self._automatic and (newer or current in gone):
            await client.workflow_service.set_worker_deployment_current_version(
                SetWorkerDeploymentCurrentVersionRequest(
                    namespace=self._namespace,
                    deployment_name=names.DEPLOYMENT,
                    build_id=self._build,
                    conflict_token=answer.conflict_token,
                    identity=client.identity,
                    ignore_missing_task_queues=True,  # there is one, which every runner serves
                ),
                timeout=_SET_WITHIN,
            )
            _log.info("new workflows go to build %s now, and no more to %s", self._build, current or "any")
            if current and self._taken_over is not None:
                await self._taken_over()
        return True

    async def _gone(self, client: Client, builds: Iterable[str]) -> set[str]:
        """Which of these builds have had no runner for a while."""
        asked = set(builds)
        if not asked:
            self._missed.clear()
            return set()
        answer = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=self._namespace,
                task_queue=TaskQueue(name=names.DESK),
                task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
            ),
            timeout=CALL_TIMEOUT,
        )
        since_ns = self._now_ns() - self._gone_ns
        alive = {
            poller.deployment_options.build_id
            for poller in answer.pollers
            if poller.last_access_time.ToNanoseconds() > since_ns
        }
        now = self._clock()
        self._missed = {build: self._missed.get(build, now) for build in asked - alive}
        return {build for build, at in self._missed.items() if now - at >= self._sure_s}

    async def _release(self, client: Client, gone: set[str]) -> None:
        """End the workflows of builds without runners, but those of which an activity is at work elsewhere."""
        if not gone:
            return
        theirs = {f"{names.DEPLOYMENT}:{build}" for build in gone}
        async for found in client.list_workflows(_PINNED, rpc_timeout=CALL_TIMEOUT):
            if theirs.intersection(found.search_attributes.get("TemporalWorkerDeploymentVersion", ())):
                await _end(client, found)


async def _end(client: Client, found: WorkflowExecution) -> None:
    handle = client.get_workflow_handle(found.id, run_id=found.run_id)
    try:
        described = await handle.describe(rpc_timeout=CALL_TIMEOUT)
        # A slice that a runner of another build has taken over goes on; its workflow is ended when it has.
        if any(
            pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
            for pending in described.raw_description.pending_activities
        ):
            return
        await handle.terminate(reason="its build of Mover has no runner any more", rpc_timeout=CALL_TIMEOUT)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # it has ended, or another runner was faster
            raise
    else:
        _log.warning("workflow %s was ended, since no runner of its build is left; it begins anew", found.id)
