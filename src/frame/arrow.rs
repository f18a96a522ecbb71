//! Tables and frames from Apache Arrow record batches, and tables to them. Feature `arrow`.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{
    AnyDictionaryArray, Array, ArrayRef, ArrowPrimitiveType, DictionaryArray, Float64Array, PrimitiveArray,
    RecordBatch, RecordBatchOptions, StringArray,
};
use arrow_schema::{ArrowError, DataType, Field, TimeUnit};
use jiff::Span;
use jiff::civil::{Date, date};

use super::{Categories, Column, ColumnRef, Frame, Numbers, Table, TableView};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Schema;

/// Above this, whole numbers are not exact as floats.
const MAX_EXACT: u64 = 1 << 53;

impl Frame {
    /// Reads the columns that the schema names from record batches; see [`Table::from_arrow`] for the types and
    /// [`Frame::from_raw`] for what the cells may hold. Columns that the schema does not name can be of any type.
    ///
    /// # Errors
    /// As those two.
    pub fn from_arrow(batches: &[RecordBatch], schema: &Schema) -> Result<Self> {
        Frame::from_table(&table(batches, |column| schema.reads(column))?, schema)
    }
}

impl Table {
    /// Takes all columns of record batches, one batch behind the other.
    ///
    /// Booleans become 1 and 0; whole, floating and decimal numbers become numbers, nulls and NaN missing; texts and
    /// dictionaries of texts become categories; dates and timestamps become categories of ISO dates, the date in UTC;
    /// a column of type null is missing throughout. Whole numbers beyond 2^53 can only be ids, so a column with one
    /// of them becomes texts, digit by digit.
    ///
    /// # Errors
    /// [`ErrorKind::ColumnType`] for any other type; [`ErrorKind::Records`] where a batch has other columns than the
    /// first; [`ErrorKind::NoRows`] if there are no batches; [`ErrorKind::Schema`] for two columns of one name.
    pub fn from_arrow(batches: &[RecordBatch]) -> Result<Self> {
        table(batches, |_| true)
    }

    /// The table as one record batch: numbers as float64, categories as dictionaries of text, missing as null.
    ///
    /// # Errors
    /// [`ErrorKind::Records`] with Arrow's word, which no table is known to bring about.
    pub fn to_arrow(&self) -> Result<RecordBatch> {
        let arrays: Vec<ArrayRef> = self.columns().iter().map(array).collect::<Result<_>>()?;
        let field = |(name, array): (&String, &ArrayRef)| Field::new(name, array.data_type().clone(), true);
        let fields: Vec<Field> = self.names().iter().zip(&arrays).map(field).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.n_rows()));
        RecordBatch::try_new_with_options(Arc::new(arrow_schema::Schema::new(fields)), arrays, &options)
            .map_err(arrow_error)
    }
}

#[cfg(feature = "parquet")]
impl Table {
    /// Writes the table as Parquet, packed by snappy, with the types of [`to_arrow`](Self::to_arrow). Feature `parquet`.
    ///
    /// # Errors
    /// [`ErrorKind::Records`] with the writer's word.
    pub fn write_parquet(&self, writer: impl std::io::Write + Send) -> Result<()> {
        use parquet::arrow::ArrowWriter;
        use parquet::basic::Compression;
        use parquet::file::properties::WriterProperties;

        let batch = self.to_arrow()?;
        let packed = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let written = ArrowWriter::try_new(writer, batch.schema(), Some(packed)).and_then(|mut writer| {
            writer.write(&batch)?;
            writer.close()
        });
        written.map(|_| ()).map_err(|error| ErrorKind::Records(error.to_string()).into())
    }
}

fn table(batches: &[RecordBatch], keep: impl Fn(&str) -> bool) -> Result<Table> {
    let first = first_of(batches)?;
    let mut table = Table::new(batches.iter().map(RecordBatch::num_rows).sum(), [])?;
    for (at, field) in first.schema().fields().iter().enumerate().filter(|(_, field)| keep(field.name())) {
        let arrays: Vec<ArrayRef> = batches.iter().map(|batch| batch.column(at).clone()).collect();
        table.push(field.name().clone(), column(field.name(), field.data_type(), &arrays)?)?;
    }
    Ok(table)
}

impl<'a> TableView<'a> {
    /// All columns of record batches where they stand: numbers, whole numbers and flags are read in place, whatever
    /// their type and however many batches there are; everything else as by [`Table::from_arrow`].
    ///
    /// # Errors
    /// As [`Table::from_arrow`].
    pub fn from_arrow(batches: &'a [RecordBatch]) -> Result<Self> {
        let first = first_of(batches)?;
        let (n_rows, schema) = (batches.iter().map(RecordBatch::num_rows).sum(), first.schema());
        let column = |(at, field): (usize, &Arc<Field>)| {
            let arrays: Vec<&ArrayRef> = batches.iter().map(|batch| batch.column(at)).collect();
            column_ref(field.name(), &arrays)
        };
        let columns = schema.fields().iter().enumerate().map(column).collect::<Result<Vec<_>>>()?;
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        TableView::new(n_rows, names, columns)
    }
}

impl<'a> ColumnRef<'a> {
    /// One array where it stands; see [`TableView::from_arrow`].
    ///
    /// # Errors
    /// A type that is neither of numbers, flags, texts nor dates.
    pub fn from_arrow(name: &str, array: &'a ArrayRef) -> Result<Self> {
        column_ref(name, &[array])
    }
}

fn column_ref<'a>(name: &str, arrays: &[&'a ArrayRef]) -> Result<ColumnRef<'a>> {
    let owned = || arrays.iter().map(|&array| array.clone()).collect::<Vec<ArrayRef>>();
    let kind = arrays[0].data_type();
    match kind {
        DataType::Int64 | DataType::UInt64 if !are_exact(&owned()) => {}
        kind if reader_of(kind).is_some() => return Ok(ColumnRef::Number(numbers_in_place(arrays))),
        _ => {}
    }
    column(name, kind, &owned()).map(ColumnRef::from)
}

/// Numbers of one array without nulls as a slice, of others array by array.
fn numbers_in_place<'a>(arrays: &[&'a ArrayRef]) -> Numbers<'a> {
    if let [array] = arrays
        && array.null_count() == 0
    {
        if let Some(array) = array.as_primitive_opt::<Float64Type>() {
            return Numbers::F64(array.values());
        }
        if let Some(array) = array.as_primitive_opt::<Float32Type>() {
            return Numbers::F32(array.values());
        }
    }
    let mut n_rows = 0;
    let mut chunks = Vec::new();
    for &array in arrays.iter().filter(|array| !array.is_empty()) {
        chunks.push((n_rows, array));
        n_rows += array.len();
    }
    Numbers::read(n_rows, move |start, out| read_chunks(&chunks, start, out))
}

/// Rows `start..start + out.len()` of arrays, each behind its first row's number.
fn read_chunks(chunks: &[(usize, &ArrayRef)], start: usize, out: &mut [f64]) {
    let mut done = 0;
    while done < out.len() {
        let at = start + done;
        let (first, array) = chunks[chunks.partition_point(|(first, _)| *first <= at) - 1];
        let (from, n) = (at - first, (array.len() - (at - first)).min(out.len() - done));
        read_array(array, from, &mut out[done..done + n]);
        done += n;
    }
}

fn read_array(array: &ArrayRef, start: usize, out: &mut [f64]) {
    let read = reader_of(array.data_type()).expect("only types that have a reader are read in place");
    read(array, start, out);
    if let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) {
        let missing = out.iter_mut().enumerate().filter(|(row, _)| nulls.is_null(start + row));
        missing.for_each(|(_, number)| *number = f64::NAN);
    }
}

type ReadArray = fn(&dyn Array, usize, &mut [f64]);

/// What reads an array of that type, nulls aside.
fn reader_of(kind: &DataType) -> Option<ReadArray> {
    macro_rules! reader {
        ($type:ty) => {
            |array, start, out| read_primitive::<$type>(array, start, out, |value| value as f64)
        };
    }
    Some(match kind {
        DataType::Float64 => reader!(Float64Type),
        DataType::Float32 => reader!(Float32Type),
        DataType::Int8 => reader!(Int8Type),
        DataType::Int16 => reader!(Int16Type),
        DataType::Int32 => reader!(Int32Type),
        DataType::Int64 => reader!(Int64Type),
        DataType::UInt8 => reader!(UInt8Type),
        DataType::UInt16 => reader!(UInt16Type),
        DataType::UInt32 => reader!(UInt32Type),
        DataType::UInt64 => reader!(UInt64Type),
        DataType::Boolean => |array, start, out| {
            let bits = array.as_boolean().values();
            out.iter_mut().zip(start..).for_each(|(out, row)| *out = f64::from(u8::from(bits.value(row))));
        },
        _ => return None,
    })
}

fn read_primitive<T: ArrowPrimitiveType>(
    array: &dyn Array,
    start: usize,
    out: &mut [f64],
    number: impl Fn(T::Native) -> f64,
) {
    let values = array.as_primitive::<T>().values();
    out.iter_mut().zip(&values[start..]).for_each(|(out, value)| *out = number(*value));
}

fn first_of(batches: &[RecordBatch]) -> Result<&RecordBatch> {
    let Some(first) = batches.first() else {
        let what = "the Arrow table".to_owned();
        return Err(ErrorKind::NoRows { what, hint: "give it at least one batch" }.into());
    };
    check_same_columns(batches, first)?;
    Ok(first)
}

fn check_same_columns(batches: &[RecordBatch], first: &RecordBatch) -> Result<()> {
    let columns = |batch: &RecordBatch| -> Vec<(String, DataType)> {
        let schema = batch.schema();
        schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
    };
    let expected = columns(first);
    match batches.iter().position(|batch| columns(batch) != expected) {
        Some(at) => {
            let problem = format!("batch {} has other columns than batch 1; give all the same", at + 1);
            Err(ErrorKind::Records(problem).into())
        }
        None => Ok(()),
    }
}

fn column(name: &str, kind: &DataType, arrays: &[ArrayRef]) -> Result<Column> {
    match kind {
        DataType::Null => Ok(Column::Number(vec![f64::NAN; arrays.iter().map(|array| array.len()).sum()])),
        DataType::Int64 | DataType::UInt64 if !are_exact(arrays) => {
            strings(name, &cast(name, arrays, &DataType::Utf8)?)
        }
        DataType::Boolean => numbers(name, arrays),
        kind if kind.is_numeric() => numbers(name, arrays),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => strings(name, arrays),
        DataType::Dictionary(_, values) if is_text(values) => dictionaries(name, arrays),
        DataType::Dictionary(_, values) => column(name, values, &cast(name, arrays, values)?),
        DataType::Date32 => days(name, arrays, 1),
        DataType::Date64 => days(name, arrays, per_day(TimeUnit::Millisecond)),
        DataType::Timestamp(unit, _) => days(name, arrays, per_day(*unit)),
        _ => Err(wrong_type(
            name,
            kind,
            "numbers, booleans, texts, dates or dictionaries of them; or drop the column",
        )),
    }
}

fn are_exact(arrays: &[ArrayRef]) -> bool {
    arrays.iter().all(|array| match array.data_type() {
        DataType::UInt64 => {
            array.as_primitive::<UInt64Type>().iter().flatten().all(|value| value <= MAX_EXACT)
        }
        _ => {
            array.as_primitive::<Int64Type>().iter().flatten().all(|value| value.unsigned_abs() <= MAX_EXACT)
        }
    })
}

fn numbers(name: &str, arrays: &[ArrayRef]) -> Result<Column> {
    let arrays = cast(name, arrays, &DataType::Float64)?;
    let values = arrays.iter().flat_map(|array| array.as_primitive::<Float64Type>());
    Ok(Column::Number(values.map(|value| value.unwrap_or(f64::NAN)).collect()))
}

fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn strings(name: &str, arrays: &[ArrayRef]) -> Result<Column> {
    let texts: Vec<Vec<Option<&str>>> =
        arrays.iter().map(|array| texts(name, array)).collect::<Result<_>>()?;
    Ok(Column::Category(Categories::from_texts(texts.into_iter().flatten())))
}

fn texts<'a>(name: &str, array: &'a ArrayRef) -> Result<Vec<Option<&'a str>>> {
    match array.data_type() {
        DataType::Utf8 => Ok(array.as_string::<i32>().iter().collect()),
        DataType::LargeUtf8 => Ok(array.as_string::<i64>().iter().collect()),
        DataType::Utf8View => Ok(array.as_string_view().iter().collect()),
        other => Err(wrong_type(name, other, "texts")),
    }
}

/// Texts by dictionary, of which each text is looked up once and not in every row.
fn dictionaries(name: &str, arrays: &[ArrayRef]) -> Result<Column> {
    let parts = arrays.iter().map(|array| {
        let array = array.as_any_dictionary();
        Ok((places(array), texts(name, array.values())?))
    });
    Ok(Column::Category(Categories::from_dictionaries(parts.collect::<Result<Vec<_>>>()?)))
}

/// The place of each row's value in the dictionary.
fn places(array: &dyn AnyDictionaryArray) -> Vec<Option<usize>> {
    if array.values().is_empty() {
        return vec![None; array.len()];
    }
    let places = array.normalized_keys().into_iter().enumerate();
    places.map(|(row, place)| array.keys().is_valid(row).then_some(place)).collect()
}

/// Days since 1970-01-01, or ticks of which there are `per_day`, as ISO dates.
fn days(name: &str, arrays: &[ArrayRef], per_day: i64) -> Result<Column> {
    let arrays = cast(name, arrays, &DataType::Int64)?;
    let ticks = arrays.iter().flat_map(|array| array.as_primitive::<Int64Type>());
    let text = |(row, ticks): (usize, Option<i64>)| {
        ticks
            .map(|ticks| iso_date(ticks.div_euclid(per_day)).ok_or_else(|| no_date(name, row, ticks)))
            .transpose()
    };
    let texts: Vec<Option<String>> = ticks.enumerate().map(text).collect::<Result<_>>()?;
    Ok(Column::Category(Categories::from_texts(texts.iter().map(Option::as_deref))))
}

fn per_day(unit: TimeUnit) -> i64 {
    const SECONDS: i64 = 86_400;
    match unit {
        TimeUnit::Second => SECONDS,
        TimeUnit::Millisecond => SECONDS * 1_000,
        TimeUnit::Microsecond => SECONDS * 1_000_000,
        TimeUnit::Nanosecond => SECONDS * 1_000_000_000,
    }
}

fn iso_date(days: i64) -> Option<String> {
    const EPOCH: Date = date(1970, 1, 1);
    EPOCH.checked_add(Span::new().try_days(days).ok()?).ok().map(|date| date.to_string())
}

fn no_date(column: &str, row: usize, ticks: i64) -> Error {
    let expected = "a date between the years -9999 and 9999".to_owned();
    ErrorKind::Value { column: column.to_owned(), row: row + 1, value: ticks.to_string(), expected }.into()
}

fn cast(name: &str, arrays: &[ArrayRef], to: &DataType) -> Result<Vec<ArrayRef>> {
    let one = |array: &ArrayRef| {
        arrow_cast::cast(array, to)
            .map_err(|_| wrong_type(name, array.data_type(), &format!("what can be read as {to}")))
    };
    arrays.iter().map(one).collect()
}

fn wrong_type(column: &str, found: &DataType, expected: &str) -> Error {
    ErrorKind::ColumnType {
        column: column.to_owned(),
        found: found.to_string(),
        expected: expected.to_owned(),
    }
    .into()
}

fn array(column: &Column) -> Result<ArrayRef> {
    match column {
        Column::Number(values) => {
            let values = values.iter().map(|&value| (!value.is_nan()).then_some(value));
            Ok(Arc::new(values.collect::<Float64Array>()))
        }
        Column::Category(categories) => dictionary(categories),
    }
}

fn dictionary(categories: &Categories) -> Result<ArrayRef> {
    let n_levels = categories.levels.len();
    let key = |&code: &u32| i32::try_from(code).ok().filter(|&key| (key as usize) < n_levels);
    let keys: PrimitiveArray<Int32Type> = categories.codes.iter().map(key).collect();
    let levels = StringArray::from_iter_values(categories.levels.iter());
    Ok(Arc::new(DictionaryArray::try_new(keys, Arc::new(levels)).map_err(arrow_error)?))
}

fn arrow_error(error: ArrowError) -> Error {
    ErrorKind::Records(error.to_string()).into()
}
