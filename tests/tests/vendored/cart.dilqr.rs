// dilqr    0.1.0
// model    adee10c85d3f3bc9b5cf20c7a07796b808352a8f05e76e7a142e83563f63319e
// checksum d83827bf6bdaa8a2028e33604d122e824c6068791c300c106120e3eeb928c9e6
//
// Kernels of the model `cart`, with which it compiles without Symbolica. Do not edit: dilqr rejects the file
// if it was edited, or if the model has changed since. To renew it:
//
//     DILQR_VENDOR=cart cargo build --features dilqr-runtime/symbolica
//
// x, u, p, s: state, control, parameters, stage parameters; lambda, mu: costate of the next stage, multipliers of
// constraints; lower, upper: weights of bounds; dx, du, dlambda, dmu: directions; out: the record of a kernel (see
// dilqr_runtime::Model), zero where no line writes.
// x.previous(), x.d(), x.slack(), u.slack(): control of the stage before, design variables, and slacks of soft constraints,
// with which the kernels extend state and control.

/// 19 operations: 6 add, 11 mul, 0 div, 0 neg, 0 call, 2 select.
fn dynamics(x: &State, u: &Control, out: &mut Record) {
    let t0 = 0.08333333333333333 * x.d().time;
    let t1 = 0.0 < t0;
    let t2 = if t1 { 0.0 } else { NaN };
    let t3 = t0 + t2;
    let t4 = 0.5 * t3;
    let t5 = x.speed * x.speed;
    let t6 = x.speed * t5;
    let t7 = 0.1 * t6;
    let t8 = u.force - t7;
    let t9 = t8 * t4;
    let t10 = x.speed + t9;
    let t11 = t3 * t10;
    let t12 = x.place + t11;
    out.next[0] = t12;
    let t13 = t10 * t10;
    let t14 = t10 * t13;
    let t15 = 0.1 * t14;
    let t16 = u.force - t15;
    let t17 = t3 * t16;
    let t18 = x.speed + t17;
    out.next[1] = t18;
    out.next[2] = u.force;
    out.next[3] = x.d().time;
}

/// 12 operations: 3 add, 7 mul, 0 div, 0 neg, 0 call, 2 select.
fn stage_cost(p: &Params, x: &State, u: &Control, out: &mut Record) {
    let t0 = u.slack()[0] * p.soft;
    let t1 = u.force * u.force;
    let t2 = 0.1 * t1;
    let t3 = 0.08333333333333333 * x.d().time;
    let t4 = 0.0 < t3;
    let t5 = if t4 { 0.0 } else { NaN };
    let t6 = t3 + t5;
    let t7 = t6 * t2;
    let t8 = t7 + t0;
    let t9 = u.slack()[0] * u.slack()[0];
    let t10 = 0.5 * t9;
    let t11 = t10 + t8;
    out.l = t11;
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn terminal_cost(x: &State, out: &mut Record) {
    out.l = x.d().time;
}

/// 27 operations: 8 add, 17 mul, 0 div, 0 neg, 0 call, 2 select.
fn step(p: &Params, x: &State, u: &Control, out: &mut Record) {
    let t0 = 0.08333333333333333 * x.d().time;
    let t1 = 0.0 < t0;
    let t2 = if t1 { 0.0 } else { NaN };
    let t3 = t0 + t2;
    let t4 = 0.5 * t3;
    let t5 = x.speed * x.speed;
    let t6 = x.speed * t5;
    let t7 = 0.1 * t6;
    let t8 = u.force - t7;
    let t9 = t8 * t4;
    let t10 = x.speed + t9;
    let t11 = t3 * t10;
    let t12 = x.place + t11;
    out.next[0] = t12;
    let t13 = t10 * t10;
    let t14 = t10 * t13;
    let t15 = 0.1 * t14;
    let t16 = u.force - t15;
    let t17 = t3 * t16;
    let t18 = x.speed + t17;
    out.next[1] = t18;
    out.next[2] = u.force;
    out.next[3] = x.d().time;
    let t19 = u.slack()[0] * p.soft;
    let t20 = u.force * u.force;
    let t21 = 0.1 * t20;
    let t22 = t3 * t21;
    let t23 = t22 + t19;
    let t24 = u.slack()[0] * u.slack()[0];
    let t25 = 0.5 * t24;
    let t26 = t25 + t23;
    out.l = t26;
}

/// 52 operations: 15 add, 35 mul, 0 div, 0 neg, 0 call, 2 select.
fn expand_stage(p: &Params, x: &State, u: &Control, out: &mut Record) {
    let t0 = 0.08333333333333333 * x.d().time;
    let t1 = 0.0 < t0;
    let t2 = if t1 { 0.0 } else { NaN };
    let t3 = t0 + t2;
    let t4 = 0.5 * t3;
    let t5 = x.speed * x.speed;
    let t6 = x.speed * t5;
    let t7 = 0.1 * t6;
    let t8 = u.force - t7;
    let t9 = t8 * t4;
    let t10 = x.speed + t9;
    let t11 = t3 * t10;
    let t12 = x.place + t11;
    out.f[0] = t12;
    let t13 = t10 * t10;
    let t14 = t10 * t13;
    let t15 = 0.1 * t14;
    let t16 = u.force - t15;
    let t17 = t3 * t16;
    let t18 = x.speed + t17;
    out.f[1] = t18;
    out.f[2] = u.force;
    out.f[3] = x.d().time;
    out.fx[(0, 0)] = 1.0;
    let t19 = 0.30000000000000004 * t5;
    let t20 = t3 * t4;
    let t21 = t20 * t19;
    let t22 = t3 - t21;
    out.fx[(0, 1)] = t22;
    let t23 = 0.30000000000000004 * t13;
    let t24 = t3 * t23;
    let t25 = t4 * t24;
    let t26 = t19 * t25;
    let t27 = 1.0 + t26;
    let t28 = t27 - t24;
    out.fx[(1, 1)] = t28;
    let t29 = t3 * t8;
    let t30 = 0.5 * t29;
    let t31 = t10 + t30;
    let t32 = 0.08333333333333333 * t31;
    out.fx[(0, 3)] = t32;
    let t33 = t8 * t24;
    let t34 = 0.5 * t33;
    let t35 = t16 - t34;
    let t36 = 0.08333333333333333 * t35;
    out.fx[(1, 3)] = t36;
    out.fx[(3, 3)] = 1.0;
    out.fu[(0, 0)] = t20;
    let t37 = t3 - t25;
    out.fu[(1, 0)] = t37;
    out.fu[(2, 0)] = 1.0;
    let t38 = u.slack()[0] * p.soft;
    let t39 = u.force * u.force;
    let t40 = 0.1 * t39;
    let t41 = t3 * t40;
    let t42 = t41 + t38;
    let t43 = u.slack()[0] * u.slack()[0];
    let t44 = 0.5 * t43;
    let t45 = t44 + t42;
    out.l = t45;
    let t46 = 0.008333333333333333 * t39;
    out.lx[3] = t46;
    let t47 = 0.2 * u.force;
    let t48 = t3 * t47;
    out.lu[0] = t48;
    let t49 = u.slack()[0] + p.soft;
    out.lu[1] = t49;
    let t50 = 0.016666666666666666 * u.force;
    out.lux[(0, 3)] = t50;
    let t51 = 0.2 * t3;
    out.luu[(0, 0)] = t51;
    out.luu[(1, 1)] = 1.0;
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn expand_terminal(x: &State, out: &mut Record) {
    out.l = x.d().time;
    out.lx[3] = 1.0;
}

/// 83 operations: 27 add, 54 mul, 0 div, 0 neg, 0 call, 2 select.
fn expand_hamiltonian(p: &Params, x: &State, u: &Control, lambda: &State, out: &mut Record) {
    out.fx[(0, 0)] = 1.0;
    let t0 = x.speed * x.speed;
    let t1 = 0.30000000000000004 * t0;
    let t2 = 0.08333333333333333 * x.d().time;
    let t3 = 0.0 < t2;
    let t4 = if t3 { 0.0 } else { NaN };
    let t5 = t2 + t4;
    let t6 = 0.5 * t5;
    let t7 = t5 * t6;
    let t8 = t7 * t1;
    let t9 = t5 - t8;
    out.fx[(0, 1)] = t9;
    let t10 = x.speed * t0;
    let t11 = 0.1 * t10;
    let t12 = u.force - t11;
    let t13 = t5 * t12;
    let t14 = 0.5 * t13;
    let t15 = t12 * t6;
    let t16 = x.speed + t15;
    let t17 = t16 + t14;
    let t18 = 0.08333333333333333 * t17;
    out.fx[(0, 3)] = t18;
    out.fu[(0, 0)] = t7;
    let t19 = t16 * t16;
    let t20 = 0.30000000000000004 * t19;
    let t21 = t5 * t20;
    let t22 = t6 * t21;
    let t23 = t1 * t22;
    let t24 = 1.0 + t23;
    let t25 = t24 - t21;
    out.fx[(1, 1)] = t25;
    let t26 = t12 * t21;
    let t27 = 0.5 * t26;
    let t28 = t16 * t19;
    let t29 = 0.1 * t28;
    let t30 = u.force - t29;
    let t31 = t30 - t27;
    let t32 = 0.08333333333333333 * t31;
    out.fx[(1, 3)] = t32;
    let t33 = t5 - t22;
    out.fu[(1, 0)] = t33;
    out.fu[(2, 0)] = 1.0;
    out.fx[(3, 3)] = 1.0;
    let t34 = u.force * u.force;
    let t35 = 0.008333333333333333 * t34;
    out.lx[3] = t35;
    let t36 = 0.2 * u.force;
    let t37 = t5 * t36;
    out.lu[0] = t37;
    let t38 = u.slack()[0] + p.soft;
    out.lu[1] = t38;
    let t39 = 0.6000000000000001 * t16;
    let t40 = t5 * lambda.speed;
    let t41 = t40 * t39;
    let t42 = t6 * t41;
    let t43 = t6 * t42;
    let t44 = t1 * t43;
    let t45 = t1 * t44;
    let t46 = t41 + t45;
    let t47 = 0.6000000000000001 * x.speed;
    let t48 = t20 * t40;
    let t49 = t5 * lambda.place;
    let t50 = t49 - t48;
    let t51 = t6 * t50;
    let t52 = t51 * t47;
    let t53 = t52 + t46;
    let t54 = t1 * t42;
    let t55 = t54 + t54;
    let t56 = t55 - t53;
    out.hxx[(1, 1)] = t56;
    let t57 = t12 * t41;
    let t58 = t6 * t57;
    let t59 = t50 - t58;
    let t60 = 0.5 * t59;
    let t61 = t20 * lambda.speed;
    let t62 = lambda.place - t61;
    let t63 = t6 * t62;
    let t64 = t63 + t60;
    let t65 = t1 * t64;
    let t66 = 0.5 * t57;
    let t67 = t66 + t65;
    let t68 = t62 - t67;
    let t69 = 0.08333333333333333 * t68;
    out.hxx[(3, 1)] = t69;
    out.hxx[(1, 3)] = t69;
    let t70 = t12 * t57;
    let t71 = 0.25 * t70;
    let t72 = t12 * t62;
    let t73 = 0.5 * t72;
    let t74 = t73 + t73;
    let t75 = t74 - t71;
    let t76 = 0.006944444444444444 * t75;
    out.hxx[(3, 3)] = t76;
    let t77 = t44 - t42;
    out.hux[(0, 1)] = t77;
    let t78 = t36 + lambda.speed;
    let t79 = t64 + t78;
    let t80 = 0.08333333333333333 * t79;
    out.hux[(0, 3)] = t80;
    let t81 = 0.2 * t5;
    let t82 = t81 - t43;
    out.huu[(0, 0)] = t82;
    out.huu[(1, 1)] = 1.0;
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn add_hamiltonian_parameter_gradient(u: &Control, out: &mut Record) {
    out.gp[2] += u.slack()[0];
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn add_terminal_parameter_gradient(out: &mut Record) {
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn add_parameter_contraction(du: &Control, out: &mut Record) {
    out.gp[2] += du.slack()[0];
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn add_terminal_parameter_contraction(out: &mut Record) {
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn parameter_terms(out: &mut Record) {
    out.hup[(1, 2)] = 1.0;
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn terminal_parameter_terms(out: &mut Record) {
}

/// 38 operations: 12 add, 24 mul, 0 div, 0 neg, 0 call, 2 select.
fn linearize(x: &State, u: &Control, out: &mut Record) {
    let t0 = 0.08333333333333333 * x.d().time;
    let t1 = 0.0 < t0;
    let t2 = if t1 { 0.0 } else { NaN };
    let t3 = t0 + t2;
    let t4 = 0.5 * t3;
    let t5 = x.speed * x.speed;
    let t6 = x.speed * t5;
    let t7 = 0.1 * t6;
    let t8 = u.force - t7;
    let t9 = t8 * t4;
    let t10 = x.speed + t9;
    let t11 = t3 * t10;
    let t12 = x.place + t11;
    out.f[0] = t12;
    out.fx[(0, 0)] = 1.0;
    let t13 = 0.30000000000000004 * t5;
    let t14 = t3 * t4;
    let t15 = t14 * t13;
    let t16 = t3 - t15;
    out.fx[(0, 1)] = t16;
    let t17 = t3 * t8;
    let t18 = 0.5 * t17;
    let t19 = t10 + t18;
    let t20 = 0.08333333333333333 * t19;
    out.fx[(0, 3)] = t20;
    out.fu[(0, 0)] = t14;
    let t21 = t10 * t10;
    let t22 = t10 * t21;
    let t23 = 0.1 * t22;
    let t24 = u.force - t23;
    let t25 = t3 * t24;
    let t26 = x.speed + t25;
    out.f[1] = t26;
    let t27 = 0.30000000000000004 * t21;
    let t28 = t3 * t27;
    let t29 = t4 * t28;
    let t30 = t13 * t29;
    let t31 = 1.0 + t30;
    let t32 = t31 - t28;
    out.fx[(1, 1)] = t32;
    let t33 = t8 * t28;
    let t34 = 0.5 * t33;
    let t35 = t24 - t34;
    let t36 = 0.08333333333333333 * t35;
    out.fx[(1, 3)] = t36;
    let t37 = t3 - t29;
    out.fu[(1, 0)] = t37;
    out.f[2] = u.force;
    out.fu[(2, 0)] = 1.0;
    out.f[3] = x.d().time;
    out.fx[(3, 3)] = 1.0;
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn bounds(out: &mut Record) {
    out.lower[(0, 0)] = -1.0;
    out.lower[(1, 0)] = 0.0;
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn add_bounds_contraction(out: &mut Record) {
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn bounds_terms(out: &mut Record) {
}

/// 8 operations: 8 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn stage_constraints(p: &Params, x: &State, u: &Control, out: &mut Record) {
    let t0 = x.speed + -0.5;
    let t1 = t0 - u.slack()[0];
    out.constraints[0] = t1;
    let t2 = x.speed - p.most;
    out.constraints[1] = t2;
    let t3 = u.force - x.previous().force;
    let t4 = t3 - p.rate;
    out.constraints[2] = t4;
    let t5 = x.previous().force - u.force;
    let t6 = t5 - p.rate;
    out.constraints[3] = t6;
    let t7 = u.force - x.d().time;
    out.constraints[4] = t7;
}

/// 8 operations: 8 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn expand_stage_constraints(p: &Params, x: &State, u: &Control, out: &mut Record) {
    let t0 = x.speed + -0.5;
    let t1 = t0 - u.slack()[0];
    out.c[0] = t1;
    let t2 = x.speed - p.most;
    out.c[1] = t2;
    let t3 = u.force - x.previous().force;
    let t4 = t3 - p.rate;
    out.c[2] = t4;
    let t5 = x.previous().force - u.force;
    let t6 = t5 - p.rate;
    out.c[3] = t6;
    let t7 = u.force - x.d().time;
    out.c[4] = t7;
    out.cx[(0, 1)] = 1.0;
    out.cu[(0, 1)] = -1.0;
    out.cx[(1, 1)] = 1.0;
    out.cx[(2, 2)] = -1.0;
    out.cu[(2, 0)] = 1.0;
    out.cx[(3, 2)] = 1.0;
    out.cu[(3, 0)] = -1.0;
    out.cx[(4, 3)] = -1.0;
    out.cu[(4, 0)] = 1.0;
}

/// 3 operations: 1 add, 0 mul, 0 div, 2 neg, 0 call, 0 select.
fn add_stage_constraint_contraction(dmu: &[f64], out: &mut Record) {
    let t0 = dmu[2] + dmu[3];
    let t1 = -t0;
    out.gp[1] += t1;
    let t2 = -dmu[1];
    out.gp[3] += t2;
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn stage_constraint_terms(out: &mut Record) {
    out.cp[(1, 3)] = -1.0;
    out.cp[(2, 1)] = -1.0;
    out.cp[(3, 1)] = -1.0;
}

/// 2 operations: 2 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn terminal_constraints(p: &Params, x: &State, out: &mut Record) {
    let t0 = x.speed - p.most;
    out.constraints[0] = t0;
    let t1 = x.place - p.goal;
    out.constraints[1] = t1;
    out.constraints[2] = x.speed;
}

/// 2 operations: 2 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn expand_terminal_constraints(p: &Params, x: &State, out: &mut Record) {
    let t0 = x.speed - p.most;
    out.c[0] = t0;
    let t1 = x.place - p.goal;
    out.c[1] = t1;
    out.c[2] = x.speed;
    out.cx[(0, 1)] = 1.0;
    out.cx[(1, 0)] = 1.0;
    out.cx[(2, 1)] = 1.0;
}

/// 2 operations: 0 add, 0 mul, 0 div, 2 neg, 0 call, 0 select.
fn add_terminal_constraint_contraction(dmu: &[f64], out: &mut Record) {
    let t0 = -dmu[1];
    out.gp[0] += t0;
    let t1 = -dmu[0];
    out.gp[3] += t1;
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn terminal_constraint_terms(out: &mut Record) {
    out.cp[(0, 3)] = -1.0;
    out.cp[(1, 0)] = -1.0;
}

/// 3 operations: 1 add, 2 mul, 0 div, 0 neg, 0 call, 0 select.
fn initial_cost(x: &State, out: &mut Record) {
    let t0 = x.speed + -0.1;
    let t1 = t0 * t0;
    let t2 = 2.0 * t1;
    out.l = t2;
}

/// 4 operations: 1 add, 3 mul, 0 div, 0 neg, 0 call, 0 select.
fn expand_initial(x: &State, out: &mut Record) {
    let t0 = x.speed + -0.1;
    let t1 = t0 * t0;
    let t2 = 2.0 * t1;
    out.l = t2;
    let t3 = 4.0 * t0;
    out.lx[1] = t3;
    out.lxx[(1, 1)] = 4.0;
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn add_initial_parameter_gradient(out: &mut Record) {
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn add_initial_parameter_contraction(out: &mut Record) {
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn initial_parameter_terms(out: &mut Record) {
}

/// 2 operations: 2 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn initial_constraints(x: &State, out: &mut Record) {
    let t0 = x.d().time + -20.0;
    out.constraints[0] = t0;
    let t1 = 0.5 - x.d().time;
    out.constraints[1] = t1;
    out.constraints[2] = x.place;
}

/// 2 operations: 2 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn expand_initial_constraints(x: &State, out: &mut Record) {
    let t0 = x.d().time + -20.0;
    out.c[0] = t0;
    let t1 = 0.5 - x.d().time;
    out.c[1] = t1;
    out.c[2] = x.place;
    out.cx[(0, 3)] = 1.0;
    out.cx[(1, 3)] = -1.0;
    out.cx[(2, 0)] = 1.0;
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn add_initial_constraint_contraction(out: &mut Record) {
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn initial_constraint_terms(out: &mut Record) {
}

/// 0 operations: 0 add, 0 mul, 0 div, 0 neg, 0 call, 0 select.
fn penalties(p: &Params, out: &mut Record) {
    out.constraints[0] = p.soft;
    out.constraints[1] = 1.0;
    out.constraints[2] = 0.0;
    out.constraints[3] = 0.0;
}

/// 1 operations: 0 add, 1 mul, 0 div, 0 neg, 0 call, 0 select.
fn time_step(x: &State, out: &mut Record) {
    let t0 = 0.08333333333333333 * x.d().time;
    out.l = t0;
}
