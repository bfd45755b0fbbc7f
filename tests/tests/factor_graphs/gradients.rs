//! Gradients of vectors and of poses in the plane: differences of solves, and the other modes.

use dilqr_runtime::graph::{
    BlockId, DerivativeError, Differentiation, FactorId, Graph, Method, Settings, Solution, Solver,
};

use crate::models::{difference, distance, random_loss, solved, solver, square};

/// Three stations, of which one is not held, and two marks: distances that do not fit together.
pub fn survey() -> (Graph, Vec<FactorId>) {
    let mut graph = Graph::new();
    let stations = [[0.0, 0.0], [10.0, 0.0], [4.0, 8.0]].map(|at| graph.add_vector(at).unwrap());
    let marks = [[3.0, 3.0], [7.0, 2.0]].map(|at| graph.add_vector(at).unwrap());
    graph.hold(stations[0]).unwrap();
    graph.hold(stations[1]).unwrap();
    let measured = [[4.9, 7.1], [7.4, 4.0], [5.8, 7.6]];
    let mut factors = Vec::new();
    for (i, &station) in stations.iter().enumerate() {
        for (j, &mark) in marks.iter().enumerate() {
            let weight = 1.0 + 0.3 * i as f64;
            let params = distance::Params { measured: measured[i][j], weight };
            factors.push(graph.add_factor(distance::Distance, &[station, mark], params).unwrap());
        }
    }
    let params = [9.0, 0.5];
    factors.push(graph.add_factor(distance::Distance, &[stations[2], stations[1]], params).unwrap());
    factors.push(graph.add_factor(distance::Distance, &[stations[0], stations[2]], [8.5, 0.5]).unwrap());
    (graph, factors)
}

/// Against central differences of solves, see `difference`: 1e-6 of the largest entry.
fn assert_differences(mut solver: Solver, solution: &Solution) {
    let loss = random_loss(solution);
    let gradient = solver.vjp(solution, &loss).unwrap().params;
    let largest = gradient.values.iter().fold(0.0_f64, |largest, slope| largest.max(slope.abs()));
    assert!(largest > 0.01);
    let mut index = 0;
    for factor in solver.graph().factors() {
        for (entry, slope) in gradient.factor(factor).iter().enumerate() {
            let expected = difference(&mut solver, (factor, entry), &loss);
            assert!((slope - expected).abs() < 1e-6 * largest, "{factor} {entry}: {slope} {expected}");
            index += 1;
        }
    }
    assert_eq!(index, gradient.values.len());
}

#[test]
fn gradients_are_those_of_differences_of_solves() {
    for graph in [survey().0, square().0] {
        let mut solver = solver(graph);
        let solution = solved(&mut solver);
        assert!(solution.objective > 1e-3);
        assert_differences(solver, &solution);
    }
}

/// The residuals do not vanish, so the Hessian of Gauss and Newton gives another derivative. With more steps it tends to the exact one.
#[test]
fn truncated_gradients_tend_to_the_exact_one() {
    let mut solver = solver(square().0);
    let solution = solved(&mut solver);
    let loss = random_loss(&solution);
    let exact = solver.vjp(&solution, &loss).unwrap().params.values;
    let largest = exact.iter().fold(0.0_f64, |largest, slope| largest.max(slope.abs()));
    let mut error = |how: Differentiation| {
        let other = solver.vjp_with(&solution, &loss, &how).unwrap().params.values;
        other.iter().zip(&exact).fold(0.0_f64, |error, (a, b)| error.max((a - b).abs())) / largest
    };
    assert_eq!(error(Differentiation::Implicit), 0.0);
    let of_gauss_newton = error(Differentiation::GaussNewton);
    assert!(of_gauss_newton > 1e-3, "{of_gauss_newton}");
    assert_eq!(error(Differentiation::Truncated { iterations: 1 }), of_gauss_newton);
    let errors = [1, 4, 16, 64].map(|iterations| error(Differentiation::Truncated { iterations }));
    assert!(errors.windows(2).all(|pair| pair[1] < 0.5 * pair[0] || pair[1] < 1e-11), "{errors:?}");
    assert!(errors[3] < 1e-8, "{errors:?}");
}

/// Steps from a guess: with many of them the derivative is the exact one, though the solution has been found otherwise. With few it is
/// that of the steps, by central differences of the steps themselves.
#[test]
fn unrolled_gradients_tend_to_the_exact_one() {
    let mut solver = solver(square().0);
    let guess: Vec<f64> =
        solver.graph().blocks().flat_map(|block| solver.graph().value(block).unwrap().to_vec()).collect();
    let solution = solved(&mut solver);
    let loss = random_loss(&solution);
    let exact = solver.vjp(&solution, &loss).unwrap().params.values;
    let mut gradient = |iterations: usize| {
        let how = Differentiation::Unrolled { guess: guess.clone(), iterations };
        solver.vjp_with(&solution, &loss, &how).unwrap().params.values
    };
    let mut error = |iterations: usize| {
        let other = gradient(iterations);
        other.iter().zip(&exact).fold(0.0_f64, |error, (a, b)| error.max((a - b).abs()))
    };
    let errors = [5, 10, 40].map(&mut error);
    assert!(errors[1] < 0.5 * errors[0] && errors[2] < 1e-8, "{errors:?}");
    let how = Differentiation::Unrolled { guess: vec![0.0; 12], iterations: 0 };
    let error = solver.vjp_with(&solution, &loss, &how).unwrap_err();
    assert!(matches!(error, DerivativeError::NotReached { .. }), "{error}");
}

/// The derivative of three steps: differences of three solves of one step each, by the method of Gauss and Newton. With steps of 1e-5
/// their errors are about 1e-10.
#[test]
fn unrolled_gradients_are_those_of_the_steps() {
    let (graph, factors) = survey();
    let blocks: Vec<BlockId> = graph.blocks().collect();
    let guess: Vec<f64> = blocks.iter().flat_map(|&block| graph.value(block).unwrap().to_vec()).collect();
    let mut exact = solver(graph.clone());
    let solution = solved(&mut exact);
    let loss = random_loss(&solution);
    let how = Differentiation::Unrolled { guess: guess.clone(), iterations: 3 };
    let gradient = exact.vjp_with(&solution, &loss, &how).unwrap().params;
    let settings = Settings { method: Method::GaussNewton, max_iterations: 1, ..Settings::default() };
    let mut one_step = Solver::new(graph, settings).unwrap();
    let mut value = |factor: FactorId, by: f64| -> f64 {
        let params: Vec<f64> = one_step.graph().params(factor).unwrap().to_vec();
        one_step.set_params(factor, [params[0] + by, params[1]]).unwrap();
        let mut values = guess.clone();
        for _ in 0..3 {
            for (&block, value) in blocks.iter().zip(values.chunks(2)) {
                one_step.set_value(block, value).unwrap();
            }
            let end = one_step.solve();
            assert_eq!((end.stats.iterations, end.stats.line_search_steps), (1, 1), "a full step");
            values = end.blocks.values;
        }
        one_step.set_params(factor, &params).unwrap();
        values.iter().zip(&loss.values).map(|(value, slope)| value * slope).sum()
    };
    for &factor in &factors {
        let expected = (value(factor, 1e-5) - value(factor, -1e-5)) / 2e-5;
        let slope = gradient.factor(factor)[0];
        assert!((slope - expected).abs() < 1e-8, "{factor}: {slope} {expected}");
    }
}

/// The error of the direct loss gradient is in proportion to epsilon.
#[test]
fn direct_loss_gradients_have_errors_of_the_order_of_epsilon() {
    let mut solver = solver(square().0);
    let solution = solved(&mut solver);
    let loss = random_loss(&solution);
    let exact = solver.vjp(&solution, &loss).unwrap().params.values;
    let mut error = |epsilon: f64| {
        let how = Differentiation::DirectLoss { epsilon };
        let other = solver.vjp_with(&solution, &loss, &how).unwrap().params.values;
        other.iter().zip(&exact).fold(0.0_f64, |error, (a, b)| error.max((a - b).abs()))
    };
    let errors = [1e-3, 1e-4, 1e-5].map(&mut error);
    for pair in errors.windows(2) {
        assert!((8.0..12.0).contains(&(pair[0] / pair[1])), "{errors:?}");
    }
    assert!(error(-1e-5) < 2.0 * errors[2]);
    let zero = solver.vjp_with(&solution, &loss, &Differentiation::DirectLoss { epsilon: 0.0 });
    assert_eq!(zero.unwrap_err().to_string(), "setting `epsilon` is 0, expected a finite number other than 0");
}

/// Rounding apart, a solution is the same whatever the solve began with, and a solver keeps nothing from one solve to the next.
#[test]
fn solves_repeat_to_the_bit() {
    let (graph, factors) = survey();
    let mut first = solver(graph);
    let solution = solved(&mut first);
    let params = first.graph().params(factors[0]).unwrap().to_vec();
    first.set_params(factors[0], [6.0, 2.0]).unwrap();
    let other = solved(&mut first);
    assert_ne!(solution.blocks, other.blocks);
    // A solution has its own parameters.
    let loss = random_loss(&solution);
    let gradient = first.vjp(&solution, &loss).unwrap();
    first.set_params(factors[0], params).unwrap();
    assert_eq!(solved(&mut first), solution);
    assert_eq!(first.vjp(&solution, &loss).unwrap(), gradient);
    let mut second = Solver::new(first.graph().clone(), *first.settings()).unwrap();
    assert_eq!(solved(&mut second).blocks.values, solution.blocks.values);
    let accepted = second.accept(&solution.blocks.values).unwrap();
    assert_eq!(second.vjp(&accepted, &loss).unwrap().params.values, gradient.params.values);
}

/// All residuals times 4, and lengths in other units: the same iterates, to the bit, as powers of two change no mantissa.
#[test]
fn units_do_not_matter() {
    let scaled = |unit: f64, weight: f64| {
        let (graph, factors) = survey();
        let mut other = Graph::new();
        let blocks: Vec<_> = graph.blocks().map(|block| graph.value(block).unwrap().to_vec()).collect();
        let blocks: Vec<_> = blocks
            .into_iter()
            .map(|value| other.add_vector(value.iter().map(|v| v * unit).collect::<Vec<_>>()).unwrap())
            .collect();
        other.hold(blocks[0]).unwrap();
        other.hold(blocks[1]).unwrap();
        let ends = [(0, 3), (0, 4), (1, 3), (1, 4), (2, 3), (2, 4), (2, 1), (0, 2)];
        for (factor, (a, b)) in factors.iter().zip(ends) {
            let params = graph.params(*factor).unwrap();
            let params = [params[0] * unit, params[1] * weight];
            other.add_factor(distance::Distance, &[blocks[a], blocks[b]], params).unwrap();
        }
        let solution = Solver::new(other, Settings::default()).unwrap().solve();
        (solution.blocks.values.iter().map(|value| value / unit).collect::<Vec<_>>(), solution.stats.iterations)
    };
    assert_eq!(scaled(1.0, 1.0), scaled(1024.0, 1.0));
    assert_eq!(scaled(1.0, 1.0), scaled(1.0, 0.125));
}
