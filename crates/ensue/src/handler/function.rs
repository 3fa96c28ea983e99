//! Functions and closures as handlers.
//!
//! Stable Rust cannot yet say "an async function whose future is `Send`" of a borrowing function,
//! so the bound is written as two: `AsyncFnOnce` for what the function takes, and a helper trait
//! (`Call1` … `Call6`) that names its future. A call clones the function and consumes the clone,
//! which lets closures own what they capture.
//!
//! A function that is not async is called where it is, and makes no future.

use std::any::type_name;
use std::marker::PhantomData;

use ensue_core::{AnyEvent, Meta};
use futures_util::FutureExt;

use super::boxed::handled;
use super::{
    Call, Description, Erased, ErasedPlain, Handled, InTransaction, IntoHandler, IntoPlainHandler,
    Parameter, PlainCall, States, Synchronous, TxCall,
};
use crate::{BoxError, Store, Tx};

/// What a handler may return.
#[doc(hidden)]
pub trait Outcome: 'static {
    fn into_result(self) -> Result<(), BoxError>;
}

impl Outcome for () {
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError> + 'static> Outcome for Result<(), E> {
    fn into_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

macro_rules! name_the_future {
    ($name:ident: $($argument:ident),+) => {
        #[doc(hidden)]
        pub trait $name<$($argument),+>:
            FnOnce($($argument),+) -> <Self as $name<$($argument),+>>::Future
        {
            type Future: Future<Output = Self::Returned>;
            type Returned;
        }

        impl<F, $($argument,)+ T> $name<$($argument),+> for F
        where
            F: FnOnce($($argument),+) -> T,
            T: Future,
        {
            type Future = T;
            type Returned = T::Output;
        }
    };
}

name_the_future!(Call1: A);
name_the_future!(Call2: A, B);
name_the_future!(Call3: A, B, C);
name_the_future!(Call4: A, B, C, D);
name_the_future!(Call5: A, B, C, D, E);
name_the_future!(Call6: A, B, C, D, E, F1);

/// A function with the shape of its parameters.
struct Function<F, Shape>(F, PhantomData<fn(Shape)>);

/// `build` has checked that every state is there; were one not, the call fails by name.
macro_rules! extract {
    ($parameter:ident, $states:ident, $meta:ident) => {
        match $parameter::extract($states, $meta) {
            Some(parameter) => parameter,
            None => {
                let name = type_name::<$parameter>();
                return Call::Ended(Err(format!("the application has no `{name}`").into()));
            }
        }
    };
}

macro_rules! handler_functions {
    ($plain:ident, $in_transaction:ident; $($parameter:ident),*) => {
        impl<E, F, R, $($parameter,)*> PlainCall for Function<F, (E, R, $($parameter,)*)>
        where
            E: Handled,
            R: Outcome,
            $($parameter: Parameter,)*
            for<'r> F: AsyncFnOnce(&'r E, $($parameter,)*) -> R
                + $plain<&'r E, $($parameter,)* Future: Send, Returned = R>
                + Clone + Send + Sync + 'static,
        {
            #[allow(unused_variables, reason = "a handler may take nothing but the event")]
            fn call<'a>(
                &'a self,
                event: &'a AnyEvent,
                meta: &'a Meta,
                states: &'a States,
            ) -> Call<'a> {
                let event = match handled::<E>(event) {
                    Ok(event) => event,
                    Err(error) => return Call::Ended(Err(error)),
                };
                let function = self.0.clone();
                Call::running(function(event, $(extract!($parameter, states, meta),)*)
                    .map(Outcome::into_result))
            }
        }

        impl<E, F, R, $($parameter,)*> IntoPlainHandler<E, (E, R, $($parameter,)*)> for F
        where
            E: Handled,
            R: Outcome,
            $($parameter: Parameter,)*
            for<'r> F: AsyncFnOnce(&'r E, $($parameter,)*) -> R
                + $plain<&'r E, $($parameter,)* Future: Send, Returned = R>
                + Clone + Send + Sync + 'static,
        {
            fn into_plain_handler(self) -> ErasedPlain {
                ErasedPlain::new(
                    describe::<F, ($($parameter,)*)>(),
                    Function::<F, (E, R, $($parameter,)*)>(self, PhantomData),
                )
            }
        }

        impl<E, F, R, $($parameter,)*> PlainCall for Function<F, Synchronous<(E, R, $($parameter,)*)>>
        where
            E: Handled,
            R: Outcome,
            $($parameter: Parameter,)*
            F: Fn(&E, $($parameter,)*) -> R + Send + Sync + 'static,
        {
            #[allow(unused_variables, reason = "a handler may take nothing but the event")]
            fn call<'a>(
                &'a self,
                event: &'a AnyEvent,
                meta: &'a Meta,
                states: &'a States,
            ) -> Call<'a> {
                let event = match handled::<E>(event) {
                    Ok(event) => event,
                    Err(error) => return Call::Ended(Err(error)),
                };
                let outcome = (self.0)(event, $(extract!($parameter, states, meta),)*);
                Call::Ended(outcome.into_result())
            }
        }

        impl<E, F, R, $($parameter,)*> IntoPlainHandler<E, Synchronous<(E, R, $($parameter,)*)>> for F
        where
            E: Handled,
            R: Outcome,
            $($parameter: Parameter,)*
            F: Fn(&E, $($parameter,)*) -> R + Send + Sync + 'static,
        {
            fn into_plain_handler(self) -> ErasedPlain {
                ErasedPlain::new(
                    describe::<F, ($($parameter,)*)>(),
                    Function::<F, Synchronous<(E, R, $($parameter,)*)>>(self, PhantomData),
                )
            }
        }

        impl<E, S, F, R, $($parameter,)*> TxCall<S>
            for Function<F, (E, R, $($parameter,)* &'static mut Tx<S>)>
        where
            E: Handled,
            S: Store,
            R: Outcome,
            $($parameter: Parameter,)*
            for<'r> F: AsyncFnOnce(&'r E, $($parameter,)* &'r mut Tx<S>) -> R
                + $in_transaction<&'r E, $($parameter,)* &'r mut Tx<S>, Future: Send, Returned = R>
                + Clone + Send + Sync + 'static,
        {
            #[allow(unused_variables, reason = "a handler may take nothing but event and tx")]
            fn call<'a>(
                &'a self,
                event: &'a AnyEvent,
                meta: &'a Meta,
                states: &'a States,
                tx: &'a mut Tx<S>,
            ) -> Call<'a> {
                let event = match handled::<E>(event) {
                    Ok(event) => event,
                    Err(error) => return Call::Ended(Err(error)),
                };
                let function = self.0.clone();
                Call::running(function(event, $(extract!($parameter, states, meta),)* tx)
                    .map(Outcome::into_result))
            }
        }

        impl<E, S, F, R, $($parameter,)*>
            IntoHandler<E, S, InTransaction<(E, R, $($parameter,)*)>> for F
        where
            E: Handled,
            S: Store,
            R: Outcome,
            $($parameter: Parameter,)*
            for<'r> F: AsyncFnOnce(&'r E, $($parameter,)* &'r mut Tx<S>) -> R
                + $in_transaction<&'r E, $($parameter,)* &'r mut Tx<S>, Future: Send, Returned = R>
                + Clone + Send + Sync + 'static,
        {
            fn into_handler(self) -> Erased<S> {
                Erased::in_transaction(
                    describe::<F, ($($parameter,)*)>(),
                    Function::<F, (E, R, $($parameter,)* &'static mut Tx<S>)>(self, PhantomData),
                )
            }
        }

        impl<$($parameter: Parameter),*> Parameters for ($($parameter,)*) {
            #[allow(unused_variables, reason = "there may be no parameter at all")]
            fn missing(states: &States) -> Option<&'static str> {
                $(if let Some(missing) = $parameter::missing(states) {
                    return Some(missing);
                })*
                None
            }
        }
    };
}

trait Parameters {
    fn missing(states: &States) -> Option<&'static str>;
}

fn describe<F, P: Parameters>() -> Description {
    Description { name: type_name::<F>(), missing: P::missing }
}

handler_functions!(Call1, Call2;);
handler_functions!(Call2, Call3; P1);
handler_functions!(Call3, Call4; P1, P2);
handler_functions!(Call4, Call5; P1, P2, P3);
handler_functions!(Call5, Call6; P1, P2, P3, P4);
