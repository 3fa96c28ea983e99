//! The one form that all handlers are brought into.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use ensue_core::{AnyEvent, Meta};

use super::{Handled, States};
use crate::{BoxError, Store, Tx};

/// What a called handler is: its result already, or work that is still to be done.
pub(crate) enum Call<'a> {
    Ended(Result<(), BoxError>),
    Running(Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>>),
}

/// A registered handler.
pub(crate) enum BoxedHandler<S: Store> {
    Plain(PlainHandler),
    InTransaction { description: Description, call: Box<dyn TxCall<S>> },
}

/// A registered handler that needs no transaction.
pub(crate) struct PlainHandler {
    pub(crate) description: Description,
    call: Box<dyn PlainCall>,
}

/// What can be said of a handler without calling it.
#[derive(Clone, Copy)]
pub(crate) struct Description {
    pub(crate) name: &'static str,
    /// A state that the handler asks for and the given ones lack, by the name of its type.
    pub(crate) missing: fn(&States) -> Option<&'static str>,
}

/// A handler that needs no transaction.
pub(crate) trait PlainCall: Send + Sync {
    fn call<'a>(&'a self, event: &'a AnyEvent, meta: &'a Meta, states: &'a States) -> Call<'a>;
}

/// A handler that is given the transaction.
pub(crate) trait TxCall<S: Store>: Send + Sync {
    fn call<'a>(
        &'a self,
        event: &'a AnyEvent,
        meta: &'a Meta,
        states: &'a States,
        tx: &'a mut Tx<S>,
    ) -> Call<'a>;
}

/// A handler that [`IntoHandler`](super::IntoHandler) has erased.
#[doc(hidden)]
pub struct Erased<S: Store>(pub(crate) BoxedHandler<S>);

/// A handler that [`IntoPlainHandler`](super::IntoPlainHandler) has erased.
#[doc(hidden)]
pub struct ErasedPlain(pub(crate) PlainHandler);

impl ErasedPlain {
    pub(crate) fn new(description: Description, call: impl PlainCall + 'static) -> Self {
        Self(PlainHandler { description, call: Box::new(call) })
    }
}

impl<S: Store> Erased<S> {
    pub(crate) fn in_transaction(description: Description, call: impl TxCall<S> + 'static) -> Self {
        Self(BoxedHandler::InTransaction { description, call: Box::new(call) })
    }
}

impl Description {
    /// What keeps the handler from being called, in words.
    pub(crate) fn problem(&self, states: &States) -> Option<String> {
        let (missing, name) = ((self.missing)(states)?, self.name);
        Some(format!(
            "handler `{name}` asks for `State<{missing}>`, which was never given with `.state(…)`"
        ))
    }
}

impl PlainHandler {
    pub(crate) fn call<'a>(
        &'a self,
        event: &'a AnyEvent,
        meta: &'a Meta,
        states: &'a States,
    ) -> Call<'a> {
        self.call.call(event, meta, states)
    }
}

impl<S: Store> BoxedHandler<S> {
    pub(crate) fn description(&self) -> &Description {
        match self {
            Self::Plain(PlainHandler { description, .. })
            | Self::InTransaction { description, .. } => description,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.description().name
    }

    pub(crate) fn call<'a>(
        &'a self,
        event: &'a AnyEvent,
        meta: &'a Meta,
        states: &'a States,
        tx: &'a mut Tx<S>,
    ) -> Call<'a> {
        match self {
            Self::Plain(handler) => handler.call(event, meta, states),
            Self::InTransaction { call, .. } => call.call(event, meta, states, tx),
        }
    }
}

/// `event` as the handler takes it.
pub(crate) fn handled<E: Handled>(event: &AnyEvent) -> Result<&E, BoxError> {
    // The registry looks handlers up by the event's type, so this is always there.
    E::of(event).ok_or_else(|| {
        let wanted = std::any::type_name::<E>();
        format!("event `{}` is not a `{wanted}`", event.event_type()).into()
    })
}

impl<'a> Call<'a> {
    pub(crate) fn running(work: impl Future<Output = Result<(), BoxError>> + Send + 'a) -> Self {
        Self::Running(Box::pin(work))
    }
}

impl Future for Call<'_> {
    type Output = Result<(), BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Running(work) => work.as_mut().poll(cx),
            Self::Ended(result) => Poll::Ready(mem::replace(result, Ok(()))),
        }
    }
}
