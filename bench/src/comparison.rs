//! Two arms side by side.

use std::time::Duration;

use ensue::BoxError;

use crate::arm::Arm;
use crate::ratios::Ratios;
use crate::terminal;

/// LIMIT: rounds before the first that counts. They fill caches, pools and prepared statements.
const WARM_UP_ROUNDS: u32 = 2;

/// What is compared, and what would be good.
pub(crate) struct Comparison {
    pub(crate) name: String,
    /// What a round does [`per_round`](Self::per_round) times.
    pub(crate) operation: &'static str,
    pub(crate) per_round: u32,
    pub(crate) rounds: u32,
    /// The ratio to stay below, if there is one.
    pub(crate) target: Option<f64>,
}

impl Comparison {
    /// Lets the arms take turns, and prints how they compare.
    pub(crate) async fn run(
        &self,
        ours: &mut impl Arm,
        reference: &mut impl Arm,
    ) -> Result<(), BoxError> {
        let mut ratios = Ratios::default();
        for round in 0..WARM_UP_ROUNDS + self.rounds {
            // Who goes second finds the machine as the first left it, so they swap places.
            let (our_time, reference_time) = if round % 2 == 0 {
                let our_time = ours.round().await?;
                (our_time, reference.round().await?)
            } else {
                let reference_time = reference.round().await?;
                (ours.round().await?, reference_time)
            };
            if round >= WARM_UP_ROUNDS {
                ratios.add(our_time, reference_time);
            }
        }
        self.print(&ratios);
        Ok(())
    }

    fn print(&self, ratios: &Ratios) {
        let Self { name, operation, rounds, .. } = self;
        let target = self.target.map_or_else(|| "none".to_owned(), |most| format!("<= {most:.2}"));
        let (least, median, most) = (ratios.least(), ratios.median(), ratios.most());
        let reference = per_operation(ratios.reference(), self.per_round);
        terminal::say(&format_args!(
            "  {name:<36} {median:>6.2} x the reference's time ({least:.2} to {most:.2} in {rounds} \
             rounds), target {target}; reference {reference} per {operation}"
        ));
    }
}

fn per_operation(round: Duration, operations: u32) -> String {
    let micros = round.as_secs_f64() * 1e6 / f64::from(operations);
    if micros < 1.0 { format!("{:.1} ns", micros * 1e3) } else { format!("{micros:.1} us") }
}
