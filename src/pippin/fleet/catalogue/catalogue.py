"""Every model by name: the configured ones, those of a folder, those of the hub's cache."""

import logging
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from pippin import demo
from pippin.fleet.catalogue.entry import Entry, Source
from pippin.fleet.catalogue.facts import FactsReader
from pippin.fleet.catalogue.folders import models_in
from pippin.fleet.catalogue.hub import cached_models, cached_path, hub_cache
from pippin.fleet.catalogue.naming import (
    is_name,
    is_path,
    is_repository,
    last_parts,
    location,
    own_name,
)
from pippin.settings import Settings

logger = logging.getLogger(__name__)

ANSWERING = ("language", "vision", "gguf")
"""Kinds of models that are listed though nobody put them here to be served: the hub's cache has
other programs' models, too."""

_Found = tuple[Entry, Path | None]
"""An entry, and where its files are if they are on this machine."""


class Catalogue:
    """What may be served. Owned by the fleet; making it and ``refresh`` do I/O, nothing else does.

    A name that a request gives is only ever looked up here: it never becomes a path.

    Raises (on construction):
        ValueError: a name is taken twice or cannot be one, or a folder is not there. In words
            for the operator.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reader = FactsReader()
        self._told: set[str] = set()
        self._models = tuple((model, location(model)) for model in settings.models)
        self._folder = _folder(settings.models_dir)
        self._cache = hub_cache(os.environ)
        self._entries: tuple[Entry, ...] = ()
        self._names: dict[str, Entry] = {}
        _check_names(entry for entry, _ in self._configured())
        self.refresh()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """In order: as they are configured, then those of the folder, then those of the hub."""
        return self._entries

    def find(self, name: str) -> Entry | None:
        """The entry of this name, of this alias, the only one of this repository, or the only one
        whose name or place ends so."""
        if named := self._names.get(name):
            return named
        for meaning in (_is_repository_of, _ends_in):
            found = [one for one in self._entries if meaning(one, name)]
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def unlisted(self, name: str) -> Entry | None:
        """An entry made for a name that nobody listed: a demo, or a repository of the hub.

        Whether the repository exists is not known. ``None``: it is neither.
        """
        if name not in demo.MODELS and not is_repository(name):
            return None
        source: Source = "demo" if name in demo.MODELS else "hub"
        return Entry(name=name, where=name, settings=self._settings, source=source)

    def refresh(self, keep: Collection[str] = ()) -> None:
        """Look anew at the folder, the hub's cache, and the files of all models. Does I/O; one
        call at a time, in any thread.

        Entries that have not changed stay the same objects. So do, by name, those to ``keep``:
        of models that are loaded, whatever became of their files.
        """
        before = {one.name: one for one in self._entries}
        kept = {name: before[name] for name in keep if name in before}
        found: dict[str, Entry] = {}
        taken: set[str] = set()
        paths: set[str] = set()
        for made, path in (*self._configured(), *self._of_folder(), *self._of_hub()):
            there = "" if path is None else os.path.realpath(path)
            # What is configured is not listed a second time by its place.
            if made.source != "configured" and (made.name in taken or there in paths):
                continue
            old = before.get(made.name)
            entry = kept.get(made.name) or (old if old == made else made)
            found[made.name] = entry
            taken.update((entry.name, *entry.aliases))
            paths.add(there)
        for name, entry in kept.items():
            found.setdefault(name, entry)
        self._reader.forget_others()
        self._names = {
            called: entry for entry in found.values() for called in (entry.name, *entry.aliases)
        }
        self._entries = tuple(found.values())

    def _configured(self) -> Iterator[_Found]:
        for model, where in self._models:
            path = self._path(where)
            known = self._reader.read(path) if path else None
            entry = Entry(
                name=own_name(model, where),
                aliases=model.aliases,
                where=where,
                settings=self._settings.of(model),
                source="configured",
                on_start=model.load == "start",
                pin=model.pin,
                facts=known.facts if known else None,
                problem=known.problem if known else None,
            )
            yield entry, path

    def _path(self, where: str) -> Path | None:
        """Where a model's files are, if they are on this machine."""
        if where in demo.MODELS:
            return demo.MODELS[where]
        if is_path(where):
            return Path(where)
        return cached_path(self._cache, where)

    def _of_folder(self) -> Iterator[_Found]:
        if self._folder is None:
            return
        try:
            for name, path in models_in(self._folder):
                yield from self._listed(name, str(path), path, "folder")
        except OSError as error:
            self._tell(f"{self._folder} cannot be listed: {error.strerror}")

    def _of_hub(self) -> Iterator[_Found]:
        if self._settings.hide_hub:
            return
        for name, where, path in cached_models(self._cache):
            yield from self._listed(name, where, path, "hub")

    def _listed(self, name: str, where: str, path: Path, source: Source) -> Iterator[_Found]:
        """The entry of a model that nobody configured; none if its files are broken."""
        known = self._reader.read(path)
        if not is_name(name):
            self._tell(f"{path} is not listed: its name cannot be one of a model's")
        elif known.facts is None:
            self._tell(f"{name} is not listed: {known.problem}")
        elif source == "folder" or known.facts.kind in ANSWERING:
            entry = Entry(
                name=name, where=where, settings=self._settings, source=source, facts=known.facts
            )
            yield entry, path

    def _tell(self, words: str) -> None:
        """Say it once, not at every look."""
        if words not in self._told:
            self._told.add(words)
            logger.warning("%s", words)


def _is_repository_of(entry: Entry, name: str) -> bool:
    """Whether a client means a model by its repository that is called otherwise here."""
    return is_repository(entry.where) and name in (entry.where, entry.where.partition("@")[0])


def _ends_in(entry: Entry, name: str) -> bool:
    return name in last_parts((entry.name, entry.where))


def _folder(given: Path | None) -> Path | None:
    if given is None:
        return None
    folder = given.expanduser().absolute()
    if not folder.is_dir():
        raise ValueError(f"there is no folder of models at {given}")
    return folder


def _check_names(entries: Iterator[Entry]) -> None:
    taken: dict[str, Entry] = {}
    for entry in entries:
        for name in (entry.name, *entry.aliases):
            if not is_name(name):
                raise ValueError(f"{entry.where!r} gives no usable name; write NAME=WHERE")
            if name in taken:
                raise ValueError(
                    f"two models are called {name!r} ({taken[name].where} and {entry.where}); "
                    "write NAME=WHERE to give one of them another name"
                )
            taken[name] = entry
