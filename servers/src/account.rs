//! Whom a server runs as. PostgreSQL and PgBouncer refuse to run as root.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;

/// Who runs the servers of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// Whoever we are.
    Ours,
    /// Somebody with fewer rights, since we are root.
    Lesser { user: u32, group: u32 },
}

impl Account {
    pub(crate) fn for_servers() -> Result<Self, Failure> {
        if !we_are_root()? {
            return Ok(Self::Ours);
        }
        let users = fs::read_to_string(USERS).map_err(Failure::cannot(format!("read {USERS}")))?;
        PREFERRED.iter().find_map(|name| account_of(name, &users)).ok_or_else(|| {
            let names = PREFERRED.join("` or `");
            Failure::new(format!(
                "servers refuse to run as root, and {USERS} has no user `{names}`"
            ))
        })
    }

    /// Root's own temporary directory may be closed to everybody else.
    pub(crate) fn temporary_directory(self) -> PathBuf {
        match self {
            Self::Ours => std::env::temp_dir(),
            Self::Lesser { .. } => PathBuf::from("/tmp"),
        }
    }

    pub(crate) fn take_over(self, path: &Path) -> Result<(), Failure> {
        let Self::Lesser { user, group } = self else { return Ok(()) };
        chown(path, Some(user), Some(group))
            .map_err(Failure::cannot(format!("hand {} over", path.display())))
    }

    /// A command that this account will run. The standard library drops root's supplementary groups
    /// along with the user.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Self::Lesser { user, group } = self {
            command.uid(user).gid(group);
        }
        command
    }
}

/// The standard library does not tell who we are, but a file that we make does.
pub(crate) fn we_are_root() -> Result<bool, Failure> {
    let file = tempfile::tempfile().map_err(Failure::cannot("make a temporary file"))?;
    let metadata = file.metadata().map_err(Failure::cannot("ask whose a temporary file is"))?;
    Ok(metadata.uid() == ROOT)
}

/// From lines of the form `name:password:user:group:…`.
fn account_of(name: &str, users: &str) -> Option<Account> {
    let mut fields = users.lines().map(|line| line.split(':')).find_map(|mut fields| {
        let is_it = fields.next() == Some(name);
        is_it.then_some(fields)
    })?;
    let user = fields.nth(1)?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    (user != ROOT).then_some(Account::Lesser { user, group })
}

const ROOT: u32 = 0;
const USERS: &str = "/etc/passwd";
/// The first comes with PostgreSQL's package, the second with every system.
const PREFERRED: [&str; 2] = ["postgres", "nobody"];

#[cfg(test)]
mod tests {
    use super::*;

    const SOME_USERS: &str = "root:x:0:0:root:/root:/bin/bash\n\
                              nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n";

    #[test]
    fn a_user_is_found_with_its_group() {
        let nobody = Account::Lesser { user: 65534, group: 65533 };
        assert_eq!(account_of("nobody", SOME_USERS), Some(nobody));
    }

    #[test]
    fn a_user_that_is_not_there_is_not_found() {
        assert_eq!(account_of("postgres", SOME_USERS), None);
        assert_eq!(account_of("nobo", SOME_USERS), None);
    }

    #[test]
    fn root_by_any_name_is_no_lesser_account() {
        assert_eq!(account_of("postgres", "postgres:x:0:0::/:/bin/sh"), None);
    }
}
