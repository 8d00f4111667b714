"""Offline training, evaluation and publishing of the models that `app` serves."""
