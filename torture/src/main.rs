//! `cargo xtask torture`: one run, and one line at its end.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ensue::BoxError;
use torture::terminal::say;
use torture::{
    Assignment, NaivePostgres, Outcome, Postgres, PostgresArena, Sqlite, SqliteArena, Trial,
};

/// Has many writers and readers at a log while everything goes wrong, and judges what came of it
#[derive(Parser)]
#[command(bin_name = "cargo xtask torture", arg_required_else_help = true)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    order: Option<Order>,
}

#[derive(Args)]
struct Order {
    /// Whose log
    #[arg(long)]
    store: Kind,
    /// How many events are to be acknowledged
    #[arg(long, default_value_t = 100_000)]
    events: u64,
    /// What decides what writers do and what goes wrong
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Stop after so long, also with fewer events
    #[arg(long)]
    seconds: Option<u64>,
    /// Append no more than so many events a second; 0: as many as can be
    #[arg(long, default_value_t = 10_000)]
    pace: u32,
}

#[derive(Subcommand)]
enum Role {
    /// One of the processes that a run starts
    #[command(hide = true)]
    Write {
        #[arg(long)]
        store: Kind,
        #[arg(long)]
        address: String,
        #[arg(long)]
        seed: u64,
        #[arg(long)]
        first_writer: u16,
        #[arg(long)]
        writers: u16,
        #[arg(long)]
        bulk: u32,
        #[arg(long)]
        pace: Option<u32>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// SQLite, several processes on one file
    Sqlite,
    /// PostgreSQL, a server of its own
    Postgres,
    /// A table with a bigserial in PostgreSQL, read by `id > last`: it loses events
    NaivePostgres,
}

#[tokio::main]
async fn main() -> Result<ExitCode, BoxError> {
    let Arguments { role, order } = Arguments::parse();
    if let Some(Role::Write { store, address, seed, first_writer, writers, bulk, pace }) = role {
        store.write(&Assignment { address, seed, first_writer, writers, bulk, pace }).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(order) = order else { return Ok(ExitCode::FAILURE) };
    let outcome = order.store.run(&order.trial(std::env::current_exe()?)).await?;
    outcome.verdict.examples.iter().for_each(|example| say(example));
    say(&outcome);
    Ok(if outcome.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Order {
    fn trial(&self, program: PathBuf) -> Trial {
        let name = self.store.to_possible_value().map(|value| value.get_name().to_owned());
        Trial {
            program,
            store: name.unwrap_or_default(),
            seed: self.seed,
            events: self.events,
            limit: self.seconds.map(Duration::from_secs),
            pace: (self.pace > 0).then_some(self.pace),
        }
    }
}

impl Kind {
    async fn run(self, trial: &Trial) -> Result<Outcome, BoxError> {
        match self {
            Self::Sqlite => torture::run(SqliteArena::new()?, trial).await,
            Self::Postgres => torture::run(PostgresArena::<Postgres>::new().await?, trial).await,
            Self::NaivePostgres => {
                torture::run(PostgresArena::<NaivePostgres>::new().await?, trial).await
            }
        }
    }

    async fn write(self, assignment: &Assignment) -> Result<(), BoxError> {
        match self {
            Self::Sqlite => torture::write::<Sqlite>(assignment).await,
            Self::Postgres => torture::write::<Postgres>(assignment).await,
            Self::NaivePostgres => torture::write::<NaivePostgres>(assignment).await,
        }
    }
}
