//! Structs as handlers.

use std::any::type_name;
use std::marker::PhantomData;

use ensue_core::{AnyEvent, Meta};

use super::boxed::handled;
use super::{
    Call, Description, Erased, ErasedPlain, Handled, IntoHandler, IntoPlainHandler, PlainCall,
    States, TxCall,
};
use crate::{BoxError, Store, Tx};

/// A handler with dependencies of its own that needs no transaction.
///
/// ```
/// # use ensue::{BoxError, Event, Handler, Meta};
/// # #[derive(Event)] #[event(local)] struct OrderCancelled { order_no: String }
/// struct SendMail { from: String }
///
/// impl Handler<OrderCancelled> for SendMail {
///     async fn handle(&self, event: &OrderCancelled, meta: &Meta) -> Result<(), BoxError> {
///         println!("{}: {} was cancelled at {}", self.from, event.order_no, meta.occurred_at);
///         Ok(())
///     }
/// }
/// ```
///
/// One struct may handle several events; it is then registered once for each, by name:
/// `.on::<OrderCancelled, _>(SendMail { … })`. `Handler<AnyEvent>` handles every event.
///
/// CANCEL-SAFE: the future may be dropped at any `.await`: at shutdown, past its deadline, or with
/// its unit of work.
pub trait Handler<E>: Send + Sync + 'static {
    /// Lets it ensue.
    ///
    /// # Errors
    /// Whatever the handler cannot do. Inside a unit of work it rolls everything back; in a
    /// subscription the entry is set aside and tried again.
    fn handle(&self, event: &E, meta: &Meta) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// A handler with dependencies of its own that is given the transaction.
///
/// ```
/// # use ensue::{BoxError, Event, Meta, Store, Tx, TxHandler};
/// # #[derive(Event)] #[event(local)] struct OrderCancelled { order_no: String }
/// struct Restock { warehouse: u32 }
///
/// impl<S: Store> TxHandler<OrderCancelled, S> for Restock {
///     async fn handle(
///         &self,
///         event: &OrderCancelled,
///         meta: &Meta,
///         tx: &mut Tx<S>,
///     ) -> Result<(), BoxError> {
///         Ok(())
///     }
/// }
/// ```
pub trait TxHandler<E, S: Store>: Send + Sync + 'static {
    /// Lets it ensue, in the transaction.
    ///
    /// # Errors
    /// As [`Handler::handle`].
    fn handle(
        &self,
        event: &E,
        meta: &Meta,
        tx: &mut Tx<S>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}

struct Structure<H, E>(H, PhantomData<fn(E)>);

impl<E: Handled, H: Handler<E>> PlainCall for Structure<H, E> {
    fn call<'a>(&'a self, event: &'a AnyEvent, meta: &'a Meta, _: &'a States) -> Call<'a> {
        match handled::<E>(event) {
            Ok(event) => Call::running(self.0.handle(event, meta)),
            Err(error) => Call::Ended(Err(error)),
        }
    }
}

impl<E: Handled, S: Store, H: TxHandler<E, S>> TxCall<S> for Structure<H, E> {
    fn call<'a>(
        &'a self,
        event: &'a AnyEvent,
        meta: &'a Meta,
        _: &'a States,
        tx: &'a mut Tx<S>,
    ) -> Call<'a> {
        match handled::<E>(event) {
            Ok(event) => Call::running(self.0.handle(event, meta, tx)),
            Err(error) => Call::Ended(Err(error)),
        }
    }
}

#[doc(hidden)]
#[derive(Debug)]
pub struct IsHandler;

#[doc(hidden)]
#[derive(Debug)]
pub struct IsTxHandler;

impl<E: Handled, H: Handler<E>> IntoPlainHandler<E, IsHandler> for H {
    fn into_plain_handler(self) -> ErasedPlain {
        ErasedPlain::new(describe::<H>(), Structure::<H, E>(self, PhantomData))
    }
}

impl<E: Handled, S: Store, H: TxHandler<E, S>> IntoHandler<E, S, IsTxHandler> for H {
    fn into_handler(self) -> Erased<S> {
        Erased::in_transaction(describe::<H>(), Structure::<H, E>(self, PhantomData))
    }
}

/// A struct has what it needs.
fn describe<H>() -> Description {
    Description { name: type_name::<H>(), missing: |_| None }
}
