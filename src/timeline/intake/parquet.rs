//! Tables from Parquet files: one thread unpacks while another reads the rows.

use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema};

use super::super::table_from::TableFrom;
use super::Reading;
use super::arrow::BatchReader;
use crate::error::{Error, ErrorKind, Result};

/// Rows that are unpacked at a time: what is unpacked stays in the cache while it is read.
const BATCH_ROWS: usize = 1 << 15;
/// Batches that may wait to be read.
const WAITING: usize = 4;

type Unpacked = std::result::Result<RecordBatch, String>;

impl Reading<'_> {
    pub(super) fn parquet(&mut self, table: &TableFrom, file: File, what: &str) -> Result<()> {
        let reader = open(file, |column| table.reads(column, &self.timeline.account))
            .map_err(|error| faulty(what, &error.to_string()))?;
        let schema = arrow_array::RecordBatchReader::schema(&reader);
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let mut rows = BatchReader::new(self, table, &names)?;
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(WAITING);
            let unpacking = scope.spawn(move || unpack(reader, &sender));
            let read = read_all(&receiver, |batch| rows.batch(self, batch), what);
            drop(receiver);
            match unpacking.join() {
                Ok(()) => read,
                Err(_) => Err(faulty(what, "it cannot be unpacked")),
            }
        })?;
        rows.finish(self);
        Ok(())
    }
}

fn read_all(
    receiver: &Receiver<Unpacked>,
    mut read: impl FnMut(&RecordBatch) -> Result<()>,
    what: &str,
) -> Result<()> {
    for batch in receiver {
        read(&batch.map_err(|text| faulty(what, &text))?)?;
    }
    Ok(())
}

/// Ends early where nobody receives any more.
fn unpack(reader: ParquetRecordBatchReader, sender: &SyncSender<Unpacked>) {
    for batch in reader {
        if sender.send(batch.map_err(|error| error.to_string())).is_err() {
            return;
        }
    }
}

/// A reader of the columns that are wanted; texts come as dictionaries, as they mostly are in the file.
fn open(
    file: File,
    wanted: impl Fn(&str) -> bool,
) -> std::result::Result<ParquetRecordBatchReader, ::parquet::errors::ParquetError> {
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    let fields: Vec<Arc<Field>> = metadata.schema().fields().iter().map(as_words).collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata.schema().metadata().clone()));
    let metadata = ArrowReaderMetadata::try_new(
        metadata.metadata().clone(),
        ArrowReaderOptions::new().with_schema(schema.clone()),
    )?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let columns =
        schema.fields().iter().enumerate().filter(|(_, field)| wanted(field.name())).map(|(at, _)| at);
    let mask = ProjectionMask::roots(builder.parquet_schema(), columns);
    builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()
}

fn as_words(field: &Arc<Field>) -> Arc<Field> {
    match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let words = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Arc::new(field.as_ref().clone().with_data_type(words))
        }
        _ => field.clone(),
    }
}

fn faulty(what: &str, problem: &str) -> Error {
    ErrorKind::Records(format!("{what}: {problem}")).into()
}
