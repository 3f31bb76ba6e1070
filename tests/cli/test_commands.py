"""The table of commands, its help, and what help must not import."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pippin import __version__
from pippin.cli import serve
from pippin.cli.commands import COMMANDS, main
from pippin.cli.flags import GROUPS, setting_flags
from pippin.cli.given import in_force
from pippin.settings import LISTS, Settings
from pippin.settings.words import flag_name

HEAVY = ("fastapi", "starlette", "uvicorn", "pydantic", "msgspec", "rich", "asyncio", "mlx")


def test_help_lists_every_command_with_examples() -> None:
    shown = CliRunner().invoke(main, ["--help"]).output
    for name, entry in COMMANDS.items():
        assert f"{name}  " in shown
        assert entry.summary in shown
    assert "Examples:" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_agrees_with_the_table(name: str) -> None:
    done = CliRunner().invoke(main, [name, "--help"])
    assert done.exit_code == 0
    assert COMMANDS[name].summary.split(",")[0].rstrip(".") in done.output


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pippin.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"print('heavy:', *(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.endswith("heavy:\n")


def test_version() -> None:
    assert CliRunner().invoke(main, ["version"]).output == f"pippin {__version__}\n"
    assert CliRunner().invoke(main, ["--version"]).output == f"pippin, {__version__}\n".replace(
        ",", ""
    )


def test_an_unknown_command_names_the_known_ones() -> None:
    done = CliRunner().invoke(main, ["sreve"])
    assert done.exit_code == 2
    assert f"the commands are {', '.join(COMMANDS)}" in done.output


def test_every_setting_is_a_flag() -> None:
    flags = {flag.name: flag for flag in setting_flags()}
    assert set(flags) == set(Settings.model_fields) - {"models"}
    for name, flag in flags.items():
        assert re.fullmatch(r"--[a-z-]+", flag.opts[0])
        assert flag.multiple == (name in LISTS)


def test_every_setting_is_in_one_group_of_the_help() -> None:
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(set(Settings.model_fields) - {"models"})
    shown = CliRunner().invoke(main, ["serve", "--help"]).output
    places = [shown.index(f"\n{title}:\n") for title in GROUPS]
    assert places == sorted(places)
    for flag in setting_flags():
        assert len(re.findall(rf"^  {flag.opts[0]}\b(?!-)", shown, re.MULTILINE)) == 1


@pytest.mark.parametrize(
    ("setting", "flag"),
    [
        ("api_keys", "--api-key"),
        ("max_body_bytes", "--max-body"),
        ("receipt_timeout_s", "--receipt-timeout"),
        ("blas_threads", "--blas-threads"),
        ("queue_timeout_s", "--queue-timeout"),
        ("cache_write_rate", "--cache-write-rate"),
        ("agent_keys", "--agent-key"),
    ],
)
def test_flag_names(setting: str, flag: str) -> None:
    assert flag_name(setting) == flag


def test_flags_win_and_absent_flags_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPPIN_PORT", "9000")
    monkeypatch.setenv("PIPPIN_INSECURE", "1")
    absent = {"port": None, "insecure": False, "models": (), "api_keys": ()}
    settings = in_force(absent).settings
    assert (settings.port, settings.insecure) == (9000, True)
    assert in_force({"port": 0}).settings.port == 0


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("PIPPIN_API_KEY", "secret", "PIPPIN_API_KEY is no setting of this server"),
        ("PIPPIN_API_KEY", "secret", "did you mean PIPPIN_API_KEYS?"),
        ("PIPPIN_MAX_BODY", "1", "did you mean PIPPIN_MAX_BODY_BYTES?"),
        ("PIPPIN_API_KEYS", " , ", "there is no key in it"),
        ("PIPPIN_ALLOWED_HOSTS", "a.example:80", "without scheme, port and path"),
        ("PIPPIN_ALLOWED_HOSTS", "::1", "in brackets"),
        ("PIPPIN_MEMORY", "lots", "write a size like 8GiB"),
        ("PIPPIN_CACHE_RAM", "-1", "write a size like 8GiB"),
        ("PIPPIN_KV_BITS", "5", "--kv-bits (PIPPIN_KV_BITS)"),
        ("PIPPIN_BATCH_KEYS", ",", "there is no key in it"),
    ],
)
def test_wrong_variables_are_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    done = CliRunner().invoke(main, ["serve"])
    assert done.exit_code == 2
    assert says in done.output
    assert "secret" not in done.output


def test_variables_of_others_are_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPPIN_BLAS", "/lib/blas.so")
    assert in_force({}).settings.port == 8000


def test_help_tells_ranges() -> None:
    shown = " ".join(CliRunner().invoke(main, ["serve", "--help"]).output.split())
    assert "from 1 to 1024" in shown
    assert "more than 0" in shown


def test_sizes_and_choices_may_be_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Settings] = []
    monkeypatch.setattr(serve, "start", lambda settings, notes: given.append(settings))
    flags = ["--memory", "8GiB", "--cache-ram=0", "--kv-bits", "8", "--cache-dir", "/x"]
    flags += ["--group-size", "32", "--log-level", "DEBUG"]
    done = CliRunner().invoke(main, ["serve", *flags])
    assert done.exit_code == 0, done.output
    (settings,) = given
    assert (settings.memory, settings.cache_ram, settings.kv_bits) == (8 * 2**30, 0, 8)
    assert settings.cache_folder == Path("/x")
    assert (settings.group_size, settings.log_level) == (32, "debug")
