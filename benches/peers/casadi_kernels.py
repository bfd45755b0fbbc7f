"""Derivative kernels by CasADi: generated, compiled, counted, timed.

    python casadi_kernels.py [--large] [--output FOLDER]

needs `pip install casadi numpy` and gcc. It writes `casadi.json` to the folder (`target/peers` of this repository unless
told otherwise): for each system and kernel the operations, the nanoseconds of one call, the values at the point of
`points.json`, and the program that was timed, so that `cargo bench -p dilqr-benches --bench casadi` can run it again beside
ours.

Kernels, with H = l + lambda' f:

    first   f, fx, fu, fp
    hess    hxx, hux, huu
    cross   hxp, hup
    terms   fp, hxp, hup
"""

import argparse
import json
import os
import subprocess
from pathlib import Path

import casadi
from casadi import SX, Function, cse, dot, hessian, jacobian, vertcat, vertsplit

from systems import SYSTEMS

HERE = Path(__file__).resolve().parent
COMPILER = ["gcc", "-O3", "-march=native"]

# Instructions of CasADi's programs that compute nothing.
MOVES = (casadi.OP_CONST, casadi.OP_INPUT, casadi.OP_OUTPUT, casadi.OP_ASSIGN)


def kernels(system, sizes):
    """Each kernel's outputs by name, and the inputs of all."""
    x, u, p, costate = (SX.sym(name, size) for name, size in zip(("x", "u", "p", "l"), sizes))
    nx = x.numel()
    lists = [vertsplit(vector) for vector in (x, u, p)]
    f = vertcat(*system.step(*lists))
    hamiltonian = system.cost(*lists[:2]) + dot(costate, f)
    z = vertcat(x, u)
    second, slope = hessian(hamiltonian, z)
    mixed = jacobian(slope, p)
    first = {"f": f, "fx": jacobian(f, x), "fu": jacobian(f, u), "fp": jacobian(f, p)}
    cross = {"hxp": mixed[:nx, :], "hup": mixed[nx:, :]}
    outputs = {
        "first": first,
        "hess": {"hxx": second[:nx, :nx], "hux": second[nx:, :nx], "huu": second[nx:, nx:]},
        "cross": cross,
        "terms": {"fp": first["fp"], **cross},
    }
    return [x, u, p, costate], outputs


def operations(function):
    return sum(function.instruction_id(k) not in MOVES for k in range(function.n_instructions()))


# Reads nothing, writes the nanoseconds of one call and the values of all outputs. The time is the median of many loops so
# short that most of them are not interrupted.
DRIVER = """
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int KERNEL(const double **arguments, double **results, long long *integers, double *reals, int memory);

static double inputs[] = {INPUTS};
static const int input_lengths[] = {INPUT_LENGTHS};
static const int output_lengths[] = {OUTPUT_LENGTHS};
static double outputs[OUTPUTS];

static const double *arguments[ARGUMENTS];
static double *results[RESULTS];
static long long integers[INTEGERS + 1];
static double reals[REALS + 1];

static double seconds(long calls) {
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (long call = 0; call < calls; call++) {
        /* Another number each time, so that no call repeats the last. */
        inputs[0] += 1e-12;
        KERNEL(arguments, results, integers, reals, 0);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
}

static int ascending(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

int main(void) {
    double *next = inputs;
    for (unsigned i = 0; i < sizeof input_lengths / sizeof *input_lengths; next += input_lengths[i++]) arguments[i] = next;
    next = outputs;
    for (unsigned i = 0; i < sizeof output_lengths / sizeof *output_lengths; next += output_lengths[i++]) results[i] = next;
    KERNEL(arguments, results, integers, reals, 0);
    static double values[OUTPUTS];
    for (int i = 0; i < OUTPUTS; i++) values[i] = outputs[i];

    long calls = 1;
    while (seconds(calls) < 5e-4) calls *= 2;
    double samples[201];
    for (int i = 0; i < 201; i++) samples[i] = seconds(calls) / (double)calls * 1e9;
    qsort(samples, 201, sizeof *samples, ascending);
    printf("%.17g\\n", samples[100]);
    for (int i = 0; i < OUTPUTS; i++) printf("%.17g\\n", values[i]);
    return 0;
}
"""


def build(function, point, folder):
    """The program that runs a function in a loop."""
    name = function.name()
    arguments, results, integers, reals = (function.sz_arg(), function.sz_res(), function.sz_iw(), function.sz_w())
    output_lengths = [function.nnz_out(i) for i in range(function.n_out())]

    def joined(numbers):
        return ", ".join(map(repr, numbers))

    places = {
        "KERNEL": name,
        "INPUT_LENGTHS": joined([len(vector) for vector in point]),
        "OUTPUT_LENGTHS": joined(output_lengths),
        "INPUTS": joined([value for vector in point for value in vector]),
        "OUTPUTS": str(sum(output_lengths)),
        "ARGUMENTS": str(arguments),
        "RESULTS": str(results),
        "INTEGERS": str(integers),
        "REALS": str(reals),
    }
    text = DRIVER
    for place, value in places.items():
        text = text.replace(place, value)
    driver, program = folder / f"{name}_driver.c", folder / name
    driver.write_text(text)
    # CasADi writes to the working folder.
    here = os.getcwd()
    os.chdir(folder)
    try:
        function.generate(f"{name}.c")
    finally:
        os.chdir(here)
    subprocess.run([*COMPILER, folder / f"{name}.c", driver, "-o", program, "-lm"], check=True)
    return program


def dense(sparsity, values):
    """All entries, column after column."""
    return casadi.DM(sparsity, values).full().flatten(order="F").tolist()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent.parent / "target"))
    parser.add_argument("--output", type=Path, default=target / "peers")
    parser.add_argument("--large", action="store_true", help="also the arm, on which gcc spends some minutes")
    options = parser.parse_args()
    folder = options.output.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    points = json.loads((HERE / "points.json").read_text())

    systems = {}
    for name, system in SYSTEMS.items():
        if system.large and not options.large:
            continue
        point = points[name if system.timed else "arm"]
        point = [point["x"], point["u"], point["p"], [0.3 + 0.1 * i for i in range(len(point["x"]))]]
        inputs, outputs = kernels(system, [len(vector) for vector in point])
        systems[name] = {}
        for kernel, fields in outputs.items():
            function = Function(f"{name}_{kernel}", inputs, cse(list(fields.values())))
            entry = {"operations": operations(function)}
            if system.timed:
                program = build(function, point, folder)
                printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout
                nanoseconds, *values = map(float, printed.split())
                entry |= {"program": str(program), "nanoseconds": nanoseconds, "values": {}}
                for index, field in enumerate(fields):
                    sparsity = function.sparsity_out(index)
                    own, values = values[: sparsity.nnz()], values[sparsity.nnz() :]
                    entry["values"][field] = dense(sparsity, own)
            systems[name][kernel] = entry
            print(name, kernel, entry["operations"], round(entry.get("nanoseconds", 0.0), 1), flush=True)

    version = subprocess.run([COMPILER[0], "--version"], check=True, capture_output=True, text=True).stdout.splitlines()[0]
    result = {"casadi": casadi.__version__, "compiler": f"{version}, {' '.join(COMPILER[1:])}", "systems": systems}
    (folder / "casadi.json").write_text(json.dumps(result, indent=1))
    print("wrote", folder / "casadi.json")


if __name__ == "__main__":
    main()
