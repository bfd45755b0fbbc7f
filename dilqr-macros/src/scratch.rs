use crate::*;
use crate::partials::Sizes;
#[test]
fn counts() {
    for name in std::env::var("SCRATCH").unwrap_or("pend2,cart4,quad12_euler,quad12_rk4".into()).split(',') {
        let text = std::fs::read_to_string(format!("/tmp/peers/{name}.rs")).unwrap();
        let module: syn::ItemMod = syn::parse_str(&text).unwrap();
        let mut errors = errors::Errors::default();
        let t0 = std::time::Instant::now();
        let model = parse::model(&module, None, &mut errors);
        check::model(&model, &mut errors);
        let system = elaborate::system(&model, &mut errors);
        if let Some(e) = errors.finish() { panic!("{e}"); }
        let system = system.unwrap();
        let t1 = t0.elapsed();
        let sizes = Sizes { nx: system.state.len(), nu: system.control.len(), np: system.params.len(), ns: 0 };
        let (graph, f) = (&system.graph, &system.dynamics);
        let tape = symbolic::session(|| tape::tape(graph, f, system.stage_cost, system.terminal_cost)).unwrap().ok().unwrap();
        let t2 = t0.elapsed();
        let k = partials::kernels(&tape, sizes);
        let t3 = t0.elapsed();
        println!("{name}: pieces {} front {t1:?} tape {t2:?} kernels {t3:?}", tape.pieces.len());
        for (n, p) in k.named() { if ["linearize","hamiltonian_hessian","parameter_terms","expand_hamiltonian","add_parameter_contraction","dynamics"].contains(&n) { println!("   {n}: {}", p.count()); } }
    }
}
