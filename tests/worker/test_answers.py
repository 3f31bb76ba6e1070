"""Engine outputs → events, and what is forgotten when."""

from dataclasses import replace

from tokenizers import Tokenizer, decoders, models

from pippin import demo
from pippin.core.constraint import Choice
from pippin.core.events import Delta, Event, Failed, Finished, Started
from pippin.core.memory import Reuse, TokenText
from pippin.core.request import ChatPrompt, GenerationRequest, Message, TextPrompt
from pippin.engine.lane import Begun, Ended, Job, JobFailed, JobLate, PromptScored, Score, Token
from pippin.memory.prompts import Explanation
from pippin.output.vocabulary import Vocabulary
from pippin.worker.answers import Answers, decode
from pippin.worker.choice_maker import choice_maker
from pippin.worker.job_maker import Prepared
from pippin.worker.language import language_of

TOKENIZER = Tokenizer.from_file(str(demo.MODELS["demo"] / "tokenizer.json"))
VOCABULARY = Vocabulary(TOKENIZER)
LANGUAGE = language_of(TOKENIZER, None, vocab_size=len(VOCABULARY), eos=frozenset())
X, Y = TOKENIZER.encode("x", add_special_tokens=False).ids[0], 300

JOB = Job(id=1, prompt=(X, X), max_tokens=9)


def prepared(job: Job, request: GenerationRequest) -> Prepared:
    make = choice_maker(LANGUAGE, job.id, request, None)
    return Prepared(job, [make(index, 0) for index in range(job.choices)])


def answers_with(**fields: object) -> tuple[Answers, list[Event]]:
    """One open answer with id 1, and the events of opening it."""
    request = GenerationRequest(prompt=TextPrompt(text="x"), **fields)  # type: ignore[arg-type]
    job = Job(
        id=1,
        prompt=(X, X),
        max_tokens=request.max_tokens if request.max_tokens is not None else 9,
        choices=request.choices,
        score_prompt=request.echo and request.logprobs is not None,
        logprobs=request.logprobs,
    )
    answers = Answers(LANGUAGE)
    answers.open(prepared(job, request), request)
    events, _ = answers.take([Begun(1, cached=1)])
    return answers, events


def test_an_answer_is_forgotten_after_its_last_choice() -> None:
    answers, _ = answers_with(choices=2)
    events, _ = answers.take([Token(1, 0, X, "length"), Token(1, 1, X)])
    assert len(answers) == 1
    events, _ = answers.take([Token(1, 1, X, "length")])
    assert isinstance(events[-1], Finished)
    assert len(answers) == 0


def test_a_stop_text_is_told_to_the_engine_and_later_tokens_are_dropped() -> None:
    answers, _ = answers_with(stop=("x",), choices=2)
    events, stopped = answers.take([Token(1, 0, X), Token(1, 1, Y)])
    assert stopped == [(1, 0)]
    assert [e.reason for e in events if isinstance(e, Finished)] == ["stop"]
    assert answers.take([Token(1, 0, X), Token(1, 0, X, "length")]) == ([], [])


def test_the_first_space_is_the_tokenizers_own_unless_a_form_has_it() -> None:
    pieces = ["<unk>", "\u2581yes", "\u2581"]
    tokenizer = Tokenizer(models.BPE({p: i for i, p in enumerate(pieces)}, []))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    language = language_of(tokenizer, None, vocab_size=3, eos=frozenset())
    answers = Answers(language)
    prompt = ChatPrompt(messages=(Message(role="user", content="Well?"),))
    said = []
    for number, form in enumerate((None, Choice(options=(" yes", " no")))):
        request = GenerationRequest(prompt=prompt, constraint=form)
        choices = [choice_maker(language, number, request, None)(0, 0)]
        answers.open(Prepared(replace(JOB, id=number), choices), request)
        (delta, _), _ = answers.take([Token(number, 0, 1, "length")])
        assert isinstance(delta, Delta)
        said.append(delta.text)
    assert said == ["yes", " yes"]


def test_a_failed_job_is_one_error() -> None:
    answers, _ = answers_with(choices=3)
    events, _ = answers.take([JobFailed(1), Token(1, 0, X), JobFailed(1)])
    assert [type(event) for event in events] == [Failed]
    assert len(answers) == 0


def test_what_nobody_waits_for_is_dropped() -> None:
    answers, _ = answers_with()
    answers.close(1)
    assert answers.take([Token(1, 0, X), Ended(1), JobFailed(7)]) == ([], [])


def test_echo_comes_first() -> None:
    _, opened = answers_with(echo=True, choices=2)
    assert opened == [Started(1, 2, 1), Delta(1, 0, "x"), Delta(1, 1, "x")]


def test_a_job_that_begins_again_is_told_once() -> None:
    answers, opened = answers_with(echo=True)
    assert len(opened) == 2
    assert answers.take([Begun(1, cached=0)]) == ([], [])


def test_a_job_that_waited_for_too_long_is_told_so() -> None:
    answers, _ = answers_with()
    (failed,), _ = answers.take([JobLate(1)])
    assert isinstance(failed, Failed)
    assert failed.kind == "ServerBusy"
    assert len(answers) == 0


def test_what_was_reused_is_told_with_the_tokens_texts() -> None:
    explanation = Explanation("ram", 1, "differs", 1, X, Y)
    answers, _ = answers_with()
    asked = GenerationRequest(prompt=TextPrompt(text="xx"))
    answers.open(prepared(replace(JOB, id=2), asked), asked)
    (started,), _ = answers.take([Begun(2, 1, explanation)])
    assert isinstance(started, Started)
    told = VOCABULARY.text_of(Y)
    assert started.reuse == Reuse(
        tier="ram",
        matched_tokens=1,
        reason="differs",
        position=1,
        asked=TokenText(X, "x"),
        remembered=TokenText(Y, told),
    )


def test_a_scored_prompt_is_delivered_in_pieces_with_its_scores() -> None:
    answers, opened = answers_with(echo=True, logprobs=1, max_tokens=0)
    assert opened == [Started(1, 2, 1)]
    score = Score(-1.5, ((X, -1.5),))
    first, _ = answers.take([PromptScored(1, (X,), (None,))])
    second, _ = answers.take([PromptScored(1, (X,), (score,)), Ended(1)])
    deltas = [event for event in (*first, *second) if isinstance(event, Delta)]
    assert [delta.text for delta in deltas] == ["x", "x"]
    assert [entry.logprob for delta in deltas for entry in delta.logprobs] == [None, -1.5]
    assert second[-1] == Finished(1, 0, "length", 0)


def test_decoding_shows_special_tokens_on_request() -> None:
    tokens = TOKENIZER.encode("a<|im_end|>b", add_special_tokens=False).ids
    assert decode(VOCABULARY, tokens, skip_special_tokens=False) == "a<|im_end|>b"
    assert decode(VOCABULARY, tokens, skip_special_tokens=True) == "ab"
