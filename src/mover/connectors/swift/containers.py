"""Containers: made when the first object needs them, and told from those that hold the segments of others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from mover.connectors.swift.api import SwiftApi
from mover.connectors.swift.faults import CONFLICT, SERVICE
from mover.errors import NotFound, PathTooLong, Unsupported

SEGMENTS_SUFFIX = "_segments"
SEGMENTS_FOLDER = ".file-segments"
"""Where rclone puts segments at services that do not allow a container for them."""

OF_SEGMENTS = (
    "holds the segments of large objects, which are moved with those objects; "
    "to move it for its own sake, name it as the source"
)

_SUFFIXES = (SEGMENTS_SUFFIX, "+segments")  # the second is s3api's


def owner_of_segments(container: str) -> str | None:
    """Name the container whose segments may stand in a container of this name; None if its name says nothing of it."""
    for suffix in _SUFFIXES:
        if container.endswith(suffix) and len(container) > len(suffix):
            return container.removesuffix(suffix)
    return None


class Containers:
    """What is known about the account's containers.

    Args:
        api: The calls.
        made: Containers come into being with their first object, as folders do.
        longest_name: In bytes.
    """

    def __init__(self, api: SwiftApi, *, made: bool, longest_name: int) -> None:
        self._api = api
        self._made = made
        self._there: set[str] = set()
        self._one_at_a_time = asyncio.Lock()
        self._longest_name = longest_name

    async def make_sure(self, container: str, path: str) -> None:
        """Have a container for objects; one or two calls for the first of them. Raises NotFound, PathTooLong."""
        if container in self._there:
            return
        async with self._one_at_a_time:  # many files begin at once, and one look is enough for all
            if container in self._there:
                return
            try:
                await self._api.head(container, operation="upload", path=path)
            except NotFound:
                if not self._made:
                    raise
                await self.create(container, operation="upload", path=path)
            self._there.add(container)

    @contextlib.contextmanager
    def expected(self, *containers: str) -> Iterator[None]:
        """Write to containers that were there. If one of them is not any more, the next file has it made again."""
        try:
            yield
        except NotFound:
            self._there.difference_update(containers)
            raise

    async def make_sure_of_segments(self, container: str, path: str) -> str:
        """Have a container for the segments of another one's objects, under the same storage policy; return its name.

        Raises Unsupported where no container can have that name.
        """
        segments = container + SEGMENTS_SUFFIX
        if len(segments.encode()) > self._longest_name:
            raise Unsupported(
                "the container's name is too long for a second one with segments",
                service=SERVICE,
                operation="upload",
                path=path,
            )
        async with self._one_at_a_time:
            if segments in self._there:
                return segments
            try:
                await self._api.head(segments, operation="upload", path=path)
            except NotFound:
                told = await self._api.head(container, operation="upload", path=path)
                policy = told.get("x-storage-policy")
                await self.create(segments, policy=policy, operation="upload", path=path)
            self._there.add(segments)
            return segments

    async def create(self, container: str, *, policy: str | None = None, operation: str, path: str) -> None:
        """Create a container or find it there. Raises PathTooLong, PermissionDenied."""
        size = len(container.encode())
        if size > self._longest_name:
            raise PathTooLong(
                f"the container's name has {size} bytes, the service accepts {self._longest_name}",
                service=SERVICE,
                operation=operation,
                path=path,
            )
        fault = await self._api.create_container(container, policy=policy, operation=operation, path=path)
        # 409: it is there, under another policy.
        if fault is not None and fault.status != CONFLICT:
            raise fault.error(operation=operation, path=path, now=self._api.caller.now)
        self._there.add(container)

    async def holds_segments(self, container: str, beside: set[str], path: str) -> bool:
        """Tell whether a container holds the segments of another: by its name, and because that other one is there.

        `beside` are containers that are known to be there; one call if it is not among them.
        """
        owner = owner_of_segments(container)
        if owner is None:
            return False
        if owner in beside:
            return True
        try:
            await self._api.head(owner, operation="list_folder", path=path)
        except NotFound:
            return False
        return True
