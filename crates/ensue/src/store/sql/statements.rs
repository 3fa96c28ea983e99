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
    /// `$1` consumer, `$2` id, `$3` duration in microseconds: if it exists and is neither dropped nor held.
    hold_dead_letter,
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

    /// Locks the last position that was pruned, and answers it.
    lock_floor,
    /// `$1` subscription, `$2` where it starts, or NULL for the beginning: unless it is there.
    register_cursor,
    /// `$1` subscription.
    register_owner,
    /// `$1` subscription.
    register_lease,
    /// `$1` subscription, `$2` event type: unless it is there.
    insert_event_type,
    /// `$1` subscription: waits for those who are in the fence, where that is not the owner's row alone.
    close_fence,
    /// `$1` subscription: locks the owner's row.
    lock_owner,
    /// `$1` subscription: locks the lease, and answers a row if there is one.
    lock_lease,
    /// `$1` subscription: nobody has its epoch.
    end_epoch,
    /// `$1` subscription: its lease is of the owner's epoch.
    end_lease_of_epoch,
    /// `$1` subscription, `$2` owner: who else has a lease that runs, and for how many microseconds.
    read_running_lease,
    /// `$1` subscription, `$2` owner, `$3` for how long.
    stand_by,
    /// `$1` subscription: epoch, owner, and the length of the lease.
    read_last_lease,
    /// `$1` subscription, `$2` owner, `$3` epoch.
    take_over,
    /// `$1` subscription, `$2` epoch, `$3` length.
    take_over_lease,
    /// `$1` subscription, `$2` owner: that one's, and whatever is over.
    forget_standbys,
    /// `$1` subscription: cursor, and whether it is paused, a flag.
    read_term,
    /// `$1` subscription, `$2` epoch, `$3` length.
    change_lease,
    /// Subscription, owner, and whether it is the owner or stands by, a flag.
    read_claims,
    /// `$1` subscription, `$2` epoch: a row if that is the owner's, which stays so until the commit.
    check_owner,
    /// `$1` subscription, `$2` position, `$3` epoch: behind the fence.
    advance_cursor,
    /// `$1` subscription, `$2` position, `$3` epoch: behind the fence.
    insert_receipt,
    /// `$1` subscription, `$2` up to where.
    forget_receipts,
    /// `$1` subscription, `$2` behind where.
    forget_set_aside_after,
    /// `$1` subscription, `$2` position: it is not set aside any more.
    settle,
    /// `$1` subscription, `$2` reason.
    pause,
    /// `$1` subscription.
    resume,
    /// `$1` subscription, `$2` reason: unless it is retired.
    retire,
    /// `$1` subscription: ends its retirement.
    revive,
    /// `$1` subscription: the reason for its retirement, if it is retired.
    read_retired,
    /// `$1` subscription, `$2` position.
    seek_cursor,
    /// `$1` subscription, `$2` request, `$3` up to where, `$4` how many entries.
    replayed,
    /// `$1` subscription, `$2` request, `$3` answer, `$4` how much has changed, `$5` why not.
    answer_request,
    /// `$1` subscription, `$2` command, `$3` and `$4` positions, `$5` key, `$6` failure class, `$7` how many at
    /// most, `$8` reason.
    insert_request,
    /// The id of the last request.
    read_last_request,
    /// `$1` id: id, subscription, command, positions, key, failure class, how many at most, reason, when, how
    /// far a replay has come and with how many entries, answer, how much has changed, why not.
    read_request,
    /// As `read_request`, of all that are not answered.
    read_pending_requests,
    /// `$1` subscription: positions.
    read_receipts,
    /// `$1` subscription: position, key, state, attempts, next attempt, class and message of the failure, and
    /// whether it is replayed, a flag.
    read_set_aside,
    /// `$1` subscription: names.
    read_event_types,
    /// `$1` subscription: cursor, owner if any, and the reasons why it is paused or retired, if it is.
    read_status,
    /// The time, in microseconds.
    read_clock,
    /// Names.
    read_subscriptions,
}
