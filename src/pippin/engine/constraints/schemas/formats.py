"""The formats of texts, as patterns.

Each pattern is a little narrower than its standard where that keeps it short: no leap seconds, no
year 0, no quoted names in mail addresses, names of hosts in ASCII and up to 249 characters.
"""

from pippin.engine.constraints.patterns.anchors import whole
from pippin.engine.constraints.patterns.dialects import ECMA
from pippin.engine.constraints.patterns.nodes import write
from pippin.engine.constraints.patterns.parser import parse

_YEAR = r"(?:[1-9]\d{3}|0[1-9]\d\d|00[1-9]\d|000[1-9])"
_LEAP_YEAR = r"(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DATE = (
    rf"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))"
    rf"|{_LEAP_YEAR}-02-29)"
)
_HOUR = r"(?:[01]\d|2[0-3])"
_TIME = rf"{_HOUR}:[0-5]\d:[0-5]\d(?:\.\d{{1,9}})?(?:[Zz]|[+-]{_HOUR}:[0-5]\d)"
_CLOCK = r"T(?:\d{1,9}H(?:\d{1,9}M(?:\d{1,9}S)?)?|\d{1,9}M(?:\d{1,9}S)?|\d{1,9}S)"
_CALENDAR = r"(?:\d{1,9}Y(?:\d{1,9}M(?:\d{1,9}D)?)?|\d{1,9}M(?:\d{1,9}D)?|\d{1,9}D)"
_LABEL = r"[a-zA-Z0-9](?:-?[a-zA-Z0-9]){0,24}"
_HOST = rf"{_LABEL}(?:\.{_LABEL}){{0,4}}"
_ATOM = r"[a-zA-Z0-9!#$%&'*+\/=?^_`{|}~-]{1,12}"
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_HEX = r"[0-9a-fA-F]{1,4}"
_PCHAR = r"(?:[a-zA-Z0-9._~!$&'()*+,;=:@-]|%[0-9a-fA-F]{2})"
_AFTER = rf"(?:\?(?:{_PCHAR}|[\/?])*)?(?:#(?:{_PCHAR}|[\/?])*)?"
_PLACE = rf"\/\/{_HOST}(?::\d{{1,5}})?(?:\/{_PCHAR}*)*"
_URI = rf"[a-zA-Z][a-zA-Z0-9+.-]*:(?:{_PLACE}|{_PCHAR}+(?:\/{_PCHAR}*)*){_AFTER}"
_RELATIVE = rf"(?:\/?[a-zA-Z0-9._~-]+(?:\/{_PCHAR}*)*|\/)?{_AFTER}"
_POINTER = r"(?:\/(?:[^~\/]|~[01])*)*"


def _ipv6() -> str:
    full = rf"(?:{_HEX}:){{7}}{_HEX}"
    shortened = [
        rf"(?:{_HEX}(?::{_HEX}){{0,{n - 1}}})?::(?:{_HEX}(?::{_HEX}){{0,{6 - n}}})?"
        if n
        else rf"::(?:{_HEX}(?::{_HEX}){{0,6}})?"
        for n in range(7)
    ]
    return "|".join((full, *shortened))


_FORMATS = {
    "date": _DATE,
    "time": _TIME,
    "date-time": rf"{_DATE}[Tt]{_TIME}",
    "duration": rf"P(?:\d{{1,9}}W|{_CALENDAR}(?:{_CLOCK})?|{_CLOCK})",
    "email": rf"{_ATOM}(?:\.{_ATOM}){{0,3}}@{_HOST}",
    "hostname": _HOST,
    "ipv4": _IPV4,
    "ipv6": _ipv6(),
    "uri": _URI,
    "uri-reference": rf"{_URI}|{_RELATIVE}",
    "uuid": r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
    "json-pointer": _POINTER,
    "relative-json-pointer": rf"(?:0|[1-9]\d*)(?:#|{_POINTER})",
    "byte": r"(?:[A-Za-z0-9+\/]{4})*(?:[A-Za-z0-9+\/]{2}==|[A-Za-z0-9+\/]{3}=)?",
}
_FORMATS |= {
    f"uuid{n}": rf"[0-9a-fA-F]{{8}}-[0-9a-fA-F]{{4}}-{n}[0-9a-fA-F]{{3}}"
    r"-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
    for n in (1, 3, 4, 5)
}
_FORMATS["base64"] = _FORMATS["byte"]
_FORMATS |= {
    "ipvanyaddress": f"{_IPV4}|{_FORMATS['ipv6']}",
    "idn-email": _FORMATS["email"],
    "idn-hostname": _HOST,
    "iri": _FORMATS["uri"],
    "iri-reference": _FORMATS["uri-reference"],
}


NOT_PATTERNS = frozenset(("regex", "uri-template"))
"""Formats of the standard that no pattern describes."""


def format_pattern(name: str) -> str | None:
    """In Rust's syntax, for the whole text; ``None``: not known, and so an annotation only."""
    pattern = _FORMATS.get(name)
    return None if pattern is None else write(whole(parse(pattern, ECMA)))
