"""The HTTP service around the published models."""

VERSION = "0.1.0"
