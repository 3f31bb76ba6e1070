"""Every setting, its default and its reason: flags > environment > file > default."""

from pippin.settings.fields import GIB, MIB, KVBits
from pippin.settings.model import ModelSettings
from pippin.settings.server import (
    LISTS,
    MAX_PROMPTS,
    Settings,
    is_loopback,
    platform_cache_folder,
)

__all__ = [
    "GIB",
    "LISTS",
    "MAX_PROMPTS",
    "MIB",
    "KVBits",
    "ModelSettings",
    "Settings",
    "is_loopback",
    "platform_cache_folder",
]
