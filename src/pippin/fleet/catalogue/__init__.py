"""All models that may be served, without any of them loaded."""

from pippin.fleet.catalogue.catalogue import Catalogue
from pippin.fleet.catalogue.entry import Entry, Source

__all__ = ["Catalogue", "Entry", "Source"]
