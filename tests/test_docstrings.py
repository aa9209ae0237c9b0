"""Docstrings of everything public: complete, and in the form that numpydoc asks for."""

import ast
import importlib
import inspect
import pkgutil
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest
from numpydoc.validate import validate

import insilico
import stimuli

CHECKS = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["tool"][
    "numpydoc_validation"
]["checks"]

# Named by torch, and explained by the class.
INHERITED = ("forward", "extra_repr")

# What a docstring without a list of parameters need not have, where no package offers the function.
SECTIONS = ("PR01", "RT01", "YD01")


def modules():
    for package in (insilico, stimuli):
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def public_names():
    """Every public function, class and method, under the name of the module that defines it."""
    for module in modules():
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if getattr(value, "__module__", None) != module.__name__:
                continue
            if inspect.isclass(value) or inspect.isfunction(inspect.unwrap(value)):
                yield f"{module.__name__}.{name}"
            if inspect.isclass(value):
                for method, body in vars(value).items():
                    if inspect.isfunction(body) and not method.startswith("_"):
                        yield f"{module.__name__}.{name}.{method}"


def exported():
    """What packages offer by name: the pages of the API."""
    return {
        f"{value.__module__}.{name}"
        for module in modules()
        if hasattr(module, "__path__")
        for name in getattr(module, "__all__", ())
        if inspect.isfunction(inspect.unwrap(value := getattr(module, name)))
    }


EXPORTED = exported()
NAMES = sorted(name for name in public_names() if name.rpartition(".")[2] not in INHERITED)


def test_there_are_public_names():
    assert {"insilico.models.loading.load_model", "stimuli.gratings.grating"} <= EXPORTED
    assert "stimuli.display.Display.encode" in NAMES


def test_no_docstring_stands_twice():
    places = defaultdict(list)
    for package in (insilico, stimuli):
        for path in sorted(Path(package.__file__).parent.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                    said = " ".join((ast.get_docstring(node) or "").split())
                    places[said].append(f"{path.name}: {getattr(node, 'name', 'module')}")
    places.pop("")
    assert not {said: where for said, where in places.items() if len(where) > 1}


@pytest.mark.parametrize("name", NAMES)
def test_docstring(name):
    found = validate(name)
    brief = name not in EXPORTED and "\nParameters\n---" not in found["docstring"]
    checks = set(CHECKS) - set(SECTIONS) if brief else CHECKS
    errors = [f"{code}: {text}" for code, text in found["errors"] if code in checks]
    assert not errors
