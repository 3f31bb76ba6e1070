"""Models with random weights, made on the spot: their text is noise, their plumbing is real."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from pippin import demo

LLAMA = {
    "model_type": "llama",
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "intermediate_size": 256,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": False,
}

MAKE = """
import importlib, json, sys
import mlx.core as mx
from mlx.utils import tree_flatten, tree_map
folder, seed = sys.argv[1], int(sys.argv[2])
config = json.load(open(folder + "/config.json"))
module = importlib.import_module("mlx_lm.models." + config["model_type"])
mx.random.seed(seed)
model = module.Model(module.ModelArgs.from_dict(config))
weights = dict(tree_flatten(model.parameters()))
noisy = {k: v * 8 if "head" in k or "embed" in k else v for k, v in weights.items()}
mx.save_safetensors(folder + "/model.safetensors", noisy, metadata={"format": "mlx"})
"""


def make_random_model(folder: Path, seed: int = 0, **changes: object) -> Path:
    """A folder with a small llama of random weights and the demo's tokenizer.

    Made in a process of its own, so that no test's process imports mlx before it must.
    """
    source = demo.MODELS["demo"]
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(source / name, folder / name)
    vocab = json.loads((source / "config.json").read_text())["vocab_size"]
    config = {**LLAMA, "vocab_size": vocab, **changes}
    (folder / "config.json").write_text(json.dumps(config))
    subprocess.run([sys.executable, "-c", MAKE, str(folder), str(seed)], check=True)
    return folder
