"""The paper's CNN in plain PyTorch, as its own tutorials train: `python epoch_torch.py DATA.npz EPOCHS` prints seconds per epoch."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch
from torch import nn

BATCH = 200


def network() -> nn.Sequential:
    """Layer by layer what `training.architectures.cnn` is, the softmax in the loss."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.2),
        nn.Conv2d(16, 32, 3),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Conv2d(64, 64, 3),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Flatten(),
        nn.Linear(64, 128),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(128, 10),
    )


def main() -> None:
    """Train and validate, epoch by epoch."""
    arrays = np.load(sys.argv[1])
    fitted, held_out = (
        (torch.from_numpy(arrays[f"{part}_images"]), torch.from_numpy(arrays[f"{part}_labels"])) for part in ("fitted", "held_out")
    )
    torch.manual_seed(0)
    model, loss = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    seconds, accuracy = [], 0.0
    for _ in range(int(sys.argv[2])):
        began = time.perf_counter()
        model.train()
        for batch in torch.randperm(len(fitted[0])).split(BATCH):
            optimizer.zero_grad()
            loss(model(fitted[0][batch]), fitted[1][batch]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            right = [(model(x).argmax(1) == y).sum() for x, y in zip(*(part.split(BATCH) for part in held_out), strict=True)]
        accuracy = float(sum(right)) / len(held_out[0])
        seconds.append(time.perf_counter() - began)
    parameters = sum(each.numel() for each in model.parameters())
    print(json.dumps({"version": torch.__version__, "seconds": seconds, "parameters": parameters, "val_accuracy": accuracy}))


if __name__ == "__main__":
    main()
