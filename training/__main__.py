"""`python -m training`: train, evaluate, study, compare, score. Options are read here; the work is in the modules that each imports."""

from __future__ import annotations

import os

# Before anything imports TensorFlow: most of its remarks bury what a person should read. (Four lines at its start remain.)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import argparse
import dataclasses
import sys
from pathlib import Path

try:
    from rich.console import Console
except ModuleNotFoundError as error:
    sys.exit(f"error: {error.name} is not installed in this environment: run `make dev`, then .venv/bin/python -m training")

from training.errors import TrainingError
from training.recipes import PAPER_RECIPES, RECIPES, Recipe, recipe_named
from training.stopping import Stopped, stoppable

DEFAULT_MODELS = Path("models")
MOST_BATCH = 1024
"""Images in one run of a graph, whose memory grows with them."""
RECIPE_SETS = {"best": RECIPES, "paper": PAPER_RECIPES}


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 the machine could not, 2 the request was wrong, 130 and 143 stopped."""
    options = parser().parse_args(arguments)
    errors = Console(stderr=True, highlight=False)
    try:
        with stoppable():
            status: int = options.command(options, Console(highlight=False))
    except TrainingError as error:
        errors.print(f"error: {error}", markup=False, soft_wrap=True)
        return error.exit_status
    except Stopped as stopped:
        errors.print(f"stopped: {options.stopped}", soft_wrap=True)
        return stopped.exit_status
    return status


def parser() -> argparse.ArgumentParser:
    """The command line's options; `--help` prints them."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--output", type=_folder, default=DEFAULT_MODELS, metavar="DIR", help=f"folder of the published models (default: {DEFAULT_MODELS})"
    )
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument(
        "--data", type=Path, metavar="DIR", help="folder with the four Fashion-MNIST files (default: searched for, then downloaded)"
    )
    names = f"{', '.join(RECIPES)}, or all"

    top = argparse.ArgumentParser(prog="python -m training", description="Train, evaluate and compare the models that the service serves.")
    top.set_defaults(stopped="nothing was published; the same command continues after the last whole epoch")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser("train", parents=[data, common], help="fit a model by its recipe, evaluate it and publish the next version")
    train.add_argument("model", metavar="MODEL", help=names)
    train.add_argument("--recipe", choices=tuple(RECIPE_SETS), default="best", help="the best we know, or the paper's own (default: best)")
    train.add_argument("--epochs", type=_positive, metavar="N", help="at most so many epochs (default: the recipe's)")
    train.add_argument("--seed", type=_natural, metavar="N", help="seed of weights, order and dropout (default: the recipe's)")
    train.add_argument("--limit", type=_positive, metavar="N", help="a quick trial on the first N training images")
    train.set_defaults(command=_train)

    evaluate = commands.add_parser("evaluate", parents=[data, common], help="score a published model again and renew its report")
    evaluate.add_argument("model", metavar="MODEL", help=names)
    evaluate.add_argument("--version", type=_positive, metavar="N", help="the version (default: the highest)")
    evaluate.add_argument("--check", action="store_true", help="only compare with the published report: exit status 1 if a figure differs")
    evaluate.set_defaults(command=_evaluate)

    study = commands.add_parser(
        "study", parents=[data, common], help="train one recipe with several seeds: its mean, its spread, the paper's place"
    )
    study.add_argument("model", metavar="MODEL", help=names)
    study.add_argument(
        "--recipe", choices=tuple(RECIPE_SETS), default="paper", help="the paper's own, or the best we know (default: paper)"
    )
    study.add_argument("--seeds", type=_positive, default=5, metavar="N", help="the seeds 0 to N-1; stored runs count (default: 5)")
    study.add_argument("--epochs", type=_positive, metavar="N", help="at most so many epochs (default: the recipe's)")
    study.add_argument("--limit", type=_positive, metavar="N", help="a quick trial on the first N training images")
    study.set_defaults(command=_study, seed=None)

    ablation = commands.add_parser(
        "ablation",
        parents=[data, common],
        help="train from the paper's recipe to the best one, an ingredient more each time, on validation images",
    )
    ablation.add_argument("model", metavar="MODEL", help=names)
    ablation.add_argument("--epochs", type=_positive, metavar="N", help="at most so many epochs (default: the recipe's)")
    ablation.add_argument("--limit", type=_positive, metavar="N", help="a quick trial on the first N training images")
    ablation.set_defaults(command=_ablation, seed=None, recipe="best")

    compare = commands.add_parser("compare", parents=[data, common], help="hold the published models against each other and the paper")
    compare.set_defaults(command=_compare)

    score = commands.add_parser(
        "score",
        help="classify a large set of images, offline, into a Parquet file",
        description="Classify a large set of 28x28 images, light garment on dark ground, into a Parquet file with a row for each, in their "
        "order: row, path, label, index, confidence, probabilities, and error, which says why an image can't be used. Memory does not grow "
        "with the set. A run that was stopped or killed goes on where it was by the same command.",
    )
    score.add_argument(
        "input",
        type=Path,
        metavar="INPUT",
        help="a folder of PNG, JPEG, WebP and BMP files, with its subfolders but nothing hidden; an IDX file, gzipped or not; an NPY file, "
        "uint8 [n, 28, 28] or [n, 28, 28, 1]; a Parquet file or a folder of them",
    )
    score.add_argument("output", type=Path, metavar="OUTPUT", help="the Parquet file to write; it appears when it is whole")
    score.add_argument("--model", default="cnn", metavar="NAME", help="the published model (default: cnn)")
    score.add_argument("--version", type=_positive, metavar="N", help="its version (default: the highest)")
    score.add_argument(
        "--models", type=Path, default=DEFAULT_MODELS, metavar="DIR", help=f"folder of the models (default: {DEFAULT_MODELS})"
    )
    score.add_argument(
        "--column",
        metavar="NAME",
        help="Parquet's column of images: encoded in binary or in a struct of bytes and path, or 784 pixels in a binary or a list of uint8 "
        "(default: image, pixels, or the only one)",
    )
    score.add_argument(
        "--batch", type=_batch, default=32, metavar="N", help=f"images in one run of the graph, 1 to {MOST_BATCH} (default: 32)"
    )
    score.add_argument("--again", action="store_true", help="drop what an unfinished run has done, and replace OUTPUT")
    score.add_argument(
        "--ray-address",
        metavar="ADDRESS",
        help="score on this Ray cluster, by Ray Data: host:port, ray://host:port, auto, or local for a new one",
    )
    score.set_defaults(command=_score, stopped="OUTPUT is not written yet; the same command goes on after the last stored rows")
    return top


def _train(options: argparse.Namespace, console: Console) -> int:
    chosen = _adapted_recipes(options)
    models: Path = options.output
    from training import compare, data, run, summary  # TensorFlow takes seconds to import: not for --help or a wrong name

    dataset = data.load(options.data)
    if options.limit:
        dataset = dataset.limited(options.limit)
    for name, recipe in chosen.items():
        evaluation = run.train(name, recipe, dataset, models, console)
        summary.of_run(evaluation, models / name / str(evaluation.card["version"]), console)
    if len(compare.published_folders(models)) > 1:
        console.print(compare.compare(models, dataset.test_images)["summary"])
    return 0


def _evaluate(options: argparse.Namespace, console: Console) -> int:
    names = _chosen(options.model)
    models: Path = options.output
    from training import compare, data, publish, run, summary

    if options.model == "all":  # of the models that there are
        names = {name: recipe for name, recipe in names.items() if publish.published(models / name)} or names
    dataset = data.load(options.data)
    differing = False
    for name in names:
        evaluation, changed = run.reevaluate(name, options.version, dataset, models, publish=not options.check)
        summary.of_run(evaluation, models / name / str(evaluation.card["version"]), console)
        console.print(
            f"{name}: differs from the published report in {', '.join(changed)}"
            if changed
            else f"{name}: every figure equals the published report's"
        )
        differing |= bool(changed)
    if not options.check and len(compare.published_folders(models)) > 1:
        compare.compare(models, dataset.test_images)
    return int(options.check and differing)


def _study(options: argparse.Namespace, console: Console) -> int:
    chosen = _adapted_recipes(options)
    from training import data, study, summary

    dataset = data.load(options.data)
    if options.limit:
        dataset = dataset.limited(options.limit)
    for name, recipe in chosen.items():
        runs = study.study(name, recipe, options.seeds, dataset, options.output, console)
        summary.of_study(name, study.spread(runs), console)
    return 0


def _ablation(options: argparse.Namespace, console: Console) -> int:
    chosen = _adapted_recipes(options)
    from training import ablation, data, summary

    dataset = data.load(options.data)
    if options.limit:
        dataset = dataset.limited(options.limit)
    for name, recipe in chosen.items():
        summary.of_ablation(name, ablation.ablate(name, recipe, dataset, options.output, console), console)
    return 0


def _compare(options: argparse.Namespace, console: Console) -> int:
    from training import compare, data

    console.print(compare.compare(options.output, data.load(options.data).test_images)["summary"])
    return 0


def _score(options: argparse.Namespace, console: Console) -> int:
    from training.scoring.score import Request, score
    from training.scoring.version import chosen

    version = chosen(options.models, options.model, options.version)
    score(Request(options.input, options.output, version, options.column, options.batch, options.again, options.ray_address), console)
    return 0


def _adapted_recipes(options: argparse.Namespace) -> dict[str, Recipe]:
    if options.limit == 1:
        raise TrainingError("a trial (--limit) needs 2 images or more, one to train on and one to validate with", 2)
    return {name: _adapted(recipe, options) for name, recipe in _chosen(options.model, RECIPE_SETS[options.recipe]).items()}


def _chosen(model: str, recipes: dict[str, Recipe] = RECIPES) -> dict[str, Recipe]:
    return recipes if model == "all" else {model: recipe_named(model, recipes)}


def _adapted(recipe: Recipe, options: argparse.Namespace) -> Recipe:
    trial = bool(options.limit) or (options.epochs or recipe.epochs) < recipe.epochs
    changes = {"epochs": options.epochs, "seed": options.seed, "train_images": options.limit, "trial": trial}
    return dataclasses.replace(recipe, **{key: value for key, value in changes.items() if value is not None})


def _folder(text: str) -> Path:
    if set(text) & set("*?[]\\"):
        raise argparse.ArgumentTypeError(
            f"{text!r} has a character that TensorFlow takes for a pattern: choose a folder without * ? [ ] \\"
        )
    return Path(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def _batch(text: str) -> int:
    if _positive(text) > MOST_BATCH:
        raise argparse.ArgumentTypeError(f"{text} is more than {MOST_BATCH}, and no faster")
    return int(text)


def _natural(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {2**32 - 1}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
