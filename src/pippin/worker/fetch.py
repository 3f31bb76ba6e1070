"""``python -m pippin.worker.fetch MODEL``: download one model, for ``pippin models pull``.

Standard output carries what is told (``core.fetching``), and nothing else. No library of arrays is
imported.
"""

import sys
from pathlib import Path

from pippin.core.conversion import Refused
from pippin.core.fetching import Fetched
from pippin.models.errors import CannotLoad
from pippin.models.gguf_files import is_gguf, resolve_gguf
from pippin.models.resolve import Progress, resolve
from pippin.worker.teller import Teller

INTERRUPTED = 130


def main(model: str) -> int:
    """The exit code: 0 unless it was interrupted."""
    teller = Teller()
    try:
        path = _fetched(model, teller.advance)
        teller.tell(Fetched(str(path)))
    except CannotLoad as error:
        teller.tell(Refused(str(error)))
    except OSError as error:
        teller.tell(Refused(f"The download cannot be written: {error.strerror or error}."))
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _fetched(model: str, progress: Progress) -> Path:
    if is_gguf(model):
        return resolve_gguf(model, progress)
    folder = resolve(model, progress)
    if not any(folder.glob("model*.safetensors")):
        raise CannotLoad(
            f"{model!r} has no weights that MLX reads (safetensors). One of its GGUF files, if it "
            "has any, is named org/name:KIND, as in org/name:Q4_K_M."
        )
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
