//! Checks that no derived `Debug` in a library shows a secret: passwords in options and addresses, keys,
//! headers. A type that holds one implements `Debug` by hand.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::walls::{files_of, unreadable};
use crate::workspace;

pub(crate) fn check() -> Result<(), Failure> {
    let root = workspace::metadata()?.workspace_root;
    let mut complaints = Vec::new();
    let crates = Path::new(&root).join("crates");
    let files = files_of(&crates).map_err(unreadable(&crates))?;
    for file in files.iter().filter(|file| file.components().any(|part| part.as_os_str() == "src"))
    {
        let code = fs::read_to_string(file).map_err(unreadable(file))?;
        let found = shown(&code).into_iter();
        complaints.extend(found.map(|found| format!("{}: {found}", file.display())));
    }
    Failure::unless_empty(complaints)
}

/// Foreign types that show a secret, or may hold one.
const TYPES: [&str; 10] = [
    "PgConnectOptions",
    "MySqlConnectOptions",
    "SqliteConnectOptions",
    "AMQPUri",
    "AMQPAuthority",
    "OwnedTLSConfig",
    "Url",
    "Uri",
    "Client",
    "HeaderMap",
];

/// Names of fields that hold a secret, whatever their type.
const FIELDS: [&str; 8] =
    ["url", "uri", "dsn", "password", "passphrase", "secret", "token", "credentials"];

/// Returns a complaint for each type with a derived `Debug` and a field that may be secret.
fn shown(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        if !is_derived(line) {
            continue;
        }
        let definition = lines.by_ref().skip_while(|line| !is_definition(line));
        let mut name = None;
        for line in definition {
            let name =
                name.get_or_insert_with(|| line.trim_end_matches([' ', '{']).trim().to_owned());
            if let Some(secret) = secret_in(line) {
                found.push(format!(
                    "`{name}` derives Debug, which shows `{secret}`; write it by hand"
                ));
            }
            if line.ends_with(';') || line.trim_end() == "}" || line.ends_with("{}") {
                break;
            }
        }
    }
    found
}

fn is_derived(line: &str) -> bool {
    line.trim_start().starts_with("#[derive(") && words(line).any(|word| word == "Debug")
}

fn is_definition(line: &str) -> bool {
    words(line).any(|word| matches!(word, "struct" | "enum"))
}

/// Returns the type or the field in the line that may be secret.
fn secret_in(line: &str) -> Option<&str> {
    let code = line.split("//").next().unwrap_or_default();
    let is_field = |word: &&str| code.contains(&format!("{word}:")) && FIELDS.contains(word);
    words(code).find(|word| TYPES.contains(word) || is_field(word))
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_debug_that_shows_a_secret_is_found() {
        for definition in [
            "pub struct Options {\n    pub(crate) server: PgConnectOptions,\n}",
            "pub struct Options {\n    /// Where.\n    url: String,\n    page: u32,\n}",
            "pub struct Options(Option<reqwest::Client>);",
            "pub enum Place<T> {\n    Here(T),\n    There { uri: String },\n}",
        ] {
            let code = format!("#[derive(Clone, Debug)]\n#[non_exhaustive]\n{definition}\n");
            assert_eq!(shown(&code).len(), 1, "{code}");
            assert_eq!(shown(&code.replace(", Debug", "")).len(), 0, "{code}");
        }
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        let code = "#[derive(Debug)]\nstruct Page {\n    rows: u32, // of a url: none\n}\n\
                    struct Address {\n    url: String,\n}\n";
        assert_eq!(shown(code), [""; 0]);
    }

    #[test]
    fn no_library_shows_one() {
        assert!(check().is_ok());
    }
}
