//! Networks alone: the value, value and Jacobian, and both with the contraction of the second derivatives; the gradient in
//! the weights; the same in lanes. And a warm step of a controller whose model has a network.

use core::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use dilqr_benches::learned::controlled;
use dilqr_benches::networks::{four_of_64, one_of_256, two_of_32, two_of_64, two_of_128};
use dilqr_runtime::__private::Node;
use dilqr_runtime::Scalar;
use dilqr_runtime::VectorFunction;
use dilqr_runtime::lanes::{F64x4, Lanes};
use dilqr_runtime::nalgebra::SVector;
use dilqr_runtime::{Mpc, Settings, Status};

const POINT: [f64; 5] = [0.3, -0.2, 0.5, 0.1, -0.4];
const MU: [f64; 4] = [1.0, -0.5, 0.25, 2.0];

/// The sums of the entries of value, Jacobian and contraction, by `../peers/networks.py`.
const SUMS: [(&str, [f64; 3]); 5] = [
    ("two_of_32", [-0.463841684250495, -2.4615600511613, 0.2831640605558591]),
    ("two_of_64", [-0.20198280836731286, -0.5962276843637202, -0.07970536298569884]),
    ("two_of_128", [-0.1425494720105437, 0.2247881966549953, -0.08354383549608897]),
    ("one_of_256", [-0.23900810667041678, 0.22302593462541237, -0.006067129685106972]),
    ("four_of_64", [-0.47174467496762174, -1.3646946871951253, 0.2452059111785035]),
];

/// Compares a network with the other implementations.
fn check<F: VectorFunction<5, 4>>(name: &str, network: &F) {
    let value: f64 = network.value(&POINT).iter().sum();
    let jacobian: f64 = network.jacobian(&POINT).iter().flatten().sum();
    let contraction: f64 = network.contraction(&POINT, &MU).iter().flatten().sum();
    let known = SUMS.iter().find(|(known, _)| *known == name).map(|(_, sums)| *sums).expect("every network is listed");
    for (sum, known) in [value, jacobian, contraction].into_iter().zip(known) {
        assert!((sum - known).abs() < 1e-12, "{name}: {sum} {known}");
    }
}

/// Times a network on one scalar.
fn on<F: Node<5, 4, K>, S: Scalar, const K: usize>(criterion: &mut Criterion, name: &str, network: &F, weights: usize) {
    let (z, mu) = (POINT.map(S::from_f64), MU.map(S::from_f64));
    let mut group = criterion.benchmark_group(name);
    group.bench_function("value", |bencher| bencher.iter(|| network.value(black_box(&z))));
    let (mut at, mut contraction) = (F::zeros::<S>(), [[S::from_f64(0.0); 5]; 5]);
    group.bench_function("value, J", |bencher| {
        bencher.iter(|| {
            at.z = black_box(z);
            network.expand(&mut at);
        });
    });
    group.bench_function("value, J, C", |bencher| {
        bencher.iter(|| {
            at.z = black_box(z);
            network.expand(&mut at);
            network.contract(&at, black_box(&mu), black_box(&mut contraction));
        });
    });
    let mut gradient = vec![S::from_f64(0.0); weights];
    group.bench_function("gradient in the weights", |bencher| {
        bencher.iter(|| network.add_weight_gradient(&at, black_box(&mu), black_box(&mut gradient)));
    });
    group.finish();
}

fn networks(criterion: &mut Criterion) {
    macro_rules! each {
        ($($module:ident),*) => {$({
            let network = $module::Residual::xavier(1);
            let weights = $module::Residual::LEN;
            check(stringify!($module), &network);
            on::<_, f64, _>(criterion, stringify!($module), &network, weights);
            let name = concat!(stringify!($module), " in lanes");
            assert_eq!(F64x4::COUNT, 4);
            on::<_, F64x4, _>(criterion, name, &network, weights);
        })*};
    }
    each!(two_of_32, two_of_64, two_of_128, one_of_256, four_of_64);
}

/// A step of a controller of 20 stages from its last plan, for a cart-pole whose accelerations a network of 64 and 64 units changes. The
/// state is measured with noise of a hundredth, so a step has iterations to do.
fn mpc(criterion: &mut Criterion) {
    let model = controlled::Controlled::new(controlled::Residual::xavier(1));
    let settings = Settings { max_iterations: 20, ..Settings::default() };
    let mut mpc = Mpc::new(model, [0.0; 0], 20, settings).expect("settings are in range");
    let mut x = SVector::from([0.3, 0.0, 0.1, 0.0]);
    let mut noise = [0.01, -0.007, 0.004, -0.01].into_iter().cycle();
    let (mut steps, mut iterations) = (0, 0);
    let mut step = || {
        let step = mpc.step(&x).expect("the state is finite");
        assert_eq!(step.status, Status::Converged);
        let plan = mpc.plan().expect("there is one after a step");
        (steps, iterations) = (steps + 1, iterations + plan.stats.iterations);
        x = plan.states[1];
        x.iter_mut().for_each(|x| *x += noise.next().unwrap_or_default());
        step
    };
    (0..20).for_each(|_| {
        black_box(step());
    });
    criterion.bench_function("controller/cartpole, 64 and 64 units, 20 stages", |bencher| {
        bencher.iter(|| black_box(step()))
    });
    eprintln!("{steps} steps took {iterations} iterations");
}

criterion_group!(benches, networks, mpc);
criterion_main!(benches);
