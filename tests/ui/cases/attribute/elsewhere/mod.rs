//! The body that `module_without_body.rs` does not show to the macro.
