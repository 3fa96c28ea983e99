//! Installing what is missing from the distribution's packages, where we may.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::account::we_are_root;
use crate::failure::Failure;

/// A distribution's package.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    /// What it brings, as people call it.
    pub(crate) of: &'static str,
    /// The environment variable that makes it unnecessary.
    pub(crate) instead: &'static str,
}

impl Package {
    /// For who has to install it by hand.
    fn is_missing(&self) -> Failure {
        let Self { name, of, instead } = self;
        Failure::new(format!(
            "tests run against a real {of}, which is not here; install it with \
             `sudo apt-get install --no-install-recommends {name}` or what your system has \
             instead, or set {instead} to the URL of one that runs"
        ))
    }
}

pub(crate) fn install(package: &Package) -> Result<(), Failure> {
    let installer = Installer::find().ok_or_else(|| package.is_missing())?;
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    announce(package);
    installer.install(package)
}

#[expect(clippy::print_stderr, reason = "whoever runs the tests should know what is installed")]
fn announce(package: &Package) {
    let Package { name, of, .. } = package;
    eprintln!("installing the package `{name}`: tests run against a real {of}, and it is not here");
}

/// Servers start side by side, and the lists of packages are written by one at a time.
static TURN: Mutex<()> = Mutex::new(());

/// How we may run `apt-get`: as root, or by a `sudo` that asks for no password.
struct Installer {
    by_sudo: bool,
}

impl Installer {
    fn find() -> Option<Self> {
        let installer = Self { by_sudo: !we_are_root().ok()? };
        succeeds(installer.command(&["--version"])).then_some(installer)
    }

    fn install(&self, package: &Package) -> Result<(), Failure> {
        // Lists that are absent or old are the rule on a fresh machine. Should one source of many
        // fail, the installation may succeed all the same.
        let update = self.apt_get(&["-q", "update"])?;
        let quiet = tempfile::tempdir().map_err(Failure::cannot("make a temporary directory"))?;
        start_no_services(quiet.path()).map_err(Failure::cannot("write a temporary file"))?;
        let path = format!("DPkg::Path={}:{SYSTEM_PATH}", quiet.path().display());
        let options = ["-q", "-y", "--no-install-recommends", "-o", WAIT, "-o", &path];
        let install = self.apt_get(&[&options[..], &["install", package.name]].concat())?;
        if install.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&[update.stderr, install.stderr].concat()).into_owned();
        Err(Failure::new(format!("{}\napt-get said:\n{}", package.is_missing(), said.trim_end())))
    }

    fn apt_get(&self, words: &[&str]) -> Result<Output, Failure> {
        self.command(words).output().map_err(Failure::cannot("start apt-get"))
    }

    /// Asks nothing: neither for a password nor for a choice.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(if self.by_sudo { "sudo" } else { "env" });
        command.args(self.by_sudo.then_some(["-n", "env"]).into_iter().flatten());
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(words);
        command.stdin(Stdio::null());
        command
    }
}

fn succeeds(mut command: Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// We want programs, not a service on somebody's machine. A package starts its services by these
/// commands; during the installation it finds ones that do nothing, and no trace is left.
fn start_no_services(folder: &Path) -> std::io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    for command in STARTS_SERVICES {
        let file = folder.join(command);
        fs::write(&file, "#!/bin/sh\nexit 0\n")?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

const STARTS_SERVICES: [&str; 5] =
    ["deb-systemd-helper", "deb-systemd-invoke", "invoke-rc.d", "pg_createcluster", "update-rc.d"];
const SYSTEM_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// LIMIT: seconds for another installation to end, such as that of a second test run.
const WAIT: &str = "DPkg::Lock::Timeout=300";

#[cfg(test)]
mod tests {
    use super::*;

    const POSTGRES: Package =
        Package { name: "postgresql", of: "PostgreSQL", instead: "ENSUE_TEST_POSTGRES_URL" };

    #[test]
    fn who_may_not_install_is_told_the_command_and_the_variable() {
        let said = POSTGRES.is_missing().to_string();
        assert!(said.contains("`sudo apt-get install --no-install-recommends postgresql`"));
        assert!(said.contains("set ENSUE_TEST_POSTGRES_URL"));
    }

    #[test]
    fn commands_that_would_start_a_service_do_nothing_and_succeed() {
        let folder = tempfile::tempdir().unwrap();
        start_no_services(folder.path()).unwrap();
        for command in STARTS_SERVICES {
            assert!(succeeds(Command::new(folder.path().join(command))), "{command}");
        }
    }
}
