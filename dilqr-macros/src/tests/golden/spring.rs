pub mod spring {
    /// A mass on a spring that stiffens.
    #[derive(
        ::core::clone::Clone,
        ::core::marker::Copy,
        ::core::fmt::Debug,
        ::core::cmp::PartialEq
    )]
    pub struct State {
        pub position: f64,
        pub velocity: f64,
    }
    #[derive(
        ::core::clone::Clone,
        ::core::marker::Copy,
        ::core::fmt::Debug,
        ::core::cmp::PartialEq
    )]
    pub struct Control {
        pub force: f64,
    }
    #[derive(
        ::core::clone::Clone,
        ::core::marker::Copy,
        ::core::fmt::Debug,
        ::core::cmp::PartialEq
    )]
    pub struct Params {
        pub stiffness: f64,
    }
    const DT: f64 = 0.1;
    fn deflection(x: State) -> f64 {
        x.position + 0.5 * x.position.powi(3)
    }
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        let velocity = x.velocity + DT * (u.force - p.stiffness * deflection(x));
        State {
            position: x.position + DT * velocity,
            velocity,
        }
    }
    pub fn stage_cost(x: State, u: Control, _p: Params) -> f64 {
        x.position.powi(2) + 0.1 * u.force.powi(2)
    }
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        p.stiffness * x.position.powi(2) + x.velocity.powi(2)
    }
    #[allow(unused_imports)]
    use ::dilqr_runtime::Scalar as _;
    /**The compiled model `spring`: 2 states, 1 controls, 1 parameters.

Operations a call, counted in the generated code:

| kernel | total | add | mul | div | neg | call | select |
|---|---|---|---|---|---|---|---|
| `dynamics` | 10 | 4 | 6 | 0 | 0 | 0 | 0 |
| `stage_cost` | 4 | 1 | 3 | 0 | 0 | 0 | 0 |
| `terminal_cost` | 4 | 1 | 3 | 0 | 0 | 0 | 0 |
| `step` | 13 | 5 | 8 | 0 | 0 | 0 | 0 |
| `expand_stage` | 21 | 7 | 14 | 0 | 0 | 0 | 0 |
| `expand_terminal` | 8 | 1 | 7 | 0 | 0 | 0 | 0 |
| `expand_hamiltonian` | 16 | 4 | 12 | 0 | 0 | 0 | 0 |
| `add_hamiltonian_parameter_gradient` | 9 | 2 | 6 | 0 | 1 | 0 | 0 |
| `add_terminal_parameter_gradient` | 1 | 0 | 1 | 0 | 0 | 0 | 0 |
| `add_parameter_contraction` | 17 | 5 | 11 | 0 | 1 | 0 | 0 |
| `add_terminal_parameter_contraction` | 2 | 0 | 2 | 0 | 0 | 0 | 0 |
| `parameter_terms` | 13 | 3 | 9 | 0 | 1 | 0 | 0 |
| `terminal_parameter_terms` | 1 | 0 | 1 | 0 | 0 | 0 | 0 |
| `linearize` | 18 | 6 | 12 | 0 | 0 | 0 | 0 |

A stage of the backward pass is a kernel and loops over the columns of `fx` and `fu`, which take 77 operations: 93 with the exact Hessian and 98 with Gauss-Newton's.

State: position, velocity. Control: force. Parameters: stiffness.

Entries that can be other than zero, with `H = l + lambda' f`:

```text
fx   fu   fp
xx   x    x
xx   x    x

hxx   hxp
x.    x
..    .

hux   huu   hup
..    x     .
```
*/
    #[derive(
        ::core::clone::Clone,
        ::core::marker::Copy,
        ::core::fmt::Debug,
        ::core::default::Default,
        ::core::cmp::PartialEq,
        ::core::cmp::Eq
    )]
    pub struct Spring;
    ///The solver of `spring`.
    pub type Solver = ::dilqr_runtime::Ilqr<Spring, 2usize, 1usize, 1usize, 0usize>;
    ///A problem of `spring`: initial state, parameters, horizon, first guess.
    pub type Problem = ::dilqr_runtime::Problem<2usize, 1usize, 1usize, 0usize>;
    /// The dynamics to first order at a point; see [`linearize`].
    #[derive(
        ::core::clone::Clone,
        ::core::marker::Copy,
        ::core::fmt::Debug,
        ::core::cmp::PartialEq
    )]
    pub struct Linearization {
        /// Next state.
        pub f: ::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
        /// Its derivative in the state; a row for each entry of `f`.
        pub fx: ::dilqr_runtime::nalgebra::SMatrix<
            ::core::primitive::f64,
            2usize,
            2usize,
        >,
        /// Its derivative in the control.
        pub fu: ::dilqr_runtime::nalgebra::SMatrix<
            ::core::primitive::f64,
            2usize,
            1usize,
        >,
        /// Its derivative in the parameters.
        pub fp: ::dilqr_runtime::nalgebra::SMatrix<
            ::core::primitive::f64,
            2usize,
            1usize,
        >,
    }
    impl Linearization {
        /// All zeros: the record that [`update`](Self::update) begins with.
        #[must_use]
        pub fn zeros() -> Self {
            Self {
                f: ::dilqr_runtime::nalgebra::SMatrix::zeros(),
                fx: ::dilqr_runtime::nalgebra::SMatrix::zeros(),
                fu: ::dilqr_runtime::nalgebra::SMatrix::zeros(),
                fp: ::dilqr_runtime::nalgebra::SMatrix::zeros(),
            }
        }
        /// Writes the result of [`linearize`], without the entries that are zero at every point (see `SPARSITY` of the
        /// model). For loops over one record.
        pub fn update(&mut self, x: &State, u: &Control, p: &Params) {
            Spring::__linearize(x, u, p, self);
        }
    }
    ///Next state and its derivatives at a point (18 operations).
    #[must_use]
    pub fn linearize(x: &State, u: &Control, p: &Params) -> Linearization {
        let mut __linearization = Linearization::zeros();
        __linearization.update(x, u, p);
        __linearization
    }
    impl State {
        ///Names of the 2 entries, in the order of the vector.
        pub const NAMES: [&'static ::core::primitive::str; 2usize] = [
            "position",
            "velocity",
        ];
    }
    #[automatically_derived]
    impl ::core::convert::From<[::core::primitive::f64; 2usize]> for State {
        #[inline]
        fn from(__v: [::core::primitive::f64; 2usize]) -> Self {
            Self {
                position: __v[0usize],
                velocity: __v[1usize],
            }
        }
    }
    #[automatically_derived]
    impl ::core::convert::From<State> for [::core::primitive::f64; 2usize] {
        #[inline]
        fn from(__v: State) -> Self {
            [__v.position, __v.velocity]
        }
    }
    #[automatically_derived]
    impl ::core::convert::From<
        ::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
    > for State {
        #[inline]
        fn from(
            __v: ::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
        ) -> Self {
            let __v: [::core::primitive::f64; 2usize] = ::core::convert::Into::into(__v);
            ::core::convert::From::from(__v)
        }
    }
    #[automatically_derived]
    impl ::core::convert::From<State>
    for ::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize> {
        #[inline]
        fn from(__v: State) -> Self {
            let __v: [::core::primitive::f64; 2usize] = ::core::convert::From::from(__v);
            ::core::convert::From::from(__v)
        }
    }
    impl Control {
        ///Names of the 1 entries, in the order of the vector.
        pub const NAMES: [&'static ::core::primitive::str; 1usize] = ["force"];
    }
    #[automatically_derived]
    impl ::core::convert::From<[::core::primitive::f64; 1usize]> for Control {
        #[inline]
        fn from(__v: [::core::primitive::f64; 1usize]) -> Self {
            Self { force: __v[0usize] }
        }
    }
    #[automatically_derived]
    impl ::core::convert::From<Control> for [::core::primitive::f64; 1usize] {
        #[inline]
        fn from(__v: Control) -> Self {
            [__v.force]
        }
    }
    #[automatically_derived]
    impl ::core::convert::From<
        ::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
    > for Control {
        #[inline]
        fn from(
            __v: ::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
        ) -> Self {
            let __v: [::core::primitive::f64; 1usize] = ::core::convert::Into::into(__v);
            ::core::convert::From::from(__v)
        }
    }
    #[automatically_derived]
    impl ::core::convert::From<Control>
    for ::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize> {
        #[inline]
        fn from(__v: Control) -> Self {
            let __v: [::core::primitive::f64; 1usize] = ::core::convert::From::from(__v);
            ::core::convert::From::from(__v)
        }
    }
    impl Params {
        ///Names of the 1 entries, in the order of the vector.
        pub const NAMES: [&'static ::core::primitive::str; 1usize] = ["stiffness"];
    }
    #[automatically_derived]
    impl ::core::convert::From<[::core::primitive::f64; 1usize]> for Params {
        #[inline]
        fn from(__v: [::core::primitive::f64; 1usize]) -> Self {
            Self { stiffness: __v[0usize] }
        }
    }
    #[automatically_derived]
    impl ::core::convert::From<Params> for [::core::primitive::f64; 1usize] {
        #[inline]
        fn from(__v: Params) -> Self {
            [__v.stiffness]
        }
    }
    #[automatically_derived]
    impl ::core::convert::From<
        ::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
    > for Params {
        #[inline]
        fn from(
            __v: ::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
        ) -> Self {
            let __v: [::core::primitive::f64; 1usize] = ::core::convert::Into::into(__v);
            ::core::convert::From::from(__v)
        }
    }
    #[automatically_derived]
    impl ::core::convert::From<Params>
    for ::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize> {
        #[inline]
        fn from(__v: Params) -> Self {
            let __v: [::core::primitive::f64; 1usize] = ::core::convert::From::from(__v);
            ::core::convert::From::from(__v)
        }
    }
    #[allow(deprecated, clippy::approx_constant, clippy::too_many_arguments)]
    const _: () = {
        const __DUMP: ::core::option::Option<&'static ::core::primitive::str> = ::core::option_env!(
            "DILQR_DUMP"
        );
        #[automatically_derived]
        impl ::dilqr_runtime::Model<2usize, 1usize, 1usize, 0usize> for Spring {
            const SPARSITY: ::dilqr_runtime::Sparsity<2usize, 1usize, 1usize> = ::dilqr_runtime::Sparsity {
                fx: [[true, true], [true, true]],
                fu: [[true], [true]],
                fp: [[true], [true]],
                hxx: [[true, false], [false, false]],
                hux: [[false, false]],
                huu: [[true]],
                hxp: [[true], [false]],
                hup: [[false]],
            };
            #[inline(always)]
            fn dynamics<__S: ::dilqr_runtime::Scalar>(
                &self,
                __at: ::dilqr_runtime::model::Stage<
                    '_,
                    __S,
                    2usize,
                    1usize,
                    1usize,
                    0usize,
                >,
                __out: &mut ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            ) {
                <__S as ::dilqr_runtime::Scalar>::run::<
                    __Dynamics,
                >((__at.x, __at.u, __at.p, __at.s, __out))
            }
            #[inline(always)]
            fn stage_cost<__S: ::dilqr_runtime::Scalar>(
                &self,
                __at: ::dilqr_runtime::model::Stage<
                    '_,
                    __S,
                    2usize,
                    1usize,
                    1usize,
                    0usize,
                >,
            ) -> __S {
                <__S as ::dilqr_runtime::Scalar>::run::<
                    __StageCost,
                >((__at.x, __at.u, __at.p, __at.s))
            }
            #[inline(always)]
            fn terminal_cost<__S: ::dilqr_runtime::Scalar>(
                &self,
                __at: ::dilqr_runtime::model::Terminal<'_, __S, 2usize, 1usize, 0usize>,
            ) -> __S {
                <__S as ::dilqr_runtime::Scalar>::run::<
                    __TerminalCost,
                >((__at.x, __at.p, __at.s))
            }
            #[inline(always)]
            fn step<__S: ::dilqr_runtime::Scalar>(
                &self,
                __at: ::dilqr_runtime::model::Stage<
                    '_,
                    __S,
                    2usize,
                    1usize,
                    1usize,
                    0usize,
                >,
                __out: &mut ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            ) -> __S {
                <__S as ::dilqr_runtime::Scalar>::run::<
                    __Step,
                >((__at.x, __at.u, __at.p, __at.s, __out))
            }
            #[inline(always)]
            fn expand_stage<__S: ::dilqr_runtime::Scalar>(
                &self,
                __at: ::dilqr_runtime::model::Stage<
                    '_,
                    __S,
                    2usize,
                    1usize,
                    1usize,
                    0usize,
                >,
                __out: &mut ::dilqr_runtime::model::StageExpansion<__S, 2usize, 1usize>,
            ) {
                <__S as ::dilqr_runtime::Scalar>::run::<
                    __ExpandStage,
                >((__at.x, __at.u, __at.p, __at.s, __out))
            }
            #[inline(always)]
            fn expand_terminal<__S: ::dilqr_runtime::Scalar>(
                &self,
                __at: ::dilqr_runtime::model::Terminal<'_, __S, 2usize, 1usize, 0usize>,
                __out: &mut ::dilqr_runtime::model::TerminalExpansion<__S, 2usize>,
            ) {
                <__S as ::dilqr_runtime::Scalar>::run::<
                    __ExpandTerminal,
                >((__at.x, __at.p, __at.s, __out))
            }
            #[inline(always)]
            fn expand_hamiltonian<__S: ::dilqr_runtime::Scalar>(
                &self,
                __at: ::dilqr_runtime::model::Stage<
                    '_,
                    __S,
                    2usize,
                    1usize,
                    1usize,
                    0usize,
                >,
                __lambda: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                __out: &mut ::dilqr_runtime::model::HamiltonianExpansion<
                    __S,
                    2usize,
                    1usize,
                >,
            ) {
                <__S as ::dilqr_runtime::Scalar>::run::<
                    __ExpandHamiltonian,
                >((__at.x, __at.u, __at.p, __at.s, __lambda, __out))
            }
            #[inline(always)]
            fn add_hamiltonian_parameter_gradient<__S: ::dilqr_runtime::Scalar>(
                &self,
                __at: ::dilqr_runtime::model::Stage<
                    '_,
                    __S,
                    2usize,
                    1usize,
                    1usize,
                    0usize,
                >,
                __lambda: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                __out: ::dilqr_runtime::model::ParameterGradient<'_, __S, 1usize, 0usize>,
            ) {
                <__S as ::dilqr_runtime::Scalar>::run::<
                    __AddHamiltonianParameterGradient,
                >((__at.x, __at.u, __at.p, __at.s, __lambda, __out.p, __out.s))
            }
            #[inline(always)]
            fn add_terminal_parameter_gradient<__S: ::dilqr_runtime::Scalar>(
                &self,
                __at: ::dilqr_runtime::model::Terminal<'_, __S, 2usize, 1usize, 0usize>,
                __out: ::dilqr_runtime::model::ParameterGradient<'_, __S, 1usize, 0usize>,
            ) {
                <__S as ::dilqr_runtime::Scalar>::run::<
                    __AddTerminalParameterGradient,
                >((__at.x, __at.p, __at.s, __out.p, __out.s))
            }
            #[inline(always)]
            fn add_parameter_contraction<__S: ::dilqr_runtime::Scalar>(
                &self,
                __at: ::dilqr_runtime::model::Stage<
                    '_,
                    __S,
                    2usize,
                    1usize,
                    1usize,
                    0usize,
                >,
                __lambda: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                __variation: ::dilqr_runtime::model::Variation<'_, __S, 2usize, 1usize>,
                __dlambda: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                __out: ::dilqr_runtime::model::ParameterGradient<'_, __S, 1usize, 0usize>,
            ) {
                <__S as ::dilqr_runtime::Scalar>::run::<
                    __AddParameterContraction,
                >((
                    __at.x,
                    __at.u,
                    __at.p,
                    __at.s,
                    __lambda,
                    __variation.dx,
                    __variation.du,
                    __dlambda,
                    __out.p,
                    __out.s,
                ))
            }
            #[inline(always)]
            fn add_terminal_parameter_contraction<__S: ::dilqr_runtime::Scalar>(
                &self,
                __at: ::dilqr_runtime::model::Terminal<'_, __S, 2usize, 1usize, 0usize>,
                __dx: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                __out: ::dilqr_runtime::model::ParameterGradient<'_, __S, 1usize, 0usize>,
            ) {
                <__S as ::dilqr_runtime::Scalar>::run::<
                    __AddTerminalParameterContraction,
                >((__at.x, __at.p, __at.s, __dx, __out.p, __out.s))
            }
            #[inline(always)]
            fn parameter_terms<__S: ::dilqr_runtime::Scalar>(
                &self,
                __at: ::dilqr_runtime::model::Stage<
                    '_,
                    __S,
                    2usize,
                    1usize,
                    1usize,
                    0usize,
                >,
                __lambda: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                __out: &mut ::dilqr_runtime::model::ParameterTerms<
                    __S,
                    2usize,
                    1usize,
                    1usize,
                >,
            ) {
                <__S as ::dilqr_runtime::Scalar>::run::<
                    __ParameterTerms,
                >((__at.x, __at.u, __at.p, __at.s, __lambda, __out))
            }
            #[inline(always)]
            fn terminal_parameter_terms<__S: ::dilqr_runtime::Scalar>(
                &self,
                __at: ::dilqr_runtime::model::Terminal<'_, __S, 2usize, 1usize, 0usize>,
                __out: &mut ::dilqr_runtime::nalgebra::SMatrix<__S, 2usize, 1usize>,
            ) {
                <__S as ::dilqr_runtime::Scalar>::run::<
                    __TerminalParameterTerms,
                >((__at.x, __at.p, __at.s, __out))
            }
        }
        impl Spring {
            #[doc(hidden)]
            pub fn __linearize(
                __x: &State,
                __u: &Control,
                __p: &Params,
                __out: &mut Linearization,
            ) {
                let __x: ::dilqr_runtime::nalgebra::SVector<
                    ::core::primitive::f64,
                    2usize,
                > = ::core::convert::From::from(*__x);
                let __u: ::dilqr_runtime::nalgebra::SVector<
                    ::core::primitive::f64,
                    1usize,
                > = ::core::convert::From::from(*__u);
                let __p: ::dilqr_runtime::nalgebra::SVector<
                    ::core::primitive::f64,
                    1usize,
                > = ::core::convert::From::from(*__p);
                let __s: ::dilqr_runtime::nalgebra::SVector<
                    ::core::primitive::f64,
                    0usize,
                > = ::dilqr_runtime::nalgebra::SVector::<
                    ::core::primitive::f64,
                    0usize,
                >::zeros();
                __linearize_f64(&__x, &__u, &__p, &__s, __out);
            }
        }
        fn __linearize_f64(
            __x: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
            __u: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
            __out: &mut Linearization,
        ) {
            type __S = ::core::primitive::f64;
            let __t0 = __p.data.0[0][0usize];
            let __t1 = __x.data.0[0][0usize];
            let __t2 = __t1 * __t1;
            let __t6 = <__S as ::dilqr_runtime::Scalar>::mul_add(
                <__S as ::dilqr_runtime::Scalar>::from_f64(0.5),
                __t1 * __t2,
                __t1,
            );
            let __t10 = <__S as ::dilqr_runtime::Scalar>::from_f64(0.1);
            __out.fx.data.0[1usize][0usize] = __t10;
            __out.fu.data.0[0usize][1usize] = __t10;
            let __t13 = <__S as ::dilqr_runtime::Scalar>::mul_add(
                __t10,
                <__S as ::dilqr_runtime::Scalar>::neg_mul_add(
                    __t6,
                    __t0,
                    __u.data.0[0][0usize],
                ),
                __x.data.0[0][1usize],
            );
            __out.f.data.0[0usize][1usize] = __t13;
            __out.f.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::mul_add(
                __t10,
                __t13,
                __t1,
            );
            let __t18 = <__S as ::dilqr_runtime::Scalar>::from_f64(1.0);
            __out.fx.data.0[1usize][1usize] = __t18;
            let __t20 = __t0
                * <__S as ::dilqr_runtime::Scalar>::mul_add(
                    <__S as ::dilqr_runtime::Scalar>::from_f64(1.5),
                    __t2,
                    __t18,
                );
            __out.fu.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::from_f64(
                0.010000000000000002,
            );
            __out.fx.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::neg_mul_add(
                <__S as ::dilqr_runtime::Scalar>::from_f64(0.010000000000000002),
                __t20,
                __t18,
            );
            let __t24 = <__S as ::dilqr_runtime::Scalar>::from_f64(-0.1);
            __out.fx.data.0[0usize][1usize] = __t24 * __t20;
            __out.fp.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::from_f64(
                -0.010000000000000002,
            ) * __t6;
            __out.fp.data.0[0usize][1usize] = __t24 * __t6;
        }
        pub struct __Dynamics;
        impl ::dilqr_runtime::__private::Kernel for __Dynamics {
            type Arguments<'__a, __S: ::dilqr_runtime::Scalar> = (
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
                &'__a mut ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            );
            type Value<__S: ::dilqr_runtime::Scalar> = ();
            #[inline(always)]
            fn generic<__S: ::dilqr_runtime::Scalar>(
                (__x, __u, __p, __s, __out): Self::Arguments<'_, __S>,
            ) -> () {
                __dynamics_generic::<__S>(__x, __u, __p, __s, __out)
            }
            #[inline(always)]
            fn f64(
                (__x, __u, __p, __s, __out): Self::Arguments<'_, ::core::primitive::f64>,
            ) -> () {
                __dynamics_f64(__x, __u, __p, __s, __out)
            }
        }
        fn __dynamics_f64(
            __x: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
            __u: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
            __out: &mut ::dilqr_runtime::nalgebra::SVector<
                ::core::primitive::f64,
                2usize,
            >,
        ) {
            __dynamics_generic::<::core::primitive::f64>(__x, __u, __p, __s, __out)
        }
        fn __dynamics_generic<__S: ::dilqr_runtime::Scalar>(
            __x: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __u: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
            __out: &mut ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
        ) {
            let __t1 = __x.data.0[0][0usize];
            let __t10 = <__S as ::dilqr_runtime::Scalar>::from_f64(0.1);
            let __t13 = <__S as ::dilqr_runtime::Scalar>::mul_add(
                __t10,
                <__S as ::dilqr_runtime::Scalar>::neg_mul_add(
                    <__S as ::dilqr_runtime::Scalar>::mul_add(
                        <__S as ::dilqr_runtime::Scalar>::from_f64(0.5),
                        __t1 * (__t1 * __t1),
                        __t1,
                    ),
                    __p.data.0[0][0usize],
                    __u.data.0[0][0usize],
                ),
                __x.data.0[0][1usize],
            );
            __out.data.0[0usize][1usize] = __t13;
            __out.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::mul_add(
                __t10,
                __t13,
                __t1,
            );
        }
        pub struct __StageCost;
        impl ::dilqr_runtime::__private::Kernel for __StageCost {
            type Arguments<'__a, __S: ::dilqr_runtime::Scalar> = (
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
            );
            type Value<__S: ::dilqr_runtime::Scalar> = __S;
            #[inline(always)]
            fn generic<__S: ::dilqr_runtime::Scalar>(
                (__x, __u, __p, __s): Self::Arguments<'_, __S>,
            ) -> __S {
                __stage_cost_generic::<__S>(__x, __u, __p, __s)
            }
            #[inline(always)]
            fn f64(
                (__x, __u, __p, __s): Self::Arguments<'_, ::core::primitive::f64>,
            ) -> ::core::primitive::f64 {
                __stage_cost_f64(__x, __u, __p, __s)
            }
        }
        fn __stage_cost_f64(
            __x: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
            __u: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
        ) -> ::core::primitive::f64 {
            __stage_cost_generic::<::core::primitive::f64>(__x, __u, __p, __s)
        }
        fn __stage_cost_generic<__S: ::dilqr_runtime::Scalar>(
            __x: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __u: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
        ) -> __S {
            let __t0 = __u.data.0[0][0usize];
            let __t4 = __x.data.0[0][0usize];
            <__S as ::dilqr_runtime::Scalar>::mul_add(
                <__S as ::dilqr_runtime::Scalar>::from_f64(0.1),
                __t0 * __t0,
                __t4 * __t4,
            )
        }
        pub struct __TerminalCost;
        impl ::dilqr_runtime::__private::Kernel for __TerminalCost {
            type Arguments<'__a, __S: ::dilqr_runtime::Scalar> = (
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
            );
            type Value<__S: ::dilqr_runtime::Scalar> = __S;
            #[inline(always)]
            fn generic<__S: ::dilqr_runtime::Scalar>(
                (__x, __p, __s): Self::Arguments<'_, __S>,
            ) -> __S {
                __terminal_cost_generic::<__S>(__x, __p, __s)
            }
            #[inline(always)]
            fn f64(
                (__x, __p, __s): Self::Arguments<'_, ::core::primitive::f64>,
            ) -> ::core::primitive::f64 {
                __terminal_cost_f64(__x, __p, __s)
            }
        }
        fn __terminal_cost_f64(
            __x: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
        ) -> ::core::primitive::f64 {
            __terminal_cost_generic::<::core::primitive::f64>(__x, __p, __s)
        }
        fn __terminal_cost_generic<__S: ::dilqr_runtime::Scalar>(
            __x: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
        ) -> __S {
            let __t0 = __x.data.0[0][1usize];
            let __t3 = __x.data.0[0][0usize];
            <__S as ::dilqr_runtime::Scalar>::mul_add(
                __t0,
                __t0,
                __t3 * __t3 * __p.data.0[0][0usize],
            )
        }
        pub struct __Step;
        impl ::dilqr_runtime::__private::Kernel for __Step {
            type Arguments<'__a, __S: ::dilqr_runtime::Scalar> = (
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
                &'__a mut ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            );
            type Value<__S: ::dilqr_runtime::Scalar> = __S;
            #[inline(always)]
            fn generic<__S: ::dilqr_runtime::Scalar>(
                (__x, __u, __p, __s, __out): Self::Arguments<'_, __S>,
            ) -> __S {
                __step_generic::<__S>(__x, __u, __p, __s, __out)
            }
            #[inline(always)]
            fn f64(
                (__x, __u, __p, __s, __out): Self::Arguments<'_, ::core::primitive::f64>,
            ) -> ::core::primitive::f64 {
                __step_f64(__x, __u, __p, __s, __out)
            }
        }
        fn __step_f64(
            __x: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
            __u: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
            __out: &mut ::dilqr_runtime::nalgebra::SVector<
                ::core::primitive::f64,
                2usize,
            >,
        ) -> ::core::primitive::f64 {
            __step_generic::<::core::primitive::f64>(__x, __u, __p, __s, __out)
        }
        fn __step_generic<__S: ::dilqr_runtime::Scalar>(
            __x: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __u: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
            __out: &mut ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
        ) -> __S {
            let __t1 = __x.data.0[0][0usize];
            let __t2 = __t1 * __t1;
            let __t8 = __u.data.0[0][0usize];
            let __t10 = <__S as ::dilqr_runtime::Scalar>::from_f64(0.1);
            let __t13 = <__S as ::dilqr_runtime::Scalar>::mul_add(
                __t10,
                <__S as ::dilqr_runtime::Scalar>::neg_mul_add(
                    <__S as ::dilqr_runtime::Scalar>::mul_add(
                        <__S as ::dilqr_runtime::Scalar>::from_f64(0.5),
                        __t1 * __t2,
                        __t1,
                    ),
                    __p.data.0[0][0usize],
                    __t8,
                ),
                __x.data.0[0][1usize],
            );
            __out.data.0[0usize][1usize] = __t13;
            __out.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::mul_add(
                __t10,
                __t13,
                __t1,
            );
            <__S as ::dilqr_runtime::Scalar>::mul_add(__t10, __t8 * __t8, __t2)
        }
        pub struct __ExpandStage;
        impl ::dilqr_runtime::__private::Kernel for __ExpandStage {
            type Arguments<'__a, __S: ::dilqr_runtime::Scalar> = (
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
                &'__a mut ::dilqr_runtime::model::StageExpansion<__S, 2usize, 1usize>,
            );
            type Value<__S: ::dilqr_runtime::Scalar> = ();
            #[inline(always)]
            fn generic<__S: ::dilqr_runtime::Scalar>(
                (__x, __u, __p, __s, __out): Self::Arguments<'_, __S>,
            ) -> () {
                __expand_stage_generic::<__S>(__x, __u, __p, __s, __out)
            }
            #[inline(always)]
            fn f64(
                (__x, __u, __p, __s, __out): Self::Arguments<'_, ::core::primitive::f64>,
            ) -> () {
                __expand_stage_f64(__x, __u, __p, __s, __out)
            }
        }
        fn __expand_stage_f64(
            __x: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
            __u: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
            __out: &mut ::dilqr_runtime::model::StageExpansion<
                ::core::primitive::f64,
                2usize,
                1usize,
            >,
        ) {
            __expand_stage_generic::<::core::primitive::f64>(__x, __u, __p, __s, __out)
        }
        fn __expand_stage_generic<__S: ::dilqr_runtime::Scalar>(
            __x: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __u: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
            __out: &mut ::dilqr_runtime::model::StageExpansion<__S, 2usize, 1usize>,
        ) {
            let __t0 = __p.data.0[0][0usize];
            let __t1 = __x.data.0[0][0usize];
            let __t2 = __t1 * __t1;
            let __t8 = __u.data.0[0][0usize];
            let __t10 = <__S as ::dilqr_runtime::Scalar>::from_f64(0.1);
            __out.fx.data.0[1usize][0usize] = __t10;
            __out.fu.data.0[0usize][1usize] = __t10;
            let __t13 = <__S as ::dilqr_runtime::Scalar>::mul_add(
                __t10,
                <__S as ::dilqr_runtime::Scalar>::neg_mul_add(
                    <__S as ::dilqr_runtime::Scalar>::mul_add(
                        <__S as ::dilqr_runtime::Scalar>::from_f64(0.5),
                        __t1 * __t2,
                        __t1,
                    ),
                    __t0,
                    __t8,
                ),
                __x.data.0[0][1usize],
            );
            __out.f.data.0[0usize][1usize] = __t13;
            __out.f.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::mul_add(
                __t10,
                __t13,
                __t1,
            );
            __out.l = <__S as ::dilqr_runtime::Scalar>::mul_add(
                __t10,
                __t8 * __t8,
                __t2,
            );
            let __t21 = <__S as ::dilqr_runtime::Scalar>::from_f64(1.0);
            __out.fx.data.0[1usize][1usize] = __t21;
            let __t23 = __t0
                * <__S as ::dilqr_runtime::Scalar>::mul_add(
                    <__S as ::dilqr_runtime::Scalar>::from_f64(1.5),
                    __t2,
                    __t21,
                );
            __out.fu.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::from_f64(
                0.010000000000000002,
            );
            __out.fx.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::neg_mul_add(
                <__S as ::dilqr_runtime::Scalar>::from_f64(0.010000000000000002),
                __t23,
                __t21,
            );
            __out.fx.data.0[0usize][1usize] = <__S as ::dilqr_runtime::Scalar>::from_f64(
                -0.1,
            ) * __t23;
            __out.lxx.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::from_f64(
                2.0,
            );
            __out.lx.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::from_f64(
                2.0,
            ) * __t1;
            __out.luu.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::from_f64(
                0.2,
            );
            __out.lu.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::from_f64(
                0.2,
            ) * __t8;
        }
        pub struct __ExpandTerminal;
        impl ::dilqr_runtime::__private::Kernel for __ExpandTerminal {
            type Arguments<'__a, __S: ::dilqr_runtime::Scalar> = (
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
                &'__a mut ::dilqr_runtime::model::TerminalExpansion<__S, 2usize>,
            );
            type Value<__S: ::dilqr_runtime::Scalar> = ();
            #[inline(always)]
            fn generic<__S: ::dilqr_runtime::Scalar>(
                (__x, __p, __s, __out): Self::Arguments<'_, __S>,
            ) -> () {
                __expand_terminal_generic::<__S>(__x, __p, __s, __out)
            }
            #[inline(always)]
            fn f64(
                (__x, __p, __s, __out): Self::Arguments<'_, ::core::primitive::f64>,
            ) -> () {
                __expand_terminal_f64(__x, __p, __s, __out)
            }
        }
        fn __expand_terminal_f64(
            __x: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
            __out: &mut ::dilqr_runtime::model::TerminalExpansion<
                ::core::primitive::f64,
                2usize,
            >,
        ) {
            __expand_terminal_generic::<::core::primitive::f64>(__x, __p, __s, __out)
        }
        fn __expand_terminal_generic<__S: ::dilqr_runtime::Scalar>(
            __x: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
            __out: &mut ::dilqr_runtime::model::TerminalExpansion<__S, 2usize>,
        ) {
            let __t0 = __x.data.0[0][1usize];
            let __t2 = __p.data.0[0][0usize];
            let __t3 = __x.data.0[0][0usize];
            __out.l = <__S as ::dilqr_runtime::Scalar>::mul_add(
                __t0,
                __t0,
                __t3 * __t3 * __t2,
            );
            let __t8 = <__S as ::dilqr_runtime::Scalar>::from_f64(2.0);
            __out.lxx.data.0[1usize][1usize] = __t8;
            __out.lx.data.0[0usize][0usize] = __t8 * (__t3 * __t2);
            __out.lx.data.0[0usize][1usize] = __t8 * __t0;
            __out.lxx.data.0[0usize][0usize] = __t8 * __t2;
        }
        pub struct __ExpandHamiltonian;
        impl ::dilqr_runtime::__private::Kernel for __ExpandHamiltonian {
            type Arguments<'__a, __S: ::dilqr_runtime::Scalar> = (
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a mut ::dilqr_runtime::model::HamiltonianExpansion<
                    __S,
                    2usize,
                    1usize,
                >,
            );
            type Value<__S: ::dilqr_runtime::Scalar> = ();
            #[inline(always)]
            fn generic<__S: ::dilqr_runtime::Scalar>(
                (__x, __u, __p, __s, __lambda, __out): Self::Arguments<'_, __S>,
            ) -> () {
                __expand_hamiltonian_generic::<__S>(__x, __u, __p, __s, __lambda, __out)
            }
            #[inline(always)]
            fn f64(
                (
                    __x,
                    __u,
                    __p,
                    __s,
                    __lambda,
                    __out,
                ): Self::Arguments<'_, ::core::primitive::f64>,
            ) -> () {
                __expand_hamiltonian_f64(__x, __u, __p, __s, __lambda, __out)
            }
        }
        fn __expand_hamiltonian_f64(
            __x: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
            __u: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
            __lambda: &::dilqr_runtime::nalgebra::SVector<
                ::core::primitive::f64,
                2usize,
            >,
            __out: &mut ::dilqr_runtime::model::HamiltonianExpansion<
                ::core::primitive::f64,
                2usize,
                1usize,
            >,
        ) {
            __expand_hamiltonian_generic::<
                ::core::primitive::f64,
            >(__x, __u, __p, __s, __lambda, __out)
        }
        fn __expand_hamiltonian_generic<__S: ::dilqr_runtime::Scalar>(
            __x: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __u: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
            __lambda: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __out: &mut ::dilqr_runtime::model::HamiltonianExpansion<__S, 2usize, 1usize>,
        ) {
            let __t0 = __p.data.0[0][0usize];
            let __t1 = __x.data.0[0][0usize];
            let __t5 = <__S as ::dilqr_runtime::Scalar>::from_f64(1.0);
            __out.fx.data.0[1usize][1usize] = __t5;
            let __t7 = <__S as ::dilqr_runtime::Scalar>::mul_add(
                <__S as ::dilqr_runtime::Scalar>::from_f64(1.5),
                __t1 * __t1,
                __t5,
            ) * __t0;
            __out.fu.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::from_f64(
                0.010000000000000002,
            );
            __out.fx.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::neg_mul_add(
                <__S as ::dilqr_runtime::Scalar>::from_f64(0.010000000000000002),
                __t7,
                __t5,
            );
            __out.fx.data.0[0usize][1usize] = <__S as ::dilqr_runtime::Scalar>::from_f64(
                -0.1,
            ) * __t7;
            let __t13 = <__S as ::dilqr_runtime::Scalar>::from_f64(0.1);
            __out.fx.data.0[1usize][0usize] = __t13;
            __out.fu.data.0[0usize][1usize] = __t13;
            let __t14 = <__S as ::dilqr_runtime::Scalar>::from_f64(2.0);
            __out.lx.data.0[0usize][0usize] = __t14 * __t1;
            __out.huu.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::from_f64(
                0.2,
            );
            __out.lu.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::from_f64(
                0.2,
            ) * __u.data.0[0][0usize];
            let __t28 = <__S as ::dilqr_runtime::Scalar>::neg_mul_add(
                __t0
                    * (__t13
                        * <__S as ::dilqr_runtime::Scalar>::mul_add(
                            __t13,
                            __lambda.data.0[0][0usize],
                            __lambda.data.0[0][1usize],
                        )),
                <__S as ::dilqr_runtime::Scalar>::from_f64(3.0) * __t1,
                __t14,
            );
            __out.hxx.data.0[0usize][0usize] = __t28;
        }
        pub struct __AddHamiltonianParameterGradient;
        impl ::dilqr_runtime::__private::Kernel for __AddHamiltonianParameterGradient {
            type Arguments<'__a, __S: ::dilqr_runtime::Scalar> = (
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a mut ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a mut ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
            );
            type Value<__S: ::dilqr_runtime::Scalar> = ();
            #[inline(always)]
            fn generic<__S: ::dilqr_runtime::Scalar>(
                (__x, __u, __p, __s, __lambda, __gp, __gs): Self::Arguments<'_, __S>,
            ) -> () {
                __add_hamiltonian_parameter_gradient_generic::<
                    __S,
                >(__x, __u, __p, __s, __lambda, __gp, __gs)
            }
            #[inline(always)]
            fn f64(
                (
                    __x,
                    __u,
                    __p,
                    __s,
                    __lambda,
                    __gp,
                    __gs,
                ): Self::Arguments<'_, ::core::primitive::f64>,
            ) -> () {
                __add_hamiltonian_parameter_gradient_f64(
                    __x,
                    __u,
                    __p,
                    __s,
                    __lambda,
                    __gp,
                    __gs,
                )
            }
        }
        fn __add_hamiltonian_parameter_gradient_f64(
            __x: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
            __u: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
            __lambda: &::dilqr_runtime::nalgebra::SVector<
                ::core::primitive::f64,
                2usize,
            >,
            __gp: &mut ::dilqr_runtime::nalgebra::SVector<
                ::core::primitive::f64,
                1usize,
            >,
            __gs: &mut ::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
        ) {
            __add_hamiltonian_parameter_gradient_generic::<
                ::core::primitive::f64,
            >(__x, __u, __p, __s, __lambda, __gp, __gs)
        }
        fn __add_hamiltonian_parameter_gradient_generic<__S: ::dilqr_runtime::Scalar>(
            __x: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __u: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
            __lambda: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __gp: &mut ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __gs: &mut ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
        ) {
            let __t1 = <__S as ::dilqr_runtime::Scalar>::from_f64(0.1);
            let __t6 = __x.data.0[0][0usize];
            let __t12 = <__S as ::dilqr_runtime::Scalar>::mul_add(
                <__S as ::dilqr_runtime::Scalar>::from_f64(0.5),
                __t6 * (__t6 * __t6),
                __t6,
            )
                * (__t1
                    * <__S as ::dilqr_runtime::Scalar>::mul_add(
                        __t1,
                        __lambda.data.0[0][0usize],
                        __lambda.data.0[0][1usize],
                    ));
            __gp.data.0[0][0usize] += -__t12;
        }
        pub struct __AddTerminalParameterGradient;
        impl ::dilqr_runtime::__private::Kernel for __AddTerminalParameterGradient {
            type Arguments<'__a, __S: ::dilqr_runtime::Scalar> = (
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
                &'__a mut ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a mut ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
            );
            type Value<__S: ::dilqr_runtime::Scalar> = ();
            #[inline(always)]
            fn generic<__S: ::dilqr_runtime::Scalar>(
                (__x, __p, __s, __gp, __gs): Self::Arguments<'_, __S>,
            ) -> () {
                __add_terminal_parameter_gradient_generic::<
                    __S,
                >(__x, __p, __s, __gp, __gs)
            }
            #[inline(always)]
            fn f64(
                (__x, __p, __s, __gp, __gs): Self::Arguments<'_, ::core::primitive::f64>,
            ) -> () {
                __add_terminal_parameter_gradient_f64(__x, __p, __s, __gp, __gs)
            }
        }
        fn __add_terminal_parameter_gradient_f64(
            __x: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
            __gp: &mut ::dilqr_runtime::nalgebra::SVector<
                ::core::primitive::f64,
                1usize,
            >,
            __gs: &mut ::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
        ) {
            __add_terminal_parameter_gradient_generic::<
                ::core::primitive::f64,
            >(__x, __p, __s, __gp, __gs)
        }
        fn __add_terminal_parameter_gradient_generic<__S: ::dilqr_runtime::Scalar>(
            __x: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
            __gp: &mut ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __gs: &mut ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
        ) {
            let __t0 = __x.data.0[0][0usize];
            __gp.data.0[0][0usize] += __t0 * __t0;
        }
        pub struct __AddParameterContraction;
        impl ::dilqr_runtime::__private::Kernel for __AddParameterContraction {
            type Arguments<'__a, __S: ::dilqr_runtime::Scalar> = (
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a mut ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a mut ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
            );
            type Value<__S: ::dilqr_runtime::Scalar> = ();
            #[inline(always)]
            fn generic<__S: ::dilqr_runtime::Scalar>(
                (
                    __x,
                    __u,
                    __p,
                    __s,
                    __lambda,
                    __dx,
                    __du,
                    __dlambda,
                    __gp,
                    __gs,
                ): Self::Arguments<'_, __S>,
            ) -> () {
                __add_parameter_contraction_generic::<
                    __S,
                >(__x, __u, __p, __s, __lambda, __dx, __du, __dlambda, __gp, __gs)
            }
            #[inline(always)]
            fn f64(
                (
                    __x,
                    __u,
                    __p,
                    __s,
                    __lambda,
                    __dx,
                    __du,
                    __dlambda,
                    __gp,
                    __gs,
                ): Self::Arguments<'_, ::core::primitive::f64>,
            ) -> () {
                __add_parameter_contraction_f64(
                    __x,
                    __u,
                    __p,
                    __s,
                    __lambda,
                    __dx,
                    __du,
                    __dlambda,
                    __gp,
                    __gs,
                )
            }
        }
        fn __add_parameter_contraction_f64(
            __x: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
            __u: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
            __lambda: &::dilqr_runtime::nalgebra::SVector<
                ::core::primitive::f64,
                2usize,
            >,
            __dx: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
            __du: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __dlambda: &::dilqr_runtime::nalgebra::SVector<
                ::core::primitive::f64,
                2usize,
            >,
            __gp: &mut ::dilqr_runtime::nalgebra::SVector<
                ::core::primitive::f64,
                1usize,
            >,
            __gs: &mut ::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
        ) {
            __add_parameter_contraction_generic::<
                ::core::primitive::f64,
            >(__x, __u, __p, __s, __lambda, __dx, __du, __dlambda, __gp, __gs)
        }
        fn __add_parameter_contraction_generic<__S: ::dilqr_runtime::Scalar>(
            __x: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __u: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
            __lambda: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __dx: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __du: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __dlambda: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __gp: &mut ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __gs: &mut ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
        ) {
            let __t1 = <__S as ::dilqr_runtime::Scalar>::from_f64(0.1);
            let __t6 = __x.data.0[0][0usize];
            let __t7 = __t6 * __t6;
            let __t25 = <__S as ::dilqr_runtime::Scalar>::mul_add(
                __dx.data.0[0][0usize]
                    * <__S as ::dilqr_runtime::Scalar>::mul_add(
                        <__S as ::dilqr_runtime::Scalar>::from_f64(1.5),
                        __t7,
                        <__S as ::dilqr_runtime::Scalar>::from_f64(1.0),
                    ),
                __t1
                    * <__S as ::dilqr_runtime::Scalar>::mul_add(
                        __t1,
                        __lambda.data.0[0][0usize],
                        __lambda.data.0[0][1usize],
                    ),
                <__S as ::dilqr_runtime::Scalar>::mul_add(
                    <__S as ::dilqr_runtime::Scalar>::from_f64(0.5),
                    __t6 * __t7,
                    __t6,
                )
                    * (__t1
                        * <__S as ::dilqr_runtime::Scalar>::mul_add(
                            __t1,
                            __dlambda.data.0[0][0usize],
                            __dlambda.data.0[0][1usize],
                        )),
            );
            __gp.data.0[0][0usize] += -__t25;
        }
        pub struct __AddTerminalParameterContraction;
        impl ::dilqr_runtime::__private::Kernel for __AddTerminalParameterContraction {
            type Arguments<'__a, __S: ::dilqr_runtime::Scalar> = (
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a mut ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a mut ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
            );
            type Value<__S: ::dilqr_runtime::Scalar> = ();
            #[inline(always)]
            fn generic<__S: ::dilqr_runtime::Scalar>(
                (__x, __p, __s, __dx, __gp, __gs): Self::Arguments<'_, __S>,
            ) -> () {
                __add_terminal_parameter_contraction_generic::<
                    __S,
                >(__x, __p, __s, __dx, __gp, __gs)
            }
            #[inline(always)]
            fn f64(
                (
                    __x,
                    __p,
                    __s,
                    __dx,
                    __gp,
                    __gs,
                ): Self::Arguments<'_, ::core::primitive::f64>,
            ) -> () {
                __add_terminal_parameter_contraction_f64(__x, __p, __s, __dx, __gp, __gs)
            }
        }
        fn __add_terminal_parameter_contraction_f64(
            __x: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
            __dx: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
            __gp: &mut ::dilqr_runtime::nalgebra::SVector<
                ::core::primitive::f64,
                1usize,
            >,
            __gs: &mut ::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
        ) {
            __add_terminal_parameter_contraction_generic::<
                ::core::primitive::f64,
            >(__x, __p, __s, __dx, __gp, __gs)
        }
        fn __add_terminal_parameter_contraction_generic<__S: ::dilqr_runtime::Scalar>(
            __x: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
            __dx: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __gp: &mut ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __gs: &mut ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
        ) {
            __gp.data.0[0][0usize]
                += __dx.data.0[0][0usize]
                    * (<__S as ::dilqr_runtime::Scalar>::from_f64(2.0)
                        * __x.data.0[0][0usize]);
        }
        pub struct __ParameterTerms;
        impl ::dilqr_runtime::__private::Kernel for __ParameterTerms {
            type Arguments<'__a, __S: ::dilqr_runtime::Scalar> = (
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a mut ::dilqr_runtime::model::ParameterTerms<
                    __S,
                    2usize,
                    1usize,
                    1usize,
                >,
            );
            type Value<__S: ::dilqr_runtime::Scalar> = ();
            #[inline(always)]
            fn generic<__S: ::dilqr_runtime::Scalar>(
                (__x, __u, __p, __s, __lambda, __out): Self::Arguments<'_, __S>,
            ) -> () {
                __parameter_terms_generic::<__S>(__x, __u, __p, __s, __lambda, __out)
            }
            #[inline(always)]
            fn f64(
                (
                    __x,
                    __u,
                    __p,
                    __s,
                    __lambda,
                    __out,
                ): Self::Arguments<'_, ::core::primitive::f64>,
            ) -> () {
                __parameter_terms_f64(__x, __u, __p, __s, __lambda, __out)
            }
        }
        fn __parameter_terms_f64(
            __x: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
            __u: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
            __lambda: &::dilqr_runtime::nalgebra::SVector<
                ::core::primitive::f64,
                2usize,
            >,
            __out: &mut ::dilqr_runtime::model::ParameterTerms<
                ::core::primitive::f64,
                2usize,
                1usize,
                1usize,
            >,
        ) {
            __parameter_terms_generic::<
                ::core::primitive::f64,
            >(__x, __u, __p, __s, __lambda, __out)
        }
        fn __parameter_terms_generic<__S: ::dilqr_runtime::Scalar>(
            __x: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __u: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
            __lambda: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __out: &mut ::dilqr_runtime::model::ParameterTerms<
                __S,
                2usize,
                1usize,
                1usize,
            >,
        ) {
            let __t0 = __x.data.0[0][0usize];
            let __t1 = __t0 * __t0;
            let __t5 = <__S as ::dilqr_runtime::Scalar>::mul_add(
                <__S as ::dilqr_runtime::Scalar>::from_f64(0.5),
                __t0 * __t1,
                __t0,
            );
            __out.fp.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::from_f64(
                -0.010000000000000002,
            ) * __t5;
            __out.fp.data.0[0usize][1usize] = <__S as ::dilqr_runtime::Scalar>::from_f64(
                -0.1,
            ) * __t5;
            let __t15 = <__S as ::dilqr_runtime::Scalar>::from_f64(0.1);
            let __t21 = -(__t15
                * <__S as ::dilqr_runtime::Scalar>::mul_add(
                    __t15,
                    __lambda.data.0[0][0usize],
                    __lambda.data.0[0][1usize],
                )
                * <__S as ::dilqr_runtime::Scalar>::mul_add(
                    <__S as ::dilqr_runtime::Scalar>::from_f64(1.5),
                    __t1,
                    <__S as ::dilqr_runtime::Scalar>::from_f64(1.0),
                ));
            __out.hxp.data.0[0usize][0usize] = __t21;
        }
        pub struct __TerminalParameterTerms;
        impl ::dilqr_runtime::__private::Kernel for __TerminalParameterTerms {
            type Arguments<'__a, __S: ::dilqr_runtime::Scalar> = (
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
                &'__a ::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
                &'__a mut ::dilqr_runtime::nalgebra::SMatrix<__S, 2usize, 1usize>,
            );
            type Value<__S: ::dilqr_runtime::Scalar> = ();
            #[inline(always)]
            fn generic<__S: ::dilqr_runtime::Scalar>(
                (__x, __p, __s, __out): Self::Arguments<'_, __S>,
            ) -> () {
                __terminal_parameter_terms_generic::<__S>(__x, __p, __s, __out)
            }
            #[inline(always)]
            fn f64(
                (__x, __p, __s, __out): Self::Arguments<'_, ::core::primitive::f64>,
            ) -> () {
                __terminal_parameter_terms_f64(__x, __p, __s, __out)
            }
        }
        fn __terminal_parameter_terms_f64(
            __x: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 2usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<::core::primitive::f64, 0usize>,
            __out: &mut ::dilqr_runtime::nalgebra::SMatrix<
                ::core::primitive::f64,
                2usize,
                1usize,
            >,
        ) {
            __terminal_parameter_terms_generic::<
                ::core::primitive::f64,
            >(__x, __p, __s, __out)
        }
        fn __terminal_parameter_terms_generic<__S: ::dilqr_runtime::Scalar>(
            __x: &::dilqr_runtime::nalgebra::SVector<__S, 2usize>,
            __p: &::dilqr_runtime::nalgebra::SVector<__S, 1usize>,
            __s: &::dilqr_runtime::nalgebra::SVector<__S, 0usize>,
            __out: &mut ::dilqr_runtime::nalgebra::SMatrix<__S, 2usize, 1usize>,
        ) {
            __out.data.0[0usize][0usize] = <__S as ::dilqr_runtime::Scalar>::from_f64(
                2.0,
            ) * __x.data.0[0][0usize];
        }
        let _ = (dynamics, stage_cost, terminal_cost, DT);
    };
}
