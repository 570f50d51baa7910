"""The commands of the service, and those for servers. What they do is in modules of their own, loaded when they run."""

from __future__ import annotations

from typing import Annotated

import typer

_PANEL = "The service"
_ELSEWHERE = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

Host = Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="Listen here; see MOVER_LISTEN.")]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65_535, help="Listen at this port.")]


def add_to(app: typer.Typer) -> None:
    """Add them to the command line."""
    app.command(rich_help_panel=_PANEL)(serve)
    app.command(rich_help_panel=_PANEL)(api)
    app.command(rich_help_panel=_PANEL)(runner)
    app.command(rich_help_panel=_PANEL)(web)
    app.command(rich_help_panel=_PANEL, context_settings=_ELSEWHERE, add_help_option=False)(remote)
    app.command(rich_help_panel=_PANEL, context_settings=_ELSEWHERE, add_help_option=False)(profile)


def serve(
    *,
    host: Host = None,
    port: Port = None,
    email: Annotated[
        str, typer.Option("--owner-email", metavar="EMAIL", help="Of the first owner, on the first start.")
    ] = "owner@localhost.localdomain",
) -> int:
    """Serve everything on this machine: web pages, API, a runner, and what they need. Ctrl-C ends it.

    The first start makes a certificate and a first owner, whose password it shows once.
    """
    from mover.cli.serve import serve as work  # noqa: PLC0415

    return work(host, port, email)


def api(
    *,
    host: Host = None,
    port: Port = None,
    descriptors: Annotated[
        list[int] | None, typer.Option("--listening-on", hidden=True, help="Descriptors of sockets.")
    ] = None,
) -> int:
    """Serve API and pages alone; runners run apart (mover runner)."""
    from mover.cli.api import serve_api  # noqa: PLC0415

    return serve_api(host, port, descriptors or ())


def runner(
    *,
    queue: Annotated[
        str,
        typer.Option("--queue", metavar="NAME", help="Work on the pairs of this queue: a site, a region."),
    ] = "default",
    metrics_port: Annotated[
        int | None,
        typer.Option(
            "--metrics-port", min=1, max=65535, help="Show figures for Prometheus at this port of 127.0.0.1."
        ),
    ] = None,
) -> int:
    """Move files for the service, until told to end. Listens nowhere: it only dials out."""
    from mover.cli.running import run_runner  # noqa: PLC0415

    return run_runner(queue, metrics_port)


def web(*, host: Host = None, port: Port = None) -> int:
    """Serve pages apart from the API, without any key: what changes something is passed on to MOVER_API_URL."""
    from mover.cli.web import serve_web  # noqa: PLC0415

    return serve_web(host, port)


def remote(context: typer.Context) -> int:
    """Work with a Mover server: mover remote --help. The same as mover --server URL or --profile NAME."""
    from mover.cli.remote.app import app  # noqa: PLC0415

    code = app(context.args, prog_name="mover remote", standalone_mode=False)
    return code if isinstance(code, int) else 0


def profile(context: typer.Context) -> int:
    """Save servers and their API keys under names: mover profile --help."""
    from mover.cli.remote.profile_app import app  # noqa: PLC0415

    code = app(context.args, prog_name="mover profile", standalone_mode=False)
    return code if isinstance(code, int) else 0
