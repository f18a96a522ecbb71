//! Who an account is and what it agreed to at the start.

use rand::RngExt;
use rand::rngs::StdRng;

use super::hidden::normal;

/// What does not change, or only by renewal and growth.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub tier: &'static str,
    pub plan: &'static str,
    pub region: &'static str,
    pub industry: &'static str,
    pub payment_method: &'static str,
    pub employees: Option<f64>,
    pub seats: f64,
    /// Monthly list price of a seat in minor units.
    pub seat_cents: f64,
    pub discount_share: f64,
    pub term_months: u32,
    pub auto_renew: bool,
    /// Whether it tells how much of its plan's limit it uses.
    pub has_limit: bool,
    /// Whether goals were agreed.
    pub has_goals: bool,
}

/// Draws one of several by weight.
fn pick<T: Copy>(rng: &mut StdRng, weighted: &[(T, f64)]) -> T {
    let total: f64 = weighted.iter().map(|(_, weight)| weight).sum();
    let mut left = rng.random::<f64>() * total;
    for (value, weight) in weighted {
        left -= weight;
        if left <= 0.0 {
            return *value;
        }
    }
    weighted[weighted.len() - 1].0
}

/// What depends on the size of a customer.
struct Size {
    tier: &'static str,
    usual_seats: f64,
    most_seats: f64,
    plans: [(usize, f64); 3],
    terms: [(u32, f64); 4],
    invoice: f64,
}

const SIZES: [(Size, f64); 3] = [
    (
        Size {
            tier: "small",
            usual_seats: 7.0,
            most_seats: 25.0,
            plans: [(0, 0.6), (1, 0.35), (2, 0.05)],
            terms: [(1, 0.5), (12, 0.5), (24, 0.0), (36, 0.0)],
            invoice: 0.2,
        },
        0.55,
    ),
    (
        Size {
            tier: "mid",
            usual_seats: 25.0,
            most_seats: 80.0,
            plans: [(0, 0.15), (1, 0.6), (2, 0.25)],
            terms: [(1, 0.2), (12, 0.65), (24, 0.15), (36, 0.0)],
            invoice: 0.6,
        },
        0.33,
    ),
    (
        Size {
            tier: "enterprise",
            usual_seats: 70.0,
            most_seats: 200.0,
            plans: [(0, 0.0), (1, 0.3), (2, 0.7)],
            terms: [(1, 0.0), (12, 0.55), (24, 0.25), (36, 0.2)],
            invoice: 0.95,
        },
        0.12,
    ),
];

/// Plans with the monthly list price of a seat in minor units.
const PLANS: [(&str, f64); 3] = [("starter", 2_200.0), ("team", 3_400.0), ("business", 5_200.0)];

impl Profile {
    pub fn draw(rng: &mut StdRng) -> Self {
        let sizes: Vec<(usize, f64)> =
            SIZES.iter().enumerate().map(|(at, (_, weight))| (at, *weight)).collect();
        let size = &SIZES[pick(rng, &sizes)].0;
        let seats = (size.usual_seats * (0.5 * normal(rng)).exp()).round().clamp(2.0, size.most_seats);
        let (plan, seat_cents) = PLANS[pick(rng, &size.plans)];
        let per_seat = 3.0 * (0.6 * normal(rng)).exp();
        Profile {
            tier: size.tier,
            plan,
            region: pick(rng, &[("EMEA", 0.5), ("AMER", 0.35), ("APAC", 0.15)]),
            industry: pick(
                rng,
                &[
                    ("software", 0.3),
                    ("retail", 0.2),
                    ("manufacturing", 0.2),
                    ("finance", 0.15),
                    ("health", 0.15),
                ],
            ),
            payment_method: pick(
                rng,
                &[
                    ("invoice", size.invoice),
                    ("card", 0.7 * (1.0 - size.invoice)),
                    ("direct debit", 0.3 * (1.0 - size.invoice)),
                ],
            ),
            employees: (rng.random::<f64>() < 0.9).then(|| (seats * per_seat.max(1.0)).round()),
            seats,
            seat_cents,
            discount_share: if rng.random::<f64>() < 0.5 {
                0.0
            } else {
                (0.25 * rng.random::<f64>() * 100.0).round() / 100.0
            },
            term_months: pick(rng, &size.terms),
            auto_renew: rng.random::<f64>() < 0.65,
            has_limit: rng.random::<f64>() < 0.7,
            has_goals: rng.random::<f64>() < 0.6,
        }
    }
}
