//! The rivals' workspaces: see `bench/rivals/README.md`, `bench/relays/README.md` and
//! `bench/judged/README.md`.

use std::path::{Path, PathBuf};

use servers::Surroundings;

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::step;

/// A workspace of its own, of what we are only ever compared with.
#[derive(Clone, Copy)]
pub(crate) struct Rivals {
    name: &'static str,
}

/// Of the dispatch.
pub(crate) const DISPATCH: Rivals = Rivals { name: "rivals" };

/// Of the forwarder.
pub(crate) const RELAYS: Rivals = Rivals { name: "relays" };

/// Of the log.
pub(crate) const JUDGED: Rivals = Rivals { name: "judged" };

/// All of them.
pub(crate) const ALL: [Rivals; 3] = [DISPATCH, RELAYS, JUDGED];

impl Rivals {
    /// That they build, that no lint speaks up, and that every arm does its work.
    pub(crate) fn check(self) -> Result<(), Failure> {
        let clippy = self.command("clippy --all-targets").handing_on(&["-D", "warnings"]);
        step::cargo(self.name, &clippy)?;
        step::cargo(self.name, &self.command("test"))
    }

    pub(crate) fn run(self, arguments: &[String]) -> Result<(), Failure> {
        step::cargo("bench", &self.program(arguments))
    }

    /// For those whose events are in a database.
    pub(crate) fn run_with(
        self,
        surroundings: &Surroundings,
        arguments: &[String],
    ) -> Result<(), Failure> {
        step::cargo("bench", &self.program(arguments).with_servers(surroundings))
    }

    pub(crate) fn fmt(self) -> Cargo {
        self.on_their_manifest("fmt").handing_on(&["--check"])
    }

    fn program(self, arguments: &[String]) -> Cargo {
        self.command("run --release").handing_on(arguments)
    }

    /// Builds go into the target folder of everybody: what both build alike is built once.
    fn command(self, words: &str) -> Cargo {
        let target = root().join("target");
        self.on_their_manifest(words).with_arguments(&["--target-dir", &target.to_string_lossy()])
    }

    fn on_their_manifest(self, words: &str) -> Cargo {
        let manifest = root().join("bench").join(self.name).join("Cargo.toml");
        Cargo::new(words).with_arguments(&["--manifest-path", &manifest.to_string_lossy()])
    }
}

/// The command may be run from any folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("")
}
