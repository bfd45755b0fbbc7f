"""Writes activations.txt: the functions of networks with first and second derivatives, to 60 digits, rounded once.

A line has the name, the argument, the value, the slope and the second derivative, as the bits of f64 in hexadecimal.
"""
import random
import struct

from mpmath import mp, mpf, tanh, exp, log1p, expm1, sin, cos

mp.dps = 60


def sigmoid(x):
    return 1 / (1 + exp(-x))


def of(name, x):
    s = sigmoid(x)
    slope = s * sigmoid(-x)
    tilt = sigmoid(-x) - s
    y = tanh(x)
    return {
        "tanh": (y, 1 / mp.cosh(x) ** 2, -2 * y / mp.cosh(x) ** 2),
        "sigmoid": (s, slope, slope * tilt),
        "softplus": (log1p(exp(x)) if x < 0 else x + log1p(exp(-x)), s, slope),
        "elu": (x, mpf(1), mpf(0)) if x > 0 else (expm1(x), exp(x), exp(x)),
        "silu": (x * s, s + x * slope, slope * (2 + x * tilt)),
        "sin": (sin(x), cos(x), -sin(x)),
    }[name]


random.seed(3)
points = [0.0, 5e-324, 3e-320, 2.2250738585072014e-308, 1e-300, 1e-160, 1e-20, 1e-8, 1e-4]
points += [0.02, 0.3, 0.62499, 0.625, 0.7, 1.0, 1.7, 3.0, 6.9, 7.0, 12.0, 18.9, 19.1, 21.9, 22.0, 36.0, 40.0, 100.0, 700.0, 744.0, 746.0]
points += [801.0, 1e10]
points += [random.uniform(0, 2) for _ in range(60)] + [random.uniform(0, 40) for _ in range(30)]
points += [2.0 ** random.uniform(-60, 5) for _ in range(60)]
with open("activations.txt", "w") as file:
    for name in ["tanh", "sigmoid", "softplus", "elu", "silu", "sin"]:
        for size in points:
            for x in [size, -size]:
                numbers = [x] + [float(part) for part in of(name, mpf(x))]
                # The signs of zeros are those of the argument, and are tested apart.
                file.write(name + " " + " ".join(format(int.from_bytes(struct.pack(">d", number), "big"), "016x") for number in numbers) + "\n")
