"""What a soak has shown: a table, and what is wrong with it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.soak.crew import Seen
from benchmarks.soak.memory import MIB, Judgement, Sample, TooShort, judge

LOG_FAULT = re.compile(r"Traceback|yet holds|[Ii]ntegrity|\b(?:ERROR|CRITICAL)\b|\bdied\b")


@dataclass
class Report:
    """Rows, and the reasons why the soak has failed: none if it has not."""

    rows: list[tuple[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def add_answers(self, seen: Seen) -> None:
        endings = ("answered", "left", "busy", "wrong")
        names = ("answered", "left by the client", "refused: busy", "wrong")
        self.rows += [(n, f"{seen.endings[e]:,}") for n, e in zip(names, endings, strict=True)]
        self.rows.append(("compared with those taken alone", f"{seen.compared:,}"))
        self.rows.append(("prompt tokens", f"{seen.prompt_tokens:,}"))
        self.rows.append(("of these, cached", f"{seen.cached_tokens:,}"))
        self.rows.append(("generated tokens", f"{seen.completion_tokens:,}"))
        if not seen.endings["answered"]:
            self.faults.append("no answer came")
        self.faults += seen.faults
        if not seen.compared:
            self.faults.append("no answer was compared with one that was taken alone")

    def add_memory(self, samples: Sequence[Sample]) -> None:
        """Judged: the gateway and its workers, each by itself."""
        points = {
            "gateway": [(sample.time, sample.gateway) for sample in samples],
            "workers": [(sample.time, sample.workers) for sample in samples],
        }
        for name, of_one in points.items():
            try:
                self._add_judgement(name, judge(of_one))
            except TooShort as error:
                self.faults.append(str(error))

    def _add_judgement(self, name: str, found: Judgement) -> None:
        halves = f"{found.first_half / MIB:.0f} → {found.second_half / MIB:.0f} MiB"
        self.rows.append((f"memory, {name}", f"{halves}, peak {found.peak / MIB:.0f}"))
        self.rows.append(("", f"{found.slope / MIB:+.2f} MiB a minute"))
        if not found.flat:
            self.faults.append(f"the memory of the {name} grew: {halves}")

    def add_end(self, status: int, workers_before: set[int], workers_after: set[int]) -> None:
        self.rows.append(("exit status", str(status)))
        if status:
            self.faults.append(f"the server ended with status {status}")
        if workers_before != workers_after:
            self.faults.append(f"workers changed from {workers_before} to {workers_after}")

    def add_log(self, log: Path) -> None:
        lines = log.read_text(errors="replace").splitlines()
        found = [line for line in lines if LOG_FAULT.search(line)]
        self.rows.append(("lines in the log", f"{len(lines):,}"))
        self.rows.append(("of these, faults", f"{len(found):,}"))
        self.faults += [f"in the log: {line}" for line in found[:10]]

    def show(self, console: Console) -> None:
        table = Table(title="Soak", title_justify="left", show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        for row in self.rows:
            table.add_row(*row)
        console.print(table)
        for fault in self.faults:
            console.print(f"FAULT {fault}", markup=False, soft_wrap=True)
        console.print("failed" if self.faults else "passed")
