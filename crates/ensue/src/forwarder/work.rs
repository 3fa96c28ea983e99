//! The pieces of work that are under way in a term.

use std::pin::Pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::task::{JoinError, JoinSet};

/// With several lanes each piece is a task of its own, so that a handler that blocks its thread holds
/// up neither the other lanes nor the lease. With one there is nobody else to hold up, and two
/// changes of thread for each entry would cost more than the entry.
pub(crate) enum Work<T> {
    Here(FuturesUnordered<Piece<T>>),
    InTasks(JoinSet<T>),
}

type Piece<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<T: Send + 'static> Work<T> {
    pub(crate) fn on_lanes(lanes: usize) -> Self {
        match lanes {
            0 | 1 => Self::Here(FuturesUnordered::new()),
            _ => Self::InTasks(JoinSet::new()),
        }
    }

    pub(crate) fn begin(&mut self, piece: impl Future<Output = T> + Send + 'static) {
        match self {
            Self::Here(pieces) => pieces.push(Box::pin(piece)),
            Self::InTasks(tasks) => drop(tasks.spawn(piece)),
        }
    }

    /// The next piece that ends; nothing if none is under way.
    ///
    /// CANCEL-SAFE: what has not been returned is returned by the next call.
    pub(crate) async fn next(&mut self) -> Option<Result<T, JoinError>> {
        match self {
            Self::Here(pieces) => pieces.next().await.map(Ok),
            Self::InTasks(tasks) => tasks.join_next().await,
        }
    }

    /// Drops everything, and waits until it is gone.
    pub(crate) async fn abandon(&mut self) {
        match self {
            Self::Here(pieces) => pieces.clear(),
            Self::InTasks(tasks) => tasks.shutdown().await,
        }
    }
}
