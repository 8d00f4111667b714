"""Wardrobe against what a user would pick instead, in one run: `make bench`."""
