"""The HTTP service around the published models."""
