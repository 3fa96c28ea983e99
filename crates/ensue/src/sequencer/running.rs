//! The sequencer of a process: does what the machine says.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Action, Input, Sequencer, Signals};

/// The store's part of a sequencer: a connection of its own, so that passes never wait for units of
/// work.
pub trait Passes: Send + 'static {
    /// The driver's.
    type Error: std::error::Error;

    /// Does it, and says what came of it.
    ///
    /// CANCEL-SAFE: dropped half-way, a pass MUST be finished or rolled back by the server.
    fn perform(
        &mut self,
        action: Action,
    ) -> impl Future<Output = Result<Input, Self::Error>> + Send;

    /// How far the log went when it was looked at last.
    fn head(&self) -> Option<i64>;

    /// Returns true if a smaller action may succeed where this one failed: it took too long, or exceeded the
    /// server's limits for a transaction.
    ///
    /// MUST be false for errors that do not depend on the size of the action, for example that the server is
    /// unreachable.
    fn is_too_large(error: &Self::Error) -> bool;
}

/// Runs until it is dropped.
pub async fn run<P: Passes>(mut machine: Sequencer, mut passes: P, signals: Arc<Signals>) {
    let started = Instant::now();
    let mut input = Input::Tick;
    loop {
        let now = started.elapsed();
        input = match machine.step(now, input) {
            Action::WaitUntil(at) => wait(&signals, started + at).await,
            action => perform(&mut passes, &signals, action).await,
        };
    }
}

async fn wait(signals: &Signals, until: Instant) -> Input {
    tokio::select! {
        () = signals.word() => match signals.is_demanded() {
            true => Input::Demanded,
            false => Input::Committed,
        },
        () = tokio::time::sleep_until(until) => Input::Tick,
    }
}

/// ORDERING: who demanded a pass is counted before it begins, and served once it has committed.
async fn perform<P: Passes>(passes: &mut P, signals: &Signals, action: Action) -> Input {
    let (demands, head) = (signals.demands(), passes.head());
    let input = passes.perform(action).await.unwrap_or_else(|error| {
        if P::is_too_large(&error) {
            tracing::warn!(%error, "a pass did not fit; retrying with a smaller portion");
            return Input::TooLarge;
        }
        tracing::warn!(%error, "the sequencer cannot work");
        Input::Failed
    });
    if passes.head() != head {
        signals.grew();
    }
    if let Input::Passed { is_whole: true, .. } = input {
        signals.serve(demands);
    }
    input
}
