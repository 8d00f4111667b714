"""The pages and pictures that show the measurements."""
