//! `cargo xtask torture`: one run, and one line at its end.

use std::process::ExitCode;

use clap::ValueEnum;
use ensue::BoxError;
use torture::{
    Assignment, Choice, CommandLine, Mysql, MysqlArena, NaivePostgres, Ours, Outcome, Postgres,
    PostgresArena, Sqlite, SqliteArena, Trial, run, write,
};

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// SQLite, several processes on one file
    Sqlite,
    /// PostgreSQL, a server of its own
    Postgres,
    /// MariaDB, a server of its own
    Mysql,
    /// A table with a bigserial in PostgreSQL, read by `id > last`: it loses events
    NaivePostgres,
}

#[tokio::main]
async fn main() -> Result<ExitCode, BoxError> {
    CommandLine::<Kind>::obey().await
}

impl Choice for Kind {
    const DOOR: &'static str = "cargo xtask torture";

    async fn run(self, trial: &Trial) -> Result<Outcome, BoxError> {
        match self {
            Self::Sqlite => run(SqliteArena::new()?, trial).await,
            Self::Mysql => run(MysqlArena::new().await?, trial).await,
            Self::Postgres => run(PostgresArena::<Postgres>::new().await?, trial).await,
            Self::NaivePostgres => run(PostgresArena::<NaivePostgres>::new().await?, trial).await,
        }
    }

    async fn write(self, assignment: &Assignment) -> Result<(), BoxError> {
        match self {
            Self::Sqlite => write::<Ours<Sqlite>>(assignment).await,
            Self::Mysql => write::<Ours<Mysql>>(assignment).await,
            Self::Postgres => write::<Ours<Postgres>>(assignment).await,
            Self::NaivePostgres => write::<Ours<NaivePostgres>>(assignment).await,
        }
    }
}
