//! Which database the shop is over.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A database, as it is named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DatabaseUrl {
    /// `sqlite:FILE`
    Sqlite(PathBuf),
    /// `mysql://…`, also of MariaDB
    Mysql(String),
    /// `postgres://…`, as PostgreSQL's own programs take it
    Postgres(String),
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => write!(f, "sqlite:{}", file.display()),
            Self::Mysql(url) | Self::Postgres(url) => f.write_str(url),
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = &'static str;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        match url.split_once(':') {
            Some(("mysql" | "mariadb", _)) => Ok(Self::Mysql(url.to_owned())),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(url.to_owned())),
            Some(("sqlite", file)) if !file_named(file).is_empty() => {
                Ok(Self::Sqlite(file_named(file).into()))
            }
            _ => Err(
                "a database is named by postgres://USER@HOST/NAME, mysql://USER@HOST/NAME or sqlite:FILE",
            ),
        }
    }
}

/// As other programs write it, `sqlite://FILE` is the same.
fn file_named(file: &str) -> &str {
    file.strip_prefix("//").unwrap_or(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_its_url() {
        for url in ["postgres://anna@localhost/shop", "postgresql:///shop"] {
            assert_eq!(url.parse(), Ok(DatabaseUrl::Postgres(url.to_owned())));
        }
        for url in ["mysql://anna@localhost/shop", "mariadb://localhost/shop"] {
            assert_eq!(url.parse(), Ok(DatabaseUrl::Mysql(url.to_owned())));
        }
    }

    #[test]
    fn a_file_is_named_with_and_without_slashes() {
        for (url, file) in [
            ("sqlite:shop.db", "shop.db"),
            ("sqlite://shop.db", "shop.db"),
            ("sqlite:///tmp/shop.db", "/tmp/shop.db"),
            ("sqlite:/tmp/shop.db", "/tmp/shop.db"),
        ] {
            assert_eq!(url.parse(), Ok(DatabaseUrl::Sqlite(file.into())), "{url}");
        }
    }

    #[test]
    fn what_names_no_database_is_answered_with_what_does() {
        for url in ["", "shop.db", "sqlite:", "sqlite://", "oracle://localhost/shop"] {
            let refused = url.parse::<DatabaseUrl>().unwrap_err();
            assert!(refused.contains("postgres://") && refused.contains("sqlite:FILE"), "{url}");
        }
    }
}
