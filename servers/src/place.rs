//! Where a server lives, and as whom.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::account::Account;
use crate::failure::Failure;

/// A temporary directory that belongs to the account which runs the server.
pub(crate) struct Place {
    directory: TempDir,
    account: Account,
}

impl Place {
    /// `name` shows in the directory's name.
    pub(crate) fn new(name: &str) -> Result<Self, Failure> {
        let account = Account::for_servers()?;
        let directory = tempfile::Builder::new()
            .prefix(&format!("ensue-{name}-"))
            .tempdir_in(account.temporary_directory())
            .map_err(Failure::cannot("make a temporary directory"))?;
        account.take_over(directory.path())?;
        Ok(Self { directory, account })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A file with this text, readable by the account.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let file = self.path().join(name);
        fs::write(&file, text).map_err(Failure::cannot(format!("write {}", file.display())))?;
        self.account.take_over(&file)?;
        Ok(file)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    /// A command that runs here, as the account, in a language that every system has.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = self.account.command(program);
        command.current_dir(self.path()).env("LC_ALL", "C");
        command
    }

    /// Runs a program to its end.
    pub(crate) fn run(&self, program: &Path, arguments: &[&OsStr]) -> Result<(), Failure> {
        let name = program.display();
        let output = self.command(program).args(arguments).output();
        let output = output.map_err(Failure::cannot(format!("start {name}")))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Failure::new(format!("{name} ended with {}: {}", output.status, said.trim_end())))
    }
}
