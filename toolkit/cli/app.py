"""The command `toolkit`: the list of commands, and how errors become a line and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer

from toolkit.cli import terminal
from toolkit.errors import Interrupted, ToolkitError, one_line

app = typer.Typer(
    name="toolkit",
    help=(
        "Colorize old photographs; train and export the networks that do it.\n\n"
        "Start with:  toolkit colorize grandma.jpg"
    ),
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# What typer raises for a command line that it cannot read: a class of click's, or since typer
# 0.26, which no longer needs click, of its own copy. Both are the parent of BadParameter's parent.
_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[2]


def _print_version(wanted: bool) -> None:
    if wanted:
        import toolkit

        print(f"toolkit {toolkit.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


COMMANDS = (
    *("colorize", "batch", "train", "recipes", "compare", "data"),
    *("export", "verify", "evaluate", "bench", "models", "doctor", "web"),
)
"""Each is the module of its name in this folder."""


def _register(arguments: list[str]) -> None:
    """Add the command that is asked for, or all where it is none of them: typer takes its time
    over each option of each."""
    wanted = arguments[0] if arguments else ""
    for name in (wanted,) if wanted in COMMANDS else COMMANDS:
        import_module(f"toolkit.cli.{name}").register(app)


def main() -> NoReturn:
    """Run the command line and leave the process with the documented exit code."""
    _register(sys.argv[1:])
    # A polite request to stop is Ctrl-C: what is half done is cleaned away, or kept as promised.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except ToolkitError as error:
        _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", Interrupted.exit_code)
    except _USAGE_ERROR as error:
        _fail(_usage(error), 2)
    except BrokenPipeError:  # the reader of a pipe has gone: not an error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _leave(0)
    except Exception as error:
        _fail(
            f"{type(error).__name__}: {one_line(error)}. This is a bug: please report it with the "
            "output of the same command and --debug",
            1,
        )
    _leave(code if isinstance(code, int) else 0)


def _usage(error: Any) -> str:
    context = getattr(error, "ctx", None)
    where = context.command_path if context else "toolkit"
    text = one_line(error.format_message()).rstrip(".")
    return f"{text}{'' if text.endswith('?') else '.'} Try: {where} --help"


def _fail(message: str, code: int) -> NoReturn:
    if terminal.debug:
        traceback.print_exc()
    print(f"error: {message}", file=sys.stderr)
    sys.stdout.flush()
    _leave(code)


def _leave(code: int) -> NoReturn:
    if "ray" in sys.modules:
        # Ray's C++ threads abort the process now and then while the interpreter ends (once in
        # forty runs of Ray 2.60), when all is written and Ray is shut down: the code is ours.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
