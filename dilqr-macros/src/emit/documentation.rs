//! The documentation of the model's type: operations of its kernels, and patterns of its derivatives.

use std::fmt::Write as _;

use super::context::EmitContext;
use crate::elaborate::elaborated_system::Vectors;
use crate::program::fields::Field;
use crate::program::kernels::{Kernel, Kernels, pattern, sparsity};
use crate::program::vectors::Sizes;
use crate::syntax::module_kind::ModuleKind;

/// The largest side of a block that is drawn; the entries of larger blocks are counted.
const DRAWN: usize = 16;

/// The documentation of the model's type.
pub(crate) fn documentation(context: &EmitContext<'_>) -> String {
    let EmitContext { module, sizes, kernels, vectors, .. } = context;
    let Sizes { nx, nu, np, .. } = vectors.own_sizes();
    let what = match vectors.kind {
        ModuleKind::ControlProblem => {
            format!("The compiled model `{module}`: {nx} states, {nu} controls, {np} parameters.")
        }
        ModuleKind::ImplicitFunction => {
            format!("The compiled implicit function `{module}`: {nu} unknowns, {np} parameters.")
        }
        ModuleKind::Factor => {
            let blocks = vectors.manifolds.len();
            format!("The compiled factor `{module}`: {blocks} blocks of {nu} numbers, {np} parameters.")
        }
    };
    let mut text = format!(
        "{what}{}\n\n\
         Operations a call, counted in the generated code:\n\n\
         | kernel | total | add | mul | div | neg | call | select |\n|---|---|---|---|---|---|---|---|\n",
        lifted(vectors)
    );
    for (kernel, program) in kernels.iter() {
        let _ = writeln!(text, "| `{}` | {} |", kernel.name(), program.count());
    }
    if vectors.kind != ModuleKind::ControlProblem {
        let (unknowns, params) = (vectors.control.names().join(", "), vectors.params.names().join(", "));
        let of = if vectors.kind == ModuleKind::Factor { "Blocks" } else { "Unknowns" };
        let _ = write!(text, "\n{of}: {unknowns}. Parameters: {params}.");
        return text;
    }
    let _ = writeln!(text, "\n{}", backward_stage(kernels, *sizes));
    let _ = write!(
        text,
        "\nState: {}. Control: {}. Parameters: {}.\n\n{}",
        vectors.state.names().join(", "),
        vectors.control.names().join(", "),
        vectors.params.names().join(", "),
        pictures(&sparsity(kernels, *sizes))
    );
    text
}

/// The variables that kernels see in a lifted model; nothing for other models.
fn lifted(vectors: &Vectors) -> String {
    if !vectors.are_lifted() {
        return String::new();
    }
    let (own, Sizes { nx, nu, .. }, lift) = (vectors.own_sizes(), vectors.sizes(), &vectors.lift);
    let parts = [
        (vectors.previous().len(), "of the control before"),
        (vectors.design_len(), "design variables"),
        (lift.terminal_slacks, "slacks"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!(" + {count} {what}"));
    let state: String = parts.collect();
    let control = if lift.stage_slacks > 0 { format!(" + {} slacks", lift.stage_slacks) } else { String::new() };
    format!(
        " Its kernels have a state of {nx} entries ({}{state}) and a control of {nu} ({}{control}).",
        own.nx, own.nu
    )
}

/// The operations of a stage of the backward pass.
fn backward_stage(kernels: &Kernels, Sizes { nx, nu, .. }: Sizes) -> String {
    let linearize = &kernels[Kernel::Linearize];
    let (fx, fu) = (pattern(linearize, Field::Fx, nx, nx), pattern(linearize, Field::Fu, nx, nu));
    let loops = operations_of_loops(&fx, &fu);
    let apart = [Kernel::ExpandHamiltonian, Kernel::ExpandStage].map(|kernel| kernels[kernel].count().total() + loops);
    format!(
        "A stage of the backward pass is a kernel and loops over the columns of `fx` and `fu`, which take {loops} operations: \
         {} with the exact Hessian and {} with Gauss-Newton's.",
        apart[0], apart[1],
    )
}

/// The operations of a stage after the derivatives, by the runtime's loops: products over the patterns of `fx` and `fu`
/// (given row by row), other products dense.
fn operations_of_loops(fx: &[Vec<bool>], fu: &[Vec<bool>]) -> usize {
    let columns = |rows: &[Vec<bool>]| {
        let count = rows.first().map_or(0, Vec::len);
        (0..count).map(|j| rows.iter().filter(|row| row[j]).count()).collect::<Vec<_>>()
    };
    let (x, u) = (columns(fx), columns(fu));
    let (nx, nu) = (x.len(), u.len());
    let entries: usize = x.iter().chain(&u).sum();
    let lower = |columns: &[usize]| columns.iter().enumerate().map(|(i, entries)| 2 * entries * (i + 1)).sum::<usize>();
    let cross: usize = u.iter().map(|entries| 2 * entries * nx).sum();
    let factor: usize = (0..nu).map(|j| 3 * j + 1 + (nu - j - 1) * (2 * j + 1)).sum();
    let solves = (nx + 1) * nu * (2 * nu);
    // V fz, the blocks' products, the linear part, the factorization, the next value function.
    2 * nx * entries + lower(&x) + lower(&u) + cross + 2 * entries + factor + solves + nx * (nx + 1) * nu + 2 * nx * nu
}

/// Pictures of the small blocks, with blocks of the same rows side by side.
pub(crate) fn pictures(blocks: &[(&str, Vec<Vec<bool>>)]) -> String {
    let mut drawn = String::new();
    let mut counted = String::new();
    for names in [&["fx", "fu", "fp"][..], &["hxx", "hxp"], &["hux", "huu", "hup"]] {
        let mut lines: Vec<String> = Vec::new();
        for (name, rows) in blocks.iter().filter(|(name, _)| names.contains(name)) {
            let columns = rows.first().map_or(0, Vec::len);
            if rows.len() > DRAWN || columns > DRAWN {
                let entries = rows.iter().flatten().filter(|&&entry| entry).count();
                let _ = write!(counted, " `{name}`: {entries} of {}.", rows.len() * columns);
            } else if columns > 0 {
                lines.resize(rows.len() + 1, String::new());
                let picture = rows.iter().map(|row| row.iter().map(|&entry| if entry { 'x' } else { '.' }).collect());
                let block = std::iter::once((*name).to_owned()).chain(picture);
                let width = lines.iter().map(String::len).max().unwrap_or(0);
                for (line, block) in lines.iter_mut().zip(block) {
                    *line = if width == 0 { block } else { format!("{line:width$}   {block}") };
                }
            }
        }
        if !lines.is_empty() {
            drawn.push_str(if drawn.is_empty() { "" } else { "\n\n" });
            drawn.push_str(&lines.join("\n"));
        }
    }
    let mut text = String::from("Entries that can be other than zero, with `H = l + lambda' f`");
    if !drawn.is_empty() {
        let _ = write!(text, ":\n\n```text\n{drawn}\n```\n");
    }
    match (drawn.is_empty(), counted.is_empty()) {
        (_, true) => {}
        (true, false) => text.push_str(&format!(":{counted}")),
        (false, false) => text.push_str(&format!("\nBlocks that are too large to draw, by their entries:{counted}")),
    }
    text
}
