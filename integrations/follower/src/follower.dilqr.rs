// dilqr    0.1.0
// model    d5f22cb49d92acd7d5ed6a947313f2e0af143371d26718508edb719cd8c32882
// checksum fd553611322c06c42ac6f54d3827dcb3d7aa50e20dd2b793da58fa6e89277ac2
//
// Kernels of the model `follower`, with which it compiles without Symbolica. Do not edit: dilqr rejects the file
// if it was edited, or if the model has changed since. To renew it:
//
//     DILQR_VENDOR=follower cargo build --features dilqr-runtime/symbolica
//
// x, u, p, s: state, control, parameters, stage parameters; lambda, mu: costate of the next stage, multipliers of
// constraints; lower, upper: weights of bounds; dx, du, dlambda, dmu: directions; out: the record of a kernel (see
// dilqr_runtime::Model), zero where no line writes.

/// 10 operations: 4 add, 4 mul, 0 div, 0 neg, 2 call, 0 select.
fn dynamics(x: &State, u: &Control, out: &mut Record) {
    let t0 = function0.value(x.rate);
    let t1 = t0.entry(0);
    let t2 = u.torque - t1;
    let t3 = 3.0 * t2;
    let t4 = sin(x.angle);
    let t5 = 15.0 * t4;
    let t6 = t5 + t3;
    let t7 = 0.1 * t6;
    let t8 = x.rate + t7;
    let t9 = 0.1 * t8;
    let t10 = x.angle + t9;
    out.next[0] = t10;
    out.next[1] = t8;
}

/// 9 operations: 3 add, 6 mul, 0 div, 0 neg, 0 call, 0 select.
fn stage_cost(p: &Params, s: &StageParams, x: &State, u: &Control, out: &mut Record) {
    let t0 = u.torque * u.torque;
    let t1 = p.effort * t0;
    let t2 = x.angle - s.reference;
    let t3 = t2 * t2;
    let t4 = p.tracking * t3;
    let t5 = t4 + t1;
    let t6 = x.rate * x.rate;
    let t7 = 0.1 * t6;
    let t8 = t7 + t5;
    out.l = t8;
}

/// 6 operations: 2 add, 4 mul, 0 div, 0 neg, 0 call, 0 select.
fn terminal_cost(p: &Params, s: &StageParams, x: &State, out: &mut Record) {
    let t0 = x.angle - s.reference;
    let t1 = t0 * t0;
    let t2 = p.tracking * t1;
    let t3 = 5.0 * t2;
    let t4 = x.rate * x.rate;
    let t5 = t4 + t3;
    out.l = t5;
}

/// 19 operations: 7 add, 10 mul, 0 div, 0 neg, 2 call, 0 select.
fn step(p: &Params, s: &StageParams, x: &State, u: &Control, out: &mut Record) {
    let t0 = function0.value(x.rate);
    let t1 = t0.entry(0);
    let t2 = u.torque - t1;
    let t3 = 3.0 * t2;
    let t4 = sin(x.angle);
    let t5 = 15.0 * t4;
    let t6 = t5 + t3;
    let t7 = 0.1 * t6;
    let t8 = x.rate + t7;
    let t9 = 0.1 * t8;
    let t10 = x.angle + t9;
    out.next[0] = t10;
    out.next[1] = t8;
    let t11 = u.torque * u.torque;
    let t12 = p.effort * t11;
    let t13 = x.angle - s.reference;
    let t14 = t13 * t13;
    let t15 = p.tracking * t14;
    let t16 = t15 + t12;
    let t17 = x.rate * x.rate;
    let t18 = 0.1 * t17;
    let t19 = t18 + t16;
    out.l = t19;
}

/// 33 operations: 9 add, 21 mul, 0 div, 0 neg, 3 call, 0 select.
fn expand_stage(p: &Params, s: &StageParams, x: &State, u: &Control, out: &mut Record) {
    let t0 = function0.expand(x.rate);
    let t1 = t0.entry(0);
    let t2 = u.torque - t1;
    let t3 = 3.0 * t2;
    let t4 = sin(x.angle);
    let t5 = 15.0 * t4;
    let t6 = t5 + t3;
    let t7 = 0.1 * t6;
    let t8 = x.rate + t7;
    let t9 = 0.1 * t8;
    let t10 = x.angle + t9;
    out.f[0] = t10;
    out.f[1] = t8;
    let t11 = cos(x.angle);
    let t12 = 0.15000000000000002 * t11;
    let t13 = 1.0 + t12;
    out.fx[(0, 0)] = t13;
    let t14 = 1.5 * t11;
    out.fx[(1, 0)] = t14;
    let t15 = t0.entry(1);
    let t16 = 0.30000000000000004 * t15;
    let t17 = 1.0 - t16;
    let t18 = 0.1 * t17;
    out.fx[(0, 1)] = t18;
    out.fx[(1, 1)] = t17;
    out.fu[(0, 0)] = 0.030000000000000006;
    out.fu[(1, 0)] = 0.30000000000000004;
    let t19 = u.torque * u.torque;
    let t20 = p.effort * t19;
    let t21 = x.angle - s.reference;
    let t22 = t21 * t21;
    let t23 = p.tracking * t22;
    let t24 = t23 + t20;
    let t25 = x.rate * x.rate;
    let t26 = 0.1 * t25;
    let t27 = t26 + t24;
    out.l = t27;
    let t28 = t21 * p.tracking;
    let t29 = 2.0 * t28;
    out.lx[0] = t29;
    let t30 = 0.2 * x.rate;
    out.lx[1] = t30;
    let t31 = u.torque * p.effort;
    let t32 = 2.0 * t31;
    out.lu[0] = t32;
    let t33 = 2.0 * p.tracking;
    out.lxx[(0, 0)] = t33;
    out.lxx[(1, 1)] = 0.2;
    let t34 = 2.0 * p.effort;
    out.luu[(0, 0)] = t34;
}

/// 10 operations: 2 add, 8 mul, 0 div, 0 neg, 0 call, 0 select.
fn expand_terminal(p: &Params, s: &StageParams, x: &State, out: &mut Record) {
    let t0 = x.angle - s.reference;
    let t1 = t0 * t0;
    let t2 = p.tracking * t1;
    let t3 = 5.0 * t2;
    let t4 = x.rate * x.rate;
    let t5 = t4 + t3;
    out.l = t5;
    let t6 = t0 * p.tracking;
    let t7 = 10.0 * t6;
    out.lx[0] = t7;
    let t8 = 2.0 * x.rate;
    out.lx[1] = t8;
    let t9 = 10.0 * p.tracking;
    out.lxx[(0, 0)] = t9;
    out.lxx[(1, 1)] = 2.0;
}

/// 25 operations: 6 add, 15 mul, 0 div, 0 neg, 4 call, 0 select.
fn expand_hamiltonian(p: &Params, s: &StageParams, x: &State, u: &Control, lambda: &State, out: &mut Record) {
    let t0 = cos(x.angle);
    let t1 = 0.15000000000000002 * t0;
    let t2 = 1.0 + t1;
    out.fx[(0, 0)] = t2;
    let t3 = 1.5 * t0;
    out.fx[(1, 0)] = t3;
    out.fu[(0, 0)] = 0.030000000000000006;
    out.fu[(1, 0)] = 0.30000000000000004;
    let t4 = x.angle - s.reference;
    let t5 = t4 * p.tracking;
    let t6 = 2.0 * t5;
    out.lx[0] = t6;
    let t7 = 0.2 * x.rate;
    out.lx[1] = t7;
    let t8 = u.torque * p.effort;
    let t9 = 2.0 * t8;
    out.lu[0] = t9;
    let t10 = 0.1 * lambda.angle;
    let t11 = lambda.rate + t10;
    let t12 = 1.5 * t11;
    let t13 = sin(x.angle);
    let t14 = t13 * t12;
    let t15 = 2.0 * p.tracking;
    let t16 = t15 - t14;
    out.hxx[(0, 0)] = t16;
    let t17 = 2.0 * p.effort;
    out.huu[(0, 0)] = t17;
    let t18 = function0.expand(x.rate);
    let t19 = t18.entry(1);
    let t20 = 0.30000000000000004 * t19;
    let t21 = 1.0 - t20;
    let t22 = 0.1 * t21;
    out.fx[(0, 1)] = t22;
    out.fx[(1, 1)] = t21;
    let t23 = -0.30000000000000004 * t11;
    let t24 = function0.contract(t18, t23);
    let t25 = t24.entry(0);
    let t26 = 0.2 + t25;
    out.hxx[(1, 1)] = t26;
}

/// 10 operations: 2 add, 6 mul, 0 div, 0 neg, 2 call, 0 select.
fn add_hamiltonian_parameter_gradient(p: &Params, s: &StageParams, x: &State, u: &Control, lambda: &State, out: &mut Record) {
    let t0 = x.angle - s.reference;
    let t1 = t0 * t0;
    out.gp[0] += t1;
    let t2 = t0 * p.tracking;
    let t3 = -2.0 * t2;
    out.gs[0] += t3;
    let t4 = 0.1 * lambda.angle;
    let t5 = lambda.rate + t4;
    let t6 = -0.30000000000000004 * t5;
    let t7 = function0.expand(x.rate);
    let t8 = function0.add_weights(t7, t6);
    out.gw[0] += t8;
    let t9 = u.torque * u.torque;
    out.gp[1] += t9;
}

/// 5 operations: 1 add, 4 mul, 0 div, 0 neg, 0 call, 0 select.
fn add_terminal_parameter_gradient(p: &Params, s: &StageParams, x: &State, out: &mut Record) {
    let t0 = x.angle - s.reference;
    let t1 = t0 * t0;
    let t2 = 5.0 * t1;
    out.gp[0] += t2;
    let t3 = t0 * p.tracking;
    let t4 = -10.0 * t3;
    out.gs[0] += t4;
}

/// 16 operations: 3 add, 10 mul, 0 div, 1 neg, 2 call, 0 select.
fn add_parameter_contraction(p: &Params, s: &StageParams, x: &State, u: &Control, lambda: &State, dx: &State, du: &Control, dlambda: &State, out: &mut Record) {
    let t0 = 0.1 * dlambda.angle;
    let t1 = dlambda.rate + t0;
    let t2 = -0.30000000000000004 * t1;
    let t3 = 0.1 * lambda.angle;
    let t4 = lambda.rate + t3;
    let t5 = -0.30000000000000004 * t4;
    let t6 = function0.expand(x.rate);
    let t7 = function0.add_weights(t6, dx.rate, t5, t2);
    out.gw[0] += t7;
    let t8 = x.angle - s.reference;
    let t9 = 2.0 * t8;
    let t10 = dx.angle * t9;
    out.gp[0] += t10;
    let t11 = 2.0 * u.torque;
    let t12 = du.torque * t11;
    out.gp[1] += t12;
    let t13 = 2.0 * p.tracking;
    let t14 = dx.angle * t13;
    let t15 = -t14;
    out.gs[0] += t15;
}

/// 6 operations: 1 add, 4 mul, 0 div, 1 neg, 0 call, 0 select.
fn add_terminal_parameter_contraction(p: &Params, s: &StageParams, x: &State, dx: &State, out: &mut Record) {
    let t0 = x.angle - s.reference;
    let t1 = 10.0 * t0;
    let t2 = dx.angle * t1;
    out.gp[0] += t2;
    let t3 = 10.0 * p.tracking;
    let t4 = dx.angle * t3;
    let t5 = -t4;
    out.gs[0] += t5;
}

/// 3 operations: 1 add, 2 mul, 0 div, 0 neg, 0 call, 0 select.
fn parameter_terms(s: &StageParams, x: &State, u: &Control, out: &mut Record) {
    let t0 = x.angle - s.reference;
    let t1 = 2.0 * t0;
    out.hxp[(0, 0)] = t1;
    let t2 = 2.0 * u.torque;
    out.hup[(0, 1)] = t2;
}

/// 2 operations: 1 add, 1 mul, 0 div, 0 neg, 0 call, 0 select.
fn terminal_parameter_terms(s: &StageParams, x: &State, out: &mut Record) {
    let t0 = x.angle - s.reference;
    let t1 = 10.0 * t0;
    out.lxp[(0, 0)] = t1;
}

/// 17 operations: 6 add, 8 mul, 0 div, 0 neg, 3 call, 0 select.
fn linearize(x: &State, u: &Control, out: &mut Record) {
    let t0 = function0.expand(x.rate);
    let t1 = t0.entry(0);
    let t2 = u.torque - t1;
    let t3 = 3.0 * t2;
    let t4 = sin(x.angle);
    let t5 = 15.0 * t4;
    let t6 = t5 + t3;
    let t7 = 0.1 * t6;
    let t8 = x.rate + t7;
    let t9 = 0.1 * t8;
    let t10 = x.angle + t9;
    out.f[0] = t10;
    out.f[1] = t8;
    let t11 = cos(x.angle);
    let t12 = 0.15000000000000002 * t11;
    let t13 = 1.0 + t12;
    out.fx[(0, 0)] = t13;
    let t14 = 1.5 * t11;
    out.fx[(1, 0)] = t14;
    let t15 = t0.entry(1);
    let t16 = 0.30000000000000004 * t15;
    let t17 = 1.0 - t16;
    let t18 = 0.1 * t17;
    out.fx[(0, 1)] = t18;
    out.fx[(1, 1)] = t17;
    out.fu[(0, 0)] = 0.030000000000000006;
    out.fu[(1, 0)] = 0.30000000000000004;
}
