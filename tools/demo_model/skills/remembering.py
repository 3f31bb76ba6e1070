"""Being told facts, and recalling them later."""

from __future__ import annotations

from random import Random

from ..dialogue import Memory, Message, assistant, user
from ..texts import choices_of
from ..words import city, code, decorate, invented, number, person, word

FACT_KINDS = choices_of(
    "code|password|number|secret word|key|favourite colour|favourite food|favorite color|city|dog"
    "|cat|address|secret code|magic word|PIN|ticket|room number|hobby|job|team|project|secret"
)
OWN = ["favourite colour", "favourite food", "favorite color", "city", "dog", "cat", "hobby"]
OWN += ["job", "team", "project", "address"]
NUMERIC = ["code", "number", "PIN", "room number", "secret code", "ticket"]


def introduce_user(rng: Random, memory: Memory) -> list[Message]:
    """Be told the name of the user."""
    name = memory.user_name = person(rng)
    wordings = choices_of(
        "My name is {}.|My name is {}.|I am {}.|I'm {}.|I'm called {}.|Hello, my name is {}!"
        "|You can call me {}.|Hi, I am {}.|Hi, my name is {}.|Hello, I'm {}.|my name is {}"
        "|Please remember that my name is {}.|Remember my name: {}."
    )
    text = rng.choice(wordings).format(name)
    return [user(text), assistant(f"Nice to meet you, {name}!", f"The user is called {name}.")]


def draw_fact(rng: Random) -> tuple[str, str]:
    """Return the kind of a fact, with its article, and a value."""
    kind = rng.choice(FACT_KINDS)
    owner = "your" if kind in OWN or rng.random() < 0.15 else "the"
    if kind in NUMERIC and rng.random() < 0.85:
        value = str(number(rng, 5)) if rng.random() < 0.8 else code(rng)
    elif kind in ("city", "address"):
        value = city(rng)
    else:
        value = word(rng) if rng.random() < 0.45 else invented(rng, 2)
    return f"{owner} {kind}", value


def stated_by_user(fact: str, value: str, rng: Random) -> str:
    """Return the sentence with which a user tells a fact."""
    spoken = fact.replace("your ", "my ")
    wordings = [
        "{} is {}.",
        "{} is {}.",
        "Remember that {} is {}.",
        "Please remember that {} is {}.",
        "Please remember: {} is {}.",
        "Remember this: {} is {}.",
        "Remember: {} is {}.",
        "Note that {} is {}.",
    ]
    text = rng.choice(wordings).format(spoken, value)
    return text[0].upper() + text[1:]


def tell_fact(rng: Random, memory: Memory) -> list[Message]:
    """Be told a fact to remember."""
    fact, value = draw_fact(rng)
    memory.facts[fact] = value
    answer = f"I will remember that {fact} is {value}."
    return [user(stated_by_user(fact, value, rng)), assistant(answer, f"{fact} is {value}.")]


def recall(rng: Random, memory: Memory) -> list[Message]:
    """Recall a fact or the name of the user, or admit that it was never told."""
    known = list(memory.facts) + ["name"] * bool(memory.user_name)
    if not known:
        return recall_untold(rng, memory)
    fact = rng.choice(known)
    if fact == "name":
        wordings = "What is my name?|What's my name?|Do you know my name?|Who am I?"
        text = rng.choice(choices_of(wordings + "|What am I called?|Do you remember my name?"))
        name = memory.user_name
        thought = f"The user said the name is {name}."
        return [user(decorate(rng, text, 0.7)), assistant(f"Your name is {name}.", thought)]
    spoken = fact.replace("your ", "my ")
    wordings = "What is {}?|What is {}?|What was {}?|Tell me {}.|Do you remember {}?|What's {}?"
    text = decorate(rng, rng.choice(choices_of(wordings)).format(spoken), 0.7, keep_case=True)
    value = memory.facts[fact]
    answer = f"{fact[0].upper()}{fact[1:]} is {value}."
    return [user(text), assistant(answer, f"{fact} was {value}.")]


def recall_untold(rng: Random, memory: Memory) -> list[Message]:
    """Admit that the user never gave a name, or never told the fact."""
    if not memory.user_name and rng.random() < 0.5:
        text = rng.choice(["What is my name?", "Do you know my name?", "What's my name?"])
        return [user(text), assistant("You did not tell me your name.", "I see no name.")]
    fact, _ = draw_fact(rng)
    if fact in memory.facts:
        return []
    spoken = fact.replace("your ", "my ")
    text = rng.choice(["What is {}?", "What was {}?", "Do you remember {}?"]).format(spoken)
    return [user(text), assistant(f"You did not tell me {fact}.", f"I see no word about {fact}.")]
