//! Where a server is, out of its URL.

use crate::failure::Failure;

/// `postgres://user:password@host:port/database`, of which the password, the port and the database
/// may be missing; what follows a question mark is of no concern here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address {
    user: String,
    password: String,
    host: String,
    port: String,
    pub(crate) database: String,
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, Failure> {
        Self::try_parse(url).ok_or_else(|| {
            // Not the URL itself: it may have a password.
            Failure::new("the URL is not of the form `postgres://user:password@host:port/database`")
        })
    }

    fn try_parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"))?;
        let rest = rest.split('?').next()?;
        let (authority, database) = halves(rest, '/');
        let (account, place) = authority.rsplit_once('@')?;
        let (user, password) = halves(account, ':');
        let (host, port) = halves(place, ':');
        let database = if database.is_empty() { user } else { database };
        Some(Self {
            user: decoded(user)?,
            password: decoded(password)?,
            host: decoded(host).filter(|host| !host.is_empty())?,
            port: if port.is_empty() { "5432" } else { port }.to_owned(),
            database: decoded(database)?,
        })
    }

    /// As PgBouncer's configuration wants it.
    pub(crate) fn connection_string(&self) -> String {
        let Self { user, password, host, port, .. } = self;
        [("host", host), ("port", port), ("user", user), ("password", password)]
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}='{}'", value.replace('\'', "''")))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Before and after the first separator.
fn halves(text: &str, separator: char) -> (&str, &str) {
    text.split_once(separator).unwrap_or((text, ""))
}

/// `%` with two hexadecimal digits stands for a byte.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_told_apart() {
        let address = parsed("postgres://me:se%20cret@db.example:6000/shop?sslmode=disable");
        assert_eq!(address.user, "me");
        assert_eq!(address.password, "se cret");
        assert_eq!((address.host.as_str(), address.port.as_str()), ("db.example", "6000"));
        assert_eq!(address.database, "shop");
    }

    #[test]
    fn what_is_missing_is_as_postgresql_has_it() {
        let address = parsed("postgresql://me@localhost");
        assert_eq!(address.password, "");
        assert_eq!((address.port.as_str(), address.database.as_str()), ("5432", "me"));
    }

    #[test]
    fn a_quote_in_a_password_stays_inside_of_it() {
        let address = parsed("postgres://me:it's@localhost/shop");
        let expected = "host='localhost' port='5432' user='me' password='it''s'";
        assert_eq!(address.connection_string(), expected);
    }

    #[test]
    fn a_failure_does_not_tell_the_password() {
        for url in ["mysql://me:secret@localhost/shop", "postgres://localhost", "secret"] {
            let said = Address::parse(url).unwrap_err().to_string();
            assert!(!said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn a_percent_sign_alone_is_no_url() {
        assert!(Address::parse("postgres://me:100%@localhost/shop").is_err());
    }

    fn parsed(url: &str) -> Address {
        Address::parse(url).unwrap()
    }
}
