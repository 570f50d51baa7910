"""Many folders in one call: done at once, or a job that is asked about, where they are many or the caller wants one.

Source: the description of `create_folder_batch` and `create_folder_batch/check`; what counts as a large batch it does not say
(`Limits.folders_at_once`).
"""

from __future__ import annotations

import re
from typing import Any

from simulators.dropbox.calls import Call, Route
from simulators.dropbox.jobs import Job
from simulators.dropbox.namespaces import Namespace
from simulators.dropbox.refusals import BadInputError, RouteError
from simulators.dropbox.writing import locked, make_folder

_MOST = 10_000
_PATH = re.compile(r"(/(.|[\r\n])*)|(ns:[0-9]+(/(.|[\r\n])*)?)")
_SUBJECT = "create_folder_batch"


async def create_batch(call: Call) -> Any:
    """/2/files/create_folder_batch."""
    paths = call.value("paths", [])
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise BadInputError(call.route, "request body: paths: expected list of strings")
    if len(paths) > _MOST:
        raise BadInputError(call.route, f"request body: paths: list has more than {_MOST} items")
    for path in paths:
        if not _PATH.fullmatch(path):
            raise BadInputError(
                call.route, f"request body: paths: '{path}' did not match pattern '{_PATH.pattern}'"
            )
    autorename, dropbox = bool(call.value("autorename")), call.dropbox
    if not (call.value("force_async") or len(paths) > dropbox.limits.folders_at_once):
        try:
            async with locked(_target(call, paths), dropbox.limits):
                return {".tag": "complete", **_made(call, paths, autorename=autorename)}
        except RouteError as error:
            return {".tag": "complete", "entries": [_failure(error)] * len(paths)}

    def work() -> dict[str, Any]:
        return _made(call, paths, autorename=autorename)

    job = Job(dropbox.now_ns() + int(dropbox.limits.folder_job_s * 1e9), _SUBJECT, work)
    dropbox.jobs[job.id] = job
    return {".tag": "async_job_id", "async_job_id": job.id}


async def check(call: Call) -> Any:
    """/2/files/create_folder_batch/check."""
    job = call.dropbox.jobs.get(call.value("async_job_id", ""))
    if job is None or job.subject != _SUBJECT:
        raise RouteError("invalid_async_job_id")
    if call.dropbox.faults.take("too many folders"):
        return {".tag": "failed", "failed": {".tag": "too_many_files"}}
    if job.result is None:
        return {".tag": "in_progress"}
    return {".tag": "complete", **job.result}


def _made(call: Call, paths: list[str], *, autorename: bool) -> dict[str, Any]:
    """A `files.CreateFolderBatchResult`. "Duplicate path arguments in the batch are considered only once."."""
    told: dict[str, dict[str, Any]] = {}
    for path in paths:
        if path not in told:
            try:
                namespace, node = make_folder(call.view, path, autorename=autorename)
            except RouteError as error:
                told[path] = _failure(error)
            else:
                metadata = call.view.metadata(namespace, node, tagged=False)
                told[path] = {".tag": "success", "metadata": metadata}
    return {"entries": [told[path] for path in paths]}


def _failure(error: RouteError) -> dict[str, Any]:
    return {".tag": "failure", "failure": RouteError("path", *error.tags).union()}


def _target(call: Call, paths: list[str]) -> Namespace:
    try:
        return call.view.spot(paths[0]).namespace if paths else call.view.root
    except RouteError:
        return call.view.root


ROUTES = {
    "files/create_folder_batch": Route(create_batch, scope="files.content.write"),
    "files/create_folder_batch/check": Route(check, scope="files.content.write"),
}
