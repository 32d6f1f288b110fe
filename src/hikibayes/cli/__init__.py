"""The command line: a command for each verb, and what there is beside the verbs.

Exit codes: 0 done and sound; 1 done, but something is not sound; 2 the input is wrong, with one message; 130
interrupted.
"""

from __future__ import annotations

import errno
import io
import sys
from contextlib import suppress
from typing import Any, NoReturn

import click

from ..runs.verbs import VERBS
from .others import models, planner, replay, report, simulations, studies
from .verbs import command


def _end(why: str, code: int) -> NoReturn:
    """Say why, as long as there is somebody to say it to, and end the process."""
    with suppress(OSError):
        click.echo(f"hikibayes: {why}", err=True)
    sys.exit(code)


class Verbs(click.Group):
    """A group whose verbs turn a person's mistake into one message and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; raises `SystemExit` with the exit code."""
        from ..spec import InputError

        if sys.stderr is None:  # closed by whoever started this
            sys.stderr = io.StringIO()
        try:
            return super().invoke(ctx)
        except InputError as error:
            _end(str(error), 2)
        except KeyboardInterrupt:
            _end("interrupted; what was there before is still there", 130)
        except OSError as error:
            # a disk that is full, a folder that is gone: nothing the program can mend; a closed pipe is click's
            if error.errno == errno.EPIPE:
                raise
            _end(f"{error.filename or 'a file, or the output'}: {error.strerror or error}", 2)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the verbs in the order of the work, not of the alphabet."""
        return list(self.commands)


_FIRST = """\
Question a published study from its printed numbers. What do you have?

  nothing yet       hikibayes reanalyze              the study that comes with the package, from record to report
  a paper           hikibayes studies --from tables.md --new study.toml, then hikibayes audit study.toml
  your own table    hikibayes fit "score ~ group * support" data.csv
  a plan            hikibayes power --effect 0.3     how many people it needs

Every verb: hikibayes --help; one of them: hikibayes fit --help"""


@click.group(cls=Verbs, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hikibayes")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Question a published study from its printed numbers: audit, reconstruct, fit, sensitivity, plan."""
    if ctx.invoked_subcommand is None:
        click.echo(_FIRST)


for each in (*map(command, VERBS), planner, report, replay, studies, models, simulations):
    main.add_command(each)
