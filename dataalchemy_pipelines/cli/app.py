"""The program: one file a command, loaded when it is used; errors become one line and an exit code here."""

from __future__ import annotations

import importlib
import signal
import sys
from types import FrameType

import click

from resources.errors import DataAlchemyError, Misconfigured, Missing, Unavailable
from resources.settings import Settings

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_MISSING = 0, 1, 2, 3

COMMANDS = {
    "demo": "demo",
    "doctor": "doctor",
    "init": "init",
    "up": "up",
    "ingest": "ingest",
    "train": "train",
    "evaluate": "evaluate",
    "promote": "release",
    "rollback": "release",
    "full-cycle": "full_cycle",
    "schedule": "schedule",
    "chat": "chat",
    "export": "export",
    "ledger": "ledger",
    "quarantine": "quarantine",
    "lake": "lake",
    "history": "history",
    "maintain": "maintain",
    "metrics": "metrics",
    "deploy": "deploy",
    "setup": "setup",
    "test": "test",
}
"""Command -> module of this package that defines it under the same name."""


class Program(click.Group):
    """Imports a command's module only when that command is asked for, so that each starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the table, which is the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, or None."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        found = importlib.import_module(f"dataalchemy_pipelines.cli.{module}")
        command: click.Command = getattr(found, cmd_name.replace("-", "_"))
        return command


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="dataalchemy-pipelines")
@click.pass_context
def program(ctx: click.Context) -> None:
    """Documents in; an accounted corpus, a judged adapter, an index and answers with sources out."""
    ctx.obj = Settings.read()


def exit_code(error: DataAlchemyError) -> int:
    """2 for wrong use, 3 for something needed that is missing or away, 1 for work that failed."""
    from dataalchemy_pipelines.core.errors import WrongInput

    if isinstance(error, Misconfigured | WrongInput):
        return EXIT_USAGE
    return EXIT_MISSING if isinstance(error, Missing | Unavailable) else EXIT_FAILED


def _stop(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run one command and leave with its exit code; an error is one line: what, on which thing, and the mend."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        code = program.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except DataAlchemyError as error:
        from dataalchemy_pipelines.cli.screen import printable

        click.echo(f"error: {printable(str(error))}", err=True)
        code = exit_code(error)
    except (KeyboardInterrupt, click.Abort):
        click.echo("stopped: the lake is as the last step left it; the same command continues.", err=True)
        code = EXIT_FAILED
    except BrokenPipeError:
        code = EXIT_OK
    sys.exit(code if isinstance(code, int) else EXIT_OK)
