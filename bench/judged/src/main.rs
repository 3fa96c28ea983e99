//! Other crates' logs under what ours stands, and before the same judge: `cargo xtask bench judged`.
//!
//! Each is used as its documentation shows, and read by its own reader. What of a writer's plan or of
//! what can go wrong there cannot be with a crate is left out, and named where it is:
//! [`Disintegrate`], [`Obix`].

mod arena;
mod disintegrate;
mod domain;
mod obix;

use std::process::ExitCode;

use clap::ValueEnum;
use ensue::BoxError;
use torture::{Assignment, Choice, CommandLine, Outcome, Trial, run, write};

use crate::arena::PeerArena;
use crate::disintegrate::Disintegrate;
use crate::obix::Obix;

#[derive(Clone, Copy, ValueEnum)]
enum Peer {
    /// disintegrate-postgres 4.0.1
    Disintegrate,
    /// obix 0.16.0
    Obix,
}

#[tokio::main]
async fn main() -> Result<ExitCode, BoxError> {
    CommandLine::<Peer>::obey().await
}

impl Choice for Peer {
    const DOOR: &'static str = "cargo xtask bench judged";

    async fn run(self, trial: &Trial) -> Result<Outcome, BoxError> {
        match self {
            Self::Disintegrate => run(PeerArena::<Disintegrate>::new().await?, trial).await,
            Self::Obix => run(PeerArena::<Obix>::new().await?, trial).await,
        }
    }

    async fn write(self, assignment: &Assignment) -> Result<(), BoxError> {
        match self {
            Self::Disintegrate => write::<Disintegrate>(assignment).await,
            Self::Obix => write::<Obix>(assignment).await,
        }
    }
}
