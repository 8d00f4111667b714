"""The networks: the paper's two, layer by layer as its chapters 2.1 and 3.1 define them, and a residual one.

To add a model, write one function here, marked `@architecture`, and give it a recipe.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

INPUT_SHAPE = (28, 28, 1)
CLASSES = 10
ARCHITECTURES: dict[str, Callable[[], keras.Model]] = {}
"""Every network by its name."""


def architecture(build: Callable[[], keras.Model]) -> Callable[[], keras.Model]:
    """List a function that builds a network in `ARCHITECTURES`, under its own name."""
    ARCHITECTURES[build.__name__] = build
    return build


@architecture
def ann() -> keras.Sequential:
    """The paper's fully connected network, 227,018 parameters. Input float32 `[None, 28, 28, 1]`, 0-1."""
    return keras.Sequential(
        [
            keras.Input(INPUT_SHAPE),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(32, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(64, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(128, activation="relu"),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(CLASSES, activation="softmax"),
        ],
        name="ann",
    )


@architecture
def cnn() -> keras.Sequential:
    """The paper's convolutional network, 69,834 parameters. Input float32 `[None, 28, 28, 1]`, 0-1."""
    return keras.Sequential(
        [
            keras.Input(INPUT_SHAPE),
            layers.Conv2D(16, (3, 3), activation="relu", kernel_initializer="he_normal"),
            layers.MaxPooling2D((2, 2)),
            layers.Dropout(0.2),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.Dropout(0.2),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.Dropout(0.2),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(CLASSES, activation="softmax"),
        ],
        name="cnn",
    )


@architecture
def resnet() -> keras.Model:
    """A small residual network (He et al. 2016), 464,810 parameters. Input float32 `[None, 28, 28, 1]`, 0-1."""
    image = keras.Input(INPUT_SHAPE)
    x = layers.MaxPooling2D()(_convolution(image, 32))
    for width in (64, 128):
        x = _convolution(x, width)
        x = layers.Add()([x, _convolution(_convolution(x, width), width)])
        x = layers.GlobalAveragePooling2D()(x) if width == 128 else layers.MaxPooling2D()(x)
    return keras.Model(image, layers.Dense(CLASSES, activation="softmax")(x), name="resnet")


def _convolution(x: Any, width: int) -> Any:
    x = layers.Conv2D(width, (3, 3), padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    x = layers.BatchNormalization(momentum=0.9)(x)  # Keras's 0.99 lags behind the weights of a short run
    return layers.ReLU()(x)


def scaled(images: object) -> object:
    """Pixels 0-255 of any number type to float32 0-1: the one preprocessing step, in training and in the published graph."""
    return keras.ops.cast(images, "float32") / 255.0
