//! Named followers of the log.
//!
//! A subscription sees every entry of the log in order, from where it started, and keeps its place
//! in a *cursor*. One process at a time, the *owner*, runs its handlers; a lease says how long it
//! may, and the number of its term, the *epoch*, fences what it records, so that an owner that was
//! stopped and woke up again cannot record anything any more.
//!
//! - A handler that takes `&mut Tx` has its effect, the events it raises and the subscription's
//!   progress in one transaction: exactly once in that database.
//! - A handler that calls the outside is called at least once, with the event's id as the
//!   idempotency key. Events that it raises are stored with the cursor.
//! - An entry that fails leaves the way at its first failure: it is *set aside*, the cursor passes,
//!   later entries of its key queue up behind it, and all other keys flow. It is retried with
//!   backoff ([`RetryPolicy`](crate::RetryPolicy)), then parked. Its error may say that no attempt
//!   will help ([`permanent`](crate::permanent)), or when the next one may
//!   ([`retry_after`](crate::retry_after)).
//! - An entry that [cannot be read](crate::store::UnreadableEntry) is parked at once, with the class
//!   [`Unreadable`](FailureClass::Unreadable). If its type is unreadable, every subscription parks it,
//!   since it may handle that type; if its key is unreadable, it blocks no other entry.
//! - With several [lanes](SubscriptionBuilder::lanes) entries are handled at once, those of a key
//!   still one after the other.
//! - When ten new entries in a row fail, what the handler depends on is taken to be away: one entry
//!   is tried now and then, and none loses its attempts by it, until one succeeds.
//! - If an entry crashes the process or breaks its connection to the database, its attempts count like
//!   those of any other, and it is parked.
//! - An event whose type another program handles for it, or an older build did, is set aside rather
//!   than passed by ([`UnknownTypes`]).
//! - A [batch](SubscriptionBuilder::on_batch) is handled by one call in one transaction; if it fails,
//!   its entries are tried one by one.
//! - Processes share the subscriptions out among themselves: one that has two more than another
//!   which stands by hands one over.
//! - Beyond 10,000 keys or a million entries that are set aside it is paused, and says so.
//! - [Operators](crate::Operator) have it retried, skipped, paused, resumed, set elsewhere, or handle
//!   a range once more; its owner does it, and the request stays as the record.

mod builder;
mod reaction;
mod request;
mod retention;
pub(crate) mod rows;
mod unknown_types;

pub(crate) use builder::Subscription;
pub use builder::SubscriptionBuilder;
pub(crate) use reaction::Reaction;
pub use request::{Answer, Command, Replayed, Request, RequestId, Which};
pub use retention::{Pruned, Unhandled};
pub(crate) use retention::{held_by, retired};
pub(crate) use rows::Verdict;
pub use rows::{
    Change, Claim, Epoch, Failure, FailureClass, SetAside, SetAsideState, SubscriptionStatus,
    TakeOver, Term,
};
pub(crate) use unknown_types::Unknown;
pub use unknown_types::UnknownTypes;

/// Where a new subscription starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// After the last entry that is stored when the application is built.
    #[default]
    Head,
    /// With the first entry of the log.
    Beginning,
}
