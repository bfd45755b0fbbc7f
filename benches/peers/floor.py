"""The floor: for each problem a C program that solves and differentiates it and can do nothing else.

    python floor.py [--output FOLDER]

needs `pip install casadi` and gcc. Kernels are CasADi's, the program around them is `floor.c`; `problems.py` says what is
printed.
"""

import argparse
import json
import subprocess
from pathlib import Path

import problems

try:
    import casadi
    from casadi import SX, Function, cse, densify, dot, gradient, hessian, jacobian, vertcat, vertsplit
except ImportError as error:
    print(json.dumps({"peer": "C for one problem", "missing": str(error)}))
    raise SystemExit from None

HERE = Path(__file__).resolve().parent
COMPILER = ["gcc", "-O3", "-march=native", "-ffp-contract=fast"]


def kernels(problem):
    problems.use(casadi)
    nx, nu, np = len(problem.start), len(problem.neutral), len(problem.params)
    x, u, p, costate = SX.sym("x", nx), SX.sym("u", nu), SX.sym("p", np), SX.sym("l", nx)
    dx, du, dcostate = SX.sym("dx", nx), SX.sym("du", nu), SX.sym("dl", nx)
    z = vertcat(x, u)
    f = vertcat(*problem.step(vertsplit(x), vertsplit(u), vertsplit(p)))
    cost = problem.cost(vertsplit(x), vertsplit(u))
    fx, fu = jacobian(f, x), jacobian(f, u)

    def blocks(function):
        second, slope = hessian(function, z)
        return [second[:nx, :nx], second[nx:, :nx], second[nx:, nx:]], [slope[:nx], slope[nx:]]

    curvature, slope = blocks(cost)
    hamiltonian = cost + dot(costate, f)
    contraction = gradient(dot(gradient(hamiltonian, z), vertcat(dx, du)) + dot(dcostate, f), p)
    functions = {
        "k_advance": ([x, u, p], [f, cost]),
        "k_expand": ([x, u, p], [fx, fu, *curvature, *slope]),
        "k_slope": ([x, u, p], [fx, fu, *slope]),
        "k_curve": ([x, u, p, costate], [fx, fu, *blocks(hamiltonian)[0]]),
        "k_contract": ([x, u, p, costate, dx, du, dcostate], [contraction]),
    }
    return [Function(name, given, cse([densify(out) for out in outs])) for name, (given, outs) in functions.items()]


def header(problem):
    def row(values):
        return "{" + ", ".join(repr(float(value)) for value in values) + "}"

    sizes = {"NX": len(problem.start), "NU": len(problem.neutral), "NP": len(problem.params)}
    sizes |= {"HORIZON": problem.horizon, "RATE": problem.rate, "TOLERANCE": problems.TOLERANCE}
    lines = [f"#define {name} {value}" for name, value in sizes.items()]
    lines += [
        f"static const double {name}[] = {row(values)};"
        for name, values in (("START", problem.start), ("PARAMS", problem.params), ("NEUTRAL", problem.neutral))
    ]
    lines.append(f"static const double GUESS[HORIZON][NU] = {{{', '.join(map(row, problem.guess()))}}};")
    return "\n".join(lines) + "\n"


def program(problem, folder):
    folder.mkdir(parents=True, exist_ok=True)
    generator = casadi.CodeGenerator("kernels.c", {"with_header": False})
    for function in kernels(problem):
        generator.add(function)
    generator.generate(f"{folder}/")
    (folder / "problem.h").write_text(header(problem))
    flags = ["-DRICCATI"] if problem.name == "cartpole_T100" else []
    compiled = folder / "floor"
    subprocess.run([*COMPILER, *flags, f"-I{folder}", f"-I{HERE}", str(HERE / "floor.c"), "-o", str(compiled), "-lm"], check=True)
    return compiled


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=HERE.parents[1] / "target" / "peers")
    folder = parser.parse_args().output.resolve() / "floor"
    programs = {problem.name: program(problem, folder / problem.name) for problem in problems.PROBLEMS}
    cases = {name: json.loads(subprocess.run([path], capture_output=True, check=True).stdout) for name, path in programs.items()}
    riccati = cases["cartpole_T100"]
    riccati = {"gain": riccati.pop("gain"), "feedforward": riccati.pop("feedforward"), "time": riccati.pop("riccati"), "lanes": riccati.pop("lanes")}
    print(json.dumps({"peer": f"C for one problem, kernels of CasADi {casadi.__version__}", "cases": cases, "riccati": riccati}))


main()
