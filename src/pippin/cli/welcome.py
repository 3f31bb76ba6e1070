"""What the operator sees at the start: loading, then the address and a first request to try."""

import asyncio
import json
import shlex
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from pippin import __version__
from pippin.fleet.model import ServedModel
from pippin.settings import Settings

REFRESH_S = 0.1
QUESTION = "What is the capital of France?"


async def watch_loading(models: Sequence[ServedModel], console: Console) -> None:
    """Show how loading goes until every model is ready or has failed.

    Bars in a terminal; elsewhere a line per model at the start and one at the end.
    """
    console.print(f"Pippin {__version__}")
    if console.is_terminal:
        await _bars(models, console)
    else:
        for model in models:
            console.print(f"  {model.name}: loading", markup=False)
        await asyncio.gather(*(model.settled() for model in models))
    for model in models:
        console.print(f"  {_verdict(model)}", markup=False, soft_wrap=True)


def announce(
    settings: Settings, models: Sequence[ServedModel], port: int, console: Console
) -> None:
    """The address, and a ready-made request to the first model that is ready, if one is."""
    base = address(settings.host, port)
    on_demand = sum(model.state == "unloaded" for model in models)
    if on_demand:
        console.print(f"  {on_demand} more on demand: GET {base}/v1/models", soft_wrap=True)
    console.print(f"Listening on {base}", markup=False, soft_wrap=True)
    console.print(f"API pages at {base}/docs, stop with Ctrl-C. Try:", soft_wrap=True)
    ready = next((model for model in models if model.state == "ready"), None)
    words = example(base, ready, bool(settings.keys)) if ready else f"curl {base}/v1/models"
    console.print(f"  {words}", markup=False, soft_wrap=True)


def address(host: str, port: int) -> str:
    """How a program on this machine reaches the server."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host.strip("[]"), host.strip("[]"))
    if ":" in reachable and not reachable.startswith("["):
        reachable = f"[{reachable}]"
    return f"http://{reachable}:{port}"


def example(base: str, model: ServedModel, with_key: bool) -> str:
    """A ``curl`` line that can be pasted. A key is never printed, only where to put it."""
    body: dict[str, object] = {"model": model.name}
    if model.info.chat:
        path, body["messages"] = "chat/completions", [{"role": "user", "content": QUESTION}]
    else:
        path, body["prompt"] = "completions", "Once upon a time"
    key = ' -H "Authorization: Bearer $YOUR_KEY"' if with_key else ""
    return (
        f"curl {base}/v1/{path}{key} -H 'Content-Type: application/json' "
        f"-d {shlex.quote(json.dumps(body))}"
    )


async def _bars(models: Sequence[ServedModel], console: Console) -> None:
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bars = {model.name: progress.add_task(model.name, total=None) for model in models}
        while any(model.state == "loading" or model.awaited for model in models):
            for model in models:
                total = model.progress.total or None
                words = f"{model.name}: {model.reason or model.state}"
                progress.update(
                    bars[model.name],
                    description=words,
                    total=total,
                    completed=model.progress.done,
                )
            await asyncio.sleep(REFRESH_S)
    await asyncio.gather(*(model.settled() for model in models))


def _verdict(model: ServedModel) -> str:
    if model.state == "unloaded":
        return f"{model.name}: not loaded: {model.reason}"
    if model.state != "ready":
        return f"{model.name}: cannot be served: {model.reason}"
    info = model.info
    device = f", {info.device}" if info.device else ""
    return f"{model.name}: ready ({info.architecture}, context {info.context_length}{device})"
