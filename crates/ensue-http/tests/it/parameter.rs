//! Which offsets and limits are understood.

use serde_json::json;

use crate::answer::Answer;
use crate::shop::Shop;

/// None is a whole number that a Java `Long` can hold.
const BAD: [&str; 23] = [
    "",
    "-1",
    "-0",
    "%2B1",
    "+1",
    "1.0",
    "1,5",
    "1e3",
    "0x10",
    "1_000",
    "1L",
    "null",
    "text",
    "%20",
    "1%20",
    "9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999999999999",
    "%EF%BC%91",
    "%",
    "%zz",
    "1%",
    "%FF",
];

#[tokio::test]
async fn what_is_no_whole_number_is_refused_as_a_problem_that_names_the_parameter() {
    let shop = Shop::with_events(3).await;
    let feed = shop.feed();
    for parameter in ["offset", "limit"] {
        for value in BAD {
            let answer = Answer::to_get(&feed, &format!("?{parameter}={value}")).await;
            assert_eq!(answer.status, 400, "{parameter}={value}");
            assert_eq!(answer.header("content-type"), ["application/problem+json"]);
            assert_eq!(answer.json()["type"], "/problems/bad-parameter");
            assert_eq!(answer.json()["parameter"], parameter);
        }
    }
}

#[tokio::test]
async fn a_bad_parameter_is_described_bit_for_bit() {
    let answer = Answer::to_get(&Shop::new().await.feed(), "?limit=5&offset=-1").await;
    assert_eq!(
        answer.body,
        concat!(
            r#"{"type":"/problems/bad-parameter","title":"A parameter cannot be understood","#,
            r#""status":400,"detail":"offset is `-1`; accepted is one whole number from 0 to "#,
            r#"9223372036854775807 in decimal digits","parameter":"offset"}"#,
        )
    );
}

#[tokio::test]
async fn a_parameter_without_an_equals_sign_is_empty() {
    let shop = Shop::new().await;
    let feed = shop.feed();
    for parameter in ["offset", "limit"] {
        let answer = Answer::to_get(&feed, &format!("?{parameter}")).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["parameter"]), (400, &json!(parameter)));
    }
}

#[tokio::test]
async fn a_parameter_given_twice_is_refused_also_if_both_agree() {
    let shop = Shop::new().await;
    let feed = shop.feed();
    for (query, parameter) in [
        ("?offset=1&offset=2", "offset"),
        ("?offset=1&limit=5&offset=1", "offset"),
        ("?limit=5&limit=5", "limit"),
        ("?limit=5&%6Cimit=6", "limit"),
        ("?limit=5&limit", "limit"),
    ] {
        let answer = Answer::to_get(&feed, query).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["parameter"]), (400, &json!(parameter)));
        assert!(answer.json()["detail"].as_str().unwrap().contains("given 2 times"), "{query}");
    }
}

#[tokio::test]
async fn a_long_value_is_not_sent_back_whole() {
    let query = format!("?offset={}", "é".repeat(5_000));
    let query = query.replace('é', "%C3%A9");
    let answer = Answer::to_get(&Shop::new().await.feed(), &query).await;
    assert_eq!(answer.status, 400);
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with(&format!("offset is `{}…`;", "é".repeat(40))), "{detail}");
}

#[tokio::test]
async fn markup_and_quotes_in_a_value_stay_inside_the_details_string() {
    let query = "?offset=%22%2C%22x%22%3A%0A%3Cscript%3E";
    let answer = Answer::to_get(&Shop::new().await.feed(), query).await;
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("offset is `\",\"x\":\n<script>`"), "{detail}");
}

#[tokio::test]
async fn a_value_may_be_percent_encoded_or_have_leading_zeros() {
    let shop = Shop::with_events(3).await;
    let feed = shop.feed();
    for query in ["?offset=%32", "?%6Fffset=2", "?offset=002", "?offset=00000000000000000000002"] {
        assert_eq!(Answer::to_get(&feed, query).await.ids(), [3], "{query}");
    }
}

#[tokio::test]
async fn parameters_of_others_are_ignored() {
    let shop = Shop::with_events(3).await;
    let feed = shop.feed();
    for query in
        ["?_=17&offset=2", "?offset=2&token=a%20b&token", "?offset=2&x=%zz&%=%FF", "?&offset=2&&"]
    {
        assert_eq!(Answer::to_get(&feed, query).await.ids(), [3], "{query}");
    }
}

#[tokio::test]
async fn an_empty_query_is_no_query() {
    let shop = Shop::with_events(3).await;
    let feed = shop.feed();
    assert_eq!(Answer::to_get(&feed, "?").await, Answer::to_get(&feed, "").await);
}
