use proptest::prelude::*;

use super::*;

const POLL: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn sequencer() -> Sequencer {
    Sequencer::new(Moves::AtOnce, POLL)
}

fn passed(moved: u64) -> Input {
    Input::Passed { moved, is_whole: true }
}

fn peeked(is_waiting: bool) -> Input {
    Input::Peeked { is_waiting, has_grown: false }
}

fn surveyed(chunks: u32) -> Input {
    Input::Surveyed { chunks, is_complete: false }
}

const EVERYTHING: Action = Action::Survey { is_complete: true, portion: PORTION_MAX };

const PASS: Action = Action::Pass { portion: PORTION_MAX };

/// A sequencer that made its complete survey and first pass at time 0.
fn at_work() -> Sequencer {
    let mut sequencer = sequencer();
    assert_eq!(sequencer.step(Duration::ZERO, Input::Tick), EVERYTHING);
    let nothing = Input::Surveyed { chunks: 0, is_complete: true };
    assert_eq!(sequencer.step(Duration::ZERO, nothing), PASS);
    assert_eq!(sequencer.step(Duration::ZERO, passed(1)), Action::WaitUntil(SHORTEST_POLL));
    sequencer
}

/// Peeks at nothing until it is as rarely as it gets; when that is.
fn fall_asleep(sequencer: &mut Sequencer) -> Duration {
    let mut now = SHORTEST_POLL;
    loop {
        assert!(matches!(sequencer.step(now, Input::Tick), Action::Peek));
        let Action::WaitUntil(until) = sequencer.step(now, peeked(false)) else {
            panic!("no wait")
        };
        let poll = until - now;
        now = until;
        if poll == POLL {
            return now;
        }
    }
}

#[test]
fn a_commit_is_followed_by_a_pass_at_once() {
    let pass = at_work().step(MS, Input::Committed);
    assert_eq!(pass, Action::Pass { portion: PORTION_MAX });
}

/// A pass of so many rows that takes a millisecond, and what a commit right behind it is answered.
fn after_a_pass_of(moved: u64) -> (Sequencer, Action) {
    let mut sequencer = at_work();
    sequencer.step(10 * MS, Input::Committed);
    sequencer.step(11 * MS, passed(moved));
    let answer = sequencer.step(11 * MS, Input::Committed);
    (sequencer, answer)
}

#[test]
fn it_rests_after_a_pass_for_as_many_as_wrote_meanwhile_and_then_goes_on() {
    let pass = Action::Pass { portion: PORTION_MAX };
    for few in 0..=2 {
        assert_eq!(after_a_pass_of(few).1, pass, "{few}");
    }
    for (moved, rests_until) in [(3, 12), (5, 14), (6, 15), (1_000, 15)] {
        let (mut sequencer, answer) = after_a_pass_of(moved);
        assert_eq!(answer, Action::WaitUntil(rests_until * MS), "{moved}");
        assert_eq!(sequencer.step(12 * MS - MS / 2, Input::Committed), answer, "{moved}");
        assert_eq!(sequencer.step(rests_until * MS, Input::Tick), pass, "{moved}");
    }
}

#[test]
fn a_long_pass_is_followed_by_no_long_rest() {
    let mut sequencer = at_work();
    sequencer.step(10 * MS, Input::Committed);
    sequencer.step(500 * MS, passed(20_000));
    let answer = sequencer.step(500 * MS, Input::Committed);
    assert_eq!(answer, Action::WaitUntil(500 * MS + LONGEST_REST));
}

#[test]
fn a_demand_ends_the_rest() {
    let (mut resting, _) = after_a_pass_of(1_000);
    assert_eq!(resting.step(12 * MS, Input::Demanded), PASS);
    let mut resting_unasked = at_work();
    resting_unasked.step(10 * MS, Input::Committed);
    resting_unasked.step(11 * MS, passed(1_000));
    assert_eq!(resting_unasked.step(12 * MS, Input::Demanded), PASS);
}

#[test]
fn while_nothing_comes_it_looks_ever_more_rarely() {
    let mut sequencer = at_work();
    let until = fall_asleep(&mut sequencer);
    assert_eq!(sequencer.step(until - MS, Input::Tick), Action::WaitUntil(until));
    assert_eq!(sequencer.step(until, Input::Tick), Action::Peek);
    assert_eq!(sequencer.step(until, peeked(true)), PASS);
    assert_eq!(sequencer.step(until, passed(1)), Action::WaitUntil(until + SHORTEST_POLL));
}

#[test]
fn a_log_that_others_let_grow_is_looked_at_often() {
    let mut sequencer = at_work();
    let until = fall_asleep(&mut sequencer);
    sequencer.step(until, Input::Tick);
    let grown = Input::Peeked { is_waiting: false, has_grown: true };
    assert_eq!(sequencer.step(until, grown), Action::WaitUntil(until + SHORTEST_POLL));
}

#[test]
fn a_lock_that_is_taken_is_asked_for_again_soon_and_not_sooner() {
    let mut sequencer = at_work();
    sequencer.step(MS, Input::Committed);
    let again = MS + BUSY_PAUSE;
    assert_eq!(sequencer.step(MS, Input::Busy), Action::WaitUntil(again));
    assert_eq!(sequencer.step(2 * MS, Input::Committed), Action::WaitUntil(again));
    let pass = sequencer.step(again, Input::Tick);
    assert_eq!(pass, Action::Pass { portion: PORTION_MAX });
}

#[test]
fn a_lock_that_stays_taken_is_asked_for_ever_more_rarely() {
    let mut sequencer = at_work();
    let (mut now, mut pauses) = (MS, Vec::new());
    assert_eq!(sequencer.step(now, Input::Demanded), PASS);
    for _ in 0..60 {
        let Action::WaitUntil(until) = sequencer.step(now, Input::Busy) else { panic!("no wait") };
        pauses.push(until - now);
        now = until;
        assert_eq!(sequencer.step(now, Input::Tick), PASS);
    }
    assert!(pauses.is_sorted() && pauses[7] == BUSY_PAUSE, "{pauses:?}");
    assert_eq!(pauses[59], Duration::from_millis(48));
    sequencer.step(now, passed(0));
    sequencer.step(now, Input::Demanded);
    assert_eq!(sequencer.step(now, Input::Busy), Action::WaitUntil(now + BUSY_PAUSE));
}

#[test]
fn a_demand_is_met_by_the_next_whole_pass() {
    let mut sequencer = at_work();
    assert_eq!(sequencer.step(MS, Input::Demanded), PASS);
    sequencer.step(MS, Input::Busy);
    assert_eq!(sequencer.step(MS + BUSY_PAUSE, Input::Tick), PASS);
    sequencer.step(3 * MS, passed(0));
    assert!(!sequencer.is_demanded);
}

#[test]
fn everything_is_surveyed_now_and_then_and_the_rarer_the_longer_it_takes() {
    let mut sequencer = at_work();
    assert_eq!(sequencer.step(SURVEY_PAUSE - MS, Input::Committed), PASS);
    sequencer.step(SURVEY_PAUSE - MS, passed(1));
    assert_eq!(sequencer.step(SURVEY_PAUSE, Input::Committed), EVERYTHING);
    let now = SURVEY_PAUSE + 5_000 * MS;
    let nothing = Input::Surveyed { chunks: 0, is_complete: true };
    assert_eq!(sequencer.step(now, nothing), PASS);
    let due = now + 5_000 * MS * SURVEY_SHARE;
    assert_eq!(sequencer.step(due - MS, passed(1)), Action::WaitUntil(due - MS + SHORTEST_POLL));
    assert_eq!(sequencer.step(due - MS, Input::Committed), PASS);
    sequencer.step(due - MS, passed(1));
    assert_eq!(sequencer.step(due + POLL, Input::Tick), EVERYTHING);
}

#[test]
fn on_another_server_everything_is_surveyed_and_nothing_moved_before() {
    let mut sequencer = at_work();
    sequencer.step(MS, Input::Committed);
    sequencer.step(MS, Input::TooMany);
    assert_eq!(sequencer.step(MS, surveyed(2)), Action::PassChunk { chunk: 0 });
    let again = MS + FIRST_PAUSE;
    assert_eq!(sequencer.step(MS, Input::Unknown), Action::WaitUntil(again));
    assert_eq!(sequencer.step(again, Input::Tick), EVERYTHING);
}

#[test]
fn a_backlog_is_moved_in_chunks_and_only_then_what_came_later() {
    let mut sequencer = at_work();
    sequencer.step(MS, Input::Committed);
    let survey = sequencer.step(MS, Input::TooMany);
    assert_eq!(survey, Action::Survey { is_complete: false, portion: PORTION_MAX });
    let first = sequencer.step(MS, surveyed(2));
    assert_eq!(first, Action::PassChunk { chunk: 0 });
    assert_eq!(sequencer.step(MS, Input::Busy), Action::WaitUntil(MS + BUSY_PAUSE));
    let first = sequencer.step(MS + BUSY_PAUSE, Input::Tick);
    assert_eq!(first, Action::PassChunk { chunk: 0 });
    let second = sequencer.step(3 * MS, Input::ChunkPassed);
    assert_eq!(second, Action::PassChunk { chunk: 1 });
    let rest = sequencer.step(4 * MS, Input::ChunkPassed);
    assert_eq!(rest, Action::Pass { portion: PORTION_MAX });
}

#[test]
fn a_pass_that_was_cut_short_is_followed_by_another() {
    let mut sequencer = at_work();
    sequencer.step(MS, Input::Committed);
    let cut = Input::Passed { moved: 20_000, is_whole: false };
    let next = sequencer.step(MS, cut);
    assert_eq!(next, Action::Pass { portion: PORTION_MAX });
}

#[test]
fn what_does_not_fit_is_tried_with_less_and_less_but_never_with_nothing() {
    let mut sequencer = at_work();
    sequencer.step(MS, Input::Committed);
    let less = sequencer.step(MS, Input::TooLarge);
    assert_eq!(less, Action::Pass { portion: PORTION_MAX.half() });
    let mut action = less;
    while let Action::Pass { portion, .. } = action {
        assert!(portion.rows > 0 && portion.bytes > 0);
        action = sequencer.step(MS, Input::TooLarge);
    }
    assert_eq!(action, Action::WaitUntil(MS + FIRST_PAUSE));
    let Action::Pass { portion: one, .. } = sequencer.step(MS + FIRST_PAUSE, Input::Tick) else {
        panic!("no pass")
    };
    assert_eq!(one.rows, 1);
    sequencer.step(MS, passed(1));
    let two = sequencer.step(MS, Input::Committed);
    assert_eq!(two, Action::Pass { portion: one.double() });
}

/// This includes stores that do not survey, and move the first part of a backlog by each pass.
#[test]
fn small_passes_of_a_backlog_that_fit_are_followed_by_larger_ones() {
    let mut sequencer = at_work();
    sequencer.step(MS, Input::Committed);
    let less = sequencer.step(MS, Input::TooLarge);
    let part = Input::Passed { moved: 1, is_whole: false };
    for _ in 1..FITTING_PORTIONS {
        assert_eq!(sequencer.step(MS, part), less);
    }
    let more = sequencer.step(MS, part);
    assert_eq!(more, Action::Pass { portion: PORTION_MAX });
}

#[test]
fn small_chunks_that_fit_are_cut_larger_again() {
    let mut sequencer = at_work();
    sequencer.step(MS, Input::Committed);
    sequencer.step(MS, Input::TooLarge);
    sequencer.step(MS, Input::TooMany);
    assert_eq!(sequencer.step(MS, surveyed(100)), Action::PassChunk { chunk: 0 });
    for chunk in 1..FITTING_PORTIONS {
        assert_eq!(sequencer.step(MS, Input::ChunkPassed), Action::PassChunk { chunk });
    }
    let more = sequencer.step(MS, Input::ChunkPassed);
    assert_eq!(more, Action::Pass { portion: PORTION_MAX });
    assert_eq!(
        sequencer.step(MS, Input::TooMany),
        Action::Survey { is_complete: false, portion: PORTION_MAX }
    );
}

#[test]
fn after_failures_it_waits_longer_and_longer() {
    let mut sequencer = at_work();
    sequencer.step(MS, Input::Committed);
    let (mut now, mut pauses) = (MS, Vec::new());
    for _ in 0..7 {
        let Action::WaitUntil(until) = sequencer.step(now, Input::Failed) else {
            panic!("no wait")
        };
        assert_eq!(sequencer.step(now, Input::Committed), Action::WaitUntil(until));
        pauses.push((until - now).as_millis());
        now = until;
        let pass = sequencer.step(now, Input::Tick);
        assert_eq!(pass, Action::Pass { portion: PORTION_MAX });
    }
    assert_eq!(pauses, [50, 100, 200, 400, 800, 1_000, 1_000]);
    sequencer.step(now, passed(0));
    sequencer.step(now, Input::Committed);
    assert_eq!(sequencer.step(now, Input::Failed), Action::WaitUntil(now + FIRST_PAUSE));
}

#[test]
fn on_demand_it_moves_nothing_that_nobody_waits_for() {
    let mut sequencer = Sequencer::new(Moves::OnDemand, POLL);
    assert_eq!(sequencer.step(Duration::ZERO, Input::Tick), Action::Peek);
    assert!(matches!(sequencer.step(Duration::ZERO, peeked(true)), Action::WaitUntil(_)));
    assert!(matches!(sequencer.step(MS, Input::Committed), Action::WaitUntil(_)));
    assert_eq!(sequencer.step(MS, Input::Demanded), EVERYTHING);
    let nothing = Input::Surveyed { chunks: 0, is_complete: true };
    assert_eq!(sequencer.step(MS, nothing), PASS);
    sequencer.step(MS, Input::Failed);
    assert_eq!(sequencer.step(POLL, Input::Tick), PASS);
    assert!(matches!(sequencer.step(POLL, passed(1)), Action::WaitUntil(_)));
    assert!(matches!(sequencer.step(2 * POLL, Input::Tick), Action::Peek));
    sequencer.step(2 * POLL, Input::Failed);
    assert!(matches!(sequencer.step(3 * POLL, Input::Tick), Action::Peek));
}

/// A database with an outbox: how many rows wait, and whoever else may be at it.
#[derive(Debug, Default)]
struct World {
    waiting: u64,
    /// True if there is a horizon.
    is_known: bool,
    chunks: Vec<u64>,
}

#[derive(Debug, Clone)]
enum Fate {
    Fine,
    Busy,
    Failed,
    TooLarge,
    Replaced,
}

fn fates() -> impl Strategy<Value = Vec<(u64, Fate)>> {
    let fate = prop_oneof![
        4 => Just(Fate::Fine),
        2 => Just(Fate::Busy),
        1 => Just(Fate::Failed),
        1 => Just(Fate::TooLarge),
        1 => Just(Fate::Replaced),
    ];
    let commits = prop_oneof![3 => Just(0), 3 => 1_u64..100, 1 => Just(70_000)];
    prop::collection::vec((commits, fate), 0..200)
}

impl World {
    fn perform(&mut self, action: Action, fate: &Fate) -> Input {
        match (fate, action) {
            (_, Action::WaitUntil(_)) => panic!("nothing to perform"),
            (Fate::Failed, _) => Input::Failed,
            (Fate::TooLarge, _) => Input::TooLarge,
            (_, Action::Peek) => Input::Peeked { is_waiting: self.waiting > 0, has_grown: false },
            (_, Action::Survey { is_complete, portion }) => {
                self.survey(is_complete, portion.rows.into())
            }
            (Fate::Busy, _) => Input::Busy,
            (Fate::Replaced, _) => {
                self.is_known = false;
                Input::Unknown
            }
            _ if !self.is_known => Input::Unknown,
            (Fate::Fine, Action::Pass { portion, .. }) if self.waiting > portion.rows.into() => {
                Input::TooMany
            }
            (Fate::Fine, Action::Pass { .. }) => passed(std::mem::take(&mut self.waiting)),
            (Fate::Fine, Action::PassChunk { chunk }) => {
                self.waiting -= std::mem::take(&mut self.chunks[chunk as usize]);
                Input::ChunkPassed
            }
        }
    }

    fn survey(&mut self, is_complete: bool, rows_max: u64) -> Input {
        if !is_complete && !self.is_known {
            return Input::Unknown;
        }
        self.is_known = true;
        self.chunks = vec![rows_max; usize::try_from(self.waiting / rows_max).unwrap()];
        self.chunks.extend(Some(self.waiting % rows_max).filter(|rest| *rest > 0));
        let chunks = u32::try_from(self.chunks.len()).unwrap();
        Input::Surveyed { chunks, is_complete }
    }
}

/// More steps than the largest backlog takes in the smallest chunks.
const ENOUGH: u32 = 10_000;

proptest! {
    /// Whatever happened before, and also if nobody tells of a commit.
    #[test]
    fn everything_is_moved_soon_after_the_last_fault(fates in fates()) {
        let (mut sequencer, mut world) = (sequencer(), World::default());
        let (mut now, mut input, mut fates) = (Duration::ZERO, Input::Tick, fates.into_iter());
        let mut quiet = 0;
        while quiet < ENOUGH {
            input = match sequencer.step(now, input) {
                Action::WaitUntil(until) => {
                    prop_assert!(until >= now && until - now <= LONGEST_PAUSE);
                    now = until;
                    quiet = if world.waiting == 0 { ENOUGH } else { quiet };
                    if let Some((commits, _)) = fates.next() {
                        world.waiting += commits;
                        quiet = 0;
                    }
                    Input::Tick
                }
                action => {
                    let (commits, fate) = fates.next().unwrap_or((0, Fate::Fine));
                    let input = world.perform(action, &fate);
                    world.waiting += commits;
                    quiet += 1;
                    input
                }
            };
        }
        prop_assert_eq!(world.waiting, 0);
    }
}
