"""``python -m benchmarks``: one run, from making the models to the tables."""

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import machine, models, options, output, report
from benchmarks.child import Child, ChildFailed
from benchmarks.contenders import Contender, Limit, WrongAnswer, enter
from benchmarks.options import Options
from benchmarks.records import Record
from benchmarks.scenarios import SCENARIOS
from benchmarks.scenarios.plan import Plan, Step
from benchmarks.servers import ServerFailed

FAILED = "failed:"


def main() -> int:
    """The exit status: 1 when anything failed or Pippin's answers are wrong, 130 when stopped."""
    signal.signal(signal.SIGTERM, _end)
    chosen = options.parse(sys.argv[1:])
    console, errors = Console(), Console(stderr=True)
    try:
        facts, records = output.load(chosen.earlier) if chosen.earlier else measure(chosen, errors)
    except KeyboardInterrupt:
        errors.print("Stopped; every server is down.")
        return 130
    except (ChildFailed, ServerFailed) as error:
        errors.print(f"The benchmark failed: {error}", markup=False)
        return 1
    tables = report.sections(records)
    output.show(console, facts, tables)
    if chosen.markdown:
        chosen.markdown.parent.mkdir(parents=True, exist_ok=True)
        chosen.markdown.write_text(output.markdown(facts, tables))
    return 1 if any(name.startswith(FAILED) for name in facts) else _verdict(records, errors)


def _end(number: int, frame: object) -> NoReturn:
    """SIGTERM ends the run as Ctrl-C does, so that no server is left behind."""
    raise KeyboardInterrupt


def measure(chosen: Options, errors: Console) -> tuple[dict[str, str], list[Record]]:
    """All that was chosen; also kept as JSON. Raises ChildFailed, ServerFailed."""
    facts = machine.facts()
    records: list[Record] = []
    chosen.results.mkdir(parents=True, exist_ok=True)
    for name in chosen.models:
        with ExitStack() as stack:
            errors.print(f"{name}: making the model and starting the contenders", style="dim")
            model = models.ensure(name, chosen.cache)
            contenders = _enter(stack, chosen, model)
            facts[f"model {name}"] = f"llama, {model.parameters / 1e6:.1f} M parameters, float32"
            facts |= next((c.facts for c in contenders if isinstance(c, Limit)), {})
            records += _run(_steps(chosen, model, contenders), facts, errors)
    stamp = facts["date"].removesuffix(" UTC").replace(" ", "T").replace(":", "")
    output.save(chosen.results / f"{stamp}.json", facts, records)
    return facts, records


def _enter(stack: ExitStack, chosen: Options, model: models.BenchModel) -> list[Contender]:
    client = stack.enter_context(Child("benchmarks.client"))
    return [
        enter(stack, name, model, client, threads=chosen.blas_threads, logs=chosen.results)
        for name in chosen.taking_part(chosen.scenarios(model.name))
    ]


def _steps(
    chosen: Options, model: models.BenchModel, contenders: list[Contender]
) -> Iterator[Step]:
    for name in chosen.scenarios(model.name):
        scenario = SCENARIOS[name]
        present = [contender for contender in contenders if contender.name in scenario.contenders]
        if present:
            rounds = chosen.rounds_of(name)
            yield from scenario.steps(Plan(model, present, chosen.crowds, rounds, chosen.seed))


def _run(steps: Iterator[Step], facts: dict[str, str], errors: Console) -> list[Record]:
    """A step that fails is a fact of the report; the others go on."""
    todo = list(steps)
    records: list[Record] = []
    text = TextColumn("{task.description}")
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), text)
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task("", total=len(todo))
        for step in todo:
            progress.update(task, description=step.label)
            try:
                records += step.run()
            except WrongAnswer as error:
                errors.print(f"{step.label} failed: {error}", markup=False)
                facts[f"{FAILED} {step.label}"] = str(error)[:200]
            progress.advance(task)
    return records


def _verdict(records: list[Record], errors: Console) -> int:
    """1 when Pippin's greedy answers, alone, are not the limit's: then no figure counts."""
    for record in records:
        if (record.scenario, record.contender) == ("same", "pippin"):
            same, prompts = record.values["alone"], record.values["prompts"]
            if same < prompts:
                errors.print(f"{record.model}: only {same:.0f} of {prompts:.0f} answers are right")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
