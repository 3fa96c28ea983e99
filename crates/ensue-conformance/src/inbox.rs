//! What is promised of what has arrived from elsewhere.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ensue::listener::{Message, Unreadable};
use ensue::subscription::{Failure, FailureClass};
use ensue::testing::MemoryQueue;
use ensue::{
    CorrelationId, DeadLetter, Envelope, Error, EventId, Events, Inbox, Listener, Retried, Store,
    Timestamp, Transactions,
};
use tokio::task::JoinSet;

use crate::backend::{Backend, PATIENCE, effects_of, envelope};
use crate::forwarding::OrderPlaced;

pub(crate) const CONSUMER: &str = "refunds";

async fn note<S: Store>(store: &S, consumer: &str, ids: &[EventId]) -> BTreeSet<EventId> {
    let mut transaction = store.begin().await.unwrap();
    let new = store.note(&mut transaction, consumer, ids).await.unwrap();
    store.commit(transaction).await.unwrap();
    assert_eq!(new.len(), new.iter().collect::<BTreeSet<_>>().len(), "an event that is new twice");
    new.into_iter().collect()
}

fn ids<const N: usize>() -> [EventId; N] {
    std::array::from_fn(|_| EventId::now())
}

fn set(ids: &[EventId]) -> BTreeSet<EventId> {
    ids.iter().copied().collect()
}

/// Each once, however often and in whatever order they are named.
pub async fn an_event_is_new_to_each_consumer_once<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let [one, two, three] = ids();
    assert_eq!(note(&store, CONSUMER, &[two, one]).await, set(&[one, two]));
    let other = backend.open().await;
    assert_eq!(note(&other, CONSUMER, &[three, two, three, one]).await, set(&[three]));
    assert_eq!(note(&other, "mails", &[one, three]).await, set(&[one, three]));
    assert_eq!(note(&other, CONSUMER, &[]).await, set(&[]));
    for (consumer, id, expected) in [
        (CONSUMER, one, true),
        (CONSUMER, three, true),
        ("mails", two, false),
        ("mail", one, false),
    ] {
        assert_eq!(store.has_noted(consumer, id).await.unwrap(), expected, "{consumer} {id}");
    }
}

/// In thousands too, and of any version.
pub async fn any_number_of_events_can_be_noted_at_once<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let many: Vec<_> = (0..2_000_u32).map(|number| EventId::named(&number.to_le_bytes())).collect();
    assert_eq!(note(&store, CONSUMER, &many[..1_000]).await, set(&many[..1_000]));
    assert_eq!(note(&store, CONSUMER, &many).await, set(&many[1_000..]));
}

/// What was not committed has not been handled.
pub async fn a_receipt_is_committed_with_the_effect_or_not_at_all<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let [id] = ids();
    for (commits, effects) in [(false, 0), (true, 1)] {
        let mut transaction = store.begin().await.unwrap();
        assert_eq!(store.note(&mut transaction, CONSUMER, &[id]).await.unwrap(), [id]);
        B::add_effect(&mut transaction, "refunded").await;
        store.append(&mut transaction, &[envelope("1")]).await.unwrap();
        assert!(!store.has_noted(CONSUMER, id).await.unwrap());
        match commits {
            true => store.commit(transaction).await.unwrap(),
            false => store.rollback(transaction).await.unwrap(),
        }
        assert_eq!(effects_of::<B>(&store).await.len(), effects);
    }
    assert!(store.has_noted(CONSUMER, id).await.unwrap());
    assert_eq!(note(&store, CONSUMER, &[id]).await, set(&[]));
}

/// Who comes second waits for the first, or may try again.
pub async fn of_many_who_note_an_event_at_once_it_is_new_to_one<B: Backend>(backend: &B) {
    let many = ids::<20>();
    let mut noting = JoinSet::new();
    for number in 0..4 {
        let (store, mut turned) = (backend.open().await, many);
        turned.rotate_left(number * 5);
        noting.spawn(async move {
            loop {
                match note_with_effects::<B>(&store, &turned).await {
                    Ok(new) => return new,
                    Err(error) => assert!(error.is_retryable(), "{error}"),
                }
            }
        });
    }
    let all = tokio::time::timeout(PATIENCE, noting.join_all()).await.expect("they wait for ever");
    let mut all: Vec<_> = all.into_iter().flatten().collect();
    all.sort();
    assert_eq!(all, many);
    assert_eq!(effects_of::<B>(&backend.open().await).await.len(), 20);
}

async fn note_with_effects<B: Backend>(
    store: &B::Store,
    ids: &[EventId],
) -> Result<Vec<EventId>, Error> {
    let mut transaction = store.begin().await?;
    let new = store.note(&mut transaction, CONSUMER, ids).await?;
    for _ in &new {
        B::add_effect(&mut transaction, "refunded").await;
    }
    store.commit(transaction).await?;
    Ok(new)
}

/// Until it is handled.
pub async fn attempts_at_a_suspect_are_counted_before_each<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let [id, other] = ids();
    assert_eq!(store.suspect(CONSUMER, id).await.unwrap(), Some(1));
    assert_eq!(backend.open().await.suspect(CONSUMER, id).await.unwrap(), Some(2));
    assert_eq!(store.suspect(CONSUMER, other).await.unwrap(), Some(1));
    assert_eq!(store.suspect("mails", id).await.unwrap(), Some(1));
    note(&store, CONSUMER, &[id]).await;
    assert_eq!(store.suspect(CONSUMER, id).await.unwrap(), None);
    assert_eq!(store.suspect("mails", id).await.unwrap(), Some(2));
}

/// Of many at once each gets a number of its own.
pub async fn no_two_attempts_at_a_suspect_have_one_number<B: Backend>(backend: &B) {
    let [id] = ids();
    let mut suspecting = JoinSet::new();
    for _ in 0..8 {
        let store = backend.open().await;
        suspecting.spawn(async move { store.suspect(CONSUMER, id).await.unwrap().unwrap() });
    }
    let mut numbers = suspecting.join_all().await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
}

pub(crate) fn message(payload: impl Into<Vec<u8>>) -> Message {
    let cause = EventId::now();
    let envelope = Envelope {
        version: 7,
        content_type: Cow::Borrowed("application/octet-stream"),
        correlation_id: CorrelationId::new("a story"),
        causation_id: Some(cause),
        hops: 3,
        trace_context: Some("00-0-0-01".to_owned()),
        headers: BTreeMap::from([("actor".to_owned(), "Änne \"A\"".to_owned())]),
        ..envelope(payload)
    };
    Message { source: "shop".to_owned(), id: "4711".to_owned(), sequence: Some(12), envelope }
}

pub(crate) fn letter(message: Result<Message, Unreadable>) -> DeadLetter {
    let id = message.as_ref().map_or_else(|_| EventId::now(), |message| message.envelope.id);
    let failure = Failure::new(FailureClass::Handler, "no card to refund to");
    DeadLetter { id, message, cut: None, failure, attempts: 5, died_at: Timestamp::from_micros(0) }
}

pub(crate) async fn bury<S: Store>(store: &S, consumer: &str, letter: &DeadLetter) {
    let mut transaction = store.begin().await.unwrap();
    store.note(&mut transaction, consumer, &[letter.id]).await.unwrap();
    store.bury(&mut transaction, consumer, letter).await.unwrap();
    store.commit(transaction).await.unwrap();
}

pub(crate) async fn exhume<S: Store>(store: &S, consumer: &str, id: EventId) -> Option<DeadLetter> {
    let mut transaction = store.begin().await.unwrap();
    let letter = store.exhume(&mut transaction, consumer, id).await.unwrap();
    store.commit(transaction).await.unwrap();
    letter
}

/// But for the time, which is the database's to say.
pub(crate) fn undated(letter: DeadLetter) -> DeadLetter {
    assert!(letter.died_at > Timestamp::from_micros(0));
    DeadLetter { died_at: Timestamp::from_micros(0), ..letter }
}

async fn letters<S: Store>(store: &S, consumer: &str) -> Vec<DeadLetter> {
    let letters = store.dead_letters(consumer, None, 1_000).await.unwrap();
    letters.into_iter().map(undated).collect()
}

/// Text, bytes, or nothing; an event or not.
pub async fn a_dead_letter_comes_back_whole<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let mut bare = message("{}");
    (bare.sequence, bare.envelope.key, bare.envelope.causation_id) = (None, None, None);
    (bare.envelope.trace_context, bare.envelope.headers) = (None, BTreeMap::new());
    let mut odd = message("{}");
    (odd.source, odd.id) = ("\0".to_owned(), "\0\u{1f980}".to_owned());
    odd.envelope.key = Some("A\0-1".to_owned());
    odd.envelope.headers.insert("\0".to_owned(), "\0".to_owned());
    let unreadable = Unreadable::new("no type\0", b"");
    let whole = Unreadable::new("no type", b"\0\xff").with_id("47\0a").with_content_type("text/\0");
    let whole = whole.with_headers([("a", "\0"), ("a", "b"), ("Änne", "\"")]);
    let mut buried: Vec<_> = [
        Ok(message("{\"amount\":7}")),
        Ok(message(b"\0\xff\xfe".to_vec())),
        Ok(message("a\0b")),
        Ok(message("")),
        Ok(bare),
        Ok(odd),
        Err(unreadable),
        Err(whole),
    ]
    .map(letter)
    .into();
    buried.sort_by_key(|letter| letter.id);
    for letter in &buried {
        bury(&store, CONSUMER, letter).await;
    }
    let other = backend.open().await;
    assert_eq!(letters(&other, CONSUMER).await, buried);
    assert!(letters(&other, "mails").await.is_empty());
    for letter in buried {
        assert_eq!(exhume(&other, CONSUMER, letter.id).await.map(undated), Some(letter));
    }
}

/// Page by page.
pub async fn dead_letters_are_read_in_the_order_of_their_ids<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let mut buried: Vec<_> = (0..7).map(|_| letter(Ok(message("{}")))).collect();
    for letter in buried.iter().rev() {
        bury(&store, CONSUMER, letter).await;
    }
    buried.sort_by_key(|letter| letter.id);
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = store.dead_letters(CONSUMER, after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 3);
        after = Some(last.id);
        found.extend(page.into_iter().map(undated));
    }
    assert_eq!(found, buried);
}

/// And its receipt stays.
pub async fn a_dead_letter_is_buried_and_taken_out_with_the_effect_or_not_at_all<B: Backend>(
    backend: &B,
) {
    let store = backend.open().await;
    let dead = letter(Ok(message("{}")));
    let mut transaction = store.begin().await.unwrap();
    store.note(&mut transaction, CONSUMER, &[dead.id]).await.unwrap();
    store.bury(&mut transaction, CONSUMER, &dead).await.unwrap();
    store.rollback(transaction).await.unwrap();
    assert!(letters(&store, CONSUMER).await.is_empty());
    bury(&store, CONSUMER, &dead).await;
    let mut transaction = store.begin().await.unwrap();
    let taken = store.exhume(&mut transaction, CONSUMER, dead.id).await.unwrap();
    assert_eq!(taken.map(undated), Some(dead.clone()));
    B::add_effect(&mut transaction, "ghost").await;
    store.rollback(transaction).await.unwrap();
    assert_eq!(letters(&store, CONSUMER).await, std::slice::from_ref(&dead));
    assert_eq!(exhume(&store, "mails", dead.id).await, None);
    assert!(exhume(&store, CONSUMER, dead.id).await.is_some());
    assert_eq!(exhume(&store, CONSUMER, dead.id).await, None);
    assert!(store.has_noted(CONSUMER, dead.id).await.unwrap());
}

/// Whoever comes second finds none, or may try again.
pub async fn of_many_who_take_a_dead_letter_out_one_gets_it<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let dead = letter(Ok(message("{}")));
    bury(&store, CONSUMER, &dead).await;
    let mut taking = JoinSet::new();
    for _ in 0..4 {
        let (store, id) = (backend.open().await, dead.id);
        taking.spawn(async move {
            loop {
                let mut transaction = store.begin().await.unwrap();
                match store.exhume(&mut transaction, CONSUMER, id).await {
                    Ok(letter) => {
                        store.commit(transaction).await.unwrap();
                        return letter.is_some();
                    }
                    Err(error) => assert!(error.is_retryable(), "{error}"),
                }
            }
        });
    }
    let taken =
        tokio::time::timeout(PATIENCE, taking.join_all()).await.expect("they wait for ever");
    assert_eq!(taken.into_iter().filter(|taken| *taken).count(), 1);
}

/// As after a retry that has failed.
pub async fn a_dead_letter_that_is_buried_again_takes_the_place_of_the_first<B: Backend>(
    backend: &B,
) {
    let store = backend.open().await;
    let dead = letter(Ok(message("{}")));
    bury(&store, CONSUMER, &dead).await;
    let failure = Failure::new(FailureClass::Panic, "still no card");
    let again = DeadLetter { failure, attempts: 6, ..dead };
    bury(&store, CONSUMER, &again).await;
    assert_eq!(letters(&store, CONSUMER).await, [again]);
}

/// It is not there to be tried again.
pub async fn a_dropped_dead_letter_is_gone_and_its_receipt_stays<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let (dropped, kept) = (letter(Ok(message("1"))), letter(Ok(message("2"))));
    bury(&store, CONSUMER, &dropped).await;
    bury(&store, CONSUMER, &kept).await;
    assert!(!store.drop_dead_letter("mails", dropped.id, "not mine").await.unwrap());
    assert!(store.drop_dead_letter(CONSUMER, dropped.id, "a test order").await.unwrap());
    assert!(!store.drop_dead_letter(CONSUMER, dropped.id, "again").await.unwrap());
    assert_eq!(letters(&backend.open().await, CONSUMER).await, [kept]);
    assert_eq!(exhume(&store, CONSUMER, dropped.id).await, None);
    assert!(store.has_noted(CONSUMER, dropped.id).await.unwrap());
}

async fn hold<S: Store>(store: &S, consumer: &str, id: EventId, lease: Duration) -> bool {
    let mut transaction = store.begin().await.unwrap();
    let is_held = store.hold(&mut transaction, consumer, id, lease).await.unwrap();
    store.commit(transaction).await.unwrap();
    is_held
}

/// The hold ends when the letter is taken out or the lease expires.
pub async fn a_dead_letter_is_held_by_one_until_that_ends<B: Backend>(backend: &B) {
    const HOUR: Duration = Duration::from_secs(3_600);
    let (store, other) = (backend.open().await, backend.open().await);
    let (dead, dropped) = (letter(Ok(message("1"))), letter(Ok(message("2"))));
    bury(&store, CONSUMER, &dead).await;
    bury(&store, CONSUMER, &dropped).await;
    store.drop_dead_letter(CONSUMER, dropped.id, "a test order").await.unwrap();
    for (consumer, id) in [(CONSUMER, dropped.id), (CONSUMER, EventId::now()), ("mails", dead.id)] {
        assert!(!hold(&store, consumer, id, HOUR).await, "{consumer} {id}");
    }
    let mut transaction = store.begin().await.unwrap();
    assert!(store.hold(&mut transaction, CONSUMER, dead.id, HOUR).await.unwrap());
    store.rollback(transaction).await.unwrap();
    assert!(hold(&other, CONSUMER, dead.id, Duration::ZERO).await);
    assert!(hold(&store, CONSUMER, dead.id, HOUR).await, "the other hold has expired");
    assert!(!hold(&other, CONSUMER, dead.id, HOUR).await);
    let letters = letters(&other, CONSUMER).await;
    assert_eq!(letters, std::slice::from_ref(&dead), "a held letter stays in the list");
    let mut transaction = store.begin().await.unwrap();
    store.exhume(&mut transaction, CONSUMER, dead.id).await.unwrap();
    store.bury(&mut transaction, CONSUMER, &dead).await.unwrap();
    store.commit(transaction).await.unwrap();
    assert!(hold(&other, CONSUMER, dead.id, HOUR).await);
    assert!(exhume(&store, CONSUMER, dead.id).await.is_some());
}

/// The other callers get `false` or a retryable error.
pub async fn of_many_who_hold_a_dead_letter_at_once_one_does<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let dead = letter(Ok(message("{}")));
    bury(&store, CONSUMER, &dead).await;
    let mut holding = JoinSet::new();
    for _ in 0..4 {
        let (store, id) = (backend.open().await, dead.id);
        holding.spawn(async move {
            loop {
                let mut transaction = store.begin().await.unwrap();
                match store.hold(&mut transaction, CONSUMER, id, PATIENCE * 10).await {
                    Ok(is_held) => {
                        store.commit(transaction).await.unwrap();
                        return is_held;
                    }
                    Err(error) => assert!(error.is_retryable(), "{error}"),
                }
            }
        });
    }
    let held = holding.join_all().await;
    assert_eq!(held.into_iter().filter(|is_held| *is_held).count(), 1);
}

/// The letter has the digest of the whole body, and a retry is refused with the reason.
pub async fn a_dead_letter_that_the_database_refuses_is_kept_with_a_part_of_its_body<B: Backend>(
    backend: &B,
) {
    const LIMIT: usize = 100_000;
    let store = backend.open().await;
    backend.refuse_dead_letters_over(LIMIT).await;
    let queue = MemoryQueue::default();
    let listener = Listener::new(CONSUMER, queue.clone()).on(|_: &OrderPlaced| {});
    let events = Events::builder(store).listen(listener).build().await.unwrap();
    let bodies = [vec![b'a'; 2 << 20], vec![0xff; 3 << 20], vec![b'b'; LIMIT / 2]];
    for body in &bodies {
        queue.deliver_unreadable(Unreadable::new("no type", &**body));
    }
    let listening = events.listen();
    queue.drained().await;
    assert!(listening.shutdown(PATIENCE).await);
    let letters = events.dead_letters(CONSUMER).unwrap();
    let mut found = letters.list(None, 10).await.unwrap();
    assert_eq!(found.len(), bodies.len());
    found.sort_by_key(|letter| letter.cut.as_ref().map_or(0, |cut| cut.length));
    for (letter, body) in found.iter().zip([&bodies[2], &bodies[0], &bodies[1]]) {
        let kept = &letter.message.as_ref().unwrap_err().body;
        assert!(body.starts_with(kept), "the kept part is not the start of the body");
        let retried = letters.retry(letter.id).await.unwrap();
        match &letter.cut {
            None => {
                assert_eq!(kept.len(), body.len());
                assert!(matches!(retried, Retried::Failed(_)), "{retried:?}");
            }
            Some(cut) => {
                assert!(!kept.is_empty() && kept.len() <= LIMIT, "{} bytes", kept.len());
                assert_eq!(cut.length, body.len() as u64);
                let Retried::Refused(why) = retried else { panic!("{retried:?}") };
                assert!(why.contains(&cut.sha256), "{why}");
            }
        }
    }
    assert!(found[0].cut.is_none() && found[1].cut.is_some() && found[2].cut.is_some());
}

/// Those of a dead letter that is there stay, whatever their age.
pub async fn old_receipts_are_forgotten_but_not_those_of_dead_letters<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let (dead, dropped) = (letter(Ok(message("1"))), letter(Ok(message("2"))));
    let [handled, suspect] = ids();
    note(&store, CONSUMER, &[handled]).await;
    note(&store, "mails", &[handled]).await;
    bury(&store, CONSUMER, &dead).await;
    bury(&store, CONSUMER, &dropped).await;
    store.drop_dead_letter(CONSUMER, dropped.id, "a test order").await.unwrap();
    store.suspect(CONSUMER, suspect).await.unwrap();
    assert_eq!(store.forget(CONSUMER, Duration::from_secs(3_600)).await.unwrap(), 0);
    assert_eq!(store.suspect(CONSUMER, suspect).await.unwrap(), Some(2));
    assert_eq!(store.forget(CONSUMER, Duration::ZERO).await.unwrap(), 2);
    assert!(!store.has_noted(CONSUMER, handled).await.unwrap());
    assert!(!store.has_noted(CONSUMER, dropped.id).await.unwrap());
    assert!(store.has_noted(CONSUMER, dead.id).await.unwrap());
    assert!(store.has_noted("mails", handled).await.unwrap());
    assert_eq!(store.suspect(CONSUMER, suspect).await.unwrap(), Some(1));
    assert_eq!(letters(&store, CONSUMER).await, [dead]);
}

/// As if the message had arrived only now.
pub async fn the_receipt_of_a_dead_letter_is_as_old_as_what_became_of_it<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let mut scale = Duration::from_millis(25);
    // Each round has its own consumer: the receipts of an earlier round are old by now.
    for round in 0.. {
        let consumer = format!("round {round}");
        if is_as_old_as_what_became_of_it(&store, &consumer, scale).await {
            break;
        }
        scale *= 2;
        assert!(scale < SLOWEST, "the database is too slow for this test");
    }
}

/// LIMIT: only a hanging database takes this long.
const SLOWEST: Duration = Duration::from_secs(120);

/// False if it took too long to tell.
async fn is_as_old_as_what_became_of_it<S: Store>(
    store: &S,
    consumer: &str,
    scale: Duration,
) -> bool {
    let (retried, dropped) = (letter(Ok(message("1"))), letter(Ok(message("2"))));
    for letter in [&retried, &dropped] {
        bury(store, consumer, letter).await;
    }
    let [later] = ids();
    note(store, consumer, &[later]).await;
    // Then the other two are as old, and stay for as long as they are dead letters.
    let noted = Instant::now();
    while store.forget(consumer, 2 * scale).await.unwrap() == 0 {
        assert!(noted.elapsed() < SLOWEST + 2 * scale, "an old receipt was not forgotten");
    }
    assert!(!store.has_noted(consumer, later).await.unwrap());
    let began = Instant::now();
    exhume(store, consumer, retried.id).await.unwrap();
    assert!(store.drop_dead_letter(consumer, dropped.id, "a test order").await.unwrap());
    let age = began.elapsed() + scale;
    let forgotten = store.forget(consumer, age).await.unwrap();
    let is_telling = began.elapsed() < age;
    assert!(forgotten == 0 || !is_telling, "{forgotten} receipts");
    is_telling
}

/// More than fit into one step.
pub async fn any_number_of_receipts_can_be_forgotten<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let many: Vec<_> =
        (0..12_000_u32).map(|number| EventId::named(&number.to_le_bytes())).collect();
    for ids in many.chunks(4_000) {
        note(&store, CONSUMER, ids).await;
    }
    assert_eq!(store.forget(CONSUMER, Duration::ZERO).await.unwrap(), 12_000);
    assert_eq!(note(&store, CONSUMER, &many[..10]).await.len(), 10);
}
