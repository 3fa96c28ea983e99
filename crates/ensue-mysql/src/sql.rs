//! Statements, one a file, and what is put into them.

/// The database's clock, in microseconds since 1970, whatever the time zone. It is no function of ours,
/// because on many servers nobody but an administrator may make one.
pub(crate) const NOW_US: &str =
    "TIMESTAMPDIFF(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', UTC_TIMESTAMP(6))";

/// The statement in the file of this name.
macro_rules! sql {
    ($name:literal) => {{
        static STATEMENT: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/sql/", $name, ".sql"))
                .replace("ensue_now_us()", $crate::sql::NOW_US)
        });
        STATEMENT.as_str()
    }};
}

pub(crate) use sql;

/// Statements whose row of values is repeated, in a few sizes, so that each is prepared once: 100 rows
/// take 64 + 4 × 8 + 4 × 1.
pub(crate) struct Repeated([(usize, String); 4]);

impl Repeated {
    /// From a statement for one row, which stands in a line of its own.
    pub(crate) fn of(single: &str) -> Self {
        let row = single.lines().find_map(|line| line.strip_prefix("VALUES ")).unwrap_or_default();
        let repeated = |rows| (rows, single.replace(row, &vec![row; rows].join(", ")));
        Self([512, 64, 8, 1].map(repeated))
    }

    /// Cuts `rest` into what one statement takes and what comes later, by the largest size that fits.
    pub(crate) fn cut<'r, R>(
        &'static self,
        rest: &'r [R],
    ) -> Option<(&'static str, &'r [R], &'r [R])> {
        self.0.iter().find_map(|(rows, statement)| {
            let (now, later) = rest.split_at_checked(*rows)?;
            Some((statement.as_str(), now, later))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_of_a_statement_is_repeated_and_nothing_else() {
        let Repeated(sizes) =
            Repeated::of("INSERT\nVALUES (?, ?)\nON DUPLICATE KEY UPDATE a = VALUES(a)");
        let (rows, statement) = &sizes[3];
        assert_eq!((*rows, statement.matches("(?, ?)").count()), (1, 1));
        let (rows, statement) = &sizes[2];
        assert_eq!((*rows, statement.matches("(?, ?)").count()), (8, 8));
        assert!(statement.ends_with("UPDATE a = VALUES(a)"));
    }

    #[test]
    fn rows_are_cut_by_the_largest_size_that_fits() {
        static REPEATED: std::sync::LazyLock<Repeated> =
            std::sync::LazyLock::new(|| Repeated::of("VALUES (?)"));
        let mut rest = &[0; 100][..];
        let mut lengths = Vec::new();
        while let Some((_, now, later)) = REPEATED.cut(rest) {
            lengths.push(now.len());
            rest = later;
        }
        assert_eq!(lengths, [64, 8, 8, 8, 8, 1, 1, 1, 1]);
    }
}
