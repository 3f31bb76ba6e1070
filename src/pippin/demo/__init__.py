"""The tiny models that ship in the package, trained from scratch by ``tools/``.

They are a demonstration and a test bed, nothing more.
"""

from pathlib import Path

_FOLDER = Path(__file__).parent / "models"

MODELS = {name: _FOLDER / name for name in ("demo", "demo-draft")} | {
    "demo-gguf": _FOLDER / "demo-gguf" / "demo.gguf"
}
"""Name → folder, or GGUF file. ``demo`` is what a server without a model serves."""

ADAPTER = _FOLDER / "demo-adapter"
"""A LoRA adapter of ``demo``."""
