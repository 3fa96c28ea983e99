//! The one form that all handlers are brought into.

use std::pin::Pin;

use ensue_core::{AnyEvent, Meta};

use super::{Handled, States};
use crate::{BoxError, Store, Tx};

/// What a called handler is: its work, or the reason why there is none.
pub(crate) type Call<'a> = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>>;

/// A registered handler.
pub(crate) struct BoxedHandler<S: Store> {
    pub(crate) name: &'static str,
    call: CallKind<S>,
    /// A state that the handler asks for and the given ones lack, by the name of its type.
    missing: fn(&States) -> Option<&'static str>,
}

/// A handler that [`IntoHandler`](super::IntoHandler) has erased.
#[doc(hidden)]
pub struct Erased<S: Store>(pub(crate) BoxedHandler<S>);

enum CallKind<S: Store> {
    Plain(Box<dyn PlainCall>),
    InTransaction(Box<dyn TxCall<S>>),
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

impl<S: Store> Erased<S> {
    pub(crate) fn plain(
        name: &'static str,
        missing: fn(&States) -> Option<&'static str>,
        call: impl PlainCall + 'static,
    ) -> Self {
        Self(BoxedHandler { name, missing, call: CallKind::Plain(Box::new(call)) })
    }

    pub(crate) fn in_transaction(
        name: &'static str,
        missing: fn(&States) -> Option<&'static str>,
        call: impl TxCall<S> + 'static,
    ) -> Self {
        Self(BoxedHandler { name, missing, call: CallKind::InTransaction(Box::new(call)) })
    }
}

impl<S: Store> BoxedHandler<S> {
    /// The handler without a transaction, if it needs none.
    pub(crate) fn as_plain(&self) -> Option<&dyn PlainCall> {
        match &self.call {
            CallKind::Plain(call) => Some(call.as_ref()),
            CallKind::InTransaction(_) => None,
        }
    }

    pub(crate) fn call<'a>(
        &'a self,
        event: &'a AnyEvent,
        meta: &'a Meta,
        states: &'a States,
        tx: &'a mut Tx<S>,
    ) -> Call<'a> {
        match &self.call {
            CallKind::Plain(call) => call.call(event, meta, states),
            CallKind::InTransaction(call) => call.call(event, meta, states, tx),
        }
    }

    /// What keeps the handler from being called, in words.
    pub(crate) fn problem(&self, states: &States) -> Option<String> {
        let (missing, name) = ((self.missing)(states)?, self.name);
        Some(format!(
            "handler `{name}` asks for `State<{missing}>`, which was never given with `.state(…)`"
        ))
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

/// A call that has failed before it began.
pub(crate) fn refused<'a>(error: BoxError) -> Call<'a> {
    Box::pin(std::future::ready(Err(error)))
}
