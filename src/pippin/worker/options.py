"""The worker's command line, written by the gateway's supervisor and by nobody else."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    socket: str
    name: str
    model: str
    log_level: str
    blas_threads: int
    keep_dtype: bool
    prefill_budget: int
    max_lanes: int
    max_concurrency: int
    queue_timeout: float
    stall_timeout: float
    memory: int
    cache_ram: int
    cache_disk: int
    cache_dir: str
    cache_write_rate: int
    cache_min_tokens: int
    cache_slots: int
    kv_bits: int
    tool_parser: str
    probe: bool

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> "Options":
        parser = argparse.ArgumentParser(prog="python -m pippin.worker", description=__doc__)
        parser.add_argument("--socket", default="", help="the gateway's unix socket")
        parser.add_argument("--name", default="model", help="the name that clients use")
        parser.add_argument("--model", default="demo", help="demo, a folder, or org/name")
        parser.add_argument("--log-level", default="info")
        parser.add_argument("--blas-threads", type=int, default=1)
        parser.add_argument("--keep-dtype", action="store_true", help="weights as stored")
        parser.add_argument(
            "--prefill-budget", type=int, default=0, help="tokens per step; 0: by device"
        )
        parser.add_argument("--max-lanes", type=int, default=64)
        parser.add_argument("--max-concurrency", type=int, default=0, help="0: as many as lanes")
        parser.add_argument("--queue-timeout", type=float, default=300.0, help="seconds")
        parser.add_argument("--stall-timeout", type=float, default=300.0, help="seconds")
        parser.add_argument("--memory", type=int, default=0, help="bytes; 0: by machine")
        parser.add_argument("--cache-ram", type=int, default=-1, help="bytes; -1: by memory")
        parser.add_argument("--cache-disk", type=int, default=0, help="bytes")
        parser.add_argument("--cache-dir", default="", help="the folder of all models' records")
        parser.add_argument("--cache-write-rate", type=int, default=64 << 20, help="bytes/second")
        parser.add_argument("--cache-min-tokens", type=int, default=32)
        parser.add_argument("--cache-slots", type=int, default=0, help="0: as many as fit")
        parser.add_argument("--kv-bits", type=int, default=0, choices=(0, 4, 8))
        parser.add_argument("--tool-parser", default="", help="a family; empty: by template")
        parser.add_argument("--probe", action="store_true", help="print what this runs on")
        return cls(**vars(parser.parse_args(arguments)))
