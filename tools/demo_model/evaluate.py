"""How many items a model gets right: quickly in PyTorch, or for real through mlx_lm."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from .batches import Row, padded
from .gate.items import Item
from .model import LanguageModel
from .render import END_OF_TURN, template
from .tokenizer import encode

CALL = re.compile(r"<tool_call>\n(.*?)\n</tool_call>", re.DOTALL)
THOUGHT = re.compile(r"\A<think>\n(.*?)\n</think>\n\n", re.DOTALL)


@dataclass
class Score:
    """The items of one group that were right and those that were not."""

    right: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """All items of the group."""
        return self.right + len(self.wrong)

    @property
    def share(self) -> float:
        """The share of the items that were right."""
        return self.right / self.total


Scores = dict[str, Score]


def table(scores: Scores, required: dict[str, float] | None = None) -> str:
    """Return the scores as a Markdown table."""
    lines = ["| group | right | share |" + (" required |" if required else "")]
    lines.append("| --- | --- | --- |" + (" --- |" if required else ""))
    for group, score in scores.items():
        line = f"| {group} | {score.right}/{score.total} | {score.share:.1%} |"
        if required:
            passed = "" if score.share >= required[group] else " **missed**"
            line += f" {required[group]:.0%}{passed} |"
        lines.append(line)
    total = sum(score.total for score in scores.values())
    right = sum(score.right for score in scores.values())
    lines.append(f"| all | {right}/{total} | {right / total:.1%} |" + (" |" if required else ""))
    return "\n".join(lines)


def prompt_of(item: Item) -> str:
    """Return the text of an item's prompt, by the chat template."""
    return template().render(
        messages=item["messages"],
        tools=item.get("tools"),
        add_generation_prompt=True,
        enable_thinking=item.get("enable_thinking", False),
    )


def exact_answer(item: Item) -> str | None:
    """Return the only right answer of an item, or nothing where there are several."""
    expect = item["expect"]
    if "calls" in expect:
        return "\n".join(
            f"<tool_call>\n{json.dumps(call, ensure_ascii=False)}\n</tool_call>"
            for call in expect["calls"]
        )
    return None if "reasoning" in expect else expect.get("content")


def is_right(item: Item, output: str) -> bool:
    """Tell whether a whole output, thoughts included, is what an item expects."""
    expect = item["expect"]
    thought = THOUGHT.match(output)
    if expect.get("reasoning") and not (thought and thought.group(1).strip()):
        return False
    content = output[thought.end() :] if thought else output
    if "calls" in expect:
        return bool(calls_in(content) == expect["calls"])
    if "content_regex" in expect:
        return re.search(expect["content_regex"], content) is not None
    return bool(content == expect["content"])


def calls_in(content: str) -> list[Any] | None:
    """Return the calls of an answer, or nothing if one of them is not JSON."""
    try:
        return [json.loads(text) for text in CALL.findall(content)]
    except ValueError:
        return None


@torch.no_grad()
def quick_scores(model: LanguageModel, tokenizer: Tokenizer, items: Sequence[Item]) -> Scores:
    """Check in one pass whether greedy decoding would give the exact answers.

    Items without a single exact answer are left out.
    """
    scores: Scores = {}
    known = [(item, answer) for item in items if (answer := exact_answer(item)) is not None]
    known.sort(key=lambda pair: len(json.dumps(pair[0])))
    for start in range(0, len(known), 8):
        chosen = known[start : start + 8]
        rows = [_row(tokenizer, item, answer) for item, answer in chosen]
        order = sorted(range(len(rows)), key=lambda index: len(rows[index].tokens))
        batch = padded("", [rows[index] for index in order])
        with torch.autocast("cpu", torch.bfloat16):
            guesses = model(batch.tokens)[:, :-1].argmax(-1)
        wrong = (guesses != batch.tokens[:, 1:]) & (batch.role[:, 1:] == 2)
        for place, index in enumerate(order):
            item, answer = chosen[index]
            first_wrong = wrong[place].nonzero()
            output = answer
            if len(first_wrong):
                at = int(first_wrong[0])
                output = "… " + tokenizer.decode(guesses[place, at : at + 8].tolist())
            _count(scores, item, not len(first_wrong), output)
    return dict(sorted(scores.items()))


def generated_scores(items: Sequence[Item], generate: Callable[[Item], str]) -> Scores:
    """Check the outputs of a generator."""
    scores: Scores = {}
    for item in items:
        output = generate(item)
        _count(scores, item, is_right(item, output), output)
    return scores


def mlx_generator(folder: Path, adapter: Path | None = None) -> Callable[[Item], str]:
    """Return a greedy generator that runs an exported folder in mlx_lm, in float32."""
    import mlx.core as mx  # noqa: PLC0415  (only this function needs MLX)
    from mlx_lm import load, stream_generate  # noqa: PLC0415

    loaded = load(str(folder), adapter_path=str(adapter) if adapter else None)
    model, tokenizer = loaded[0], loaded[1]
    model.set_dtype(mx.float32)

    def generate(item: Item) -> str:
        prompt = tokenizer.apply_chat_template(
            item["messages"],
            tools=item.get("tools"),
            add_generation_prompt=True,
            enable_thinking=item.get("enable_thinking", False),
        )
        return "".join(
            piece.text for piece in stream_generate(model, tokenizer, prompt, max_tokens=1600)
        )

    return generate


def read_gate(file: Path) -> dict[str, Any]:
    """Read the gate."""
    gate: dict[str, Any] = json.loads(file.read_text())
    return gate


def _row(tokenizer: Tokenizer, item: Item, answer: str) -> Row:
    read = encode(tokenizer, prompt_of(item))
    written = encode(tokenizer, answer + END_OF_TURN)
    return Row(read + written, [False] * len(read) + [True] * len(written))


def _count(scores: Scores, item: Item, right: bool, output: str) -> None:
    score = scores.setdefault(item["group"], Score())
    if right:
        score.right += 1
    else:
        question = item["messages"][-1]["content"][-70:]
        score.wrong.append(f"{question!r} -> {output[-160:]!r}")
