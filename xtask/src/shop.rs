//! The shop as several processes, with a PostgreSQL and a RabbitMQ of its own.

use std::process::ExitCode;

use crate::failure::Failure;
use crate::with_servers;

/// Hands `arguments` on to it.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    let surroundings = with_servers::start()?;
    // The servers are new, and so are the books of whom the shop calls.
    let data = format!("target/shop-{}", std::process::id());
    let (database, broker) = (surroundings.postgres_url(), surroundings.amqp_url());
    let shop = ["cargo", "run", "--package", "shop", "--", "processes", "--data", &data];
    let between = ["--database", database, "--broker", broker];
    let command: Vec<_> = shop.into_iter().chain(between).map(str::to_owned).collect();
    with_servers::run_in(&surroundings, &[&command, arguments].concat())
}
