//! A small made-up business that the tests share.
#![allow(dead_code)] // each test file uses its own part

use std::fmt::Write;

use keepwell::frame::Frame;
use keepwell::schema::{Dimension, Direction, Kind, Schema, Signal};

pub fn schema() -> Schema {
    Schema::new()
        .id("account_id")
        .churn("churned")
        .expansion("expanded")
        .value("mrr")
        .segment("plan")
        .signal(
            Signal::new("seat_utilisation", Dimension::Usage, Kind::Share)
                .direction(Direction::Keeps)
                .movable(true),
        )
        .signal(Signal::new("tickets_open", Dimension::Support, Kind::Count))
        .signal(Signal::new("nps", Dimension::Sentiment, Kind::Number))
        .signal(Signal::new("auto_renew", Dimension::Contract, Kind::Flag))
        .signal(Signal::new("plan", Dimension::Contract, Kind::Category))
}

/// A number in [0, 1) that depends on row and column alone.
pub fn part(row: usize, column: usize) -> f64 {
    let mixed = (row as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ (column as u64 + 1).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

/// `n` accounts: those that use few seats, do not renew by themselves and answer NPS badly or not at all leave.
pub fn csv(n: usize) -> String {
    let mut text =
        "account_id,plan,mrr,seat_utilisation,tickets_open,nps,auto_renew,churned,expanded\n".to_owned();
    for row in 0..n {
        let (seats, renews, answers) = (part(row, 1), part(row, 2) < 0.6, part(row, 3) < 0.7);
        let nps = (part(row, 4) * 11.0).floor();
        let risk =
            1.5 - 4.0 * seats - f64::from(u8::from(renews)) - if answers { 0.2 * (nps - 5.0) } else { 0.0 };
        let growth = 5.0 * seats - 4.5;
        let happens = |log_odds: f64, column| u8::from(part(row, column) < 1.0 / (1.0 + (-log_odds).exp()));
        let nps = if answers { nps.to_string() } else { String::new() };
        let plan = ["free", "team", "business"][(part(row, 5) * 3.0) as usize];
        let tickets = (part(row, 6) * part(row, 7) * 9.0).floor();
        let mrr = (50.0 + 2_000.0 * part(row, 8)).round();
        writeln!(
            text,
            "A{row:05},{plan},{mrr},{seats:.3},{tickets},{nps},{},{},{}",
            if renews { "yes" } else { "no" },
            happens(risk, 9),
            happens(growth, 10)
        )
        .unwrap();
    }
    text
}

pub fn frame(n: usize) -> Frame {
    Frame::from_csv_reader(csv(n).as_bytes(), &schema()).unwrap()
}
