//! Handling here what has happened elsewhere: the other side of a [`Sink`](crate::Sink).

mod source;

pub use source::{Arrival, Message, Session, Source, Tag, Unreadable};
