"""What is trained and what is published answer alike, and only the latter has the architecture's layers."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from training.architectures import ARCHITECTURES
from training.errors import TrainingError
from training.reparameterization import branched, fold


@pytest.mark.parametrize(("name", "normalised", "added"), [("ann", 8, 3), ("cnn", 5, 0)])
def test_the_folded_network_answers_as_the_trained_one(name: str, normalised: int, added: int) -> None:
    keras.utils.set_random_seed(0)
    plain = ARCHITECTURES[name]()
    before = plain.get_weights()
    trained = branched(plain)
    assert sum(isinstance(layer, layers.BatchNormalization) for layer in trained.layers) == normalised
    assert sum(isinstance(layer, layers.Add) for layer in trained.layers) == added
    assert [layer.rate for layer in trained.layers if isinstance(layer, layers.Dropout)] == [
        layer.rate for layer in plain.layers if isinstance(layer, layers.Dropout)
    ]
    generator = np.random.default_rng(0)
    for layer in trained.layers:
        if isinstance(layer, layers.BatchNormalization):  # as after some training: gamma, beta, mean, variance
            layer.set_weights([generator.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    images = generator.random((50, 28, 28, 1), np.float32)

    fold(trained, plain)

    expected, found = trained.predict(images, verbose=0), plain.predict(images, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 0.01  # they depend on the image at all
    assert [weight.shape for weight in plain.get_weights()] == [weight.shape for weight in before]


def test_a_wide_enough_layer_adds_its_input() -> None:
    plain = keras.Sequential(
        [keras.Input((2, 2, 1)), layers.Flatten(), layers.Dense(4, activation="relu"), layers.Dense(3, activation="relu"), layers.Dense(10)]
    )
    trained = branched(plain)
    trained.get_layer(plain.layers[1].name).set_weights([np.zeros((4, 4))])
    fold(trained, plain)
    image = np.array([0.1, 0.2, 0.3, 0.4], np.float32).reshape(1, 2, 2, 1)
    hidden = keras.Model(plain.inputs, plain.layers[1].output)
    np.testing.assert_allclose(hidden([image]), [[0.1, 0.2, 0.3, 0.4]], rtol=1e-3)


def test_a_network_whose_layers_have_no_order_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"resnet can't be reparameterized: only a keras\.Sequential can"):
        branched(ARCHITECTURES["resnet"]())
