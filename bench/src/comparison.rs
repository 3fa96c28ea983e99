//! Arms side by side.

use std::time::Duration;

use ensue::BoxError;

use crate::arm::{AnyArm, Arm};
use crate::ratios::Ratios;
use crate::terminal;

/// LIMIT: rounds before the first that counts. They fill caches, pools and prepared statements.
const WARM_UP_ROUNDS: u32 = 2;

/// What is compared.
pub struct Comparison {
    /// What sets it apart from the others of its scenario.
    pub name: String,
    /// What a round does [`per_round`](Self::per_round) times.
    pub operation: &'static str,
    /// How often a round does it.
    pub per_round: u32,
    /// How many rounds count.
    pub rounds: u32,
}

/// An arm that is compared with the reference.
pub struct Contestant {
    name: String,
    target: Option<f64>,
    arm: Box<dyn AnyArm>,
    ratios: Ratios,
}

impl Contestant {
    /// `arm`, with what it is called in the table.
    pub fn new(name: impl Into<String>, arm: impl Arm + 'static) -> Self {
        Self { name: name.into(), target: None, arm: Box::new(arm), ratios: Ratios::default() }
    }

    /// With the ratio to stay below.
    #[must_use]
    pub fn with_target(mut self, most: f64) -> Self {
        self.target = Some(most);
        self
    }
}

impl Comparison {
    /// Lets the arms take turns, and prints how they compare.
    ///
    /// # Errors
    /// Those of the arms.
    pub async fn run(
        &self,
        reference: impl Arm + 'static,
        contestants: Vec<Contestant>,
    ) -> Result<(), BoxError> {
        let mut lane = Lane { reference: Box::new(reference), times: Vec::new(), contestants };
        for round in 0..self.all_rounds() {
            let times = lane.round(round as usize).await?;
            if round >= WARM_UP_ROUNDS {
                lane.note(&times);
            }
        }
        self.print(&lane);
        Ok(())
    }

    /// With those that only warm up.
    pub(crate) fn all_rounds(&self) -> u32 {
        WARM_UP_ROUNDS + self.rounds
    }

    fn print(&self, lane: &Lane) {
        let Self { name, operation, rounds, .. } = self;
        let reference = per_operation(lane.reference_time(), self.per_round);
        terminal::say(&format_args!(
            "  {name}: {rounds} rounds, the reference takes {reference} per {operation}"
        ));
        for Contestant { name, target, ratios, .. } in &lane.contestants {
            let target = target.map_or_else(String::new, |most| format!(", target <= {most:.2}"));
            let (median, (low, high)) = (ratios.median(), ratios.middle_half());
            terminal::say(&format_args!(
                "    {name:<36} {median:>7.2} x the reference's time (half of the rounds {low:.2} \
                 to {high:.2}){target}"
            ));
        }
    }
}

/// All arms of a comparison.
struct Lane {
    reference: Box<dyn AnyArm>,
    /// Of the reference's rounds that count.
    times: Vec<Duration>,
    contestants: Vec<Contestant>,
}

impl Lane {
    /// A round of each arm; the reference's time comes first.
    ///
    /// Who goes second finds the machine as the one before left it, so each begins in its turn.
    async fn round(&mut self, round: usize) -> Result<Vec<Duration>, BoxError> {
        let Self { reference, contestants, .. } = self;
        let others = contestants.iter_mut().map(|contestant| &mut contestant.arm);
        let mut arms: Vec<_> = std::iter::once(reference).chain(others).collect();
        let mut times = vec![Duration::ZERO; arms.len()];
        for turn in 0..arms.len() {
            let whose = (round + turn) % arms.len();
            times[whose] = arms[whose].any_round().await?;
        }
        Ok(times)
    }

    fn note(&mut self, times: &[Duration]) {
        let [reference, others @ ..] = times else { return };
        self.times.push(*reference);
        for (contestant, time) in self.contestants.iter_mut().zip(others) {
            contestant.ratios.add(*time, *reference);
        }
    }

    /// The median.
    fn reference_time(&self) -> Duration {
        let mut sorted = self.times.clone();
        sorted.sort();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }
}

fn per_operation(round: Duration, operations: u32) -> String {
    let micros = round.as_secs_f64() * 1e6 / f64::from(operations);
    if micros < 1.0 { format!("{:.1} ns", micros * 1e3) } else { format!("{micros:.1} us") }
}
