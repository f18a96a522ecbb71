//! The leak check on made-up tables: each leak is found with its evidence, and honest signals are left alone.

use proptest::prelude::*;

use super::*;
use crate::frame::RawTable;

const N: usize = 2_000;

/// Numbers that look like chance and are the same everywhere: splitmix64 of the row, in [0, 1).
fn chance(row: usize, seed: u64) -> f64 {
    let mut z = (row as u64).wrapping_add(seed.wrapping_mul(0x5851_f42d)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A fifth leave.
fn label() -> Vec<Option<bool>> {
    (0..N).map(|row| Some(chance(row, 1) < 0.2)).collect()
}

fn leaves(row: usize) -> bool {
    chance(row, 1) < 0.2
}

fn found(values: impl Fn(usize) -> f64) -> Vec<String> {
    let column = Column::Number((0..N).map(values).collect());
    let table = Table::new(N, [("x".to_owned(), column)]).unwrap();
    leaks(&table, &label(), "churned").unwrap().iter().map(Leak::to_string).collect()
}

#[test]
fn a_form_of_the_label_is_found() {
    let noisy = |row| f64::from(u8::from(leaves(row))) + 0.4 * chance(row, 2);
    assert_eq!(found(noisy).len(), 2);
    assert_eq!(
        found(noisy)[0],
        "`x` alone predicts `churned` with AUC 0.999, beyond what is known beforehand: is it another form of the \
         label, or written after it?"
    );
}

#[test]
fn a_strong_signal_is_none() {
    // AUC about .85, more than any one signal has in practice.
    let bell = |row| (2..6).map(|seed| chance(row, seed)).sum::<f64>();
    let strong = |row| bell(row) + if leaves(row) { 0.85 } else { 0.0 };
    assert_eq!(found(strong), [""; 0]);
    assert_eq!(found(|row| chance(row, 3)), [""; 0]);
    assert_eq!(found(|_| 5.0), [""; 0]);
    assert_eq!(found(|_| f64::NAN), [""; 0]);
}

#[test]
fn a_gap_that_only_leavers_have_is_found() {
    let gone = |row| leaves(row) && chance(row, 2) < 0.3;
    let text = found(|row| if gone(row) { f64::NAN } else { chance(row, 3) });
    let n = (0..N).filter(|&row| gone(row)).count();
    assert_eq!(text.len(), 1, "{text:?}");
    assert!(
        text[0]
            .starts_with(&format!("`x` is missing in {n} rows, and `churned` is true in 100.0 % of them (")),
        "{text:?}"
    );
}

#[test]
fn a_gap_that_many_leavers_have_is_none() {
    // Leavers answer four times less often.
    let answered = |row| chance(row, 2) < if leaves(row) { 0.2 } else { 0.8 };
    assert_eq!(found(|row| if answered(row) { chance(row, 3) } else { f64::NAN }), [""; 0]);
}

#[test]
fn a_value_that_changes_with_the_event_is_found() {
    let refund = |row| if leaves(row) && chance(row, 2) < 0.3 { 1.0 + chance(row, 3) } else { 0.0 };
    let text = found(refund);
    assert!(text.len() == 1 && text[0].starts_with("`x` is not 0 in "), "{text:?}");
    // Whoever is gone uses nothing; some others do not either.
    let use_of = |row| match (leaves(row), chance(row, 2)) {
        (true, share) if share < 0.4 => 0.0,
        (false, share) if share < 0.002 => -0.0,
        _ => 1.0 + chance(row, 3),
    };
    let text = found(use_of);
    assert!(text.len() == 1 && text[0].starts_with("`x` is 0 in "), "{text:?}");
}

#[test]
fn a_tail_that_only_leavers_reach_is_found() {
    let overdue = |row| chance(row, 3) * if leaves(row) && chance(row, 2) < 0.5 { 200.0 } else { 60.0 };
    let text = found(overdue);
    assert!(text.len() == 1 && text[0].starts_with("`x` is above "), "{text:?}");
}

#[test]
fn where_most_rows_are_true_a_pure_group_says_little() {
    // Nine in ten lapse; of those who bought once, 97 in 100.
    let lapses = |row| chance(row, 1) < if chance(row, 2) < 0.5 { 0.97 } else { 0.83 };
    let label: Vec<Option<bool>> = (0..N).map(|row| Some(lapses(row))).collect();
    let once = (0..N).map(|row| f64::from(u8::from(chance(row, 2) < 0.5))).collect();
    let table = Table::new(N, [("once".to_owned(), Column::Number(once))]).unwrap();
    assert_eq!(leaks(&table, &label, "lapsed").unwrap(), []);
}

#[test]
fn an_account_in_several_rows_is_found() {
    // Three rows an account: what is its own is the same in all, and its label too.
    let account = |row: usize| row / 3;
    let label: Vec<Option<bool>> = (0..N).map(|row| Some(leaves(account(row)))).collect();
    let columns = [
        ("lifetime_value", (0..N).map(|row| chance(account(row), 2)).collect::<Vec<f64>>()),
        ("visits", (0..N).map(|row| (20.0 * chance(row, 3)).floor()).collect()),
    ];
    let table =
        Table::new(N, columns.map(|(name, values)| (name.to_owned(), Column::Number(values)))).unwrap();
    let text: Vec<String> = leaks(&table, &label, "churned").unwrap().iter().map(Leak::to_string).collect();
    assert_eq!(text.len(), 1, "{text:?}");
    assert!(
        text[0].starts_with(
            "`lifetime_value`: 2000 rows are the same as others, and `churned` agrees in 100.0 %"
        ),
        "{text:?}"
    );
    // The same rows with a label of their own: a postcode, not an account.
    let table = table.take(&(0..N).collect::<Vec<_>>());
    assert_eq!(leaks(&table, &self::label(), "churned").unwrap(), []);
}

#[test]
fn rows_copied_to_balance_the_label_are_found() {
    let rows: Vec<usize> = (0..N).chain((0..N).filter(|&row| leaves(row))).collect();
    let columns = (0..12).map(|at| {
        let values = rows.iter().map(|&row| (9.0 * chance(row, at + 2)).floor()).collect();
        (format!("x{at}"), Column::Number(values))
    });
    let label: Vec<Option<bool>> = rows.iter().map(|&row| Some(leaves(row))).collect();
    let found = leaks(&Table::new(rows.len(), columns).unwrap(), &label, "churned").unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].column, "(all columns)");
}

#[test]
fn ids_in_several_rows_are_found_unless_dates_tell_them_apart() {
    let csv = |as_of: &str| {
        let mut csv = format!("Account ID,plan,{as_of},gone\n");
        (0..300).for_each(|row| {
            csv += &format!("A{},p{},d{},{}\n", row / 2, row % 4, row % 2, u8::from(leaves(row)));
        });
        RawTable::from_csv_reader(csv.as_bytes()).unwrap().leaks("gone", &[]).unwrap()
    };
    let text: Vec<String> = csv("month").iter().map(Leak::to_string).collect();
    assert_eq!(
        text,
        [
            "`Account ID` has 150 ids, but 300 rows share theirs with another and no `as_of` tells them apart: keep \
          each account in one fold"
        ]
    );
    assert_eq!(csv("as_of"), []);
}

/// Four months of each account; leavers leave in the last. The columns are id, date, status, visits, plan, label.
fn months(status: impl Fn(usize, usize) -> String) -> RawTable {
    let mut csv = "account_id,as_of,status,visits,plan,gone\n".to_owned();
    for account in 0..700 {
        for month in 0..4 {
            let gone = leaves(account) && month == 3;
            let visits = (20.0 * chance(4 * account + month, 3)).floor();
            csv += &format!(
                "A{account},2026-0{}-01,{},{visits},p{},{}\n",
                month + 1,
                status(account, month),
                account % 3,
                u8::from(gone)
            );
        }
    }
    RawTable::from_csv_reader(csv.as_bytes()).unwrap()
}

#[test]
fn a_value_that_is_the_same_before_and_another_after_is_found() {
    // Each account has a number of its own, which is set anew when it leaves.
    let own = |account: usize, month| {
        let changes = leaves(account) && month == 3;
        (100 * account + usize::from(changes)).to_string()
    };
    let text: Vec<String> = months(own).leaks("gone", &[]).unwrap().iter().map(Leak::to_string).collect();
    assert_eq!(text.len(), 1, "{text:?}");
    assert!(text[0].starts_with("`status` changed since the account's row before in "), "{text:?}");
    assert!(text[0].contains("rows, and `gone` is true in 100.0 % of them"), "{text:?}");
    // What others change as well is none, nor what never changes.
    let often = |account: usize, month| (100 * account + usize::from(month > account % 4)).to_string();
    assert_eq!(months(often).leaks("gone", &[]).unwrap(), []);
    assert_eq!(months(|account, _| (100 * account).to_string()).leaks("gone", &[]).unwrap(), []);
}

#[test]
fn a_date_that_only_leavers_have_after_their_row_is_found() {
    // Dates of all years: only that it is not before the row's own date tells.
    let label: Vec<Option<bool>> = label();
    let as_of: Vec<String> = (0..N).map(|row| format!("20{:02}-06-01", row % 40 + 10)).collect();
    let seen = |row: usize| {
        let of_row = if leaves(row) && row.is_multiple_of(2) { row % 40 + 10 } else { row % 40 + 9 };
        format!("20{of_row:02}-07-{:02}", row % 28 + 1)
    };
    let mut csv = "as_of,last_seen,gone\n".to_owned();
    for row in 0..N {
        csv += &format!("{},{},{}\n", as_of[row], seen(row), u8::from(label[row] == Some(true)));
    }
    let raw = RawTable::from_csv_reader(csv.as_bytes()).unwrap();
    let text: Vec<String> = raw.leaks("gone", &[]).unwrap().iter().map(Leak::to_string).collect();
    assert_eq!(text.len(), 1, "{text:?}");
    assert!(text[0].starts_with("`last_seen` is on or after the row's own date in "), "{text:?}");
    // The same as a table of columns.
    let texts = |values: Vec<String>| {
        Column::Category(Categories::from_texts(values.iter().map(|v| Some(v.as_str()))))
    };
    let gone = label.iter().map(|label| f64::from(u8::from(*label == Some(true)))).collect();
    let columns = [
        ("as_of".to_owned(), texts(as_of)),
        ("last_seen".to_owned(), texts((0..N).map(seen).collect())),
        ("gone".to_owned(), Column::Number(gone)),
    ];
    let table = Table::new(N, columns).unwrap();
    assert_eq!(table.leaks("gone", &[]).unwrap(), raw.leaks("gone", &[]).unwrap());
}

#[test]
fn dates_are_told_as_dates() {
    let closed = |account: usize| match leaves(account) {
        true => format!("2026-03-{:02}", account % 28 + 1),
        false => format!("2027-{:02}-{:02}", account % 12 + 1, account % 28 + 1),
    };
    let mut csv = "closes,gone\n".to_owned();
    (0..N).for_each(|row| csv += &format!("{},{}\n", closed(row), u8::from(leaves(row))));
    let found = RawTable::from_csv_reader(csv.as_bytes()).unwrap().leaks("gone", &[]).unwrap();
    let text: Vec<String> = found.iter().map(Leak::to_string).collect();
    assert!(text.iter().any(|text| text.starts_with("`closes` is at most 2026-03-")), "{text:?}");
}

#[test]
fn texts_are_checked_and_columns_set_aside() {
    let mut csv = "reason,plan,gone\n".to_owned();
    (0..N).for_each(|row| {
        let reason = if leaves(row) { ["moved", "price"][row % 2] } else { "" };
        csv +=
            &format!("{reason},{},{}\n", ["free", "team"][row % 2], if leaves(row) { "yes" } else { "no" });
    });
    let raw = RawTable::from_csv_reader(csv.as_bytes()).unwrap();
    let found = raw.leaks("gone", &[]).unwrap();
    assert!(found.iter().all(|leak| leak.column == "reason") && found.len() == 2, "{found:?}");
    assert_eq!(raw.leaks("gone", &["reason".to_owned()]).unwrap(), []);
    assert_eq!(
        raw.leaks("left", &[]).unwrap_err().to_string(),
        "column `left` (label) is not in the table; its columns are: reason, plan, gone"
    );
    assert_eq!(
        raw.leaks("plan", &[]).unwrap_err().to_string(),
        "column `plan`, row 1: found `free`, expected true/false, yes/no or 1/0 (leave the cell empty where it is \
         not known yet)"
    );
}

#[test]
fn a_frame_is_checked_on_each_label_it_has() {
    use crate::schema::{Dimension, Kind, Schema, Signal};

    let mut csv = "id,as_of,age,seats,churned,expanded\n".to_owned();
    (0..N).for_each(|row| {
        // Three dates an account; its age, its churn and the seats bought by those that grew are its own.
        let (account, grows) = (row / 3, chance(row, 5) < 0.3);
        let (age, churned) = (chance(account, 2), u8::from(leaves(account)));
        let seats = if grows { 40 } else { row % 7 };
        csv += &format!("A{account},2026-0{}-01,{age},{seats},{churned},{}\n", row % 3 + 1, u8::from(grows));
    });
    let signal = |name: &str| Signal::new(name, Dimension::Profile, Kind::Number);
    let schema =
        Schema::new().churn("churned").expansion("expanded").signal(signal("age")).signal(signal("seats"));
    let found = |schema: &Schema| {
        let found = Frame::from_csv_reader(csv.as_bytes(), schema).unwrap().leaks().unwrap();
        found.into_iter().map(|leak| (leak.column, leak.label)).collect::<Vec<_>>()
    };
    let twins = ("age".to_owned(), "churned".to_owned());
    let alone = ("seats".to_owned(), "expanded".to_owned());
    assert_eq!(found(&schema), [twins, alone.clone(), alone.clone()]);
    assert_eq!(found(&schema.id("id").as_of("as_of")), [alone.clone(), alone], "dates tell the rows apart");
}

#[test]
fn with_few_rows_nothing_is_said() {
    let table = Table::new(40, [("x".to_owned(), Column::Number(vec![0.0; 40]))]).unwrap();
    let label: Vec<Option<bool>> = (0..40).map(|row| (row < 35).then_some(row < 30)).collect();
    assert_eq!(
        leaks(&table, &label, "churned").unwrap_err().to_string(),
        "rows where `churned` is false, to check for leaks: found 5, expected at least 20"
    );
    assert_eq!(
        leaks(&table, &label[1..], "churned").unwrap_err().to_string(),
        "rows of label `churned`: found 39, expected 40"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn chance_is_no_leak(seed in 10_u64..1_000_000, rate in 0.05..0.95_f64, levels in 2..400_usize) {
        let label: Vec<Option<bool>> = (0..600).map(|row| Some(chance(row, seed) < rate)).collect();
        prop_assume!(label.iter().filter(|label| **label == Some(true)).count().abs_diff(300) <= 280);
        let value = |row| (levels as f64 * chance(row, seed + 1)).floor();
        let gaps = |row| if chance(row, seed + 2) < 0.3 { f64::NAN } else { chance(row, seed + 3) };
        let texts: Vec<String> = (0..600).map(|row| value(row).to_string()).collect();
        let columns = [
            ("levels".to_owned(), Column::Number((0..600).map(value).collect())),
            ("gaps".to_owned(), Column::Number((0..600).map(gaps).collect())),
            ("texts".to_owned(), Column::Category(Categories::from_texts(texts.iter().map(|text| Some(text.as_str()))))),
        ];
        prop_assert_eq!(leaks(&Table::new(600, columns).unwrap(), &label, "churned").unwrap(), []);
    }
}
