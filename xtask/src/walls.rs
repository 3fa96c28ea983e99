//! What the layers inside the shop may mention: its domain knows no outside, its application no
//! particular one.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::failure::Failure;

const WALLS: &[Wall] = &[
    Wall {
        folder: "examples/shop/src/domain",
        keeps_out: &[
            "crate::application",
            "crate::infrastructure",
            "crate::web",
            "super::application",
            "super::infrastructure",
            "super::web",
            GROUPED,
            "ensue::",
            "ensue_http",
            "ensue_mysql",
            "ensue_postgres",
            "ensue_sqlite",
            "sqlx",
            "tokio",
            "axum",
            "reqwest",
        ],
    },
    Wall {
        folder: "examples/shop/src/application",
        keeps_out: &[
            "crate::infrastructure",
            "crate::web",
            "super::infrastructure",
            "super::web",
            GROUPED,
            "ensue_mysql",
            "ensue_postgres",
            "sqlx",
            "axum",
            "reqwest",
        ],
    },
];

/// A scan by lines cannot tell which layers `use crate::{…}` means: one `use` for each is asked.
const GROUPED: &str = "crate::{";

pub(crate) fn complaints(workspace_root: &Path) -> Result<Vec<String>, Failure> {
    let mut complaints = Vec::new();
    for wall in WALLS {
        complaints.extend(wall.complaints(workspace_root)?);
    }
    Ok(complaints)
}

struct Wall {
    folder: &'static str,
    keeps_out: &'static [&'static str],
}

impl Wall {
    fn complaints(&self, workspace_root: &Path) -> Result<Vec<String>, Failure> {
        let folder = workspace_root.join(self.folder);
        if !folder.is_dir() {
            let complaint = format!(
                "{} is no folder; a layer that moved is a layer unguarded: correct xtask/src/walls.rs",
                self.folder
            );
            return Ok(vec![complaint]);
        }
        let mut complaints = Vec::new();
        for file in files_of(&folder).map_err(unreadable(&folder))? {
            let code = fs::read_to_string(&file).map_err(unreadable(&file))?;
            let shown = file.strip_prefix(workspace_root).unwrap_or(&file).display();
            for (line, mentioned) in mentions(&code, self.keeps_out) {
                complaints.push(complaint(&format!("{shown}:{line}"), mentioned));
            }
        }
        Ok(complaints)
    }
}

fn complaint(place: &str, mentioned: &str) -> String {
    if mentioned == GROUPED {
        return format!("{place} groups layers with `{mentioned}`; write one `use` for each layer");
    }
    format!("{place} mentions `{mentioned}`, which its layer must not know (xtask/src/walls.rs)")
}

pub(crate) fn unreadable(path: &Path) -> impl Fn(io::Error) -> Failure {
    move |error| Failure::new(format!("cannot read {}: {error}", path.display()))
}

/// All below `foo/`, and `foo.rs` beside it.
pub(crate) fn files_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let root = folder.with_extension("rs");
    let mut files = if root.is_file() { vec![root] } else { Vec::new() };
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Line numbers, counted from one, with what is mentioned there.
fn mentions<'a>(code: &str, keeps_out: &[&'a str]) -> Vec<(usize, &'a str)> {
    let mut found = Vec::new();
    for (line, number) in code.lines().zip(1..) {
        let code = without_comment(line);
        let here = keeps_out.iter().filter(|path| is_mentioned(path, code));
        found.extend(here.map(|path| (number, *path)));
    }
    found
}

/// A comment depends on nothing, and may well say why something is kept out.
fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or(line)
}

fn is_mentioned(path: &str, code: &str) -> bool {
    code.match_indices(path).any(|(start, _)| {
        let before = code[..start].chars().next_back();
        let after = code[start + path.len()..].chars().next();
        let starts_a_word = !before.is_some_and(is_of_a_word);
        let ends_a_word = !path.ends_with(is_of_a_word) || !after.is_some_and(is_of_a_word);
        starts_a_word && ends_a_word
    })
}

fn is_of_a_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN: &[&str] = WALLS[0].keeps_out;
    const APPLICATION: &[&str] = WALLS[1].keeps_out;

    #[test]
    fn what_a_domain_needs_is_fine() {
        let code = "use ensue_core::Event;\nuse serde::Serialize;\nuse std::fmt;\n\
                    use core::num::NonZero;\nuse crate::domain::{Order, Payment};\nuse super::Money;";
        assert_eq!(mentions(code, DOMAIN), []);
    }

    #[test]
    fn a_use_of_an_outer_layer_is_found_on_its_line() {
        let code = "use std::fmt;\nuse crate::web::Page;";
        assert_eq!(mentions(code, DOMAIN), [(2, "crate::web")]);
    }

    #[test]
    fn a_path_in_the_middle_of_code_is_found() {
        assert_eq!(mentions("    let pool: sqlx::SqlitePool;", DOMAIN), [(1, "sqlx")]);
        assert_eq!(mentions("#[tokio::test]", DOMAIN), [(1, "tokio")]);
        assert_eq!(mentions("use ensue::Runtime;", DOMAIN), [(1, "ensue::")]);
    }

    #[test]
    fn the_way_round_by_super_is_found() {
        assert_eq!(mentions("use super::super::web::Page;", DOMAIN), [(1, "super::web")]);
    }

    #[test]
    fn layers_grouped_in_one_use_are_found() {
        assert_eq!(mentions("use crate::{domain, web};", APPLICATION), [(1, GROUPED)]);
    }

    #[test]
    fn part_of_a_longer_word_is_no_mention() {
        assert_eq!(mentions("use crate::website::maxaxum;", DOMAIN), []);
    }

    #[test]
    fn a_comment_is_no_mention() {
        assert_eq!(mentions("/// Knows nothing of sqlx.\nfn fold() {} // nor of axum", DOMAIN), []);
    }

    #[test]
    fn an_application_may_wait_but_not_query() {
        let code = "use tokio::sync::watch;\nuse ensue::Handler;\nuse sqlx::query;";
        assert_eq!(mentions(code, APPLICATION), [(3, "sqlx")]);
    }
}
