//! Handing entries to a sink.

use ensue_core::Entry;

use super::delivery::{Delivery, Guard, Undelivered, of_error};
use super::follower::Sent;
use crate::sink::AnySink;
use crate::store::{Read, UnreadableEntry};
use crate::subscription::{Change, Failure, FailureClass, Verdict};
use crate::words::chain;
use crate::{BoxError, Outcome, Store};

/// What has become of entries that were sent together.
pub(super) struct SentTogether {
    pub(super) outcomes: Vec<(Read, Sent)>,
    /// Whether there was anybody to send them to; otherwise, why not.
    pub(super) nobody_there: Option<String>,
}

impl SentTogether {
    /// After which nothing more is sent.
    fn first_unknown(&self) -> Option<Failure> {
        self.outcomes.iter().find_map(|(_, sent)| match sent {
            Sent::Unknown { failure, .. } => Some(failure.clone()),
            Sent::Delivered | Sent::Failed { .. } => None,
        })
    }
}

impl<S: Store> Delivery<S> {
    /// Sends `entries`, and records `changes`, if any, once they are delivered. Never sends an unreadable
    /// entry.
    ///
    /// CANCEL-SAFE: dropped, they may have been sent, and will be again.
    pub(super) async fn send(
        &self,
        sink: &dyn AnySink,
        entries: Vec<Entry>,
        unreadable: Vec<UnreadableEntry>,
        changes: &[Change],
    ) -> Result<SentTogether, Undelivered> {
        let mut sent = self.send_off(sink, entries).await;
        sent.outcomes.extend(unreadable.into_iter().map(never_sent));
        let is_delivered = |(_, sent): &(Read, Sent)| matches!(sent, Sent::Delivered);
        if !changes.is_empty() && sent.outcomes.iter().all(is_delivered) {
            self.record(changes).await.map_err(Undelivered::Interrupted)?;
        }
        Ok(sent)
    }

    /// What only another program sends is none of the sink's.
    async fn send_off(&self, sink: &dyn AnySink, entries: Vec<Entry>) -> SentTogether {
        let wants = |entry: &Entry| self.subscription.wants(&entry.envelope.event_type);
        let (wanted, unwanted): (Vec<_>, Vec<_>) = entries.into_iter().partition(wants);
        let mut sent = SentTogether { outcomes: Vec::new(), nobody_there: None };
        for entries in by_bytes(wanted) {
            let part = match sent.first_unknown() {
                None => self.send_wanted(sink, entries).await,
                Some(failure) => unknown(entries, &failure),
            };
            sent.outcomes.extend(part.outcomes);
            sent.nobody_there = sent.nobody_there.or(part.nobody_there);
        }
        sent.outcomes.extend(unwanted.into_iter().map(|entry| {
            let (failure, verdict) = self.unknown(&entry);
            (Ok(entry), Sent::Failed { failure, verdict, random: fastrand::u64(..) })
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
            Err(Undelivered::Lost(error) | Undelivered::Interrupted(error)) => {
                unknown(entries, &Failure::new(FailureClass::Unconfirmed, error))
            }
        }
    }
}

/// In their order, as many at once as have no more bytes than [`BYTES_MAX`] together.
fn by_bytes(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let (mut parts, mut bytes) = (Vec::<Vec<Entry>>::new(), 0_usize);
    for entry in entries {
        bytes = bytes.saturating_add(entry.envelope.payload.len());
        match parts.last_mut().filter(|_| bytes <= BYTES_MAX) {
            Some(part) => part.push(entry),
            None => {
                bytes = entry.envelope.payload.len();
                parts.push(vec![entry]);
            }
        }
    }
    parts
}

/// LIMIT: payload that a sink is given at once, unless a single entry has more. What is on its way has to
/// be confirmed before the sink's deadline on a slow line too.
const BYTES_MAX: usize = 4 << 20;

/// Of what a sink did not answer for nothing is known.
fn answered(entries: Vec<Entry>, outcomes: Vec<Outcome>) -> SentTogether {
    let answers = outcomes.into_iter().map(sent).chain(std::iter::repeat_with(|| {
        unknown_by(&Failure::new(FailureClass::Unconfirmed, "the sink has not answered for it"))
    }));
    SentTogether {
        outcomes: entries.into_iter().map(Ok).zip(answers).collect(),
        nobody_there: None,
    }
}

fn unknown(entries: Vec<Entry>, failure: &Failure) -> SentTogether {
    let outcomes = entries.into_iter().map(|entry| (Ok(entry), unknown_by(failure))).collect();
    SentTogether { outcomes, nobody_there: None }
}

fn never_sent(unreadable: UnreadableEntry) -> (Read, Sent) {
    let (failure, verdict) = (unreadable.clone().into(), Verdict::Never);
    (Err(unreadable), Sent::Failed { failure, verdict, random: fastrand::u64(..) })
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

#[cfg(test)]
mod tests {
    use ensue_core::{Envelope, EventId, Position, Timestamp};

    use super::*;

    fn entry(position: u64, bytes: usize) -> Entry {
        let id = EventId::now();
        let envelope = Envelope {
            id,
            event_type: "order.placed".into(),
            version: 1,
            key: None,
            content_type: "text/plain".into(),
            payload: vec![b'x'; bytes],
            occurred_at: Timestamp::from_micros(0),
            correlation_id: id.into(),
            causation_id: None,
            hops: 0,
            trace_context: None,
            headers: Default::default(),
        };
        Entry {
            position: Position::new(position),
            recorded_at: Timestamp::from_micros(0),
            envelope,
        }
    }

    #[test]
    fn what_is_sent_at_once_is_bounded_in_bytes_and_in_order() {
        const HALF: usize = BYTES_MAX / 2;
        let sizes = [HALF, HALF, 1, HALF, 3 * HALF, 0, HALF, HALF];
        let entries = (1..).zip(sizes).map(|(position, bytes)| entry(position, bytes)).collect();
        let parts = by_bytes(entries);
        let positions = |part: &Vec<Entry>| -> Vec<_> {
            part.iter().map(|entry| entry.position.get()).collect()
        };
        let parts: Vec<_> = parts.iter().map(positions).collect();
        assert_eq!(parts, [vec![1, 2], vec![3, 4], vec![5], vec![6, 7, 8]]);
        assert!(by_bytes(Vec::new()).is_empty());
    }
}
