"""The networks: layer by layer what the paper's code and tables (its chapters 2.1, 2.2, 3.1, 3.2) say, and the residual one."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from training.architectures import ARCHITECTURES, ann, cnn, resnet, scaled

Row = tuple[str, tuple[int, ...], int]

ANN: list[Row] = [
    ("Flatten", (784,), 0),
    ("Dense", (32,), 25_120),
    ("Dense", (32,), 1056),
    ("Dropout", (32,), 0),
    ("Dense", (64,), 2112),
    ("Dense", (64,), 4160),
    ("Dropout", (64,), 0),
    ("Dense", (128,), 8320),
    ("Dense", (128,), 16_512),
    ("Dropout", (128,), 0),
    ("Dense", (256,), 33_024),
    ("Dropout", (256,), 0),  # the paper's table ends before here; its code goes on
    ("Dense", (512,), 131_584),
    ("Dropout", (512,), 0),
    ("Dense", (10,), 5130),
]
CNN: list[Row] = [
    ("Conv2D", (26, 26, 16), 160),
    ("MaxPooling2D", (13, 13, 16), 0),
    ("Dropout", (13, 13, 16), 0),
    ("Conv2D", (11, 11, 32), 4640),
    ("Dropout", (11, 11, 32), 0),
    ("MaxPooling2D", (5, 5, 32), 0),
    ("Conv2D", (3, 3, 64), 18_496),
    ("Dropout", (3, 3, 64), 0),
    ("Conv2D", (1, 1, 64), 36_928),
    ("Dropout", (1, 1, 64), 0),
    ("Flatten", (64,), 0),
    ("Dense", (128,), 8320),
    ("Dropout", (128,), 0),
    ("Dense", (10,), 1290),
]


def of_type(model: keras.Model, *types: str) -> list[Any]:
    return [layer for layer in model.layers if type(layer).__name__ in types]


def test_there_are_the_papers_two_networks_and_a_residual_one() -> None:
    assert dict(ARCHITECTURES) == {"ann": ann, "cnn": cnn, "resnet": resnet}


@pytest.mark.parametrize(("name", "rows", "total"), [("ann", ANN, 227_018), ("cnn", CNN, 69_834)], ids=["ann", "cnn"])
def test_layers_shapes_and_parameters_are_the_papers(name: str, rows: list[Row], total: int) -> None:
    model = ARCHITECTURES[name]()
    assert model.name == name
    assert model.input_shape == (None, 28, 28, 1)
    assert [(type(layer).__name__, layer.output.shape[1:], layer.count_params()) for layer in model.layers] == rows
    assert model.count_params() == total
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == total


@pytest.mark.parametrize(("name", "rates"), [("ann", [0.2, 0.2, 0.2, 0.2, 0.3]), ("cnn", [0.2, 0.2, 0.2, 0.2, 0.3])], ids=["ann", "cnn"])
def test_dropout_rates_are_the_papers(name: str, rates: list[float]) -> None:
    assert [layer.rate for layer in of_type(ARCHITECTURES[name](), "Dropout")] == rates


@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_activations_are_relu_and_softmax_at_the_end(name: str) -> None:
    activations = [layer.activation.__name__ for layer in of_type(ARCHITECTURES[name](), "Dense", "Conv2D")]
    assert activations == ["relu"] * (len(activations) - 1) + ["softmax"]


def test_only_the_first_convolution_starts_from_he_normal() -> None:
    initializers = [type(layer.kernel_initializer).__name__ for layer in of_type(cnn(), "Dense", "Conv2D")]
    assert initializers == ["HeNormal"] + ["GlorotUniform"] * (len(initializers) - 1)
    assert {type(layer.kernel_initializer).__name__ for layer in of_type(ann(), "Dense")} == {"GlorotUniform"}


def test_convolutions_and_poolings_have_the_papers_sizes() -> None:
    assert {(layer.kernel_size, layer.strides, layer.padding) for layer in of_type(cnn(), "Conv2D")} == {((3, 3), (1, 1), "valid")}
    assert {(layer.pool_size, layer.strides) for layer in of_type(cnn(), "MaxPooling2D")} == {((2, 2), (2, 2))}


def convolution(side: int, width: int, before: int) -> list[Row]:
    shape = (side, side, width)
    return [("Conv2D", shape, 9 * before * width), ("BatchNormalization", shape, 4 * width), ("ReLU", shape, 0)]


RESNET: list[Row] = [
    ("InputLayer", (28, 28, 1), 0),
    *convolution(28, 32, 1),
    ("MaxPooling2D", (14, 14, 32), 0),
    *convolution(14, 64, 32),
    *convolution(14, 64, 64),
    *convolution(14, 64, 64),
    ("Add", (14, 14, 64), 0),
    ("MaxPooling2D", (7, 7, 64), 0),
    *convolution(7, 128, 64),
    *convolution(7, 128, 128),
    *convolution(7, 128, 128),
    ("Add", (7, 7, 128), 0),
    ("GlobalAveragePooling2D", (128,), 0),
    ("Dense", (10,), 1290),
]


def test_the_residual_networks_layers_shapes_and_parameters() -> None:
    model = resnet()
    assert model.name == "resnet"
    rows = [(type(layer).__name__, tuple(layer.output.shape[1:]), layer.count_params()) for layer in model.layers]
    assert rows == RESNET
    assert model.count_params() == sum(row[2] for row in RESNET) == 464_810
    assert {(layer.kernel_size, layer.padding, layer.use_bias) for layer in of_type(model, "Conv2D")} == {((3, 3), "same", False)}
    assert {type(layer.kernel_initializer).__name__ for layer in of_type(model, "Conv2D")} == {"HeNormal"}
    assert model.layers[-1].activation.__name__ == "softmax"


def test_a_block_adds_two_convolutions_to_what_enters_them() -> None:
    """With nothing learnt by its two convolutions, a block passes its input on."""
    model = resnet()
    normalisations = of_type(model, "BatchNormalization")
    for block in (0, 1):
        normalisations[3 + 3 * block].gamma.assign(np.zeros(64 * (1 + block)))
        entered = of_type(model, "ReLU")[1 + 3 * block]
        ends = keras.Model(model.input, [entered.output, of_type(model, "Add")[block].output])
        before, after = (np.asarray(each) for each in ends(np.random.default_rng(0).random((2, 28, 28, 1), np.float32)))
        np.testing.assert_array_equal(after, before)
        assert np.ptp(before) > 0


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32, np.float64])
def test_pixels_of_every_number_type_are_scaled_to_one(kind: type) -> None:
    result = np.asarray(scaled(np.array([0, 51, 255], kind)))
    assert result.dtype == np.float32
    assert result.tolist() == [0.0, np.float32(0.2), 1.0]
