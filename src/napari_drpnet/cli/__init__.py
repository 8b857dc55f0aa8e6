"""The command line: one thin command per job.

Exit status 0: all done; 1: some micrographs failed, the others are written; 2: the call or all input was unusable;
130: interrupted, 143 and 129: by SIGTERM and SIGHUP.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.metadata import version
from inspect import getdoc
from typing import Annotated

import typer
from typer.core import TyperGroup

from napari_drpnet.cli import (
    assessing,
    averaging,
    benchmark,
    comparing,
    converting,
    doctor,
    evaluating,
    harvesting,
    masks,
    pickers,
    picking,
    project,
    reconstructing,
    relion,
    sharing,
    simulating,
    templates,
    trainable,
    training,
)
from napari_drpnet.cli.options import with_options
from napari_drpnet.cli.terminal import one_command, options_are, tell, warnings_told_once
from napari_drpnet.errors import UserError
from napari_drpnet.interruption import Interrupted, ended_in_order
from napari_drpnet.training.commands import TRAINING

app = typer.Typer(
    help="Find particles in cryo-EM micrographs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain help: rich costs start-up time and reads square brackets as markup.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(with_options(picking.pick))
app.command()(picking.collect)
app.command()(picking.report)
app.command(context_settings=relion.ANY_PARAMETER)(relion.relion_job)
app.command()(pickers.pickers)
app.command()(with_options(project.project))
app.command()(with_options(evaluating.evaluate))
app.command()(with_options(comparing.compare))
app.command()(with_options(comparing.consensus))
app.command()(with_options(benchmark.benchmark))
app.command()(with_options(averaging.average))
app.command()(with_options(assessing.assess))
app.command()(with_options(reconstructing.reconstruct))
app.command()(with_options(converting.convert))
app.command()(with_options(sharing.export_model))
app.command()(doctor.doctor)
app.command()(picking.sample)
app.command()(picking.demo)
app.command(cls=simulating.GenerousCommand)(with_options(simulating.simulate))
app.command()(with_options(harvesting.harvest))
app.command()(with_options(templates.templates))
app.command()(with_options(masks.masks))
app.command()(with_options(training.retrain))
app.command()(training.prepare)
app.command()(with_options(training.train_detector))
app.command()(with_options(training.train_classifier))
for entry in TRAINING.values():
    app.command(entry.name)(with_options(trainable.training_command(entry)))
for registered in app.registered_commands:
    # As its own text: typer cuts what it takes from the help.
    registered.short_help = (getdoc(registered.callback) or registered.help or "").partition("\n\n")[0]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("napari-drpnet"))
        raise typer.Exit


@app.callback()
def _program(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    group, name = context.command, context.invoked_subcommand
    if isinstance(group, TyperGroup) and name and (command := group.get_command(context, name)) is not None:
        options_are(name for one in command.params for name in (*one.opts, *one.secondary_opts))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program; what the user can put right is one line, never a traceback."""
    with ended_in_order(), one_command(), warnings.catch_warnings():
        warnings.showwarning = warnings_told_once()
        try:
            app(arguments)
        except UserError as error:
            tell("error", str(error))
            raise SystemExit(2) from None
        except Interrupted as end:
            tell("interrupted", "nothing more is written.")
            raise SystemExit(end.status) from None
