//! The same events, for programs of other teams.

use ensue::BoxError;
use serde::Deserialize;

use super::{Stage, Told};
use crate::application::Database;

/// Small, so that a story of a few events has several pages.
const LIMIT: u64 = 10;

/// As much of a payload as fits into a line of 100.
const WIDTH: usize = 58;

#[derive(Debug, Deserialize)]
struct FeedEvent {
    id: u64,
    #[serde(rename = "type")]
    event_type: String,
    payload: String,
}

pub(super) async fn tell<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.chapter("The log is a feed: other teams follow it over HTTP")?;
    stage.says(
        "A page at a time, from wherever the reader was; the next offset is this one + count.",
    )?;
    let head = stage.witness.head().await?.get();
    let mut positions = Vec::new();
    loop {
        let page = page(stage, positions.len()).await?;
        if page.is_empty() {
            break;
        }
        show(stage, &page)?;
        positions.extend(page.iter().map(|event| event.id));
    }
    let dense: Vec<_> = (1..=head).collect();
    stage.fact(format!("positions 1 to {head}, each once, in order"), positions, dense)
}

async fn page<D: Database>(stage: &Stage<D>, offset: usize) -> Result<Vec<FeedEvent>, BoxError> {
    let path = format!("/api/events?offset={offset}&limit={LIMIT}");
    stage.line(format!("     GET {path}"))?;
    stage.witness.read(format!("{}{path}", stage.witness.shop)).await
}

fn show<D: Database>(stage: &Stage<D>, page: &[FeedEvent]) -> Told {
    page.iter().try_for_each(|event| {
        let FeedEvent { id, event_type, payload } = event;
        stage.line(format!("     {id:>4} {event_type:<30} {}", shortened(payload)))
    })
}

fn shortened(payload: &str) -> String {
    match payload.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &payload[..end]),
        None => payload.to_owned(),
    }
}
