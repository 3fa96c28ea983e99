//! Values that JSON would change or lose are refused where they are raised.

use std::collections::{BTreeMap, HashMap, HashSet};

use ensue_core::Event;
use serde::{Deserialize, Serialize};

/// Defines an event of the given shape.
macro_rules! event {
    ($name:ident { $($(#[$attribute:meta])* $field:ident: $kind:ty),* $(,)? }) => {
        #[derive(Debug, Clone, PartialEq, Event, Serialize, Deserialize)]
        struct $name { $($(#[$attribute])* $field: $kind),* }
    };
}

fn refused(event: &impl Event) -> String {
    event.encode().expect_err("the value was not refused").to_string()
}

fn comes_back<E: Event>(event: &E) -> E {
    E::decode(&event.encode().unwrap(), E::VERSION).unwrap()
}

#[test]
fn every_number_comes_back_bit_for_bit() {
    event!(Weighed { double: f64, single: f32, wide: i128, wider: u128 });
    let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..20_000 {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        let (double, single) = (f64::from_bits(bits), f32::from_bits((bits >> 32) as u32));
        let wider = u128::from(bits) << 64 | u128::from(!bits);
        let event = Weighed { double, single, wide: wider.cast_signed(), wider };
        if double.is_finite() && single.is_finite() {
            let back = comes_back(&event);
            assert_eq!(back, event);
            assert_eq!(back.double.to_bits(), double.to_bits());
        }
    }
    let zero = comes_back(&Weighed { double: -0.0, single: -0.0, wide: 0, wider: 0 });
    assert!(zero.double.is_sign_negative() && zero.single.is_sign_negative());
}

#[test]
fn what_is_no_number_is_refused_by_the_name_of_its_field() {
    event!(Priced { order_no: String, price: f64 });
    event!(Discounted { order_no: String, price: Option<f32> });
    event!(Listed { order_no: String, prices: Vec<Option<f64>> });
    let order_no = || "A-1".to_owned();
    for price in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let said = refused(&Priced { order_no: order_no(), price });
        assert!(
            said.starts_with("payload of event `Priced`: field `price` does not come back"),
            "{said}"
        );
        let said = refused(&Listed { order_no: order_no(), prices: vec![Some(0.0), Some(price)] });
        assert!(said.contains("field `prices` does not come back"), "{said}");
    }
    let said = refused(&Discounted { order_no: order_no(), price: Some(f32::NAN) });
    assert!(said.contains("field `price` does not come back"), "{said}");
}

#[test]
fn what_is_there_and_empty_is_not_taken_for_nothing() {
    event!(Changed { note: Option<Option<String>> });
    event!(Marked { mark: Option<()> });
    comes_back(&Changed { note: None });
    comes_back(&Changed { note: Some(Some("hot".to_owned())) });
    assert!(refused(&Changed { note: Some(None) }).contains("field `note`"));
    comes_back(&Marked { mark: None });
    assert!(refused(&Marked { mark: Some(()) }).contains("field `mark`"));
}

#[test]
fn a_field_that_tells_absent_from_null_comes_back() {
    fn there<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<u8>>, D::Error> {
        Deserialize::deserialize(from).map(Some)
    }
    event!(Patched {
        #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
        floor: Option<Option<u8>>,
    });
    for floor in [None, Some(None), Some(Some(3))] {
        let event = Patched { floor };
        assert_eq!(comes_back(&event), event);
    }
}

#[test]
fn what_serde_cannot_read_behind_a_tag_is_refused() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Wide {
        wide: u128,
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Number {
        Double(f64),
        Whole(u64),
    }
    event!(Flat {
        #[serde(flatten)]
        inner: Wide
    });
    event!(Counted { number: Number });
    event!(Keyed { #[serde(flatten)] by_number: HashMap<u64, u64> });
    refused(&Flat { inner: Wide { wide: u128::MAX } });
    refused(&Keyed { by_number: HashMap::from([(7, 7)]) });
    comes_back(&Counted { number: Number::Double(0.5) });
    assert!(refused(&Counted { number: Number::Whole(7) }).contains("field `number`"));
}

#[test]
fn what_is_written_and_not_read_is_refused() {
    event!(Totalled {
        #[serde(skip_deserializing)]
        total: u64
    });
    comes_back(&Totalled { total: 0 });
    assert!(refused(&Totalled { total: 7 }).contains("field `total`"));
}

#[test]
fn what_is_nested_deeper_than_can_be_read_is_refused() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Layer(Option<Box<(Self,)>>);
    event!(Nested { outer: Layer });
    let nested = |depth| (0..depth).fold(Layer(None), |inner, _| Layer(Some(Box::new((inner,)))));
    comes_back(&Nested { outer: nested(100) });
    assert!(refused(&Nested { outer: nested(200) }).contains("recursion limit"));
}

#[test]
fn the_order_of_what_has_none_does_not_matter() {
    event!(Tagged { tags: HashSet<String>, counts: HashMap<String, u32>, sorted: BTreeMap<i8, ()> });
    for size in 0..50_u32 {
        let event = Tagged {
            tags: (0..size).map(|tag| tag.to_string()).collect(),
            counts: (0..size).map(|tag| (tag.to_string(), tag)).collect(),
            sorted: (-5..5).map(|number| (number, ())).collect(),
        };
        assert_eq!(comes_back(&event), event);
    }
}
