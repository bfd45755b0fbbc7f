"""The shipped models.

>>> import dilqr
>>> dilqr.models.pendulum.params.defaults
{'gravity': 10.0, 'mass': 1.0, 'length': 1.0}
"""

from __future__ import annotations

from . import _native
from ._model import Model

#: A rod on a hinge, upright, with a motor at the hinge.
pendulum = Model(_native.pendulum)
#: The same rod, with a motor whose torque has bounds.
pendulum_limited = Model(_native.pendulum_limited)
#: A pole hinged on a cart that a force pushes along a rail.
cartpole = Model(_native.cartpole)
#: A quadrotor in space, with the pulses of its four rotors as controls.
quadrotor = Model(_native.quadrotor)
#: A vehicle that rolls along its heading and turns on the spot, driven to a pose.
unicycle = Model(_native.unicycle)
#: An arm of two links in a horizontal plane, with motors at its joints, that reaches for a point.
arm = two_link_arm = Model(_native.two_link_arm)

__all__ = ["arm", "cartpole", "pendulum", "pendulum_limited", "quadrotor", "two_link_arm", "unicycle"]
