"""The commands and their options; the work is in the files beside this one, imported when a command needs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from app import VERSION
from app.cli.ending import BAD_IMAGE, Commands, WrongUsageError
from app.cli.sources import SUFFIXES, find

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console

    from app.cli.answering import Answering
    from app.settings import Settings

HELP = (
    "Classify garments by the models of Wardrobe, directly or by a running service.\n\n"
    "The models are read from a folder by the service's own code, and no server is needed; with --url a service is asked instead. "
    "Either way the answers are the same."
)
PREDICT_HELP = (
    "Classify images: files, folders with all that is in them, or - for an image on standard input.\n\n"
    f"Of a folder the files named {', '.join(SUFFIXES)} are taken, sorted; others are left alone and counted on standard error, "
    "and what is hidden or behind a link to a folder is not looked at.\n\n"
    "A line of JSON is the answer of POST /predict, with \"file\" before it. An image that can't be used has the API's problem instead "
    '("detail", "status"), and the others go on.\n\n'
    "Examples:\n\n"
    "  wardrobe predict photo.jpg --fit garment\n\n"
    "  wardrobe predict folder --model cnn --version 1 > answers.jsonl\n\n"
    "  curl -s https://example.org/shoe.png | wardrobe predict -\n\n"
    "  wardrobe predict folder --url http://127.0.0.1:8000"
)
STATUSES = (
    "Exit status: 0 all done; 1 an image could not be used; 2 wrong usage; 3 the service or the model is not available; "
    "4 the output can't be written; 130 interrupted; 141 nobody reads the output any more."
)

Url = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Ask the service there, such as http://127.0.0.1:8000.", show_default="the models themselves"),
]
ModelsDir = Annotated[
    str | None,
    typer.Option(
        metavar="DIR",
        help="Folder of the published models, or its address in an object store.",
        show_default="WARDROBE_MODELS_DIR, or models",
    ),
]
AsJson = Annotated[
    bool | None, typer.Option("--json/--table", help="For a program, or for a person.", show_default="a table on a terminal, else JSON")
]

commands = typer.Typer(
    cls=Commands,
    help=HELP,
    epilog=STATUSES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"wardrobe {VERSION}")
        raise typer.Exit


@commands.callback()
def _common(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")] = False,
) -> None:
    """Options of the command itself."""


@commands.command(help=PREDICT_HELP, epilog=STATUSES)
def predict(
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="Files, folders, or -.", show_default=False)],
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="NAME", help="Which model.", show_default="WARDROBE_DEFAULT_MODEL, or cnn"),
    ] = None,
    version: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Which version of it.", show_default="the newest intact one"),
    ] = None,
    fit: Annotated[
        Literal["strict", "garment"],
        typer.Option(help="strict: images are 28x28, light on dark. garment: any photo is trimmed, scaled, centred and negated."),
    ] = "strict",
    url: Url = None,
    models_dir: ModelsDir = None,
    as_json: AsJson = None,
) -> None:
    """Classify images."""
    from app.cli.batches import answered, batches
    from app.cli.output import Bars, Lines, Output, Rows
    from app.cli.screen import Screen
    from app.schemas.problem import Problem

    found = find(paths)
    settings, answering = _answering(url, models_dir)
    classify = answering.classifier(model, version, fit)
    screen = Screen()
    output: Output
    if not screen.is_for_a_person(as_json):
        output = Lines(screen.out)
    else:
        output = Bars(screen.out) if len(found.files) == 1 else Rows(screen.out, found.files)
    bad = 0
    with screen.progress(len(found.files)) as progress:
        task = progress.add_task("", total=len(found.files))
        waiting = batches(found.files, settings.max_batch, settings.max_body_bytes)
        for answers in answered(waiting, classify, settings.photo_threads):
            output.show(answers)
            bad += sum(isinstance(answer, Problem) for _, answer in answers)
            progress.advance(task, len(answers))
    if found.left_alone:
        screen.remark(f"other files, left alone: {found.left_alone:,}")
    if bad:
        screen.remark(f"images that could not be used: {bad:,} of {len(found.files):,}")
        raise typer.Exit(BAD_IMAGE)


@commands.command(epilog=STATUSES)
def models(url: Url = None, models_dir: ModelsDir = None, as_json: AsJson = None) -> None:
    """Show what is served, what is not and why, as GET /models does."""
    from app.cli.tables import show_models
    from app.schemas.models import ModelList

    _, answering = _answering(url, models_dir, warnings=False)  # the answer itself says what is wrong
    _show(answering.models(), ModelList, show_models, as_json)


@commands.command(epilog=STATUSES)
def metrics(
    model: Annotated[str | None, typer.Option("--model", "-m", metavar="NAME", help="Only this model.", show_default="all")] = None,
    url: Url = None,
    models_dir: ModelsDir = None,
    as_json: AsJson = None,
) -> None:
    """Show how good each served model is and how they compare, as GET /metrics does; the JSON has everything measured."""
    from app.cli.tables import show_metrics
    from app.schemas.metrics import Metrics

    _, answering = _answering(url, models_dir)
    _show(answering.metrics(model), Metrics, show_metrics, as_json)


@commands.command(epilog=STATUSES)
def key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is, as the service's log will say.", show_default=False)],
    file: Annotated[
        Path,
        typer.Option(metavar="FILE", envvar="WARDROBE_API_KEYS", help="The service's file of keys, made where there is none."),
    ],
) -> None:
    """Make a key for the service: print it, this once, and add its hash to the file that WARDROBE_API_KEYS names."""
    from app.cli.key import add_key

    typer.echo(add_key(name, file))


Shape = TypeVar("Shape", bound="BaseModel")


def _show(answer: str, shape: type[Shape], show: Callable[[Shape, Console], None], as_json: bool | None) -> None:
    from app.cli.screen import Screen

    screen = Screen()
    if screen.is_for_a_person(as_json):
        show(shape.model_validate_json(answer), screen.out)
    else:
        typer.echo(answer)


def _answering(url: str | None, models_dir: str | None, warnings: bool = True) -> tuple[Settings, Answering]:
    """The service at `url`, or the models themselves; and the settings, whose limits hold for both.

    Raises:
        WrongUsageError: Both are named, or a setting is wrong.
        UnavailableError: There is no folder of models.
    """
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from app.cli.screen import log_to_a_person
    from app.settings import Settings, complaints

    if url is not None and models_dir is not None:
        raise WrongUsageError("Either a service answers, --url, or the models themselves, --models-dir: leave one of them out.")
    try:
        settings = Settings() if models_dir is None else Settings(models_dir=models_dir)
    except (ValidationError, SettingsError) as error:
        raise WrongUsageError("; ".join(complaints(error))) from error
    log_to_a_person(warnings)
    if url is None:
        from app.cli.direct import Direct

        return settings, Direct(settings)
    from app.cli.remote import Remote

    return settings, Remote(url)
