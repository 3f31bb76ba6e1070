"""LoRA adapters: as mlx-lm applies them, and each broken one is refused by its name."""

import json
import shutil
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx_lm
import numpy as np
import pytest
from mlx_lm.tuner.utils import load_adapters
from mlx_lm.utils import dequantize_model, load_model
from safetensors.numpy import save_file

from pippin import demo
from pippin.models.adapters import Adapters, put_on
from pippin.models.errors import CannotLoad
from tests.random_adapter import make_adapter, matrices, write_mlx, write_peft
from tests.random_model import make_random_model

TEXT = [[5, 9, 300, 41, 7, 7, 1200, 3]]


def demo_model() -> Any:
    model: Any = load_model(demo.MODELS["demo"])[0]
    model.set_dtype(mx.float32)
    return model


def logits(model: Any, adapters: Adapters | None = None, *rows: int) -> mx.array:
    """Of ``TEXT``, for each row's adapter."""
    tokens = mx.array(TEXT * max(1, len(rows)))
    if adapters is None:
        return mx.array(model(tokens))
    with adapters.rows.worn(rows):
        result: mx.array = model(tokens)
    mx.eval(result)
    return result


def as_mlx_lm(folder: Path) -> mx.array:
    model = load_adapters(demo_model(), str(folder))
    model.eval()
    return logits(model)


def worn(*folders: Path) -> tuple[Any, Adapters]:
    model = demo_model()
    return model, put_on(model, {f"a{at}": str(each) for at, each in enumerate(folders, 1)})


def close(some: mx.array, others: mx.array) -> bool:
    return bool(mx.allclose(some, others, rtol=1e-4, atol=1e-4).item())


def test_as_mlx_lm_applies_them(tmp_path: Path) -> None:
    own = make_adapter(tmp_path / "own", seed=3, rank=8, scale=4.0)
    # mlx-lm wants to be told which layers these are.
    config = json.loads((own / "adapter_config.json").read_text())
    config["lora_parameters"]["keys"] = [
        "self_attn.q_proj",
        "self_attn.v_proj",
        "self_attn.o_proj",
        "mlp.down_proj",
    ]
    (own / "adapter_config.json").write_text(json.dumps(config))
    for folder in (demo.ADAPTER, own):
        model, adapters = worn(folder)
        assert close(logits(model, adapters, 1), as_mlx_lm(folder))
        assert not close(logits(model, adapters, 1), logits(model, adapters, 0))


def test_several_in_one_pass_and_none(tmp_path: Path) -> None:
    folders = [
        make_adapter(tmp_path / "a", 1, rank=4),
        make_adapter(tmp_path / "b", 2, rank=16, layers=[0]),
        demo.ADAPTER,
    ]
    plain = logits(demo_model())
    model, adapters = worn(*folders)
    together = logits(model, adapters, 0, 1, 2, 3, 0, 2)
    alone = [logits(model, adapters, index) for index in range(4)]
    assert mx.array_equal(alone[0], plain).item(), "without an adapter: the base, bit for bit"
    for row, index in enumerate((0, 1, 2, 3, 0, 2)):
        assert close(together[row], alone[index][0])
    for index, folder in enumerate(folders, 1):
        assert close(alone[index], logits(*worn(folder), 1))


def test_peft_says_the_same(tmp_path: Path) -> None:
    weights = matrices(5, rank=4)
    write_mlx(tmp_path / "mlx", weights, rank=4, scale=2.0)
    write_peft(tmp_path / "peft", weights, rank=4, alpha=8.0)
    write_peft(tmp_path / "rs", weights, rank=4, alpha=4.0, use_rslora=True)
    model, adapters = worn(tmp_path / "mlx", tmp_path / "peft", tmp_path / "rs")
    together = logits(model, adapters, 1, 2, 3)
    assert close(together[0], together[1])
    assert close(together[0], together[2])


def test_quantised_layers_wear_them_too(tmp_path: Path) -> None:
    mlx_lm.convert(str(demo.MODELS["demo"]), str(tmp_path / "q8"), quantize=True, q_bits=8)
    models: list[Any] = [load_model(tmp_path / "q8")[0] for _ in range(2)]
    for model in models:
        model.set_dtype(mx.float32)
    models[0] = dequantize_model(models[0])
    said = []
    for model in models:
        adapters = put_on(model, {"one": str(make_adapter(tmp_path / "one", 1))})
        said.append(logits(model, adapters, 1, 0))
    assert bool(mx.allclose(said[0], said[1], rtol=1e-3, atol=1e-3).item())
    assert not close(said[0][0], said[0][1])


def test_names_and_the_default(tmp_path: Path) -> None:
    folders = {"x": str(demo.ADAPTER), "y": str(make_adapter(tmp_path / "y"))}
    adapters = put_on(demo_model(), folders, "y")
    assert (adapters.find("x"), adapters.find(None), adapters.find("")) == (1, 2, 0)
    assert adapters.default_name == "y"
    assert put_on(demo_model(), folders).find(None) == 0
    assert len(set(adapters.digests)) == 3
    for name in ("z", "../x", "X"):
        with pytest.raises(KeyError):
            adapters.find(name)
    with pytest.raises(CannotLoad, match="no adapter 'z' that could be the default"):
        put_on(demo_model(), folders, "z")
    for name in ("", "../x", "a b", "a+b", "x" * 101):
        with pytest.raises(CannotLoad, match="is no name for an adapter"):
            put_on(demo_model(), {name: str(demo.ADAPTER)})


def test_a_digest_is_of_the_content(tmp_path: Path) -> None:
    copy = shutil.copytree(demo.ADAPTER, tmp_path / "copy")
    other = shutil.copytree(demo.ADAPTER, tmp_path / "other")
    config = json.loads((other / "adapter_config.json").read_text())
    config["lora_parameters"]["scale"] += 1
    (other / "adapter_config.json").write_text(json.dumps(config))
    digests = worn(demo.ADAPTER, copy, other)[1].digests
    assert digests[1] == digests[2] != digests[3]


# -- what is refused -------------------------------------------------------------------------------


def refused(folder: Path, model: Any = None) -> str:
    """The reason, which names the adapter."""
    with pytest.raises(CannotLoad) as caught:
        put_on(model or demo_model(), {"mine": str(folder)})
    assert "'mine'" in str(caught.value)
    return str(caught.value)


def changed(tmp_path: Path, **changes: object) -> Path:
    """The demo's adapter with another configuration."""
    folder = Path(shutil.copytree(demo.ADAPTER, tmp_path / "changed", dirs_exist_ok=True))
    config = json.loads((demo.ADAPTER / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | changes))
    return folder


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    assert "there is no folder" in refused(tmp_path / "nothing")
    assert "adapter_config.json" in refused(tmp_path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fine_tune_type": "dora"}, "a fine-tune of type 'dora', and only 'lora' is served"),
        ({"fine_tune_type": "full"}, "a fine-tune of type 'full', and only 'lora' is served"),
        ({"lora_parameters": None}, "has no lora_parameters"),
        ({"lora_parameters": {"rank": 8, "alpha": 16}}, "has no number called 'scale'"),
        ({"lora_parameters": {"scale": float("nan")}}, "has no number called 'scale'"),
        ({"lora_parameters": {"scale": True}}, "has no number called 'scale'"),
        ({"peft_type": "LORA", "r": 8, "lora_alpha": 8}, "adapter_model.safetensors"),
        ({"peft_type": "IA3"}, "only 'LORA' is served"),
        ({"peft_type": "LORA", "use_dora": True}, "asks for use_dora"),
        ({"peft_type": "LORA", "modules_to_save": ["lm_head"]}, "asks for modules_to_save"),
        ({"peft_type": "LORA", "bias": "all"}, "asks for bias"),
        ({"peft_type": "LORA", "r": 0, "lora_alpha": 8}, "has no r above 0"),
    ],
)
def test_a_kind_that_is_not_served(changes: dict[str, object], reason: str, tmp_path: Path) -> None:
    assert reason in refused(changed(tmp_path, **changes))


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"[" * 100_000, b" " * (1 << 21)])
def test_a_broken_configuration(content: bytes, tmp_path: Path) -> None:
    folder = changed(tmp_path)
    (folder / "adapter_config.json").write_bytes(content)
    refused(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04\x95",
        b"\xff" * 16,
        b"\x02\0\0\0\0\0\0\0{}",
        (demo.ADAPTER / "adapters.safetensors").read_bytes()[:-1],
    ],
)
def test_broken_weights(content: bytes, tmp_path: Path) -> None:
    folder = changed(tmp_path)
    (folder / "adapters.safetensors").write_bytes(content)
    refused(folder)


def test_pickled_adapters_are_never_read(tmp_path: Path) -> None:
    folder = changed(tmp_path)
    canary = tmp_path / "touched"
    (folder / "adapters.safetensors").unlink()
    for name in ("adapters.npz", "adapter_model.bin", "adapters.pt", "adapters.pkl"):
        (folder / name).write_bytes(f"cposix\nsystem\n(S'touch {canary}'\ntR.".encode())
    assert "adapters.safetensors" in refused(folder)
    assert not canary.exists()


def broken(tmp_path: Path, **changes: Any) -> Path:
    """An adapter with one array replaced, added, or (``None``) taken out."""
    weights = matrices(1)
    for name, array in changes.items():
        path = f"model.layers.0.self_attn.q_proj.{name}"
        weights.pop(path, None)
        if array is not None:
            weights[path] = array
    write_mlx(tmp_path / "broken", weights)
    return tmp_path / "broken"


Q_PROJ = r"model.layers.0.self_attn.q_proj"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lora_b": None}, f"of {Q_PROJ} it has one matrix without the other"),
        ({"m": np.ones(256, np.float32)}, "'model.layers.0.self_attn.q_proj.m'"),
        ({"weight": np.ones((256, 192), np.float32)}, "no part of a LoRA adapter"),
        ({"lora_a": np.ones((192, 4), np.float32)}, "have the shapes"),
        ({"lora_a": np.ones((4, 192, 8), np.float32)}, "have the shapes"),
        ({"lora_a": np.ones((192, 8), np.int32)}, "not of floating-point numbers"),
        ({"lora_a": np.full((192, 8), np.nan, np.float32)}, "no finite numbers"),
        ({"lora_a": np.full((192, 8), np.inf, np.float32)}, "no finite numbers"),
        ({"lora_a": np.ones((0, 8), np.float32)}, "have the shapes"),
        (
            {"lora_a": np.ones((100, 8), np.float32)},
            "has 192 inputs and 256 outputs, the adapter 100",
        ),
    ],
)
def test_weights_that_are_none(changes: dict[str, Any], reason: str, tmp_path: Path) -> None:
    assert reason in refused(broken(tmp_path, **changes))


def test_the_adapter_of_another_model(tmp_path: Path) -> None:
    noise = load_model(make_random_model(tmp_path / "noise"))[0]
    reason = refused(demo.ADAPTER, noise)
    assert "does not fit this model" in reason
    assert "mlp.down_proj has 256 inputs and 128 outputs, the adapter 320 and 192" in reason
    assert "and 33 more" in reason


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("model.embed_tokens", "model.embed_tokens is a Embedding, and only linear layers"),
        ("model.layers.0.mlp", "model.layers.0.mlp is a MLP"),
        ("model.layers.99.mlp.up_proj", "there is no layer model.layers.99.mlp.up_proj"),
        ("__class__", "there is no layer __class__"),
        ("../../etc/passwd", "there is no layer ../../etc/passwd"),
    ],
)
def test_layers_that_cannot_be_adapted(path: str, reason: str, tmp_path: Path) -> None:
    both = {
        f"{path}.lora_a": np.ones((192, 2), np.float32),
        f"{path}.lora_b": np.ones((2, 192), np.float32),
    }
    write_mlx(tmp_path / "odd", both)
    assert reason in refused(tmp_path / "odd")


def test_a_safetensors_that_lies_about_its_size(tmp_path: Path) -> None:
    folder = changed(tmp_path)
    save_file({"x": np.ones(4, np.float32)}, folder / "adapters.safetensors")
    data = bytearray((folder / "adapters.safetensors").read_bytes())
    (folder / "adapters.safetensors").write_bytes(bytes(data).replace(b"[4]", b"[9]"))
    assert "another size than its shape" in refused(folder)
