"""The files of a package for a model of your own."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

#: Words that are no names of modules in Rust, names of crates that the module's code refers to, and those of this package.
RESERVED = frozenset(
    [
        "abstract",
        "as",
        "async",
        "await",
        "become",
        "box",
        "break",
        "const",
        "continue",
        "crate",
        "do",
        "dyn",
        "else",
        "enum",
        "extern",
        "false",
        "final",
        "fn",
        "for",
        "gen",
        "if",
        "impl",
        "in",
        "let",
        "loop",
        "macro",
        "match",
        "mod",
        "move",
        "mut",
        "override",
        "priv",
        "pub",
        "ref",
        "return",
        "self",
        "static",
        "struct",
        "super",
        "trait",
        "true",
        "try",
        "type",
        "typeof",
        "unsafe",
        "unsized",
        "use",
        "virtual",
        "where",
        "while",
        "yield",
        "alloc",
        "core",
        "numpy",
        "pyo3",
        "std",
        "dilqr",
        "dilqr_python",
        "dilqr_runtime",
        "model",
        "test",
    ]
)

CARGO = """\
[package]
name = "{name}"
version = "0.1.0"
edition = "2024"

[lib]
crate-type = ["cdylib"]

[dependencies]
dilqr-python = {python}
dilqr-runtime = {runtime}

# The crate stands alone, also inside the folder of another one.
[workspace]
"""

PYPROJECT = """\
[build-system]
requires = ["maturin>=1.9,<2"]
build-backend = "maturin"

[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["dilqr"]
"""

SOURCE = """\
//! The model, in plain Rust. `dilqr_runtime::model` derives everything that its solves and gradients need.

#[dilqr_runtime::model]
mod {name} {{
    /// What changes with time.
    pub struct State {{
        /// Angle from upright [rad].
        pub angle: f64,
        /// Angular velocity [rad/s].
        pub rate: f64,
    }}

    /// What the solver chooses, within bounds.
    pub struct Control {{
        /// Torque at the hinge [N m].
        #[bounds(-p.strongest, p.strongest)]
        pub torque: f64,
    }}

    /// What gradients are taken in.
    pub struct Params {{
        /// Mass of the rod [kg].
        pub mass: f64,
        /// Length of the rod [m].
        pub length: f64,
        /// The largest torque [N m].
        pub strongest: f64,
    }}

    /// Time step [s].
    const DT: f64 = 0.05;

    /// The state one step later.
    pub fn dynamics(x: State, u: Control, p: Params) -> State {{
        let fall = 1.5 * 9.81 / p.length * x.angle.sin();
        let drive = 3.0 * u.torque / (p.mass * p.length.powi(2));
        let rate = x.rate + DT * (fall + drive);
        State {{ angle: x.angle + DT * rate, rate }}
    }}

    /// The cost of a step.
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {{
        x.angle.powi(2) + 0.1 * x.rate.powi(2) + 0.001 * u.torque.powi(2)
    }}

    /// The cost of the final state.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {{
        10.0 * x.angle.powi(2) + x.rate.powi(2)
    }}
}}

dilqr_python::export!({name});
"""


class NewError(Exception):
    """Why no package was written."""


def new(name: str, parent: Path, checkout: Path | None = None) -> Path:
    """Writes the package into a folder of its name, and returns the folder.

    Raises:
        NewError: for a name that is none of a module, and a folder that exists.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*", name) or name in RESERVED or keyword.iskeyword(name):
        raise NewError(f"{name!r} is not the name of a module, expected a name such as my_model")
    folder = parent / name
    if folder.exists():
        raise NewError(f"{folder} exists")
    if checkout is None:
        python, runtime = '"0.1"', '"0.1"'
    else:
        root = checkout.resolve().as_posix()
        python = f'{{ path = "{root}/integrations/python/binding" }}'
        runtime = f'{{ path = "{root}/dilqr-runtime" }}'
    (folder / "src").mkdir(parents=True)
    (folder / "Cargo.toml").write_text(CARGO.format(name=name, python=python, runtime=runtime))
    (folder / "pyproject.toml").write_text(PYPROJECT.format(name=name))
    (folder / "src" / "lib.rs").write_text(SOURCE.format(name=name))
    (folder / ".gitignore").write_text("/target\n")
    return folder
