//! The Arrow columns that scores and plans are told in.

use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder, StringBuilder, StructBuilder};
use arrow_array::{ArrayRef, Date32Array, Float64Array, Int64Array, StringArray};
use arrow_schema::{DataType, Field, Fields};
use keepwell::explain::Reason;

/// A column under its name.
pub type Named = (String, ArrayRef);

/// Numbers.
pub fn numbers(name: &str, values: impl IntoIterator<Item = Option<f64>>) -> Named {
    (name.to_owned(), Arc::new(values.into_iter().collect::<Float64Array>()))
}

/// Whole numbers, such as money in minor units.
pub fn whole(name: &str, values: impl IntoIterator<Item = Option<i64>>) -> Named {
    (name.to_owned(), Arc::new(values.into_iter().collect::<Int64Array>()))
}

/// Texts.
pub fn texts<T: AsRef<str>>(name: &str, values: impl IntoIterator<Item = Option<T>>) -> Named {
    (name.to_owned(), Arc::new(values.into_iter().collect::<StringArray>()))
}

/// Civil dates.
pub fn dates(name: &str, values: &[jiff::civil::Date]) -> Named {
    const EPOCH: jiff::civil::Date = jiff::civil::date(1970, 1, 1);
    let days = values.iter().map(|date| (*date - EPOCH).get_days());
    (name.to_owned(), Arc::new(Date32Array::from_iter_values(days)))
}

/// One list of reasons a row.
pub fn reasons(name: &str, values: &[Vec<Reason>]) -> Named {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let fields = Fields::from(vec![
        text("signal"),
        text("dimension"),
        text("value"),
        text("usual"),
        Field::new("contribution", DataType::Float64, false),
        Field::new("points", DataType::Float64, false),
        text("sentence"),
    ]);
    let mut list = ListBuilder::new(StructBuilder::from_fields(fields, values.len()));
    for row in values {
        row.iter().for_each(|reason| push(list.values(), reason));
        list.append(true);
    }
    (name.to_owned(), Arc::new(list.finish()))
}

fn push(reasons: &mut StructBuilder, reason: &Reason) {
    let texts = [
        (0, reason.name.as_str()),
        (1, reason.dimension.name()),
        (2, &reason.value),
        (3, &reason.usual),
        (6, &reason.sentence),
    ];
    for (at, text) in texts {
        if let Some(builder) = reasons.field_builder::<StringBuilder>(at) {
            builder.append_value(text);
        }
    }
    for (at, number) in [(4, reason.contribution), (5, reason.points)] {
        if let Some(builder) = reasons.field_builder::<Float64Builder>(at) {
            builder.append_value(number);
        }
    }
    reasons.append(true);
}
