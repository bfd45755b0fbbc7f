// dilqr    0.1.0
// model    29ce51040ed7284af1704f9db893c76c534f59606e257a34abd66343d8c89822
// checksum b12a59431d1ebc75e151764a0e11656066eb29557c07cd2a26d207a60c143572
//
// Kernels of the model `spring`, with which it compiles without Symbolica. Not to be edited: dilqr refuses this
// file once it differs from what was written, or the model from what it was derived from. To renew it:
//
//     DILQR_VENDOR=spring cargo build --features dilqr-runtime/symbolica
//
// x, u, p, s: state, control, parameters, stage parameters; lambda, mu: costate of the next stage, multipliers of
// constraints; lower, upper: weights of bounds; dx, du, dlambda, dmu: directions; out: what a kernel writes (see
// dilqr_runtime::Model), zero where nothing is written.

/// 19 operations: 8 add, 5 mul, 1 div, 0 neg, 3 call, 2 select.
fn dynamics(p: &Params, x: &State, u: &Control, out: &mut Record) {
    let t0 = 0.1 * x.velocity;
    let t1 = x.position[0] + t0;
    out.next[0] = t1;
    let t2 = x.position[0] - x.position[1];
    let t3 = sin(t2);
    let t4 = 0.020000000000000004 * t3;
    let t5 = x.position[1] + t4;
    out.next[1] = t5;
    let t6 = p.softness * p.softness;
    let t7 = 1.0 + t6;
    let t8 = sqrt(t7);
    let t9 = t2 + -0.5;
    let t10 = tanh(t9);
    let t11 = t10 + 0.5;
    let t12 = t2 < 0.5;
    let t13 = if t12 { t2 } else { t11 };
    let t14 = t13 * p.stiffness;
    let t15 = t14 / t8;
    let t16 = u.force - t15;
    let t17 = 0.1 * t16;
    let t18 = x.velocity + t17;
    out.next[2] = t18;
}

/// 8 operations: 3 add, 5 mul, 0 div, 0 neg, 0 call, 0 select.
fn stage_cost(s: &StageParams, x: &State, u: &Control, out: &mut Record) {
    let t0 = x.position[0] - s.target;
    let t1 = t0 * t0;
    let t2 = x.velocity * x.velocity;
    let t3 = 0.1 * t2;
    let t4 = u.force * u.force;
    let t5 = t4 + t3;
    let t6 = 0.3 * t5;
    let t7 = t6 + t1;
    out.l = t7;
}

/// 5 operations: 2 add, 3 mul, 0 div, 0 neg, 0 call, 0 select.
fn terminal_cost(p: &Params, s: &StageParams, x: &State, out: &mut Record) {
    let t0 = x.position[0] - s.target;
    let t1 = t0 * t0;
    let t2 = p.stiffness * t1;
    let t3 = x.velocity * x.velocity;
    let t4 = t3 + t2;
    out.l = t4;
}

/// 27 operations: 11 add, 10 mul, 1 div, 0 neg, 3 call, 2 select.
fn step(p: &Params, s: &StageParams, x: &State, u: &Control, out: &mut Record) {
    let t0 = 0.1 * x.velocity;
    let t1 = x.position[0] + t0;
    out.next[0] = t1;
    let t2 = x.position[0] - x.position[1];
    let t3 = sin(t2);
    let t4 = 0.020000000000000004 * t3;
    let t5 = x.position[1] + t4;
    out.next[1] = t5;
    let t6 = p.softness * p.softness;
    let t7 = 1.0 + t6;
    let t8 = sqrt(t7);
    let t9 = t2 + -0.5;
    let t10 = tanh(t9);
    let t11 = t10 + 0.5;
    let t12 = t2 < 0.5;
    let t13 = if t12 { t2 } else { t11 };
    let t14 = t13 * p.stiffness;
    let t15 = t14 / t8;
    let t16 = u.force - t15;
    let t17 = 0.1 * t16;
    let t18 = x.velocity + t17;
    out.next[2] = t18;
    let t19 = x.position[0] - s.target;
    let t20 = t19 * t19;
    let t21 = x.velocity * x.velocity;
    let t22 = 0.1 * t21;
    let t23 = u.force * u.force;
    let t24 = t23 + t22;
    let t25 = 0.3 * t24;
    let t26 = t25 + t20;
    out.l = t26;
}

/// 43 operations: 14 add, 19 mul, 1 div, 1 neg, 4 call, 4 select.
fn expand_stage(p: &Params, s: &StageParams, x: &State, u: &Control, out: &mut Record) {
    let t0 = 0.1 * x.velocity;
    let t1 = x.position[0] + t0;
    out.f[0] = t1;
    let t2 = x.position[0] - x.position[1];
    let t3 = sin(t2);
    let t4 = 0.020000000000000004 * t3;
    let t5 = x.position[1] + t4;
    out.f[1] = t5;
    let t6 = t2 + -0.5;
    let t7 = tanh(t6);
    let t8 = t7 + 0.5;
    let t9 = t2 < 0.5;
    let t10 = if t9 { t2 } else { t8 };
    let t11 = t10 * p.stiffness;
    let t12 = p.softness * p.softness;
    let t13 = 1.0 + t12;
    let t14 = sqrt(t13);
    let t15 = 1.0 / t14;
    let t16 = t15 * t11;
    let t17 = u.force - t16;
    let t18 = 0.1 * t17;
    let t19 = x.velocity + t18;
    out.f[2] = t19;
    let t20 = x.position[0] - s.target;
    let t21 = t20 * t20;
    let t22 = x.velocity * x.velocity;
    let t23 = 0.1 * t22;
    let t24 = u.force * u.force;
    let t25 = t24 + t23;
    let t26 = 0.3 * t25;
    let t27 = t26 + t21;
    out.l = t27;
    out.fx[(0, 0)] = 1.0;
    out.fx[(0, 2)] = 0.1;
    let t28 = cos(t2);
    let t29 = 0.020000000000000004 * t28;
    out.fx[(1, 0)] = t29;
    let t30 = 1.0 - t29;
    out.fx[(1, 1)] = t30;
    let t31 = t7 * t7;
    let t32 = 1.0 - t31;
    let t33 = p.stiffness * t15;
    let t34 = -0.1 * t33;
    let t35 = if t9 { 0.0 } else { t34 };
    let t36 = t35 * t32;
    let t37 = if t9 { t34 } else { 0.0 };
    let t38 = t37 + t36;
    out.fx[(2, 0)] = t38;
    let t39 = -t38;
    out.fx[(2, 1)] = t39;
    out.fx[(2, 2)] = 1.0;
    out.fu[(2, 0)] = 0.1;
    let t40 = 2.0 * t20;
    out.lx[0] = t40;
    let t41 = 0.06 * x.velocity;
    out.lx[2] = t41;
    let t42 = 0.6 * u.force;
    out.lu[0] = t42;
    out.lxx[(0, 0)] = 2.0;
    out.lxx[(2, 2)] = 0.06;
    out.luu[(0, 0)] = 0.6;
}

/// 9 operations: 2 add, 7 mul, 0 div, 0 neg, 0 call, 0 select.
fn expand_terminal(p: &Params, s: &StageParams, x: &State, out: &mut Record) {
    let t0 = x.position[0] - s.target;
    let t1 = t0 * t0;
    let t2 = p.stiffness * t1;
    let t3 = x.velocity * x.velocity;
    let t4 = t3 + t2;
    out.l = t4;
    let t5 = p.stiffness * t0;
    let t6 = 2.0 * t5;
    out.lx[0] = t6;
    let t7 = 2.0 * x.velocity;
    out.lx[2] = t7;
    let t8 = 2.0 * p.stiffness;
    out.lxx[(0, 0)] = t8;
    out.lxx[(2, 2)] = 2.0;
}

/// 23 operations: 6 add, 9 mul, 1 div, 2 neg, 3 call, 2 select.
fn hamiltonian_hessian(p: &Params, x: &State, lambda: &State, out: &mut Record) {
    let t0 = x.position[0] - x.position[1];
    let t1 = t0 + -0.5;
    let t2 = tanh(t1);
    let t3 = t2 * t2;
    let t4 = 1.0 - t3;
    let t5 = t2 * t4;
    let t6 = 2.0 * t5;
    let t7 = 0.1 * lambda.velocity;
    let t8 = p.softness * p.softness;
    let t9 = 1.0 + t8;
    let t10 = sqrt(t9);
    let t11 = p.stiffness / t10;
    let t12 = t11 * t7;
    let t13 = -t12;
    let t14 = t0 < 0.5;
    let t15 = if t14 { 0.0 } else { t13 };
    let t16 = t15 * t6;
    let t17 = 0.020000000000000004 * lambda.position[1];
    let t18 = sin(t0);
    let t19 = t18 * t17;
    let t20 = t19 + t16;
    let t21 = 2.0 - t20;
    out.hxx[(0, 0)] = t21;
    out.hxx[(1, 0)] = t20;
    out.hxx[(0, 1)] = t20;
    let t22 = -t20;
    out.hxx[(1, 1)] = t22;
    out.hxx[(2, 2)] = 0.06;
    out.huu[(0, 0)] = 0.6;
}

/// 36 operations: 9 add, 15 mul, 1 div, 3 neg, 4 call, 4 select.
fn expand_hamiltonian(p: &Params, s: &StageParams, x: &State, u: &Control, lambda: &State, out: &mut Record) {
    out.fx[(0, 0)] = 1.0;
    out.fx[(0, 2)] = 0.1;
    let t0 = x.position[0] - x.position[1];
    let t1 = cos(t0);
    let t2 = 0.020000000000000004 * t1;
    out.fx[(1, 0)] = t2;
    let t3 = 1.0 - t2;
    out.fx[(1, 1)] = t3;
    let t4 = t0 + -0.5;
    let t5 = tanh(t4);
    let t6 = t5 * t5;
    let t7 = 1.0 - t6;
    let t8 = p.softness * p.softness;
    let t9 = 1.0 + t8;
    let t10 = sqrt(t9);
    let t11 = p.stiffness / t10;
    let t12 = -0.1 * t11;
    let t13 = t0 < 0.5;
    let t14 = if t13 { 0.0 } else { t12 };
    let t15 = t14 * t7;
    let t16 = if t13 { t12 } else { 0.0 };
    let t17 = t16 + t15;
    out.fx[(2, 0)] = t17;
    let t18 = -t17;
    out.fx[(2, 1)] = t18;
    out.fx[(2, 2)] = 1.0;
    out.fu[(2, 0)] = 0.1;
    let t19 = x.position[0] - s.target;
    let t20 = 2.0 * t19;
    out.lx[0] = t20;
    let t21 = 0.06 * x.velocity;
    out.lx[2] = t21;
    let t22 = 0.6 * u.force;
    out.lu[0] = t22;
    let t23 = t5 * t7;
    let t24 = 2.0 * t23;
    let t25 = 0.1 * lambda.velocity;
    let t26 = t11 * t25;
    let t27 = -t26;
    let t28 = if t13 { 0.0 } else { t27 };
    let t29 = t28 * t24;
    let t30 = 0.020000000000000004 * lambda.position[1];
    let t31 = sin(t0);
    let t32 = t31 * t30;
    let t33 = t32 + t29;
    let t34 = 2.0 - t33;
    out.hxx[(0, 0)] = t34;
    out.hxx[(1, 0)] = t33;
    out.hxx[(0, 1)] = t33;
    let t35 = -t33;
    out.hxx[(1, 1)] = t35;
    out.hxx[(2, 2)] = 0.06;
    out.huu[(0, 0)] = 0.6;
}

/// 24 operations: 5 add, 13 mul, 1 div, 1 neg, 2 call, 2 select.
fn add_hamiltonian_parameter_gradient(p: &Params, s: &StageParams, x: &State, lambda: &State, out: &mut Record) {
    let t0 = p.softness * p.softness;
    let t1 = 1.0 + t0;
    let t2 = sqrt(t1);
    let t3 = 1.0 / t2;
    let t4 = x.position[0] - x.position[1];
    let t5 = t4 + -0.5;
    let t6 = tanh(t5);
    let t7 = t6 + 0.5;
    let t8 = t4 < 0.5;
    let t9 = if t8 { t4 } else { t7 };
    let t10 = t9 * t3;
    let t11 = 0.1 * lambda.velocity;
    let t12 = t11 * t10;
    let t13 = -t12;
    out.gp[0] += t13;
    let t14 = 2.0 * p.softness;
    let t15 = 0.5 * t3;
    let t16 = t3 * t3;
    let t17 = t9 * p.stiffness;
    let t18 = t17 * t16;
    let t19 = t11 * t18;
    let t20 = t19 * t15;
    let t21 = t20 * t14;
    out.gp[1] += t21;
    let t22 = x.position[0] - s.target;
    let t23 = -2.0 * t22;
    out.gs[0] += t23;
}

/// 4 operations: 1 add, 3 mul, 0 div, 0 neg, 0 call, 0 select.
fn add_terminal_parameter_gradient(p: &Params, s: &StageParams, x: &State, out: &mut Record) {
    let t0 = x.position[0] - s.target;
    let t1 = t0 * t0;
    out.gp[0] += t1;
    let t2 = p.stiffness * t0;
    let t3 = -2.0 * t2;
    out.gs[0] += t3;
}

/// 36 operations: 8 add, 21 mul, 1 div, 1 neg, 2 call, 3 select.
fn add_parameter_contraction(p: &Params, x: &State, lambda: &State, dx: &State, dlambda: &State, out: &mut Record) {
    let t0 = p.softness * p.softness;
    let t1 = 1.0 + t0;
    let t2 = sqrt(t1);
    let t3 = 1.0 / t2;
    let t4 = x.position[0] - x.position[1];
    let t5 = t4 + -0.5;
    let t6 = tanh(t5);
    let t7 = t6 * t6;
    let t8 = 1.0 - t7;
    let t9 = dx.position[0] - dx.position[1];
    let t10 = t9 * t8;
    let t11 = t4 < 0.5;
    let t12 = if t11 { t9 } else { t10 };
    let t13 = t12 * t3;
    let t14 = 0.1 * lambda.velocity;
    let t15 = t14 * t13;
    let t16 = 0.1 * dlambda.velocity;
    let t17 = t6 + 0.5;
    let t18 = if t11 { t4 } else { t17 };
    let t19 = t18 * t3;
    let t20 = t19 * t16;
    let t21 = t20 + t15;
    let t22 = -t21;
    out.gp[0] += t22;
    let t23 = t3 * t3;
    let t24 = p.stiffness * t23;
    let t25 = t12 * t24;
    let t26 = t14 * t25;
    let t27 = t18 * p.stiffness;
    let t28 = t27 * t23;
    let t29 = t28 * t16;
    let t30 = t29 + t26;
    let t31 = 0.5 * t3;
    let t32 = t31 * t30;
    let t33 = 2.0 * p.softness;
    let t34 = t33 * t32;
    out.gp[1] += t34;
    let t35 = -2.0 * dx.position[0];
    out.gs[0] += t35;
}

/// 6 operations: 1 add, 4 mul, 0 div, 1 neg, 0 call, 0 select.
fn add_terminal_parameter_contraction(p: &Params, s: &StageParams, x: &State, dx: &State, out: &mut Record) {
    let t0 = x.position[0] - s.target;
    let t1 = 2.0 * t0;
    let t2 = dx.position[0] * t1;
    out.gp[0] += t2;
    let t3 = 2.0 * p.stiffness;
    let t4 = dx.position[0] * t3;
    let t5 = -t4;
    out.gs[0] += t5;
}

/// 36 operations: 6 add, 21 mul, 1 div, 2 neg, 2 call, 4 select.
fn parameter_terms(p: &Params, x: &State, lambda: &State, out: &mut Record) {
    let t0 = p.softness * p.softness;
    let t1 = 1.0 + t0;
    let t2 = sqrt(t1);
    let t3 = 1.0 / t2;
    let t4 = x.position[0] - x.position[1];
    let t5 = t4 + -0.5;
    let t6 = tanh(t5);
    let t7 = t6 + 0.5;
    let t8 = t4 < 0.5;
    let t9 = if t8 { t4 } else { t7 };
    let t10 = t9 * t3;
    let t11 = -0.1 * t10;
    out.fp[(2, 0)] = t11;
    let t12 = t9 * p.stiffness;
    let t13 = t3 * t3;
    let t14 = t13 * t12;
    let t15 = 0.5 * t3;
    let t16 = 2.0 * p.softness;
    let t17 = t16 * t15;
    let t18 = t17 * t14;
    let t19 = 0.1 * t18;
    out.fp[(2, 1)] = t19;
    let t20 = 0.1 * lambda.velocity;
    let t21 = t3 * t20;
    let t22 = t6 * t6;
    let t23 = 1.0 - t22;
    let t24 = if t8 { 1.0 } else { t23 };
    let t25 = t24 * t21;
    let t26 = -t25;
    out.hxp[(0, 0)] = t26;
    let t27 = p.stiffness * t13;
    let t28 = t20 * t27;
    let t29 = t17 * t28;
    let t30 = t24 * t29;
    out.hxp[(0, 1)] = t30;
    let t31 = t22 - 1.0;
    let t32 = if t8 { -1.0 } else { t31 };
    let t33 = t32 * t21;
    let t34 = -t33;
    out.hxp[(1, 0)] = t34;
    let t35 = t32 * t29;
    out.hxp[(1, 1)] = t35;
}

/// 2 operations: 1 add, 1 mul, 0 div, 0 neg, 0 call, 0 select.
fn terminal_parameter_terms(s: &StageParams, x: &State, out: &mut Record) {
    let t0 = x.position[0] - s.target;
    let t1 = 2.0 * t0;
    out.lxp[(0, 0)] = t1;
}

/// 41 operations: 11 add, 20 mul, 1 div, 1 neg, 4 call, 4 select.
fn linearize(p: &Params, x: &State, u: &Control, out: &mut Record) {
    let t0 = 0.1 * x.velocity;
    let t1 = x.position[0] + t0;
    out.f[0] = t1;
    let t2 = x.position[0] - x.position[1];
    let t3 = sin(t2);
    let t4 = 0.020000000000000004 * t3;
    let t5 = x.position[1] + t4;
    out.f[1] = t5;
    let t6 = t2 + -0.5;
    let t7 = tanh(t6);
    let t8 = t7 + 0.5;
    let t9 = t2 < 0.5;
    let t10 = if t9 { t2 } else { t8 };
    let t11 = t10 * p.stiffness;
    let t12 = p.softness * p.softness;
    let t13 = 1.0 + t12;
    let t14 = sqrt(t13);
    let t15 = 1.0 / t14;
    let t16 = t15 * t11;
    let t17 = u.force - t16;
    let t18 = 0.1 * t17;
    let t19 = x.velocity + t18;
    out.f[2] = t19;
    out.fx[(0, 0)] = 1.0;
    out.fx[(0, 2)] = 0.1;
    let t20 = cos(t2);
    let t21 = 0.020000000000000004 * t20;
    out.fx[(1, 0)] = t21;
    let t22 = 1.0 - t21;
    out.fx[(1, 1)] = t22;
    let t23 = t10 * t15;
    let t24 = -0.1 * t23;
    out.fp[(2, 0)] = t24;
    let t25 = 2.0 * p.softness;
    let t26 = 0.5 * t15;
    let t27 = t15 * t15;
    let t28 = t11 * t27;
    let t29 = 0.1 * t28;
    let t30 = t29 * t26;
    let t31 = t30 * t25;
    out.fp[(2, 1)] = t31;
    let t32 = t7 * t7;
    let t33 = 1.0 - t32;
    let t34 = p.stiffness * t15;
    let t35 = -0.1 * t34;
    let t36 = if t9 { 0.0 } else { t35 };
    let t37 = t36 * t33;
    let t38 = if t9 { t35 } else { 0.0 };
    let t39 = t38 + t37;
    out.fx[(2, 0)] = t39;
    let t40 = -t39;
    out.fx[(2, 1)] = t40;
    out.fx[(2, 2)] = 1.0;
    out.fu[(2, 0)] = 0.1;
}

/// 122 operations: 52 add, 55 mul, 2 div, 5 neg, 4 call, 4 select.
fn backward_exact(p: &Params, s: &StageParams, x: &State, u: &Control, lambda: &State, value_hessian: &[f64], proximal: &[f64], out: &mut Record) {
    let t0 = 0.010000000000000002 * value_hessian[8];
    let t1 = proximal[0] + t0;
    let t2 = 0.6 + t1;
    let t3 = 1.0 / t2;
    let t4 = x.position[0] - x.position[1];
    let t5 = cos(t4);
    let t6 = 0.020000000000000004 * t5;
    let t7 = t6 * value_hessian[5];
    let t8 = value_hessian[2] + t7;
    let t9 = t4 + -0.5;
    let t10 = tanh(t9);
    let t11 = t10 * t10;
    let t12 = 1.0 - t11;
    let t13 = p.softness * p.softness;
    let t14 = 1.0 + t13;
    let t15 = sqrt(t14);
    let t16 = p.stiffness / t15;
    let t17 = -0.1 * t16;
    let t18 = t4 < 0.5;
    let t19 = if t18 { 0.0 } else { t17 };
    let t20 = t19 * t12;
    let t21 = if t18 { t17 } else { 0.0 };
    let t22 = t21 + t20;
    let t23 = t22 * value_hessian[8];
    let t24 = t23 + t8;
    let t25 = 0.1 * t24;
    let t26 = t25 * t3;
    let t27 = t25 * t26;
    let t28 = t10 * t12;
    let t29 = 2.0 * t28;
    let t30 = 0.1 * lambda.velocity;
    let t31 = t16 * t30;
    let t32 = -t31;
    let t33 = if t18 { 0.0 } else { t32 };
    let t34 = t33 * t29;
    let t35 = 0.020000000000000004 * lambda.position[1];
    let t36 = sin(t4);
    let t37 = t36 * t35;
    let t38 = t37 + t34;
    let t39 = 2.0 - t38;
    let t40 = t39 + proximal[0];
    let t41 = t6 * value_hessian[1];
    let t42 = value_hessian[0] + t41;
    let t43 = t22 * value_hessian[2];
    let t44 = t43 + t42;
    let t45 = t44 + t40;
    let t46 = t6 * value_hessian[4];
    let t47 = value_hessian[1] + t46;
    let t48 = t22 * value_hessian[5];
    let t49 = t48 + t47;
    let t50 = t6 * t49;
    let t51 = t50 + t45;
    let t52 = t22 * t24;
    let t53 = t52 + t51;
    let t54 = t53 - t27;
    out.value_hessian[(0, 0)] = t54;
    let t55 = 0.6 * u.force;
    let t56 = t55 + t30;
    let t57 = t56 * t26;
    let t58 = lambda.position[1] * t6;
    let t59 = x.position[0] - s.target;
    let t60 = 2.0 * t59;
    let t61 = lambda.position[0] + t60;
    let t62 = t61 + t58;
    let t63 = lambda.velocity * t22;
    let t64 = t63 + t62;
    let t65 = t64 - t57;
    out.value_gradient[(0, 0)] = t65;
    let t66 = -t26;
    out.gain[(0, 0)] = t66;
    let t67 = 1.0 - t6;
    let t68 = t67 * value_hessian[5];
    let t69 = t68 - t23;
    let t70 = 0.1 * t69;
    let t71 = t70 * t26;
    let t72 = t67 * t49;
    let t73 = t38 + t72;
    let t74 = t73 - t52;
    let t75 = t74 - t71;
    out.value_hessian[(1, 0)] = t75;
    let t76 = t70 * t3;
    let t77 = t70 * t76;
    let t78 = t22 * t69;
    let t79 = t38 + t78;
    let t80 = t67 * value_hessian[4];
    let t81 = t80 - t48;
    let t82 = t67 * t81;
    let t83 = proximal[0] + t82;
    let t84 = t83 - t79;
    let t85 = t84 - t77;
    out.value_hessian[(1, 1)] = t85;
    let t86 = t56 * t76;
    let t87 = lambda.position[1] * t67;
    let t88 = t87 - t63;
    let t89 = t88 - t86;
    out.value_gradient[(1, 0)] = t89;
    let t90 = -t76;
    out.gain[(0, 1)] = t90;
    let t91 = 0.1 * value_hessian[2];
    let t92 = value_hessian[8] + t91;
    let t93 = 0.1 * t92;
    let t94 = t93 * t26;
    let t95 = 0.1 * t44;
    let t96 = t24 + t95;
    let t97 = t96 - t94;
    out.value_hessian[(2, 0)] = t97;
    let t98 = t93 * t76;
    let t99 = t67 * value_hessian[1];
    let t100 = t99 - t43;
    let t101 = 0.1 * t100;
    let t102 = t69 + t101;
    let t103 = t102 - t98;
    out.value_hessian[(2, 1)] = t103;
    let t104 = t93 * t3;
    let t105 = t93 * t104;
    let t106 = proximal[0] + t92;
    let t107 = 0.1 * value_hessian[0];
    let t108 = value_hessian[2] + t107;
    let t109 = 0.1 * t108;
    let t110 = t109 + t106;
    let t111 = 0.06 + t110;
    let t112 = t111 - t105;
    out.value_hessian[(2, 2)] = t112;
    let t113 = t56 * t104;
    let t114 = 0.06 * x.velocity;
    let t115 = lambda.velocity + t114;
    let t116 = 0.1 * lambda.position[0];
    let t117 = t116 + t115;
    let t118 = t117 - t113;
    out.value_gradient[(2, 0)] = t118;
    let t119 = -t104;
    out.gain[(0, 2)] = t119;
    let t120 = t56 * t3;
    let t121 = -t120;
    out.feedforward[(0, 0)] = t121;
    out.qu[(0, 0)] = t56;
    out.pivots[(0, 0)] = t2;
    out.lu[0] = t55;
    out.quu[(0, 0)] = t2;
}

/// 109 operations: 48 add, 49 mul, 2 div, 4 neg, 3 call, 3 select.
fn backward_gauss_newton(p: &Params, s: &StageParams, x: &State, u: &Control, lambda: &State, value_hessian: &[f64], proximal: &[f64], out: &mut Record) {
    let t0 = 0.010000000000000002 * value_hessian[8];
    let t1 = proximal[0] + t0;
    let t2 = 0.6 + t1;
    let t3 = 1.0 / t2;
    let t4 = x.position[0] - x.position[1];
    let t5 = cos(t4);
    let t6 = 0.020000000000000004 * t5;
    let t7 = t6 * value_hessian[5];
    let t8 = value_hessian[2] + t7;
    let t9 = t4 + -0.5;
    let t10 = tanh(t9);
    let t11 = t10 * t10;
    let t12 = 1.0 - t11;
    let t13 = p.softness * p.softness;
    let t14 = 1.0 + t13;
    let t15 = sqrt(t14);
    let t16 = p.stiffness / t15;
    let t17 = -0.1 * t16;
    let t18 = t4 < 0.5;
    let t19 = if t18 { 0.0 } else { t17 };
    let t20 = t19 * t12;
    let t21 = if t18 { t17 } else { 0.0 };
    let t22 = t21 + t20;
    let t23 = t22 * value_hessian[8];
    let t24 = t23 + t8;
    let t25 = 0.1 * t24;
    let t26 = t25 * t3;
    let t27 = t25 * t26;
    let t28 = t6 * value_hessian[1];
    let t29 = value_hessian[0] + t28;
    let t30 = t22 * value_hessian[2];
    let t31 = t30 + t29;
    let t32 = proximal[0] + t31;
    let t33 = t6 * value_hessian[4];
    let t34 = value_hessian[1] + t33;
    let t35 = t22 * value_hessian[5];
    let t36 = t35 + t34;
    let t37 = t6 * t36;
    let t38 = t37 + t32;
    let t39 = t22 * t24;
    let t40 = t39 + t38;
    let t41 = 2.0 + t40;
    let t42 = t41 - t27;
    out.value_hessian[(0, 0)] = t42;
    let t43 = 0.1 * lambda.velocity;
    let t44 = 0.6 * u.force;
    let t45 = t44 + t43;
    let t46 = t45 * t26;
    let t47 = x.position[0] - s.target;
    let t48 = 2.0 * t47;
    let t49 = t48 + lambda.position[0];
    let t50 = t6 * lambda.position[1];
    let t51 = t50 + t49;
    let t52 = t22 * lambda.velocity;
    let t53 = t52 + t51;
    let t54 = t53 - t46;
    out.value_gradient[(0, 0)] = t54;
    let t55 = -t26;
    out.gain[(0, 0)] = t55;
    let t56 = 1.0 - t6;
    let t57 = t56 * value_hessian[5];
    let t58 = t57 - t23;
    let t59 = 0.1 * t58;
    let t60 = t59 * t26;
    let t61 = t56 * t36;
    let t62 = t61 - t39;
    let t63 = t62 - t60;
    out.value_hessian[(1, 0)] = t63;
    let t64 = t59 * t3;
    let t65 = t59 * t64;
    let t66 = t22 * t58;
    let t67 = t56 * value_hessian[4];
    let t68 = t67 - t35;
    let t69 = t56 * t68;
    let t70 = proximal[0] + t69;
    let t71 = t70 - t66;
    let t72 = t71 - t65;
    out.value_hessian[(1, 1)] = t72;
    let t73 = t45 * t64;
    let t74 = t56 * lambda.position[1];
    let t75 = t74 - t52;
    let t76 = t75 - t73;
    out.value_gradient[(1, 0)] = t76;
    let t77 = -t64;
    out.gain[(0, 1)] = t77;
    let t78 = 0.1 * value_hessian[2];
    let t79 = value_hessian[8] + t78;
    let t80 = 0.1 * t79;
    let t81 = t80 * t26;
    let t82 = 0.1 * t31;
    let t83 = t24 + t82;
    let t84 = t83 - t81;
    out.value_hessian[(2, 0)] = t84;
    let t85 = t80 * t64;
    let t86 = t56 * value_hessian[1];
    let t87 = t86 - t30;
    let t88 = 0.1 * t87;
    let t89 = t58 + t88;
    let t90 = t89 - t85;
    out.value_hessian[(2, 1)] = t90;
    let t91 = t80 * t3;
    let t92 = t80 * t91;
    let t93 = proximal[0] + t79;
    let t94 = 0.1 * value_hessian[0];
    let t95 = value_hessian[2] + t94;
    let t96 = 0.1 * t95;
    let t97 = t96 + t93;
    let t98 = 0.06 + t97;
    let t99 = t98 - t92;
    out.value_hessian[(2, 2)] = t99;
    let t100 = t45 * t91;
    let t101 = 0.06 * x.velocity;
    let t102 = t101 + lambda.velocity;
    let t103 = 0.1 * lambda.position[0];
    let t104 = t103 + t102;
    let t105 = t104 - t100;
    out.value_gradient[(2, 0)] = t105;
    let t106 = -t91;
    out.gain[(0, 2)] = t106;
    let t107 = t45 * t3;
    let t108 = -t107;
    out.feedforward[(0, 0)] = t108;
    out.qu[(0, 0)] = t45;
    out.pivots[(0, 0)] = t2;
    out.lu[0] = t44;
    out.quu[(0, 0)] = t2;
}
