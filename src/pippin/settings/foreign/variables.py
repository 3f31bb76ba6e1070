"""Variables of the environment that other servers read, and what they mean here: data."""

from collections.abc import Mapping
from types import MappingProxyType

TAKEN: Mapping[str, str] = MappingProxyType(
    {
        "MLX_SERVER_HOST": "host",
        "MLX_SERVER_PORT": "port",
        "MLX_SERVER_LOG_LEVEL": "log_level",
        "MLX_SERVER_API_KEY": "api_keys",
        "MLX_SERVER_MAX_TOKENS": "max_tokens",
        "MLX_SERVER_TEMPERATURE": "temperature",
        "MLX_SERVER_MODEL_PATH": "models",
        "MLX_SERVER_ADAPTER_PATH": "adapters",
        "DEFAULT_MAX_TOKENS": "max_tokens",
        "DEFAULT_TEMPERATURE": "temperature",
        "DEFAULT_TOP_P": "top_p",
        "DEFAULT_TOP_K": "top_k",
        "DEFAULT_MIN_P": "min_p",
        "DEFAULT_REPETITION_PENALTY": "repetition_penalty",
    }
)
"""Variable → setting. The first that is set wins, and ours goes before both."""

VAIN: Mapping[str, str] = MappingProxyType(
    {
        # There a worker was a copy of all models, and answered one request at a time. To take
        # the usual 2 for two lanes would make a server slower that was meant to be faster.
        "FASTMLX_NUM_WORKERS": "one worker per model answers many requests at once; "
        "--max-lanes and --max-concurrency bound how many",
        "MLX_SERVER_LOGS_DIR": "the log is written to standard output; redirect it",
        "DEFAULT_SEED": "send 'seed' with each request",
        "DEFAULT_PRESENCE_PENALTY": "send 'presence_penalty' with each request",
        "DEFAULT_REPETITION_CONTEXT_SIZE": "send 'repetition_context_size' with each request",
        "DEFAULT_XTC_PROBABILITY": "there is no such sampling here",
        "DEFAULT_XTC_THRESHOLD": "there is no such sampling here",
    }
)
"""Variable → why it has no effect."""
