//! What an event allocates from `raise` to its last handler.

use bench::dispatch::{AsyncFunction, HandlerKind, One, PlainFunction, UnitsOfWork};
use bench::say;
use ensue::BoxError;

use crate::count::Counts;

pub(crate) async fn count() -> Result<(), BoxError> {
    say(&"an event, from `raise` to its last handler, in a unit of work that stores nothing:");
    for handlers in [0, 1, 16] {
        compare::<AsyncFunction>(handlers).await?;
        compare::<PlainFunction>(handlers).await?;
    }
    Ok(())
}

/// The first event of a unit of work costs more: lists are made for it that others only grow.
async fn compare<K: HandlerKind>(handlers: u32) -> Result<(), BoxError> {
    say(&format_args!("  {}, {handlers} for an event:", K::NAME));
    let none = count_units::<K>(handlers, 0).await?;
    let one = count_units::<K>(handlers, 1).await?;
    let many = count_units::<K>(handlers, MANY).await?;
    print("a unit of work without an event", &none, &NOTHING, 1);
    print("its first event", &one, &none, 1);
    print("each of a thousand more", &many, &one, MANY - 1);
    Ok(())
}

const MANY: u32 = 1_001;

/// Events and nothing else: no other thread takes part, and every round is like the next.
struct Units {
    allocations: f64,
    bytes: f64,
}

const NOTHING: Units = Units { allocations: 0.0, bytes: 0.0 };

#[expect(clippy::cast_precision_loss, reason = "far below what a float counts exactly")]
async fn count_units<K: HandlerKind>(handlers: u32, events: u32) -> Result<Units, BoxError> {
    let arm = UnitsOfWork::<One>::new::<K>(handlers, events).await?;
    let Counts { allocations, bytes } = Counts::of(arm).await?;
    Ok(Units { allocations: allocations.median as f64, bytes: bytes.median as f64 })
}

fn print(what: &str, units: &Units, without: &Units, events: u32) {
    let allocations = (units.allocations - without.allocations) / f64::from(events);
    let bytes = (units.bytes - without.bytes) / f64::from(events);
    say(&format_args!("    {what:<32} {allocations:>5.1} allocations, {bytes:>7.1} bytes"));
}
