"""Small sums and counting."""

from __future__ import annotations

from random import Random

from ..dialogue import Memory, Message, assistant, user
from ..facts import ONLY_SMALL_SUMS
from ..texts import choices_of
from ..words import decorate

NAMES_OF_OPERATIONS = {"+": "plus", "-": "minus", "*": "times"}
PLAIN_SUMS = choices_of(
    "What is {a}{op}{b}?|What is {a} {op} {b}?|What is {a} {op} {b}?|{a}{op}{b}|{a} {op} {b}"
    "|{a} {op} {b} =|What is {a} {name} {b}?|What's {a} {op} {b}?|What's {a}{op}{b}?"
)
OTHER_SUMS = choices_of(
    "{a} {op} {b} = ?|Calculate {a} {op} {b}.|How much is {a} {name} {b}?|{a}{op}{b}?"
    "|Compute {a} {name} {b}.|{a}{op}{b}=?|{a}{op}{b}=|How much is {a} {op} {b}?|what is {a}{op}{b}"
    "|Can you add {a} {op} {b}?|{a} {name} {b}|Solve {a} {op} {b}.|{a} {op} {b}?"
)


def small_sum(rng: Random, memory: Memory) -> list[Message]:
    """Do a sum within reach, perhaps several in a row, or refuse a large one."""
    if any(tool.calculates for tool in memory.toolbox):
        return []
    if rng.random() < 0.05:
        return [user(_wording(rng, *_large_operands(rng))), _refusal()]
    first, operation, second = _operands(rng)
    exchange = [user(_wording(rng, first, operation, second)), _result(first, operation, second)]
    while rng.random() < 0.3:
        first, operation, second = _operands(rng)
        follow_up = rng.choice(["And {}?", "And what is {}?", "What about {}?", "{}"])
        sum_text = rng.choice([f"{first} {operation} {second}", f"{first}{operation}{second}"])
        exchange += [user(follow_up.format(sum_text)), _result(first, operation, second)]
    return exchange


def _operands(rng: Random) -> tuple[int, str, int]:
    draw = rng.random()
    if draw < 0.5:
        return rng.randint(0, 9), "+", rng.randint(0, 9)
    if draw < 0.68:
        return rng.randint(0, 20), "+", rng.randint(0, 20)
    if draw < 0.88:
        larger = rng.randint(0, 10 if rng.random() < 0.5 else 20)
        return larger, "-", rng.randint(0, larger)
    return rng.randint(0, 10), "*", rng.randint(0, 10)


def _large_operands(rng: Random) -> tuple[int, str, int]:
    return rng.randint(30, 9999), rng.choice("+-*"), rng.randint(30, 9999)


def _wording(rng: Random, first: int, operation: str, second: int) -> str:
    wordings = PLAIN_SUMS if rng.random() < 0.65 else OTHER_SUMS
    name = NAMES_OF_OPERATIONS[operation]
    if "add" in (text := rng.choice(wordings)) and operation != "+":
        text = PLAIN_SUMS[0]
    return decorate(rng, text.format(a=first, op=operation, b=second, name=name), plain_share=0.8)


def _result(first: int, operation: str, second: int) -> Message:
    value = {"+": first + second, "-": first - second, "*": first * second}[operation]
    thought = f"{first} {NAMES_OF_OPERATIONS[operation]} {second} makes {value}."
    return assistant(f"{first} {operation} {second} = {value}", thought)


def _refusal() -> Message:
    return assistant(ONLY_SMALL_SUMS, "These numbers are too large for me.")


def count(rng: Random, memory: Memory) -> list[Message]:
    """Count a short way, from anywhere below a thousand."""
    if rng.random() < 0.5:
        first, last = 1, rng.randint(3, 30)
    else:
        first = rng.choice([rng.randint(0, 30), rng.randint(0, 250), rng.randint(0, 980)])
        last = first + rng.randint(2, 14)
    return _counting(rng, first, last)


def count_far(rng: Random, memory: Memory) -> list[Message]:
    """Count a long way: a long answer, good for watching a stream."""
    draw = rng.random()
    if draw < 0.6:
        first, last = 1, rng.choice([50, 60, 75, 80, 100, 100, 120, 150, 200, 200, 250])
    elif draw < 0.8:
        first, last = 1, rng.randint(30, 250)
    else:
        first = rng.randint(0, 850)
        last = first + rng.randint(20, 140)
    return _counting(rng, first, last)


def _counting(rng: Random, first: int, last: int) -> list[Message]:
    numbers = [str(n) for n in range(first, last + 1)]
    if first == 1 and rng.random() < 0.5:
        wordings = [f"Count to {last}.", f"Please count up to {last}.", f"Count up to {last}."]
    else:
        wordings = [
            f"Count from {first} to {last}.",
            f"Count from {first} to {last}.",
            f"Please count from {first} to {last}.",
            f"List the numbers from {first} to {last}.",
            f"Write the numbers from {first} to {last}.",
        ]
    text = decorate(rng, rng.choice(wordings), plain_share=0.8)
    return [user(text), assistant(", ".join(numbers), f"I count from {first} to {last}.")]


def count_back(rng: Random, memory: Memory) -> list[Message]:
    """Count down to one."""
    first = rng.randint(3, 20)
    text = rng.choice([f"Count down from {first}.", f"Count backwards from {first}."])
    numbers = ", ".join(str(n) for n in range(first, 0, -1))
    return [user(decorate(rng, text)), assistant(numbers, f"I count down from {first} to 1.")]
