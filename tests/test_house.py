"""The rules of the house that no linter knows. The rules of import are import-linter's."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "pippin"
FILES = sorted(SOURCE.rglob("*.py"))
FILE_LINES = 500
FUNCTION_LINES = 60
BANNED_MODULES = {"pickle", "cloudpickle", "dill", "shelve", "marshal"}
BANNED_NAMES = {"BaseHTTPMiddleware"}
# The table of commands; and the worker, which loads a BLAS before anything that imports MLX.
IMPORTS_BY_NAME = {SOURCE / "cli" / "commands.py", SOURCE / "worker" / "__main__.py"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@pytest.fixture(params=FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@pytest.fixture
def tree(path: Path) -> ast.Module:
    return parsed(path)


def imported(node: ast.AST) -> Iterator[str]:
    """The modules that a node imports; a relative one counts as our own."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield "pippin" if node.level else (node.module or "")


def test_no_import_of_our_own_inside_a_function(tree: ast.Module) -> None:
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    inside = [node for function in functions for node in ast.walk(function)]
    found = [node.lineno for node in inside if any(_is_ours(n) for n in imported(node))]  # type: ignore[attr-defined]
    assert found == []


def _is_ours(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] == "pippin"


def test_nothing_can_unpickle(tree: ast.Module) -> None:
    names = {name.split(".")[0] for node in ast.walk(tree) for name in imported(node)}
    assert not names & BANNED_MODULES


def test_no_assert_validates(tree: ast.Module) -> None:
    """``python -O`` removes them."""
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)] == []


def test_no_global_statement(tree: ast.Module) -> None:
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Global)] == []


def test_banned_names(tree: ast.Module) -> None:
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not used & BANNED_NAMES


def test_modules_are_imported_by_name_in_declared_places(path: Path, tree: ast.Module) -> None:
    names = {name for node in ast.walk(tree) for name in imported(node)}
    assert "importlib" not in names or path in IMPORTS_BY_NAME


def test_files_and_functions_stay_small(path: Path, tree: ast.Module) -> None:
    assert len(path.read_text().splitlines()) <= FILE_LINES
    for node in ast.walk(tree):
        if isinstance(node, Function):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= FUNCTION_LINES, node.name


def test_every_file_says_what_it_is(tree: ast.Module) -> None:
    assert ast.get_docstring(tree)
