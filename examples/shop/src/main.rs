//! A small shop on `ensue`: A happens, B ensues.
//!
//! `cargo run -p shop` opens it, tells a story about it step by step and keeps it open;
//! `cargo run -p shop -- story` tells every story and checks every step. Either is over a SQLite file,
//! or with `--database postgres://…` or `--database mysql://…` over a database on a server.
//!
//! With `--broker amqp://…` too, `cargo run -p shop -- processes` has it as four processes.
//!
//! Read [`domain`] first (orders raise events), then [`application`] (what ensues from them), then
//! [`infrastructure`] (the database and the clients of other services). [`web`] is the API,
//! [`outside`] the services of others, [`story`] what is told in the terminal. [`assembly`] puts it
//! together; [`coupled`] is how a part of it would look without events.

mod application;
mod assembly;
mod coupled;
mod database_url;
mod domain;
mod infrastructure;
mod outside;
mod process;
mod processes;
#[cfg(test)]
mod scratch;
mod server;
mod story;
mod terminal;
mod web;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use ensue::{BoxError, Error, Position};
use ensue_mysql::MysqlStore;
use ensue_postgres::PostgresStore;
use ensue_sqlite::SqliteStore;
use tracing_subscriber::EnvFilter;

use crate::application::Database;
use crate::database_url::DatabaseUrl;
use crate::infrastructure::Broker;
use crate::process::{Process, Role, Settings};
use crate::processes::Processes;
use crate::story::{Narrator, Stage};
use crate::terminal::Terminal;

/// A small shop on `ensue`: A happens, B ensues
///
/// Opens the shop, tells a story about it step by step, and keeps it open until Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "shop")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where the shop, and the services it calls, keep their database files; `story` uses a temporary
    /// folder instead
    #[arg(long, value_name = "DIR", default_value = "shop-data", global = true)]
    data: PathBuf,
    /// The shop's own database, if not a file in DIR: `postgres://…`, `mysql://…`, or
    /// `sqlite:FILE`
    #[arg(long, value_name = "URL", global = true)]
    database: Option<DatabaseUrl>,
    /// The port of the shop's API; 0 for any that is free
    #[arg(long, default_value_t = 8080, global = true)]
    port: u16,
    /// RabbitMQ, over which refunds and deliveries are told what happened: `amqp://…`
    #[arg(long, value_name = "URL", global = true)]
    broker: Option<String>,
    /// What the shop's exchange and its queues there are called by
    #[arg(long, value_name = "NAME", default_value = "shop", global = true)]
    broker_name: String,
    /// What runs in this process; all but `all` may share one database, and tell no story
    #[arg(long, value_enum, default_value_t = Role::All)]
    role: Role,
    /// How long a forwarder that was killed keeps what it was doing from another, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 2_000, global = true)]
    lease_ms: u64,
    /// Ends with its standard input
    #[arg(long, hide = true)]
    until_stdin_ends: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell every story on a fresh database and check every step, then exit
    ///
    /// The database is a temporary file, unless --database names another. That must be one in which
    /// no event has been stored.
    Story,
    /// Run the shop as four processes, each started again when it is gone, until Ctrl-C
    ///
    /// They are `web`, `forwarder`, `refunds` and `delivery`, with RabbitMQ between them: --broker names
    /// it. Kill whichever you like.
    Processes {
        /// Tell a story in which each of them is killed, check every step, then exit
        #[arg(long)]
        story: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr(arguments.quietly());
    let terminal = Terminal::of_stdout();
    match run(&terminal, &arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::complain(&*error);
            ExitCode::FAILURE
        }
    }
}

/// The one place that knows which databases there are.
async fn run(terminal: &Terminal, arguments: &Arguments) -> Result<(), BoxError> {
    let temporary = arguments.tells_stories().then(tempfile::tempdir).transpose()?;
    let folder = temporary.as_ref().map_or(&*arguments.data, |folder| folder.path());
    let database = arguments.database_in(folder);
    if let Some(Command::Processes { story }) = arguments.command {
        return run_processes(terminal, arguments, &database, folder, story).await;
    }
    match database {
        DatabaseUrl::Sqlite(file) => {
            run_over(SqliteStore::open(file), terminal, arguments, folder).await
        }
        DatabaseUrl::Mysql(url) => {
            run_over(MysqlStore::connect(&url), terminal, arguments, folder).await
        }
        DatabaseUrl::Postgres(url) => {
            run_over(PostgresStore::connect(&url), terminal, arguments, folder).await
        }
    }
}

async fn run_processes(
    terminal: &Terminal,
    arguments: &Arguments,
    database: &DatabaseUrl,
    folder: &Path,
    story: bool,
) -> Result<(), BoxError> {
    let broker =
        arguments.broker.as_ref().ok_or("name a broker between them with --broker amqp://…")?;
    let port = match arguments.port() {
        // The same at each start, so that customers find it.
        0 => server::listen(0).await?.local_addr()?.port(),
        port => port,
    };
    let mut theirs: Vec<OsString> = vec!["--data".into(), folder.into()];
    theirs.extend(["--database".into(), database.to_string().into()]);
    theirs.extend(["--broker".into(), broker.into()]);
    theirs.extend(["--broker-name".into(), (&arguments.broker_name).into()]);
    theirs.extend(["--port".into(), port.to_string().into()]);
    theirs.extend(["--lease-ms".into(), arguments.lease_ms.to_string().into()]);
    let processes = Processes::start(terminal, &theirs);
    let ended = match story {
        true => story::tell_of_several_processes(&mut Narrator::new(terminal), &processes).await,
        false => Ok(tokio::signal::ctrl_c().await?),
    };
    processes.stop().await;
    ended
}

async fn run_over<D: Database>(
    opening: impl Future<Output = Result<D, Error>>,
    terminal: &Terminal,
    arguments: &Arguments,
    folder: &Path,
) -> Result<(), BoxError> {
    let process = Process::start(arguments.settings(folder), opening).await?;
    let ended = match arguments.command {
        Some(Command::Story) => tell_every_story(terminal, &process).await,
        _ => keep_open(terminal, &process, arguments).await,
    };
    process.stop().await;
    ended
}

impl Arguments {
    fn tells_stories(&self) -> bool {
        matches!(self.command, Some(Command::Story | Command::Processes { story: true }))
    }

    fn database_in(&self, folder: &Path) -> DatabaseUrl {
        self.database.clone().unwrap_or_else(|| DatabaseUrl::Sqlite(folder.join("shop.db")))
    }

    /// Stories need the whole shop, and disturb no other one.
    fn settings(&self, folder: &Path) -> Settings {
        let role = if self.tells_stories() { Role::All } else { self.role };
        let broker = self.broker.as_deref().map(|url| Broker::new(url, &self.broker_name));
        let (folder, port) = (folder.to_owned(), self.port());
        Settings { folder, port, role, lease: self.lease(), broker }
    }

    fn port(&self) -> u16 {
        if self.tells_stories() { 0 } else { self.port }
    }

    /// What is logged unless `RUST_LOG` says so. In a story, what goes wrong on purpose is told on
    /// stdout; that includes mails that a broken mail server did not take, and events that are
    /// parked, which are errors.
    fn quietly(&self) -> &'static str {
        match (&self.command, self.role) {
            (Some(Command::Story), _) => "error,ensue::after_commit=off,ensue::subscription=off",
            (Some(Command::Processes { .. }), _) | (None, Role::All) => "error",
            (None, _) if self.until_stdin_ends => "error",
            (None, Role::Web | Role::Forwarder | Role::Refunds | Role::Delivery) => "warn",
        }
    }

    fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }
}

async fn tell_every_story<D: Database>(
    terminal: &Terminal,
    process: &Process<D>,
) -> Result<(), BoxError> {
    let head = process.events.store().barrier().await?;
    if head != Position::START {
        let why = format!("the log goes to position {head} already: stories need a fresh database");
        return Err(why.into());
    }
    story::tell_all(&mut Stage::new(terminal, process)?).await
}

async fn keep_open<D: Database>(
    terminal: &Terminal,
    process: &Process<D>,
    arguments: &Arguments,
) -> Result<(), BoxError> {
    // Other stories look at subscriptions where a broker has listeners.
    if arguments.role == Role::All && arguments.broker.is_none() {
        story::tell_first(&mut Stage::new(terminal, process)?).await?;
    }
    terminal.listeners(&process.listeners())?;
    if arguments.until_stdin_ends {
        return tokio::select! {
            () = end_of_stdin() => Ok(()),
            ended = tokio::signal::ctrl_c() => Ok(ended?),
        };
    }
    terminal.line("Ctrl-C closes the shop.")?;
    Ok(tokio::signal::ctrl_c().await?)
}

/// On a thread of its own, which nobody waits for at the end.
async fn end_of_stdin() {
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        // Whatever is read, and however it ends.
        drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
        drop(ended);
    });
    drop(end.await);
}

fn log_to_stderr(quietly: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(quietly));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(terminal::is_coloured(&std::io::stderr()))
        .with_writer(std::io::stderr)
        .init();
}
