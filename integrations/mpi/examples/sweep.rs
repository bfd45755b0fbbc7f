//! A sweep over many problems that survives the death of a process: `mpiexec -n 4 sweep OUT.csv [DIES_AT]`.
//!
//! The processes solve chunks of problems. Rank 0 appends the rows of each chunk to the file, so a job that ends early leaves what
//! is finished, and the same command goes on from there. With `DIES_AT` the last process panics at that chunk.
#![allow(clippy::print_stdout, reason = "the output of a program")]

use std::error::Error;
use std::fs::OpenOptions;
use std::path::Path;

use dilqr_follower::{Follower, Friction, HORIZON, spread};
use dilqr_mpi::Cluster;
use dilqr_runtime::{Problem, Settings, SolveError};
use serde::{Deserialize, Serialize};

const COUNT: usize = 640;
const CHUNK: usize = 128;

/// A finished problem.
#[derive(Serialize, Deserialize)]
struct Row {
    index: usize,
    status: String,
    cost: f64,
    first_torque: f64,
}

/// Keeps the chunks of rows that earlier jobs have finished, and removes what follows. Returns the number of rows.
fn resume(path: &Path) -> Result<usize, Box<dyn Error>> {
    let text = if path.exists() { std::fs::read_to_string(path)? } else { String::new() };
    // A line without an end was cut off.
    let lines: Vec<&str> = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
    let finished = lines.len().saturating_sub(1) / CHUNK * CHUNK;
    let kept = if finished > 0 { finished + 1 } else { 0 };
    std::fs::write(path, lines[..kept].concat())?;
    Ok(finished)
}

fn append(path: &Path, rows: impl IntoIterator<Item = Row>) -> Result<(), Box<dyn Error>> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    let first = file.metadata()?.len() == 0;
    let mut writer = csv::WriterBuilder::new().has_headers(first).from_writer(file);
    for row in rows {
        writer.serialize(row)?;
    }
    Ok(writer.flush()?)
}

fn problem(model: &Follower, index: usize) -> Problem<2, 1, 2, 1> {
    Problem::new([0.5 * spread(0, index), spread(1, index)], [0.6, 0.2], HORIZON)
        .with_stage_params(&[[0.3 * spread(2, index)]; HORIZON + 1])
        // The upright rod is unstable: controls of zero are no guess.
        .with_policy(model, |_, x| [-15.0 * x[0] - 4.0 * x[1]])
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: sweep OUT.csv [DIES_AT]")?;
    let (path, dies_at) = (Path::new(&path), arguments.next().map(|text| text.parse::<usize>()).transpose()?);
    let cluster = Cluster::initialize()?;
    let first = cluster.all(if cluster.rank() == 0 { resume(path).map(Some) } else { Ok(None) })?;
    let first = cluster.broadcast(first.as_ref())?;
    if cluster.rank() == 0 {
        println!("{first} of {COUNT} problems were finished before");
    }
    let (model, settings) = (Follower::new(Friction::xavier(1)), Settings::default());
    for start in (first..COUNT).step_by(CHUNK) {
        let problems: Vec<_> = (start..start + CHUNK).map(|index| problem(&model, index)).collect();
        assert!(dies_at != Some(start / CHUNK) || cluster.rank() + 1 < cluster.size(), "as the command asks");
        let share = cluster.share(CHUNK);
        let found = cluster.solve(&model, HORIZON, &settings, &problems);
        let rows = share.zip(found).map(|(i, found)| {
            let found = found?;
            let (status, first_torque) = (found.status.to_string(), found.controls[0][0]);
            Ok(Row { index: start + i, status, cost: found.cost, first_torque })
        });
        let rows = cluster.all(rows.collect::<Result<Vec<_>, SolveError>>())?;
        let shares = cluster.gather(&rows)?;
        // Nobody begins the next chunk before this one is in the file.
        cluster.all(shares.map_or(Ok(()), |shares| append(path, shares.into_iter().flatten())))?;
    }
    Ok(())
}
