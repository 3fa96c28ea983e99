//! What consumers have received from elsewhere.

use std::fmt;
use std::time::Duration;

use ensue_core::{EventId, Timestamp};

use sha2::{Digest, Sha256};

use super::Transactions;
use crate::Error;
use crate::listener::{Message, Unreadable};
use crate::subscription::Failure;

/// What each consumer has handled of what arrived from elsewhere, and what it could not.
///
/// A *consumer* is a name under which any number of processes handle the messages of a queue. That it
/// has handled an event is a *receipt*, by what recognises the event among those of every source
/// ([`EventId::among_all`]), in the transaction of the effect; so a message that arrives again, as those
/// of every broker may, is known. What was tried often enough
/// becomes a *dead letter* in the transaction of its receipt, and can be acknowledged like the rest.
///
/// A store MUST compare names of consumers byte by byte, as in [`Subscriptions`](super::Subscriptions).
///
/// A receipt must be kept for longer than its message can arrive again, and that of a dead letter for
/// as long as the letter is there: see [`forget`](Inbox::forget).
pub trait Inbox: Transactions {
    /// Notes, as part of `transaction`, that `consumer` handles these events, and answers which of
    /// them it had not handled before, in whatever order.
    ///
    /// Of two transactions that note the same event for one consumer at once, one MUST wait for the
    /// other's end, and be told that the event is not new if that has committed; or fail, retryably.
    /// Nothing of it MUST be left if the transaction rolls back. An event that is named twice is one.
    fn note(
        &self,
        transaction: &mut Self::Transaction,
        consumer: &str,
        events: &[EventId],
    ) -> impl Future<Output = Result<Vec<EventId>, Error>> + Send;

    /// Whether `consumer` has handled the event, as far as is committed.
    fn has_noted(
        &self,
        consumer: &str,
        event: EventId,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Counts, in a transaction of its own, that `consumer` is about to try an event that may have
    /// ended a process before; nothing if it has handled it.
    ///
    /// The answer, which counts this attempt too, MUST be stored before it is given, and MUST NOT be
    /// given twice.
    fn suspect(
        &self,
        consumer: &str,
        event: EventId,
    ) -> impl Future<Output = Result<Option<u32>, Error>> + Send;

    /// Stores a dead letter of `consumer` as part of `transaction`, in place of the one with its id if
    /// there is one. When it died is the database's to say.
    ///
    /// The message MUST come back as it was, bytes as they were given.
    fn bury(
        &self,
        transaction: &mut Self::Transaction,
        consumer: &str,
        letter: &DeadLetter,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Takes the dead letter `id` of `consumer` out, as part of `transaction`; nothing if there is
    /// none. Its receipt stays, and MUST be as old as that: what becomes of the message is known for as
    /// long as of any other.
    ///
    /// Of two transactions that take it at once, one MUST wait for the other's end, and find none if
    /// that has committed; or fail, retryably.
    fn exhume(
        &self,
        transaction: &mut Self::Transaction,
        consumer: &str,
        id: EventId,
    ) -> impl Future<Output = Result<Option<DeadLetter>, Error>> + Send;

    /// Holds the dead letter `id` of `consumer` for `lease` by the database's clock, as part of
    /// `transaction`: its handler is about to call the outside. Taking the letter out ends the hold.
    ///
    /// Returns false if there is no such letter, or if another hold has not expired. Of two concurrent
    /// transactions that hold it, one MUST either wait for the other to end, and get false if that one has
    /// committed; or fail with a retryable error.
    fn hold(
        &self,
        transaction: &mut Self::Transaction,
        consumer: &str,
        id: EventId,
        lease: Duration,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// The first `limit` dead letters of `consumer` with ids after `after`, in the order of their ids:
    /// of events of ensue that is the order of their raising, by the millisecond.
    fn dead_letters(
        &self,
        consumer: &str,
        after: Option<EventId>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<DeadLetter>, Error>> + Send;

    /// Drops the dead letter `id` of `consumer`, for `reason`: it is not among the
    /// [dead letters](Inbox::dead_letters) any more, and cannot be taken out, but stays in the
    /// database as the record of that, as long as a receipt would, and its receipt MUST stay as long.
    /// False if there is none.
    fn drop_dead_letter(
        &self,
        consumer: &str,
        id: EventId,
        reason: &str,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Forgets receipts of `consumer` that are older than `age` by the database's clock, attempts at
    /// suspects, and dropped dead letters, and answers how many receipts that were.
    ///
    /// Receipts of dead letters that are there MUST stay. It MUST be done in bounded steps, so that
    /// nobody waits for all of it.
    fn forget(
        &self,
        consumer: &str,
        age: Duration,
    ) -> impl Future<Output = Result<u64, Error>> + Send;
}

/// A message that its consumer could not handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// What recognises the event among those of every source; of what is no event, one made of all that
    /// it is.
    pub id: EventId,
    /// As it arrived.
    pub message: Result<Message, Unreadable>,
    /// The size and digest of the whole body, if the database refused it and has only the beginning.
    pub cut: Option<Cut>,
    /// How the last attempt failed.
    pub failure: Failure,
    /// How many have.
    pub attempts: u32,
    /// When it became one, by the database's clock.
    pub died_at: Timestamp,
}

/// A body that a dead letter has only the beginning of, because the database refused the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Length of the whole body, in bytes.
    pub length: u64,
    /// SHA-256 digest of the whole body, in hexadecimal.
    pub sha256: String,
}

impl DeadLetter {
    /// Returns the letter with up to the first `bytes` of its body; text stays text.
    pub(crate) fn cut_to(mut self, bytes: usize) -> Self {
        let body = match &mut self.message {
            Ok(message) => &mut message.envelope.payload,
            Err(unreadable) => &mut unreadable.body,
        };
        if body.len() <= bytes {
            return self;
        }
        self.cut = Some(Cut::of(body));
        let kept = str::from_utf8(body).map_or(bytes, |text| text.floor_char_boundary(bytes));
        body.truncate(kept);
        self
    }
}

impl Cut {
    fn of(body: &[u8]) -> Self {
        let sha256 = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { length: body.len() as u64, sha256 }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { length, sha256 } = self;
        write!(
            f,
            "the database refused its body of {length} bytes (SHA-256 {sha256}), and has only the \
             beginning; have the sender send it again where there is room for it, and drop this one"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscription::FailureClass;

    #[test]
    fn a_letter_is_cut_to_its_first_bytes_and_says_what_the_whole_was() {
        let letter = |body: &[u8]| DeadLetter {
            id: EventId::now(),
            message: Err(Unreadable::new("no type", body)),
            cut: None,
            failure: Failure::new(FailureClass::Unreadable, "no type"),
            attempts: 0,
            died_at: Timestamp::from_micros(0),
        };
        let abc = Some(Cut {
            length: 3,
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned(),
        });
        let whole = letter(b"abc");
        assert_eq!(whole.clone().cut_to(3), whole);
        let cut = whole.cut_to(2);
        assert_eq!((cut.message.unwrap_err().body, cut.cut), (b"ab".to_vec(), abc));
        let text = letter("a\u{1f980}".as_bytes()).cut_to(3).message.unwrap_err().body;
        assert_eq!(text, b"a", "text stays text");
    }
}
