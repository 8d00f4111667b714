"""Scoring a large set of images offline: from files of images or pixels to a Parquet file of answers."""
