// dilqr    0.1.0
// model    29ce51040ed7284af1704f9db893c76c534f59606e257a34abd66343d8c89822
// checksum ddfe98e88504196dd0d80ed96d2468fbb2351dd79917e68e62bf6a4ed2abd661
//
// Kernels of the model `spring`, with which it compiles without Symbolica. Do not edit: dilqr rejects the file
// if it was edited, or if the model has changed since. To renew it:
//
//     DILQR_VENDOR=spring cargo build --features dilqr-runtime/symbolica
//
// x, u, p, s: state, control, parameters, stage parameters; lambda, mu: costate of the next stage, multipliers of
// constraints; lower, upper: weights of bounds; dx, du, dlambda, dmu: directions; out: the record of a kernel (see
// dilqr_runtime::Model), zero where no line writes.

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
    let t2 = u.force * u.force;
    let t3 = x.velocity * x.velocity;
    let t4 = 0.1 * t3;
    let t5 = t4 + t2;
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
    let t21 = u.force * u.force;
    let t22 = x.velocity * x.velocity;
    let t23 = 0.1 * t22;
    let t24 = t23 + t21;
    let t25 = 0.3 * t24;
    let t26 = t25 + t20;
    out.l = t26;
}

/// 44 operations: 14 add, 21 mul, 1 div, 0 neg, 4 call, 4 select.
fn expand_stage(p: &Params, s: &StageParams, x: &State, u: &Control, out: &mut Record) {
    let t0 = 0.1 * x.velocity;
    let t1 = x.position[0] + t0;
    out.f[0] = t1;
    out.fx[(0, 0)] = 1.0;
    out.fx[(0, 2)] = 0.1;
    let t2 = x.position[0] - s.target;
    let t3 = t2 * t2;
    let t4 = u.force * u.force;
    let t5 = x.velocity * x.velocity;
    let t6 = 0.1 * t5;
    let t7 = t6 + t4;
    let t8 = 0.3 * t7;
    let t9 = t8 + t3;
    out.l = t9;
    let t10 = 2.0 * t2;
    out.lx[0] = t10;
    let t11 = 0.6 * u.force;
    out.lu[0] = t11;
    out.lxx[(0, 0)] = 2.0;
    out.luu[(0, 0)] = 0.6;
    let t12 = x.position[0] - x.position[1];
    let t13 = sin(t12);
    let t14 = 0.020000000000000004 * t13;
    let t15 = x.position[1] + t14;
    out.f[1] = t15;
    let t16 = cos(t12);
    let t17 = 0.020000000000000004 * t16;
    out.fx[(1, 0)] = t17;
    let t18 = 1.0 - t17;
    out.fx[(1, 1)] = t18;
    let t19 = t12 + -0.5;
    let t20 = tanh(t19);
    let t21 = t20 + 0.5;
    let t22 = t12 < 0.5;
    let t23 = if t22 { t12 } else { t21 };
    let t24 = t23 * p.stiffness;
    let t25 = p.softness * p.softness;
    let t26 = 1.0 + t25;
    let t27 = sqrt(t26);
    let t28 = 1.0 / t27;
    let t29 = t28 * t24;
    let t30 = u.force - t29;
    let t31 = 0.1 * t30;
    let t32 = x.velocity + t31;
    out.f[2] = t32;
    let t33 = p.stiffness * t28;
    let t34 = t20 * t20;
    let t35 = 1.0 - t34;
    let t36 = if t22 { 1.0 } else { t35 };
    let t37 = t36 * t33;
    let t38 = -0.1 * t37;
    out.fx[(2, 0)] = t38;
    let t39 = t34 - 1.0;
    let t40 = if t22 { -1.0 } else { t39 };
    let t41 = t40 * t33;
    let t42 = -0.1 * t41;
    out.fx[(2, 1)] = t42;
    out.fx[(2, 2)] = 1.0;
    out.fu[(2, 0)] = 0.1;
    let t43 = 0.06 * x.velocity;
    out.lx[2] = t43;
    out.lxx[(2, 2)] = 0.06;
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

/// 39 operations: 10 add, 17 mul, 1 div, 2 neg, 4 call, 5 select.
fn expand_hamiltonian(p: &Params, s: &StageParams, x: &State, u: &Control, lambda: &State, out: &mut Record) {
    out.fx[(0, 0)] = 1.0;
    out.fx[(0, 2)] = 0.1;
    let t0 = x.position[0] - s.target;
    let t1 = 2.0 * t0;
    out.lx[0] = t1;
    let t2 = 0.6 * u.force;
    out.lu[0] = t2;
    let t3 = 0.020000000000000004 * lambda.position[1];
    let t4 = x.position[0] - x.position[1];
    let t5 = sin(t4);
    let t6 = t5 * t3;
    let t7 = t4 + -0.5;
    let t8 = tanh(t7);
    let t9 = t8 * t8;
    let t10 = 1.0 - t9;
    let t11 = t8 * t10;
    let t12 = 2.0 * t11;
    let t13 = 0.1 * lambda.velocity;
    let t14 = p.softness * p.softness;
    let t15 = 1.0 + t14;
    let t16 = sqrt(t15);
    let t17 = p.stiffness / t16;
    let t18 = t17 * t13;
    let t19 = -t18;
    let t20 = t4 < 0.5;
    let t21 = if t20 { 0.0 } else { t19 };
    let t22 = t21 * t12;
    let t23 = -t22;
    let t24 = if t20 { 0.0 } else { t23 };
    let t25 = t24 - t6;
    let t26 = 2.0 + t25;
    out.hxx[(0, 0)] = t26;
    let t27 = t6 - t24;
    out.hxx[(0, 1)] = t27;
    out.huu[(0, 0)] = 0.6;
    let t28 = cos(t4);
    let t29 = 0.020000000000000004 * t28;
    out.fx[(1, 0)] = t29;
    let t30 = 1.0 - t29;
    out.fx[(1, 1)] = t30;
    out.hxx[(1, 0)] = t27;
    out.hxx[(1, 1)] = t25;
    let t31 = if t20 { 1.0 } else { t10 };
    let t32 = t31 * t17;
    let t33 = -0.1 * t32;
    out.fx[(2, 0)] = t33;
    let t34 = t9 - 1.0;
    let t35 = if t20 { -1.0 } else { t34 };
    let t36 = t35 * t17;
    let t37 = -0.1 * t36;
    out.fx[(2, 1)] = t37;
    out.fx[(2, 2)] = 1.0;
    out.fu[(2, 0)] = 0.1;
    let t38 = 0.06 * x.velocity;
    out.lx[2] = t38;
    out.hxx[(2, 2)] = 0.06;
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

/// 35 operations: 8 add, 20 mul, 1 div, 1 neg, 2 call, 3 select.
fn add_parameter_contraction(p: &Params, x: &State, lambda: &State, dx: &State, dlambda: &State, out: &mut Record) {
    let t0 = 0.1 * lambda.velocity;
    let t1 = p.softness * p.softness;
    let t2 = 1.0 + t1;
    let t3 = sqrt(t2);
    let t4 = 1.0 / t3;
    let t5 = t4 * t0;
    let t6 = x.position[0] - x.position[1];
    let t7 = t6 + -0.5;
    let t8 = tanh(t7);
    let t9 = t8 * t8;
    let t10 = 1.0 - t9;
    let t11 = dx.position[0] - dx.position[1];
    let t12 = t11 * t10;
    let t13 = t6 < 0.5;
    let t14 = if t13 { t11 } else { t12 };
    let t15 = t14 * t5;
    let t16 = 0.1 * dlambda.velocity;
    let t17 = t4 * t16;
    let t18 = t8 + 0.5;
    let t19 = if t13 { t6 } else { t18 };
    let t20 = t19 * t17;
    let t21 = t20 + t15;
    let t22 = -t21;
    out.gp[0] += t22;
    let t23 = t14 * p.stiffness;
    let t24 = t23 * t0;
    let t25 = t19 * p.stiffness;
    let t26 = t25 * t16;
    let t27 = t26 + t24;
    let t28 = t4 * t4;
    let t29 = t28 * t27;
    let t30 = 0.5 * t4;
    let t31 = t30 * t29;
    let t32 = 2.0 * p.softness;
    let t33 = t32 * t31;
    out.gp[1] += t33;
    let t34 = -2.0 * dx.position[0];
    out.gs[0] += t34;
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

/// 39 operations: 7 add, 18 mul, 1 div, 3 neg, 2 call, 8 select.
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
    let t14 = 0.5 * t3;
    let t15 = 2.0 * p.softness;
    let t16 = t15 * t14;
    let t17 = t16 * t13;
    let t18 = t17 * t12;
    let t19 = 0.1 * t18;
    out.fp[(2, 1)] = t19;
    let t20 = 0.1 * lambda.velocity;
    let t21 = t3 * t20;
    let t22 = -t21;
    let t23 = if t8 { 0.0 } else { t22 };
    let t24 = t6 * t6;
    let t25 = 1.0 - t24;
    let t26 = t25 * t23;
    let t27 = if t8 { 0.0 } else { t26 };
    let t28 = if t8 { t22 } else { 0.0 };
    let t29 = t28 + t27;
    out.hxp[(0, 0)] = t29;
    let t30 = -t29;
    out.hxp[(1, 0)] = t30;
    let t31 = t17 * t20;
    let t32 = p.stiffness * t31;
    let t33 = if t8 { 0.0 } else { t32 };
    let t34 = t25 * t33;
    let t35 = if t8 { 0.0 } else { t34 };
    let t36 = if t8 { t32 } else { 0.0 };
    let t37 = t36 + t35;
    out.hxp[(0, 1)] = t37;
    let t38 = -t37;
    out.hxp[(1, 1)] = t38;
}

/// 2 operations: 1 add, 1 mul, 0 div, 0 neg, 0 call, 0 select.
fn terminal_parameter_terms(s: &StageParams, x: &State, out: &mut Record) {
    let t0 = x.position[0] - s.target;
    let t1 = 2.0 * t0;
    out.lxp[(0, 0)] = t1;
}

/// 42 operations: 11 add, 22 mul, 1 div, 0 neg, 4 call, 4 select.
fn linearize(p: &Params, x: &State, u: &Control, out: &mut Record) {
    let t0 = 0.1 * x.velocity;
    let t1 = x.position[0] + t0;
    out.f[0] = t1;
    out.fx[(0, 0)] = 1.0;
    out.fx[(0, 2)] = 0.1;
    let t2 = x.position[0] - x.position[1];
    let t3 = sin(t2);
    let t4 = 0.020000000000000004 * t3;
    let t5 = x.position[1] + t4;
    out.f[1] = t5;
    let t6 = cos(t2);
    let t7 = 0.020000000000000004 * t6;
    out.fx[(1, 0)] = t7;
    let t8 = 1.0 - t7;
    out.fx[(1, 1)] = t8;
    let t9 = t2 + -0.5;
    let t10 = tanh(t9);
    let t11 = t10 + 0.5;
    let t12 = t2 < 0.5;
    let t13 = if t12 { t2 } else { t11 };
    let t14 = t13 * p.stiffness;
    let t15 = p.softness * p.softness;
    let t16 = 1.0 + t15;
    let t17 = sqrt(t16);
    let t18 = 1.0 / t17;
    let t19 = t18 * t14;
    let t20 = u.force - t19;
    let t21 = 0.1 * t20;
    let t22 = x.velocity + t21;
    out.f[2] = t22;
    let t23 = p.stiffness * t18;
    let t24 = t10 * t10;
    let t25 = 1.0 - t24;
    let t26 = if t12 { 1.0 } else { t25 };
    let t27 = t26 * t23;
    let t28 = -0.1 * t27;
    out.fx[(2, 0)] = t28;
    let t29 = t24 - 1.0;
    let t30 = if t12 { -1.0 } else { t29 };
    let t31 = t30 * t23;
    let t32 = -0.1 * t31;
    out.fx[(2, 1)] = t32;
    out.fx[(2, 2)] = 1.0;
    out.fu[(2, 0)] = 0.1;
    let t33 = t13 * t18;
    let t34 = -0.1 * t33;
    out.fp[(2, 0)] = t34;
    let t35 = t18 * t18;
    let t36 = t14 * t35;
    let t37 = 0.5 * t18;
    let t38 = 2.0 * p.softness;
    let t39 = t38 * t37;
    let t40 = t39 * t36;
    let t41 = 0.1 * t40;
    out.fp[(2, 1)] = t41;
}
