//! What contracts grew or shrank by, in money a month at constant prices.

use std::collections::BTreeSet;

use super::super::contract::Contract;
use super::Part;

/// The sum of the parts asked for, in minor units; above 0 is growth. Products in `undecided` do not count.
pub(super) fn change(
    before: &[&Contract],
    after: &[&Contract],
    parts: &[Part],
    plan_order: &[String],
    undecided: &[&str],
) -> f64 {
    let products: BTreeSet<&str> =
        before.iter().chain(after).map(|contract| contract.product.as_str()).collect();
    let of = |held: &[&'_ Contract], product: &str| held.iter().position(|c| c.product == product);
    let of_product = |product: &str| {
        let (before_at, after_at) = (of(before, product), of(after, product));
        match (before_at.map(|at| before[at]), after_at.map(|at| after[at])) {
            (Some(before), Some(after)) => of_terms(before, after, parts, plan_order),
            (None, Some(after)) if parts.contains(&Part::Products) => revenue(after),
            (Some(before), None) if parts.contains(&Part::Products) => -revenue(before),
            _ => 0.0,
        }
    };
    let decided = products.into_iter().filter(|product| !undecided.contains(product));
    decided.map(of_product).sum()
}

/// What the same product grew by: more seats at the old price, another plan at the new one.
fn of_terms(before: &Contract, after: &Contract, parts: &[Part], plan_order: &[String]) -> f64 {
    let (seats_before, seats_after) = match before.seats.zip(after.seats) {
        Some((before, after)) => (f64::from(before.max(1)), f64::from(after.max(1))),
        None => (1.0, 1.0),
    };
    let (price_before, price_after) = (revenue(before) / seats_before, revenue(after) / seats_after);
    let mut sum = 0.0;
    if parts.contains(&Part::Seats) {
        sum += (seats_after - seats_before) * price_before;
    }
    if parts.contains(&Part::Plan) && before.plan != after.plan {
        let rank = |plan: &str| plan_order.iter().position(|other| other == plan);
        let dearer = price_after - price_before;
        let agrees = match rank(&before.plan).zip(rank(&after.plan)) {
            Some((before, after)) => (after > before) == (dearer > 0.0),
            None => true,
        };
        sum += if agrees { seats_after * dearer } else { 0.0 };
    }
    sum
}

/// Revenue a month; 1 where nobody knows it, so that what it is for still counts.
fn revenue(contract: &Contract) -> f64 {
    contract.mrr_cents.map_or(1.0, |cents| cents as f64)
}
