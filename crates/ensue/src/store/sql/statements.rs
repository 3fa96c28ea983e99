//! The statements of a store.

/// Declares the statements, and the macro by which a store reads them from files of their names.
macro_rules! statements {
    ($dollar:tt $($(#[$doc:meta])* $name:ident,)*) => {
        /// The statements of a store, each with the values that it is given and the columns of its rows.
        #[derive(Debug)]
        pub struct Statements<T> {
            $($(#[$doc])* pub $name: T,)*
        }

        /// The [`Statements`](crate::store::sql::Statements) of a store, each of what `$prepare` makes of the
        /// text in the file `src/sql/….sql` of its name.
        #[macro_export]
        macro_rules! sql_statements {
            ($dollar prepare:expr) => {
                $dollar crate::store::sql::Statements {
                    $($name: $dollar prepare(include_str!(concat!(
                        env!("CARGO_MANIFEST_DIR"), "/src/sql/", stringify!($name), ".sql"
                    ))),)*
                }
            };
        }
    };
}

statements! { $
    /// `$1` consumer, `$2` id: whether there is a receipt, a flag.
    has_noted,
    /// `$1` consumer, `$2` id: counts an attempt, unless there is a receipt.
    suspect,
    /// `$1` consumer, `$2` id: how many attempts.
    read_attempts,
    /// `$1` consumer, `$2` id, `$3` message, `$4` body as text or `$5` as bytes, `$6` class, `$7` message of
    /// the failure, `$8` attempts.
    bury,
    /// `$1` consumer, `$2` id: the columns of `read_dead_letters`, of one that is not dropped. Whoever does
    /// it at once waits.
    lock_dead_letter,
    /// `$1` consumer, `$2` id.
    delete_dead_letter,
    /// `$1` consumer, `$2` id: the receipt is of now.
    renew_inbox_receipt,
    /// `$1` consumer, `$2` the id to read after, `$3` how many: id, message, body as text, as bytes, class
    /// and message of the failure, attempts, and when it died, of those that are not dropped.
    read_dead_letters,
    /// `$1` consumer, `$2` id, `$3` reason: if it is there and not dropped.
    drop_dead_letter,
    /// `$1` consumer, `$2` age in microseconds, `$3` how many.
    forget_inbox_attempts,
    /// As `forget_inbox_attempts`.
    forget_dropped_letters,
    /// As `forget_inbox_attempts`, but for those of dead letters that are not dropped.
    forget_inbox_receipts,
}
