//! Batches of dilqr's optimal control problems on many machines, over MPI.
//!
//! All processes run the same program with the same problems. Each of them solves and differentiates a share, a contiguous slice of the
//! batch, on the threads of its machine. Gradients are summed in blocks of [`BLOCK`] problems, which the problems' indices fix. The
//! process of rank 0 adds the sums of the blocks in their order. So the sum has the same bits for any number of processes, those of
//! [`batch::vjp_sum`].
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
//! A process that panics ends the job: it prints its rank and the panic, and `MPI_Abort` stops the others. Where a process is killed,
//! the launcher of the job stops the others. Write results to a file as you go, as the example `sweep` does, and leave finished problems
//! out in the next run.
#![warn(missing_docs)]

mod error;

use std::fmt::Display;
use std::marker::PhantomData;
use std::ops::Range;

use dilqr_runtime::batch::BLOCK;
use dilqr_runtime::{Formulation, Gradient, LossGradient, Problem, Settings, Solution, SolveError, batch};
use mpi::Threading;
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Destination, Root, Source};
use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use error::ClusterError;

/// The process of this rank gathers and adds.
const ROOT: usize = 0;

/// The largest message, in bytes. MPI counts entries of a message with 31 bits.
const MESSAGE: usize = 1 << 30;

/// The processes of an MPI job.
///
/// MPI ends when it is dropped. It stays on the thread that has made it, which alone communicates. Methods that communicate say so:
/// each process calls them in the same order, with data of the same batch.
pub struct Cluster {
    world: SimpleCommunicator,
    /// Finalizes MPI when it is dropped.
    _universe: Universe,
    /// Not `Send`.
    _on_one_thread: PhantomData<*const ()>,
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
    /// Starts MPI. While it runs, a panic in any thread ends the job.
    ///
    /// # Errors
    /// [`ClusterError::Initialized`] where MPI has been started, or ended, in this process, and [`ClusterError::Threads`] where it
    /// allows no threads.
    pub fn initialize() -> Result<Self, ClusterError> {
        // Threads of rayon compute, and this one alone communicates.
        let (universe, level) = mpi::initialize_with_threading(Threading::Funneled).ok_or(ClusterError::Initialized)?;
        if level == Threading::Single {
            return Err(ClusterError::Threads);
        }
        let world = universe.world();
        let (rank, size) = (world.rank(), world.size());
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            report(panic);
            if !mpi::environment::is_finalized() {
                eprintln!("dilqr-mpi: rank {rank} of {size} has panicked; the job ends");
                SimpleCommunicator::world().abort(1);
            }
        }));
        Ok(Self { world, _universe: universe, _on_one_thread: PhantomData })
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
        let blocks = count.div_ceil(BLOCK);
        let first = |rank: usize| (BLOCK * (rank * blocks / self.size())).min(count);
        first(self.rank())..first(self.rank() + 1)
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
    /// In every process: where lists of one have not the length of its share, and where counts differ.
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
        let mut counts = vec![0_u64; self.size()];
        self.world.all_gather_into(&(count as u64), &mut counts[..]);
        // Every process sees the same list.
        if counts.iter().any(|&other| other != counts[0]) {
            return Err(ClusterError::DifferentBatches { counts });
        }
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
    /// In every process, where one of them gives an error: [`ClusterError::Failed`] with its text there, and [`ClusterError::OtherFailed`] in
    /// the others.
    pub fn all<T, E: Display>(&self, own: Result<T, E>) -> Result<T, ClusterError> {
        let own = own.map_err(|error| ClusterError::Failed { rank: self.rank(), reason: error.to_string() });
        self.agree(own.as_ref().err().cloned())?;
        own
    }

    /// The data of all processes, in the order of their ranks; `None` but in the process of rank 0. Communicates.
    ///
    /// # Errors
    /// In every process, where data of one cannot be written, or cannot be read by rank 0.
    pub fn gather<T: Serialize + DeserializeOwned>(&self, data: &T) -> Result<Option<Vec<T>>, ClusterError> {
        let bytes = self.all(postcard::to_stdvec(data))?;
        let parts = if self.rank() == ROOT {
            let others = (1..self.size()).map(|rank| postcard::from_bytes(&self.receive(rank)));
            // All messages are received before the first error counts.
            let parts: Vec<_> = std::iter::once(postcard::from_bytes(&bytes)).chain(others).collect();
            parts.into_iter().collect::<Result<Vec<T>, _>>().map(Some)
        } else {
            self.send(&bytes);
            Ok(None)
        };
        self.all(parts)
    }

    /// The data of rank 0, in every process. Communicates.
    ///
    /// # Errors
    /// In every process, where rank 0 gives none, or where its data cannot be written, or cannot be read by one process.
    pub fn broadcast<T: Serialize + DeserializeOwned>(&self, data: Option<&T>) -> Result<T, ClusterError> {
        let given = if self.rank() == ROOT { data.map(postcard::to_stdvec).transpose() } else { Ok(None) };
        let given = self.all(given)?;
        let mut header = given.as_ref().map_or([0, 0], |bytes| [1, bytes.len() as u64]);
        let root = self.world.process_at_rank(ROOT as i32);
        root.broadcast_into(&mut header[..]);
        if header[0] == 0 {
            return Err(ClusterError::NothingGiven);
        }
        let mut bytes = given.unwrap_or_default();
        bytes.resize(header[1] as usize, 0);
        for part in bytes.chunks_mut(MESSAGE) {
            root.broadcast_into(part);
        }
        self.all(postcard::from_bytes(&bytes))
    }

    /// Sends bytes to rank 0.
    fn send(&self, bytes: &[u8]) {
        let root = self.world.process_at_rank(ROOT as i32);
        root.send(&(bytes.len() as u64));
        for part in bytes.chunks(MESSAGE) {
            root.send(part);
        }
    }

    /// Receives what a process sends to rank 0.
    fn receive(&self, rank: usize) -> Vec<u8> {
        let process = self.world.process_at_rank(rank as i32);
        let (length, _) = process.receive::<u64>();
        let mut bytes = vec![0; length as usize];
        for part in bytes.chunks_mut(MESSAGE) {
            process.receive_into(part);
        }
        bytes
    }

    /// An error in every process where one of them has a fault: its own in those that have one, and in the others
    /// [`ClusterError::WrongLength`] or [`ClusterError::OtherFailed`] of the least rank with a fault.
    fn agree(&self, fault: Option<ClusterError>) -> Result<(), ClusterError> {
        let mut faults = vec![0_u64; 3 * self.size()];
        let own = fault.as_ref().map_or([0; 3], ClusterError::to_numbers);
        self.world.all_gather_into(&own[..], &mut faults[..]);
        let mut found = faults.chunks_exact(3).enumerate();
        let first = found.find_map(|(rank, numbers)| ClusterError::from_numbers(rank, numbers));
        match fault.or(first) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
