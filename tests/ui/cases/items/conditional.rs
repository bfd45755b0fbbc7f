//! `#[cfg]` inside a model: the macro runs before rustc looks at it.

#[dilqr_runtime::model]
pub mod pendulum {
    pub struct State {
        pub angle: f64,
        #[cfg(all())]
        pub rate: f64,
    }

    #[cfg(not(all()))]
    const DT: f64 = 0.1;
    #[cfg(all())]
    const DT: f64 = 0.05;

    #[cfg_attr(all(), cfg(all()))]
    fn once(x: f64) -> f64 {
        x
    }

    #[cfg_attr(all(), inline)]
    fn step(x: f64) -> f64 {
        #[cfg(all())]
        let x = x * DT;
        x
    }
}

fn main() {}
