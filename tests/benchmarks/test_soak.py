"""The soak's judge: what is sound passes, and each kind of fault fails."""

import io
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from benchmarks.exchange import BadAnswer, Exchange, understand
from benchmarks.soak import __main__ as soak
from benchmarks.soak import crew as crews
from benchmarks.soak.caller import Outcome, _judge
from benchmarks.soak.crew import Crew, NoReference, Seen
from benchmarks.soak.memory import MIB, Sample, TooShort, judge
from benchmarks.soak.report import Report
from benchmarks.soak.traffic import Call, Traffic
from rich.console import Console

SECONDS = 300
SOUND_LOG = "Pippin 0.1.0\n  soak: ready\nWARNING the disk's memory of prompts is slow\n"


def noise(second: int) -> int:
    return 200 * MIB + random.Random(second).randrange(30 * MIB)


SHAPES: dict[str, tuple[Callable[[int], int], bool]] = {
    "level": (lambda s: 200 * MIB, True),
    "noisy": (noise, True),
    "warming up": (lambda s: 200 * MIB + min(s, 50) * 4 * MIB, True),
    "peaks": (lambda s: 800 * MIB if s % 20 == 0 else noise(s), True),
    "shrinking": (lambda s: (900 - s) * MIB, True),
    "leak": (lambda s: 200 * MIB + s * MIB, False),
    "noisy leak": (lambda s: noise(s) + s * MIB, False),
    "step": (lambda s: (200 if s < 200 else 300) * MIB, False),
    "runaway": (lambda s: int(100 * MIB * 1.01**s), False),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_memory_is_flat_or_it_is_not(shape: str) -> None:
    size, flat = SHAPES[shape]
    assert judge([(float(s), size(s)) for s in range(SECONDS)]).flat == flat


def test_the_slope_is_per_minute() -> None:
    found = judge([(float(s), 200 * MIB + s * MIB) for s in range(SECONDS)])
    assert found.slope == pytest.approx(60 * MIB)
    assert found.peak == 499 * MIB


def test_too_little_to_judge_by_is_no_pass() -> None:
    with pytest.raises(TooShort):
        judge([(float(s), MIB) for s in range(10)])
    report = sound()
    report.add_memory([Sample(0.0, MIB, MIB)])
    assert report.faults


def seen(**endings: int) -> Seen:
    found = Seen(compared=5)
    found.endings.update({"answered": 100, "left": 20, "busy": 30, "wrong": 0} | endings)
    return found


def samples(gateway: Callable[[int], int], workers: Callable[[int], int]) -> list[Sample]:
    return [Sample(float(s), gateway(s), workers(s)) for s in range(SECONDS)]


def sound() -> Report:
    """Of answers that were all right."""
    report = Report()
    report.add_answers(seen())
    assert report.faults == []
    return report


def test_a_sound_soak_passes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(SOUND_LOG)
    report = sound()
    report.add_memory(samples(noise, noise))
    report.add_end(0, {1}, {1})
    report.add_log(log)
    assert report.faults == []
    shown = io.StringIO()
    report.show(Console(file=shown, width=80))
    assert shown.getvalue().splitlines()[-1] == "passed"
    assert "…" not in shown.getvalue(), "it does not fit a terminal"


@pytest.mark.parametrize("which", ["gateway", "workers"])
def test_a_leak_of_either_process_fails(which: str) -> None:
    def leak(second: int) -> int:
        return 100 * MIB + second * MIB

    report = sound()
    report.add_memory(samples(*((leak, noise) if which == "gateway" else (noise, leak))))
    (fault,) = report.faults
    assert which in fault


@pytest.mark.parametrize(
    ("status", "after"), [(1, {1}), (-9, {1}), (0, {2}), (0, set()), (0, {1, 2})]
)
def test_a_server_that_ended_badly_fails(status: int, after: set[int]) -> None:
    report = sound()
    report.add_end(status, {1}, after)
    assert report.faults


@pytest.mark.parametrize(
    "line",
    [
        "ERROR demo: the engine is idle and yet holds 3 lanes",
        "2026-11-21 ERROR demo: a decode step failed",
        "INFO demo: Traceback (most recent call last):",
        "CRITICAL the engine had work and did nothing for 300 seconds",
        "demo: its worker died (signal 9: SIGKILL) while it answered",
        "engine.IntegrityError: the memory of prompts",
    ],
)
def test_a_fault_in_the_log_fails(tmp_path: Path, line: str) -> None:
    log = tmp_path / "log"
    log.write_text(f"{SOUND_LOG}{line}\n")
    report = sound()
    report.add_log(log)
    assert report.faults == [f"in the log: {line}"]


def test_nothing_answered_or_nothing_compared_fails() -> None:
    for nothing in (seen(answered=0), Seen(compared=0)):
        report = Report()
        report.add_answers(nothing)
        assert report.faults


def test_a_wrong_answer_is_a_fault() -> None:
    crew = crew_of(Outcome("wrong", fault="no end within 180 s"))
    report = Report()
    report.add_answers(crew)
    assert any("no end" in fault for fault in report.faults)


def crew_of(*outcomes: Outcome) -> Seen:
    """What a crew has seen after these outcomes, one of which could be compared."""
    crew = Crew(Traffic(1), 1)
    crew.seen.compared = 1
    for outcome in outcomes:
        crew._note(crew._traffic.draw(), outcome)
    return crew.seen


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
TEXT = b'data: {"choices":[{"text":" a","finish_reason":null}]}\n\n'
END = b'data: {"choices":[{"text":"","finish_reason":"stop"}]}\n\n'
ODD_END = END.replace(b"stop", b"error")
USAGE = b'data: {"choices":[],"usage":{"completion_tokens":1,"prompt_tokens":3}}\n\n'
MUCH = USAGE.replace(b"1,", b"9999,")
DONE = b"data: [DONE]\n\n"
BUSY = b'data: {"error":{"code":"server_busy","message":"x"}}\n\n'
BROKEN = b'data: {"error":{"code":"engine_failure","message":"x"}}\n\n'


class Said:
    """A connection that is over, and what came on it."""

    def __init__(self, *parts: bytes) -> None:
        self.reads = [(0.1, part) for part in parts]


def ending(*parts: bytes, call: Call | None = None) -> str:
    connection: Any = Said(*parts)
    return _judge(call or Traffic(1).references[0], connection).ending


@pytest.mark.parametrize(
    ("parts", "judged"),
    [
        ((HEAD, TEXT, END, USAGE, DONE), "answered"),
        ((HEAD, BUSY), "busy"),
        ((HEAD, BROKEN), "wrong"),
        ((), "wrong"),
        ((HEAD,), "wrong"),
        ((HEAD, TEXT), "wrong"),
        ((HEAD, TEXT, END, USAGE), "wrong"),
        ((HEAD, TEXT, USAGE, DONE), "wrong"),
        ((HEAD, TEXT, END, END, USAGE, DONE), "wrong"),
        ((HEAD, TEXT, END, USAGE, DONE, TEXT), "wrong"),
        ((HEAD, TEXT, END, USAGE, DONE, DONE), "wrong"),
        ((HEAD, TEXT, END, DONE), "wrong"),
        ((HEAD, TEXT, ODD_END, USAGE, DONE), "wrong"),
        ((HEAD, TEXT, END, MUCH, DONE), "wrong"),
        ((HEAD, b"data: {broken\n\n", DONE), "wrong"),
    ],
)
def test_a_lost_or_doubled_end_is_wrong(parts: Sequence[bytes], judged: str) -> None:
    assert ending(*parts) == judged


def test_a_cut_stream_is_no_answer() -> None:
    with pytest.raises(BadAnswer):
        understand([(0.0, HEAD), (0.1, TEXT)])


def answered(text: str, tokens: int = 1) -> Outcome:
    return Outcome("answered", Exchange(text, {"completion_tokens": tokens, "prompt_tokens": 3}))


def test_an_answer_unlike_the_one_taken_alone_is_wrong() -> None:
    traffic = Traffic(1)
    crew = Crew(traffic, 1)
    crew._right[0] = (" a", 1)
    call = traffic.references[0]
    assert crew._compared(call, answered(" a")).ending == "answered"
    for unlike in (answered(" b"), answered(" a", 2), answered("")):
        assert crew._compared(call, unlike).ending == "wrong"
    assert crew.seen.compared == 4
    assert crew._compared(call, Outcome("busy")).ending == "busy"


@pytest.mark.anyio
async def test_without_references_nothing_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    async def busy(call: Call, port: int) -> Outcome:
        return Outcome("busy")

    monkeypatch.setattr(crews, "make", busy)
    with pytest.raises(NoReference):
        await Crew(Traffic(1), 1).learn()


def test_traffic_is_of_every_kind_and_the_same_for_a_seed() -> None:
    drawn = [[traffic.draw() for _ in range(300)] for traffic in (Traffic(7), Traffic(7))]
    assert drawn[0] == drawn[1]
    kinds = {(call.path, call.body["stream"], call.leaves) for call in drawn[0]}
    assert len(kinds) == 8
    assert any(call.reference is not None for call in drawn[0])
    assert len({call.key for call in drawn[0]}) == 5


@pytest.mark.parametrize("faults", [[], ["something grew"]])
def test_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, faults: list[str]
) -> None:
    def run(chosen: Any, console: Console, report: Report) -> None:
        report.faults += faults
        chosen.log.write_text(SOUND_LOG)

    monkeypatch.setattr(soak, "_run", run)
    monkeypatch.setattr("sys.argv", ["soak", "--log", str(tmp_path / "log")])
    assert soak.main() == bool(faults)
