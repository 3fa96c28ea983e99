//! Handing entries to a sink.

use ensue_core::Entry;

use super::delivery::{Delivery, Guard, Undelivered, of_error};
use super::follower::Sent;
use crate::sink::AnySink;
use crate::subscription::{Change, Failure, FailureClass};
use crate::words::chain;
use crate::{BoxError, Outcome, Store};

/// What has become of entries that were sent together.
pub(super) struct SentTogether {
    pub(super) outcomes: Vec<(Entry, Sent)>,
    /// Whether there was anybody to send them to; otherwise, why not.
    pub(super) nobody_there: Option<String>,
}

impl<S: Store> Delivery<S> {
    /// Sends `entries`, and records `changes`, if there are any, once they are delivered.
    ///
    /// CANCEL-SAFE: dropped, they may have been sent, and will be again.
    pub(super) async fn send(
        &self,
        sink: &dyn AnySink,
        entries: Vec<Entry>,
        changes: &[Change],
    ) -> Result<SentTogether, Undelivered> {
        let sent = self.send_off(sink, entries).await;
        let is_delivered = |(_, sent): &(Entry, Sent)| matches!(sent, Sent::Delivered);
        if !changes.is_empty() && sent.outcomes.iter().all(is_delivered) {
            self.record(changes).await.map_err(Undelivered::Interrupted)?;
        }
        Ok(sent)
    }

    /// What only another program sends is none of the sink's.
    async fn send_off(&self, sink: &dyn AnySink, entries: Vec<Entry>) -> SentTogether {
        let wants = |entry: &Entry| self.subscription.wants(&entry.envelope.event_type);
        let (wanted, unknown): (Vec<_>, Vec<_>) = entries.into_iter().partition(wants);
        let mut sent = match wanted.is_empty() {
            true => SentTogether { outcomes: Vec::new(), nobody_there: None },
            false => self.send_wanted(sink, wanted).await,
        };
        sent.outcomes.extend(unknown.into_iter().map(|entry| {
            let (failure, verdict) = self.unknown(&entry);
            (entry, Sent::Failed { failure, verdict, random: fastrand::u64(..) })
        }));
        sent
    }

    async fn send_wanted(&self, sink: &dyn AnySink, entries: Vec<Entry>) -> SentTogether {
        let deadline = self.subscription.deadline_of_sink();
        let guard = Guard { handler: "the sink", deadline };
        match guard.run(async { Ok(sink.send_boxed(&entries).await) }).await {
            Ok(Ok(outcomes)) => answered(entries, outcomes),
            Ok(Err(error)) => {
                let failure = unconfirmed(&error);
                let nobody_there = Some(failure.message.clone());
                SentTogether { nobody_there, ..unknown(entries, &failure) }
            }
            Err(Undelivered::Failed(failed)) => unknown(entries, &failed.0),
            Err(Undelivered::Interrupted(error)) => {
                unknown(entries, &Failure::new(FailureClass::Unconfirmed, error))
            }
        }
    }
}

/// Of what a sink did not answer for nothing is known.
fn answered(entries: Vec<Entry>, outcomes: Vec<Outcome>) -> SentTogether {
    let answers = outcomes.into_iter().map(sent).chain(std::iter::repeat_with(|| {
        unknown_by(&Failure::new(FailureClass::Unconfirmed, "the sink has not answered for it"))
    }));
    SentTogether { outcomes: entries.into_iter().zip(answers).collect(), nobody_there: None }
}

fn unknown(entries: Vec<Entry>, failure: &Failure) -> SentTogether {
    let outcomes = entries.into_iter().map(|entry| (entry, unknown_by(failure))).collect();
    SentTogether { outcomes, nobody_there: None }
}

fn unknown_by(failure: &Failure) -> Sent {
    Sent::Unknown { failure: failure.clone(), random: fastrand::u64(..) }
}

fn sent(outcome: Outcome) -> Sent {
    match outcome {
        Outcome::Delivered | Outcome::Duplicate => Sent::Delivered,
        Outcome::Unroutable(error) => failed(FailureClass::Unroutable, &error),
        Outcome::Rejected(error) => failed(FailureClass::Rejected, &error),
        Outcome::Unknown(error) => unknown_by(&unconfirmed(&error)),
    }
}

fn failed(class: FailureClass, error: &BoxError) -> Sent {
    let (failure, verdict) = of_error(class, &**error);
    Sent::Failed { failure, verdict, random: fastrand::u64(..) }
}

fn unconfirmed(error: &BoxError) -> Failure {
    Failure::new(FailureClass::Unconfirmed, chain(&**error))
}
