/// The quadrotor of the comparison with CasADi: position, roll, pitch and yaw, velocity, angular velocity in the body.
///
/// `dilqr_models::quadrotor_euler` is the same system; the formulas here are arranged as in `benches/peers/systems.py`,
/// so that both tools start from one text. The build script makes the model with an Euler step from this file.
#[dilqr_runtime::model(integrator = rk4, dt = DT)]
pub mod quadrotor_rk4 {
    /// In \[m\], \[rad\], \[m/s\] and \[rad/s\].
    pub struct State {
        pub position: [f64; 3],
        pub angle: [f64; 3],
        pub velocity: [f64; 3],
        pub rate: [f64; 3],
    }

    /// Thrusts of the rotors: front, left, back, right \[N\].
    pub struct Control {
        pub thrust: [f64; 4],
    }

    /// In \[kg\], \[kg m^2\], \[m\], and torque for thrust \[m\].
    pub struct Params {
        pub mass: f64,
        pub inertia: [f64; 3],
        pub arm: f64,
        pub drag: f64,
    }

    const DT: f64 = 0.02;
    const GRAVITY: f64 = 9.81;
    const GOAL: [f64; 3] = [0.0, 0.0, 1.0];
    /// Thrust of one rotor at which a vehicle of half a kilogram hovers \[N\].
    const HOVER: f64 = 0.5 * GRAVITY / 4.0;

    pub fn derivative(x: State, u: Control, p: Params) -> State {
        let [roll, pitch, yaw] = x.angle;
        let [wx, wy, wz] = x.rate;
        let [front, left, back, right] = u.thrust;
        let [ix, iy, iz] = p.inertia;
        let (sin_roll, cos_roll) = roll.sin_cos();
        let (sin_pitch, cos_pitch) = pitch.sin_cos();
        let (sin_yaw, cos_yaw) = yaw.sin_cos();
        let lift = (front + left + back + right) / p.mass;
        let tan_pitch = sin_pitch / cos_pitch;
        State {
            position: x.velocity,
            angle: [
                wx + sin_roll * tan_pitch * wy + cos_roll * tan_pitch * wz,
                cos_roll * wy - sin_roll * wz,
                (sin_roll * wy + cos_roll * wz) / cos_pitch,
            ],
            velocity: [
                (cos_roll * sin_pitch * cos_yaw + sin_roll * sin_yaw) * lift,
                (cos_roll * sin_pitch * sin_yaw - sin_roll * cos_yaw) * lift,
                cos_roll * cos_pitch * lift - GRAVITY,
            ],
            rate: [
                (p.arm * (left - right) + (iy - iz) * wy * wz) / ix,
                (p.arm * (back - front) + (iz - ix) * wz * wx) / iy,
                (p.drag * (front - left + back - right) + (ix - iy) * wx * wy) / iz,
            ],
        }
    }

    pub fn stage_cost(x: State, u: Control, p: Params) -> f64 {
        let mut effort = 0.0;
        for i in 0..4 {
            effort += (u.thrust[i] - HOVER) * (u.thrust[i] - HOVER);
        }
        terminal_cost(x, p) + 0.05 * effort
    }

    pub fn terminal_cost(x: State, _p: Params) -> f64 {
        let mut cost = 0.0;
        for i in 0..3 {
            let error = x.position[i] - GOAL[i];
            cost += error * error
                + 0.1 * x.angle[i] * x.angle[i]
                + 0.1 * x.velocity[i] * x.velocity[i]
                + 0.01 * x.rate[i] * x.rate[i];
        }
        0.5 * cost
    }
}
