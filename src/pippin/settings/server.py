"""Every setting of the server, its default and its reason.

A setting ``some_name`` is the flag ``--some-name`` of ``pippin serve`` (without its unit; one of
a list is given by each flag) and the environment variable ``PIPPIN_SOME_NAME``, where a list is
separated by commas.
"""

import ipaddress
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Self

from pydantic import ByteSize, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from pippin.settings.defaults import ModelDefaults
from pippin.settings.fields import (
    GIB,
    MIB,
    LogLevel,
    Secrets,
    Size,
    Texts,
    UnknownModel,
)
from pippin.settings.model import ModelSettings

MAX_PROMPTS = 4096
HOST_NAME = re.compile(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+")
KEYS = ("api_keys", "agent_keys", "batch_keys")
TEXTS = ("models", *KEYS, "cors_origins", "allowed_hosts")
LISTS = (*TEXTS, "adapters")


class Settings(ModelDefaults, BaseSettings):
    """One server's settings: complete, valid and frozen once they exist.

    Raises:
        pydantic.ValidationError: its messages are words for the operator.
    """

    model_config = SettingsConfigDict(
        env_prefix="PIPPIN_", frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    config: Path | None = None
    """A configuration file: Pippin's own YAML, or one of MLX-Textgen, mlx-openai-server or MLX
    Engine Server. What flags and the environment say goes before it."""
    models: Annotated[tuple[ModelSettings, ...], NoDecode] = (ModelSettings(model="demo"),)
    """What to serve: ``demo``, folders, hub repositories, or ``NAME=WHERE`` to choose the name.
    The demo by default, so that a first try needs no download."""
    models_dir: Path | None = None
    """A folder whose models (folders, and .gguf files) are served, too: each on demand."""
    hide_hub: bool = False
    """Leave out models that are in the hub's cache only. Off: they are served, too, on demand."""
    unknown_model: UnknownModel = "refuse"
    """What a request for a model that is not listed means: ``refuse`` it, ``load`` it from the
    hub, or let the ``default`` model answer. Whoever may load anything can fill disk and memory."""
    memory_limit: Size = ByteSize(0)
    """Of all workers together, weights and caches. A model that needs room takes the place of the
    one that was idle for longest. 0: three quarters of the machine's memory."""
    host: str = Field("127.0.0.1", min_length=1)
    """Address to listen on. Loopback by default: nobody else reaches it by accident."""
    port: int = Field(8000, ge=0, le=65535)
    """Port to listen on; 0 takes any free one."""
    api_keys: Secrets = ()
    """Keys that open every route but health. None by default, which only loopback allows."""
    agent_keys: Secrets = ()
    """Further keys, whose requests have at most the priority ``agent``: a person's request goes
    before them. None: every key may ask for any priority."""
    batch_keys: Secrets = ()
    """Further keys, whose requests have the priority ``batch``: all others go before them."""
    insecure: bool = False
    """Listen beyond loopback without a key. Off: a model server is worth stealing time from."""
    cors_origins: Texts = ()
    """Web origins whose pages may call this server. None: the browser's own rule stands."""
    allowed_hosts: Texts = ()
    """Host names to answer to (without port), beside localhost and ``host``. On loopback they
    add to the list, against DNS rebinding; beyond it, where any name is answered otherwise,
    they are the whole list."""
    max_body_bytes: int = Field(10 * MIB, ge=1024, le=48 * MIB)
    """Longest request body. The upper bound keeps any request within a frame of the wire."""
    receipt_timeout_s: float = Field(30.0, gt=0)
    """Seconds in which a whole request must have arrived; a patient attacker gets no more."""
    keepalive_interval_s: float = Field(10.0, gt=0)
    """Seconds of silence before a stream gets a comment; proxies often give up at 30 or 60."""
    max_prompts: int = Field(128, ge=1, le=MAX_PROMPTS)
    """Answers that one request may ask for: prompts times choices."""
    log_level: LogLevel = "info"
    """How much the log says."""
    blas_threads: int = Field(1, ge=1, le=1024)
    """Threads of the BLAS on Linux CPU. One is the fastest for the small products of decoding."""
    cache_disk: Size = ByteSize(10 * GIB)
    """For remembered prompts on disk, of all models together. 0: none. Some hundred long prompts
    of a small model, and little of any disk of today."""
    cache_dir: Path | None = None
    """Folder of remembered prompts. Not given: ``pippin`` in the platform's cache folder."""
    cache_write_rate: Size = ByteSize(64 * MIB)
    """At most so much is written to the disk per second, since writing wears an SSD."""
    cache_per_key: bool = False
    """Remember prompts for each API key apart: no key profits from the prompts of another, or
    learns from the time of an answer what another has asked. Off: keys share, which is faster."""
    worker_start_timeout_s: float = Field(60.0, gt=0)
    """Seconds until a new worker must report. Loading the model comes after and has no limit."""
    worker_silence_timeout_s: float = Field(10.0, gt=0)
    """Seconds in which a worker that is at work must give a sign of life, or it is replaced."""
    worker_stop_timeout_s: float = Field(5.0, gt=0)
    """Seconds a worker has to end by itself, and again after SIGTERM, before SIGKILL."""

    @property
    def loopback(self) -> bool:
        """Whether only programs of this machine can reach the server."""
        return is_loopback(self.host)

    @property
    def keys(self) -> tuple[SecretStr, ...]:
        """All keys, whatever their priority."""
        return (*self.api_keys, *self.agent_keys, *self.batch_keys)

    @property
    def strangers_share_prompts(self) -> bool:
        """Whether a remembered prompt may be of somebody else than the one who profits."""
        return not self.loopback if not self.keys else len(self.keys) > 1 and not self.cache_per_key

    @property
    def cache_folder(self) -> Path:
        """Where remembered prompts lie on disk: absolute; it need not exist."""
        return (self.cache_dir or platform_cache_folder()).expanduser().absolute()

    def of(self, model: ModelSettings) -> "Settings":
        """The settings that hold for this model."""
        return self.model_copy(update=model.overrides)

    @field_validator("models", mode="before")
    @classmethod
    def _demo_if_none(cls, value: object) -> object:
        if not isinstance(value, tuple | list):
            return value
        if any(isinstance(model, str) and not model.strip() for model in value):
            raise ValueError("a model's name is empty")
        texts = value or ("demo",)
        return tuple(ModelSettings.of_text(one) if isinstance(one, str) else one for one in texts)

    @field_validator(*TEXTS, mode="before")
    @classmethod
    def _split_by_comma(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("config", "models_dir", "cache_dir", mode="before")
    @classmethod
    def _empty_is_not_given(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator(*KEYS, mode="before")
    @classmethod
    def _meant_keys_are_keys(cls, value: object) -> object:
        # Runs before the comma rule above: of two such rules the later one is the first.
        if isinstance(value, str) and value and not value.replace(",", "").strip():
            raise ValueError("it is set, but there is no key in it")
        return value

    @field_validator(*KEYS)
    @classmethod
    def _keys_fit_a_header(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for key in value:
            text = key.get_secret_value()
            if not text or not text.isascii() or not text.isprintable() or " " in text:
                raise ValueError("a key must be printable ASCII without spaces, and not empty")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins_have_no_path(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            scheme, _, rest = origin.partition("://")
            if origin != "*" and (scheme not in ("http", "https") or not rest or "/" in rest):
                raise ValueError(f"{origin!r} is no origin; write https://host[:port], or *")
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts_are_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for host in value:
            if not HOST_NAME.fullmatch(host):
                raise ValueError(
                    f"{host!r} is no host name; write it without scheme, port and path, "
                    "and an IPv6 address in brackets"
                )
        return value

    @model_validator(mode="after")
    def _each_key_has_one_priority(self) -> Self:
        texts = [{key.get_secret_value() for key in getattr(self, name)} for name in KEYS]
        if len(set().union(*texts)) < sum(map(len, texts)):
            raise ValueError("a key is in two of --api-key, --agent-key and --batch-key")
        return self

    @model_validator(mode="after")
    def _guarded_beyond_loopback(self) -> Self:
        if not (self.loopback or self.keys or self.insecure):
            raise ValueError(
                f"{self.host} can be reached from other machines, and no API key is set: "
                "add --api-key KEY (or PIPPIN_API_KEYS), or listen on 127.0.0.1, "
                "or accept the risk with --insecure"
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether an address or host name is this machine's own and reachable from it only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def platform_cache_folder() -> Path:
    """Pippin's folder in the platform's cache folder, which may be deleted at any time."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(given):
        return Path(given, "pippin")
    if sys.platform == "darwin":
        return Path("~/Library/Caches/pippin").expanduser()
    else:  # noqa: RET505 - the type checker wants both systems in branches
        return Path("~/.cache/pippin").expanduser()
