//! Handling here what has happened elsewhere: the other side of a [`Sink`](crate::Sink).

mod counts;
mod intake;
mod lane;
mod source;

pub use counts::ListenerCounts;
pub use source::{Arrival, Message, Session, Source, Tag, Unreadable};
