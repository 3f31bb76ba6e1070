"""The tiny models that ship in the package, trained from scratch by ``tools/``.

They are a demonstration and a test bed, nothing more.
"""

from pathlib import Path

_FOLDER = Path(__file__).parent / "models"

MODELS = {name: _FOLDER / name for name in ("demo", "demo-draft")}
"""Name → folder. ``demo`` is what a server without a model serves."""

ADAPTER = _FOLDER / "demo-adapter"
"""A LoRA adapter of ``demo``."""
