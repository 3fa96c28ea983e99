//! What an event allocates from `raise` to its last handler.

use bench::dispatch::{AsyncFunction, HandlerKind, One, PlainFunction, UnitsOfWork};
use bench::say;
use ensue::BoxError;

use crate::count::Count;

/// How many more than one.
const MORE: u32 = 1_023;

pub(crate) async fn count() -> Result<(), BoxError> {
    say(&"\nan event, from `raise` to its last handler, in a unit of work that stores nothing:");
    for handlers in [0, 1, 16] {
        count_for::<AsyncFunction>(handlers).await?;
        count_for::<PlainFunction>(handlers).await?;
    }
    Ok(())
}

async fn count_for<K: HandlerKind>(handlers: u32) -> Result<(), BoxError> {
    let none = count_events::<K>(handlers, 0).await?;
    let one = count_events::<K>(handlers, 1).await?;
    let many = count_events::<K>(handlers, 1 + MORE).await?;
    say(&format_args!("  {handlers} handlers, {}:", K::NAME));
    say(&format_args!("    a unit of work without an event   {none}"));
    say(&format_args!("    its first event                   {}", one - none));
    say(&format_args!("    each of {MORE} more                {}", (many - one) / MORE));
    Ok(())
}

async fn count_events<K: HandlerKind>(handlers: u32, events: u32) -> Result<Count, BoxError> {
    Count::of(UnitsOfWork::<One>::new::<K>(handlers, events).await?).await
}
