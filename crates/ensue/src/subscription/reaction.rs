//! What a subscription, or a listener, does with one type of event.

use ensue_core::{AnyEvent, Envelope, Event, Meta, PayloadError};

use crate::builder::EventType;
use crate::handler::{BoxedHandler, Erased};
use crate::{Batch, Received, Store};

/// A handler, and what its events are made of.
pub(crate) struct Reaction<S: Store> {
    pub(crate) handler: BoxedHandler<S>,
    pub(crate) event_type: Option<EventType>,
    decode: Decode,
}

type Decoded = Result<AnyEvent, PayloadError>;

enum Decode {
    One(fn(Envelope) -> Decoded),
    Batch(fn(Vec<(Envelope, Meta)>) -> Decoded),
}

impl<S: Store> Reaction<S> {
    pub(crate) fn on<E: Event>(handler: Erased<S>) -> Self {
        Self::new::<E>(handler, Decode::One(one::<E>))
    }

    pub(crate) fn on_any(handler: Erased<S>) -> Self {
        let decode = Decode::One(|envelope| Ok(AnyEvent::stored(envelope)));
        Self { handler: handler.0, event_type: None, decode }
    }

    pub(crate) fn on_batch<E: Event>(handler: Erased<S>) -> Self {
        Self::new::<E>(handler, Decode::Batch(batch::<E>))
    }

    pub(crate) fn on_any_batch(handler: Erased<S>) -> Self {
        Self { handler: handler.0, event_type: None, decode: Decode::Batch(any_batch) }
    }

    fn new<E: Event>(handler: Erased<S>, decode: Decode) -> Self {
        Self { handler: handler.0, event_type: Some(EventType::of::<E>()), decode }
    }

    pub(crate) fn is_batch(&self) -> bool {
        matches!(self.decode, Decode::Batch(_))
    }

    /// What the handler is given for these events; without a batch it is one.
    pub(crate) fn decode(&self, mut envelopes: Vec<(Envelope, Meta)>) -> Option<Decoded> {
        match self.decode {
            Decode::One(decode) => envelopes.pop().map(|(envelope, _)| decode(envelope)),
            Decode::Batch(decode) => Some(decode(envelopes)),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "handlers of any event keep the envelope")]
fn one<E: Event>(envelope: Envelope) -> Decoded {
    Ok(AnyEvent::new(read::<E>(&envelope)?, envelope.occurred_at))
}

fn read<E: Event>(envelope: &Envelope) -> Result<E, PayloadError> {
    E::decode(&envelope.payload, envelope.version)
}

fn batch<E: Event>(envelopes: Vec<(Envelope, Meta)>) -> Decoded {
    let events = envelopes.into_iter().map(|(envelope, meta)| {
        let event = read::<E>(&envelope)?;
        Ok(Received { event, meta })
    });
    Ok(AnyEvent::of_batch(E::TYPE, Batch::from(events.collect::<Result<Vec<_>, _>>()?)))
}

fn any_batch(envelopes: Vec<(Envelope, Meta)>) -> Decoded {
    let events = envelopes
        .into_iter()
        .map(|(envelope, meta)| Received { event: AnyEvent::stored(envelope), meta });
    Ok(AnyEvent::of_batch("any", Batch::from(events.collect::<Vec<_>>())))
}
