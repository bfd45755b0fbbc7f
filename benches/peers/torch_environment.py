"""PyTorch and mpc.pytorch in a virtual environment of their own, under `target/peers` of this repository: some gigabytes, made the
first time only, and not if `DILQR_PEERS_INSTALL` is `no`. Import this before torch."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / "target" / "peers" / "torch-environment"
# The last mpc works with numpy 1 alone, and torch 2.2 is the last that numpy 1 comes with.
PACKAGES = ["torch==2.2.2", "numpy<2", "mpc==0.0.6"]
RESTARTED = "DILQR_PEERS_RESTARTED"

# Threads of PyTorch that wait would keep the cores of a busy machine from those that work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def in_environment():
    """Runs the script again in the virtual environment, made first where it is not there."""
    python = ENVIRONMENT / "bin" / "python"
    if not (ENVIRONMENT / "complete").exists():
        if os.environ.get("DILQR_PEERS_INSTALL") == "no":
            print(json.dumps({"missing": "PyTorch and mpc.pytorch are not installed; run the script by hand once"}))
            raise SystemExit
        print(f"installing {', '.join(PACKAGES)}", file=sys.stderr)
        venv.create(ENVIRONMENT, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        (ENVIRONMENT / "complete").touch()
    environment = {**os.environ, RESTARTED: "1", "OMP_NUM_THREADS": "1"}
    raise SystemExit(subprocess.run([python, *sys.argv], env=environment).returncode)


try:
    import torch  # noqa: F401
    from mpc import mpc  # noqa: F401
except ImportError:
    if RESTARTED in os.environ:
        raise
    in_environment()
