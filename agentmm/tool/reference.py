"""How a tool's function is found again in another process: by module and name, or by file and name.

A script is not run again there: of `__main__` only the imports and what the function needs are executed.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from agentmm.errors import ConfigError

_SCRIPT = "__main__"


@dataclass(frozen=True)
class Reference:
    """Where a function lives.

    Attributes:
        module: its module's name; `__main__` for a script.
        path: its module's file.
        name: its qualified name in the module.
    """

    module: str
    path: str
    name: str


def reference_of(function: Callable[..., Any]) -> Reference | None:
    """The reference of a top-level function of a file; None for closures, lambdas, prompts and callable objects."""
    name = getattr(function, "__qualname__", "<")
    module = sys.modules.get(getattr(function, "__module__", "") or "")
    path = getattr(module, "__file__", None)
    if module is None or path is None or "<" in name or not Path(path).is_file():
        return None
    return Reference(module.__name__, str(Path(path).resolve()), name)


def load_reference(reference: Reference) -> Any:
    """The object that a reference names.

    Raises:
        ConfigError: the module cannot be loaded or has no such name.
    """
    try:
        module = _module(reference)
        found: Any = module
        for part in reference.name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, OSError, SyntaxError) as error:
        where = f"{reference.path}:{reference.name}"
        raise ConfigError(f"cannot load the tool {where}: {error}", mend="define it at the top of a module") from error
    return found


def _module(reference: Reference) -> ModuleType:
    """The module of a reference, loaded by name where its name leads to its file, else from the file."""
    if reference.module == _SCRIPT:
        return load_script(Path(reference.path), reference.name)
    if reference.module in sys.modules:
        return sys.modules[reference.module]
    try:
        module = importlib.import_module(reference.module)
    except ModuleNotFoundError:
        return load_file(Path(reference.path), reference.module)
    same = Path(module.__file__ or "").resolve() == Path(reference.path)
    return module if same else load_file(Path(reference.path), reference.module)


def load_file(path: Path, name: str, loader: SourceFileLoader | None = None) -> ModuleType:
    """Import a Python file under a name.

    Raises:
        ImportError: it is no Python file.
    """
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def load_script(path: Path, name: str) -> ModuleType:
    """Those parts of a script that one of its functions needs; its other statements are not executed."""
    title = f"agentmm_script_{name.split('.')[0]}"
    return load_file(path, title, _ScriptLoader(title, str(path), name.split(".")[0]))


def tools_in(path: Path) -> list[str]:
    """Names of the top-level functions of a Python file that are marked `@tool`; nothing of it is run.

    Empty where it cannot be read as Python.
    """
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    functions = [one for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [one.name for one in functions if any(_is_mark(mark) for mark in one.decorator_list)]


def _is_mark(mark: ast.expr) -> bool:
    """Whether a decorator is `@tool`, `@agentmm.tool` or either with options."""
    inner = mark.func if isinstance(mark, ast.Call) else mark
    return (isinstance(inner, ast.Name) and inner.id == "tool") or (
        isinstance(inner, ast.Attribute) and inner.attr == "tool"
    )


class _ScriptLoader(SourceFileLoader):
    """Loads the part of a file that one name needs."""

    def __init__(self, title: str, path: str, name: str) -> None:
        super().__init__(title, path)
        self.needed = name

    def get_code(self, fullname: str) -> CodeType:
        tree = ast.parse(Path(self.path).read_text(encoding="utf-8"), self.path)
        tree.body = _needed(tree.body, self.needed)
        return compile(tree, self.path, "exec")


def _needed(body: list[ast.stmt], name: str) -> list[ast.stmt]:
    """Imports, and the statements that define `name` or, transitively, any name these use."""
    wanted, kept, grown = {name}, set(), True
    while grown:
        grown = False
        for index, statement in enumerate(body):
            if index not in kept and (_is_import(statement) or wanted & _defined(statement)):
                kept.add(index)
                wanted |= {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
                grown = True
    return [body[index] for index in sorted(kept)]


def _is_import(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _defined(statement: ast.stmt) -> set[str]:
    """The names that a top-level statement binds."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test):
        return set()
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
