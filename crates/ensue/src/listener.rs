//! Handling here what has happened elsewhere: the other side of a [`Sink`](crate::Sink).
//!
//! A [`Listener`] takes messages from a [`Source`], and lets handlers ensue from them as
//! from an event of this application.
//!
//! - A handler that takes `&mut Tx` has its effect, the events it raises and the *receipt* of the message
//!   in one transaction, and the message is acknowledged after that: exactly once in that database,
//!   however often it arrives. Up to a hundred messages share a transaction.
//! - A handler that calls the outside is called at least once, with the event's id as the idempotency
//!   key; the receipt comes after it.
//! - Messages of a key are handled one after the other, in the order of their arrival; those that a
//!   broker gives out of order are put right by their `sequence` as long as they have not begun.
//! - A message that fails is tried again in this process, and its key waits: giving it back to a broker
//!   would let others overtake it. After its last attempt it is a *dead letter*, in the transaction of
//!   its receipt, and the key goes on; so is, at once, one that is no event, cannot be decoded, or has no
//!   handler. [`DeadLetters`] are tried again or dropped by an operator.
//! - What an older program has left as a dead letter because it had no handler for it, while a newer one was
//!   rolled out, is tried again once by whoever has one: when it begins to listen, and every hour.
//! - A message that arrives again may have ended a process, and one that was being handled when the
//!   connection to the database was lost may be why: it is handled alone, and each attempt is recorded
//!   before it begins, so that one that does so again and again becomes a dead letter.
//! - A transaction is open for no longer than one of its messages may take, and that one's time: what is
//!   slow together is undone and handled in smaller batches.
//! - All that the prefetch allows may wait behind keys that fail. Then nothing else arrives, until the
//!   first of them succeeds or is a dead letter: with the default policy, about 3 s and the time of five
//!   attempts. A handler whose gateway is away for longer leaves dead letters.
//! - Without the database nothing is handled, acknowledged or counted as an attempt; it goes on within
//!   a second of its return. A session that is lost is opened again in the same way.
//! - What arrives is not in the log: whoever needs that lets a handler raise an event of its own.

mod any_source;
mod builder;
mod counts;
mod dead_letters;
mod diary;
mod handling;
#[cfg_attr(not(feature = "simulation"), expect(unreachable_pub, reason = "for the simulation"))]
pub(crate) mod intake;
#[cfg_attr(not(feature = "simulation"), expect(unreachable_pub, reason = "for the simulation"))]
pub(crate) mod lane;
mod listening;
mod parcel;
mod serving;
mod source;

pub(crate) use builder::Consumer;
pub use builder::Listener;
pub use counts::ListenerCounts;
pub use dead_letters::{DeadLetters, Retried, RetriedAll};
pub use listening::Listening;
#[cfg(feature = "testing")]
pub(crate) use serving::settle;
pub use source::{Arrival, Message, Session, Source, Tag, Unreadable};
