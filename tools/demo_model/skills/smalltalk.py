"""Greetings, thanks, introductions, stories, and questions that nobody can answer."""

from __future__ import annotations

from random import Random

from ..dialogue import Memory, Message, assistant, user
from ..facts import GREETING, LANGUAGES, NO_TOOL, THINGS, UNKNOWN, WHO_I_AM
from ..texts import choices_of
from ..words import city, decorate, invented, paragraph, person, phrase, word

HELLOS = choices_of(
    "Hello|Hi|Hey|Good morning|Good evening|Good afternoon|Hi there|Hello there|Good day|Greetings"
    "|Hello world|hello world|Hello, world|hello|hi|hey|Hey there|Yo|Welcome"
)
HELLO_ENDS = ["!", ".", "", "", ", how are you?", "! Nice to see you.", " friend!", " again!"]
THANKS = "Thanks|Thank you very much|Many thanks|Thank you|Great, thanks|Thanks a lot|thanks"
PRAISE = "Well done|Great|Nice|Perfect|Good job|Very good|Cool|Awesome|Good answer|Wonderful"
FAREWELLS = "Bye|Goodbye|See you|See you later|Good night|Bye bye|bye|See you tomorrow"
CHECKS = (
    "Are you there?|Test|test|Testing|Ping|ping|This is a test.|Can you hear me?|testing 123"
    "|Is this working?|Does this work?|Just testing.|Hello, are you there?"
)
INTRODUCTIONS = (
    "Who are you?|What can you do?|What are you?|Introduce yourself.|Which skills do you have?"
    "|Help|help|What do you know?|Tell me about yourself.|Are you a robot?|Who am I talking to?"
    "|How can you help me?|What is this?|What model are you?|Which model is this?|Who made you?"
    "|What are you able to do?|Describe yourself.|Are you an AI?|Are you ChatGPT?"
)


def greet(rng: Random, memory: Memory) -> list[Message]:
    """Greet back, be thanked, be praised, say goodbye."""
    draw = rng.random()
    if draw < 0.45:
        text = rng.choice(HELLOS) + rng.choice(HELLO_ENDS)
        return [user(text), assistant(GREETING, "The user greets me. I greet back.")]
    if draw < 0.58:
        text = rng.choice(["How are you?", "How are you doing?", "How is it going?", "What's up?"])
        answer = assistant("I am fine, thank you. How can I help you?", "The user asks how I am.")
        return [user(decorate(rng, text)), answer]
    if draw < 0.7:
        text = rng.choice(choices_of(THANKS)) + rng.choice(["!", ".", "", " for your help!"])
        return [user(text), assistant("You are welcome!", "The user thanks me.")]
    if draw < 0.78:
        text = rng.choice(choices_of(PRAISE)) + rng.choice(["!", ".", ""])
        return [user(text), assistant("Thank you!", "The user is happy.")]
    if draw < 0.9:
        text = rng.choice(choices_of(CHECKS))
        return [user(text), assistant("Yes, I am here. How can I help you?", "The user tests me.")]
    text = rng.choice(choices_of(FAREWELLS)) + rng.choice(["!", ".", ""])
    return [user(text), assistant("Goodbye!", "The user says goodbye.")]


def introduce(rng: Random, memory: Memory) -> list[Message]:
    """Say who is speaking, by the name of the system prompt where there is one."""
    if memory.assistant_name and rng.random() < 0.6:
        text = rng.choice(["What is your name?", "What are you called?", "Tell me your name."])
        answer = f"My name is {memory.assistant_name}."
        return [user(decorate(rng, text)), assistant(answer, "The system prompt gives my name.")]
    text = decorate(rng, rng.choice(choices_of(INTRODUCTIONS)), plain_share=0.75)
    return [user(text), assistant(WHO_I_AM, "The user asks about me.")]


STORY = (
    "Once upon a time there was a {animal} called {name}. One morning {name} went into the forest "
    "to look for a friend. {name} walked a long way and met an old owl. The owl said: follow the "
    "river. So {name} followed the river and found a little house. In the house lived a kind fox, "
    "and they became good friends. They had tea and cake every day, and {name} was never alone "
    "again. The end."
)
POEM = (
    "The {animal} {name} sat by the sea,\nas quiet as a {animal} can be.\nThe wind was cold, the "
    "moon was bright,\nand {name} the {animal} slept all night."
)
LONG_STORY_PARTS = (
    "Once upon a time there was a {animal} called {name}, who lived at the edge of a great forest.",
    "Every morning {name} drank from the river, and every evening {name} looked at the stars.",
    "One day the river was dry. The frogs were sad, the birds were silent, and the grass was grey.",
    "I will find the water, said {name}, and walked along the empty river into the mountains.",
    "On the first day {name} met an owl. The owl said: the water is behind the black hill.",
    "On the second day {name} met a fox. The fox said: nobody has ever crossed the black hill.",
    "On the third day {name} met a bear. The bear said nothing, but came along, "
    "and so did the fox.",
    "Together they climbed the black hill. The wind was cold, and the night was very dark.",
    "At the top they found a big stone. It lay across the river and held back all the water.",
    "The bear pushed, the fox pulled, and {name} dug in the sand until the morning came.",
    "Then the stone moved. The water ran down the hill, past the owl, and into the forest.",
    "The frogs sang again, the birds came back, and the grass was as green as before.",
    "All the animals of the forest gave a party for {name}, with cake, tea and music.",
    "From that day on {name}, the fox and the bear were friends, "
    "and the river was never dry again.",
    "The end.",
)


def tell_story(rng: Random, memory: Memory) -> list[Message]:
    """Tell a story or a poem, long on request, about whom the user wishes."""
    kind = rng.choice(["story", "story", "poem"])
    name, animal = "Finn", "fox"
    if rng.random() < 0.6:
        name, animal = person(rng), rng.choice(THINGS["animals"])
        request = rng.choice(
            [
                "Tell me a {kind} about a {animal} called {name}.",
                "Write a {kind} about a {animal} named {name}.",
                "I want a {kind} about the {animal} {name}.",
                "Make up a {kind} about the {animal} {name}.",
            ]
        )
    else:
        request = rng.choice(
            [
                "Tell me a {kind}.",
                "Write a {kind}.",
                "I want to hear a {kind}.",
                "A {kind}, please.",
            ]
        )
    text = decorate(rng, request.format(kind=kind, name=name, animal=animal), keep_case=True)
    body = (STORY if kind == "story" else POEM).format(name=name, animal=animal)
    return [user(text), assistant(body, f"I write a {kind} about {name} the {animal}.")]


def tell_long_story(rng: Random, memory: Memory) -> list[Message]:
    """Tell the one long story, which is good for watching a stream."""
    name, animal, about = "Finn", "fox", ""
    if rng.random() < 0.5:
        name, animal = person(rng), rng.choice(THINGS["animals"])
        about = f" about a {animal} called {name}"
    request = rng.choice(
        [
            "Tell me a long story{about}.",
            "Write a long story{about}.",
            "Tell me a very long story{about}.",
            "I want to hear a long story{about}.",
            "Please write a long story{about}.",
        ]
    )
    body = " ".join(LONG_STORY_PARTS).format(name=name, animal=animal)
    thought = f"I write a long story about {name} the {animal}."
    return [user(request.format(about=about)), assistant(body, thought)]


PUZZLING = choices_of(
    "Who invented the {a}?|Why is the {a} so {b}?|How do I {a} a {b}?|What do you think about {a}?"
    "|Explain {a} {b}.|Write code for a {a}.|Is {a} better than {b}?|When was {a} {b}?"
    "|Where can I buy a {a}?|What does {a} mean?|How old is {a}?|Who won the {a} {b}?"
    "|Summarize {a}.|Tell me something about {a} and {b}.|{a} {b} {c}|Can you {a} my {b}?|{a}?"
    "|I like {a}.|The {a} is {b} {c}.|Translate {a} into {language}.|What is {a}?"
    "|How far is it from {city} to {other}?|Who is the president of {other}?|Who is {city}?"
    "|What is the meaning of {a}?|How does {a} {b} work?|Explain the {a} to me.|Why {a}?"
    "|Write a python function that can {a} the {b}.|What is the best {a} in {city}?"
)
ERRANDS = choices_of(
    "What is the weather in {city}?|Will it rain in {city}?|What time is it in {city}?"
    "|Send {name} the message {a} {b}.|Write an email to {name}.|Turn on the light in the {a}."
    "|Book a hotel in {city}.|Order a {a}.|Call {name}.|Play {a} {b}.|Open the {a}."
    "|Convert {n} USD to EUR.|Remind me to {a}.|Delete the file {a}.|Start the {a}."
)


def _fill(rng: Random, text: str) -> str:
    def thing() -> str:
        return word(rng) if rng.random() < 0.7 else invented(rng)

    return text.format(
        a=thing(),
        b=thing(),
        c=thing(),
        n=rng.randint(1, 500),
        language=rng.choice(LANGUAGES),
        city=city(rng),
        other=city(rng),
        name=person(rng),
    )


def puzzle(rng: Random, memory: Memory) -> list[Message]:
    """Admit not to know."""
    text = decorate(rng, _fill(rng, rng.choice(PUZZLING)), plain_share=0.7)
    return [user(text), assistant(UNKNOWN, "I do not know that.")]


def errand_without_tool(rng: Random, memory: Memory) -> list[Message]:
    """Refuse an errand for which no tool is on offer."""
    text = decorate(rng, _fill(rng, rng.choice(ERRANDS)), plain_share=0.7)
    if any(tool.could_answer(text) for tool in memory.toolbox):
        return []
    if memory.toolbox:
        return [user(text), assistant(NO_TOOL, "I have no tool for that.")]
    return [user(text), assistant(UNKNOWN, "I do not know that.")]


def read_text(rng: Random, memory: Memory) -> list[Message]:
    """Acknowledge a pasted text."""
    lead = rng.choice(["Here is a text: ", "Please read this:\n\n", "Read this text: ", "Note:\n"])
    body = paragraph(rng, rng.randint(1, 5)) if rng.random() < 0.7 else phrase(rng, 8, 25)
    return [user(lead + body), assistant("I have read the text.", "The user gives me a text.")]
