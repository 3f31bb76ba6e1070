"""While a model is called, and only then, some of ``mx.fast`` is ours."""

import mlx.core as mx
import pytest

from pippin.engine.host_attention import HostAttention, plain_attention
from pippin.engine.host_model import for_host
from pippin.engine.host_rope import HostRope, plain_rope


def test_only_the_model_that_is_called_sees_it() -> None:
    seen = []

    def model(inputs: mx.array, *, cache: list[object]) -> mx.array:
        seen.append((mx.fast.scaled_dot_product_attention, mx.fast.rope))
        if len(seen) > 1:
            raise RuntimeError("a model that fails")
        return inputs

    forward = for_host(model)
    forward(mx.array([[1]]), cache=[])
    with pytest.raises(RuntimeError):
        forward(mx.array([[1]]), cache=[])
    assert [tuple(map(type, each)) for each in seen] == [(HostAttention, HostRope)] * 2
    assert mx.fast.scaled_dot_product_attention is plain_attention
    assert mx.fast.rope is plain_rope


def test_a_pass_in_the_midst_of_another_leaves_it_its_own() -> None:
    ropes = []

    def inner(inputs: mx.array, *, cache: list[object]) -> mx.array:
        ropes.append(mx.fast.rope)
        return inputs

    def outer(inputs: mx.array, *, cache: list[object]) -> mx.array:
        ropes.append(mx.fast.rope)
        for_host(inner)(inputs, cache=cache)
        ropes.append(mx.fast.rope)
        return inputs

    for_host(outer)(mx.array([[1]]), cache=[])
    assert ropes[0] is ropes[2]
    assert ropes[1] is not ropes[0]
