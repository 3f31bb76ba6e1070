"""Runs ``pippin serve`` as it is, but with mock workers; at the end, says what it had imported."""

import sys
from pathlib import Path

from pippin.cli.serve import start
from pippin.fleet.fleet import Fleet
from pippin.settings import Settings

MOCK_WORKER = Path(__file__).parent.parent / "fleet" / "mock_worker.py"
WORKER_SIDE = ("worker", "prompt", "engine", "memory", "models", "output")
FORBIDDEN = (
    *("mlx", "mlx_lm", "transformers", "tokenizers", "numpy", "torch"),
    *(f"pippin.{room}" for room in WORKER_SIDE),
)


def main() -> None:
    settings = Settings(models=tuple(sys.argv[1:]), port=0)
    code = start(settings, Fleet(settings, (sys.executable, str(MOCK_WORKER))))
    print("imported:", *(name for name in FORBIDDEN if name in sys.modules), flush=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
