//! Recording progress, fenced.

use std::sync::{Arc, LazyLock};

use ensue::store::columns::Numbered;
use ensue::store::sql::{SqlStore, Value, record as record_each};
use ensue::subscription::{Change, Epoch};
use ensue::{Error, Position};
use sqlx::AssertSqlSafe;

use crate::SqliteStore;
use crate::error::failed;
use crate::sql::{STATEMENTS, Timed};
use crate::transactions::over;
use crate::writer::{SqliteTransaction, VERIFY, is_over};

pub(super) async fn record(
    store: &SqliteStore,
    transaction: &mut SqliteTransaction,
    subscription: &str,
    epoch: Epoch,
    changes: &[Change],
) -> Result<(), Error> {
    let of = store.statements();
    let alone = match changes {
        [Change::Advance { to }] => Some((&of.advance_cursor, &VERIFIED_ADVANCE, to)),
        [Change::Receipt { position }] => Some((&of.insert_receipt, &VERIFIED_RECEIPT, position)),
        _ => None,
    };
    if let Some((statement, verified, to)) = alone {
        let is_done = record_alone(transaction, statement, verified, (subscription, *to, epoch));
        if is_done.await.map_err(not_recorded)? {
            return Ok(());
        }
        // Fenced, or else it was not there to be changed: that is told apart below.
    }
    transaction.verify().await.map_err(not_recorded)?;
    record_each(store, transaction, subscription, epoch, changes).await
}

/// Most progress is a cursor or a receipt alone, and their statements look at the owner themselves:
/// with the verification of the transaction, one way to the database for an entry.
async fn record_alone(
    transaction: &mut SqliteTransaction,
    statement: &'static Timed,
    verified: &LazyLock<Arc<str>>,
    (subscription, position, epoch): (&str, Position, Epoch),
) -> sqlx::Result<bool> {
    let values: [Value<'_>; 3] =
        [subscription.into(), position.number().into(), epoch.number().into()];
    let arguments = statement.arguments(&values)?;
    // SQLite's count of changes is not set back by what comes before it, hence the rows returned.
    let changed = match transaction.take_verification() {
        true => {
            let verified = AssertSqlSafe(Arc::clone(verified));
            sqlx::query_with(verified, arguments).fetch_all(&mut **transaction).await?
        }
        false => statement.query(arguments).fetch_all(&mut **transaction).await?,
    };
    Ok(!changed.is_empty())
}

static VERIFIED_ADVANCE: LazyLock<Arc<str>> =
    LazyLock::new(|| verified(&STATEMENTS.advance_cursor));
static VERIFIED_RECEIPT: LazyLock<Arc<str>> =
    LazyLock::new(|| verified(&STATEMENTS.insert_receipt));

/// Behind a verification of the transaction.
fn verified(statement: &Timed) -> Arc<str> {
    format!("{VERIFY}; {}", statement.text()).into()
}

fn not_recorded(error: sqlx::Error) -> Error {
    match is_over(&error) {
        true => over(error),
        false => failed(|| "cannot record progress".to_owned())(error),
    }
}
