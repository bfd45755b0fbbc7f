#[dilqr_runtime::model]
mod elsewhere;

fn main() {}
