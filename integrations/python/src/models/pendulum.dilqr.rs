// dilqr    0.1.0
// model    9077142a7b7bc6f3975b8131d940c8db797acf4e80e586a5e2ca7eaa84e60543
// checksum ae28c8c4f6216729e6254563c235a9b06837cde737382b08442b92ab88947ea5
//
// Kernels of the model `pendulum`, with which it compiles without Symbolica. Do not edit: dilqr rejects the file
// if it was edited, or if the model has changed since. To renew it:
//
//     DILQR_VENDOR=pendulum cargo build --features dilqr-runtime/symbolica
//
// x, u, p, s: state, control, parameters, stage parameters; lambda, mu: costate of the next stage, multipliers of
// constraints; lower, upper: weights of bounds; dx, du, dlambda, dmu: directions; out: the record of a kernel (see
// dilqr_runtime::Model), zero where no line writes.

/// 14 operations: 3 add, 8 mul, 2 div, 0 neg, 1 call, 0 select.
fn dynamics(p: &Params, x: &State, u: &Control, out: &mut Record) {
    let t0 = u.torque / p.mass;
    let t1 = 1.0 / p.length;
    let t2 = t1 * t1;
    let t3 = t2 * t0;
    let t4 = 3.0 * t3;
    let t5 = sin(x.theta);
    let t6 = t5 * p.gravity;
    let t7 = t1 * t6;
    let t8 = 1.5 * t7;
    let t9 = t8 + t4;
    let t10 = 0.05 * t9;
    let t11 = x.omega + t10;
    let t12 = 0.05 * t11;
    let t13 = x.theta + t12;
    out.next[0] = t13;
    out.next[1] = t11;
}

/// 7 operations: 2 add, 5 mul, 0 div, 0 neg, 0 call, 0 select.
fn stage_cost(x: &State, u: &Control, out: &mut Record) {
    let t0 = x.omega * x.omega;
    let t1 = 0.1 * t0;
    let t2 = x.theta * x.theta;
    let t3 = t2 + t1;
    let t4 = u.torque * u.torque;
    let t5 = 0.001 * t4;
    let t6 = t5 + t3;
    out.l = t6;
}

/// 4 operations: 1 add, 3 mul, 0 div, 0 neg, 0 call, 0 select.
fn terminal_cost(x: &State, out: &mut Record) {
    let t0 = x.theta * x.theta;
    let t1 = 10.0 * t0;
    let t2 = x.omega * x.omega;
    let t3 = t2 + t1;
    out.l = t3;
}

/// 21 operations: 5 add, 13 mul, 2 div, 0 neg, 1 call, 0 select.
fn step(p: &Params, x: &State, u: &Control, out: &mut Record) {
    let t0 = u.torque / p.mass;
    let t1 = 1.0 / p.length;
    let t2 = t1 * t1;
    let t3 = t2 * t0;
    let t4 = 3.0 * t3;
    let t5 = sin(x.theta);
    let t6 = t5 * p.gravity;
    let t7 = t1 * t6;
    let t8 = 1.5 * t7;
    let t9 = t8 + t4;
    let t10 = 0.05 * t9;
    let t11 = x.omega + t10;
    let t12 = 0.05 * t11;
    let t13 = x.theta + t12;
    out.next[0] = t13;
    out.next[1] = t11;
    let t14 = x.omega * x.omega;
    let t15 = 0.1 * t14;
    let t16 = x.theta * x.theta;
    let t17 = t16 + t15;
    let t18 = u.torque * u.torque;
    let t19 = 0.001 * t18;
    let t20 = t19 + t17;
    out.l = t20;
}

/// 33 operations: 6 add, 23 mul, 2 div, 0 neg, 2 call, 0 select.
fn expand_stage(p: &Params, x: &State, u: &Control, out: &mut Record) {
    let t0 = 1.0 / p.mass;
    let t1 = t0 * u.torque;
    let t2 = 1.0 / p.length;
    let t3 = t2 * t2;
    let t4 = t3 * t1;
    let t5 = 3.0 * t4;
    let t6 = t2 * p.gravity;
    let t7 = sin(x.theta);
    let t8 = t7 * t6;
    let t9 = 1.5 * t8;
    let t10 = t9 + t5;
    let t11 = 0.05 * t10;
    let t12 = x.omega + t11;
    let t13 = 0.05 * t12;
    let t14 = x.theta + t13;
    out.f[0] = t14;
    out.f[1] = t12;
    let t15 = cos(x.theta);
    let t16 = t6 * t15;
    let t17 = 0.0037500000000000007 * t16;
    let t18 = 1.0 + t17;
    out.fx[(0, 0)] = t18;
    let t19 = 0.07500000000000001 * t16;
    out.fx[(1, 0)] = t19;
    out.fx[(0, 1)] = 0.05;
    out.fx[(1, 1)] = 1.0;
    let t20 = t0 * t3;
    let t21 = 0.0075000000000000015 * t20;
    out.fu[(0, 0)] = t21;
    let t22 = 0.15000000000000002 * t20;
    out.fu[(1, 0)] = t22;
    let t23 = u.torque * u.torque;
    let t24 = 0.001 * t23;
    let t25 = x.omega * x.omega;
    let t26 = 0.1 * t25;
    let t27 = t26 + t24;
    let t28 = x.theta * x.theta;
    let t29 = t28 + t27;
    out.l = t29;
    let t30 = 2.0 * x.theta;
    out.lx[0] = t30;
    let t31 = 0.2 * x.omega;
    out.lx[1] = t31;
    let t32 = 0.002 * u.torque;
    out.lu[0] = t32;
    out.lxx[(0, 0)] = 2.0;
    out.lxx[(1, 1)] = 0.2;
    out.luu[(0, 0)] = 0.002;
}

/// 6 operations: 1 add, 5 mul, 0 div, 0 neg, 0 call, 0 select.
fn expand_terminal(x: &State, out: &mut Record) {
    let t0 = x.theta * x.theta;
    let t1 = 10.0 * t0;
    let t2 = x.omega * x.omega;
    let t3 = t2 + t1;
    out.l = t3;
    let t4 = 20.0 * x.theta;
    out.lx[0] = t4;
    let t5 = 2.0 * x.omega;
    out.lx[1] = t5;
    out.lxx[(0, 0)] = 20.0;
    out.lxx[(1, 1)] = 2.0;
}

/// 21 operations: 3 add, 14 mul, 2 div, 0 neg, 2 call, 0 select.
fn expand_hamiltonian(p: &Params, x: &State, u: &Control, lambda: &State, out: &mut Record) {
    let t0 = 1.0 / p.length;
    let t1 = t0 * p.gravity;
    let t2 = cos(x.theta);
    let t3 = t2 * t1;
    let t4 = 0.0037500000000000007 * t3;
    let t5 = 1.0 + t4;
    out.fx[(0, 0)] = t5;
    let t6 = 0.07500000000000001 * t3;
    out.fx[(1, 0)] = t6;
    let t7 = t0 * t0;
    let t8 = t7 / p.mass;
    let t9 = 0.0075000000000000015 * t8;
    out.fu[(0, 0)] = t9;
    let t10 = 0.15000000000000002 * t8;
    out.fu[(1, 0)] = t10;
    let t11 = 2.0 * x.theta;
    out.lx[0] = t11;
    let t12 = 0.2 * x.omega;
    out.lx[1] = t12;
    let t13 = 0.002 * u.torque;
    out.lu[0] = t13;
    let t14 = 0.05 * lambda.theta;
    let t15 = lambda.omega + t14;
    let t16 = 0.07500000000000001 * t15;
    let t17 = t1 * t16;
    let t18 = sin(x.theta);
    let t19 = t18 * t17;
    let t20 = 2.0 - t19;
    out.hxx[(0, 0)] = t20;
    out.huu[(0, 0)] = 0.002;
    out.fx[(0, 1)] = 0.05;
    out.fx[(1, 1)] = 1.0;
    out.hxx[(1, 1)] = 0.2;
}

/// 24 operations: 2 add, 17 mul, 2 div, 2 neg, 1 call, 0 select.
fn add_hamiltonian_parameter_gradient(p: &Params, x: &State, u: &Control, lambda: &State, out: &mut Record) {
    let t0 = 0.05 * lambda.theta;
    let t1 = lambda.omega + t0;
    let t2 = 0.07500000000000001 * t1;
    let t3 = sin(x.theta);
    let t4 = t3 * t2;
    let t5 = 1.0 / p.length;
    let t6 = t5 * t4;
    out.gp[0] += t6;
    let t7 = 1.0 / p.mass;
    let t8 = t7 * t7;
    let t9 = 0.15000000000000002 * t1;
    let t10 = t5 * t5;
    let t11 = t10 * t9;
    let t12 = u.torque * t11;
    let t13 = t12 * t8;
    let t14 = -t13;
    out.gp[1] += t14;
    let t15 = p.gravity * t4;
    let t16 = t10 * t15;
    let t17 = t5 * t10;
    let t18 = 2.0 * t17;
    let t19 = t7 * u.torque;
    let t20 = t19 * t9;
    let t21 = t20 * t18;
    let t22 = t21 + t16;
    let t23 = -t22;
    out.gp[2] += t23;
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn add_terminal_parameter_gradient(out: &mut Record) {
}

/// 38 operations: 6 add, 26 mul, 2 div, 2 neg, 2 call, 0 select.
fn add_parameter_contraction(p: &Params, x: &State, u: &Control, lambda: &State, dx: &State, du: &Control, dlambda: &State, out: &mut Record) {
    let t0 = 0.05 * lambda.theta;
    let t1 = lambda.omega + t0;
    let t2 = 0.07500000000000001 * t1;
    let t3 = cos(x.theta);
    let t4 = dx.theta * t3;
    let t5 = t4 * t2;
    let t6 = 0.05 * dlambda.theta;
    let t7 = dlambda.omega + t6;
    let t8 = 0.07500000000000001 * t7;
    let t9 = sin(x.theta);
    let t10 = t9 * t8;
    let t11 = t10 + t5;
    let t12 = 1.0 / p.length;
    let t13 = t12 * t11;
    out.gp[0] += t13;
    let t14 = 0.15000000000000002 * t1;
    let t15 = t12 * t12;
    let t16 = t15 * t14;
    let t17 = du.torque * t16;
    let t18 = 0.15000000000000002 * t7;
    let t19 = t15 * t18;
    let t20 = u.torque * t19;
    let t21 = t20 + t17;
    let t22 = 1.0 / p.mass;
    let t23 = t22 * t22;
    let t24 = t23 * t21;
    let t25 = -t24;
    out.gp[1] += t25;
    let t26 = p.gravity * t11;
    let t27 = t15 * t26;
    let t28 = du.torque * t22;
    let t29 = t28 * t14;
    let t30 = t22 * u.torque;
    let t31 = t30 * t18;
    let t32 = t31 + t29;
    let t33 = t12 * t15;
    let t34 = 2.0 * t33;
    let t35 = t34 * t32;
    let t36 = t35 + t27;
    let t37 = -t36;
    out.gp[2] += t37;
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn add_terminal_parameter_contraction(out: &mut Record) {
}

/// 39 operations: 2 add, 30 mul, 2 div, 3 neg, 2 call, 0 select.
fn parameter_terms(p: &Params, x: &State, u: &Control, lambda: &State, out: &mut Record) {
    let t0 = sin(x.theta);
    let t1 = 1.0 / p.length;
    let t2 = t1 * t0;
    let t3 = 0.0037500000000000007 * t2;
    out.fp[(0, 0)] = t3;
    let t4 = 0.07500000000000001 * t2;
    out.fp[(1, 0)] = t4;
    let t5 = 1.0 / p.mass;
    let t6 = t5 * t5;
    let t7 = t6 * u.torque;
    let t8 = t1 * t1;
    let t9 = t8 * t7;
    let t10 = -0.0075000000000000015 * t9;
    out.fp[(0, 1)] = t10;
    let t11 = -0.15000000000000002 * t9;
    out.fp[(1, 1)] = t11;
    let t12 = t5 * u.torque;
    let t13 = t1 * t8;
    let t14 = 2.0 * t13;
    let t15 = t14 * t12;
    let t16 = 3.0 * t15;
    let t17 = t8 * p.gravity;
    let t18 = t0 * t17;
    let t19 = 1.5 * t18;
    let t20 = t19 + t16;
    let t21 = -0.0025000000000000005 * t20;
    out.fp[(0, 2)] = t21;
    let t22 = -0.05 * t20;
    out.fp[(1, 2)] = t22;
    let t23 = 0.05 * lambda.theta;
    let t24 = lambda.omega + t23;
    let t25 = 0.07500000000000001 * t24;
    let t26 = t1 * t25;
    let t27 = cos(x.theta);
    let t28 = t27 * t26;
    out.hxp[(0, 0)] = t28;
    let t29 = t17 * t25;
    let t30 = t27 * t29;
    let t31 = -t30;
    out.hxp[(0, 2)] = t31;
    let t32 = 0.15000000000000002 * t24;
    let t33 = t8 * t32;
    let t34 = t6 * t33;
    let t35 = -t34;
    out.hup[(0, 1)] = t35;
    let t36 = t14 * t32;
    let t37 = t5 * t36;
    let t38 = -t37;
    out.hup[(0, 2)] = t38;
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn terminal_parameter_terms(out: &mut Record) {
}

/// 41 operations: 5 add, 32 mul, 2 div, 0 neg, 2 call, 0 select.
fn linearize(p: &Params, x: &State, u: &Control, out: &mut Record) {
    let t0 = 1.0 / p.mass;
    let t1 = u.torque * t0;
    let t2 = 1.0 / p.length;
    let t3 = t2 * t2;
    let t4 = t3 * t1;
    let t5 = 3.0 * t4;
    let t6 = sin(x.theta);
    let t7 = t6 * p.gravity;
    let t8 = t2 * t7;
    let t9 = 1.5 * t8;
    let t10 = t9 + t5;
    let t11 = 0.05 * t10;
    let t12 = x.omega + t11;
    let t13 = 0.05 * t12;
    let t14 = x.theta + t13;
    out.f[0] = t14;
    out.f[1] = t12;
    let t15 = p.gravity * t2;
    let t16 = 1.5 * t15;
    let t17 = cos(x.theta);
    let t18 = t17 * t16;
    let t19 = 0.0025000000000000005 * t18;
    let t20 = 1.0 + t19;
    out.fx[(0, 0)] = t20;
    let t21 = 0.05 * t18;
    out.fx[(1, 0)] = t21;
    out.fx[(0, 1)] = 0.05;
    out.fx[(1, 1)] = 1.0;
    let t22 = t0 * t3;
    let t23 = 0.0075000000000000015 * t22;
    out.fu[(0, 0)] = t23;
    let t24 = 0.15000000000000002 * t22;
    out.fu[(1, 0)] = t24;
    let t25 = t6 * t2;
    let t26 = 0.0037500000000000007 * t25;
    out.fp[(0, 0)] = t26;
    let t27 = 0.07500000000000001 * t25;
    out.fp[(1, 0)] = t27;
    let t28 = u.torque * t3;
    let t29 = t0 * t0;
    let t30 = t29 * t28;
    let t31 = -0.0075000000000000015 * t30;
    out.fp[(0, 1)] = t31;
    let t32 = -0.15000000000000002 * t30;
    out.fp[(1, 1)] = t32;
    let t33 = t2 * t3;
    let t34 = t1 * t33;
    let t35 = 6.0 * t34;
    let t36 = t7 * t3;
    let t37 = 1.5 * t36;
    let t38 = t37 + t35;
    let t39 = -0.0025000000000000005 * t38;
    out.fp[(0, 2)] = t39;
    let t40 = -0.05 * t38;
    out.fp[(1, 2)] = t40;
}
