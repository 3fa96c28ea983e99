//! What raising and dispatching costs where there is no database.

use ensue::BoxError;

use crate::dispatch::{One, Sixteen, TwoHundredFiftySix, Types, compare};
use crate::scenario::Scenario;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "raise_and_dispatch",
    question: "what does an event cost from `raise` to its last in-transaction handler, beside a \
               loop over boxed functions?",
    measure: || Box::pin(measure()),
};

async fn measure() -> Result<(), BoxError> {
    compare_all::<One>().await?;
    compare_all::<Sixteen>().await?;
    compare_all::<TwoHundredFiftySix>().await
}

async fn compare_all<T: Types>() -> Result<(), BoxError> {
    for handlers in [0, 1, 16] {
        compare::<T>(handlers, []).await?;
    }
    Ok(())
}
