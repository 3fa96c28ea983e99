//! A handler of any event.

use reqwest::StatusCode;

use super::{Stage, Told};
use crate::application::Database;
use crate::web::AuditEntryBody;

pub(super) async fn tell<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.chapter("A handler of any event: the audit trail")?;
    let head = stage.witness.head().await?;

    stage.says("A customer orders a gift card with a coupon, pays, and cannot cancel.")?;
    let answer = stage.place_with_coupon(&[("gift-card", 1)], "AUDIT-10").await?;
    let no = answer.text("order_no");
    stage.check_out(&no, "3 High Street").await?;
    let answer = stage.cancel(&no).await?;
    stage.fact("the shop refuses to cancel", answer.status, StatusCode::CONFLICT)?;

    stage.says(
        "One handler wrote down each event, in its transaction; it knows none of the types:",
    )?;
    stage.line(format!("     GET /api/audit-trail/{no}"))?;
    let trail = stage.witness.audit_trail(&no).await?;
    for AuditEntryBody { event_id, event_type, occurred_at_us } in &trail {
        stage.line(format!("     {event_type:<30} {event_id} at {occurred_at_us}"))?;
    }
    let stored = stage.witness.stored(head, &no).await?.into_iter().map(|entry| AuditEntryBody {
        event_id: entry.envelope.id.to_string(),
        event_type: entry.envelope.event_type.to_string(),
        occurred_at_us: entry.envelope.occurred_at.as_micros(),
    });
    let stored: Vec<_> = stored.collect();
    stage.fact("the trail has 4 events", trail.len(), 4)?;
    stage.fact("they are those of the log: the cancellation did not happen", trail, stored)
}
