//! Which foreign packages must never reach whoever takes one of our crates.

use crate::taker::Taken;

/// A trailing `*` stands for any ending.
const BOUNDS: &[Bound] = &[
    Bound {
        whose: Whose::Only("ensue-core"),
        keeps_out: &["tokio", "sqlx*", "axum*"],
        because: "a domain depends on it, and a domain knows no runtime, database or web",
    },
    Bound {
        whose: Whose::Only("ensue"),
        keeps_out: &["sqlx*", "axum*"],
        because: "it serves every store and every front, so it brings none",
    },
    Bound {
        whose: Whose::EveryoneBut("ensue-sqlite"),
        keeps_out: &["sqlx-sqlite", "libsqlite3-sys"],
        because: "SQLite comes with ensue-sqlite alone",
    },
    Bound {
        whose: Whose::Only("ensue-sqlite"),
        keeps_out: &["sqlx-postgres", "sqlx-mysql", "tokio-postgres"],
        because: "whoever takes ensue-sqlite gets no other database's driver; \
                  sqlx's features macros, migrate, json, uuid and time each lock them all",
    },
    Bound {
        whose: Whose::Only("ensue-mysql"),
        keeps_out: &["sqlx-sqlite", "sqlx-postgres", "tokio-postgres"],
        because: "whoever takes ensue-mysql gets no other database's driver; \
                  sqlx's features macros, migrate, json, uuid and time each lock them all",
    },
    Bound {
        whose: Whose::Only("ensue-postgres"),
        keeps_out: &["sqlx-sqlite", "sqlx-mysql", "tokio-postgres"],
        because: "whoever takes ensue-postgres gets no other driver, also none for the same \
                  database; sqlx's features macros, migrate, json, uuid and time each lock them all",
    },
    Bound {
        whose: Whose::EveryoneBut("ensue-amqp"),
        keeps_out: &["lapin", "amq-protocol*"],
        because: "a broker's client comes with the crate for that broker alone",
    },
];

pub(crate) fn complaints(member: &str, taken: &Taken) -> Vec<String> {
    BOUNDS
        .iter()
        .filter(|bound| bound.whose.is(member))
        .flat_map(|bound| bound.complaints(member, taken))
        .collect()
}

struct Bound {
    whose: Whose,
    keeps_out: &'static [&'static str],
    because: &'static str,
}

enum Whose {
    Only(&'static str),
    EveryoneBut(&'static str),
}

impl Whose {
    fn is(&self, member: &str) -> bool {
        match self {
            Self::Only(name) => *name == member,
            Self::EveryoneBut(name) => *name != member,
        }
    }
}

impl Bound {
    fn complaints(&self, member: &str, taken: &Taken) -> Vec<String> {
        let because = self.because;
        self.keeps_out
            .iter()
            .filter_map(|pattern| trespass(member, pattern, taken))
            .map(|trespass| format!("{trespass}: {because}"))
            .collect()
    }
}

/// The lock file is asked too, for it is what a user ends up with: a feature that is forwarded
/// weakly (`driver?/feature`) puts a driver into it without ever compiling it.
fn trespass(member: &str, pattern: &str, taken: &Taken) -> Option<String> {
    if let Some(way) = taken.graph.way_down(member, |name| matches(pattern, name)) {
        return Some(format!("`{member}` takes a package it must not: {}", way.join(" -> ")));
    }
    let locked = taken.locked.iter().find(|name| matches(pattern, name))?;
    Some(format!("`{member}` puts `{locked}` into the lock file of whoever takes it"))
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::graph::made_up;

    #[test]
    fn a_runtime_deep_below_the_core_is_shown_with_the_way_to_it() {
        let taken = taken(&[("ensue-core", &["uuid"]), ("uuid", &["tokio"])], &[]);
        let found = complaints("ensue-core", &taken);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("ensue-core -> uuid -> tokio: a domain"));
    }

    #[test]
    fn a_star_stands_for_any_ending() {
        let taken = taken(&[("ensue", &["sqlx-core"])], &[]);
        assert_eq!(complaints("ensue", &taken).len(), 1);
    }

    #[test]
    fn a_runtime_below_ensue_is_fine() {
        assert_eq!(complaints("ensue", &taken(&[("ensue", &["tokio"])], &[])), [""; 0]);
    }

    #[test]
    fn sqlite_is_fine_below_ensue_sqlite_and_nowhere_else() {
        let below_sqlite = taken(&[("ensue-sqlite", &["sqlx-sqlite"])], &["sqlx-sqlite"]);
        assert_eq!(complaints("ensue-sqlite", &below_sqlite), [""; 0]);
        let below_http = taken(&[("ensue-http", &["sqlx-sqlite"])], &["sqlx-sqlite"]);
        assert_eq!(complaints("ensue-http", &below_http).len(), 1);
    }

    #[test]
    fn a_driver_that_is_only_locked_is_found_too() {
        let taken = taken(&[("ensue-sqlite", &["sqlx"])], &["sqlx", "sqlx-postgres"]);
        let found = complaints("ensue-sqlite", &taken);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("puts `sqlx-postgres` into the lock file"));
    }

    fn taken(rows: &[(&str, &[&str])], locked: &[&str]) -> Taken {
        let locked: BTreeSet<_> = locked.iter().map(|name| (*name).to_owned()).collect();
        Taken { graph: made_up::graph(rows), locked }
    }
}
