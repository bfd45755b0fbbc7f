//! The functions that a wrapper of a model forwards to it.

/// Forwards functions to the model in a field of its wrapper.
macro_rules! forwarded {
    ($field:tt: $(
        fn $name:ident<S: Scalar>(&self, $($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?;
    )*) => {
        $(fn $name<S: Scalar>(&self, $($argument: $type),*) $(-> $result)? {
            self.$field.$name($($argument),*)
        })*
    };
}
pub(crate) use forwarded;

/// The limits and the value functions of the model `self.0` of type `M`, for a wrapper that differentiates them anew.
macro_rules! functions_of_wrapped_model {
    () => {
        const LIMITS: Limits = M::LIMITS;
        const START: Start<NX> = M::START;
        const HAS_KINKS: bool = M::HAS_KINKS;
        const LINEAR_DYNAMICS: bool = M::LINEAR_DYNAMICS;

        crate::model::wrapped_model::forwarded! { 0:
            fn dynamics<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, next: &mut SVector<S, NX>);
            fn time_step<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>) -> S;
            fn stage_cost<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>) -> S;
            fn terminal_cost<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>) -> S;
            fn initial_cost<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>) -> S;
            fn initial_constraints<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, c: &mut [S]);
            fn bounds<S: Scalar>(&self, p: &SVector<S, NP>, lower: &mut SVector<S, NU>, upper: &mut SVector<S, NU>);
            fn stage_constraints<S: Scalar>(&self, at: Stage<'_, S, NX, NU, NP, NS>, c: &mut [S]);
            fn terminal_constraints<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, c: &mut [S]);
        }
    };
}
pub(crate) use functions_of_wrapped_model;

/// The functions of the initial and of the terminal state of the model in a field, for a wrapper that changes the terminal cost or
/// the rows of the initial state, which are not here.
macro_rules! end_functions_of_wrapped_model {
    ($field:tt) => {
        crate::model::wrapped_model::forwarded! { $field:
            fn initial_cost<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>) -> S;
            fn expand_initial<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, out: &mut TerminalExpansion<S, NX>);
            fn terminal_constraints<S: Scalar>(&self, at: Terminal<'_, S, NX, NP, NS>, c: &mut [S]);
            fn expand_terminal_constraints<S: Scalar>(
                &self,
                at: Terminal<'_, S, NX, NP, NS>,
                mu: &[S],
                out: &mut ConstraintExpansion<S, NX, 0>,
            );
            fn add_terminal_parameter_gradient<S: Scalar>(
                &self,
                at: Terminal<'_, S, NX, NP, NS>,
                out: ParameterGradient<'_, S, NP, NS>,
            );
            fn add_initial_parameter_gradient<S: Scalar>(
                &self,
                at: Terminal<'_, S, NX, NP, NS>,
                out: ParameterGradient<'_, S, NP, NS>,
            );
            fn add_terminal_constraint_contraction<S: Scalar>(
                &self,
                at: Terminal<'_, S, NX, NP, NS>,
                mu: &[S],
                dx: &SVector<S, NX>,
                dmu: &[S],
                out: ParameterGradient<'_, S, NP, NS>,
            );
            fn add_initial_constraint_contraction<S: Scalar>(
                &self,
                at: Terminal<'_, S, NX, NP, NS>,
                mu: &[S],
                dx: &SVector<S, NX>,
                dmu: &[S],
                out: ParameterGradient<'_, S, NP, NS>,
            );
        }
    };
}
pub(crate) use end_functions_of_wrapped_model;
