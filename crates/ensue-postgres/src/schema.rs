//! The schema that our tables are in.

use std::sync::Arc;

use ensue::Error;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// Statements are written for the schema `ensue`, the default; for another one its name is put in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Schema {
    /// The name with a dot, quoted; nothing if it is the one that statements are written for.
    qualifier: Option<Arc<str>>,
}

/// As it stands in the statements.
const WRITTEN: &str = "ensue.";

/// LIMIT: PostgreSQL's names have 63 bytes at the most, and that of our channel has six more than this.
const NAME_BYTES_MAX: usize = 57;

impl Schema {
    pub(crate) fn new(name: &str) -> Result<Self, Error> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_plain) {
            return Err(Error::configuration(format!(
                "`{name}` cannot be the name of a schema: use up to {NAME_BYTES_MAX} letters, \
                 digits and underscores"
            )));
        }
        let is_default = WRITTEN.strip_suffix('.') == Some(name);
        Ok(Self { qualifier: (!is_default).then(|| format!("\"{name}\".").into()) })
    }

    /// A statement of ours for this schema.
    pub(crate) fn sql(&self, statement: &'static str) -> SqlStr {
        match &self.qualifier {
            None => statement.into_sql_str(),
            Some(qualifier) => AssertSqlSafe(statement.replace(WRITTEN, qualifier)).into_sql_str(),
        }
    }

    /// The same with a statement in which numbers were put.
    pub(crate) fn filled_in(&self, statement: String) -> SqlStr {
        match &self.qualifier {
            None => AssertSqlSafe(statement).into_sql_str(),
            Some(qualifier) => AssertSqlSafe(statement.replace(WRITTEN, qualifier)).into_sql_str(),
        }
    }

    /// The statement that makes it.
    pub(crate) fn create(&self) -> SqlStr {
        let name = self.qualifier.as_deref().unwrap_or(WRITTEN).trim_end_matches('.');
        let create = include_str!("sql/create_schema.sql").replace("{schema}", name);
        AssertSqlSafe(create).into_sql_str()
    }

    /// The channel on which the log's growth is told, named as `pass` in the database names it.
    pub(crate) fn channel(&self) -> String {
        self.sql("ensue.log").as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_names_the_schema_wherever_it_named_the_default() {
        let schema = Schema::new("shop_events").unwrap();
        let statement = schema.sql("SELECT FROM ensue.log WHERE ensue_x.y = 'ensue.outbox'");
        let expected = r#"SELECT FROM "shop_events".log WHERE ensue_x.y = '"shop_events".outbox'"#;
        assert_eq!(statement.as_str(), expected);
        assert_eq!(Schema::new("ensue").unwrap().sql("ensue.log").as_str(), "ensue.log");
    }

    #[test]
    fn a_name_that_would_have_to_be_escaped_is_refused() {
        for name in ["", "a.b", "a b", "a\"b", "a'b", "\u{e9}", &"x".repeat(58)] {
            assert!(Schema::new(name).is_err(), "{name}");
        }
        assert!(Schema::new(&"X".repeat(57)).is_ok());
    }
}
