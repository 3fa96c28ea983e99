//! The rivals' workspace: see `bench/rivals/README.md`.

use std::path::{Path, PathBuf};

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::step;

/// That they build, that no lint speaks up, and that every arm calls its handlers.
pub(crate) fn check() -> Result<(), Failure> {
    let clippy = command("clippy --all-targets").handing_on(&["-D", "warnings"]);
    step::cargo("rivals", &clippy)?;
    step::cargo("rivals", &command("test"))
}

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    step::cargo("bench", &command("run --release").handing_on(arguments))
}

pub(crate) fn fmt() -> Cargo {
    on_their_manifest("fmt").handing_on(&["--check"])
}

/// Builds go into the target folder of everybody: what both build alike is built once.
fn command(words: &str) -> Cargo {
    let target = root().join("target");
    on_their_manifest(words).with_arguments(&["--target-dir", &target.to_string_lossy()])
}

fn on_their_manifest(words: &str) -> Cargo {
    let manifest = root().join("bench/rivals/Cargo.toml");
    Cargo::new(words).with_arguments(&["--manifest-path", &manifest.to_string_lossy()])
}

/// The command may be run from any folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("")
}
