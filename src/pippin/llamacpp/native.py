"""One model in llama.cpp: weights, and a cache whose cells all sequences share."""

import ctypes
import logging
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pippin.llamacpp.library import Batch, Log, Progress, library
from pippin.models.errors import CannotLoad

log = logging.getLogger(__name__)

Ints = npt.NDArray[np.int32]
Logits = npt.NDArray[np.float32]

CACHE_TYPES = {0: 1, 8: 8, 4: 2}
"""Bits of a cached number → ggml's type: F16, Q8_0, Q4_0."""
FLASH_ATTENTION = 1
NO_ROOM = 1
"""What ``llama_decode`` says when the cache has no cells for a batch."""


class DecodeFailed(Exception):
    """llama.cpp could not compute a batch."""


class CacheFull(DecodeFailed):
    """There are no cells for it. Nothing has changed."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive tokens of one sequence, to be taken in."""

    sequence: int
    start: int
    """The position of the first."""
    tokens: Sequence[int]
    scored: int = 0
    """Of how many of the last tokens the logits are wanted."""


class Weights:
    """A model's weights and vocabulary. Immutable once loaded; the vocabulary is for any thread."""

    def __init__(self, files: Sequence[Path], progress: Callable[[int, int], None]) -> None:
        """``progress(done, total)``, in parts of a thousand.

        Raises:
            CannotLoad: llama.cpp is not there, or cannot read the model.
        """
        self.library = library()
        # The library must not call a log that is gone: also if nothing could be loaded.
        weakref.finalize(self, Log(self.library).close).atexit = False
        self.library.llama_backend_init()

        def told(share: float, _: object) -> bool:
            progress(int(share * 1000), 1000)
            return True

        params = self.library.llama_model_default_params()
        params.progress_callback = Progress(told)
        paths = (ctypes.c_char_p * len(files))(*(str(file).encode() for file in files))
        self.model = self.library.llama_model_load_from_splits(paths, len(files), params)
        if not self.model:
            raise CannotLoad(f"llama.cpp cannot load {files[0]}. The log says why.")
        weakref.finalize(self, self.library.llama_model_free, self.model).atexit = False
        self.vocabulary = self.library.llama_model_get_vocab(self.model)
        self.vocab_size = int(self.library.llama_vocab_n_tokens(self.vocabulary))
        self.trained_context = int(self.library.llama_model_n_ctx_train(self.model))
        self.bytes = int(self.library.llama_model_size(self.model))
        self.on_gpu = bool(self.library.llama_supports_gpu_offload())

    @property
    def generates(self) -> bool:
        """Whether it goes on with a text, as opposed to models that translate or embed one."""
        has_encoder = self.library.llama_model_has_encoder(self.model)
        return bool(self.library.llama_model_has_decoder(self.model)) and not has_encoder

    def ends_a_text(self, token: int) -> bool:
        return bool(self.library.llama_vocab_is_eog(self.vocabulary, token))

    def tokens_of(self, text: str) -> list[int]:
        """As llama.cpp sees it, names of special tokens read as such. For short texts only: some
        of its tokenizers take much stack for long ones."""
        raw = text.encode()
        room = (ctypes.c_int32 * (len(raw) + 8))()
        count = self.library.llama_tokenize(
            self.vocabulary, raw, len(raw), room, len(room), False, True
        )
        return list(room[: max(0, count)])


class Cache:
    """Where sequences are computed. Owned by the engine, used on its thread only.

    Cells are shared by all sequences, and those of a common beginning are held once.
    """

    def __init__(
        self,
        weights: Weights,
        *,
        cells: int,
        sequences: int,
        batch: int,
        threads: int,
        bits: int = 0,
    ) -> None:
        """``cells``: tokens of all sequences together. ``batch``: tokens of a pass, at most.
        ``bits``: of a cached number; 0: half precision.

        Raises:
            CannotLoad: there is not enough memory, or the model does not work so.
        """
        native = weights.library
        params = native.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = cells, batch, min(batch, 512)
        params.n_seq_max = sequences
        params.n_outputs_max_per_seq = 0
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = True
        if bits:
            params.type_k = params.type_v = CACHE_TYPES[bits]
            params.flash_attn_type = FLASH_ATTENTION
        self._native = native
        self._context = native.llama_init_from_model(weights.model, params)
        if not self._context:
            raise CannotLoad(
                f"llama.cpp cannot make a cache for {cells} tokens. Lower --context-length or "
                "--memory; the log says more."
            )
        # The weights must outlive it, also if both are found to be unreachable at once.
        weakref.finalize(self, _free_context, native, self._context, weights).atexit = False
        self._memory = native.llama_get_memory(self._context)
        self.cells = int(native.llama_n_ctx(self._context))
        self.sequences = int(native.llama_n_seq_max(self._context))
        self._vocab_size = weights.vocab_size
        self._room = _Room(int(native.llama_n_batch(self._context)))

    def decode(self, pieces: Sequence[Piece]) -> list[Logits]:
        """Take tokens in. Of each piece the logits that are wanted, (scored, vocabulary).

        Raises:
            CacheFull: there are no cells for them.
            DecodeFailed: llama.cpp failed, or took in a part of them only; the sequences are not
                to be used any more.
        """
        rows: list[Logits] = [np.empty((0, self._vocab_size), np.float32)] * len(pieces)
        for number, group in enumerate(_passes(pieces, self._room.size)):
            count, wanted = self._room.fill([piece for _, piece in group])
            failed = self._native.llama_decode(self._context, self._room.batch(count))
            if failed == NO_ROOM and not number:
                raise CacheFull("the cache is full")
            if failed:
                raise DecodeFailed(f"llama_decode: {failed}")
            self._read(group, wanted, rows)
        return rows

    def _read(self, group: Sequence[tuple[int, Piece]], wanted: int, rows: list[Logits]) -> None:
        if not wanted:
            return
        found = self._native.llama_get_logits(self._context)
        if not found:
            raise DecodeFailed("there are no logits")
        table = np.ctypeslib.as_array(found, (wanted, self._vocab_size))
        at = 0
        for number, piece in group:
            if piece.scored:
                part = table[at : at + piece.scored].copy()
                rows[number] = np.concatenate([rows[number], part]) if len(rows[number]) else part
                at += piece.scored

    def forget(self, sequence: int) -> None:
        """Free a sequence's cells, but for those that others have, too."""
        self._native.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def share(self, source: int, target: int, length: int) -> bool:
        """Let an empty sequence begin with the first tokens of another one. ``False``: this model
        cannot, and the target is still empty."""
        self._native.llama_memory_seq_cp(self._memory, source, target, 0, length)
        first = self._native.llama_memory_seq_pos_min(self._memory, target)
        last = self._native.llama_memory_seq_pos_max(self._memory, target)
        if first == 0 and last == length - 1:
            return True
        self.forget(target)
        return False

    def fork(self, source: int, target: int) -> None:
        """Let an empty sequence have all that another one has."""
        self._native.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def length(self, sequence: int) -> int:
        """Tokens that it holds."""
        return int(self._native.llama_memory_seq_pos_max(self._memory, sequence)) + 1

    def clear(self) -> None:
        """Forget everything."""
        self._native.llama_memory_clear(self._memory, True)


class _Room:
    """The arrays that one pass is handed over in."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._tokens = np.zeros(size, np.int32)
        self._positions = np.zeros(size, np.int32)
        self._counts = np.ones(size, np.int32)
        self._sequences = np.zeros(size, np.int32)
        self._wanted = np.zeros(size, np.int8)
        step = self._sequences.itemsize
        first = self._sequences.ctypes.data
        self._pointers = (first + step * np.arange(size, dtype=np.uintp)).astype(np.uintp)

    def fill(self, pieces: Sequence[Piece]) -> tuple[int, int]:
        """How many tokens there are, and of how many the logits are wanted."""
        at = wanted = 0
        for piece in pieces:
            end = at + len(piece.tokens)
            self._tokens[at:end] = piece.tokens
            self._positions[at:end] = np.arange(piece.start, piece.start + len(piece.tokens))
            self._sequences[at:end] = piece.sequence
            self._wanted[at:end] = 0
            self._wanted[end - piece.scored : end] = 1
            at, wanted = end, wanted + piece.scored
        return at, wanted

    def batch(self, count: int) -> Batch:
        def pointer(array: npt.NDArray[Any], kind: Any) -> Any:
            return array.ctypes.data_as(ctypes.POINTER(kind))

        return Batch(
            n_tokens=count,
            token=pointer(self._tokens, ctypes.c_int32),
            embd=None,
            pos=pointer(self._positions, ctypes.c_int32),
            n_seq_id=pointer(self._counts, ctypes.c_int32),
            seq_id=self._pointers.ctypes.data,
            logits=pointer(self._wanted, ctypes.c_int8),
        )


def _passes(pieces: Sequence[Piece], most: int) -> list[list[tuple[int, Piece]]]:
    """The pieces, cut where a pass is full; each with its number."""
    passes: list[list[tuple[int, Piece]]] = [[]]
    room = most
    for number, whole in enumerate(pieces):
        done = 0
        while done < len(whole.tokens):
            if not room:
                passes.append([])
                room = most
            taken = min(room, len(whole.tokens) - done)
            after = len(whole.tokens) - done - taken
            part = Piece(
                whole.sequence,
                whole.start + done,
                whole.tokens[done : done + taken],
                min(taken, max(0, whole.scored - after)),
            )
            passes[-1].append((number, part))
            done += taken
            room -= taken
    return [each for each in passes if each]


def _free_context(native: Any, context: int, _weights: Weights) -> None:
    """``_weights`` are kept until then."""
    native.llama_free(context)
