//! Statements for several rows at once.

/// A statement for one row, with its values repeated, in a few sizes, so that each is prepared once.
/// 100 rows take 64 + 4 × 8 + 4 × 1.
pub(crate) struct Repeated([(usize, String); 3]);

impl Repeated {
    /// Repeats the values of `single`, which stand on a separate line, and puts `first` before it.
    pub(crate) fn of(first: &str, single: &str) -> Self {
        let row = single.lines().find_map(|line| line.strip_prefix("VALUES ")).unwrap_or_default();
        let repeated =
            |rows| (rows, format!("{first}{}", single.replace(row, &vec![row; rows].join(", "))));
        Self([64, 8, 1].map(repeated))
    }

    /// Splits `rest` into the rows of the next statement, of the largest size that fits, and the remainder.
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
            Repeated::of("BEFORE; ", "INSERT\nVALUES (?, ?)\nON CONFLICT DO NOTHING");
        let (rows, statement) = &sizes[1];
        assert_eq!((*rows, statement.matches("(?, ?)").count()), (8, 8));
        assert!(statement.starts_with("BEFORE; INSERT"), "{statement}");
        assert!(statement.ends_with("ON CONFLICT DO NOTHING"), "{statement}");
    }
}
