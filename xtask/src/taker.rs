//! A throw-away crate that depends on one of ours and nothing else.
//!
//! Inside the workspace, features are unified: what the shop or a benchmark turns on would show up
//! below every crate. Only from outside is it seen what a user gets.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use cargo_metadata::{Metadata, MetadataCommand, Package};

use crate::failure::Failure;
use crate::graph::Graph;

pub(crate) struct Taker<'a> {
    workspace: &'a Metadata,
    member: &'a Package,
}

/// What arrives with the member, every feature of it turned on.
pub(crate) struct Taken {
    pub(crate) graph: Graph,
    /// Names of all packages in the lock file; more than the graph holds.
    pub(crate) locked: BTreeSet<String>,
}

impl<'a> Taker<'a> {
    pub(crate) fn new(workspace: &'a Metadata, member: &'a Package) -> Self {
        Self { workspace, member }
    }

    pub(crate) fn resolve(&self) -> Result<Taken, Failure> {
        let member = &self.member.name;
        self.write().map_err(|error| {
            Failure::new(format!("cannot write a taker of `{member}`: {error}"))
        })?;
        let metadata = self
            .metadata(&["--offline"])
            .or_else(|_not_all_downloaded| self.metadata(&[]))
            .map_err(|error| Failure::new(format!("nobody can take `{member}`: {error}")))?;
        let lock_file = self.folder().join("Cargo.lock");
        let locked = fs::read_to_string(&lock_file).map_err(|error| {
            Failure::new(format!("cannot read {}: {error}", lock_file.display()))
        })?;
        Ok(Taken { graph: Graph::from(&metadata), locked: locked_names(&locked) })
    }

    fn write(&self) -> std::io::Result<()> {
        let folder = self.folder();
        fs::create_dir_all(folder.join("src"))?;
        fs::write(folder.join("src/lib.rs"), "")?;
        fs::write(folder.join("Cargo.toml"), self.manifest())?;
        // Starts from our versions, so that the answer depends on nothing published today; cargo
        // drops what the taker does not reach.
        fs::copy(self.workspace.workspace_root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
        Ok(())
    }

    fn manifest(&self) -> String {
        let name = &self.member.name;
        let path = self.member.manifest_path.with_file_name("");
        let features: Vec<_> = self.member.features.keys().collect();
        format!(
            "[package]\nname = \"takes-{name}\"\nedition = \"2024\"\npublish = false\n\n\
             [workspace]\n\n\
             [dependencies]\n{name} = {{ path = '{path}', features = {features:?} }}\n"
        )
    }

    fn metadata(&self, options: &[&str]) -> Result<Metadata, cargo_metadata::Error> {
        let options: Vec<_> = options.iter().map(|option| (*option).to_owned()).collect();
        MetadataCommand::new()
            .manifest_path(self.folder().join("Cargo.toml"))
            .other_options(options)
            .exec()
    }

    fn folder(&self) -> PathBuf {
        let takers = self.workspace.target_directory.join("xtask/takers");
        takers.join(self.member.name.as_str()).into()
    }
}

fn locked_names(lock_file: &str) -> BTreeSet<String> {
    lock_file
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .map(String::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_is_read_for_its_packages_and_not_for_their_dependencies() {
        let lock_file = "version = 4\n\n[[package]]\nname = \"sqlx\"\nversion = \"0.9.0\"\n\
                         dependencies = [\n \"sqlx-core\",\n]\n\n[[package]]\nname = \"syn\"\n";
        let names: Vec<_> = locked_names(lock_file).into_iter().collect();
        assert_eq!(names, ["sqlx", "syn"]);
    }
}
