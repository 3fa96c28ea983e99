//! Where a server's programs are. Distributions keep PostgreSQL's out of `PATH`.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::failure::Failure;
use crate::packages::{self, Package};

/// What a server is made of: programs that lie in one folder, so that they are of one version.
pub(crate) struct Programs {
    pub(crate) names: &'static [&'static str],
    /// Patterns with at most one `*`, which stands for a part of a folder's name.
    pub(crate) folders: &'static [&'static str],
    pub(crate) package: Package,
}

impl Programs {
    /// The folder that has them, after an installation if need be.
    pub(crate) fn find_or_install(&self) -> Result<PathBuf, Failure> {
        if let Some(folder) = self.find() {
            return Ok(folder);
        }
        packages::install(&self.package)?;
        self.find().ok_or_else(|| {
            let names = self.names.join("`, `");
            Failure::new(format!("{} is installed, but where is `{names}`?", self.package.name))
        })
    }

    /// `PATH` goes first, so that anybody may choose a version; then the newest elsewhere.
    fn find(&self) -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let elsewhere = self.folders.iter().flat_map(|pattern| matching(pattern));
        env::split_paths(&path).chain(elsewhere).find(|folder| self.are_in(folder))
    }

    fn are_in(&self, folder: &Path) -> bool {
        self.names.iter().all(|name| folder.join(name).is_file())
    }
}

/// The existing folders of a pattern, the newest first.
fn matching(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else {
        return vec![PathBuf::from(pattern)];
    };
    let (parent, beginning) = before.rsplit_once('/').unwrap_or((".", before));
    let after = after.trim_start_matches('/');
    let mut names: Vec<_> = names_in(Path::new(parent))
        .into_iter()
        .filter(|name| name.starts_with(beginning))
        .collect();
    names.sort_by_key(|name| std::cmp::Reverse(version(&name[beginning.len()..])));
    names.into_iter().map(|name| Path::new(parent).join(name).join(after)).collect()
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Comparable as versions are: 9.6 before 15, 15 before 18. What is no version is oldest.
fn version(name: &str) -> Vec<u32> {
    name.split('.').map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: Programs = Programs {
        names: &["initdb", "postgres"],
        folders: &[],
        package: Package { name: "postgresql", of: "PostgreSQL", instead: "" },
    };

    #[test]
    fn the_newest_version_comes_first() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9.6", "15", "9.10", "18", "16beta"] {
            fs::create_dir_all(root.path().join(version).join("bin")).unwrap();
        }
        let found = matching(&format!("{}/*/bin", root.path().display()));
        let versions = ["18", "15", "9.10", "9.6", "16beta"];
        assert_eq!(found, versions.map(|version| root.path().join(version).join("bin")));
    }

    #[test]
    fn a_star_may_be_part_of_a_name() {
        let root = tempfile::tempdir().unwrap();
        for name in ["pgsql-15", "pgsql-17", "mysql-99"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        let found = matching(&format!("{}/pgsql-*/bin", root.path().display()));
        let names = ["pgsql-17/bin", "pgsql-15/bin"];
        assert_eq!(found, names.map(|name| root.path().join(name)));
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_programs() {
        assert!(matching("/no/such/folder/*/bin").is_empty());
    }

    #[test]
    fn programs_are_only_found_together() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("postgres"), "").unwrap();
        assert!(!SERVER.are_in(folder.path()));
        fs::write(folder.path().join("initdb"), "").unwrap();
        assert!(SERVER.are_in(folder.path()));
    }
}
