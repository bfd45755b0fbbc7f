//! What can go wrong between processes.

use thiserror::Error;

/// An error of a [`Cluster`](crate::Cluster). A fault of one process is an error in all of them, so none waits for one that has returned.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClusterError {
    /// MPI runs in this process, or has ended.
    #[error("MPI has been started in this process before: make one cluster, and pass it on")]
    Initialized,
    /// MPI allows one thread alone.
    #[error("this MPI allows no threads beside the one that communicates: start it with MPI_THREAD_FUNNELED")]
    Threads,
    /// Processes that differ in the number of problems.
    #[error("the processes have {counts:?} problems, expected the same batch in each")]
    DifferentBatches {
        /// The number of each process.
        counts: Vec<u64>,
    },
    /// Solutions or loss gradients of a process that are not as many as its share.
    #[error("rank {rank}: {given} solutions or loss gradients, expected {expected}, those of `share`")]
    WrongLength {
        /// The process.
        rank: usize,
        /// The length of the first list that differs.
        given: usize,
        /// The number of problems in the share.
        expected: usize,
    },
    /// Rank 0 gives no data to the others.
    #[error("rank 0 gives `None` to `broadcast`, expected data")]
    NothingGiven,
    /// This process has failed.
    #[error("rank {rank}: {reason}")]
    Failed {
        /// This process.
        rank: usize,
        /// Its error.
        reason: String,
    },
    /// Another process has failed.
    #[error("rank {rank} has failed; the reason is in its error")]
    OtherFailed {
        /// The least rank of those that have failed.
        rank: usize,
    },
}

impl ClusterError {
    /// A kind that is not zero, and two numbers, for other processes.
    pub(crate) fn to_numbers(&self) -> [u64; 3] {
        match self {
            Self::WrongLength { given, expected, .. } => [1, *given as u64, *expected as u64],
            _ => [2, 0, 0],
        }
    }

    /// The error of the process of this rank, from its numbers; `None` where it has none.
    pub(crate) fn from_numbers(rank: usize, numbers: &[u64]) -> Option<Self> {
        match *numbers {
            [0, ..] => None,
            [1, given, expected] => {
                Some(Self::WrongLength { rank, given: given as usize, expected: expected as usize })
            }
            _ => Some(Self::OtherFailed { rank }),
        }
    }
}
