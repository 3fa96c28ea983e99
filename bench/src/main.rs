//! What ensue costs, beside the same done by hand: `cargo xtask bench [NAME]`.
//!
//! Each scenario is a question. It has two arms, ours and a reference, which take turns round by
//! round in one run: this machine is shared, and what disturbs one arm disturbs the other. What is
//! printed is a ratio of times, **ours divided by the reference's: smaller is better**, and 1.03
//! means that ours takes 3 % longer. The reference's own time is there for orientation only.
//!
//! Two equal arms come out between 0.97 and 1.03 on two busy cores: less than that is no difference.

mod arm;
mod comparison;
mod cycle;
mod database;
mod durability;
mod log_row;
mod memory_store;
mod order_cancelled;
mod ratios;
mod scenario;
mod scenarios;
mod terminal;

use std::process::ExitCode;

use ensue::BoxError;

use crate::scenario::Scenario;

fn main() -> Result<ExitCode, BoxError> {
    let asked_for: Vec<String> = std::env::args().skip(1).collect();
    match Scenario::chosen(&asked_for) {
        Ok(scenarios) => measure(&scenarios).map(|()| ExitCode::SUCCESS),
        Err(unknown) => {
            terminal::say(&unknown);
            Ok(ExitCode::from(2))
        }
    }
}

/// On a runtime as web services have it, and on its workers: that is where units of work run.
fn measure(scenarios: &[Scenario]) -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        for scenario in scenarios {
            terminal::say(&format_args!("\n{scenario}"));
            tokio::spawn(scenario.run()).await??;
        }
        Ok(())
    })
}
