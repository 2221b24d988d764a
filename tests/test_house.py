"""The rules of the house: what may name a library, and what every library must offer."""

import ast
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest
from cases import CASES, WITH_IMAGE

import segloss_xp as sx
from segloss_xp import taxonomy

PACKAGE = Path(sx.__file__).parent
MODULES = {str(path.relative_to(PACKAGE)): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in MODULES.items()}

LIBRARIES = {"torch", "jax", "cupy"}
MAY_NAME_THEM = ("_execution.py", "_ops.py", "_order.py", "_products.py")
MAY_NAME_THEM += ("gradient.py", "torch.py", "jax.py", "distance/", "cli/")
# Where arrays are told apart, for all others.
DISPATCH = {"_array.py": ("_namespace_of", "name", "namespace")}

# What gives NumPy and CuPy arrays the gradients that the others have.
FOR_NUMPY_AND_CUPY = ("gradient.py", "_tape.py")
FOR_ONE_LIBRARY = ("torch.py", "jax.py", "cli/")

HEAVY = {*LIBRARIES, "dask", "matplotlib", "nibabel", "nilearn", "numba", "rich", "scipy"}


@pytest.mark.parametrize("use", ["None", "loss(x, t)", "sx.value_and_grad(loss, x, t)"])
def test_light(use):
    """The package, and what it does for NumPy, loads no library that it could do without."""
    code = f"""
import sys, numpy as np, segloss_xp as sx
loss = sx.DiceLoss() + sx.CrossEntropyLoss()
x, t = np.zeros((1, 2, 3)), np.zeros((1, 3), int)
{use}
print(*sys.modules)
"""
    path = {"PYTHONPATH": str(PACKAGE.parent)}
    loaded = subprocess.run(
        [sys.executable, "-c", code], env=path, capture_output=True, text=True, check=True
    ).stdout.split()
    assert HEAVY.isdisjoint(loaded)


def named(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Libraries that code names, with the line."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                words = [word for alias in names for word in alias.name.split(".")]
            case ast.ImportFrom(module=module, names=names):
                words = [*(module or "").split("."), *(alias.name for alias in names)]
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.Constant(value=str(word)):
                words = [word]
            case _:
                continue
        yield from ((word, node.lineno) for word in words if word in LIBRARIES)


def test_named_finds_each_way():
    for line in (
        "import torch",
        "import array_api_compat.cupy as xp",
        "from jax.numpy import sum",
        "from segloss_xp import torch",
        "x = torch.zeros",
        "x = self.torch",
        "if kind == 'jax': pass",
    ):
        assert len(list(named(ast.parse(line)))) == 1
    assert not list(named(ast.parse("'''For torch and jax.'''")))


@pytest.mark.parametrize("module", [m for m in MODULES if not m.startswith(MAY_NAME_THEM)])
def test_names_no_library(module):
    tree = TREES[module]
    allowed = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name in DISPATCH.get(module, ())
        for line in range(node.lineno, node.end_lineno + 1)
    }
    assert [found for found in named(tree) if found[1] not in allowed] == []


def for_any(tree: ast.AST) -> Iterator[ast.AST]:
    """What runs for any library: all but the branches for PyTorch."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.match_case) and ast.unparse(node.pattern) == "'torch'":
            continue
        yield node
        yield from for_any(node)


def standard(node: ast.AST) -> str | None:
    """Name of the function or dtype, where the expression takes it from a namespace."""
    if not isinstance(node, ast.Attribute):
        return None
    match node.value:
        case ast.Name(id="xp") | ast.Attribute(attr="xp") | ast.Call(func=ast.Name(id="namespace")):
            return None if node.attr.startswith("__") else node.attr
    return None


def uses(*exempt: str) -> tuple[set[str], set[tuple[str, str]]]:
    """Every name that the package takes from a namespace, and the keywords it calls it with."""
    names, keywords = set(), set()
    for module, tree in TREES.items():
        if module.startswith(exempt):
            continue
        for node in for_any(tree):
            if attribute := standard(node):
                names.add(attribute)
            if isinstance(node, ast.Call) and (function := standard(node.func)):
                keywords |= {(function, keyword.arg) for keyword in node.keywords if keyword.arg}
    return names, keywords


def takes(function, keyword: str) -> bool:
    """Whether it has the keyword, as far as its signature tells."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return True
    kinds = {parameter.kind for parameter in parameters.values()}
    return keyword in parameters or inspect.Parameter.VAR_KEYWORD in kinds


@pytest.mark.parametrize(
    "namespace",
    [
        "array_api_compat.numpy",
        "array_api_compat.torch",
        "array_api_compat.cupy",
        "array_api_compat.dask.array",
        "array_api_strict",
        "jax.numpy",
    ],
)
def test_every_library_offers_what_is_used(namespace):
    """CuPy's namespace is there without a GPU."""
    pytest.importorskip(namespace.removeprefix("array_api_compat."))
    xp = importlib.import_module(namespace)
    borrows = namespace.endswith((".numpy", ".cupy"))
    names, keywords = uses(*FOR_ONE_LIBRARY, *(() if borrows else FOR_NUMPY_AND_CUPY))
    assert {"sum", "where", "float32"} <= names
    assert ("sum", "axis") in keywords
    assert [name for name in sorted(names) if not hasattr(xp, name)] == []
    assert [use for use in sorted(keywords) if not takes(getattr(xp, use[0]), use[1])] == []


PUBLIC = {
    name: value
    for name, value in vars(sx).items()
    if not (name.startswith("_") or isinstance(value, ModuleType))
}
# Those that can be called: the others are there to be subclassed.
LOSSES = {
    name: value
    for name, value in PUBLIC.items()
    if inspect.isclass(value) and not value.__module__.startswith("segloss_xp._")
}


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_documented(name):
    value = PUBLIC[name]
    text = inspect.getdoc(value) or ""
    assert not text.startswith(f"{name}(")  # what dataclass writes where there is nothing
    summary, *_ = text.split("\n\n")
    assert summary.endswith(".")
    arguments = (
        [field.name for field in fields(value)]
        if inspect.isclass(value) and value is not sx.Loss
        else inspect.signature(value).parameters
    )
    parameters = text.partition("Parameters\n----------\n")[2].partition("\n\n")[0]
    for argument in arguments:
        assert argument in parameters


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_documented(name):
    text = inspect.getdoc(LOSSES[name])
    for section in ("Parameters", "Notes", "References", "Examples"):
        assert f"\n{section}\n{'-' * len(section)}\n" in text
    assert ".. math::" in text
    assert f"sx.{name}(" in text


def test_every_loss_is_in_the_taxonomy():
    assert {entry.name: entry.loss for entry in sx.losses()} == LOSSES
    assert {entry.family for entry in sx.losses()} == set(taxonomy.FAMILIES)


@pytest.mark.parametrize("entry", sx.losses(), ids=lambda entry: entry.name)
def test_entries_agree_with_the_documentation(entry):
    references = inspect.getdoc(entry.loss).partition("References\n----------\n")[2]
    references = references.partition("\n\n")[0]
    for paper in entry.source.split("; "):
        author, year = paper.rsplit(" ", 1)
        assert author in references
        assert f"({year})" in references
    listed = [each.loss for each in sx.losses()]
    assert all(kin in listed for kin in entry.kin)


def test_every_loss_is_a_case():
    assert {type(case.loss) for case in (*CASES, *WITH_IMAGE)} >= set(LOSSES.values())


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_short(module):
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= 350
