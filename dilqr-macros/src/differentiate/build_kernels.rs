//! Builds each kernel by several strategies and keeps the cheapest program.

use super::chain_rule::{ChainRule, HessianStrategy, JacobianStrategy, Strategy};
use super::kernel_writer::KernelWriter;
use super::tape::{Granularity, Tape};
use crate::program::kernels::{Kernel, Kernels, Presence};
use crate::program::program::Program;

/// The strategies to choose from, at least one of each kind. On a tie the earlier one wins.
#[derive(Clone, Copy)]
pub(crate) struct Strategies<'a> {
    pub(crate) tapes: &'a [Tape],
    pub(crate) jacobians: &'a [JacobianStrategy],
    pub(crate) hessians: &'a [HessianStrategy],
}

impl<'a> Strategies<'a> {
    /// All strategies.
    pub(crate) fn all(tapes: &'a [Tape]) -> Self {
        Self { tapes, jacobians: &JacobianStrategy::ALL, hessians: &HessianStrategy::ALL }
    }
}

/// A kernel's cheapest program and the strategy that built it: `None` for a choice that makes no difference to the kernel.
#[derive(Clone, Debug, Default)]
pub(crate) struct Built {
    pub(crate) program: Program,
    pub(crate) granularity: Option<Granularity>,
    pub(crate) jacobian: Option<JacobianStrategy>,
    pub(crate) hessian: Option<HessianStrategy>,
}

/// The kernels of a model, each by the cheapest of the strategies.
pub(crate) fn build_kernels(strategies: Strategies<'_>) -> Kernels {
    let mut built = build_all(strategies).into_iter().peekable();
    Kernels::new(|kernel| Some(built.next_if(|(of, _)| *of == kernel)?.1.program))
}

/// The kernels that the model has, with the strategies that built them.
pub(crate) fn build_all(strategies: Strategies<'_>) -> Vec<(Kernel, Built)> {
    // All tapes of a model have the same functions.
    let tape = &strategies.tapes[0];
    let kernels = Kernel::ALL.iter().copied().filter(|kernel| is_present(*kernel, tape));
    // Kernels are independent of each other: those of a large model are built on all cores.
    std::thread::scope(|scope| {
        let start = |kernel| (kernel, scope.spawn(move || build_one(strategies, kernel)));
        let threads: Vec<_> = kernels.map(start).collect();
        let built = threads.into_iter().map(|(kernel, thread)| match thread.join() {
            Ok(built) => (kernel, built),
            Err(panic) => std::panic::resume_unwind(panic),
        });
        built.collect()
    })
}

fn is_present(kernel: Kernel, tape: &Tape) -> bool {
    let limits = &tape.limits;
    match kernel.presence() {
        Presence::Always => true,
        Presence::Bounded => limits.bounded(),
        Presence::StageConstrained => !limits.stage.is_empty(),
        Presence::TerminalConstrained => !limits.terminal.is_empty(),
        Presence::InitialCost => tape.has_initial_cost,
        Presence::InitialConstrained => !limits.initial.is_empty(),
        Presence::Penalized => !tape.penalties.is_empty(),
        Presence::VariableStep => tape.time_step.is_some(),
        Presence::Implicit(of) => !tape.residual(of).is_empty(),
        Presence::Weighted(of) => tape.has_weights(tape.residual(of)),
        Presence::OnRequest => false,
    }
}

/// Builds a kernel by every strategy and keeps the program with the fewest operations, the first one on a tie.
pub(crate) fn build_one(strategies: Strategies<'_>, kernel: Kernel) -> Built {
    let mut best: Option<Built> = None;
    for tape in strategies.tapes {
        for &jacobian in strategies.jacobians {
            // Whether the kernel depends on the strategies for Jacobians and for Hessians. Where not, one is tried.
            let mut depends = (true, true);
            for &hessian in strategies.hessians {
                if !depends.1 {
                    break;
                }
                // A strategy that is far beyond the best is given up before it is complete.
                let limit = best.as_ref().map_or(usize::MAX, |best| 1_000 + 3 * best.program.ops.len());
                let chain_rule = ChainRule::new(tape, Strategy { jacobian, hessian }, limit);
                let mut writer = KernelWriter::new(chain_rule);
                writer.write_kernel(kernel);
                depends = writer.chain_rule.depends_on_strategy();
                let Some(program) = writer.finish() else { continue };
                if best.as_ref().is_none_or(|best| program.count().total() < best.program.count().total()) {
                    best = Some(Built {
                        program,
                        granularity: (strategies.tapes.len() > 1).then_some(tape.granularity),
                        jacobian: depends.0.then_some(jacobian),
                        hessian: depends.1.then_some(hessian),
                    });
                }
            }
            if !depends.0 {
                break;
            }
        }
    }
    let Built { program, granularity, jacobian, hessian } = best.unwrap_or_default();
    Built { program: program.reorder_outputs(), granularity, jacobian, hessian }
}
