"""Rows of random tokens to be copied or looked up: the quickest way to learn copying."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from tokenizers import Tokenizer

from .render import END_OF_TURN, NO_THOUGHT
from .tokenizer import MARKERS, SPECIAL, encode


class Row(NamedTuple):
    """The tokens of one conversation, and which of them the model writes."""

    tokens: list[int]
    by_model: list[bool]


COPY_REQUESTS = ("Repeat: ", "Say: ", "Say ", "Echo ", "Repeat after me: ", "Write ", 'Repeat "')


def copying_row(tokenizer: Tokenizer, rng: Random) -> Row:
    """Return random tokens to be copied or looked up: the quickest way to learn copying."""
    plain = tokenizer.get_vocab_size() - len(SPECIAL) - len(MARKERS)

    def draw(fewest: int, most: int) -> list[int]:
        return [rng.randrange(plain) for _ in range(rng.randint(fewest, most))]

    shape = rng.random()
    if shape < 0.35:
        copied = draw(3, 20)
        return Row(copied * 2, [False] * (len(copied) + 1) + [True] * (len(copied) - 1))
    if shape < 0.65:
        copied = draw(1, 18)
        head = encode(tokenizer, f"<|im_start|>user\n{rng.choice(COPY_REQUESTS)}")
        middle = encode(tokenizer, f"{END_OF_TURN}\n<|im_start|>assistant\n{NO_THOUGHT}")
        answer = copied + encode(tokenizer, END_OF_TURN)
        read = head + copied + middle
        return Row(read + answer, [False] * len(read) + [True] * len(answer))
    return _look_up(rng, draw)


def _look_up(rng: Random, draw: Callable[[int, int], list[int]]) -> Row:
    values = {draw(1, 1)[0]: draw(1, 4) for _ in range(rng.randint(3, 8))}
    separator = draw(1, 1)
    tokens = [token for key, value in values.items() for token in [*separator, key, *value]]
    by_model = [False] * len(tokens)
    for key in rng.sample(list(values), len(values)):
        tokens += [*separator, key, *values[key]]
        by_model += [False, False] + [True] * len(values[key])
    return Row(tokens, by_model)


def repeated_row(tokenizer: Tokenizer, rng: Random) -> Row:
    """Return texts to be copied whose few tokens recur, so that one token back is not enough."""
    shape = rng.random()
    if shape < 0.35:
        return _look_up_pairs(tokenizer, rng)
    read: list[int] = []
    by_model: list[bool] = []
    middle = encode(tokenizer, f"{END_OF_TURN}\n<|im_start|>assistant\n{NO_THOUGHT}")
    for index in range(rng.randint(2, 4)):
        few = _few_tokens(tokenizer, rng, rng.randint(2, 7))
        copied = [rng.choice(few) for _ in range(rng.randint(2, 16))]
        opening = "\n" * (index > 0) + f"<|im_start|>user\n{rng.choice(COPY_REQUESTS)}"
        question = encode(tokenizer, opening) + copied + middle
        answer = copied + encode(tokenizer, END_OF_TURN)
        read += question + answer
        by_model += [False] * len(question) + [True] * len(answer)
    return Row(read, by_model)


def _few_tokens(tokenizer: Tokenizer, rng: Random, wanted: int) -> list[int]:
    if rng.random() < 0.4:
        return [tokenizer.token_to_id(digit) for digit in rng.sample("0123456789", wanted)]
    plain = tokenizer.get_vocab_size() - len(SPECIAL) - len(MARKERS)
    return [rng.randrange(plain) for _ in range(wanted)]


def _look_up_pairs(tokenizer: Tokenizer, rng: Random) -> Row:
    """Return values to look up by keys of two tokens of which one alone decides nothing."""
    few = _few_tokens(tokenizer, rng, rng.randint(2, 4))
    others = _few_tokens(tokenizer, rng, rng.randint(2, 7))
    drawn = [(rng.choice(few), rng.choice(few)) for _ in range(rng.randint(3, 7))]
    keys = list(dict.fromkeys(drawn))
    values = {key: [rng.choice(others) for _ in range(rng.randint(1, 6))] for key in keys}
    separator = encode(tokenizer, "\n")
    tokens = [token for key in keys for token in (*separator, *key, *values[key])]
    by_model = [False] * len(tokens)
    for key in rng.sample(keys, len(keys)):
        answer = [*values[key], *separator]
        tokens += [*key, *answer]
        by_model += [False, False] + [True] * len(answer)
    return Row(tokens, by_model)
