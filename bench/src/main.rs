//! The scenarios, from the command line.

use std::process::ExitCode;

use bench::{Scenario, say};
use ensue::BoxError;

fn main() -> Result<ExitCode, BoxError> {
    let asked_for: Vec<String> = std::env::args().skip(1).collect();
    match Scenario::chosen(&asked_for) {
        Ok(scenarios) => measure(&scenarios).map(|()| ExitCode::SUCCESS),
        Err(unknown) => {
            say(&unknown);
            Ok(ExitCode::from(2))
        }
    }
}

/// On a runtime as web services have it, and on its workers: that is where units of work run.
fn measure(scenarios: &[Scenario]) -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        for scenario in scenarios {
            say(&format_args!("\n{scenario}"));
            tokio::spawn(scenario.run()).await??;
        }
        Ok(())
    })
}
