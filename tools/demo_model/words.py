"""Random words, names, numbers and phrases: the open slots of the dialogues."""

from __future__ import annotations

import string
from pathlib import Path
from random import Random

from .facts import CITIES, FIRST_NAMES
from .texts import words_of

WORDS: tuple[str, ...] = tuple((Path(__file__).parent / "words.txt").read_text().split())

ONSETS = words_of("b c d f g h k l m n p r s t v w z br ch cl dr fr gr pl sh st th tr")
VOWELS = words_of("a e i o u ai ea oo")
CODAS = ["", "", "n", "r", "l", "s", "m", "t"]
FOREIGN = "äöüßéèñçåøœ¿¡—…€£°½ΑβγδπΩжшяЮбкд你好世界東京日本語안녕مرحبا😀🎉🚀❤🐍🌍✓→∞"
SYMBOLS = "!#$%&*+,-./:;<=>?@[]^_{|}~()"


def word(rng: Random) -> str:
    """Return an English word."""
    return rng.choice(WORDS)


def invented(rng: Random, syllables: int | None = None) -> str:
    """Return a pronounceable word that nobody has seen before."""
    count = syllables or rng.choice([1, 2, 2, 3])
    return "".join(
        rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS) for _ in range(count)
    )


def person(rng: Random) -> str:
    """Return a first name, more often invented than known."""
    return rng.choice(FIRST_NAMES) if rng.random() < 0.45 else invented(rng, 2).capitalize()


def city(rng: Random) -> str:
    """Return a city, known or invented, of one or more words."""
    if rng.random() < 0.5:
        return rng.choice(CITIES)
    name = invented(rng, rng.choice([2, 2, 3])).capitalize()
    if rng.random() < 0.2:
        name += " " + invented(rng, rng.choice([1, 2])).capitalize()
    return name


def number(rng: Random, most_digits: int = 4) -> int:
    """Return a number whose count of digits is drawn first."""
    digits = rng.choice([d for d in (1, 2, 2, 3, 3, 4, 5) if d <= most_digits])
    return rng.randint(10 ** (digits - 1) if digits > 1 else 0, 10**digits - 1)


def code(rng: Random) -> str:
    """Return an identifier such as ``AX-4711`` or ``k9f2``."""
    letters = "".join(rng.choice(string.ascii_uppercase) for _ in range(rng.choice([1, 2, 3])))
    digits = str(rng.randint(10, 99999))
    joined = rng.choice([f"{letters}-{digits}", f"{letters}{digits}", f"{letters}_{digits}"])
    return joined.lower() if rng.random() < 0.3 else joined


def jumble(rng: Random) -> str:
    """Return a short run of arbitrary printable characters."""
    pool = string.ascii_letters + string.digits + SYMBOLS
    return "".join(rng.choice(pool) for _ in range(rng.randint(2, 7)))


def foreign(rng: Random) -> str:
    """Return a few characters from outside ASCII."""
    return "".join(rng.choice(FOREIGN) for _ in range(rng.randint(1, 4)))


def phrase(rng: Random, fewest: int = 1, most: int = 7) -> str:
    """Return a few words without quotes; half of the phrases are plain English."""
    plain = rng.random() < 0.5
    text = " ".join(_piece(rng, plain) for _ in range(rng.randint(fewest, most)))
    if rng.random() < 0.3:
        text = text[0].upper() + text[1:]
    if rng.random() < 0.15:
        text += rng.choice("!.?")
    return text.replace('"', "").replace("'", "").replace("\\", "")


def plain_phrase(rng: Random, fewest: int = 1, most: int = 5) -> str:
    """Return English words, as a title or a note would have them."""
    text = " ".join(word(rng) for _ in range(rng.randint(fewest, most)))
    return text.capitalize() if rng.random() < 0.4 else text


def sentence(rng: Random) -> str:
    """Return a nonsense sentence of English words, for filling long texts."""
    text = " ".join(word(rng) for _ in range(rng.randint(5, 14)))
    return text.capitalize() + rng.choice([".", ".", ".", "!", "?"])


def paragraph(rng: Random, sentences: int) -> str:
    """Return several nonsense sentences."""
    return " ".join(sentence(rng) for _ in range(sentences))


def _piece(rng: Random, plain: bool) -> str:
    draw = rng.random()
    if plain or draw < 0.4:
        return word(rng)
    if draw < 0.7:
        return invented(rng)
    if draw < 0.8:
        return str(number(rng))
    if draw < 0.88:
        return word(rng).capitalize()
    if draw < 0.94:
        return foreign(rng)
    return jumble(rng)


PREFIXES = [
    "Please tell me: ",
    "Hey, ",
    "Question: ",
    "Quick question: ",
    "Hi! ",
    "Can you help? ",
    "Ok, ",
    "Now, ",
    "So, ",
    "Hello! ",
]
SUFFIXES = [" Thanks!", " Thank you.", " Please."]


def decorate(rng: Random, text: str, plain_share: float = 0.5, keep_case: bool = False) -> str:
    """Return the request as people vary it: with a greeting, thanks, or careless punctuation.

    A request whose words are to be copied into the answer asks to ``keep_case``.
    """
    if rng.random() < plain_share:
        return text
    if rng.random() < 0.45:
        prefix = rng.choice(PREFIXES)
        if prefix[-2] in ",:" and rng.random() < 0.6:
            text = text[0].lower() + text[1:]
        text = prefix + text
    if not keep_case and rng.random() < 0.15:
        text = text.lower()
    if not keep_case and rng.random() < 0.25:
        text = text.rstrip("?.!")
    elif rng.random() < 0.25:
        text += rng.choice(SUFFIXES)
    return text
