//! The command line of a program that has logs stand trial.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use ensue::BoxError;

use crate::run::{Outcome, Trial};
use crate::terminal::say;
use crate::writer::Assignment;

/// The logs that a program has to choose from.
pub trait Choice: ValueEnum + Send + Sync + 'static {
    /// What one types to have the program run.
    const DOOR: &'static str;

    /// A run with the chosen one.
    fn run(self, trial: &Trial) -> impl Future<Output = Result<Outcome, BoxError>>;

    /// Writes to the chosen one, in a process that such a run has started.
    fn write(self, assignment: &Assignment) -> impl Future<Output = Result<(), BoxError>>;
}

/// Has many writers and readers at a log while everything goes wrong, and judges what came of it
#[derive(Parser)]
#[command(arg_required_else_help = true, args_conflicts_with_subcommands = true)]
#[command(subcommand_negates_reqs = true)]
pub struct CommandLine<C: Choice> {
    #[command(subcommand)]
    role: Option<Role<C>>,
    #[command(flatten)]
    order: Option<Order<C>>,
}

#[derive(Args)]
struct Order<C: Choice> {
    /// Whose log
    #[arg(long, value_enum)]
    store: C,
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
enum Role<C: Choice> {
    /// One of the processes that a run starts
    #[command(hide = true)]
    Write {
        #[arg(long, value_enum)]
        store: C,
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

impl<C: Choice> CommandLine<C> {
    /// Does what it says, and ends well if every promise was kept.
    ///
    /// # Errors
    /// There is no verdict.
    pub async fn obey() -> Result<ExitCode, BoxError> {
        let typed = Self::command().bin_name(C::DOOR).get_matches();
        let Self { role, order } = Self::from_arg_matches(&typed)?;
        if let Some(Role::Write { store, address, seed, first_writer, writers, bulk, pace }) = role
        {
            store.write(&Assignment { address, seed, first_writer, writers, bulk, pace }).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let Some(order) = order else { return Ok(ExitCode::FAILURE) };
        let trial = order.trial(std::env::current_exe()?);
        let outcome = order.store.run(&trial).await?;
        outcome.verdict.examples.iter().for_each(|example| say(example));
        say(&outcome);
        Ok(if outcome.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl<C: Choice> Order<C> {
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
