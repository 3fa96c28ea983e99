//! Where a server lives, and as whom.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::account::Account;
use crate::failure::Failure;
use crate::guard::Guard;

/// A temporary directory that belongs to the account which runs the server, and its guard.
pub(crate) struct Place {
    account: Account,
    pub(crate) guard: Guard,
}

impl Place {
    /// `name` shows in the directory's name.
    pub(crate) fn new(name: &str, stop_signal: &str) -> Result<Self, Failure> {
        let account = Account::for_servers()?;
        let guard = Guard::post(account, &format!("ensue-{name}"), stop_signal)?;
        Ok(Self { account, guard })
    }

    pub(crate) fn path(&self) -> &Path {
        self.guard.directory()
    }

    /// A file with this text, which belongs to the account.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let file = self.path().join(name);
        fs::write(&file, text).map_err(Failure::cannot(format!("write {}", file.display())))?;
        self.account.take_over(&file)?;
        Ok(file)
    }

    /// Runs a script of this place as the account, and returns what it prints.
    pub(crate) fn run(&self, script: &str, words: &[&str]) -> Result<String, Failure> {
        let mut shell = self.account.command(Path::new("/bin/sh"));
        shell.arg(script).args(words).current_dir(self.path()).stdin(Stdio::null());
        let output = shell.output().map_err(Failure::cannot("start /bin/sh"))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(said);
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(Failure::new(format!("`{script} {}`: {said}{complaint}", words.join(" "))))
    }

    /// Nothing where there is no such file.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }
}
