//! A sink in memory.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{BoxError, Entry, Outcome, Sink};

type Answer = Box<dyn FnMut(&Entry) -> Outcome + Send>;

/// A sink that keeps what it is sent, and does with it what a test says. Clones are the same sink.
///
/// ```
/// use ensue::testing::{MemorySink, MemoryStore, Scenario};
/// use ensue::{Error, Event, Events, raise};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event(type = "order.placed")]
/// struct OrderPlaced;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let broker = MemorySink::default();
/// let builder = Events::builder(MemoryStore::<()>::default()).forward_to("broker", broker.clone());
/// let mut scenario = Scenario::of(builder).await?;
/// let placing = scenario.events().clone();
/// scenario.given(placing.run(async |_tx| Ok::<_, Error>(raise(OrderPlaced)))).await?;
/// assert_eq!(broker.received()[0].envelope.event_type, "order.placed");
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct MemorySink(Arc<Mutex<Broker>>);

#[derive(Default)]
struct Broker {
    received: Vec<Entry>,
    answer: Option<Answer>,
    is_away: bool,
}

impl MemorySink {
    /// What it has been sent and has taken, as often as it came.
    pub fn received(&self) -> Vec<Entry> {
        self.with(|broker| broker.received.clone())
    }

    /// From now on, `answer` says what becomes of each entry; it is not taken unless
    /// [delivered](Outcome::is_delivered).
    pub fn answer(&self, answer: impl FnMut(&Entry) -> Outcome + Send + 'static) {
        self.with(|broker| broker.answer = Some(Box::new(answer)));
    }

    /// From now on nobody is there, or somebody is again.
    pub fn is_away(&self, is_away: bool) {
        self.with(|broker| broker.is_away = is_away);
    }

    fn with<T>(&self, change: impl FnOnce(&mut Broker) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Broker {
    fn take(&mut self, entry: &Entry) -> Outcome {
        let outcome = self.answer.as_mut().map_or(Outcome::Delivered, |answer| answer(entry));
        if outcome.is_delivered() {
            self.received.push(entry.clone());
        }
        outcome
    }
}

impl Sink for MemorySink {
    async fn send(&self, entries: &[Entry]) -> Result<Vec<Outcome>, BoxError> {
        self.with(|broker| match broker.is_away {
            true => Err("the sink was told to be away".into()),
            false => Ok(entries.iter().map(|entry| broker.take(entry)).collect()),
        })
    }
}

impl fmt::Debug for MemorySink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|broker| {
            let (received, is_away) = (broker.received.len(), broker.is_away);
            f.debug_struct("MemorySink")
                .field("received", &received)
                .field("is_away", &is_away)
                .finish_non_exhaustive()
        })
    }
}
