//! Ours, and whoever else there is, beside the reference.

use ensue::BoxError;

use super::boxed_functions::BoxedFunctions;
use super::handler_kind::{AsyncFunction, HandlerKind, PlainFunction};
use super::straight::Raising;
use super::types::Types;
use super::units_of_work::UnitsOfWork;
use crate::comparison::{Comparison, Contestant};

/// How many events a round raises. With so many a unit of work, opening and ending it is lost among
/// them; with more, a round would seldom end undisturbed.
pub const EVENTS: u32 = 1_024;

const ROUNDS: u32 = 301;

/// A round of the reference takes a few microseconds.
const REFERENCE_TIMES: u32 = 64;

/// Compares ours and `rivals` with a loop over boxed functions, each with so many handlers for each
/// of the types.
///
/// # Errors
/// Those of the arms.
pub async fn compare<T: Types>(
    handlers: u32,
    rivals: impl IntoIterator<Item = Contestant>,
) -> Result<(), BoxError> {
    let comparison = Comparison {
        name: format!("event types: {}, handlers of each: {handlers}", T::COUNT),
        operation: "event",
        per_round: EVENTS,
        rounds: ROUNDS,
    };
    let mut contestants =
        vec![ours::<T, AsyncFunction>(handlers).await?, ours::<T, PlainFunction>(handlers).await?];
    contestants.extend(rivals);
    comparison.run(reference::<T>(handlers), contestants).await
}

async fn ours<T: Types, K: HandlerKind>(handlers: u32) -> Result<Contestant, BoxError> {
    let arm = UnitsOfWork::<T>::new::<K>(handlers, EVENTS).await?;
    let contestant = Contestant::new(K::NAME, arm);
    Ok(match target(handlers) {
        Some(most) => contestant.with_target(most),
        None => contestant,
    })
}

/// What nobody listens to has no reference of its own: it is compared with one call.
fn reference<T: Types>(handlers: u32) -> Raising<T, BoxedFunctions> {
    let mut functions = BoxedFunctions::default();
    T::listen(&mut functions, handlers.max(1));
    Raising::new(functions, EVENTS).repeated(REFERENCE_TIMES)
}

/// The targets are nanoseconds on a machine where the loop takes 2.5 for one handler, 27.3 for 16.
fn target(handlers: u32) -> Option<f64> {
    match handlers {
        0 => Some(1.5 / 2.5),
        1 => Some(12.0 / 2.5),
        16 => Some(45.0 / 27.3),
        _ => None,
    }
}
