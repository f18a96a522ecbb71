//! Frames and tables from Arrow record batches and back.
#![cfg(feature = "arrow")]

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::*;
use arrow_schema::{DataType, Field};
use keepwell::frame::{Categories, Column, Frame, Table, TableView};
use keepwell::schema::{Dimension, Kind, Schema, Signal};

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(arrow_schema::Schema::new(fields)), arrays).unwrap()
}

fn one(array: impl Array + 'static) -> Column {
    Table::from_arrow(&[batch(vec![("x", Arc::new(array))])]).unwrap().columns()[0].clone()
}

fn numbers(column: &Column) -> Vec<Option<f64>> {
    match column {
        Column::Number(values) => values.iter().map(|&value| (!value.is_nan()).then_some(value)).collect(),
        Column::Category(_) => panic!("texts"),
    }
}

fn texts(column: &Column) -> Vec<Option<&str>> {
    match column {
        Column::Category(categories) => (0..column.len()).map(|row| categories.text(row)).collect(),
        Column::Number(_) => panic!("numbers"),
    }
}

#[test]
fn every_kind_of_number_is_a_number() {
    let expected = [Some(1.0), None];
    assert_eq!(numbers(&one(Int8Array::from(vec![Some(1), None]))), expected);
    assert_eq!(numbers(&one(UInt32Array::from(vec![Some(1), None]))), expected);
    assert_eq!(numbers(&one(Int64Array::from(vec![Some(1), None]))), expected);
    assert_eq!(numbers(&one(Float32Array::from(vec![1.0, f32::NAN]))), expected);
    assert_eq!(numbers(&one(Float64Array::from(vec![Some(1.0), None]))), expected);
    assert_eq!(numbers(&one(BooleanArray::from(vec![Some(true), None]))), expected);
    let decimal = Decimal128Array::from(vec![Some(100), None]).with_precision_and_scale(10, 2).unwrap();
    assert_eq!(numbers(&one(decimal)), expected);
    assert_eq!(numbers(&one(NullArray::new(2))), [None, None]);
}

#[test]
fn every_kind_of_text_is_a_category() {
    let expected = [Some("b"), None, Some("a"), Some("b")];
    let given = expected.to_vec();
    assert_eq!(texts(&one(StringArray::from(given.clone()))), expected);
    assert_eq!(texts(&one(LargeStringArray::from(given.clone()))), expected);
    assert_eq!(texts(&one(StringViewArray::from(given.clone()))), expected);
    assert_eq!(texts(&one(given.into_iter().collect::<DictionaryArray<Int32Type>>())), expected);
}

#[test]
fn dictionaries_of_any_kind_are_their_texts() {
    let dictionary = |keys: Vec<Option<u8>>, texts: Vec<Option<&str>>| {
        let texts = Arc::new(LargeStringArray::from(texts));
        Arc::new(DictionaryArray::new(UInt8Array::from(keys), texts)) as ArrayRef
    };
    // A text that stands twice, one that no row has, a missing one, none at all, another order in another batch.
    let batches = [
        dictionary(
            vec![Some(2), Some(0), None, Some(3)],
            vec![Some("b"), Some("unused"), Some("a"), Some("b")],
        ),
        dictionary(vec![None, None], vec![]),
        dictionary(vec![Some(0), Some(1), Some(2)], vec![None, Some("c"), Some("a")]),
    ];
    let table = Table::from_arrow(&batches.map(|array| batch(vec![("x", array)]))).unwrap();
    let expected = [Some("a"), Some("b"), None, Some("b"), None, None, None, Some("c"), Some("a")];
    assert_eq!(table.columns()[0], Column::Category(Categories::from_texts(expected)));
}

#[test]
fn a_time_is_its_date_in_utc() {
    let expected = [Some("1970-01-02"), None, Some("1969-12-31")];
    let of = |ticks: i64| vec![Some(ticks + ticks / 2), None, Some(-1)];
    let seconds = 86_400;
    assert_eq!(texts(&one(Date32Array::from(vec![Some(1), None, Some(-1)]))), expected);
    assert_eq!(texts(&one(Date64Array::from(of(seconds * 1_000)))), expected);
    assert_eq!(texts(&one(TimestampSecondArray::from(of(seconds)))), expected);
    assert_eq!(texts(&one(TimestampMicrosecondArray::from(of(seconds * 1_000_000)))), expected);
    let nanoseconds = TimestampNanosecondArray::from(of(seconds * 1_000_000_000)).with_timezone("+05:00");
    assert_eq!(texts(&one(nanoseconds)), expected);
}

#[test]
fn long_ids_lose_no_digit() {
    let ids = [9_007_199_254_740_993, 9_007_199_254_740_992];
    assert_eq!(
        texts(&one(Int64Array::from(ids.to_vec()))),
        [Some("9007199254740993"), Some("9007199254740992")]
    );
}

#[test]
fn other_types_are_refused_by_column_and_type() {
    let bytes = batch(vec![("blob", Arc::new(BinaryArray::from_vec(vec![b"x"])))]);
    assert_eq!(
        Table::from_arrow(&[bytes]).unwrap_err().to_string(),
        "column `blob` is Binary, expected numbers, booleans, texts, dates or dictionaries of them; or drop the column"
    );
}

#[test]
fn batches_must_fit_together() {
    let of = |name| batch(vec![(name, Arc::new(Int8Array::from(vec![1])) as ArrayRef)]);
    assert_eq!(Table::from_arrow(&[of("a"), of("a")]).unwrap().n_rows(), 2);
    assert_eq!(
        Table::from_arrow(&[of("a"), of("b")]).unwrap_err().to_string(),
        "records: batch 2 has other columns than batch 1; give all the same"
    );
    assert_eq!(
        Table::from_arrow(&[]).unwrap_err().to_string(),
        "the Arrow table has no rows; give it at least one batch"
    );
}

#[test]
fn a_frame_is_read_from_batches() {
    let schema = Schema::new()
        .id("id")
        .as_of("day")
        .churn("churned")
        .value("mrr")
        .signal(Signal::new("seats", Dimension::Contract, Kind::Count))
        .signal(Signal::new("signup", Dimension::Contract, Kind::Date));
    let of = |id: i64| {
        batch(vec![
            ("blob", Arc::new(BinaryArray::from_vec(vec![b"passed over"])) as ArrayRef),
            ("id", Arc::new(Int64Array::from(vec![id]))),
            ("day", Arc::new(Date32Array::from(vec![20_000]))),
            ("signup", Arc::new(TimestampMillisecondArray::from(vec![19_990 * 86_400_000]))),
            ("seats", Arc::new(Int16Array::from(vec![None]))),
            ("mrr", Arc::new(Float32Array::from(vec![12.5]))),
            ("churned", Arc::new(BooleanArray::from(vec![Some(true)]))),
        ])
    };
    let frame = Frame::from_arrow(&[of(7), of(8)], &schema).unwrap();
    assert_eq!(frame.ids(), ["7", "8"]);
    assert_eq!(frame.churn().unwrap(), [Some(true); 2]);
    assert_eq!(frame.value_cents().unwrap(), [Some(1250); 2]);
    assert_eq!(numbers(&frame.signals().columns()[0]), [None; 2]);
    assert_eq!(numbers(&frame.signals().columns()[1]), [Some(10.0); 2]);
}

#[test]
fn a_table_survives_arrow() {
    let category = Categories::from_texts([Some("a"), None, Some("b"), Some("a")]);
    let columns = [
        ("number".to_owned(), Column::Number(vec![1.0, -2.5, 0.0, 1e300])),
        ("text".to_owned(), Column::Category(category)),
    ];
    let table = Table::new(4, columns).unwrap();
    let batch = table.to_arrow().unwrap();
    assert_eq!(batch.schema().field(1).data_type().to_string(), "Dictionary(Int32, Utf8)");
    assert_eq!(Table::from_arrow(&[batch]).unwrap(), table);
    let gaps = Table::new(2, [("gap".to_owned(), Column::Number(vec![f64::NAN, 1.0]))]).unwrap();
    assert_eq!(gaps.to_arrow().unwrap().column(0).null_count(), 1);
    assert_eq!(DataType::Float64, *gaps.to_arrow().unwrap().column(0).data_type());
}

#[test]
fn what_is_read_in_place_is_what_a_table_holds() {
    let some = |step: i64| (0..700).map(move |row| (row % 5 != 1).then_some(row * step % 100));
    let whole = |from: usize| -> ArrayRef { Arc::new(some(7).skip(from).collect::<Int64Array>()) };
    let columns = |from: usize, to: usize| {
        let take = to - from;
        batch(vec![
            ("f64", Arc::new((from..to).map(|row| Some(row as f64 / 3.0)).collect::<Float64Array>())),
            (
                "gaps",
                Arc::new(
                    some(3).map(|v| v.map(|v| v as f64)).skip(from).take(take).collect::<Float64Array>(),
                ),
            ),
            ("f32", Arc::new((from..to).map(|row| Some(row as f32 / 3.0)).collect::<Float32Array>())),
            (
                "i8",
                Arc::new(some(1).map(|v| v.map(|v| v as i8)).skip(from).take(take).collect::<Int8Array>()),
            ),
            (
                "u16",
                Arc::new(some(2).map(|v| v.map(|v| v as u16)).skip(from).take(take).collect::<UInt16Array>()),
            ),
            ("i64", whole(from).slice(0, take)),
            (
                "u64",
                Arc::new(some(5).map(|v| v.map(|v| v as u64)).skip(from).take(take).collect::<UInt64Array>()),
            ),
            ("id", Arc::new((from..to).map(|row| Some((1i64 << 53) + row as i64)).collect::<Int64Array>())),
            (
                "flag",
                Arc::new(
                    some(1).map(|v| v.map(|v| v % 2 == 0)).skip(from).take(take).collect::<BooleanArray>(),
                ),
            ),
            ("text", Arc::new((from..to).map(|row| Some(["a", "b", "c"][row % 3])).collect::<StringArray>())),
            ("none", Arc::new(NullArray::new(take))),
        ])
    };
    let one = columns(0, 700);
    let chunks = vec![columns(0, 1), columns(1, 1), columns(1, 300), columns(300, 700)];
    let sliced = vec![one.slice(0, 130), one.slice(130, 570)];
    for batches in [vec![one], chunks, sliced] {
        let table = Table::from_arrow(&batches).unwrap();
        let view = TableView::from_arrow(&batches).unwrap();
        assert_eq!(view.names(), table.names());
        let rows: Vec<usize> = (0..700).rev().collect();
        let (taken, expected) = (view.take(&rows), table.take(&rows));
        for (name, (found, expected)) in
            view.names().iter().zip(taken.columns().iter().zip(expected.columns()))
        {
            match expected {
                Column::Number(_) => assert_eq!(numbers(found), numbers(expected), "{name}"),
                Column::Category(_) => assert_eq!(texts(found), texts(expected), "{name}"),
            }
        }
    }
}
