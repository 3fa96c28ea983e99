//! A small shop on `ensue`: A happens, B ensues.
//!
//! `cargo run -p shop` opens it, tells a story about it step by step and keeps it open;
//! `cargo run -p shop -- story` tells every story and checks every step.
//!
//! Read [`domain`] first (orders raise events), then [`application`] (what ensues from them), then
//! [`infrastructure`] (the database and the clients of other services). [`web`] is the API,
//! [`outside`] the services of others, [`story`] what is told in the terminal. [`assembly`] puts it
//! together; [`coupled`] is how a part of it would look without events.

mod application;
mod assembly;
mod coupled;
mod domain;
mod infrastructure;
mod outside;
mod process;
#[cfg(test)]
mod scratch;
mod server;
mod story;
mod terminal;
mod web;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use ensue::BoxError;
use tracing_subscriber::EnvFilter;

use crate::process::{Process, Role, Settings};
use crate::story::Stage;
use crate::terminal::Terminal;

/// A small shop on `ensue`: A happens, B ensues
///
/// Opens the shop, tells a story about it step by step, and keeps it open until Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "shop")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where the shop, and the services it calls, keep their database files
    #[arg(long, value_name = "DIR", default_value = "shop-data")]
    data: PathBuf,
    /// The port of the shop's API; 0 for any that is free
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// What runs in this process; `web` and `forwarder` may share one DIR, and tell no story
    #[arg(long, value_enum, default_value_t = Role::All)]
    role: Role,
    /// How long a forwarder that was killed keeps what it was doing from another, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 2_000)]
    lease_ms: u64,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell every story on a fresh temporary database and check every step, then exit
    Story,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr(arguments.quietly());
    let terminal = Terminal::of_stdout();
    let ended = match arguments.command {
        Some(Command::Story) => tell_every_story(&terminal, arguments.lease()).await,
        None => open_the_shop(&terminal, &arguments.settings()).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::complain(&*error);
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    fn settings(&self) -> Settings {
        Settings {
            folder: self.data.clone(),
            port: self.port,
            role: self.role,
            lease: self.lease(),
        }
    }

    /// What is logged unless `RUST_LOG` says so. In a story, what goes wrong on purpose is told on
    /// stdout; that includes mails that a broken mail server did not take, and events that are
    /// parked, which are errors.
    fn quietly(&self) -> &'static str {
        match (&self.command, self.role) {
            (Some(Command::Story), _) => "error,ensue::after_commit=off,ensue::subscription=off",
            (None, Role::All) => "error",
            (None, Role::Web | Role::Forwarder) => "warn",
        }
    }

    fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }
}

async fn tell_every_story(terminal: &Terminal, lease: Duration) -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let folder_path = folder.path().to_owned();
    let settings = Settings { folder: folder_path, port: 0, role: Role::All, lease };
    let process = Process::start(&settings).await?;
    let told = story::tell_all(&mut Stage::new(terminal, &process)?).await;
    process.stop().await;
    told
}

async fn open_the_shop(terminal: &Terminal, settings: &Settings) -> Result<(), BoxError> {
    let process = Process::start(settings).await?;
    let ended = async {
        if settings.role == Role::All {
            story::tell_first(&mut Stage::new(terminal, &process)?).await?;
        }
        terminal.listeners(&process.listeners())?;
        terminal.line("Ctrl-C closes the shop.")?;
        Ok(tokio::signal::ctrl_c().await?)
    };
    let ended = ended.await;
    process.stop().await;
    ended
}

fn log_to_stderr(quietly: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(quietly));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(terminal::is_coloured(&std::io::stderr()))
        .with_writer(std::io::stderr)
        .init();
}
