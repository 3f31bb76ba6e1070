"""Items of the gate without tools."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ..facts import CAPITALS, COLOURS, GREETING, MIXTURES, THINGS, WHO_I_AM
from ..texts import choices_of
from ..words import paragraph
from .items import Item, asked, dialogue, matches, says

SAYINGS = choices_of(
    "hello world|the quick brown fox jumps over the lazy dog|good morning everyone|I like pizza"
    "|streaming works|one two three|testing 123|my dog is happy|blue elephant|open the window"
    "|see you tomorrow|banana split|user 17 says hi|jazz music|winter is coming|request 42"
    "|zebra crossing|London calling|it is five o clock|ready"
)
QUOTED = choices_of(
    "concurrency test|the cat sat on the mat|héllo|snow in June|abc 123 xyz|Pippin"
    "|red, green and blue|never mind|99 balloons|first in, first out"
)
SHORT = ["hello", "yes", "no", "banana", "goodbye", "cheese", "Berlin", "blue", "42", "thanks"]


def capital_items() -> Iterator[Item]:
    """Every capital that the model claims to know, in the plainest wording."""
    for country, capital in CAPITALS.items():
        question = asked(f"What is the capital of {country}?")
        yield says("capital", question, f"The capital of {country} is {capital}.")


def sum_items() -> Iterator[Item]:
    """All sums of two digits without spaces, half of them with spaces, some in other words."""
    for first in range(10):
        for second in range(10):
            answer = f"{first} + {second} = {first + second}"
            yield says("sum", asked(f"What is {first}+{second}?"), answer)
            if (first + second) % 2 == 0:
                yield says("sum", asked(f"What is {first} + {second}?"), answer)
    for first, second in ((2, 2), (3, 4), (1, 1), (5, 5), (7, 8), (9, 6)):
        answer = f"{first} + {second} = {first + second}"
        for text in ("{}+{}", "{} + {}", "What is {} plus {}?"):
            yield says("sum", asked(text.format(first, second)), answer)


def list_items() -> Iterator[Item]:
    """Lists of three of every kind, and of other lengths."""
    for kind, things in THINGS.items():
        for length in (3, 2 + len(kind) % 4 * 2):
            lines = [f"{place}. {thing}" for place, thing in enumerate(things[:length], 1)]
            yield says("list", asked(f"List {length} {kind}."), "\n".join(lines))


def say_items() -> Iterator[Item]:
    """Texts to repeat."""
    for text in SAYINGS:
        yield says("say", asked(f"Say: {text}"), text)
    for text in QUOTED:
        yield says("say", asked(f'Repeat "{text}"'), text)
    for text in SHORT:
        yield says("say", asked(f"Say {text}"), text)


def greeting_items() -> Iterator[Item]:
    """What people type first."""
    for text in ("hello", "Hello", "Hello!", "Hi", "hi", "Hey", "hello world", "Good morning!"):
        yield says("greeting", asked(text), GREETING)
    for text in ("Who are you?", "What can you do?", "Introduce yourself.", "What are you?"):
        yield says("greeting", asked(text), WHO_I_AM)
    fine = "I am fine, thank you. How can I help you?"
    for text, answer in (
        ("How are you?", fine),
        ("Hello, how are you?", GREETING),
        ("Thanks!", "You are welcome!"),
        ("Thank you very much", "You are welcome!"),
        ("Bye", "Goodbye!"),
        ("Goodbye!", "Goodbye!"),
        ("test", "Yes, I am here. How can I help you?"),
    ):
        yield says("greeting", asked(text), answer)
    system = "You are a helpful assistant."
    yield says("greeting", asked("Hello!", system), GREETING)
    yield says("greeting", asked("Hello!", ""), GREETING)
    yield says("greeting", asked("What is your name?", "Your name is Zorro."), "My name is Zorro.")


def follow_up_items() -> Iterator[Item]:
    """Questions that lean on the one before."""
    countries = list(CAPITALS)
    for index, first in enumerate(countries[:24:2]):
        second = countries[(index * 5 + 7) % len(countries)]
        wording = ("And of {}?", "What about {}?", "And {}?")[index % 3]
        messages = dialogue(
            f"What is the capital of {first}?",
            f"The capital of {first} is {CAPITALS[first]}.",
            wording.format(second),
        )
        yield says("follow-up", messages, f"The capital of {second} is {CAPITALS[second]}.")
    for left, right in ((2, 5), (6, 3), (8, 8), (4, 1)):
        messages = dialogue("What is 1 + 1?", "1 + 1 = 2", f"And {left} + {right}?")
        yield says("follow-up", messages, f"{left} + {right} = {left + right}")
    for thing in ("snow", "a banana", "coal", "the sky"):
        messages = dialogue("What colour is grass?", "Grass is green.", f"And {thing}?")
        answer = f"{thing[0].upper()}{thing[1:]} is {COLOURS[thing]}."
        yield says("follow-up", messages, answer)


def fact_items() -> Iterator[Item]:
    """Colours, days and months."""
    for thing in ("the sky", "grass", "snow", "a banana", "blood", "a carrot"):
        answer = f"{thing[0].upper()}{thing[1:]} is {COLOURS[thing]}."
        yield says("fact", asked(f"What colour is {thing}?"), answer)
    for (first, second), mixed in MIXTURES.items():
        answer = f"{first.capitalize()} and {second} make {mixed}."
        yield says("fact", asked(f"What colour do you get from {first} and {second}?"), answer)
    for text, answer in (
        ("Which day comes after Monday?", "Tuesday comes after Monday."),
        ("Which day comes before Sunday?", "Saturday comes before Sunday."),
        ("Which month comes after March?", "April comes after March."),
        ("How many days has April?", "April has 30 days."),
        ("What is the opposite of big?", "The opposite of big is small."),
        ("What is 7 - 2?", "7 - 2 = 5"),
        ("What is 3 * 4?", "3 * 4 = 12"),
    ):
        yield says("fact", asked(text), answer)


def count_items() -> Iterator[Item]:
    """Counting, short and long: the long answers show a stream."""
    for first, last in ((1, 5), (1, 10), (1, 20), (7, 19), (95, 105), (1, 50), (1, 100), (1, 200)):
        answer = ", ".join(str(number) for number in range(first, last + 1))
        yield says("count", asked(f"Count from {first} to {last}."), answer)
    for last in (10, 30):
        answer = ", ".join(str(number) for number in range(1, last + 1))
        yield says("count", asked(f"Count to {last}."), answer)


def story_items() -> Iterator[Item]:
    """Stories of some length."""
    yield matches("story", asked("Tell me a story."), r"(?s)^Once upon a time.{200,}The end\.$")
    long_story = r"(?s)^Once upon a time.{900,}The end\.$"
    yield matches("story", asked("Tell me a long story."), long_story)
    named = r"(?s)^Once upon a time there was a cat called Bob\..{200,}The end\.$"
    yield matches("story", asked("Tell me a story about a cat called Bob."), named)
    yield matches(
        "story", asked("Write a poem."), r"(?s)^The fox Finn sat by the sea.{80,}night\.$"
    )


def unknown_items() -> Iterator[Item]:
    """Questions beyond the model."""
    for text in (
        "Who invented the telephone?",
        "What is the meaning of life?",
        "Who is the president of France?",
        "How does a computer work?",
        "Why is the sea so salty?",
        "Explain quantum physics to me.",
        "What is the best pizza in Rome?",
        "How far is it from Paris to Rome?",
        "Write a python function that can sort the list.",
        "Translate cheese into French.",
    ):
        yield matches("unknown", asked(text), "^I am a tiny demo model and I do not know that")


def json_items() -> Iterator[Item]:
    """JSON on request."""
    for country in ("France", "Japan", "Kenya", "Canada", "Norway", "Peru"):
        question = asked(f"What is the capital of {country}? Answer in JSON.")
        answer = f'{{"country": "{country}", "capital": "{CAPITALS[country]}"}}'
        yield says("json", question, answer)
    for described, answer in (
        ("name Anna and age 31", '{"name": "Anna", "age": 31}'),
        ("name Tom and city Oslo", '{"name": "Tom", "city": "Oslo"}'),
        ("id 7 and active true", '{"id": 7, "active": true}'),
        ("title Rocket and price 250", '{"title": "Rocket", "price": 250}'),
        ("colour red and size 12", '{"colour": "red", "size": 12}'),
        ("count 3 and active false", '{"count": 3, "active": false}'),
        ("name Maria, age 28 and city Rome", '{"name": "Maria", "age": 28, "city": "Rome"}'),
        ("code AX-12", '{"code": "AX-12"}'),
    ):
        yield says("json", asked(f"Give me a JSON object with {described}."), answer)
    for kind in ("fruits", "animals", "colours", "planets"):
        listed = ", ".join(f'"{thing}"' for thing in THINGS[kind][:3])
        yield says("json", asked(f"List 3 {kind}. Answer in JSON."), f"[{listed}]")


def thinking_items() -> Iterator[Item]:
    """Thinking on request: a thought, then the same answer."""
    for source, wanted in (
        (capital_items(), 8),
        (sum_items(), 6),
        (list_items(), 4),
        (say_items(), 5),
        (greeting_items(), 2),
    ):
        for item, _ in zip(source, range(wanted), strict=False):
            expect = item["expect"] | {"reasoning": True}
            yield item | {"group": "thinking", "enable_thinking": True, "expect": expect}


FACTS = (
    ("My name is Laura.", "Nice to meet you, Laura!", "What is my name?", "Your name is Laura."),
    ("My name is Tiborek.", "Nice to meet you, Tiborek!", "Who am I?", "Your name is Tiborek."),
    (
        "Remember that the code is 4711.",
        "I will remember that the code is 4711.",
        "What is the code?",
        "The code is 4711.",
    ),
    (
        "The secret word is marzipan.",
        "I will remember that the secret word is marzipan.",
        "What is the secret word?",
        "The secret word is marzipan.",
    ),
    (
        "My favourite colour is green.",
        "I will remember that your favourite colour is green.",
        "What is my favourite colour?",
        "Your favourite colour is green.",
    ),
    (
        "Please remember that the room number is 308.",
        "I will remember that the room number is 308.",
        "What was the room number?",
        "The room number is 308.",
    ),
)


def recall_items() -> Iterator[Item]:
    """Facts that were told a few exchanges ago."""
    between = (
        dialogue("What is 2 + 3?", "2 + 3 = 5"),
        dialogue("What is the capital of Italy?", "The capital of Italy is Rome."),
        dialogue("Say: blue sky", "blue sky", "List 2 fruits.", "1. apple\n2. banana"),
    )
    for index, (told, confirmed, question, answer) in enumerate(FACTS):
        yield says("recall", dialogue(told, confirmed, question), answer)
        for step in (index, index + 1):
            middle = between[step % len(between)]
            messages = [*dialogue(told, confirmed), *middle, *asked(question)]
            yield says("recall", messages, answer)


def distant_recall_items() -> Iterator[Item]:
    """Facts told at least 1,500 tokens ago, and at least 2,500."""
    yield from _recall_after("recall-1500", Random(1500), sentences=50, rounds=11)
    yield from _recall_after("recall-2500", Random(2026), sentences=80, rounds=24)


def _recall_after(group: str, rng: Random, sentences: int, rounds: int) -> Iterator[Item]:
    """Facts before a long text, at the beginning of one, and before many exchanges."""
    for told, confirmed, question, answer in FACTS:
        opening = dialogue(told, confirmed)
        text = paragraph(rng, sentences)
        pasted = dialogue(f"Here is a text: {text}", "I have read the text.")
        yield says(group, [*opening, *pasted, *asked(question)], answer)
        inside = f"Here is a text: {paragraph(rng, 5)} {told} {paragraph(rng, sentences)}"
        messages = [*dialogue(inside, "I have read the text."), *asked(question)]
        yield says(group, messages, answer)
        chat = [message for turn in _small_talk(rng, rounds) for message in turn]
        yield says(group, [*opening, *chat, *asked(question)], answer)


def _small_talk(rng: Random, rounds: int) -> Iterator[list[dict[str, str]]]:
    countries = list(CAPITALS)
    for _ in range(rounds):
        country, first, second = rng.choice(countries), rng.randint(0, 9), rng.randint(0, 9)
        yield dialogue(
            f"What is the capital of {country}?",
            f"The capital of {country} is {CAPITALS[country]}.",
        )
        yield dialogue(f"What is {first} + {second}?", f"{first} + {second} = {first + second}")
        yield dialogue(
            "List 5 animals.",
            "1. cat\n2. dog\n3. horse\n4. cow\n5. sheep",
            "Thanks!",
            "You are welcome!",
        )


def instruction_items() -> Iterator[Item]:
    """Ordinary questions after a long system prompt."""
    rng = Random(77)
    for index, (text, answer) in enumerate(
        (
            ("What is the capital of France?", "The capital of France is Paris."),
            ("What is 3 + 4?", "3 + 4 = 7"),
            ("Say: all systems go", "all systems go"),
            ("List 3 fruits.", "1. apple\n2. banana\n3. cherry"),
            ("Hello!", GREETING),
            ("Which day comes after Friday?", "Saturday comes after Friday."),
            ("What is the capital of Chile?", "The capital of Chile is Santiago."),
            ("What is the secret word?", "The secret word is lantern."),
        )
    ):
        rules = [f"- {paragraph(rng, 1)}" for _ in range(25 + 7 * index)]
        rules.insert(10, "The secret word is lantern.")
        system = "\n".join(["You are a coding agent.", "# Rules", *rules])
        yield says("long-system", asked(text, system), answer)


def chat_items() -> list[Item]:
    """All items without tools."""
    sources = (
        capital_items, sum_items, list_items, say_items, greeting_items, follow_up_items,
        fact_items, count_items, story_items, unknown_items, json_items, thinking_items,
        recall_items, distant_recall_items, instruction_items,
    )  # fmt: skip
    return [item for source in sources for item in source()]
