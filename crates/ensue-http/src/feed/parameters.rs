//! What a request asks for.

use ensue::Position;

use super::problem::Problem;

/// The page size of a consumer that does not name one.
const LIMIT_DEFAULT: u64 = 100;

/// LIMIT: the book's parameters are Java's `Long`, and so are the positions of a SQL database.
const NUMBER_MAX: u64 = i64::MAX.unsigned_abs();

#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameters {
    /// How many events the consumer has seen.
    pub(crate) offset: Position,
    /// How many more it wants at the most.
    pub(crate) limit: u64,
}

impl Parameters {
    /// Parameters that we do not know are left to others, as the book's server leaves them: the
    /// query also carries a layer's token or a cache's nonce, which a router cannot tell from a
    /// misspelling.
    pub(crate) fn read(query: &[(String, String)]) -> Result<Self, Problem> {
        Ok(Self {
            offset: Position::new(number(query, "offset")?.unwrap_or(0)),
            limit: number(query, "limit")?.unwrap_or(LIMIT_DEFAULT),
        })
    }
}

fn number(query: &[(String, String)], name: &'static str) -> Result<Option<u64>, Problem> {
    let values: Vec<_> = query.iter().filter(|(other, _)| other == name).collect();
    match values[..] {
        [] => Ok(None),
        [(_, value)] => match whole_number(value) {
            Some(number) => Ok(Some(number)),
            None => Err(refused(name, &format!("`{}`", shortened(value)))),
        },
        _ => Err(refused(name, &format!("given {} times", values.len()))),
    }
}

/// Digits only: `parse` alone would take a sign too.
fn whole_number(value: &str) -> Option<u64> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|number| digits && *number <= NUMBER_MAX)
}

fn refused(name: &'static str, given: &str) -> Problem {
    let accepted = format!("one whole number from 0 to {NUMBER_MAX} in decimal digits");
    Problem::bad_parameter(name, format!("{name} is {given}; accepted is {accepted}"))
}

/// LIMIT: as much of a value as its sender needs in order to recognise it.
fn shortened(value: &str) -> String {
    const CHARS_MAX: usize = 40;
    match value.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}
