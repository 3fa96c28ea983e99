//! What another service's answer says of asking it again.

use std::time::Duration;

use ensue::{BoxError, permanent, retry_after};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};

/// LIMIT: a service that asks for a longer pause is asked once more before it is over.
const PAUSE_MAX: Duration = Duration::from_secs(60 * 60);

/// An error unless the service did what it was asked.
pub(super) async fn verify_done(mut response: Response) -> Result<(), BoxError> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let pause = pause_before_next(status, response.headers());
    // The first piece will do: with whatever words, or none, the answer is the same.
    let words = response.chunk().await.ok().flatten().unwrap_or_default();
    let refusal = refusal(status, &String::from_utf8_lossy(&words));
    Err(match pause {
        Some(pause) => retry_after(pause, refusal).into(),
        None if is_for_good(status) => permanent(refusal).into(),
        None => refusal.into(),
    })
}

fn refusal(status: StatusCode, words: &str) -> String {
    match words.trim() {
        "" => format!("the service answered {status}"),
        words => format!("the service answered {status}: {words}"),
    }
}

/// Whether the answer is about what was asked, and so would be the same again. What 401 and 403 are
/// about is who asks, and a key that has expired is replaced one day: no order is to blame for it.
fn is_for_good(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::PAYMENT_REQUIRED
            | StatusCode::NOT_FOUND
            | StatusCode::GONE
            | StatusCode::UNPROCESSABLE_ENTITY
    )
}

/// When a service that has too much to do wants to be asked again, if it says so. A date instead of
/// seconds is as good as none: it would be one by the service's clock.
fn pause_before_next(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(PAUSE_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_about_the_request_is_for_good() {
        let for_good = |status: &u16| is_for_good(StatusCode::from_u16(*status).unwrap());
        let found: Vec<_> = (400..600).filter(for_good).collect();
        assert_eq!(found, [400, 402, 404, 410, 422]);
    }

    #[test]
    fn a_busy_service_says_when_to_come_again() {
        let too_many = StatusCode::TOO_MANY_REQUESTS;
        assert_eq!(pause(too_many, Some("7")), Some(Duration::from_secs(7)));
        assert_eq!(pause(StatusCode::SERVICE_UNAVAILABLE, Some("0")), Some(Duration::ZERO));
        assert_eq!(pause(too_many, Some("31536000")), Some(PAUSE_MAX));
    }

    #[test]
    fn where_no_pause_is_named_nobody_makes_one_up() {
        let too_many = StatusCode::TOO_MANY_REQUESTS;
        assert_eq!(pause(too_many, None), None);
        assert_eq!(pause(too_many, Some("Wed, 21 Oct 2026 07:28:00 GMT")), None);
        assert_eq!(pause(StatusCode::UNPROCESSABLE_ENTITY, Some("7")), None);
    }

    fn pause(status: StatusCode, retry_after: Option<&str>) -> Option<Duration> {
        let header = retry_after.map(|value| (RETRY_AFTER, value.parse().unwrap()));
        pause_before_next(status, &header.into_iter().collect())
    }
}
