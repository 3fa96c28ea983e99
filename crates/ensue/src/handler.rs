//! What ensues: handlers in all their forms, and one form under them.

mod boxed;
mod function;
mod parameter;
mod structure;

use crate::Store;

pub(crate) use boxed::{
    BoxedHandler, Call, Description, Erased, ErasedPlain, PlainCall, PlainHandler, TxCall,
};
pub(crate) use ensue_core::__private::Handled;
pub(crate) use function::Call1;
pub(crate) use parameter::States;
pub use parameter::{Parameter, State};
pub use structure::{Handler, TxHandler};

/// Whatever can be registered as a handler of the event `E`, or of [`AnyEvent`](crate::AnyEvent).
///
/// - An `async fn`, or an `async` closure that owns what it captures, of the event by reference and
///   then, as needed, up to four of [`State<T>`](State) and [`Meta`](crate::Meta), and `&mut Tx`
///   last:
///
///   ```
///   # use ensue::{BoxError, Event, Meta, State, Store, Tx};
///   # #[derive(Event)] #[event(local)] struct OrderCancelled;
///   # #[derive(Clone)] struct Mailer;
///   async fn restock<S: Store>(event: &OrderCancelled, tx: &mut Tx<S>) -> Result<(), BoxError> {
///       Ok(())
///   }
///   async fn notify(
///       event: &OrderCancelled,
///       State(mailer): State<Mailer>,
///       meta: Meta,
///   ) -> Result<(), BoxError> {
///       Ok(())
///   }
///   # fn check<S: Store>(store: S, mailer: Mailer) {
///   # let _ =
///   ensue::Events::builder(store)
///       .state(mailer)
///       .on(restock)
///       .on(notify)
///       .on(async |event: &OrderCancelled| println!("cancelled"))
///       .on(|event: &OrderCancelled| println!("also cancelled"));
///   # }
///   ```
///
///   It returns nothing, or a `Result` of nothing whose error converts into
///   [`BoxError`](crate::BoxError).
/// - A `fn`, or a closure, that is not async and takes the same but for `&mut Tx`: for what never
///   waits, since whatever else runs on its thread waits with it.
/// - A struct that implements [`Handler`], or [`TxHandler`] to be given the transaction.
///
/// `M` tells the forms apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "this is not a handler of event `{E}`",
    label = "not a handler of `{E}`",
    note = "write `async fn handler(event: &{E}) -> Result<(), SomeError>`, with further \
            parameters as needed: `State<T>`, `Meta`, and last `tx: &mut Tx`",
    note = "a closure is written `|event: &{E}| …`, or `async |event: &{E}| …`",
    note = "a struct implements `Handler<{E}>`, or `TxHandler<{E}, _>` to be given the transaction",
    note = "the future must be `Send`: hold no `Rc` and no lock guard across an `.await`",
    note = "the error must convert into `Box<dyn Error + Send + Sync>`"
)]
pub trait IntoHandler<E: Handled, S: Store, M> {
    #[doc(hidden)]
    fn into_handler(self) -> Erased<S>;
}

/// Whatever can be registered as a handler that needs no transaction: all the forms of
/// [`IntoHandler`] but for those with `&mut Tx`.
///
/// `M` tells the forms apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "this is not a handler of event `{E}` that needs no transaction",
    label = "not a handler of `{E}`, or one that takes `&mut Tx`",
    note = "after the commit there is no transaction any more: what needs `&mut Tx` is registered \
            with `on`, or in a subscription, where it has one of its own",
    note = "otherwise write `async fn handler(event: &{E}) -> Result<(), SomeError>`, with further \
            parameters as needed: `State<T>`, `Meta`",
    note = "the future must be `Send`: hold no `Rc` and no lock guard across an `.await`"
)]
pub trait IntoPlainHandler<E: Handled, M> {
    #[doc(hidden)]
    fn into_plain_handler(self) -> ErasedPlain;
}

#[doc(hidden)]
#[derive(Debug)]
pub struct Plain<M>(std::marker::PhantomData<M>);

#[doc(hidden)]
#[derive(Debug)]
pub struct InTransaction<M>(std::marker::PhantomData<M>);

#[doc(hidden)]
#[derive(Debug)]
pub struct Synchronous<M>(std::marker::PhantomData<M>);

#[diagnostic::do_not_recommend]
impl<E: Handled, S: Store, M, H: IntoPlainHandler<E, M>> IntoHandler<E, S, Plain<M>> for H {
    fn into_handler(self) -> Erased<S> {
        Erased(BoxedHandler::Plain(self.into_plain_handler().0))
    }
}
