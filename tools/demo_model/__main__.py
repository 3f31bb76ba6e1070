"""The command line: ``python -m tools.demo_model all --work DIR`` makes everything."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import torch

from . import adapter, evaluate, export, heldout, tokenizer, train
from .batches import Mixture
from .conversations import chat, chat_with_tools, long_conversation
from .gate.build import write_gate
from .model import ModelShape
from .render import check_template

REPOSITORY = Path(__file__).parents[2]
PACKAGED = REPOSITORY / "src" / "pippin" / "demo" / "models"
GATE_FILE = REPOSITORY / "tests" / "journeys" / "demo_gate.json"
DEMO_ROUNDS = (
    train.Round(2700, flat_steps=1400),
    train.Round(600, highest_rate=0.4),
    train.Round(1600, highest_rate=0.5),
    train.Round(1850, highest_rate=0.5),
    train.Round(1200, highest_rate=0.35),
)
DRAFT_ROUNDS = (train.Round(1200, flat_steps=600),)
DRAFT_SHAPE = ModelShape(hidden_size=128, layers=2, heads=2, kv_heads=1, intermediate_size=256)


@dataclass(frozen=True)
class Workshop:
    """The folders, files and settings that all stages share."""

    work: Path
    models: Path
    seed: int
    per_group: int

    @property
    def tokenizer_folder(self) -> Path:
        """Where the tokenizer is kept until it is exported."""
        return self.work / "tokenizer"

    def log(self, line: str) -> None:
        """Write a line to the log and to the terminal."""
        stamped = f"{time.strftime('%H:%M:%S', time.gmtime())} {line}\n"
        sys.stderr.write(stamped)
        with (self.work / "log.txt").open("a") as file:
            file.write(stamped)


def main() -> None:
    """Run one stage, or all of them in order."""
    arguments = _parser().parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.work.mkdir(parents=True, exist_ok=True)
    shop = Workshop(
        work=arguments.work,
        models=arguments.models,
        seed=arguments.seed,
        per_group=arguments.per_group,
    )
    stages = list(STAGES) if arguments.stage == "all" else [arguments.stage]
    for stage in stages:
        (STAGES | EXTRA_STAGES)[stage](shop)


def make_tokenizer(shop: Workshop) -> None:
    """Train the tokenizer and check it, and the chat template with it."""
    made = tokenizer.train_tokenizer(ModelShape().vocab_size, shop.seed)
    tokenizer.write_tokenizer(made, shop.tokenizer_folder)
    rng = Random(shop.seed)
    examples = [make(rng) for _ in range(1000) for make in (chat, chat_with_tools)]
    examples += [long_conversation(rng, 200) for _ in range(100)]
    agreed = check_template(examples)
    kept = tokenizer.check_round_trips(made, shop.seed)
    same = tokenizer.check_same_tokens(made, shop.seed)
    shop.log(
        f"tokenizer: {agreed} conversations rendered, {kept}/3000 round trips, {same} texts alike"
    )


def make_gate(shop: Workshop) -> None:
    """Write the gate; needed only when its items are to change."""
    items = write_gate(tokenizer.load_tokenizer(shop.tokenizer_folder), GATE_FILE)
    shop.log(f"gate: {items} items")


def train_demo(shop: Workshop) -> None:
    """Train the demo model, or go on where its training was broken off."""
    _train(shop, "demo", train.Recipe(DEMO_ROUNDS, seed=shop.seed), ModelShape())


def average_demo(shop: Workshop) -> None:
    """Replace the demo model by the mean of itself and its checkpoint after an earlier round."""
    train.average(shop.work / "demo.pt", shop.work / "demo-earlier.pt")


def train_draft(shop: Workshop) -> None:
    """Train the draft model, and export it."""
    mixture = Mixture(long_every=8)
    recipe = train.Recipe(DRAFT_ROUNDS, seed=shop.seed + 1, mixture=mixture)
    _train(shop, "draft", recipe, DRAFT_SHAPE)
    _export(shop, "draft", "demo-draft")


def export_demo(shop: Workshop) -> None:
    """Write the folder of the demo model."""
    _export(shop, "demo", "demo")


def make_adapter(shop: Workshop) -> None:
    """Train the adapter on the demo model, and export it."""
    words = tokenizer.load_tokenizer(shop.tokenizer_folder)
    model = train.load_model(shop.work / "demo.pt")
    recipe = adapter.AdapterRecipe()
    before = time.monotonic()
    parts = adapter.train_adapter(model, words, recipe, shop.log)
    folder = shop.models / "demo-adapter"
    size = adapter.export_adapter(parts, recipe, model.shape.layers, folder)
    shop.log(f"demo-adapter: {size} bytes in {time.monotonic() - before:.0f} s")


def evaluate_quickly(shop: Workshop) -> None:
    """Check the checkpoint in PyTorch, with the items that have one right answer."""
    gate = evaluate.read_gate(GATE_FILE)
    words = tokenizer.load_tokenizer(shop.tokenizer_folder)
    model = train.load_model(shop.work / "demo.pt")
    check = partial(evaluate.quick_scores, model, words)
    _report(shop, "quick", check(gate["items"]), gate["required"])
    _report(shop, "quick-heldout", check(heldout.heldout_items(shop.per_group)))


def evaluate_exported(shop: Workshop) -> None:
    """Check the exported folders through mlx_lm: the gate, held-out texts, the adapter."""
    gate = evaluate.read_gate(GATE_FILE)
    held_out = heldout.heldout_items(shop.per_group)
    folder = shop.models / "demo"
    generate = evaluate.mlx_generator(folder)
    scores = evaluate.generated_scores(gate["items"], generate)
    _report(shop, "gate", scores, gate["required"])
    _report(shop, "heldout", evaluate.generated_scores(held_out, generate))
    in_style = [adapter.styled_item(i) for i in gate["items"] if "content_regex" not in i["expect"]]
    adapted = evaluate.mlx_generator(folder, shop.models / "demo-adapter")
    _report(shop, "adapter", evaluate.generated_scores(in_style, adapted))


STAGES: dict[str, Callable[[Workshop], None]] = {
    "tokenizer": make_tokenizer,
    "train": train_demo,
    "export": export_demo,
    "draft": train_draft,
    "adapter": make_adapter,
    "evaluate": evaluate_exported,
}
EXTRA_STAGES: dict[str, Callable[[Workshop], None]] = {
    "gate": make_gate,
    "average": average_demo,
    "quick": evaluate_quickly,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.demo_model", description=__doc__)
    parser.add_argument("stage", choices=["all", *STAGES, *EXTRA_STAGES])
    parser.add_argument("--work", type=Path, required=True, help="folder for logs and checkpoints")
    parser.add_argument("--models", type=Path, default=PACKAGED, help="folder for the models")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--per-group", type=int, default=40, help="held-out items of a group")
    return parser


def _train(shop: Workshop, name: str, recipe: train.Recipe, shape: ModelShape) -> None:
    trainer = train.Trainer(recipe, shape, tokenizer.load_tokenizer(shop.tokenizer_folder))
    checkpoint = shop.work / f"{name}.pt"
    if checkpoint.exists():
        trainer.resume(checkpoint)
    trainer.run(checkpoint, lambda line: shop.log(f"{name} {line}"))


def _export(shop: Workshop, name: str, folder_name: str) -> None:
    model = train.load_model(shop.work / f"{name}.pt")
    size = export.export_model(model, shop.tokenizer_folder, shop.models / folder_name)
    parameters = sum(p.numel() for p in model.parameters())
    shop.log(f"{folder_name}: {parameters} parameters, {size} bytes")


def _report(
    shop: Workshop,
    name: str,
    scores: evaluate.Scores,
    required: dict[str, float] | None = None,
) -> None:
    text = evaluate.table(scores, required)
    wrong = [f"{group}: {each}" for group, score in scores.items() for each in score.wrong]
    (shop.work / f"{name}.md").write_text("\n".join([text, "", *wrong]) + "\n")
    shop.log(f"{name}\n{text}")


if __name__ == "__main__":
    main()
