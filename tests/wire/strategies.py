"""Every message, made from its own types."""

from functools import reduce
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from pippin.wire.messages import ToGateway, ToWorker

TEXT = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**63), 2**64 - 1),
    float: st.floats(allow_nan=False),
    str: TEXT,
    bytes: st.binary(max_size=8),
    bool: st.booleans(),
    NoneType: st.none(),
    Any: JSON,
}


def of_type(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type that the messages use. KeyError: one that is new here."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return reduce(lambda left, right: left | right, map(of_type, arguments))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(of_type(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(of_type(arguments[0]), of_type(arguments[1]), max_size=3)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = get_type_hints(kind)
        fields = {name: of_type(hints[name]) for name in kind.__struct_fields__}
        return st.builds(kind, **fields)
    return PLAIN[kind]


any_to_worker: st.SearchStrategy[ToWorker] = of_type(ToWorker)
any_to_gateway: st.SearchStrategy[ToGateway] = of_type(ToGateway)
