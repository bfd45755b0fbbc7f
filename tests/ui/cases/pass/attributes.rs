//! Attributes, documentation and derives of the user's own.
#![deny(warnings)]

/// Outer documentation.
#[dilqr_runtime::model]
#[allow(unused_variables)]
pub mod attributes {
    //! Inner documentation.
    #![allow(unused_parens)]

    /// Everything that can be derived for numbers; four of these are derived without being asked for.
    #[derive(Debug, Default, PartialOrd)]
    #[derive(Clone, Copy, PartialEq)]
    #[repr(C)]
    pub struct State {
        /// The angle.
        #[allow(dead_code)]
        pub angle: f64,
        #[doc(alias = "speed")]
        pub rate: f64,
    }

    #[derive(std::clone::Clone, ::core::fmt::Debug, serde::Serialize, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Control {
        #[serde(rename = "Torque")]
        pub torque: f64,
    }

    #[cfg_attr(all(), derive(Default))]
    #[non_exhaustive]
    pub struct Params {
        pub mass: f64,
    }

    /// The step.
    #[allow(dead_code)]
    #[doc(hidden)]
    const DT: f64 = 0.1;

    /// The dynamics.
    #[inline]
    #[must_use]
    pub fn dynamics(x: State, u: Control, p: Params) -> State {
        #[allow(clippy::let_and_return)]
        let rate = (x.rate);
        State {
            angle: x.angle + DT * rate,
            #[allow(clippy::identity_op)]
            rate: x.rate + DT * u.torque,
        }
    }
    #[inline(always)]
    pub fn stage_cost(x: State, #[allow(unused)] u: Control, p: Params) -> f64 {
        x.angle
    }
    #[deprecated = "only to see the attribute pass"]
    pub fn terminal_cost(x: State, p: Params) -> f64 {
        p.mass * x.angle
    }
}

fn main() {
    assert_eq!(attributes::State::default(), attributes::State { angle: 0.0, rate: 0.0 });
    assert!(attributes::State::default() <= [0.0, 1.0].into());
    let control: attributes::Control = serde_json::from_str(r#"{ "Torque": 2.5 }"#).unwrap();
    assert_eq!(control.torque, 2.5);
    #[allow(deprecated)]
    {
        dilqr_ui_tests::assert_agrees!(attributes::Attributes);
    }
}
