// dilqr    0.1.0
// model    c766ba59c16d89b29f590527832a43aec937d336ac07924a6e37248223e73df1
// checksum e63f7f952a69efe185993160dfca25e8dd9e6737aa83cc614dc4cce80f3c546d
//
// Kernels of the model `unicycle`, with which it compiles without Symbolica. Do not edit: dilqr rejects the file
// if it was edited, or if the model has changed since. To renew it:
//
//     DILQR_VENDOR=unicycle cargo build --features dilqr-runtime/symbolica
//
// x, u, p, s: state, control, parameters, stage parameters; lambda, mu: costate of the next stage, multipliers of
// constraints; lower, upper: weights of bounds; dx, du, dlambda, dmu: directions; out: the record of a kernel (see
// dilqr_runtime::Model), zero where no line writes.

/// 12 operations: 4 add, 6 mul, 0 div, 0 neg, 2 call, 0 select.
fn dynamics(x: &State, u: &Control, out: &mut Record) {
    let t0 = 0.05 * u.turn;
    let t1 = x.heading + t0;
    let t2 = cos(t1);
    let t3 = t2 * u.speed;
    let t4 = 0.1 * t3;
    let t5 = x.x + t4;
    out.next[0] = t5;
    let t6 = sin(t1);
    let t7 = t6 * u.speed;
    let t8 = 0.1 * t7;
    let t9 = x.y + t8;
    out.next[1] = t9;
    let t10 = 0.1 * u.turn;
    let t11 = x.heading + t10;
    out.next[2] = t11;
}

/// 16 operations: 8 add, 7 mul, 0 div, 0 neg, 1 call, 0 select.
fn stage_cost(p: &Params, x: &State, u: &Control, out: &mut Record) {
    let t0 = u.turn * u.turn;
    let t1 = p.price_turn * t0;
    let t2 = u.speed * u.speed;
    let t3 = p.price_speed * t2;
    let t4 = t3 + t1;
    let t5 = x.heading - p.goal_heading;
    let t6 = cos(t5);
    let t7 = x.y - p.goal[1];
    let t8 = t7 * t7;
    let t9 = x.x - p.goal[0];
    let t10 = t9 * t9;
    let t11 = t10 + t8;
    let t12 = 1.0 + t11;
    let t13 = t12 - t6;
    let t14 = 0.1 * t13;
    let t15 = t14 + t4;
    out.l = t15;
}

/// 10 operations: 6 add, 3 mul, 0 div, 0 neg, 1 call, 0 select.
fn terminal_cost(p: &Params, x: &State, out: &mut Record) {
    let t0 = x.heading - p.goal_heading;
    let t1 = cos(t0);
    let t2 = x.y - p.goal[1];
    let t3 = t2 * t2;
    let t4 = x.x - p.goal[0];
    let t5 = t4 * t4;
    let t6 = t5 + t3;
    let t7 = 1.0 + t6;
    let t8 = t7 - t1;
    let t9 = 10.0 * t8;
    out.l = t9;
}

/// 28 operations: 12 add, 13 mul, 0 div, 0 neg, 3 call, 0 select.
fn step(p: &Params, x: &State, u: &Control, out: &mut Record) {
    let t0 = 0.05 * u.turn;
    let t1 = x.heading + t0;
    let t2 = cos(t1);
    let t3 = t2 * u.speed;
    let t4 = 0.1 * t3;
    let t5 = x.x + t4;
    out.next[0] = t5;
    let t6 = sin(t1);
    let t7 = t6 * u.speed;
    let t8 = 0.1 * t7;
    let t9 = x.y + t8;
    out.next[1] = t9;
    let t10 = 0.1 * u.turn;
    let t11 = x.heading + t10;
    out.next[2] = t11;
    let t12 = u.turn * u.turn;
    let t13 = p.price_turn * t12;
    let t14 = u.speed * u.speed;
    let t15 = p.price_speed * t14;
    let t16 = t15 + t13;
    let t17 = x.heading - p.goal_heading;
    let t18 = cos(t17);
    let t19 = x.y - p.goal[1];
    let t20 = t19 * t19;
    let t21 = x.x - p.goal[0];
    let t22 = t21 * t21;
    let t23 = t22 + t20;
    let t24 = 1.0 + t23;
    let t25 = t24 - t18;
    let t26 = 0.1 * t25;
    let t27 = t26 + t16;
    out.l = t27;
}

/// 47 operations: 12 add, 30 mul, 0 div, 1 neg, 4 call, 0 select.
fn expand_stage(p: &Params, x: &State, u: &Control, out: &mut Record) {
    let t0 = 0.05 * u.turn;
    let t1 = x.heading + t0;
    let t2 = cos(t1);
    let t3 = t2 * u.speed;
    let t4 = 0.1 * t3;
    let t5 = x.x + t4;
    out.f[0] = t5;
    let t6 = sin(t1);
    let t7 = t6 * u.speed;
    let t8 = 0.1 * t7;
    let t9 = x.y + t8;
    out.f[1] = t9;
    let t10 = 0.1 * u.turn;
    let t11 = x.heading + t10;
    out.f[2] = t11;
    out.fx[(0, 0)] = 1.0;
    out.fx[(1, 1)] = 1.0;
    let t12 = 0.1 * u.speed;
    let t13 = t6 * t12;
    let t14 = -t13;
    out.fx[(0, 2)] = t14;
    let t15 = t2 * t12;
    out.fx[(1, 2)] = t15;
    out.fx[(2, 2)] = 1.0;
    let t16 = 0.1 * t2;
    out.fu[(0, 0)] = t16;
    let t17 = 0.1 * t6;
    out.fu[(1, 0)] = t17;
    let t18 = -0.05 * t13;
    out.fu[(0, 1)] = t18;
    let t19 = 0.05 * t15;
    out.fu[(1, 1)] = t19;
    out.fu[(2, 1)] = 0.1;
    let t20 = u.turn * u.turn;
    let t21 = p.price_turn * t20;
    let t22 = u.speed * u.speed;
    let t23 = p.price_speed * t22;
    let t24 = t23 + t21;
    let t25 = x.heading - p.goal_heading;
    let t26 = cos(t25);
    let t27 = x.y - p.goal[1];
    let t28 = t27 * t27;
    let t29 = x.x - p.goal[0];
    let t30 = t29 * t29;
    let t31 = t30 + t28;
    let t32 = 1.0 + t31;
    let t33 = t32 - t26;
    let t34 = 0.1 * t33;
    let t35 = t34 + t24;
    out.l = t35;
    let t36 = 0.2 * t29;
    out.lx[0] = t36;
    let t37 = 0.2 * t27;
    out.lx[1] = t37;
    let t38 = sin(t25);
    let t39 = 0.1 * t38;
    out.lx[2] = t39;
    let t40 = u.speed * p.price_speed;
    let t41 = 2.0 * t40;
    out.lu[0] = t41;
    let t42 = u.turn * p.price_turn;
    let t43 = 2.0 * t42;
    out.lu[1] = t43;
    out.lxx[(0, 0)] = 0.2;
    out.lxx[(1, 1)] = 0.2;
    let t44 = 0.1 * t26;
    out.lxx[(2, 2)] = t44;
    let t45 = 2.0 * p.price_speed;
    out.luu[(0, 0)] = t45;
    let t46 = 2.0 * p.price_turn;
    out.luu[(1, 1)] = t46;
}

/// 15 operations: 6 add, 7 mul, 0 div, 0 neg, 2 call, 0 select.
fn expand_terminal(p: &Params, x: &State, out: &mut Record) {
    let t0 = x.heading - p.goal_heading;
    let t1 = cos(t0);
    let t2 = x.y - p.goal[1];
    let t3 = t2 * t2;
    let t4 = x.x - p.goal[0];
    let t5 = t4 * t4;
    let t6 = t5 + t3;
    let t7 = 1.0 + t6;
    let t8 = t7 - t1;
    let t9 = 10.0 * t8;
    out.l = t9;
    let t10 = 20.0 * t4;
    out.lx[0] = t10;
    let t11 = 20.0 * t2;
    out.lx[1] = t11;
    let t12 = sin(t0);
    let t13 = 10.0 * t12;
    out.lx[2] = t13;
    out.lxx[(0, 0)] = 20.0;
    out.lxx[(1, 1)] = 20.0;
    let t14 = 10.0 * t1;
    out.lxx[(2, 2)] = t14;
}

/// 42 operations: 8 add, 29 mul, 0 div, 1 neg, 4 call, 0 select.
fn expand_hamiltonian(p: &Params, x: &State, u: &Control, lambda: &State, out: &mut Record) {
    out.fx[(0, 0)] = 1.0;
    let t0 = 0.1 * u.speed;
    let t1 = 0.05 * u.turn;
    let t2 = x.heading + t1;
    let t3 = sin(t2);
    let t4 = t3 * t0;
    let t5 = -t4;
    out.fx[(0, 2)] = t5;
    let t6 = cos(t2);
    let t7 = 0.1 * t6;
    out.fu[(0, 0)] = t7;
    let t8 = -0.05 * t4;
    out.fu[(0, 1)] = t8;
    out.fx[(1, 1)] = 1.0;
    let t9 = t6 * t0;
    out.fx[(1, 2)] = t9;
    let t10 = 0.1 * t3;
    out.fu[(1, 0)] = t10;
    let t11 = 0.05 * t9;
    out.fu[(1, 1)] = t11;
    out.fx[(2, 2)] = 1.0;
    out.fu[(2, 1)] = 0.1;
    let t12 = x.x - p.goal[0];
    let t13 = 0.2 * t12;
    out.lx[0] = t13;
    let t14 = x.y - p.goal[1];
    let t15 = 0.2 * t14;
    out.lx[1] = t15;
    let t16 = x.heading - p.goal_heading;
    let t17 = sin(t16);
    let t18 = 0.1 * t17;
    out.lx[2] = t18;
    let t19 = u.speed * p.price_speed;
    let t20 = 2.0 * t19;
    out.lu[0] = t20;
    let t21 = u.turn * p.price_turn;
    let t22 = 2.0 * t21;
    out.lu[1] = t22;
    out.hxx[(0, 0)] = 0.2;
    out.hxx[(1, 1)] = 0.2;
    let t23 = 0.1 * lambda.y;
    let t24 = u.speed * t23;
    let t25 = t3 * t24;
    let t26 = 0.1 * lambda.x;
    let t27 = u.speed * t26;
    let t28 = t6 * t27;
    let t29 = t28 + t25;
    let t30 = cos(t16);
    let t31 = 0.1 * t30;
    let t32 = t31 - t29;
    out.hxx[(2, 2)] = t32;
    let t33 = t3 * t26;
    let t34 = t6 * t23;
    let t35 = t34 - t33;
    out.hux[(0, 2)] = t35;
    let t36 = 2.0 * p.price_speed;
    out.huu[(0, 0)] = t36;
    let t37 = -0.05 * t29;
    out.hux[(1, 2)] = t37;
    let t38 = 0.05 * t35;
    out.huu[(1, 0)] = t38;
    out.huu[(0, 1)] = t38;
    let t39 = 0.0025000000000000005 * t29;
    let t40 = 2.0 * p.price_turn;
    let t41 = t40 - t39;
    out.huu[(1, 1)] = t41;
}

/// 9 operations: 3 add, 5 mul, 0 div, 0 neg, 1 call, 0 select.
fn add_hamiltonian_parameter_gradient(p: &Params, x: &State, u: &Control, out: &mut Record) {
    let t0 = x.x - p.goal[0];
    let t1 = -0.2 * t0;
    out.gp[0] += t1;
    let t2 = x.y - p.goal[1];
    let t3 = -0.2 * t2;
    out.gp[1] += t3;
    let t4 = x.heading - p.goal_heading;
    let t5 = sin(t4);
    let t6 = -0.1 * t5;
    out.gp[2] += t6;
    let t7 = u.speed * u.speed;
    out.gp[3] += t7;
    let t8 = u.turn * u.turn;
    out.gp[4] += t8;
}

/// 7 operations: 3 add, 3 mul, 0 div, 0 neg, 1 call, 0 select.
fn add_terminal_parameter_gradient(p: &Params, x: &State, out: &mut Record) {
    let t0 = x.x - p.goal[0];
    let t1 = -20.0 * t0;
    out.gp[0] += t1;
    let t2 = x.y - p.goal[1];
    let t3 = -20.0 * t2;
    out.gp[1] += t3;
    let t4 = x.heading - p.goal_heading;
    let t5 = sin(t4);
    let t6 = -10.0 * t5;
    out.gp[2] += t6;
}

/// 10 operations: 1 add, 8 mul, 0 div, 0 neg, 1 call, 0 select.
fn add_parameter_contraction(p: &Params, x: &State, u: &Control, dx: &State, du: &Control, out: &mut Record) {
    let t0 = -0.2 * dx.x;
    out.gp[0] += t0;
    let t1 = -0.2 * dx.y;
    out.gp[1] += t1;
    let t2 = x.heading - p.goal_heading;
    let t3 = cos(t2);
    let t4 = dx.heading * t3;
    let t5 = -0.1 * t4;
    out.gp[2] += t5;
    let t6 = 2.0 * u.speed;
    let t7 = du.speed * t6;
    out.gp[3] += t7;
    let t8 = 2.0 * u.turn;
    let t9 = du.turn * t8;
    out.gp[4] += t9;
}

/// 6 operations: 1 add, 4 mul, 0 div, 0 neg, 1 call, 0 select.
fn add_terminal_parameter_contraction(p: &Params, x: &State, dx: &State, out: &mut Record) {
    let t0 = -20.0 * dx.x;
    out.gp[0] += t0;
    let t1 = -20.0 * dx.y;
    out.gp[1] += t1;
    let t2 = x.heading - p.goal_heading;
    let t3 = cos(t2);
    let t4 = dx.heading * t3;
    let t5 = -10.0 * t4;
    out.gp[2] += t5;
}

/// 5 operations: 1 add, 3 mul, 0 div, 0 neg, 1 call, 0 select.
fn parameter_terms(p: &Params, x: &State, u: &Control, out: &mut Record) {
    out.hxp[(0, 0)] = -0.2;
    out.hxp[(1, 1)] = -0.2;
    let t0 = x.heading - p.goal_heading;
    let t1 = cos(t0);
    let t2 = -0.1 * t1;
    out.hxp[(2, 2)] = t2;
    let t3 = 2.0 * u.speed;
    out.hup[(0, 3)] = t3;
    let t4 = 2.0 * u.turn;
    out.hup[(1, 4)] = t4;
}

/// 3 operations: 1 add, 1 mul, 0 div, 0 neg, 1 call, 0 select.
fn terminal_parameter_terms(p: &Params, x: &State, out: &mut Record) {
    out.lxp[(0, 0)] = -20.0;
    out.lxp[(1, 1)] = -20.0;
    let t0 = x.heading - p.goal_heading;
    let t1 = cos(t0);
    let t2 = -10.0 * t1;
    out.lxp[(2, 2)] = t2;
}

/// 20 operations: 4 add, 13 mul, 0 div, 1 neg, 2 call, 0 select.
fn linearize(x: &State, u: &Control, out: &mut Record) {
    let t0 = 0.05 * u.turn;
    let t1 = x.heading + t0;
    let t2 = cos(t1);
    let t3 = t2 * u.speed;
    let t4 = 0.1 * t3;
    let t5 = x.x + t4;
    out.f[0] = t5;
    let t6 = sin(t1);
    let t7 = t6 * u.speed;
    let t8 = 0.1 * t7;
    let t9 = x.y + t8;
    out.f[1] = t9;
    let t10 = 0.1 * u.turn;
    let t11 = x.heading + t10;
    out.f[2] = t11;
    out.fx[(0, 0)] = 1.0;
    let t12 = 0.1 * t2;
    out.fu[(0, 0)] = t12;
    let t13 = 0.1 * t6;
    out.fu[(1, 0)] = t13;
    out.fx[(1, 1)] = 1.0;
    let t14 = 0.1 * u.speed;
    let t15 = t6 * t14;
    let t16 = -0.05 * t15;
    out.fu[(0, 1)] = t16;
    let t17 = t2 * t14;
    let t18 = 0.05 * t17;
    out.fu[(1, 1)] = t18;
    out.fu[(2, 1)] = 0.1;
    let t19 = -t15;
    out.fx[(0, 2)] = t19;
    out.fx[(1, 2)] = t17;
    out.fx[(2, 2)] = 1.0;
}
