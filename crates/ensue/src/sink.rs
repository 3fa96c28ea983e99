//! Where entries go that leave the process: a message broker, a webhook.

use std::future::Future;
use std::pin::Pin;

use ensue_core::Entry;

use crate::BoxError;

/// Sends entries of the log to somewhere else, and knows what has become of each.
///
/// A sink knows the wire and nothing else. When to send what, and again, what to set aside and how far
/// the subscription has come is the forwarder's business, as it is for handlers; so is that one
/// process at a time sends.
///
/// - It MUST answer for the entries in their order, one [`Outcome`] for each. What is missing is
///   [unknown](Outcome::Unknown).
/// - It MUST say [`Delivered`](Outcome::Delivered) only of what the other side has confirmed to keep.
///   What nobody will ever receive MUST NOT be delivered, also if the other side accepts it.
/// - It MUST send the entries in their order, and SHOULD have many of them under way at once. No two
///   of them have a key in common, since one that fails would be overtaken by the other; nor has one
///   of a call that is still under way.
/// - It MUST fail only if nothing was sent. When there is nobody to send to it SHOULD do so soon: it is
///   called again within a second, and nothing is lost or counted by it.
/// - Another program recognises what is sent twice by the id of the event, which MUST be sent along.
///
/// CANCEL-SAFE: it may be dropped at any `.await`; what was not answered for is sent again. It is
/// dropped when it has taken longer than the subscription's
/// [deadline](crate::SubscriptionBuilder::deadline).
///
/// ```
/// use ensue::{BoxError, Entry, Outcome, Sink};
///
/// /// Prints what happens.
/// struct Printer;
///
/// impl Sink for Printer {
///     async fn send(&self, entries: &[Entry]) -> Result<Vec<Outcome>, BoxError> {
///         let print = |entry: &Entry| {
///             println!("{} {}", entry.position, entry.envelope.event_type);
///             Outcome::Delivered
///         };
///         Ok(entries.iter().map(print).collect())
///     }
/// }
/// ```
pub trait Sink: Send + Sync + 'static {
    /// Sends `entries`.
    ///
    /// # Errors
    /// When nothing could be sent, since there is nobody to send to.
    fn send(
        &self,
        entries: &[Entry],
    ) -> impl Future<Output = Result<Vec<Outcome>, BoxError>> + Send;
}

/// What has become of an entry that was to be sent.
#[derive(Debug)]
pub enum Outcome {
    /// The other side has it, and keeps it.
    Delivered,
    /// The other side had it before.
    Duplicate,
    /// Nobody would receive it: it is tried again later, since somebody may be about to.
    Unroutable(BoxError),
    /// The other side, or the sink itself, refuses it: it is tried again later, unless the error is
    /// [`permanent`](crate::permanent), or says [when](crate::retry_after).
    Rejected(BoxError),
    /// It may have been delivered: it is sent again.
    Unknown(BoxError),
}

impl Outcome {
    /// Whether it need not be sent any more.
    pub fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered | Self::Duplicate)
    }
}

type Sent<'a> = Pin<Box<dyn Future<Output = Result<Vec<Outcome>, BoxError>> + Send + 'a>>;

/// A sink of whatever type.
pub(crate) trait AnySink: Send + Sync {
    fn send_boxed<'a>(&'a self, entries: &'a [Entry]) -> Sent<'a>;
}

impl<T: Sink> AnySink for T {
    fn send_boxed<'a>(&'a self, entries: &'a [Entry]) -> Sent<'a> {
        Box::pin(self.send(entries))
    }
}
