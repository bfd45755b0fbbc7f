//! The backward recursion over 100 stages by size: the runtime's own loops, and nalgebra's products.

use core::hint::black_box;
use core::time::Duration;

use criterion::Criterion;
use dilqr_benches::lq::{Policy, backward, backward_nalgebra, check, in_lanes, random};
use dilqr_runtime::lanes::{Lanes, Native};

const HORIZON: usize = 100;

fn sizes<const NX: usize, const NU: usize>(criterion: &mut Criterion) {
    let problem = random::<NX, NU>(HORIZON);
    check(&problem);
    let mut policy = Policy::zeros(HORIZON);
    criterion.bench_function(&format!("riccati/{NX},{NU}/own loops"), |bencher| {
        bencher.iter(|| backward(black_box(&problem), black_box(&mut policy)));
    });
    let (lanes, mut policies) = (in_lanes::<Native, NX, NU>(&problem), Policy::zeros(HORIZON));
    criterion.bench_function(&format!("riccati/{NX},{NU}/{} problems in lanes", Native::COUNT), |bencher| {
        bencher.iter(|| backward(black_box(&lanes), black_box(&mut policies)));
    });
    criterion.bench_function(&format!("riccati/{NX},{NU}/nalgebra"), |bencher| {
        bencher.iter(|| backward_nalgebra(black_box(&problem), black_box(&mut policy)));
    });
}

fn main() {
    let mut criterion = dilqr_benches::criterion(Duration::from_millis(600));
    sizes::<2, 1>(&mut criterion);
    sizes::<4, 1>(&mut criterion);
    sizes::<6, 2>(&mut criterion);
    sizes::<12, 4>(&mut criterion);
    sizes::<14, 7>(&mut criterion);
    sizes::<30, 10>(&mut criterion);
    criterion.final_summary();
}
