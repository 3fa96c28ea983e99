//! Answers for a server to give.

use std::fmt::Display;

pub(crate) fn page(ids: impl IntoIterator<Item = u64>) -> String {
    let events: Vec<_> = ids.into_iter().map(event).collect();
    answer("200 OK", "content-type: application/json", &format!("[{}]", events.join(",")))
}

/// Returns a page that names its log.
pub(crate) fn page_of(log: impl Display, ids: impl IntoIterator<Item = u64>) -> String {
    page(ids).replacen("\r\n", &format!("\r\nensue-log: {log}\r\n"), 1)
}

pub(crate) fn problem(status: &str, header: &str, detail: &str) -> String {
    let header = format!("content-type: application/problem+json\r\n{header}");
    answer(status, header.trim_end(), &format!(r#"{{"title":"No","detail":"{detail}"}}"#))
}

pub(crate) fn answer(status: &str, header: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{header}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n\
         {body}"
    )
}

fn event(id: u64) -> String {
    format!(
        r#"{{"id":{id},"type":"x","contentType":"text/plain","payload":"p","timestamp":1,"new":0}}"#
    )
}
