"""`python -m app.cli`: the `wardrobe` command from a checkout."""

from __future__ import annotations

from app.cli import main

if __name__ == "__main__":
    main()
