//! Events that were stored by programs of long ago.

use ensue_core::Event;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, PartialEq, Event, Serialize, Deserialize)]
#[event(
    type = "customer.moved",
    version = 4,
    alias = "CustomerMoved",
    alias = "customer.relocated",
    upcast(1 = split_name, 3 = add_country)
)]
struct CustomerMoved {
    first_name: String,
    last_name: String,
    country: String,
    #[serde(default)]
    note: String,
}

/// Version 2 has two names where version 1 had one.
fn split_name(mut event: Value) -> Result<Value, &'static str> {
    let name = event["name"].as_str().ok_or("no name to split")?;
    let (first, last) = name.split_once(' ').ok_or("no last name")?;
    let (first, last) = (json!(first), json!(last));
    event["first_name"] = first;
    event["last_name"] = last;
    Ok(event)
}

/// Version 3 only added a note; version 4 cannot do without a country.
fn add_country(mut event: Value) -> Value {
    event["country"] = json!("DE");
    event
}

fn moved(country: &str, note: &str) -> CustomerMoved {
    CustomerMoved {
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        country: country.to_owned(),
        note: note.to_owned(),
    }
}

#[test]
fn every_version_is_read_as_the_newest() {
    let two = r#"{"first_name":"Ada","last_name":"Lovelace"}"#;
    let three = r#"{"first_name":"Ada","last_name":"Lovelace","note":"x"}"#;
    let four = r#"{"first_name":"Ada","last_name":"Lovelace","country":"UK","note":"x"}"#;
    for (version, payload, expected) in [
        (1, r#"{"name":"Ada Lovelace"}"#, moved("DE", "")),
        (2, two, moved("DE", "")),
        (3, three, moved("DE", "x")),
        (4, four, moved("UK", "x")),
    ] {
        let decoded = CustomerMoved::decode(payload.as_bytes(), version).unwrap();
        assert_eq!(decoded, expected, "version {version}");
    }
}

#[test]
fn an_upcaster_that_cannot_says_why() {
    let error = CustomerMoved::decode(br#"{"name":"Ada"}"#, 1).unwrap_err();
    assert_eq!(error.to_string(), "payload of event `customer.moved`: no last name");
    assert!(!error.is_newer());
}

#[test]
fn a_version_that_is_still_to_come_is_not_guessed_at() {
    let payload = moved("UK", "").encode().unwrap();
    let error = CustomerMoved::decode(&payload, 5).unwrap_err();
    assert!(error.is_newer());
    assert!(error.to_string().contains("version 5"), "{error}");
}

#[test]
fn names_of_before_are_known() {
    assert_eq!(CustomerMoved::TYPE, "customer.moved");
    assert_eq!(CustomerMoved::ALIASES, ["CustomerMoved", "customer.relocated"]);
}
