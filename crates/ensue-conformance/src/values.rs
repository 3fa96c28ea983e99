//! Handlers receive the values that were raised, bit for bit.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::num::NonZeroU8;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ensue::{
    BoxError, Error, ErrorKind, Event, Events, Handled, Meta, Start, Store, Tx, TxHandler, raise,
};
use fastrand::Rng;
use serde::{Deserialize, Serialize};

use crate::backend::{Backend, PATIENCE, whole_log};

/// A field of each shape that serde knows.
#[derive(Debug, Clone, PartialEq, Event, Serialize, Deserialize)]
struct Everything {
    truth: bool,
    signed: (i8, i16, i32, i64, i128),
    unsigned: (u8, u16, u32, u64, u128),
    single: Single,
    doubles: Vec<Double>,
    letter: char,
    text: String,
    bytes: Vec<u8>,
    nothing: (),
    unit: Unit,
    newtype: Newtype,
    pair: Pair,
    array: [u16; 3],
    empty: [String; 0],
    maybe: Option<Box<Double>>,
    list_of_maybes: Vec<Option<u8>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<String>,
    set: BTreeSet<String>,
    by_text: BTreeMap<String, Double>,
    by_number: HashMap<i64, String>,
    by_letter: BTreeMap<char, bool>,
    by_truth: BTreeMap<bool, ()>,
    by_variant: BTreeMap<Plain, u8>,
    variants: Vec<Variant>,
    tagged: Vec<Tagged>,
    adjacent: Vec<Adjacent>,
    untagged: Vec<Untagged>,
    outcome: Result<u8, String>,
    time: Duration,
    address: IpAddr,
    not_zero: NonZeroU8,
    #[serde(flatten)]
    flat: Flat,
    #[serde(flatten)]
    more: BTreeMap<String, u64>,
}

/// A double that equals another only if all bits agree.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Double(f64);

impl PartialEq for Double {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Single(f32);

impl PartialEq for Single {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Newtype(String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pair(u64, Double);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Plain {
    One,
    Two,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Variant {
    Unit,
    Newtype(Double),
    Tuple(i64, String),
    Struct { number: i128, inner: Vec<Self> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Unit,
    Struct { number: i64, double: Double, single: Single },
    Newtype(Flat),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "content")]
enum Adjacent {
    Unit,
    Newtype(u64),
    Tuple(Double, char),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Double(Double),
    Text(String),
    List(Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flat {
    flat_number: u64,
    flat_double: Double,
    flat_text: Option<String>,
}

/// Makes arbitrary values. The same seed gives the same values.
struct Maker(Rng);

impl Maker {
    fn everything(&mut self) -> Everything {
        Everything {
            truth: self.0.bool(),
            signed: (
                self.0.i8(..),
                self.0.i16(..),
                self.0.i32(..),
                self.0.i64(..),
                self.0.i128(..),
            ),
            unsigned: (
                self.0.u8(..),
                self.0.u16(..),
                self.0.u32(..),
                self.0.u64(..),
                self.0.u128(..),
            ),
            single: self.single(),
            doubles: self.list(Self::double),
            letter: self.0.char(..),
            text: self.text(),
            bytes: self.list(|maker| maker.0.u8(..)),
            nothing: (),
            unit: Unit,
            newtype: Newtype(self.text()),
            pair: Pair(self.0.u64(..), self.double()),
            array: [self.0.u16(..), 0, u16::MAX],
            empty: [],
            maybe: self.0.bool().then(|| Box::new(self.double())),
            list_of_maybes: self.list(|maker| maker.0.bool().then_some(0)),
            left_out: self.0.bool().then(|| self.text()),
            set: self.list(Self::text).into_iter().collect(),
            by_text: self.list(|maker| (maker.text(), maker.double())).into_iter().collect(),
            by_number: self.list(|maker| (maker.0.i64(..), maker.text())).into_iter().collect(),
            by_letter: self.list(|maker| (maker.0.char(..), maker.0.bool())).into_iter().collect(),
            by_truth: self.list(|maker| (maker.0.bool(), ())).into_iter().collect(),
            by_variant: BTreeMap::from([(Plain::One, self.0.u8(..)), (Plain::Two, 0)]),
            variants: self.variants(3),
            tagged: vec![
                Tagged::Unit,
                Tagged::Struct {
                    number: self.0.i64(..),
                    double: self.double(),
                    single: self.single(),
                },
                Tagged::Newtype(self.flat()),
            ],
            adjacent: vec![
                Adjacent::Unit,
                Adjacent::Newtype(self.0.u64(..)),
                Adjacent::Tuple(self.double(), self.0.char(..)),
            ],
            untagged: vec![
                Untagged::Number(self.0.i64(..)),
                Untagged::Double(self.double()),
                Untagged::Text(self.text()),
                Untagged::List(self.list(|maker| maker.0.u8(..))),
            ],
            outcome: if self.0.bool() { Ok(self.0.u8(..)) } else { Err(self.text()) },
            time: Duration::new(self.0.u64(..), self.0.u32(..1_000_000_000)),
            address: IpAddr::from(self.0.u128(..).to_be_bytes()),
            not_zero: NonZeroU8::new(self.0.u8(1..)).unwrap(),
            flat: self.flat(),
            more: (0..self.0.u64(..3))
                .map(|more| (format!("more {more}"), self.0.u64(..)))
                .collect(),
        }
    }

    fn flat(&mut self) -> Flat {
        let (flat_number, flat_double) = (self.0.u64(..), self.double());
        Flat { flat_number, flat_double, flat_text: self.0.bool().then(|| self.text()) }
    }

    fn variants(&mut self, depth: u32) -> Vec<Variant> {
        if depth == 0 {
            return Vec::new();
        }
        vec![
            Variant::Unit,
            Variant::Newtype(self.double()),
            Variant::Tuple(self.0.i64(..), self.text()),
            Variant::Struct { number: self.0.i128(..), inner: self.variants(depth - 1) },
        ]
    }

    /// Returns any finite number, including the smallest, the largest and negative zero.
    fn double(&mut self) -> Double {
        let value = match self.0.u8(..10) {
            0 => *self
                .0
                .choice(&[0.0, -0.0, f64::MAX, f64::MIN_POSITIVE, 5e-324, 0.1, 1e23])
                .unwrap(),
            1 => self.0.f64(),
            _ => f64::from_bits(self.0.u64(..)),
        };
        Double(if value.is_finite() { value } else { 9_007_199_254_740_993.0 })
    }

    fn single(&mut self) -> Single {
        let value = f32::from_bits(self.0.u32(..));
        Single(if value.is_finite() { value } else { f32::MIN_POSITIVE })
    }

    fn text(&mut self) -> String {
        let odd = ['\0', '\u{1b}', '"', '\\', '/', '\u{7f}', '\u{2028}', '\u{feff}', '\u{ffff}'];
        let letters = self.list(|maker| match maker.0.bool() {
            true => maker.0.char(..),
            false => *maker.0.choice(&odd).unwrap(),
        });
        letters.into_iter().collect()
    }

    fn list<T>(&mut self, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.0.usize(..5)).map(|_| make(self)).collect()
    }
}

/// The values that have arrived.
#[derive(Clone, Default)]
struct Keep(Arc<Mutex<Vec<Everything>>>);

impl<S: Store> TxHandler<Everything, S> for Keep {
    async fn handle(&self, event: &Everything, _: &Meta, _: &mut Tx<S>) -> Result<(), BoxError> {
        self.0.lock().unwrap().push(event.clone());
        Ok(())
    }
}

/// The values are arbitrary, of every shape, and the same in each run.
pub async fn whatever_is_raised_is_handled_as_it_was<B: Backend>(backend: &B) {
    let (keep, mut maker) = (Keep::default(), Maker(Rng::with_seed(7)));
    let events = Events::builder(backend.open().await)
        .subscription("values", |subscription| subscription.on(keep.clone()).from(Start::Beginning))
        .build()
        .await
        .unwrap();
    let raised: Vec<_> = (0..200).map(|_| maker.everything()).collect();
    for some in raised.chunks(50) {
        let some = some.to_vec();
        let run = events.run(async move |_tx| {
            some.into_iter().for_each(raise);
            Ok::<_, Error>(())
        });
        run.await.unwrap();
    }
    let forwarder = events.forward();
    let ticket = events.ticket().await.unwrap();
    assert_eq!(ticket.handled_by("values", PATIENCE).await.unwrap(), Handled::Handled);
    assert!(forwarder.shutdown(PATIENCE).await);
    let handled = keep.0.lock().unwrap().clone();
    assert_eq!(handled.len(), raised.len());
    for (handled, raised) in handled.iter().zip(&raised) {
        assert_eq!(handled, raised);
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event(type = "order.priced")]
struct Priced {
    order_no: String,
    price: Option<f64>,
}

/// JSON has no NaN: handlers would get `None` instead.
pub async fn what_has_no_form_in_json_is_refused_where_it_is_raised<B: Backend>(backend: &B) {
    let events = Events::builder(backend.open().await).build().await.unwrap();
    let run = events.run(async |tx| {
        B::add_effect(tx, "priced").await;
        raise(Priced { order_no: "A-1".to_owned(), price: Some(f64::NAN) });
        Ok::<_, Error>(())
    });
    let error = run.await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Payload, false));
    let said = error.to_string();
    assert!(said.contains("payload of event `order.priced`: field `price` does not"), "{said}");
    assert!(whole_log(events.store()).await.is_empty());
}
