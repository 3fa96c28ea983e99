//! The sequencer of this process: does what the machine says.

mod session;

use std::sync::Arc;

use ensue::sequencer::{Action, Input, Sequencer};
use tokio::time::Instant;

pub(crate) use session::Session;

use crate::error::is_timeout;
use crate::signals::Signals;

/// Runs until it is dropped.
///
/// CANCEL-SAFE: a pass that is dropped half-way is finished or rolled back by the server.
pub(crate) async fn run(mut machine: Sequencer, mut session: Session, signals: Arc<Signals>) {
    let started = Instant::now();
    let mut input = Input::Tick;
    loop {
        let now = started.elapsed();
        input = match machine.step(now, input) {
            Action::WaitUntil(at) => wait(&signals, started + at).await,
            action => perform(&mut session, &signals, action).await,
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
async fn perform(session: &mut Session, signals: &Signals, action: Action) -> Input {
    let (demands, head) = (signals.demands(), session.head());
    let input = session.perform(action).await.unwrap_or_else(|error| {
        if is_timeout(&error) {
            tracing::warn!(%error, "a pass took too long, and is tried with less");
            return Input::TimedOut;
        }
        tracing::warn!(%error, "the sequencer cannot work");
        Input::Failed
    });
    if session.head() != head {
        signals.grew();
    }
    if let (Action::Pass { since: None, .. }, Input::Passed { is_whole: true, .. }) =
        (action, input)
    {
        signals.serve(demands);
    }
    input
}
