//! The sink in memory, as a destination for the suite.

use ensue::testing::MemorySink;
use ensue::{Envelope, Outcome};
use ensue_conformance::{Destination, UNHEARD};

pub(crate) struct Memory(MemorySink);

impl Destination for Memory {
    type Sink = MemorySink;

    async fn fresh() -> Self {
        let sink = MemorySink::default();
        sink.answer(|entry| match entry.envelope.event_type == UNHEARD {
            true => Outcome::Unroutable("nobody listens".into()),
            false => Outcome::Delivered,
        });
        Self(sink)
    }

    fn sink(&self) -> MemorySink {
        self.0.clone()
    }

    async fn is_away(&self, is_away: bool) {
        self.0.is_away(is_away);
    }

    async fn received(&self, _count: usize) -> Vec<Envelope> {
        self.0.received().into_iter().map(|entry| entry.envelope).collect()
    }
}
