//! A model with its author's functions.

use dilqr_models::{
    acrobot, cartpole, cartpole_cos_sin, lqr, mass_spring_damper, pendulum, pendulum_cos_sin, planar_quadrotor,
    two_link_arm, unicycle, van_der_pol,
};
use dilqr_runtime::Model;
use dilqr_runtime::nalgebra::SVector;

use dilqr_tests::{cart4, demand, discs, floor, pend2, redundant, root, shared, short_rail, shuttle, weak_pendulum};

/// Lower and upper bounds of the controls.
pub(crate) type Interval<const NU: usize> = (SVector<f64, NU>, SVector<f64, NU>);

/// The author's functions on vectors, and usual values. Nothing here uses a kernel.
pub(crate) trait System<const NX: usize, const NU: usize, const NP: usize, const NS: usize>:
    Model<NX, NU, NP, NS> + Copy + Send + 'static
{
    /// The module.
    const NAME: &'static str;
    /// A usual initial state.
    const STATE: [f64; NX];
    /// Usual parameters.
    const PARAMS: [f64; NP];
    /// Usual parameters of a stage.
    const STAGE: [f64; NS];
    /// Parameters that are bounds: pairs of a lower and an upper one.
    const BOUNDS: &'static [(usize, usize)] = &[];

    /// Next state.
    fn next(x: &SVector<f64, NX>, u: &SVector<f64, NU>, p: &SVector<f64, NP>, s: &SVector<f64, NS>)
    -> SVector<f64, NX>;
    /// Stage cost.
    fn cost(x: &SVector<f64, NX>, u: &SVector<f64, NU>, p: &SVector<f64, NP>, s: &SVector<f64, NS>) -> f64;
    /// Terminal cost.
    fn end(x: &SVector<f64, NX>, p: &SVector<f64, NP>, s: &SVector<f64, NS>) -> f64;
    /// Bounds.
    fn interval(_p: &SVector<f64, NP>) -> Interval<NU> {
        (SVector::repeat(f64::NEG_INFINITY), SVector::repeat(f64::INFINITY))
    }
    /// Constraints of a stage, inequalities first.
    fn limits(_x: &SVector<f64, NX>, _u: &SVector<f64, NU>, _p: &SVector<f64, NP>, _s: &SVector<f64, NS>) -> Vec<f64> {
        Vec::new()
    }
    /// Constraints of the terminal state, inequalities first.
    fn end_limits(_x: &SVector<f64, NX>, _p: &SVector<f64, NP>, _s: &SVector<f64, NS>) -> Vec<f64> {
        Vec::new()
    }
}

macro_rules! system {
    (
        $module:ident::$model:ident<$nx:literal, $nu:literal, $np:literal, $ns:literal>,
        $state:expr, $params:expr, $stage:expr, ($($s:ident)?)
        $(, bounds $pairs:expr => |$p:ident| $interval:expr)?
        $(, stage |$x:ident, $u:ident, $q:ident, $t:ident| $limits:expr)?
        $(, terminal |$y:ident, $r:ident| $end_limits:expr)?
    ) => {
        impl System<$nx, $nu, $np, $ns> for $module::$model {
            const NAME: &'static str = stringify!($module);
            const STATE: [f64; $nx] = $state;
            const PARAMS: [f64; $np] = $params;
            const STAGE: [f64; $ns] = $stage;
            $(const BOUNDS: &'static [(usize, usize)] = $pairs;)?

            fn next(
                x: &SVector<f64, $nx>,
                u: &SVector<f64, $nu>,
                p: &SVector<f64, $np>,
                _s: &SVector<f64, $ns>,
            ) -> SVector<f64, $nx> {
                $(let $s = *_s;)?
                $module::dynamics((*x).into(), (*u).into(), (*p).into() $(, $s.into())?).into()
            }
            fn cost(
                x: &SVector<f64, $nx>,
                u: &SVector<f64, $nu>,
                p: &SVector<f64, $np>,
                _s: &SVector<f64, $ns>,
            ) -> f64 {
                $(let $s = *_s;)?
                $module::stage_cost((*x).into(), (*u).into(), (*p).into() $(, $s.into())?)
            }
            fn end(x: &SVector<f64, $nx>, p: &SVector<f64, $np>, _s: &SVector<f64, $ns>) -> f64 {
                $(let $s = *_s;)?
                $module::terminal_cost((*x).into(), (*p).into() $(, $s.into())?)
            }
            $(fn interval(vector: &SVector<f64, $np>) -> Interval<$nu> {
                let $p = $module::Params::from(*vector);
                let (lower, upper): ([f64; $nu], [f64; $nu]) = $interval;
                (lower.into(), upper.into())
            })?
            $(fn limits(
                x: &SVector<f64, $nx>,
                u: &SVector<f64, $nu>,
                p: &SVector<f64, $np>,
                s: &SVector<f64, $ns>,
            ) -> Vec<f64> {
                let ($x, $u, $q, $t) = ((*x).into(), (*u).into(), (*p).into(), *s);
                $limits.to_vec()
            })?
            $(fn end_limits(x: &SVector<f64, $nx>, p: &SVector<f64, $np>, _s: &SVector<f64, $ns>) -> Vec<f64> {
                let ($y, $r) = ((*x).into(), (*p).into());
                $end_limits.to_vec()
            })?
        }
    };
}

const OPEN: f64 = f64::INFINITY;

system!(acrobot::Acrobot<4, 1, 8, 0>, [0.3, -0.2, 0.0, 0.1], [9.81, 1.0, 1.0, 1.0, 0.5, 0.5, 0.08, 0.08], [], ());
system!(cartpole::Cartpole<4, 1, 4, 0>, [0.2, 0.0, 0.3, -0.1], [9.8, 1.0, 0.1, 0.5], [], ());
system!(cartpole_cos_sin::CartpoleCosSin<5, 1, 4, 0>, [0.2, 0.0, 0.95, 0.3, -0.1], [9.8, 1.0, 0.1, 0.5], [], ());
system!(
    lqr::Lqr<4, 2, 25, 0>,
    [1.0, -0.5, 0.3, 0.8],
    [
        1.1, 0.2, 0.0, -0.1, 0.0, 0.9, 0.3, 0.0, 0.1, 0.0, 1.05, 0.2, -0.2, 0.1, 0.0, 1.0, 1.0, 0.0, 0.2, 0.5, 0.0, 1.0,
        0.3, -0.4, 0.5
    ],
    [],
    ()
);
system!(
    mass_spring_damper::MassSpringDamper<6, 1, 9, 0>,
    [0.5, 0.2, -0.3, 0.0, 0.1, 0.0],
    [1.0, 0.8, 0.6, 10.0, 10.0, 10.0, 0.5, 0.5, 0.5],
    [],
    ()
);
system!(pendulum::Pendulum<2, 1, 3, 0>, [0.5, -0.2], [10.0, 1.0, 1.0], [], ());
system!(pendulum_cos_sin::PendulumCosSin<3, 1, 3, 0>, [0.88, 0.48, -0.2], [10.0, 1.0, 1.0], [], ());
system!(
    planar_quadrotor::PlanarQuadrotor<6, 2, 4, 0>,
    [0.5, 0.3, 0.2, 0.0, -0.1, 0.1],
    [9.81, 0.486, 0.00383, 0.25],
    [],
    ()
);
system!(unicycle::Unicycle<3, 2, 5, 0>, [0.0, 0.1, 0.2], [1.0, 0.5, 0.0, 0.05, 0.05], [], ());
system!(van_der_pol::VanDerPol<2, 1, 1, 0>, [1.0, 0.5], [1.0], [], ());
system!(two_link_arm::TwoLinkArm<4, 2, 10, 0>, [0.3, 0.4, 0.0, 0.1], [0.025, 0.045, 1.0, 0.3, 0.33, 0.16, 0.05, 0.025, 0.2, 0.4], [], ());
system!(pend2::Pend2<2, 1, 3, 0>, [1.0, 0.1], [10.0, 1.0, 1.0], [], ());
system!(cart4::Cart4<4, 1, 4, 0>, [0.1, -0.2, 0.5, 0.3], [9.8, 1.0, 0.1, 0.5], [], ());
system!(root::Root<1, 1, 1, 0>, [4.0], [0.1], [], ());

system!(weak_pendulum::WeakPendulum<2, 1, 4, 0>, [0.6, 0.1], [-1.5, 2.0, 10.0, 1.0], [], (),
    bounds &[(0, 1)] => |p| ([p.lower], [p.upper]));
system!(short_rail::ShortRail<4, 1, 4, 0>, [0.1, 0.2, 0.2, 0.1], [8.0, 0.3, 0.2, 0.5], [], (),
    bounds &[] => |p| ([-p.force], [p.force]), stage |x, u, p, _s| short_rail::stage_constraints(x, u, p), terminal |x, p| short_rail::terminal_constraints(x, p));
system!(discs::Discs<3, 2, 9, 0>, [0.0, 0.1, 0.0], [2.0, 0.4, 0.3, 1.0, 0.0, 0.6, 1.0, 2.0, 0.2], [], (),
    bounds &[] => |p| ([0.0, -OPEN], [p.fastest, OPEN]), stage |x, u, p, _s| discs::stage_constraints(x, u, p));
system!(floor::Floor<6, 2, 4, 0>, [0.5, 0.1, 0.2, 0.1, -0.4, 0.1], [4.0, 0.5, 0.02, -0.05], [], (),
    bounds &[] => |p| ([0.0; 2], [p.thrust; 2]), stage |x, u, p, _s| floor::stage_constraints(x, u, p));
system!(shuttle::Shuttle<2, 1, 4, 0>, [0.0, 0.1], [-2.5, 2.0, 0.5, 0.1], [], (),
    bounds &[(0, 1)] => |p| ([p.weakest], [p.strongest]), terminal |x, p| shuttle::terminal_equalities(x, p));
system!(shared::Shared<2, 2, 3, 0>, [0.0, 0.2], [1.2, 2.0, 0.5], [], (),
    bounds &[] => |p| ([-OPEN; 2], [p.most, OPEN]), stage |x, u, p, _s| shared::stage_constraints(x, u, p));
system!(demand::Demand<1, 3, 5, 2>, [0.5], [-0.1, 0.6, 0.1, 0.7, 0.4], [0.7, 0.5], (s),
    bounds &[(0, 1)] => |p| ([p.lower, p.lower, -OPEN], [p.upper, p.upper, OPEN]), stage |x, u, p, s| demand::stage_equalities(x, u, p, s.into()));
system!(redundant::Redundant<1, 1, 2, 0>, [0.2], [1.0, 1.0], [], (),
    bounds &[] => |p| ([-OPEN], [p.most]), stage |x, u, p, _s| redundant::stage_constraints(x, u, p), terminal |x, p| redundant::terminal_equalities(x, p));
