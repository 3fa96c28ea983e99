//! The number of rows that fit into one statement.

/// Returns how many of the first `rows` fit into `bytes_max` together: at least one if there is any,
/// whatever its size.
pub fn fitting<R>(rows: &[R], bytes_max: usize, bytes: impl Fn(&R) -> usize) -> usize {
    let mut sum = 0_usize;
    let fits = |(index, row): &(usize, &R)| {
        sum = sum.saturating_add(bytes(row));
        *index == 0 || sum <= bytes_max
    };
    rows.iter().enumerate().take_while(fits).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_bounded_in_bytes_and_never_empty() {
        let itself = |bytes: &usize| *bytes;
        assert_eq!(fitting(&[30; 7], 100, itself), 3);
        assert_eq!(fitting(&[101, 1], 100, itself), 1);
        assert_eq!(fitting(&[50, 50, 1], 100, itself), 2);
        assert_eq!(fitting(&[0; 1_000], 100, itself), 1_000);
        assert_eq!(fitting(&[usize::MAX, usize::MAX], 100, itself), 1);
        assert_eq!(fitting(&[], 100, itself), 0);
    }
}
