// dilqr    0.1.0
// model    29ce51040ed7284af1704f9db893c76c534f59606e257a34abd66343d8c89822
// checksum 2fba60e2acfa954acf649300d4ac4e88d8cb34bc95b07f94c0736cdaf66ba61a
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
