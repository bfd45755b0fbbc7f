//! Batches of dilqr's optimal control problems on many machines, over MPI.
//!
//! All processes run the same program with the same problems. Each of them solves and differentiates a share, a contiguous slice of the
//! batch, on the threads of its machine. Gradients are summed in blocks of 32 problems that are fixed by the problems' indices, and the
//! process of rank 0 adds the sums of the blocks in their order: the sum has the same bits for any number of processes, and they are
//! those of [`batch::vjp_sum`].
//!
//! ```no_run
//! use dilqr_follower::{Follower, Friction, HORIZON};
//! use dilqr_mpi::Cluster;
//! use dilqr_runtime::{LossGradient, Problem, Settings};
//!
//! let cluster = Cluster::initialize()?;
//! let (model, settings) = (Follower::new(Friction::xavier(1)), Settings::default());
//! // The same list in every process.
//! let problem = |i| Problem::new([1e-3 * f64::from(i), 0.0], [0.6, 0.4], HORIZON).with_stage_params(&[[0.1]; HORIZON + 1]);
//! let problems: Vec<_> = (0..1000).map(problem).collect();
//! let solved: Result<Vec<_>, _> = cluster.solve(&model, HORIZON, &settings, &problems).into_iter().collect();
//! let solutions = cluster.all(solved)?;
//! let losses: Vec<_> = solutions.iter().map(|found| LossGradient::new(found.states.clone(), found.controls.clone())).collect();
//! // The same sum in every process.
//! let sum = cluster.vjp_sum(&model, &settings, problems.len(), (&solutions, &losses))?;
//! println!("rank {} of {}: {}", cluster.rank(), cluster.size(), sum.gradient.params);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A process that panics ends the job: it prints its rank and the panic, and `MPI_Abort` stops the others, which would wait for it without
//! end. So does a process that dies, by the launcher. Write what is finished to a file as you go, as the example `sweep` does, and
//! leave it out in the next run.
#![warn(missing_docs)]

mod error;

use std::fmt::Display;
use std::ops::Range;

use dilqr_runtime::{Formulation, Gradient, LossGradient, Problem, Settings, Solution, SolveError, batch};
use mpi::Threading;
use mpi::datatype::PartitionMut;
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Root};
use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::ClusterError;

/// Problems whose gradients are summed in their order, as in [`batch::vjp_sum`]. Shares are multiples of it.
pub const BLOCK: usize = 32;

/// The process of this rank gathers and adds.
const ROOT: i32 = 0;

/// The processes of an MPI job.
///
/// MPI ends when it is dropped. Call its methods from the thread that has made it. Methods that communicate say so: each process calls them
/// in the same order, with data of the same batch.
pub struct Cluster {
    world: SimpleCommunicator,
    /// Finalizes MPI when it is dropped.
    _universe: Universe,
}

/// The sum of the gradients of a batch, the same in each process.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterSum<const NX: usize, const NP: usize, const NS: usize = 0> {
    /// The sum of the gradients that exist; where there are none, zeros over no stages and without weights.
    pub gradient: Gradient<NX, NP, NS>,
    /// The problems without a gradient: their indices in the batch, in order, and the reasons.
    pub refused: Vec<(usize, String)>,
}

/// The sum of a block, and the problems of it without a gradient.
type BlockSum<const NX: usize, const NP: usize, const NS: usize> = (Gradient<NX, NP, NS>, Vec<(u64, String)>);

impl Cluster {
    /// Starts MPI. From now on a panic in any thread ends the job.
    ///
    /// # Errors
    /// [`ClusterError::Initialized`] where MPI has been started, or ended, in this process.
    pub fn initialize() -> Result<Self, ClusterError> {
        // Threads of rayon compute, and this one alone communicates.
        let (universe, _) = mpi::initialize_with_threading(Threading::Funneled).ok_or(ClusterError::Initialized)?;
        let world = universe.world();
        let (rank, size) = (world.rank(), world.size());
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            report(panic);
            eprintln!("dilqr-mpi: rank {rank} of {size} has panicked; the job ends");
            SimpleCommunicator::world().abort(1);
        }));
        Ok(Self { world, _universe: universe })
    }

    /// The number of this process, from 0.
    #[must_use]
    pub fn rank(&self) -> usize {
        usize::try_from(self.world.rank()).unwrap_or_default()
    }

    /// The number of processes.
    #[must_use]
    pub fn size(&self) -> usize {
        usize::try_from(self.world.size()).unwrap_or(1)
    }

    /// The problems of this process, of a batch of `count`: whole blocks of [`BLOCK`], as evenly as these can be shared.
    #[must_use]
    pub fn share(&self, count: usize) -> Range<usize> {
        share_of((self.rank(), self.size()), count)
    }

    /// Solves the problems of this process, those of [`share`](Self::share), as [`batch::solve`] does. Does not communicate.
    pub fn solve<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
        &self,
        model: &M,
        horizon: usize,
        settings: &Settings,
        problems: &[Problem<NX, NU, NP, NS, ND>],
    ) -> Vec<Result<Solution<NX, NU, NP, NS, ND>, SolveError>>
    where
        M: Formulation<NX, NU, NP, NS, ND>,
    {
        batch::solve(model, horizon, settings, &problems[self.share(problems.len())])
    }

    /// Differentiates the solutions of this process, those of its [`share`](Self::share) of a batch of `count`, with the loss gradients of
    /// the same indices, and returns the sum over all processes. Communicates: the sums of blocks go to rank 0, and the result to all.
    ///
    /// # Errors
    /// In every process, where in one of them the lists have not the length of its share, or where what it sends is larger than a message of
    /// MPI, 2 GiB.
    pub fn vjp_sum<M, const NX: usize, const NU: usize, const NP: usize, const NS: usize, const ND: usize>(
        &self,
        model: &M,
        settings: &Settings,
        count: usize,
        (solutions, losses): (&[Solution<NX, NU, NP, NS, ND>], &[LossGradient<NX, NU, ND>]),
    ) -> Result<ClusterSum<NX, NP, NS>, ClusterError>
    where
        M: Formulation<NX, NU, NP, NS, ND>,
    {
        let share = self.share(count);
        let given = [solutions.len(), losses.len()].into_iter().find(|&length| length != share.len());
        self.agree(given.map(|given| ClusterError::WrongLength { rank: self.rank(), given, expected: share.len() }))?;
        let blocks = solutions.par_chunks(BLOCK).zip(losses.par_chunks(BLOCK)).enumerate();
        let own: Vec<BlockSum<NX, NP, NS>> = blocks
            .map(|(block, (solutions, losses))| {
                let sum = batch::vjp_sum(model, settings, solutions, losses);
                let first = share.start + block * BLOCK;
                let refused = sum.refused.into_iter().map(|(i, error)| ((first + i) as u64, error.to_string()));
                (sum.gradient, refused.collect())
            })
            .collect();
        let total = self.gather(&own)?.map(|shares| {
            let mut sum: BlockSum<NX, NP, NS> = (Gradient::zeros(0), Vec::new());
            for (gradient, refused) in shares.into_iter().flatten() {
                sum.0 += gradient;
                sum.1.extend(refused);
            }
            sum
        });
        let (gradient, refused) = self.broadcast(total.as_ref())?;
        let refused = refused.into_iter().map(|(index, reason)| (index as usize, reason)).collect();
        Ok(ClusterSum { gradient, refused })
    }

    /// The value of this process, where every process has one. Communicates.
    ///
    /// A process that returns early from a job leaves the others waiting in their next communication. Pass results through this method
    /// where one process may fail and another not.
    ///
    /// # Errors
    /// [`ClusterError::Failed`] in every process, where one of them gives an error: with its text there.
    pub fn all<T, E: Display>(&self, own: Result<T, E>) -> Result<T, ClusterError> {
        let own = own.map_err(|error| ClusterError::Failed { rank: self.rank(), reason: error.to_string() });
        self.agree(own.as_ref().err().cloned())?;
        own
    }

    /// The data of all processes, in the order of their ranks; `None` but in the process of rank 0. Communicates.
    ///
    /// # Errors
    /// In every process, where the data cannot be written, or are larger than a message of MPI, 2 GiB.
    pub fn gather<T: Serialize + DeserializeOwned>(&self, data: &T) -> Result<Option<Vec<T>>, ClusterError> {
        let written = postcard::to_stdvec(data).map_err(ClusterError::from);
        self.agree(written.as_ref().err().cloned())?;
        let bytes = written?;
        let mut lengths = vec![0_u64; self.size()];
        self.world.all_gather_into(&(bytes.len() as u64), &mut lengths[..]);
        let total = lengths.iter().sum();
        // Every process finds the same.
        i32::try_from(total).map_err(|_| ClusterError::TooLarge { bytes: total })?;
        let root = self.world.process_at_rank(ROOT);
        if self.world.rank() != ROOT {
            root.gather_varcount_into(&bytes[..]);
            return Ok(None);
        }
        let counts: Vec<i32> = lengths.iter().map(|&length| i32::try_from(length).unwrap_or(i32::MAX)).collect();
        let starts: Vec<i32> =
            counts.iter().scan(0, |next, count| Some(std::mem::replace(next, *next + count))).collect();
        let mut all = vec![0_u8; bytes_of(total)];
        root.gather_varcount_into_root(&bytes[..], &mut PartitionMut::new(&mut all[..], &counts[..], &starts[..]));
        let mut rest = &all[..];
        let parts = lengths.iter().map(|&length| {
            let (part, after) = rest.split_at(bytes_of(length));
            rest = after;
            postcard::from_bytes(part).map_err(ClusterError::from)
        });
        parts.collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// The data of rank 0, in every process. Communicates.
    ///
    /// # Errors
    /// As [`gather`](Self::gather).
    ///
    /// # Panics
    /// Where rank 0 gives no data.
    pub fn broadcast<T: Serialize + DeserializeOwned>(&self, data: Option<&T>) -> Result<T, ClusterError> {
        let written = if self.world.rank() == ROOT { data.map(postcard::to_stdvec) } else { None };
        let written = written.transpose().map_err(ClusterError::from);
        self.agree(written.as_ref().err().cloned())?;
        let mut bytes = written?.unwrap_or_default();
        let root = self.world.process_at_rank(ROOT);
        let mut length = bytes.len() as u64;
        root.broadcast_into(&mut length);
        assert!(length > 0 || size_of::<T>() == 0, "rank 0 has given no data");
        i32::try_from(length).map_err(|_| ClusterError::TooLarge { bytes: length })?;
        bytes.resize(bytes_of(length), 0);
        root.broadcast_into(&mut bytes[..]);
        Ok(postcard::from_bytes(&bytes)?)
    }

    /// The fault of the process of the least rank that has one, as an error in every process: nobody waits for one that has returned.
    fn agree(&self, fault: Option<ClusterError>) -> Result<(), ClusterError> {
        let mut faults = vec![0_u64; 3 * self.size()];
        let own = fault.as_ref().map_or([0; 3], ClusterError::to_numbers);
        self.world.all_gather_into(&own[..], &mut faults[..]);
        let found = faults.chunks_exact(3).enumerate();
        let mut errors = found.filter_map(|(rank, numbers)| ClusterError::from_numbers(rank, numbers));
        match (fault, errors.next()) {
            (Some(own), Some(_)) => Err(own),
            (_, Some(first)) => Err(first),
            _ => Ok(()),
        }
    }
}

/// A length that has been an `i32`.
fn bytes_of(length: u64) -> usize {
    usize::try_from(length).unwrap_or_default()
}

/// The problems of a rank.
fn share_of((rank, size): (usize, usize), count: usize) -> Range<usize> {
    let blocks = count.div_ceil(BLOCK);
    let first = |rank: usize| (BLOCK * (rank * blocks / size)).min(count);
    first(rank)..first(rank + 1)
}
