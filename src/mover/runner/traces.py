"""Traces of runners for OpenTelemetry: they join API, workflow, slice, and each call at a service.

Loaded only when the operator names a place for them. Spans hold ids, services and operations; paths only if the operator
wants them there; no message of an error, since services quote names in them.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Any, cast

from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, TracerProvider
from temporalio.contrib.opentelemetry import TracingInterceptor

from mover.connectors.contract import Connector, Remarks, TreePage, Trees
from mover.entries import Entry, EntryRef
from mover.errors import MoverError

_GROUPS = frozenset(
    {"part_uploads", "described_reads", "hashes", "times", "renames", "quota", "changes", "sharing_changes"}
)


def traced(provider: TracerProvider) -> TracingInterceptor:
    """What a client of Temporal is given, so that traces go on through it."""
    return TracingInterceptor(provider.get_tracer("mover.runner"))


def traced_connectors(provider: TracerProvider, *, names: bool) -> Callable[[Connector], Connector]:
    """What connectors are wrapped in, so that each of their calls is a span. `names`: with the paths concerned."""
    tracer = provider.get_tracer("mover.connectors")
    return lambda connector: cast("Connector", TracedConnector(connector, tracer, names=names))


class _Traced:
    """Passes everything on to another object, and makes a span of each of its operations."""

    def __init__(self, inner: Any, tracer: Tracer, service: str, *, names: bool) -> None:
        self._inner = inner
        self._tracer = tracer
        self._service = service
        self._names = names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if inspect.iscoroutinefunction(found):
            return self._call(name, found)
        if inspect.isasyncgenfunction(found):
            return self._generator(name, found)
        return found

    def _call(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*arguments: Any, **choices: Any) -> Any:
            with self._span(name, arguments):
                return await work(*arguments, **choices)

        return call

    def _generator(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        async def generate(*arguments: Any, **choices: Any) -> AsyncGenerator[Any, None]:
            # Not the current span: whoever reads does other things between two pieces.
            span = self._tracer.start_span(f"{self._service} {name}", kind=SpanKind.CLIENT)
            self._tell(span, name, arguments)
            try:
                async with aclosing(work(*arguments, **choices)) as pieces:
                    async for piece in pieces:
                        yield piece
            except GeneratorExit:  # nobody wants more
                raise
            except BaseException as error:
                _failed(span, error)
                raise
            finally:
                span.end()

        return generate

    @contextmanager
    def _span(self, name: str, arguments: tuple[Any, ...]) -> Iterator[None]:
        with self._tracer.start_as_current_span(
            f"{self._service} {name}",
            kind=SpanKind.CLIENT,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            self._tell(span, name, arguments)
            try:
                yield
            except BaseException as error:
                _failed(span, error)
                raise

    def _tell(self, span: Any, name: str, arguments: tuple[Any, ...]) -> None:
        span.set_attribute("mover.service", self._service)
        span.set_attribute("mover.operation", name)
        if self._names:
            for argument in arguments[:1]:
                path = argument.path if isinstance(argument, EntryRef) else argument
                if isinstance(path, str):
                    span.set_attribute("mover.path", path)


class _TracedTrees(_Traced):
    """A change feed that tells whole trees; spelled out, since that is looked for without asking."""

    def below(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[TreePage, None]:
        """As `contract.Trees`."""
        return self._generator("below", self._inner.below)(folder, cursor)  # type: ignore[no-any-return]

    async def taken_up(self, folder: EntryRef, entries: Sequence[Entry], *, begins: bool, ends: bool) -> None:
        """As `contract.Trees`; it makes no call, so there is nothing to trace."""
        await self._inner.taken_up(folder, entries, begins=begins, ends=ends)


class TracedConnector(_Traced):
    """A connector whose calls are spans."""

    def __init__(self, inner: Connector, tracer: Tracer, *, names: bool) -> None:
        super().__init__(inner, tracer, inner.service, names=names)

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        if name in _GROUPS and found is not None:
            kind = _TracedTrees if isinstance(found, Trees) else _Traced
            return kind(found, self._tracer, self._service, names=self._names)
        return found

    @property
    def remarks(self) -> Sequence[str]:
        """What the connector noticed; spelled out, since it is looked for without asking."""
        return self._inner.remarks if isinstance(self._inner, Remarks) else ()


def _failed(span: Any, error: BaseException) -> None:
    reason = error.reason.value if isinstance(error, MoverError) else type(error).__name__
    span.set_attribute("mover.reason", reason)
    span.set_status(Status(StatusCode.ERROR))
