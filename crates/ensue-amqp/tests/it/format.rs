//! What a message looks like to others.

use ensue::EventId;
use ensue_amqp::AmqpSink;

use crate::broker::{Place, entry, header, send, structured};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn the_trace_of_who_knows_of_no_attribute_for_it_is_the_events() {
    let place = Place::new().await;
    place.make_queue().await;
    let least =
        [("ce-specversion", "1.0"), ("ce-id", "7"), ("ce-source", "/till"), ("ce-type", "sold")];
    let with = |more: &[(&'static str, &'static str)]| [&least[..], more].concat();
    let other = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01";
    place.publish_with_headers(&with(&[("traceparent", TRACE)]), b"3").await;
    place
        .publish_with_headers(&with(&[("traceparent", other), ("ce-traceparent", TRACE)]), b"3")
        .await;
    for message in place.messages(2).await {
        assert_eq!(message.envelope.trace_context.as_deref(), Some(TRACE));
    }
}

#[tokio::test]
async fn a_message_has_the_attributes_in_its_headers_and_the_payload_as_its_body() {
    let place = Place::new().await;
    place.make_queue().await;
    let mut entry = entry(42, "{\"total\": 9.50}");
    entry.envelope.causation_id = Some(EventId::now());
    entry.envelope.trace_context = Some(TRACE.to_owned());
    send(&place.amqp_sink(), std::slice::from_ref(&entry)).await;
    let message = &place.get(1).await[0];
    assert_eq!(message.data, b"{\"total\": 9.50}");
    assert_eq!(message.routing_key.as_str(), "order.placed");
    for (name, value) in [
        ("cloudEvents_specversion", "1.0".to_owned()),
        ("cloudEvents_id", entry.envelope.id.to_string()),
        ("cloudEvents_source", "/shop".to_owned()),
        ("cloudEvents_type", "order.placed".to_owned()),
        ("cloudEvents_time", "2023-11-14T22:13:20.123456Z".to_owned()),
        ("cloudEvents_sequence", "00000000000000000042".to_owned()),
        ("cloudEvents_partitionkey", "A-42".to_owned()),
        ("cloudEvents_subject", "A-42".to_owned()),
        ("cloudEvents_correlationid", entry.envelope.id.to_string()),
        ("cloudEvents_causationid", entry.envelope.causation_id.unwrap().to_string()),
        ("cloudEvents_traceparent", TRACE.to_owned()),
        // For who knows of traces and not of CloudEvents.
        ("traceparent", TRACE.to_owned()),
    ] {
        assert_eq!(header(message, name).as_deref(), Some(&*value), "{name}");
    }
}

#[tokio::test]
async fn a_message_has_amqps_own_properties_too() {
    let place = Place::new().await;
    place.make_queue().await;
    let entry = entry(1, "1");
    send(&place.amqp_sink(), std::slice::from_ref(&entry)).await;
    let properties = &place.get(1).await[0].properties;
    let text =
        |property: &Option<lapin::types::ShortString>| property.as_ref().unwrap().to_string();
    assert_eq!(text(properties.message_id()), entry.envelope.id.to_string());
    assert_eq!(text(properties.kind()), "order.placed");
    assert_eq!(text(properties.content_type()), "application/json");
    assert_eq!(text(properties.app_id()), "/shop");
    assert_eq!(text(properties.correlation_id()), entry.envelope.correlation_id.to_string());
    assert_eq!(*properties.timestamp(), Some(1_700_000_000));
    assert_eq!(*properties.delivery_mode(), Some(2));
}

#[tokio::test]
async fn a_structured_message_is_one_json_object() {
    let place = Place::new().await;
    place.make_queue().await;
    let sink: AmqpSink = place.amqp_sink().structured();
    let entry = entry(7, "{\"total\": 9.50}");
    send(&sink, std::slice::from_ref(&entry)).await;
    let message = &place.get(1).await[0];
    let event = structured(message);
    assert_eq!(event.data(), b"{\"total\": 9.50}");
    assert_eq!(event.attribute("sequence"), Some("00000000000000000007"));
    assert_eq!(header(message, "cloudEvents_id"), None);
    send(&sink, std::slice::from_ref(&entry)).await;
    assert_eq!(place.messages(1).await[0].envelope, entry.envelope);
}
