"""A network that learns more easily than the published one, and becomes it.

While it learns, each hidden layer is normalised over the batch and, where it is as wide as what it reads, adds that unchanged. Both are
linear, so that they end up in the layer's own kernel and bias: Ding et al. 2021, "RepVGG: Making VGG-style ConvNets Great Again".
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from training.errors import TrainingError

MOMENTUM = 0.99
"""Of the running mean and variance; these count in the end, so they are averaged over more batches than a fit needs to follow them."""


def branched(plain: keras.Sequential) -> keras.Model:
    """The network to train in the place of `plain`, layer by layer under the same names.

    Raises:
        TrainingError: It is no `keras.Sequential`, so that its layers have no order.
    """
    if not isinstance(plain, keras.Sequential):
        raise TrainingError(f"the recipe of {plain.name} can't be reparameterized: only a keras.Sequential can", 2)
    image = x = keras.Input(plain.input_shape[1:])
    for layer in plain.layers:
        config = layer.get_config()
        if not _is_hidden(layer):
            x = type(layer).from_config(config)(x)
            continue
        y = type(layer).from_config(config | {"activation": "linear", "use_bias": False})(x)
        if _adds_its_input(layer):
            y = layers.Add()([x, y])
        x = layers.ReLU()(layers.BatchNormalization(momentum=MOMENTUM, name=_normalisation(layer))(y))
    return keras.Model(image, x, name=plain.name)


def fold(trained: keras.Model, plain: keras.Sequential) -> None:
    """Give `plain` the weights with which it answers as `trained`, which `branched` made of it, answers outside training."""
    for layer in plain.layers:
        if not _is_hidden(layer):
            layer.set_weights(trained.get_layer(layer.name).get_weights())
            continue
        [kernel] = trained.get_layer(layer.name).get_weights()
        normalisation = trained.get_layer(_normalisation(layer))
        gamma, beta, mean, variance = normalisation.get_weights()
        factor = gamma / np.sqrt(variance + normalisation.epsilon)
        if _adds_its_input(layer):
            kernel = kernel + np.eye(layer.units, dtype=kernel.dtype)
        layer.set_weights([kernel * factor, beta - mean * factor])


def _is_hidden(layer: keras.layers.Layer) -> bool:
    """Whether it is a layer with a kernel, a bias and a ReLU: dense or convolutional, with its outputs on the kernel's last axis."""
    return isinstance(layer, layers.Dense | layers.Conv2D) and layer.use_bias and layer.activation is keras.activations.relu


def _adds_its_input(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, layers.Dense) and layer.kernel.shape[0] == layer.units


def _normalisation(layer: keras.layers.Layer) -> str:
    return f"{layer.name}_normalisation"
