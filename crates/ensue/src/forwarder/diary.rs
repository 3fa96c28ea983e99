//! What becomes of a subscription's entries, in the log. Nothing is silent: each failure is there, and
//! loudly what changes by it.

use ensue_core::Position;

use super::follower::Sent;
use crate::store::{Read, position_of};
use crate::subscription::{Change, Failure, FailureClass, SetAside, SetAsideState, Verdict};

/// What log filters know it by.
const TARGET: &str = "ensue::subscription";

pub(crate) struct Diary<'a> {
    pub(crate) subscription: &'a str,
}

impl Diary<'_> {
    pub(crate) fn failed(
        &self,
        position: Position,
        attempt: u32,
        failure: &Failure,
        verdict: Verdict,
    ) {
        let (subscription, position) = (self.subscription, position.get());
        let (class, error) = (failure.class, &failure.message);
        if attempt == 1 {
            tracing::warn!(
                target: TARGET, subscription, position, %class, ?verdict, error, "entry set aside"
            );
        } else {
            tracing::debug!(
                target: TARGET, subscription, position, attempt, %class, error, "failed again"
            );
        }
    }

    pub(crate) fn recorded(&self, changes: &[Change]) {
        let subscription = self.subscription;
        for change in changes {
            match change {
                Change::SetAside(entry) => self.set_aside(entry),
                Change::Pause { reason } => {
                    tracing::error!(target: TARGET, subscription, reason, "paused");
                }
                Change::Resume => tracing::info!(target: TARGET, subscription, "resumed"),
                Change::Seek { to } => {
                    tracing::warn!(target: TARGET, subscription, to = to.get(), "cursor set");
                }
                Change::Advance { .. }
                | Change::Receipt { .. }
                | Change::Forget { .. }
                | Change::Settle { .. }
                | Change::Replayed { .. }
                | Change::Answer { .. } => {}
            }
        }
    }

    fn set_aside(&self, entry: &SetAside) {
        let (subscription, position) = (self.subscription, entry.position.get());
        let crashed = |failure: &Failure| failure.class == FailureClass::Crash;
        if entry.state == SetAsideState::Parked {
            tracing::error!(target: TARGET, subscription, position, "entry parked");
        } else if entry.failure.as_ref().is_some_and(crashed) {
            tracing::warn!(
                target: TARGET,
                subscription,
                position,
                "a process may have ended by this entry: it is tried alone"
            );
        }
    }

    /// Of what was sent; once, when nobody is there any more, and when somebody is again.
    pub(crate) fn sent(
        &self,
        was_nobody_there: bool,
        outcomes: &[(Read, Sent)],
        nobody_there: Option<&str>,
    ) {
        let subscription = self.subscription;
        match nobody_there {
            Some(error) if !was_nobody_there => tracing::error!(
                target: TARGET, subscription, error, "there is nobody to send to; entries wait"
            ),
            None if was_nobody_there => {
                tracing::info!(target: TARGET, subscription, "there is somebody to send to again");
            }
            Some(_) | None => {}
        }
        for (read, sent) in outcomes {
            if let Sent::Failed { failure, verdict, .. } = sent {
                self.failed(position_of(read), 1, failure, *verdict);
            }
        }
        let unconfirmed = outcomes.iter().find_map(|(_, sent)| match sent {
            Sent::Unknown { failure, .. } => Some(&failure.message),
            Sent::Delivered | Sent::Failed { .. } => None,
        });
        if let Some(error) = unconfirmed.filter(|_| nobody_there.is_none()) {
            tracing::warn!(target: TARGET, subscription, error, "entries are sent again");
        }
    }

    pub(crate) fn outage(&self, was_on: bool, is_on: bool) {
        let subscription = self.subscription;
        if is_on && !was_on {
            tracing::error!(
                target: TARGET,
                subscription,
                "one entry after the other fails; from now on one is tried now and then"
            );
        } else if was_on && !is_on {
            tracing::info!(target: TARGET, subscription, "entries succeed again");
        }
    }
}
