//! What can go wrong between processes.

use thiserror::Error;

/// An error of a [`Cluster`](crate::Cluster). All processes return one where one of them has a fault, so none waits for another.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClusterError {
    /// MPI runs in this process, or has ended.
    #[error("MPI has been started in this process before: make one cluster, and pass it on")]
    Initialized,
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
    /// Data that do not fit into a message.
    #[error("{bytes} bytes do not fit into a message of MPI, which has at most {}", i32::MAX)]
    TooLarge {
        /// The size of the data.
        bytes: u64,
    },
    /// What a process has given to [`Cluster::all`](crate::Cluster::all) is an error.
    #[error("rank {rank}: {reason}")]
    Failed {
        /// The process of the least rank whose result is an error, or this one.
        rank: usize,
        /// The error, where it is this process's own.
        reason: String,
    },
    /// Data that cannot be written or read.
    #[error("rank {rank:?}: data cannot be written for other processes, or read: {reason}")]
    Data {
        /// The process, where it is another one.
        rank: Option<usize>,
        /// What the format says, where it is this process.
        reason: String,
    },
}

impl From<postcard::Error> for ClusterError {
    fn from(error: postcard::Error) -> Self {
        Self::Data { rank: None, reason: error.to_string() }
    }
}

impl ClusterError {
    /// A kind that is not zero, and two numbers, for other processes.
    pub(crate) fn to_numbers(&self) -> [u64; 3] {
        match self {
            Self::WrongLength { given, expected, .. } => [1, *given as u64, *expected as u64],
            Self::Initialized | Self::TooLarge { .. } | Self::Data { .. } => [2, 0, 0],
            Self::Failed { .. } => [3, 0, 0],
        }
    }

    /// The error of the process of this rank, from its numbers; `None` where it has none.
    pub(crate) fn from_numbers(rank: usize, numbers: &[u64]) -> Option<Self> {
        match *numbers {
            [1, given, expected] => {
                Some(Self::WrongLength { rank, given: given as usize, expected: expected as usize })
            }
            [2, ..] => Some(Self::Data { rank: Some(rank), reason: "its own error says why".into() }),
            [3, ..] => Some(Self::Failed { rank, reason: "its own error says why".into() }),
            _ => None,
        }
    }
}
