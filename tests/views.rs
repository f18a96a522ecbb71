//! Columns where they stand: whatever holds the numbers, the same model comes of them, byte for byte.

use std::ops::ControlFlow;
use std::sync::Mutex;

use keepwell::ErrorKind;
use keepwell::frame::{Categories, Column, ColumnRef, Numbers, Table, TableView};
use keepwell::model::{
    BlendClassifier, Classifier, GradientTreesClassifier, LogisticClassifier, ModelFile, Progress,
};

const N: usize = 1500;

/// `N × 2` singles, row-major, some missing, and a text a row.
struct Held {
    matrix: Vec<[f32; 2]>,
    plans: Categories,
    y: Vec<bool>,
}

impl Held {
    fn new() -> Self {
        let cell = |row: usize, by: usize| match row % 19 {
            3 => f32::NAN,
            _ => (row * by % 211) as f32 / 7.0,
        };
        let plan = |row: usize| (!row.is_multiple_of(23)).then_some(["free", "team", "pro"][row * 7 % 3]);
        Held {
            matrix: (0..N).map(|row| [cell(row, 31), cell(row, 57)]).collect(),
            plans: Categories::from_texts((0..N).map(plan)),
            y: (0..N).map(|row| row * 31 % 211 < 60 || row % 9 == 0).collect(),
        }
    }

    fn names() -> Vec<String> {
        ["seats", "tickets", "plan"].map(String::from).to_vec()
    }

    fn single(&self, column: usize) -> Vec<f32> {
        self.matrix.iter().map(|row| row[column]).collect()
    }

    fn table(&self) -> Table {
        let number = |at: usize| Column::Number(self.single(at).into_iter().map(f64::from).collect());
        let columns = [number(0), number(1), Column::Category(self.plans.clone())];
        Table::new(N, Self::names().into_iter().zip(columns)).unwrap()
    }

    fn strided(&self) -> TableView<'_> {
        let number = |at: usize| {
            ColumnRef::Number(Numbers::read(N, move |start, out| {
                out.iter_mut().zip(&self.matrix[start..]).for_each(|(out, row)| *out = f64::from(row[at]));
            }))
        };
        self.view([number(0), number(1)])
    }

    fn view<'a>(&'a self, [seats, tickets]: [ColumnRef<'a>; 2]) -> TableView<'a> {
        let plan = ColumnRef::from(Column::Category(self.plans.clone()));
        TableView::new(N, Self::names(), vec![seats, tickets, plan]).unwrap()
    }
}

fn fitted(table: &TableView<'_>, y: &[bool], weights: Option<&[f64]>) -> [Vec<u8>; 3] {
    [
        GradientTreesClassifier::params().n_estimators(20).fit(table, y, weights).unwrap().to_bytes(),
        LogisticClassifier::params().fit(table, y, weights).unwrap().to_bytes(),
        BlendClassifier::params().n_folds(2).fit(table, y, weights).unwrap().to_bytes(),
    ]
}

#[test]
fn singles_and_strides_give_the_model_of_doubles() {
    let held = Held::new();
    let table = held.table();
    let columns = [held.single(0), held.single(1)];
    let singles = held.view(columns.each_ref().map(|column| ColumnRef::Number(Numbers::F32(column))));
    for weights in [None, Some((0..N).map(|row| (row % 3) as f64).collect::<Vec<_>>())] {
        let expected = fitted(&(&table).into(), &held.y, weights.as_deref());
        assert!(fitted(&singles, &held.y, weights.as_deref()) == expected, "singles");
        assert!(fitted(&held.strided(), &held.y, weights.as_deref()) == expected, "strided");
    }
}

#[test]
fn views_are_scored_and_explained_as_tables_are() {
    let held = Held::new();
    let table = held.table();
    let models: [Box<dyn Classifier>; 3] = [
        Box::new(GradientTreesClassifier::params().n_estimators(20).fit(&table, &held.y, None).unwrap()),
        Box::new(LogisticClassifier::params().c(1.0).fit(&table, &held.y, None).unwrap()),
        Box::new(BlendClassifier::params().n_folds(2).fit(&table, &held.y, None).unwrap()),
    ];
    for model in models {
        let view = held.strided();
        assert_eq!(model.predict_proba_of(&view).unwrap(), model.predict_proba(&table).unwrap());
        assert_eq!(model.contributions_of(&view).unwrap(), model.contributions(&table).unwrap());
    }
}

#[test]
fn an_infinite_number_is_named_wherever_it_stands() {
    let mut held = Held::new();
    (held.matrix[1200][1], held.matrix[1400][0]) = (f32::INFINITY, f32::NEG_INFINITY);
    let error = GradientTreesClassifier::params().fit(held.strided(), &held.y, None).unwrap_err();
    let expected =
        "column `seats`, row 1401: found `-inf`, expected a finite number, or none (NaN) where it is missing";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn every_training_tells_how_far_it_is_and_can_be_cancelled() {
    let held = Held::new();
    let (table, y) = (held.table(), &held.y);
    let fit = |kind: &str, on_progress: &(dyn Fn(Progress) -> ControlFlow<()> + Sync)| match kind {
        "trees" => {
            GradientTreesClassifier::params().fit_with_progress(&table, y, None, on_progress).map(drop)
        }
        "logistic" => LogisticClassifier::params().fit_with_progress(&table, y, None, on_progress).map(drop),
        _ => BlendClassifier::params().fit_with_progress(&table, y, None, on_progress).map(drop),
    };
    for kind in ["trees", "logistic", "blend"] {
        let told = Mutex::new(Vec::new());
        let note = |now: Progress| {
            told.lock().unwrap().push(now.done);
            ControlFlow::Continue(())
        };
        fit(kind, &note).unwrap();
        let told = told.into_inner().unwrap();
        assert!(told.len() > 10 && told.is_sorted() && told.last() == Some(&1.0), "{kind}: {told:?}");
        let cancelled = fit(kind, &|_| ControlFlow::Break(())).unwrap_err();
        assert!(matches!(cancelled.kind(), ErrorKind::Cancelled), "{kind}");
    }
}
