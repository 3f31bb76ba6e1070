"""What a worker's process takes, as the operating system tells it."""

import psutil

from pippin.core.card import WorkerFigures
from pippin.fleet.life import WorkerLife


def figures_of(life: WorkerLife | None) -> WorkerFigures | None:
    """``None``: there is no worker, or it has just ended."""
    if life is None or life.pid is None:
        return None
    try:
        process = psutil.Process(life.pid)
        with process.oneshot():
            times = process.cpu_times()
            told = life.pulse.told if life.pulse else None
            return WorkerFigures(
                pid=life.pid,
                resident_bytes=process.memory_info().rss,
                cpu_seconds=times.user + times.system,
                threads=process.num_threads(),
                decoding=told.decoding if told else 0,
                prefilling=told.prefilling if told else 0,
                waiting=told.waiting if told else 0,
            )
    except psutil.Error:
        return None
