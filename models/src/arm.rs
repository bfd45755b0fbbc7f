//! An arm of seven joints in a row, about the size of a light industrial one: the longest model here.
//!
//! Equations: the articulated-body algorithm, Featherstone, "Rigid Body Dynamics Algorithms", Springer 2008, section
//! 7.3, in spatial vectors whose first three entries are angular; friction in the joints. Joints turn about the links'
//! third and second axes in turn; a link is a rod along its third axis. Sizes and cost are those of the comparison with
//! other tools.

#[expect(clippy::module_inception, reason = "the macro names the model after the module; the file has the same noun")]
#[dilqr_runtime::model(integrator = euler, dt = DT)]
mod arm {
    /// The joints, from the base on.
    pub struct State {
        /// Angles; the arm is stretched upwards where all are 0 \[rad\].
        pub angle: [f64; N],
        /// Angular velocities \[rad/s\].
        pub rate: [f64; N],
    }

    /// The motors.
    pub struct Control {
        /// Torques at the joints \[N m\].
        pub torque: [f64; N],
    }

    /// Parameters of the motion.
    pub struct Params {
        /// Masses of the links \[kg\].
        pub mass: [f64; N],
    }

    /// Number of joints and links.
    const N: usize = 7;

    /// Time step \[s\].
    pub const DT: f64 = 0.01;

    /// Gravity \[m/s^2\].
    const GRAVITY: f64 = 9.81;

    /// Lengths of the links \[m\].
    const LENGTH: [f64; N] = [0.34, 0.20, 0.20, 0.20, 0.20, 0.19, 0.13];

    /// The axis of each joint in its link.
    const AXIS: [usize; N] = [2, 1, 2, 1, 2, 1, 2];

    /// Square of a link's radius of gyration about its own axis \[m^2\].
    const GYRATION: f64 = 0.0025;

    /// Friction of a joint \[N m s\].
    const FRICTION: f64 = 0.1;

    /// Goal of the cost for every joint \[rad\].
    const GOAL: f64 = 0.3;

    fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    }

    /// A spatial motion `b` seen from one that moves with `a`.
    fn cross_motion(a: [f64; 6], b: [f64; 6]) -> [f64; 6] {
        let turn = [a[0], a[1], a[2]];
        let angular = cross(turn, [b[0], b[1], b[2]]);
        let first = cross(turn, [b[3], b[4], b[5]]);
        let second = cross([a[3], a[4], a[5]], [b[0], b[1], b[2]]);
        [angular[0], angular[1], angular[2], first[0] + second[0], first[1] + second[1], first[2] + second[2]]
    }

    /// The dual of `cross_motion`, for a spatial force `f`.
    fn cross_force(a: [f64; 6], f: [f64; 6]) -> [f64; 6] {
        let turn = [a[0], a[1], a[2]];
        let first = cross(turn, [f[0], f[1], f[2]]);
        let second = cross([a[3], a[4], a[5]], [f[3], f[4], f[5]]);
        let linear = cross(turn, [f[3], f[4], f[5]]);
        [first[0] + second[0], first[1] + second[1], first[2] + second[2], linear[0], linear[1], linear[2]]
    }

    fn times(m: [[f64; 6]; 6], v: [f64; 6]) -> [f64; 6] {
        let mut product = [0.0; 6];
        for i in 0..6 {
            for k in 0..6 {
                product[i] += m[i][k] * v[k];
            }
        }
        product
    }

    fn transposed_times(m: [[f64; 6]; 6], v: [f64; 6]) -> [f64; 6] {
        let mut product = [0.0; 6];
        for i in 0..6 {
            for k in 0..6 {
                product[i] += m[k][i] * v[k];
            }
        }
        product
    }

    /// `x' m x` for a symmetric `m`.
    fn congruence(x: [[f64; 6]; 6], m: [[f64; 6]; 6]) -> [[f64; 6]; 6] {
        let mut half = [[0.0; 6]; 6];
        for i in 0..6 {
            for j in 0..6 {
                for k in 0..6 {
                    half[i][j] += m[i][k] * x[k][j];
                }
            }
        }
        let mut whole = [[0.0; 6]; 6];
        for i in 0..6 {
            for j in 0..=i {
                for k in 0..6 {
                    whole[i][j] += x[k][i] * half[k][j];
                }
                whole[j][i] = whole[i][j];
            }
        }
        whole
    }

    /// Spatial motions from the link before joint `i` to the link behind it: `[E, 0; -E r x, E]`.
    fn transform(i: usize, angle: f64) -> [[f64; 6]; 6] {
        let (sin, cos) = angle.sin_cos();
        let turn = if AXIS[i] == 2 {
            [[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]]
        } else {
            [[cos, 0.0, -sin], [0.0, 1.0, 0.0], [sin, 0.0, cos]]
        };
        let offset = if i > 0 { LENGTH[i - 1] } else { 0.0 };
        let mut x = [[0.0; 6]; 6];
        for row in 0..3 {
            for column in 0..3 {
                x[row][column] = turn[row][column];
                x[row + 3][column + 3] = turn[row][column];
            }
            x[row + 3][0] = -offset * turn[row][1];
            x[row + 3][1] = offset * turn[row][0];
        }
        x
    }

    /// Spatial inertia of link `i` about its joint: a rod with its center of mass half its length up.
    fn link_inertia(i: usize, mass: f64) -> [[f64; 6]; 6] {
        let half = 0.5 * LENGTH[i];
        let across = mass * (LENGTH[i] * LENGTH[i] / 12.0 + GYRATION + half * half);
        let moment = mass * half;
        [
            [across, 0.0, 0.0, 0.0, -moment, 0.0],
            [0.0, across, 0.0, moment, 0.0, 0.0],
            [0.0, 0.0, mass * GYRATION, 0.0, 0.0, 0.0],
            [0.0, moment, 0.0, mass, 0.0, 0.0],
            [-moment, 0.0, 0.0, 0.0, mass, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0, mass],
        ]
    }

    /// The rate of change of the state.
    pub fn derivative(x: State, u: Control, p: Params) -> State {
        // Outwards: velocities, and accelerations of the links without joint torques.
        let mut transforms = [[[0.0; 6]; 6]; N];
        let mut inertia = [[[0.0; 6]; 6]; N];
        let mut bias = [[0.0; 6]; N];
        let mut drift = [[0.0; 6]; N];
        let mut velocity = [0.0; 6];
        for i in 0..N {
            transforms[i] = transform(i, x.angle[i]);
            inertia[i] = link_inertia(i, p.mass[i]);
            let mut joint = [0.0; 6];
            joint[AXIS[i]] = x.rate[i];
            velocity = times(transforms[i], velocity);
            velocity[AXIS[i]] += x.rate[i];
            drift[i] = cross_motion(velocity, joint);
            bias[i] = cross_force(velocity, times(inertia[i], velocity));
        }

        // Inwards: the inertia and the force of all links behind each joint.
        let mut column = [[0.0; 6]; N];
        let mut pivot = [0.0; N];
        let mut drive = [0.0; N];
        for i in (0..N).rev() {
            let axis = AXIS[i];
            for k in 0..6 {
                column[i][k] = inertia[i][k][axis];
            }
            pivot[i] = 1.0 / column[i][axis];
            drive[i] = u.torque[i] - FRICTION * x.rate[i] - bias[i][axis];
            if i > 0 {
                let mut rest = inertia[i];
                for row in 0..6 {
                    for k in 0..6 {
                        rest[row][k] -= column[i][row] * column[i][k] * pivot[i];
                    }
                }
                let mut force = times(rest, drift[i]);
                for k in 0..6 {
                    force[k] += bias[i][k] + column[i][k] * (pivot[i] * drive[i]);
                }
                let felt = congruence(transforms[i], rest);
                let force = transposed_times(transforms[i], force);
                for row in 0..6 {
                    for k in 0..6 {
                        inertia[i - 1][row][k] += felt[row][k];
                    }
                    bias[i - 1][row] += force[row];
                }
            }
        }

        // Outwards: accelerations, the base accelerating against gravity.
        let mut acceleration = [0.0, 0.0, 0.0, 0.0, 0.0, GRAVITY];
        let mut rate = [0.0; N];
        for i in 0..N {
            acceleration = times(transforms[i], acceleration);
            let mut resisted = 0.0;
            for k in 0..6 {
                acceleration[k] += drift[i][k];
                resisted += column[i][k] * acceleration[k];
            }
            rate[i] = pivot[i] * (drive[i] - resisted);
            acceleration[AXIS[i]] += rate[i];
        }
        State { angle: x.rate, rate }
    }

    /// Cost of one step.
    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let mut cost = terminal_cost(x, p);
        for i in 0..N {
            cost += 0.0005 * u.torque[i].powi(2);
        }
        cost
    }

    /// Cost of the final state: distance from the goal, and motion.
    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        let mut cost = 0.0;
        for i in 0..N {
            cost += 0.5 * (x.angle[i] - GOAL).powi(2) + 0.005 * x.rate[i].powi(2);
        }
        cost
    }
}

pub use self::arm::*;

impl Default for Params {
    /// Links that get lighter towards the hand, 17.5 kg in all.
    fn default() -> Self {
        Self { mass: [4.0, 4.0, 3.0, 2.7, 1.7, 1.8, 0.3] }
    }
}
