"""``toolkit web``: the page, on this machine or as files for any host."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import terminal

PORT = 8737


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(web)


def web(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="0 for any free one.")
    ] = PORT,
    open: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    build: Annotated[
        Path | None,
        typer.Option("--build", metavar="DIR", help="Write the site for a static host, and end."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help="A name, a bundle folder or an ONNX file; may be repeated. [default: all]",
        ),
    ] = None,
    quiet: terminal.Quiet = False,
    debug: terminal.Debug = False,
) -> None:
    """Colour photographs on a page in the browser; nothing leaves the machine.

    Example:  toolkit web --open
    """
    from toolkit.runtime.models import DEFAULT, find, installed
    from toolkit.web.site import make_site, write_site

    def told(error: object) -> None:
        terminal.warn(str(error))

    found = [find(name) for name in model] if model else installed(told)
    found.sort(key=lambda one: one.name != DEFAULT and not model)  # the default first
    site = make_site(found, on_unfit=told)
    if build is not None:
        write_site(site, build)
        print(build)
        terminal.say("try it with: python -m http.server --directory " + str(build))
        return
    from toolkit.web.server import Server

    with Server(site, port) as server:
        try:
            print(server.url, flush=True)
            terminal.say("press Ctrl-C to end")
            if open:
                import webbrowser

                webbrowser.open(server.url)
            server.serve_forever()
        except KeyboardInterrupt:  # the one way to end it
            terminal.say("ended")
