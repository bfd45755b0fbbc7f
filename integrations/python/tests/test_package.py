"""The package itself: its stub, the sources of its models, its documentation, and the packages that it writes."""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dilqr
from conftest import MODELS
from dilqr import _layer, _native

PACKAGE = Path(dilqr.__file__).parent
FOLDER = Path(__file__).parents[1]


def test_the_stub_is_that_of_the_module() -> None:
    """Classes, methods, properties and the names of parameters, in both directions."""
    tree = ast.parse((PACKAGE / "_native.pyi").read_text())
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    values = {
        node.target.id for node in tree.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    values = {name for name in values if not name.startswith("_")}
    public = {name: value for name, value in vars(_native).items() if not name.startswith("_")}
    assert set(public) == set(classes) | values
    for name in values:
        assert isinstance(public[name], _native.Model)
    for name, node in classes.items():
        stubs = {function.name: function for function in node.body if isinstance(function, ast.FunctionDef)}
        members = {
            member: value
            for member, value in vars(public[name]).items()
            if not member.startswith("_") or member == "__len__"
        }
        assert set(members) == set(stubs), name
        for member, stub in stubs.items():
            is_property = any(isinstance(mark, ast.Name) and mark.id == "property" for mark in stub.decorator_list)
            assert inspect.isgetsetdescriptor(members[member]) == is_property, f"{name}.{member}"
            if not is_property:
                expected = list(inspect.signature(members[member]).parameters)
                assert [argument.arg for argument in stub.args.args] == expected, f"{name}.{member}"


def test_everything_public_is_documented() -> None:
    for name in dilqr.__all__:
        item = getattr(dilqr, name)
        assert item.__doc__, name
        if not inspect.isclass(item) or issubclass(item, tuple):
            continue
        for member, value in vars(item).items():
            function = value.fget if isinstance(value, property) else value
            if not member.startswith("_") and inspect.isfunction(function):
                assert function.__doc__, f"{name}.{member}"
                assert "return" in function.__annotations__, f"{name}.{member}"
    assert (PACKAGE / "py.typed").is_file()


def test_the_core_needs_numpy_alone() -> None:
    code = "import sys, dilqr; print({'jax', 'torch', 'scipy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize("module", ["dilqr", "_model", "_solution", "_solver", "_mpc", "models", "jax", "torch"])
def test_examples_of_the_documentation(module: str) -> None:
    if module in ("jax", "torch"):
        pytest.importorskip(module)
    imported = dilqr if module == "dilqr" else importlib.import_module(f"dilqr.{module}")
    result = doctest.testmod(imported)
    assert result.failed == 0 and (result.attempted > 0)


@pytest.mark.parametrize("name", [*MODELS, "two_link_arm"])
def test_shipped_models(name: str) -> None:
    model = getattr(dilqr.models, name)
    sizes = (model.states.size, model.controls.size, model.params.size)
    assert (
        sizes
        == {
            "pendulum": (2, 1, 3),
            "pendulum_limited": (2, 1, 4),
            "cartpole": (4, 1, 4),
            "quadrotor": (12, 4, 10),
            "unicycle": (3, 2, 5),
            "arm": (4, 2, 10),
            "two_link_arm": (4, 2, 10),
        }[name]
    )
    assert model.params.to_array(model.params.defaults).shape == (model.params.size,)
    assert (model.stage_params.size, model.design_size) == (0, 0)
    with pytest.raises(AttributeError):
        model.name = "other"


def test_sources_of_models_are_those_of_the_repository() -> None:
    originals = FOLDER.parents[1] / "models" / "src"
    if not originals.is_dir():
        pytest.skip("the originals belong to a checkout of the repository")
    copies = [path for path in (FOLDER / "src" / "models").glob("*.rs") if not path.name.endswith(".dilqr.rs")]
    compared = 0
    for copy in copies:
        if copy.name == "mod.rs":
            continue
        text = re.sub(
            r"(, |\()vendored = \"[^\"]*\"\)", lambda found: ")" if found[1] == ", " else "", copy.read_text()
        )
        assert text == (originals / copy.name).read_text(), f"copy {copy.name} again, and renew its kernels"
        compared += 1
    assert compared == 6


def test_codes_of_layers_are_complete() -> None:
    """Every status of the native module has a code."""
    statuses = re.findall(r'Self::\w+ => "([a-z ]+)",', (FOLDER.parents[1] / "dilqr-runtime/src/status.rs").read_text())
    assert sorted(statuses) == sorted(_layer.STATUSES)
    kinds = re.findall(r'=> "([a-z_]+)",', (FOLDER / "binding/src/error.rs").read_text())
    assert sorted(kinds) == sorted(_layer.REASONS[1:])


def test_interfaces_are_compared() -> None:
    class Old:
        interface = 0

    with pytest.raises(ImportError, match="has version 0 of the interface, this package has version 1"):
        dilqr.Model(Old())
    rust = (FOLDER / "binding/src/lib.rs").read_text()
    assert f"INTERFACE: u32 = {dilqr._model.INTERFACE};" in rust


def test_versions_are_equal() -> None:
    for file in ("pyproject.toml", "Cargo.toml"):
        assert re.search(rf'^version = "{re.escape(dilqr.__version__)}"$', (FOLDER / file).read_text(), re.MULTILINE), (
            file
        )


def test_a_new_package(tmp_path: Path) -> None:
    """What `python -m dilqr new` writes. (`run --own-model` builds it, which takes Symbolica minutes.)"""

    def new(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dilqr", "new", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    run = new("my_model", "--path", "/some/checkout")
    assert run.returncode == 0, run.stderr
    assert "maturin develop --release" in run.stdout
    made = tmp_path / "my_model"
    assert sorted(str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()) == [
        ".gitignore",
        "Cargo.toml",
        "pyproject.toml",
        "src/lib.rs",
    ]
    manifest = (made / "Cargo.toml").read_text()
    assert 'name = "my_model"' in manifest and "/some/checkout/integrations/python/binding" in manifest
    source = (made / "src" / "lib.rs").read_text()
    assert "mod my_model {" in source and "dilqr_python::export!(my_model);" in source
    # Nothing is overwritten.
    again = new("my_model")
    assert again.returncode == 1 and "exists" in again.stderr
    for name in ("My-Model", "1st", "fn", "dilqr", "core", "std", "alloc", "pyo3", "numpy"):
        refused = new(name)
        assert refused.returncode == 1 and "expected a name such as my_model" in refused.stderr, name


def test_scalars_of_numpy_are_numbers() -> None:
    solver = dilqr.Solver(dilqr.models.pendulum, np.int64(5), tolerance=np.float64(1e-8))
    assert solver.horizon == 5 and solver.settings["tolerance"] == 1e-8


def test_the_code_of_the_page_runs() -> None:
    """All of it but the model of one's own, which is not installed here."""
    blocks = re.findall(r"```python\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    scope: dict[str, Any] = {}
    ran = 0
    for block in blocks:
        needed = re.findall(r"^import (jax|torch|my_model)$", block, re.MULTILINE)
        if all(importlib.util.find_spec(module) for module in needed):
            exec(block, scope)
            ran += 1
    assert ran >= 1 and len(blocks) == 4
    assert scope["gradient"].params.shape == (4,)
