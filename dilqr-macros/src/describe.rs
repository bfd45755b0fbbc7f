//! The text over the model's type: what was derived, where it can be other than zero, and what it costs.

use std::fmt::Write as _;

use crate::emit::Emission;
use crate::kernels::{Sizes, sparsity};

/// The largest side of a block that is drawn; of larger ones the entries are counted.
const DRAWN: usize = 16;

/// The documentation of the model's type.
pub(crate) fn documentation(emission: &Emission<'_>) -> String {
    let Emission { module, sizes, kernels, vectors, .. } = emission;
    let Sizes { nx, nu, np, .. } = sizes;
    let mut text = format!(
        "The compiled model `{module}`: {nx} states, {nu} controls, {np} parameters.\n\n\
         Operations a call, counted in the generated code:\n\n\
         | kernel | total | add | mul | div | neg | call | select |\n|---|---|---|---|---|---|---|---|\n"
    );
    for (name, program) in kernels.named() {
        let _ = writeln!(text, "| `{name}` | {} |", program.count());
    }
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

/// Pictures of the blocks that are small enough, those of the same rows side by side.
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
