//! `#[derive(Event)]`.

use ensue_core::Event;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Event, Serialize, Deserialize)]
struct OrderPlaced {
    order_no: u32,
}

#[derive(Event, Serialize, Deserialize)]
#[event(type = "order.cancelled", version = 3, key = order_no)]
struct OrderCancelled {
    order_no: u32,
}

#[derive(Event, Serialize, Deserialize)]
#[event(key = format!("{}/{}", self.0, self.1))]
struct StockMoved(String, u8);

#[derive(Event)]
#[event(local)]
enum Told {
    _Softly,
    Loudly,
}

#[test]
fn without_attributes_an_event_goes_by_its_bare_struct_name() {
    assert_eq!((OrderPlaced::TYPE, OrderPlaced::VERSION), ("OrderPlaced", 1));
    assert_eq!(OrderPlaced { order_no: 7 }.key(), None);
    const { assert!(!OrderPlaced::LOCAL) };
}

#[test]
fn attributes_say_type_version_and_key() {
    assert_eq!((OrderCancelled::TYPE, OrderCancelled::VERSION), ("order.cancelled", 3));
    assert_eq!(OrderCancelled { order_no: 7 }.key().as_deref(), Some("7"));
    assert_eq!(StockMoved("bolt".to_owned(), 2).key().as_deref(), Some("bolt/2"));
}

#[test]
fn a_payload_is_json_and_comes_back() {
    let payload = OrderPlaced { order_no: 7 }.encode().unwrap();
    assert_eq!(payload, br#"{"order_no":7}"#);
    assert_eq!(OrderPlaced::decode(&payload, 1).unwrap(), OrderPlaced { order_no: 7 });
}

#[test]
fn a_payload_of_another_shape_is_refused_by_name() {
    let error = OrderPlaced::decode(br#"{"order":7}"#, 1).unwrap_err();
    assert_eq!(error.event_type(), "OrderPlaced");
    assert!(error.to_string().contains("missing field `order_no`"), "{error}");
}

#[test]
fn a_local_event_has_no_payload() {
    const { assert!(Told::LOCAL) };
    let error = Told::Loudly.encode().unwrap_err();
    assert_eq!(error.to_string(), "event `Told` is local: it has no payload");
    assert!(Told::decode(b"{}", 1).is_err());
}
