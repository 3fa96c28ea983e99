//! What it takes to let something new ensue.

use super::patience::wait_for;
use super::{Stage, Told};
use crate::application::Database;
use crate::domain::Money;

/// The change that added loyalty points, as it was made; a test sees to it that it is true still.
const DIFF: &str = include_str!("../../adding-a-reaction.diff");

pub(super) async fn tell<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.chapter("A reaction is added, and nothing of the domain changes")?;

    stage.says("One day the shop wants to credit points for payments: one for each whole euro.")?;
    let no = stage.place_and_pay(&[("mug", 2)]).await?;
    let (points, took) = wait_for("the points", async || {
        let points = stage.witness.points(&no).await?;
        Ok((points != 0).then_some(points))
    })
    .await?;
    let amount = Money::of_cents(stage.witness.order(&no).await?.amount_cents);
    stage.fact(format!("{points} points for {amount}, {took:.1?} later"), points, 25)?;

    stage.says("All that it took is in examples/shop/adding-a-reaction.diff:")?;
    let files = DIFF.lines().filter_map(|line| line.strip_prefix("+++ b/"));
    let files: Vec<_> = files.collect();
    files.iter().try_for_each(|file| stage.line(format!("     {file}")))?;
    let taken_out = DIFF.lines().filter(|line| line.starts_with('-') && !line.starts_with("---"));
    let of_domain = files.iter().filter(|file| file.contains("domain"));
    let found = (of_domain.count(), taken_out.count());
    stage.fact("no file of the domain, and not one line that was there before", found, (0, 0))
}
