//! `#[derive(Event)]` and `#[service]` for [ensue](https://docs.rs/ensue).
//!
//! The derive is documented where it is used: on the trait `Event`. It exists twice, once for each
//! crate that re-exports it, because what it writes has to name that crate.

mod attributes;
mod expand;
mod service;

use proc_macro::TokenStream;
use quote::quote;
use syn::{DeriveInput, Expr, ImplItemFn, parse_macro_input};

/// Derives `ensue_core::Event`; re-exported by `ensue-core`.
#[proc_macro_derive(Event, attributes(event))]
pub fn event(input: TokenStream) -> TokenStream {
    derive(&parse_macro_input!(input as DeriveInput), &quote!(::ensue_core::__private))
}

/// Derives `ensue::Event`; re-exported by `ensue` as `Event`.
#[proc_macro_derive(EventOfEnsue, attributes(event))]
pub fn event_of_ensue(input: TokenStream) -> TokenStream {
    derive(&parse_macro_input!(input as DeriveInput), &quote!(::ensue::__private))
}

fn derive(input: &DeriveInput, root: &proc_macro2::TokenStream) -> TokenStream {
    expand::event(input, root).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Makes an `async fn` that takes `tx: &mut Tx` a service: one unit of work by itself, which can also
/// join one that is open.
///
/// `#[ensue::service(self.events)]` on `async fn cancel(&self, tx: &mut Tx, no: &OrderNo) -> …` gives
/// two methods: `cancel(&self, no: &OrderNo)` runs the body in [`Events::run`] of the expression, and
/// `cancel_in(&self, tx: &mut Tx, no: &OrderNo)` is the body, for other services to call with the
/// transaction they have. It works on methods, and on functions outside of an `impl`, where the
/// expression names a parameter.
///
/// ```
/// # use ensue::{Error, Event, Store, raise};
/// # #[derive(Event)] #[event(local)] struct OrderCancelled;
/// use ensue::{Events, Tx};
///
/// struct Orders<S: Store> { events: Events<S> }
///
/// impl<S: Store> Orders<S> {
///     /// Cancels the order.
///     #[ensue::service(self.events)]
///     pub async fn cancel(&self, tx: &mut Tx<S>, order_no: &str) -> Result<(), Error> {
///         raise(OrderCancelled); // in the entity
///         Ok(())
///     }
///
///     /// Cancels two, or none.
///     #[ensue::service(self.events)]
///     pub async fn cancel_both(&self, tx: &mut Tx<S>, one: &str, two: &str) -> Result<(), Error> {
///         self.cancel_in(tx, one).await?;
///         self.cancel_in(tx, two).await
///     }
/// }
///
/// async fn web<S: Store>(orders: &Orders<S>) -> Result<(), Error> {
///     orders.cancel("A-1").await?;
///     orders.cancel_both("A-2", "A-3").await
/// }
/// ```
///
/// [`Events::run`]: https://docs.rs/ensue/latest/ensue/struct.Events.html#method.run
#[proc_macro_attribute]
pub fn service(events: TokenStream, method: TokenStream) -> TokenStream {
    let events = parse_macro_input!(events as Expr);
    let method = parse_macro_input!(method as ImplItemFn);
    service::service(&events, method).unwrap_or_else(|error| error.to_compile_error()).into()
}
