"""``python -m dilqr new NAME`` writes a package for a model of your own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ._new import NewError, new


def main(arguments: list[str] | None = None) -> int:
    """Runs a command, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dilqr", description="Differentiable optimal control.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("new", help="write a package for a model of your own")
    command.add_argument("name", help="the name of the model and of the Python module, such as my_model")
    command.add_argument("--path", type=Path, help="a checkout of dilqr, in place of its published crates")
    given = parser.parse_args(arguments)
    try:
        folder = new(given.name, Path.cwd(), given.path)
    except NewError as error:
        print(f"dilqr: {error}", file=sys.stderr)
        return 1
    print(
        f"Wrote {folder.name}: the model is {folder.name}/src/lib.rs. In a virtual environment, build it with\n\n"
        f"    cd {folder.name} && maturin develop --release\n\n"
        f"and use it: dilqr.Solver({folder.name}.model, horizon=40). Compiling a model takes Symbolica, which has a license\n"
        "of its own (symbolica.io/license); running one does not."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
