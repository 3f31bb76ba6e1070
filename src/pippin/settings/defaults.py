"""The settings that hold for every model, unless its own say otherwise."""

from pydantic import BaseModel, ByteSize, ConfigDict, Field

from pippin.settings.fields import (
    Folders,
    GroupSize,
    KVBits,
    Quantize,
    RepetitionPenalty,
    Share,
    Size,
    Temperature,
    Tokens,
    TopK,
)


class ModelDefaults(BaseModel):
    """What a server's settings say of its models. ``ModelSettings`` has a word of each."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    ttl_s: float = Field(0.0, ge=0)
    """Seconds without a request after which a model is unloaded. 0: never."""
    quantize: Quantize | None = None
    """Serve weights in so many bits: converted once, then kept. ``fp16``: as they are."""
    group_size: GroupSize = 64
    """Weights that share a scale, where they are quantised."""
    adapters: Folders = {}
    """LoRA adapters that requests may name: ``NAME=FOLDER``."""
    default_adapter: str = ""
    """Of these, the one for requests that name none."""
    chat_format: str = ""
    """A known chat template instead of the models' own: ``chatml``, ``llama3`` and others."""
    context_length: int = Field(0, ge=0)
    """Tokens of prompt and answer together, at most. 0: as many as the model has."""
    max_tokens: Tokens | None = None
    """Of an answer, where a request does not say. Not given: as many as there is room for."""
    temperature: Temperature | None = None
    """Where a request does not say, before what the model's own files say. So are the next four."""
    top_p: Share | None = None
    """Keep the most likely tokens of this mass."""
    top_k: TopK | None = None
    """Keep the k most likely tokens; 0 keeps all."""
    min_p: Share | None = None
    """Keep tokens at least this share as likely as the most likely one."""
    repetition_penalty: RepetitionPenalty | None = None
    """Above 1: recent tokens become less likely."""
    keep_dtype: bool = False
    """Serve weights as they are stored. Off: on Linux CPU only float32 reaches a BLAS."""
    prefill_budget: int = Field(0, ge=0, le=1_000_000)
    """Prompt tokens per engine step: what a decoding answer waits for between two tokens.
    0 takes what suits the device: a GPU reads far more in the same time than a CPU."""
    max_lanes: int = Field(64, ge=1, le=4096)
    """Answers that decode at once; further ones wait."""
    max_concurrency: int = Field(0, ge=0, le=4096)
    """Requests that one model works on at once. 0: as many as there are lanes."""
    queue_size: int = Field(512, ge=0, le=1_000_000)
    """Requests per model that may wait for their turn; more are refused with 429 at once, for a
    client that knows can go elsewhere. Enough for a crowd, and small in memory."""
    queue_timeout_s: float = Field(300.0, gt=0)
    """Seconds that a request may wait to begin, then it gets 429. Most clients give up earlier."""
    stall_timeout_s: float = Field(300.0, gt=0)
    """Seconds without any token while there is work, then the worker is ended. Far beyond the
    slowest honest step."""
    memory: Size = ByteSize(0)
    """Of all caches of one model: of answers at work, and of remembered prompts (``8GiB``).
    0: what the machine has left beside the weights."""
    kv_bits: KVBits | None = None
    """Keep caches in 4 or 8 bits: smaller, and slightly other answers. Not given: as computed."""
    tool_parser: str = ""
    """How the models write tool calls: ``hermes``, ``llama``, ``mistral`` and others. Not given:
    each as its chat template shows."""
    cache_ram: Size | None = None
    """Of ``memory``, for remembered prompts. Not given: a good part of it. 0: remember nothing,
    on disk neither."""
    cache_min_tokens: int = Field(32, ge=0, le=1_000_000)
    """Prompts shorter than this are not remembered: to read them anew is as quick."""
    cache_slots: int = Field(0, ge=0, le=1_000_000)
    """Conversations remembered in RAM at most. 0: as many as fit."""
