"""`report.json`: how good one version is, measured when it was published.

What a default of None marks came with later versions: it is left out of the answers for versions published before.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from app.schemas.common import Open


class DatasetInfo(Open):
    """The data that a model was trained and tested on."""

    name: str
    train_images: int
    test_images: int
    labels: list[str] = Field(description="In class order")


class LossAndAccuracy(Open):
    """Mean cross-entropy in nats, and the share of correct labels."""

    loss: float
    accuracy: float


class Averages(Open):
    """Precision, recall and F1, 0 to 1."""

    precision: float
    recall: float
    f1: float


class ClassFigures(Averages):
    """One class's figures, by the class against all others."""

    support: int = Field(description="Test images of this class")
    roc_auc: float = Field(description="Area under the ROC curve")
    average_precision: float | None = Field(default=None, description="Area under the precision-recall curve, as a step function")


class Interval(Open):
    """A figure, and the ends of its interval."""

    value: float
    low: float
    high: float


class Intervals(Open):
    """How far the test figures may be from the model's own, by a percentile bootstrap over the test images.

    Another training run may differ by more: see the comparison's `study`.
    """

    confidence: float = Field(description="How often such intervals hold the true figure, 0 to 1")
    resamples: int = Field(description="Test sets drawn with replacement from the test images")
    accuracy: Interval
    macro_f1: Interval
    macro_roc_auc: Interval = Field(description="Mean over the classes of the area under the ROC curve, by the class against all others")
    loss: Interval = Field(description="In nats")


class TestFigures(LossAndAccuracy):
    """How a model did on the test images."""

    correct: int
    incorrect: int
    macro_avg: Averages
    weighted_avg: Averages
    per_class: dict[str, ClassFigures]
    confusion_matrix: list[list[int]] = Field(description="Row: true class, column: predicted class")
    intervals: Intervals | None = None


class ReliabilityBin(Open):
    """Images of similar confidence; a calibrated model is as often right as it is confident."""

    confidence: float = Field(description="Their mean")
    accuracy: float
    images: int


class CalibrationFigures(Open):
    """How far the probabilities can be believed on the test images; the less of each figure, the better."""

    nll: float = Field(description="Mean negative log-likelihood in nats")
    brier: float = Field(description="Mean squared error summed over the classes, 0 to 2")
    ece: float = Field(description="Expected calibration error, 0 to 1, over bins of equally many images")
    bins: list[ReliabilityBin] = Field(description="The reliability diagram, the least confident bin first")


class Calibration(Open):
    """What one temperature, by which the logits are divided, does to the probabilities."""

    in_graph: bool = Field(description="Whether the served probabilities are those of `after`; otherwise those of `before`")
    images: int = Field(description="Training images held out from the fit that the temperature was fitted to")
    temperature: float = Field(description="Above 1 for a network that is too confident")
    before: CalibrationFigures
    after: CalibrationFigures


class Selection(Open):
    """What is gained by answering only the images that the model is most sure of."""

    coverage: list[float] = Field(description="Share of the test images answered, ascending")
    risk: list[float] = Field(description="Error rate among those")
    area: float = Field(description="Area under risk against coverage; 0 is perfect")
    largest_coverage: list[dict[str, float]] = Field(description="The largest `coverage` whose risk is at most each `error_rate`")


class Robustness(Open):
    """Accuracy on damaged test images."""

    clean: float = Field(description="Accuracy on the same images undamaged")
    mean_accuracy: float = Field(description="Over all corruptions and severities")
    corruptions: dict[str, dict[str, Any]] = Field(
        description="By name: the `unit` of its parameter, and `severities` 1 to 5 with `parameter` and `accuracy`"
    )


class Overlap(Open):
    """Test images that a training image or another test image resembles to the pixel, or nearly."""

    near_rms: float = Field(description="Largest root-mean-square difference of a near-identical pair, in grey levels of 255")
    train: dict[str, Any] = Field(description="`identical` and `near` pairs of a test and a training image, and how many share a label")
    test: dict[str, Any] = Field(description="The same for pairs of two test images")
    accuracy: float = Field(description="On all test images")
    accuracy_without: dict[str, float] = Field(description="On the test images that no training image resembles")


class FamiliarityFigures(Open):
    """How well the measure behind the warning "unlike the images the model was trained on" tells foreign images from real ones."""

    score: str = Field(description="The measure; it grows with strangeness")
    unit: str | None = None
    threshold: float = Field(description="Beyond this an image gets the warning")
    accepted: float = Field(description="Share of real images that the threshold was set to let pass")
    accepted_test: float = Field(description="Share of the test images that it does let pass")
    foreign: dict[str, dict[str, float]] = Field(description="By foreign set: how many `images`, the `auroc`, the share `flagged`")
    alternatives: dict[str, dict[str, float]] | None = Field(
        default=None, description="By another measure and foreign set: the AUROC that it would reach"
    )


class ConfusedPair(Open):
    """Images of one class taken for another."""

    true: str
    predicted: str
    images: int
    share: float = Field(description="Of the true class's images")


class ExampleImage(Open):
    """A test image and what the model said of it."""

    test_index: int = Field(description="Its position in the test set, from 0")
    true: str
    predicted: str
    confidence: float


class Examples(Open):
    """Some test images; the first two kinds in the order of the test set."""

    correct: list[ExampleImage]
    misclassified: list[ExampleImage]
    most_confident_mistakes: list[ExampleImage] | None = Field(default=None, description="The most confident first")


class ModelMetrics(Open):
    """One model's evaluation."""

    version: int
    parameters: int
    epochs_run: int | None = None
    best_epoch: int | None = Field(default=None, description="The epoch whose weights are served, from 1")
    history: dict[str, list[float | None]] | None = Field(
        default=None, description="By figure, epoch by epoch: those of the training images, and with `val_` of the validation images"
    )
    train: LossAndAccuracy
    test: TestFigures
    calibration: Calibration | None = None
    selection: Selection | None = None
    robustness: Robustness | None = None
    overlap: Overlap | None = None
    familiarity: FamiliarityFigures | None = None
    confused_pairs: list[ConfusedPair] | None = Field(default=None, description="The most frequent confusions, the first one most")
    roc_curves: dict[str, dict[str, list[float]]] | None = Field(
        default=None, description="By class: `false_positive_rate` ascending, and the `true_positive_rate` at each"
    )
    precision_recall_curves: dict[str, dict[str, Any]] | None = Field(
        default=None, description="By class: `recall` ascending, the `precision` at each, and `average_precision`"
    )
    examples: Examples | None = None
    paper: dict[str, Any] | None = Field(description="The paper's figures for this model, where it has them")


class StoredReport(ModelMetrics):
    """`report.json` as it was published."""

    name: str
    dataset: DatasetInfo
