//! Frames from outside: what is read, what is inferred, what bad input is told, and the splits.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::civil::date;
use keepwell::ErrorKind;
use keepwell::frame::split::{GroupedFolds, StratifiedFolds, TimeSplit};
use keepwell::frame::{Categories, Column, Frame, InferOptions, RawTable, Table};
use keepwell::model::{EncodedColumn, Features};
use keepwell::schema::{Dimension, Kind, Missing, Schema, Signal};
use keepwell::tree::{MISSING_CODE, UNSEEN_CODE};
use proptest::prelude::*;

const CSV: &str = "\
account_id,tier,mrr,seats,share,auto_renew,plan,churned
A-1,gold,100.50,5,0.31,yes,\"pro, yearly\",1
A-2,silver,,,1.2,No,free,0
A-3,gold,19.999, 7 ,,,,
";

fn signal(name: &str, kind: Kind) -> Signal {
    Signal::new(name, Dimension::Usage, kind)
}

fn schema() -> Schema {
    Schema::new()
        .id("account_id")
        .segment("tier")
        .value("mrr")
        .churn("churned")
        .signal(signal("seats", Kind::Count))
        .signal(signal("used", Kind::Share).column("share"))
        .signal(signal("auto_renew", Kind::Flag))
        .signal(signal("plan", Kind::Category))
}

fn read(csv: &str, schema: &Schema) -> keepwell::Result<Frame> {
    Frame::from_csv_reader(csv.as_bytes(), schema)
}

fn problem(csv: &str) -> String {
    read(csv, &schema()).unwrap_err().to_string()
}

fn numbers(frame: &Frame, name: &str) -> Vec<Option<f64>> {
    match frame.signals().column(name).unwrap() {
        Column::Number(values) => values.iter().map(|&value| (!value.is_nan()).then_some(value)).collect(),
        Column::Category(_) => panic!("{name} is no number"),
    }
}

fn texts(table: &Table, name: &str) -> Vec<Option<String>> {
    match table.column(name).unwrap() {
        Column::Category(categories) => {
            (0..categories.codes.len()).map(|row| categories.text(row).map(str::to_owned)).collect()
        }
        Column::Number(_) => panic!("{name} is no text"),
    }
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| (!text.is_empty()).then(|| (*text).to_owned())).collect()
}

fn check_read(frame: &Frame) {
    assert_eq!(frame.n_rows(), 3);
    assert_eq!(frame.ids(), ["A-1", "A-2", "A-3"]);
    assert_eq!(frame.churn().unwrap(), [Some(true), Some(false), None]);
    assert_eq!(frame.expansion(), None);
    assert_eq!(frame.value_cents().unwrap(), [Some(10050), None, Some(2000)]);
    assert_eq!(frame.signals().names(), ["seats", "used", "auto_renew", "plan"]);
    assert_eq!(numbers(frame, "seats"), [Some(5.0), None, Some(7.0)]);
    assert_eq!(numbers(frame, "used"), [Some(0.31), Some(1.2), None]);
    assert_eq!(numbers(frame, "auto_renew"), [Some(1.0), Some(0.0), None]);
    assert_eq!(texts(frame.signals(), "plan"), some(&["pro, yearly", "free", ""]));
    assert_eq!(texts(frame.segments(), "tier"), some(&["gold", "silver", "gold"]));
}

#[test]
fn a_csv_is_read_by_its_schema() {
    check_read(&read(CSV, &schema()).unwrap());
}

#[test]
fn line_ends_byte_order_mark_and_gzip_do_not_matter() {
    check_read(&read(&format!("\u{feff}{CSV}"), &schema()).unwrap());
    check_read(&read(&CSV.replace('\n', "\r\n"), &schema()).unwrap());
    check_read(&read(CSV.trim_end(), &schema()).unwrap());
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(CSV.as_bytes()).unwrap();
    let packed = gzip.finish().unwrap();
    check_read(&Frame::from_csv_reader(packed.as_slice(), &schema()).unwrap());
    let cut = Frame::from_csv_reader(&packed[..packed.len() - 9], &schema()).unwrap_err();
    assert!(matches!(cut.kind(), ErrorKind::Io { .. }), "{cut}");
}

#[test]
fn a_file_is_read_as_its_text() {
    let path = std::env::temp_dir().join(format!("keepwell_frame_{}.csv", std::process::id()));
    std::fs::write(&path, CSV).unwrap();
    let frame = Frame::read_csv(&path, &schema());
    let raw = RawTable::read_csv(&path);
    std::fs::remove_file(&path).unwrap();
    check_read(&frame.unwrap());
    assert_eq!(raw.unwrap().names().len(), 8);
    let error = Frame::read_csv("no_such_file.csv", &schema()).unwrap_err();
    assert!(error.to_string().starts_with("no_such_file.csv: "), "{error}");
}

#[test]
fn columns_may_stand_in_any_order_with_others_between() {
    let csv = "x,churned,plan,auto_renew,share,seats,mrr,tier,account_id\nbad,1,free,yes,0.5,2,10,gold,A\n";
    let frame = read(csv, &schema()).unwrap();
    assert_eq!(frame.ids(), ["A"]);
    assert_eq!(numbers(&frame, "seats"), [Some(2.0)]);
}

#[test]
fn labels_may_be_absent_and_nothing_else() {
    let without = |column: &str| {
        let raw = RawTable::from_csv_reader(CSV.as_bytes()).unwrap();
        let kept: Vec<usize> = (0..8).filter(|&at| raw.names()[at] != column).collect();
        let line =
            |cells: Vec<&str>| cells.iter().map(|cell| format!("\"{cell}\"")).collect::<Vec<_>>().join(",");
        let mut csv = line(kept.iter().map(|&at| raw.names()[at].as_str()).collect());
        for row in 0..3 {
            csv += "\n";
            csv += &line(kept.iter().map(|&at| raw.text(row, at).unwrap()).collect());
        }
        read(&csv, &schema())
    };
    assert_eq!(without("churned").unwrap().churn(), None);
    let missing = |column: &str| without(column).unwrap_err().to_string();
    assert_eq!(
        missing("seats"),
        "column `seats` (signal of the schema) is not in the table; its columns are: account_id, tier, mrr, share, \
         auto_renew, plan, churned"
    );
    assert!(missing("account_id").starts_with("column `account_id` (account id) is not in the table"));
    assert!(missing("tier").starts_with("column `tier` (segment key) is not in the table"));
    // No score reads the value: what needs money says so itself.
    assert_eq!(without("mrr").unwrap().value_cents(), None);
}

#[test]
fn a_bad_cell_is_named_by_column_and_row() {
    let with = |from: &str, to: &str| problem(&CSV.replace(from, to));
    assert_eq!(
        with(" 7 ", "seven"),
        "column `seats`, row 3: found `seven`, expected a number without thousands separators, unit or % sign (leave \
         the cell empty where it is not known)"
    );
    assert_eq!(
        with(" 7 ", "-7"),
        "column `seats`, row 3: found `-7`, expected a whole number from 0 (make the signal a `number` if it can be \
         anything else)"
    );
    assert_eq!(
        with(" 7 ", "inf"),
        "column `seats`, row 3: found `inf`, expected a finite number (leave the cell empty where it is not known)"
    );
    assert_eq!(
        with("0.31", "31"),
        "column `share`, row 1: found `31`, expected a share of 1: 31 % is 0.31 (make the signal a `number` if it is \
         no share)"
    );
    assert_eq!(
        with("No,", "perhaps,"),
        "column `auto_renew`, row 2: found `perhaps`, expected true/false, yes/no or 1/0 (make the signal a `category` \
         or `number` if it is no flag)"
    );
    assert_eq!(
        with("free,0", "free,2"),
        "column `churned`, row 2: found `2`, expected true/false, yes/no or 1/0 (leave the cell empty where it is not \
         known yet)"
    );
    assert_eq!(
        with("100.50", "-100.50"),
        "column `mrr`, row 1: found `-100.50`, expected an amount from 0, without currency sign (leave the cell empty \
         where it is not known)"
    );
    assert_eq!(with("A-2", ""), "column `account_id`, row 2: found ``, expected an account id in every row");
}

#[test]
fn two_rows_of_an_account_are_refused_unless_dated() {
    assert_eq!(
        problem(&CSV.replace("A-3", "A-1")),
        "account `A-1` is in rows 1 and 3 of column `account_id`; give each account one row, or name the date column \
         as `as_of` if its rows are of different dates"
    );
    let dated = Schema::new().id("id").as_of("day").signal(signal("signup", Kind::Date));
    let csv = "id,day,signup\nA,2026-03-01,2026-02-01\nA,2026-04-01,2026-02-01\nB,2026-04-01,2026-04-11\nC,2026-04-01,\n";
    let frame = read(csv, &dated).unwrap();
    assert_eq!(frame.as_of().unwrap()[1], date(2026, 4, 1));
    assert_eq!(numbers(&frame, "signup"), [Some(28.0), Some(59.0), Some(-10.0), None]);
    assert_eq!(
        read(&csv.replace("A,2026-03", "A,2026-04"), &dated).unwrap_err().to_string(),
        "account `A as of 2026-04-01` is in rows 1 and 2 of column `id`; give each account one row a date"
    );
    assert_eq!(
        read(&csv.replace("2026-03-01", ""), &dated).unwrap_err().to_string(),
        "column `day`, row 1: found ``, expected a date as 2026-11-21 in every row"
    );
    assert_eq!(
        read(&csv.replace("2026-04-11", "11.4.2026"), &dated).unwrap_err().to_string(),
        "column `signup`, row 3: found `11.4.2026`, expected a date as 2026-11-21 (leave the cell empty where it is \
         not known)"
    );
}

#[test]
fn a_broken_csv_is_named_by_line() {
    assert_eq!(
        problem(&CSV.replace("A-2,silver,", "A-2,")),
        "the CSV, line 3: 7 cells, but the header has 8; is a comma or a quote missing or too many?"
    );
    assert_eq!(
        problem(&CSV.replace("share", "seats")),
        "the CSV, line 1: column `seats` stands twice; give each its own name"
    );
    assert_eq!(
        problem(&CSV.replace("free,0", "free,\"0")),
        "the CSV, line 3: a quote that is opened here is never closed; is the file cut short?"
    );
    assert_eq!(
        problem("account_id;churned\nA;1\n"),
        "the CSV, line 1: one column only, with `;` or a tab in its name; separate the cells by commas"
    );
    let mut bytes = CSV.as_bytes().to_vec();
    let at = CSV.find("silver").unwrap();
    bytes[at] = 0xe4;
    let error = Frame::from_csv_reader(bytes.as_slice(), &schema()).unwrap_err();
    assert_eq!(error.to_string(), "the CSV, line 3: not UTF-8; save the file as UTF-8");
}

#[test]
fn a_table_without_rows_is_refused() {
    let header = CSV.lines().next().unwrap();
    let text = "the CSV has no rows; give it a header and at least one row";
    assert_eq!(problem(header), text);
    assert_eq!(problem(""), text);
    assert_eq!(
        Frame::from_table(&Table::new(0, []).unwrap(), &schema()).unwrap_err().to_string(),
        "the table has no rows; give it at least one row"
    );
}

#[test]
fn a_schema_that_does_not_hold_reads_nothing() {
    let error = read(CSV, &schema().signal(signal("churned", Kind::Flag))).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Schema(_)), "{error}");
}

#[test]
fn missing_means_zero_only_where_said() {
    let mut schema = schema();
    schema.signals[0].missing = Missing::Zero;
    let frame = read(CSV, &schema).unwrap();
    assert_eq!(numbers(&frame, "seats"), [Some(5.0), Some(0.0), Some(7.0)]);
    assert_eq!(numbers(&frame, "used")[2], None);
}

#[test]
fn a_column_in_cents_is_taken_as_it_is() {
    let schema = Schema::new().value("mrr_cents");
    let frame = read("mrr_cents\n10050\n0\n\"\"\n", &schema).unwrap();
    assert_eq!(frame.value_cents().unwrap(), [Some(10050), Some(0), None]);
    assert_eq!(frame.ids(), ["1", "2", "3"]);
}

fn category(texts: &[&str]) -> Column {
    Column::Category(Categories::from_texts(texts.iter().map(|text| Some(*text))))
}

#[test]
fn a_typed_table_is_read_as_a_file_is() {
    let columns = [
        ("account_id", category(&["A-1", "A-2", "A-3"])),
        ("tier", category(&["gold", "silver", "gold"])),
        ("mrr", Column::Number(vec![100.5, f64::NAN, 19.999])),
        ("seats", category(&["5", "", "7"])),
        ("share", Column::Number(vec![0.31, 1.2, f64::NAN])),
        ("auto_renew", category(&["yes", "no", "NA"])),
        ("plan", category(&["pro, yearly", "free", " "])),
        ("churned", Column::Number(vec![1.0, 0.0, f64::NAN])),
    ];
    let table = Table::new(3, columns.map(|(name, column)| (name.to_owned(), column))).unwrap();
    check_read(&Frame::from_table(&table, &schema()).unwrap());
}

#[test]
fn numbers_serve_as_ids_and_codes_in_a_typed_table() {
    let schema = Schema::new().id("id").signal(signal("code", Kind::Category));
    let columns = [("id", vec![12.0, 7.0]), ("code", vec![3.0, f64::NAN])];
    let columns = columns.map(|(name, values)| (name.to_owned(), Column::Number(values)));
    let frame = Frame::from_table(&Table::new(2, columns).unwrap(), &schema).unwrap();
    assert_eq!(frame.ids(), ["12", "7"]);
    assert_eq!(texts(frame.signals(), "code"), some(&["3", ""]));
}

#[test]
fn a_typed_table_names_its_bad_cells_too() {
    let schema = Schema::new().signal(signal("seats", Kind::Number));
    let with = |column: Column| {
        let table = Table::new(column.len(), [("seats".to_owned(), column)]).unwrap();
        Frame::from_table(&table, &schema).unwrap_err().to_string()
    };
    assert_eq!(
        with(Column::Number(vec![1.0, f64::INFINITY])),
        "column `seats`, row 2: found `inf`, expected a finite number (leave the cell empty where it is not known)"
    );
    assert_eq!(
        with(category(&["1", "many"])),
        "column `seats`, row 2: found `many`, expected a number without thousands separators, unit or % sign (leave \
         the cell empty where it is not known)"
    );
}

#[derive(serde::Serialize)]
struct Account {
    account_id: &'static str,
    tier: &'static str,
    mrr: Option<f64>,
    seats: Option<u32>,
    share: f32,
    auto_renew: Option<bool>,
    plan: &'static str,
    churned: Option<bool>,
}

#[test]
fn records_are_read_as_a_file_is() {
    let account = |account_id, tier, mrr, seats, share, auto_renew, plan, churned| Account {
        account_id,
        tier,
        mrr,
        seats,
        share,
        auto_renew,
        plan,
        churned,
    };
    let records = [
        account("A-1", "gold", Some(100.5), Some(5), 0.31, Some(true), "pro, yearly", Some(true)),
        account("A-2", "silver", None, None, 1.2, Some(false), "free", Some(false)),
        account("A-3", "gold", Some(19.999), Some(7), f32::NAN, None, "", None),
    ];
    check_read(&Frame::from_records(&records, &schema()).unwrap());
    let none: [Account; 0] = [];
    let text = Frame::from_records(&none, &schema()).unwrap_err().to_string();
    assert_eq!(text, "the list of records has no rows; give it a header and at least one row");
}

#[test]
fn rows_are_taken_in_the_order_named() {
    let frame = read(CSV, &schema()).unwrap().take(&[2, 0]);
    assert_eq!(frame.ids(), ["A-3", "A-1"]);
    assert_eq!(frame.churn().unwrap(), [None, Some(true)]);
    assert_eq!(frame.value_cents().unwrap(), [Some(2000), Some(10050)]);
    assert_eq!(numbers(&frame, "seats"), [Some(7.0), Some(5.0)]);
    assert_eq!(texts(frame.segments(), "tier"), some(&["gold", "gold"]));
}

const BOOK: &str = "\
customerID,signup,region,note,plan,Zip,seat_utilisation,tickets_open,TotalCharges,auto_renew,kind,nothing,Churn Score,churned,expanded
C1,2024-01-02,NA,called twice,pro,01234,0.5,1,10.5,Yes,a,,80,Yes,0
C2,2024-02-03,EU,wants a discount,free,01235,0.25,0,  ,No,a,,20,No,1
C3,2024-03-04,NA,happy,pro,01234,1.0,3,-3.25,No,a,,30,No,0
C4,2024-04-05,EU,,free,01235,0.75,2,7,Yes,a,NA,40,,
";

fn kinds(schema: &Schema) -> Vec<String> {
    schema
        .signals
        .iter()
        .map(|signal| format!("{} {} {}", signal.name, signal.kind, signal.dimension))
        .collect()
}

fn aside(schema: &Schema) -> Vec<String> {
    schema.set_aside.iter().map(|aside| format!("{}: {}", aside.column, aside.reason)).collect()
}

#[test]
fn a_schema_is_inferred() {
    let raw = RawTable::from_csv_reader(BOOK.as_bytes()).unwrap();
    let schema = Schema::infer(&raw, &InferOptions::new().value("TotalCharges").segment("region")).unwrap();
    assert_eq!(schema.id.as_deref(), Some("customerID"));
    assert_eq!(schema.labels.churn.as_deref(), Some("churned"));
    assert_eq!(schema.labels.expansion.as_deref(), Some("expanded"));
    assert_eq!(
        kinds(&schema),
        [
            "region category profile",
            "note category profile",
            "plan category contract",
            "Zip category profile",
            "seat_utilisation share usage",
            "tickets_open count support",
            "TotalCharges number billing",
            "auto_renew flag contract",
        ]
    );
    assert_eq!(
        aside(&schema),
        [
            "signup: a date: name the `as_of` column to read it as days before then",
            "kind: constant: the same in every row",
            "nothing: empty in every row",
            "Churn Score: named after the churn label: known only once it has happened?",
        ]
    );
    assert_eq!(schema.find("TotalCharges").unwrap().title_text(), "total charges");
}

#[test]
fn an_inferred_schema_reads_the_table_it_came_from() {
    let raw = RawTable::from_csv_reader(BOOK.as_bytes()).unwrap();
    let schema = Schema::infer(&raw, &InferOptions::new()).unwrap();
    let frame = Frame::from_raw(&raw, &schema).unwrap();
    assert_eq!(frame.ids(), ["C1", "C2", "C3", "C4"]);
    assert_eq!(frame.churn().unwrap(), [Some(true), Some(false), Some(false), None]);
    assert_eq!(texts(frame.signals(), "region"), some(&["NA", "EU", "NA", "EU"]));
    assert_eq!(numbers(&frame, "TotalCharges"), [Some(10.5), None, Some(-3.25), Some(7.0)]);
}

#[test]
fn options_go_before_guesses() {
    let raw = RawTable::from_csv_reader(BOOK.as_bytes()).unwrap();
    let options = InferOptions::new().churn("auto_renew").as_of("signup").set_aside("note", "not for models");
    let schema = Schema::infer(&raw, &options).unwrap();
    assert_eq!(schema.labels.churn.as_deref(), Some("auto_renew"));
    assert_eq!(schema.as_of.as_deref(), Some("signup"));
    assert!(aside(&schema).contains(&"note: not for models".to_owned()));
    assert!(
        aside(&schema)
            .contains(&"churned: named after the churn label: known only once it has happened?".to_owned())
    );
    let absent = Schema::infer(&raw, &InferOptions::new().expansion("grew")).unwrap_err().to_string();
    assert!(
        absent.starts_with("column `grew` (expansion label) is not in the table; its columns are: "),
        "{absent}"
    );
}

#[test]
fn dates_are_signals_where_there_is_a_date_to_count_from() {
    let csv = "as_of,signup,ended\n2026-01-01,2025-12-31,3/1/2026\n2026-01-01,2025-01-01,3/2/2026\n";
    let raw = RawTable::from_csv_reader(csv.as_bytes()).unwrap();
    let schema = Schema::infer(&raw, &InferOptions::new()).unwrap();
    assert_eq!(kinds(&schema), ["signup date contract"]);
    assert_eq!(aside(&schema), ["ended: dates written as `3/1/2026`: write them as 2026-11-21"]);
    let frame = Frame::from_raw(&raw, &schema).unwrap();
    assert_eq!(numbers(&frame, "signup"), [Some(1.0), Some(365.0)]);
}

#[test]
fn ids_row_numbers_free_text_and_slips_are_set_aside() {
    let mut csv = String::from(",manager_id,name,comment,spend,level\n");
    for row in 0..40 {
        let spend = if row == 16 { "about 3".into() } else { (row * 7 % 40).to_string() };
        let comment = format!("comment {}", row % 30);
        csv += &format!("{row},{},name {row},{comment},{spend},{}\n", row % 5, row % 4);
    }
    let raw = RawTable::from_csv_reader(csv.as_bytes()).unwrap();
    let schema = Schema::infer(&raw, &InferOptions::new()).unwrap();
    assert_eq!(schema.id, None);
    assert_eq!(kinds(&schema), ["level number profile"]);
    assert_eq!(
        aside(&schema),
        [
            "unnamed_1: counts up by one from row to row: a row number",
            "manager_id: named like an id",
            "name: different in every row: an id or free text",
            "comment: 30 different texts in 40 rows: free text, not a category",
            "spend: 39 of 40 cells are numbers, but row 17 holds `about 3`: put it right",
        ]
    );
}

#[test]
fn an_infinite_number_is_named_when_read() {
    let raw = RawTable::from_csv_reader("ratio\n1.5\ninf\n2\n".as_bytes()).unwrap();
    let schema = Schema::infer(&raw, &InferOptions::new()).unwrap();
    assert_eq!(
        Frame::from_raw(&raw, &schema).unwrap_err().to_string(),
        "column `ratio`, row 2: found `inf`, expected a finite number (leave the cell empty where it is not known)"
    );
}

#[test]
fn a_table_with_no_signal_is_refused() {
    let raw = RawTable::from_csv_reader("churned,kind\n1,a\n0,a\n".as_bytes()).unwrap();
    assert_eq!(
        Schema::infer(&raw, &InferOptions::new()).unwrap_err().to_string(),
        "schema: no column is left to be a signal; set aside: `kind` (constant: the same in every row)"
    );
}

#[test]
fn a_typed_table_is_inferred_as_a_file_is() {
    let columns = [
        ("active", Column::Number(vec![1.0, 0.0, f64::NAN])),
        ("plan", category(&["pro", "free", "pro"])),
        ("mrr", Column::Number(vec![10.0, 20.5, 30.0])),
        ("churned", category(&["Yes", "No", "No"])),
    ];
    let table = Table::new(3, columns.map(|(name, column)| (name.to_owned(), column))).unwrap();
    let schema = Schema::infer_from_table(&table, &InferOptions::new()).unwrap();
    assert_eq!(kinds(&schema), ["active flag usage", "plan category contract", "mrr number billing"]);
    assert_eq!(
        Frame::from_table(&table, &schema).unwrap().churn().unwrap(),
        [Some(true), Some(false), Some(false)]
    );
}

fn labels(n: usize, every: usize) -> Vec<bool> {
    (0..n).map(|row| row % every == 0).collect()
}

#[test]
fn stratified_folds_share_the_positives_out() {
    let labels = labels(103, 7);
    let folds = StratifiedFolds::new(5, 42);
    let splits = folds.split(&labels).unwrap();
    assert_eq!(splits, folds.split(&labels).unwrap());
    assert_ne!(splits, StratifiedFolds::new(5, 43).split(&labels).unwrap());
    let mut tested: Vec<usize> = splits.iter().flat_map(|(_, test)| test.clone()).collect();
    tested.sort_unstable();
    assert_eq!(tested, (0..103).collect::<Vec<_>>());
    for (train, test) in &splits {
        assert_eq!(train.len() + test.len(), 103);
        assert!((20..=21).contains(&test.len()));
        assert!((3..=3).contains(&test.iter().filter(|&&row| labels[row]).count()));
    }
}

/// The same in every release and on every machine: a saved model's folds can be made again.
#[test]
fn folds_are_the_same_for_ever() {
    let folds = StratifiedFolds::new(3, 7).fold_of_rows(&labels(12, 3)).unwrap();
    assert_eq!(folds, [2, 0, 0, 0, 2, 1, 0, 2, 1, 1, 1, 2]);
}

#[test]
fn too_few_rows_for_the_folds_is_said() {
    let mut few = vec![false; 20];
    few[..3].fill(true);
    assert_eq!(
        StratifiedFolds::new(5, 0).split(&few).unwrap_err().to_string(),
        "rows where the label is true, for 5 folds: found 3, expected at least 5"
    );
    assert_eq!(
        StratifiedFolds::new(5, 0).split(&[true; 20]).unwrap_err().to_string(),
        "rows where the label is false, for 5 folds: found 0, expected at least 5"
    );
    assert_eq!(
        StratifiedFolds::new(1, 0).split(&few).unwrap_err().to_string(),
        "`n_splits` is 1, expected at least 2"
    );
    assert_eq!(
        GroupedFolds::new(3, 0).split(&["a", "a", "b"], &[true, false, true]).unwrap_err().to_string(),
        "accounts, for 3 folds: found 2, expected at least 3"
    );
    assert_eq!(
        GroupedFolds::new(2, 0).split(&["a", "b"], &[true]).unwrap_err().to_string(),
        "labels: found 1, expected 2"
    );
}

#[test]
fn grouped_folds_keep_an_account_together() {
    let ids: Vec<String> = (0..200).map(|row| format!("A{}", row % 37)).collect();
    let labels: Vec<bool> = (0..200).map(|row| row % 37 % 4 == 0).collect();
    let folds = GroupedFolds::new(5, 1).fold_of_rows(&ids, &labels).unwrap();
    for row in 37..200 {
        assert_eq!(folds[row], folds[row - 37]);
    }
    for fold in 0..5 {
        let rows = (0..200).filter(|&row| folds[row] == fold);
        let positives = rows.clone().filter(|&row| labels[row]).count();
        assert!((30..=50).contains(&rows.count()));
        assert!((6..=18).contains(&positives), "{positives} of 55");
    }
}

#[test]
fn a_split_by_time_purges_what_looks_past_the_cut() {
    let as_of: Vec<_> =
        (0..100).map(|day| date(2026, 1, 1).saturating_add(jiff::Span::new().days(day))).collect();
    let split = TimeSplit::new(date(2026, 3, 2)).gap_days(7).horizon_days(30);
    let (train, test) = split.split(&as_of).unwrap();
    assert_eq!(train, (0..=23).collect::<Vec<_>>());
    assert_eq!(test, (60..100).collect::<Vec<_>>());
    assert_eq!(
        split.horizon_days(3000).split(&as_of).unwrap_err().to_string(),
        "the train side of the split by time has no rows; take a later cut, or a shorter gap and horizon"
    );
    assert_eq!(
        TimeSplit::new(date(2027, 1, 1)).split(&as_of).unwrap_err().to_string(),
        "the test side of the split by time has no rows; take an earlier cut"
    );
    assert!(split.horizon_days(u32::MAX).split(&as_of).is_err());
}

#[test]
fn a_level_that_training_did_not_see_is_told_from_a_missing_one() {
    let schema = Schema::new().signal(signal("plan", Kind::Category));
    let past = read("plan\nfree\npro\n", &schema).unwrap();
    let today = read("plan\npro\ngold\n\"\"\nfree\n", &schema).unwrap();
    let encoded = Features::of(past.signals()).encode(today.signals()).unwrap();
    let EncodedColumn::Category { codes, n_levels } = &encoded[0] else { panic!("numbers") };
    assert_eq!((codes.as_ref(), *n_levels), (&[1, UNSEEN_CODE, MISSING_CODE, 0][..], 2));
}

proptest! {
    #[test]
    fn any_table_survives_csv(
        texts in prop::collection::vec(prop::option::of("[a-zäß,\"\n;'x]{1,8}"), 1..20),
        seed in prop::collection::vec(prop::option::of(-1e300f64..1e300), 20),
    ) {
        let texts: Vec<_> = texts.iter().map(|text| text.as_deref().map(str::trim).filter(|t| !t.is_empty())).collect();
        let numbers: Vec<f64> = seed[..texts.len()].iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        let is_word_for_nothing = |text: &Option<&str>| matches!(text, Some("nan" | "null"));
        prop_assume!(!texts.iter().any(is_word_for_nothing));
        let columns = [
            ("the, \"name\"".to_owned(), Column::Category(Categories::from_texts(texts.iter().copied()))),
            ("number".to_owned(), Column::Number(numbers.clone())),
        ];
        let table = Table::new(texts.len(), columns).unwrap();
        let mut csv = Vec::new();
        table.write_csv(&mut csv).unwrap();
        let schema = Schema::new()
            .signal(signal("the, \"name\"", Kind::Category))
            .signal(signal("number", Kind::Number));
        let back = Frame::from_csv_reader(csv.as_slice(), &schema).unwrap();
        prop_assert_eq!(back.signals().column("the, \"name\""), table.column("the, \"name\""));
        let Some(Column::Number(read)) = back.signals().column("number") else { panic!() };
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(read), bits(&numbers));
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = RawTable::from_csv_reader(bytes.as_slice()).and_then(|raw| {
            let schema = Schema::infer(&raw, &InferOptions::new())?;
            Frame::from_raw(&raw, &schema)
        });
    }

    #[test]
    fn no_text_makes_reading_panic(text in "[a,\"\n0-9.:/ -]{0,60}") {
        let _ = RawTable::from_csv_reader(text.as_bytes()).and_then(|raw| {
            let schema = Schema::infer(&raw, &InferOptions::new().as_of(raw.names()[0].clone()))?;
            assert_eq!(Schema::from_toml(&schema.to_toml())?, schema);
            Frame::from_raw(&raw, &schema)
        });
    }
}
