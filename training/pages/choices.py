"""A recipe's choices in words, and which of them are the paper's."""

from __future__ import annotations

from typing import Any

from training.recipes import Recipe

OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
LOSSES = {"sparse_categorical_crossentropy": "cross-entropy with the labels"}


def against_paper(recipe: Recipe, teacher: dict[str, Any] | None) -> tuple[list[dict[str, str]], dict[str, str]]:
    """What the recipe does otherwise than the paper's, as rows of `choice`, `paper` and `here`, and the choices that are the paper's."""
    own, papers = choices(recipe, teacher), choices(Recipe(recipe.architecture))
    differing = [{"choice": name, "paper": papers[name], "here": words} for name, words in own.items() if words != papers[name]]
    return differing, {name: words for name, words in own.items() if words == papers[name]}


def choices(recipe: Recipe, teacher: dict[str, Any] | None = None) -> dict[str, str]:
    """Every choice that changes the weights but the seed; `teacher` is the card's `name` and `version` of the one it learnt from."""
    return {
        "Optimiser": OPTIMIZERS.get(recipe.optimizer, recipe.optimizer),
        "Learning rate": _learning_rate(recipe),
        "Weight decay": "none" if recipe.weight_decay is None else f"{recipe.weight_decay:g}, of kernels only",
        "Batch size": f"{recipe.batch_size}",
        "Epochs": _epochs(recipe),
        "Weights kept": _weights(recipe),
        "Loss": _loss(recipe, teacher),
        "Dropout rates": "the architecture's" + ("" if recipe.dropout_scale == 1 else f", times {recipe.dropout_scale:g}"),
        "Hidden layers": "normalised over the batch while they learn, and adding what they read where it is as wide; "
        "both folded into their kernels and biases"
        if recipe.reparameterized
        else "learn as they are published",
        "Images varied": _variations(recipe),
        "Held out": f"the last {100 * recipe.validation_fraction:.3g}% of the training images",
        "Training images": "all" if recipe.train_images is None else f"only the first {recipe.train_images:,}",
        "Answers": "the mean of the logits of the image and of its mirror image" if recipe.mirrored else "of the image alone",
        "Logits": "divided by a temperature in the published graph" if recipe.calibrated else "published as they are",
    }


def _learning_rate(recipe: Recipe) -> str:
    rate = f"{recipe.learning_rate:g}"
    if recipe.schedule == "constant":
        return f"{rate}, constant"
    return f"rises to {rate} over the first {recipe.warmup_fraction:.0%} of the batches, then falls to 0 along a cosine"


def _epochs(recipe: Recipe) -> str:
    if recipe.early_stopping_patience is None:
        return f"{recipe.epochs}, all of them run"
    return (
        f"at most {recipe.epochs}, ended when the validation loss has not fallen by more than {recipe.early_stopping_min_delta:g} "
        f"for {recipe.early_stopping_patience} in a row"
    )


def _weights(recipe: Recipe) -> str:
    kept = "the last epoch's" if recipe.early_stopping_patience is None else "the best epoch's, by validation loss"
    if recipe.weight_average is None:
        return kept
    return f"a moving average over the batches (momentum {recipe.weight_average:g}), as of the last epoch"


def _loss(recipe: Recipe, teacher: dict[str, Any] | None) -> str:
    if recipe.teacher is None:
        return LOSSES.get(recipe.loss, recipe.loss)
    name = f"{teacher['name'].upper()} version {teacher['version']}" if teacher else recipe.teacher.upper()
    return (
        f"{1 - recipe.teacher_weight:.2g} parts cross-entropy with the labels, {recipe.teacher_weight:g} parts with the answers of "
        f"{name}, its own and the teacher's softened at temperature {recipe.teacher_temperature:g} (distillation)"
        + (
            f"; two of three images are one of {recipe.blends} blends with another, the teacher's answer to it included"
            if recipe.blends
            else ""
        )
    )


def _variations(recipe: Recipe) -> str:
    said = [
        (recipe.flip, "every other one mirrored"),
        (recipe.shift, f"moved by up to {recipe.shift} pixel{'s' * (recipe.shift != 1)} each way"),
        (recipe.erase, f"a square of {recipe.erase} × {recipe.erase} pixels blanked out"),
    ]
    return ", ".join(words for chosen, words in said if chosen) or "no"
