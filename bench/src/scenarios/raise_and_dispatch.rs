//! What raising and dispatching costs where there is no database.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ensue::{BoxError, Event, Events, raise};

use crate::arm::Arm;
use crate::comparison::Comparison;
use crate::memory_store::MemoryStore;
use crate::scenario::Scenario;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "raise_and_dispatch",
    question: "what does an event cost from `raise` to its last in-transaction handler, beside a \
               loop over boxed functions?",
    measure: || Box::pin(measure()),
};

/// Enough that opening and ending the unit of work is lost among them.
const RAISES: u32 = 1_000;
const UNITS_PER_ROUND: u32 = 10;
const ROUNDS: u32 = 101;

/// The targets are nanoseconds on a machine where the loop takes 2.5 for one handler, 27.3 for 16.
const CASES: [Case; 3] = [
    Case { name: "nobody listens, against one call", handlers: 0, calls: 1, target: 1.5 / 2.5 },
    Case { name: "1 handler", handlers: 1, calls: 1, target: 12.0 / 2.5 },
    Case { name: "16 handlers", handlers: 16, calls: 16, target: 45.0 / 27.3 },
];

struct Case {
    name: &'static str,
    handlers: u32,
    /// What the loop of the reference calls.
    calls: u32,
    target: f64,
}

#[derive(Debug, Event)]
#[event(local)]
struct Ticked {
    number: u32,
}

async fn measure() -> Result<(), BoxError> {
    for Case { name, handlers, calls, target } in CASES {
        let comparison = Comparison {
            name: name.to_owned(),
            operation: "event",
            per_round: UNITS_PER_ROUND * RAISES,
            rounds: ROUNDS,
            target: Some(target),
        };
        let mut ours = UnitsOfWork::new(handlers).await?;
        comparison.run(&mut ours, &mut Loop::new(calls)).await?;
    }
    Ok(())
}

struct UnitsOfWork(Events<MemoryStore>);

impl UnitsOfWork {
    async fn new(handlers: u32) -> Result<Self, BoxError> {
        let builder = Events::builder(MemoryStore);
        let builder = (0..handlers).fold(builder, |builder, _| builder.on(look_at));
        Ok(Self(builder.build().await?))
    }
}

async fn look_at(event: &Ticked) {
    black_box(event.number);
}

impl Arm for UnitsOfWork {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let began = Instant::now();
        for _ in 0..UNITS_PER_ROUND {
            self.0
                .run(async |_tx| {
                    for number in 0..RAISES {
                        raise(Ticked { number: black_box(number) });
                    }
                    Ok::<_, BoxError>(())
                })
                .await?;
        }
        Ok(began.elapsed())
    }
}

struct Loop(Vec<BoxedFunction>);

type BoxedFunction = Box<dyn Fn(&Ticked) + Send + Sync>;

impl Loop {
    fn new(handlers: u32) -> Self {
        let boxed = |_| -> BoxedFunction { Box::new(|event| _ = black_box(event.number)) };
        Self((0..handlers).map(boxed).collect())
    }
}

impl Arm for Loop {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let functions = black_box(&self.0);
        let began = Instant::now();
        for number in 0..UNITS_PER_ROUND * RAISES {
            let event = Ticked { number: black_box(number) };
            for function in functions {
                function(&event);
            }
        }
        Ok(began.elapsed())
    }
}
